internal import Support

/// The small formats that values of the configuration have.
enum ScalarFormats {
    static let durationHelp = "a number and a unit, such as 90s, 10m, 2h, 7d, 1h 30m (ms, s, m, h, d, w)"
    static let sizeHelp = "a number and a unit, such as 512 KiB, 10 MiB, 2 GiB (B, kB, MB, GB, KiB, MiB, GiB, TiB)"
    static let slugHelp = "lower-case letters, digits, '-', '_' and '.', at most 64, a letter or digit at both ends"

    /// `1h 30m`; every part has its unit, 0 may stand alone.
    static func duration(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        let units: [String: Int64] = [
            "ms": 1, "s": 1000, "sec": 1000, "second": 1000, "seconds": 1000, "m": 60_000, "min": 60_000,
            "minute": 60_000, "minutes": 60_000, "h": 3_600_000, "hr": 3_600_000, "hour": 3_600_000,
            "hours": 3_600_000, "d": 86_400_000, "day": 86_400_000, "days": 86_400_000, "w": 604_800_000,
            "week": 604_800_000, "weeks": 604_800_000,
        ]
        var milliseconds: Int64 = 0
        var rest = Substring(text)
        while true {
            rest = rest.drop { $0 == " " }
            if rest.isEmpty { break }
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            let unit = rest.dropFirst(digits.count).drop { $0 == " " }.prefix { $0.isASCII && $0.isLetter }
            guard let number = Int64(digits), number < 1_000_000_000, let scale = units[String(unit)] else {
                return nil
            }
            milliseconds += number * scale
            // A century is a mistake; it also keeps every sum of durations representable.
            guard milliseconds <= 3_155_760_000_000 else { return nil }
            rest = rest[unit.endIndex...]
        }
        guard !text.isEmpty else { return nil }
        return .milliseconds(milliseconds)
    }

    /// Bytes: `10 MiB`, `1.5 GB`; a bare number counts bytes.
    static func size(_ text: String) -> Int64? {
        let units: [String: Double] = [
            "": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1024, "MiB": 1_048_576,
            "GiB": 1_073_741_824, "TiB": 1_099_511_627_776,
        ]
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let first = digits.first, first != ".", let number = Double(digits), let scale = units[String(unit)],
            number * scale < 1e15
        else { return nil }
        return Int64(number * scale)
    }

    /// Bytes per second: `2 MiB/s`.
    static func rate(_ text: String) -> Int64? {
        guard text.hasSuffix("/s") else { return nil }
        return size(String(text.dropLast(2))).flatMap { $0 > 0 ? $0 : nil }
    }

    /// The run record's `slug`.
    static func slug(_ text: String) -> String? {
        let edge: (UInt8) -> Bool = { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        let bytes = Array(text.utf8)
        guard (1...64).contains(bytes.count), let first = bytes.first, let last = bytes.last, edge(first), edge(last),
            bytes.allSatisfy({ edge($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F })
        else { return nil }
        return text
    }

    /// `[a-z][a-z0-9-]{0,31}`
    static func instanceID(_ text: String) -> String? {
        guard slugHead(text), text.utf8.count <= 32,
            text.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D })
        else { return nil }
        return text
    }

    private static func slugHead(_ text: String) -> Bool { text.utf8.first.map { (0x61...0x7A).contains($0) } ?? false }

    /// The name of an environment variable or a dotenv key.
    static func variable(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        let letter: (UInt8) -> Bool = { (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || $0 == 0x5F }
        guard let first = bytes.first, letter(first), bytes.count <= 128,
            bytes.allSatisfy({ letter($0) || (0x30...0x39).contains($0) }), !CredentialScrubber.mayHoldSecret(text)
        else { return nil }
        return text
    }

    /// A Telegram chat: a number, negative for groups, or `@channel` (Bot API, `chat_id`).
    static func chat(_ text: String) -> String? {
        if let number = Int64(text), number != 0, String(number) == text { return text }
        let name = text.dropFirst()
        guard text.first == "@", (5...32).contains(name.count),
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
        else { return nil }
        return text
    }

    /// restic's duration for `within`: `1y5m7d2h`.
    static func within(_ text: String) -> String? {
        var rest = Substring(text)
        var order = Substring("ymdh")
        var parts = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard let number = Int(digits), number > 0, number < 100_000, let unit = rest.first,
                let place = order.firstIndex(of: unit)
            else { return nil }
            order = order[order.index(after: place)...]
            rest = rest.dropFirst()
            parts += 1
        }
        return parts > 0 ? text : nil
    }
}
