internal import Glibc
internal import SystemPackage

/// Who a process is, beyond a number that the kernel hands out again: pid, start time and boot id together.
public struct ProcessIdentity: Sendable, Hashable, Codable {
    public var pid: Int32
    /// Field 22 of /proc/PID/stat: clock ticks since boot.
    public var startTime: UInt64
    /// /proc/sys/kernel/random/boot_id without its hyphens: 32 hex digits.
    public var bootID: String

    public init(pid: Int32, startTime: UInt64, bootID: String) {
        self.pid = pid
        self.startTime = startTime
        self.bootID = bootID
    }

    /// This process.
    public static let current = ProcessIdentity(
        pid: getpid(), startTime: startTime(of: getpid()) ?? 0, bootID: currentBootID)

    public static let currentBootID: String = {
        let text = (try? FileSystem.read("/proc/sys/kernel/random/boot_id", limit: 100)) ?? []
        return String(decoding: text.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }()

    /// Whether that very process still runs.
    public var isAlive: Bool {
        bootID == Self.currentBootID && Self.startTime(of: pid) == startTime
    }

    /// The start time of a process in clock ticks since boot; nil if there is none, or it is a zombie.
    public static func startTime(of pid: Int32) -> UInt64? {
        guard let bytes = try? FileSystem.read(FilePath("/proc/\(pid)/stat"), limit: 4096),
            // The command's name stands in parentheses and may hold anything: fields count from the last one.
            let close = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, fields[0] != [UInt8(ascii: "Z")] else { return nil }
        return UInt64(String(decoding: fields[19], as: UTF8.self))
    }
}
