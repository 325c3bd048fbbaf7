internal import Support

/// What a server says, made fit for a message: printable, bounded, without credentials and without links.
enum ServerText {
    static func clean(_ bytes: [UInt8], token: Secret?, limit: Int) -> String {
        var bytes = bytes
        for needle in needles(of: token) { bytes = removing(needle, from: bytes) }
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
