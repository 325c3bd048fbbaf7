/// What a file's name says about its syntax, as far as redaction has to keep it.
enum FileSyntax {
    case json, jsonLines, yaml, toml, other

    init(_ path: [UInt8]) {
        let name = String(decoding: path.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self).lowercased()
        switch name.split(separator: ".").last {
        case "json": self = .json
        case "jsonl", "ndjson": self = .jsonLines
        case "yaml", "yml": self = .yaml
        case "toml": self = .toml
        default: self = .other
        }
    }

    /// Whether a range is a whole number or word where only a string can hold the marker.
    func isBareScalar(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        guard self == .json || self == .jsonLines || self == .toml else { return false }
        guard !text[range].contains(where: { $0 == UInt8(ascii: "\"") || $0 <= 0x20 }) else { return false }
        var before = range.lowerBound - 1
        while before >= 0, text[before] == 0x20 || text[before] == 9 { before -= 1 }
        var after = range.upperBound
        while after < text.count, text[after] == 0x20 || text[after] == 9 || text[after] == 0x0D { after += 1 }
        let opens = before < 0 || ":,[=\n".utf8.contains(text[before])
        let closes = after >= text.count || ",]}\n#".utf8.contains(text[after])
        guard opens, closes else { return false }
        // Inside a string the same characters may stand around it: count the quotes on the line.
        var quotes = 0
        var index = range.lowerBound - 1
        while index >= 0, text[index] != 0x0A {
            if text[index] == UInt8(ascii: "\"") {
                var backslashes = 0
                while index - backslashes - 1 >= 0, text[index - backslashes - 1] == UInt8(ascii: "\\") {
                    backslashes += 1
                }
                if backslashes % 2 == 0 { quotes += 1 }
            }
            index -= 1
        }
        return quotes % 2 == 0
    }
}
