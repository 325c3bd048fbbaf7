internal import Glibc
internal import HermesHome
internal import Support
internal import SystemPackage

/// The machine: disk, memory, load, uptime, from statvfs(3) and /proc.
struct HostProbe: Sendable {
    struct Reading: Sendable {
        /// Fraction of the blocks that are not free for this user, as df(1) counts.
        var diskUsed: Double
        var diskFree: Int64
        var memoryUsed: Double?
        /// Bytes that programs could still have (MemAvailable).
        var memoryFree: Int64?
        var load1: Double?
        var uptime: Int64?
        var booted: Timestamp?
    }

    var processes: FilePath = "/proc"

    func read(diskOf path: FilePath) throws -> Reading {
        var status = statvfs()
        var place = path
        // A home that is not there yet has a disk all the same.
        while place.withPlatformString({ statvfs($0, &status) }) != 0 {
            let code = Errno(rawValue: errno)
            guard code == .noSuchFileOrDirectory, place.removeLastComponent() else { throw HomeFailure(code, at: path) }
        }
        let used = Self.used(blocks: status.f_blocks, free: status.f_bfree)
        let available = Double(status.f_bavail)
        var reading = Reading(
            diskUsed: used + available > 0 ? min(1, max(0, used / (used + available))) : 0,
            diskFree: Int64(clamping: Int128(status.f_bavail) * Int128(status.f_frsize)))
        let memory = fields("meminfo", separator: ":")
        if let total = memory["MemTotal"], let available = memory["MemAvailable"], total > 0 {
            reading.memoryFree = Int64(exactly: (available * 1024).rounded(.down))
            reading.memoryUsed = min(1, max(0, 1 - available / total))
        }
        reading.load1 = numbers("loadavg").first.map { max(0, $0) }
        reading.uptime = numbers("uptime").first.flatMap { Int64(exactly: $0.rounded(.down)) }
        reading.booted = fields("stat", separator: " ")["btime"].flatMap { Int64(exactly: $0) }.map(
            Timestamp.init(seconds:))
        return reading
    }

    /// A file system may call more blocks free than it has (FUSE, overlays).
    static func used(blocks: UInt, free: UInt) -> Double { max(0, Double(blocks) - Double(free)) }

    private func text(_ name: String) -> String {
        String(decoding: (try? FileSystem.read(processes.appending(name), limit: 1 << 20)) ?? [], as: UTF8.self)
    }

    private func numbers(_ name: String) -> [Double] {
        text(name).split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    }

    /// The first number after each line's first word.
    private func fields(_ name: String, separator: Character) -> [String: Double] {
        var fields: [String: Double] = [:]
        for line in text(name).split(separator: "\n") {
            let parts = line.split(separator: separator, maxSplits: 1)
            guard parts.count == 2,
                let value = parts[1].split(whereSeparator: \.isWhitespace).first.flatMap({ Double($0) })
            else {
                continue
            }
            fields[String(parts[0])] = value
        }
        return fields
    }
}
