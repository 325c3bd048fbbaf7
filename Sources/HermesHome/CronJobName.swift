internal import Support
internal import SystemPackage

/// Whether a cron job's name may leave the home. Hermes names a job that was given none by the first 50 characters of its prompt
/// (cron/jobs.py), which are a person's own words, and what is in them nobody knows.
enum CronJobName {
    /// Longer names are taken for a prompt that was changed since: Hermes cuts at 50 characters.
    static let limit = 40

    static func isPlain(_ name: String, prompt: String, secrets: [[UInt8]]) -> Bool {
        let words = name.split(whereSeparator: \.isWhitespace)
        guard !words.isEmpty, name.unicodeScalars.count <= limit else { return false }
        let plain = words.joined(separator: " ").lowercased()
        let start = prompt.prefix(4 * limit).split(whereSeparator: \.isWhitespace).joined(separator: " ").lowercased()
        guard !start.hasPrefix(plain) else { return false }
        // Addresses, numbers of people, and what looks like a credential.
        let digits = name.unicodeScalars.count { ("0"..."9").contains($0) }
        guard !name.contains("@"), digits < 7, !CredentialScrubber.mayHoldSecret(name) else { return false }
        let bytes = Array(name.utf8)
        return !secrets.contains { contains(bytes, $0) }
    }

    /// The id as it may be shown: Hermes makes 12 hexadecimal digits, and what somebody else wrote there may be anything.
    static func identifier(_ id: String) -> String {
        let isPlain = id.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (97...122).contains(byte | 32) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
        return isPlain && !id.isEmpty && id.utf8.count <= 64 && !CredentialScrubber.mayHoldSecret(id) ? id : "unnamed"
    }

    /// The values in the home's `.env`, as far as they are long enough to be meant. A file that cannot be read knows none.
    static func secrets(of home: HomeLayout) -> [[UInt8]] {
        guard let text = (try? HomeFile.read(home.environment, limit: 1 << 20)) ?? nil else { return [] }
        return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard line.first != UInt8(ascii: "#"), let sign = line.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let edges = Array(" \t\r\"'".utf8)
            var value = line[(sign + 1)...]
            while let first = value.first, edges.contains(first) { value.removeFirst() }
            while let last = value.last, edges.contains(last) { value.removeLast() }
            return value.count >= 6 ? Array(value) : nil
        }
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard part.count <= text.count else { return false }
        return (0...(text.count - part.count)).contains { text[$0...].starts(with: part) }
    }
}
