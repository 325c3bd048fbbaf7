/// A dotenv file as python-dotenv and shells read it: `KEY=value`, `export KEY=value`, values bare, in single or in double quotes (which
/// may hold newlines), comments.
enum Dotenv {
    enum Line {
        case blank
        /// The text with its `#`.
        case comment(ArraySlice<UInt8>)
        /// `# KEY=value`: an assignment that is commented out.
        case commentedAssignment(prefix: ArraySlice<UInt8>, key: ArraySlice<UInt8>, value: [UInt8])
        case assignment(prefix: ArraySlice<UInt8>, key: ArraySlice<UInt8>, value: [UInt8])
        /// Anything else; what it holds is not known.
        case other(ArraySlice<UInt8>)
    }

    static func lines(_ bytes: [UInt8]) -> [Line] {
        var out: [Line] = []
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while index < bytes.count {
            var end = bytes[index...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
            let line = bytes[index..<end]
            let text = trimmed(line)
            if text.isEmpty {
                out.append(.blank)
            } else if text.first == UInt8(ascii: "#") {
                let inner = trimmed(text.drop { $0 == UInt8(ascii: "#") || $0 == 0x20 || $0 == 0x09 })
                if let (prefix, key, start) = head(inner), start <= inner.endIndex {
                    let lead = text[text.startIndex..<inner.startIndex] + prefix
                    out.append(.commentedAssignment(prefix: lead, key: key, value: bare(inner[start...])))
                } else {
                    out.append(.comment(text))
                }
            } else if let (prefix, key, start) = head(text) {
                let (value, after) = value(bytes, from: start, lineEnd: end)
                end = after
                out.append(.assignment(prefix: prefix, key: key, value: value))
            } else {
                out.append(.other(text))
            }
            index = end
            if index < bytes.count, bytes[index] == 0x0D { index += 1 }
            if index < bytes.count, bytes[index] == 0x0A { index += 1 }
        }
        return out
    }

    /// `export KEY =`: what precedes the key, the key, and where the value begins.
    private static func head(_ line: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, ArraySlice<UInt8>, Int)? {
        var rest = line
        var prefix = line[line.startIndex..<line.startIndex]
        for word in ["export ", "export\t", "set ", "SET "] where rest.starts(with: word.utf8) {
            rest = rest.dropFirst(word.utf8.count).drop { $0 == 0x20 || $0 == 0x09 }
            prefix = line[line.startIndex..<rest.startIndex]
            break
        }
        let key = rest.prefix {
            EncodedForms.isWord($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
        guard let first = key.first, !(48...57).contains(first) else { return nil }
        let after = rest[key.endIndex...].drop { $0 == 0x20 || $0 == 0x09 }
        guard after.first == UInt8(ascii: "="), !isPadded(key, after) else { return nil }
        return (prefix, key, after.startIndex + 1)
    }

    /// Whether a line is the last one of a key in base64, whose padding would make a name of it.
    private static func isPadded(_ key: ArraySlice<UInt8>, _ rest: ArraySlice<UInt8>) -> Bool {
        key.count >= 16 && rest.allSatisfy { $0 == UInt8(ascii: "=") } && rest.count <= 2
            && key.contains { (48...57).contains($0) } && key.contains { (65...90).contains($0) }
            && key.contains { (97...122).contains($0) }
    }

    /// What a backslash makes of the byte after it, as in python-dotenv; in single quotes of quotes and backslashes only.
    private static let escapes: [UInt8: UInt8] = [
        0x5C: 0x5C, 0x27: 0x27, 0x22: 0x22, 0x61: 7, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9, 0x76: 11,
    ]

    private static func value(_ bytes: [UInt8], from start: Int, lineEnd: Int) -> ([UInt8], Int) {
        var index = start
        while index < lineEnd, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        guard index < lineEnd, bytes[index] == UInt8(ascii: "\"") || bytes[index] == UInt8(ascii: "'") else {
            let (end, next) = statementEnd(bytes, from: index, lineEnd: lineEnd)
            return (bare(bytes[index..<end]), next)
        }
        let quote = bytes[index]
        var value: [UInt8] = []
        index += 1
        while index < bytes.count, bytes[index] != quote {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count {
                let next = bytes[index + 1]
                if let byte = escapes[next], quote == UInt8(ascii: "\"") || next == quote || next == UInt8(ascii: "\\")
                {
                    value.append(byte)
                } else {
                    // A backslash before anything else stands for itself.
                    value += [UInt8(ascii: "\\"), next]
                }
                index += 2
            } else {
                value.append(bytes[index])
                index += 1
            }
        }
        guard index < bytes.count else {
            // The quote never closes: the value is the rest of the line.
            return (Array(trimmed(bytes[start..<lineEnd]).dropFirst()), lineEnd)
        }
        let end = bytes[index...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
        return (value, statementEnd(bytes, from: index + 1, lineEnd: end).next)
    }

    /// Where a shell's statement ends, and where the assignment that follows it on its line begins: `A=x; export B=y`.
    private static func statementEnd(_ bytes: [UInt8], from start: Int, lineEnd: Int) -> (end: Int, next: Int) {
        for index in start..<max(start, lineEnd) {
            let isAnd = bytes[index] == UInt8(ascii: "&") && index + 1 < lineEnd && bytes[index + 1] == bytes[index]
            guard bytes[index] == UInt8(ascii: ";") || isAnd else { continue }
            let rest = trimmed(bytes[(index + (isAnd ? 2 : 1))..<lineEnd])
            // In capitals: the fields of a connection string are not.
            if let (_, key, _) = head(rest), key.allSatisfy({ !(97...122).contains($0) }) {
                return (index, rest.startIndex)
            }
        }
        return (lineEnd, lineEnd)
    }

    private static func bare(_ value: ArraySlice<UInt8>) -> [UInt8] {
        let text = trimmed(value)
        if let quote = text.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
            let close = text.dropFirst().lastIndex(of: quote)
        {
            return Array(text[(text.startIndex + 1)..<close])
        }
        // A comment begins with a blank and a hash sign.
        for index in text.indices.dropFirst() where text[index] == UInt8(ascii: "#") && text[index - 1] <= 0x20 {
            return Array(trimmed(text[..<index]))
        }
        return Array(text)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }
}
