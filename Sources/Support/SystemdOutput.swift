internal import FoundationEssentials

/// What systemd's commands print, in the form that `plainEnvironment` makes them print it.
public enum SystemdOutput {
    /// No colours, no pager, no translation.
    public static let plainEnvironment = ["LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""]

    /// The blocks of KEY=VALUE lines of `systemctl show`, in the order of the units that it was asked about.
    public static func blocks(_ output: [UInt8]) -> [[String: String]] {
        var blocks: [[String: String]] = []
        var block: [String: String] = [:]
        for line in output.split(separator: 10, omittingEmptySubsequences: false) {
            if line.isEmpty {
                if !block.isEmpty { blocks.append(block) }
                block = [:]
            } else if let equals = line.firstIndex(of: UInt8(ascii: "=")) {
                block[String(decoding: line[..<equals], as: UTF8.self)] = String(
                    decoding: line[(equals + 1)...], as: UTF8.self)
            }
        }
        if !block.isEmpty { blocks.append(block) }
        return blocks
    }

    /// `@1795417200`, or `Tue 2026-11-24 03:15:00 UTC` where `--timestamp=unix` does not hold for the property (systemd 252 forgets
    /// the next elapse), perhaps with a fraction; nil for nothing, for zero and for another zone.
    public static func time(_ text: some StringProtocol) -> Timestamp? {
        if text.first == "@" {
            guard let seconds = Int64(text.dropFirst()), seconds > 0, seconds < 253_402_300_800 else { return nil }
            return Timestamp(seconds: seconds)
        }
        let words = text.split(separator: " ")
        guard words.count == 4, words[3] == "UTC" else { return nil }
        return Timestamp("\(words[1])T\(words[2])Z")
    }
}

/// This process's environment variables.
public func processEnvironment() -> [String: String] { ProcessInfo.processInfo.environment }
