/// Reads one value out of a dotenv file, as python-dotenv reads it: `export` before the name, comments, single quotes (with \' and
/// \\), double quotes (with the usual escapes), values over several lines within quotes. Nothing is expanded: a secret with a `$` in
/// it stays what it is.
enum DotenvFile {
    /// The value's bytes; nil when the key is not there. The last assignment wins, as it does for python-dotenv.
    static func value(of key: String, in bytes: [UInt8]) -> [UInt8]? {
        var found: [UInt8]?
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while index < bytes.count {
            let (name, value, next) = assignment(bytes, at: index)
            if let name, let value, name.elementsEqual(key.utf8) { found = value }
            index = max(next, index + 1)
        }
        return found
    }

    private static func assignment(_ bytes: [UInt8], at start: Int) -> (
        name: ArraySlice<UInt8>?, value: [UInt8]?, next: Int
    ) {
        var index = start
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        func isEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }
        func endOfLine() -> Int {
            var end = index
            while end < bytes.count, bytes[end] != 0x0A { end += 1 }
            return end + 1
        }
        func skipBlanks() { while index < bytes.count, isBlank(bytes[index]) { index += 1 } }
        skipBlanks()
        let export = Array("export".utf8)
        if bytes[index...].starts(with: export), index + 6 < bytes.count, isBlank(bytes[index + 6]) {
            index += 6
            skipBlanks()
        }
        let nameStart = index
        while index < bytes.count, !isEnd(bytes[index]), !isBlank(bytes[index]), bytes[index] != 0x3D,
            bytes[index] != 0x23
        {
            index += 1
        }
        let name = bytes[nameStart..<index]
        skipBlanks()
        guard !name.isEmpty, index < bytes.count, bytes[index] == 0x3D else { return (nil, nil, endOfLine()) }
        index += 1
        skipBlanks()
        guard index < bytes.count else { return (name, [], bytes.count) }
        if bytes[index] == 0x22 || bytes[index] == 0x27, let (value, end) = quoted(bytes, at: index) {
            index = end
            return (name, value, endOfLine())
        }
        let valueStart = index
        while index < bytes.count, !isEnd(bytes[index]) {
            // A comment begins after a blank: `KEY=a#b` is a value with a hash.
            if bytes[index] == 0x23, index == valueStart || isBlank(bytes[index - 1]) { break }
            index += 1
        }
        var value = bytes[valueStart..<index]
        while let last = value.last, isBlank(last) { value.removeLast() }
        return (name, Array(value), endOfLine())
    }

    private static func quoted(_ bytes: [UInt8], at start: Int) -> (value: [UInt8], next: Int)? {
        let quote = bytes[start]
        let escapes: [UInt8: UInt8] = [
            0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x61: 0x07, 0x62: 0x08, 0x66: 0x0C, 0x76: 0x0B,
        ]
        var value: [UInt8] = []
        var index = start + 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == quote { return (value, index + 1) }
            if byte == 0x5C, index + 1 < bytes.count {
                let next = bytes[index + 1]
                if next == 0x5C || next == quote {
                    value.append(next)
                } else if quote == 0x22, next == 0x27 {
                    value.append(next)
                } else if quote == 0x22, let plain = escapes[next] {
                    value.append(plain)
                } else {
                    value += [byte, next]
                }
                index += 2
            } else {
                value.append(byte)
                index += 1
            }
        }
        // Without its other end the quote belongs to the value.
        return nil
    }
}
