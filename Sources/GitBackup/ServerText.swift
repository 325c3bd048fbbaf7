internal import Support

/// What a server says, made fit for a message: printable, bounded, without credentials and without links.
enum ServerText {
    static func clean(_ bytes: [UInt8], token: Secret?, limit: Int) -> String {
        var bytes = bytes
        for needle in needles(of: token) { bytes = removing(needle, from: bytes) }
        if repeats(token, bytes) { return "«redacted»" }
        // A server's links (GitHub's push protection offers one to let the secret pass) are not for anybody to follow from here.
        var words: [[UInt8]] = []
        for word in bytes.split(whereSeparator: { $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 }) {
            let isLink = contains(Array("://".utf8), in: Array(word))
            words.append(isLink ? Array("[link]".utf8) : Array(word))
        }
        return printable(Array(words.joined(separator: [32])), limit: limit)
    }

    /// The token as it is, and as it stands in a Basic header.
    private static func needles(of token: Secret?) -> [[UInt8]] {
        guard let token, token.count >= 4 else { return [] }
        let raw = token.withUnsafeBytes { Array($0) }
        let basic = base64(Array("x-access-token:".utf8) + raw)
        return [raw, Array(basic.prefix { $0 != UInt8(ascii: "=") })]
    }

    /// Whether the text says the token in another spelling: percent signs, references and escapes, base64 and hexadecimal digits, backwards.
    private static func repeats(_ token: Secret?, _ text: [UInt8]) -> Bool {
        guard let token, token.count >= 4 else { return false }
        let raw = token.withUnsafeBytes { Array($0) }
        let wanted = [raw, raw.reversed()]
        func says(_ bytes: [UInt8]) -> Bool { wanted.contains { contains($0, in: bytes) } }
        return EncodedText.readings(of: text).contains { reading in
            says(reading)
                || runs(in: reading, digit: sextet).contains { run in
                    // A value may begin at any of the four places of a group.
                    (0..<4).contains { says(decoded(run.dropFirst($0), bits: 6)) }
                }
                || runs(in: reading, digit: nibble).contains { run in
                    (0..<2).contains { says(decoded(run.dropFirst($0), bits: 4)) }
                }
        }
    }

    /// A digit of base64, of either alphabet.
    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 65...90: byte - 65
        case 97...122: byte - 71
        case 48...57: byte + 4
        case 43, 45: 62
        case 47, 95: 63
        default: nil
        }
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    /// The values of digits that stand together.
    private static func runs(in text: [UInt8], digit: (UInt8) -> UInt8?) -> [[UInt8]] {
        var out: [[UInt8]] = []
        var run: [UInt8] = []
        for byte in text {
            if let value = digit(byte) {
                run.append(value)
            } else if !run.isEmpty {
                if run.count >= 5 { out.append(run) }
                run = []
            }
        }
        return run.count >= 5 ? out + [run] : out
    }

    private static func decoded(_ digits: ArraySlice<UInt8>, bits: Int) -> [UInt8] {
        var out: [UInt8] = []
        var (word, count) = (UInt32(0), 0)
        for digit in digits {
            word = word << UInt32(bits) | UInt32(digit)
            count += bits
            if count >= 8 {
                count -= 8
                out.append(UInt8(truncatingIfNeeded: word >> UInt32(count)))
            }
        }
        return out
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word: UInt32 = 0
            for index in 0..<3 { word = word << 8 | UInt32(index < group.count ? group[start + index] : 0) }
            for index in 0..<4 {
                out.append(
                    index <= group.count ? alphabet[Int(word >> UInt32(18 - 6 * index)) & 63] : UInt8(ascii: "="))
            }
        }
        return out
    }

    static func contains(_ needle: [UInt8], in bytes: [UInt8]) -> Bool { position(of: needle, in: bytes[...]) != nil }

    private static func removing(_ needle: [UInt8], from bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var rest = bytes[...]
        while let start = position(of: needle, in: rest) {
            out += rest[..<start] + Array("«secret»".utf8)
            rest = rest[(start + needle.count)...]
        }
        return out + rest
    }

    private static func position(of needle: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard !needle.isEmpty, bytes.count >= needle.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - needle.count)).first { bytes[$0...].starts(with: needle) }
    }
}
