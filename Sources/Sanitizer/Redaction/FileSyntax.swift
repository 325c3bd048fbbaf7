/// What a file's name says about its syntax, as far as redaction has to keep it.
enum FileSyntax {
    case json, jsonLines, yaml, toml, python, code, other

    init(_ path: [UInt8]) {
        let name = String(decoding: path.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self).lowercased()
        switch name.split(separator: ".").last {
        case "json": self = .json
        case "jsonl", "ndjson": self = .jsonLines
        case "yaml", "yml": self = .yaml
        case "toml": self = .toml
        case "py", "pyi", "pyx", "pyw": self = .python
        default: self = Syntax(name: path) == .code ? .code : .other
        }
    }

    /// Whether a range is a whole number or word where only a string can hold the marker.
    func isBareScalar(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        switch self {
        case .json, .jsonLines, .toml: break
        case .python, .code:
            // A name cannot be a secret there: what stands bare is a number.
            guard (48...57).contains(text[range.lowerBound]) else { return false }
        case .yaml, .other: return false
        }
        guard !text[range].contains(where: { $0 == UInt8(ascii: "\"") || $0 <= 0x20 }) else { return false }
        var before = range.lowerBound - 1
        while before >= 0, text[before] == 0x20 || text[before] == 9 { before -= 1 }
        var after = range.upperBound
        while after < text.count, text[after] == 0x20 || text[after] == 9 || text[after] == 0x0D { after += 1 }
        let isCode = self == .python || self == .code
        let opens = before < 0 || ":,[=\n".utf8.contains(text[before]) || isCode && "({".utf8.contains(text[before])
        let closes =
            after >= text.count || ",]}\n#".utf8.contains(text[after]) || isCode && ");/".utf8.contains(text[after])
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

/// Finds literals that hold bytes and so ASCII alone: `b"…"` of Python and Rust. Asked for places from front to back.
struct ByteLiterals {
    private let text: UnsafeRawBufferPointer
    private let syntax: FileSyntax
    private var index = 0
    /// The literal that is open at `index`.
    private var open: (quote: UInt8, isTriple: Bool, holdsBytes: Bool)?

    init(_ text: UnsafeRawBufferPointer, _ syntax: FileSyntax) {
        self.text = text
        self.syntax = syntax
    }

    /// Whether the byte at `place` stands in such a literal, in a file of code or in a text that quotes some.
    mutating func contain(_ place: Int) -> Bool {
        // Only Python's go on over lines; there the text is read from its start.
        if syntax != .python {
            index = max(0, place - 4096)
            if let newline = text[index..<place].lastIndex(of: 0x0A) { index = newline + 1 }
            open = nil
        }
        while index < place { step() }
        return open?.holdsBytes ?? false || isQuoted(before: place)
    }

    private mutating func step() {
        let byte = text[index]
        defer { index += 1 }
        guard let literal = open else {
            if byte == UInt8(ascii: "#"), syntax == .python {
                while index + 1 < text.count, text[index + 1] != 0x0A { index += 1 }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                // An apostrophe within a word opens nothing; nor does a lifetime's in Rust, which no second one follows.
                let holdsBytes = isBytesPrefix(before: index)
                if byte == UInt8(ascii: "'"), syntax != .python, !holdsBytes { return }
                let isTriple = isTriple(byte)
                open = (byte, isTriple, holdsBytes)
                if isTriple { index += 2 }
            }
            return
        }
        if byte == UInt8(ascii: "\\") {
            index += 1
        } else if byte == literal.quote, !literal.isTriple || isTriple(byte) {
            if literal.isTriple { index += 2 }
            open = nil
        } else if byte == 0x0A, !literal.isTriple {
            open = nil
        }
    }

    private func isTriple(_ quote: UInt8) -> Bool {
        index + 2 < text.count && text[index + 1] == quote && text[index + 2] == quote
    }

    /// `b`, `rb` or `br`, in capitals too, before a quote; `br#` of Rust.
    private func isBytesPrefix(before quote: Int) -> Bool {
        var start = quote
        while start > 0, text[start - 1] == UInt8(ascii: "#") { start -= 1 }
        let end = start
        while start > 0, end - start < 3, EncodedForms.isWord(text[start - 1]) || text[start - 1] == UInt8(ascii: "_") {
            start -= 1
        }
        return ["b", "br", "rb"].contains(String(decoding: text[start..<end], as: UTF8.self).lowercased())
    }

    /// Whether the nearest quote before a place opens such a literal, behind however many backslashes: code in a string of JSON.
    private func isQuoted(before place: Int) -> Bool {
        var start = place
        while start > 0, place - start < 256, text[start - 1] != 0x0A {
            start -= 1
            guard text[start] == UInt8(ascii: "\"") || text[start] == UInt8(ascii: "'") else { continue }
            while start > 0, text[start - 1] == UInt8(ascii: "\\") { start -= 1 }
            return isBytesPrefix(before: start)
        }
        return false
    }
}
