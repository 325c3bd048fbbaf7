/// Private keys in base64 without armour lines: what `openssl -outform DER | base64` writes, or the body of a PEM file alone. They are told
/// by the first bytes of what they decode to.
extension DetectionPass {
    /// What stands in the first sixteen characters of such a block: version and algorithm of PKCS#8 (RFC 5958), of PKCS#1 (RFC 8017) and
    /// of elliptic curves' keys (RFC 5915), OpenSSH's magic word.
    static let keyBytes = [
        "IBADANBg", "IBADALBg", "IBADCC", "AgEAMB", "AgEAMI", "AQAwBQYDK2V", "AQEwBQYDK2V", "IBAAKC", "IBAAKB",
        "AgEAAk",
        "MHcCAQEEI", "MHQCAQEEI", "AgEBBDA", "AgEBBDB", "AgEBBDC", "AgEBBDD", "AgEBBEI", "AgEBBEJ", "AgEBBEK",
        "AgEBBEL", "b3BlbnNzaC1rZXktdjEA",
    ]
    private static let keyBlockLimit = 64 << 10

    /// One of ``keyBytes`` stands at `place`.
    func keyBytesHit(_ place: Int) {
        var start = place
        while start > 0, place - start < 16, text[start - 1].isBase64 { start -= 1 }
        if text[start - 1] == 92, text[start].isOne(of: "nrt") { start += 1 }
        var headEnd = start
        while headEnd - start < 32, text[headEnd].isBase64 { headEnd += 1 }
        guard start >= blockEnd, place - start <= 8, let head = decodeBase64(text, start..<headEnd) else { return }
        let length: Int
        if head.starts(with: "openssh-key-v1\0".utf8) {
            length = Self.keyBlockLimit
        } else if let bytes = Self.privateKeyLength(head) {
            length = min((bytes + 2) / 3 * 4, Self.keyBlockLimit)
        } else {
            return
        }
        // Lines until the key is whole; one that is shorter than the first is the last.
        var pieces: [Range<Int>] = []
        var material = 0
        var line = start
        while material < length {
            var end = line
            while text[end].isBase64, end - line < length - material { end += 1 }
            var padded = end
            while text[padded] == 61, padded - end < 2 { padded += 1 }
            guard end > line else { break }
            pieces.append(line..<padded)
            material += padded - line
            if padded > end || padded - line < pieces[0].count { break }
            line = text.skipSpace(padded)
            while text[line].isQuote || text[line] == 44 || text[line] == 92 { line = text.skipSpace(line + 1) }
            guard line > padded else { break }
        }
        guard material >= 48 else { return }
        blockEnd = pieces[pieces.count - 1].upperBound
        for piece in pieces { add("private-key", piece) }
    }

    /// The length in bytes of the private key that begins with `head`, in DER; nil for what is none.
    static func privateKeyLength(_ head: [UInt8]) -> Int? {
        func length(at index: Int) -> (content: Int, next: Int)? {
            guard index < head.count else { return nil }
            let first = Int(head[index])
            if first < 0x80 { return (first, index + 1) }
            guard (0x81...0x82).contains(first), index + first - 0x80 < head.count else { return nil }
            let content = head[(index + 1)...(index + first - 0x80)].reduce(0) { $0 << 8 | Int($1) }
            return (content, index + 1 + first - 0x80)
        }
        // A sequence that begins with a version, an integer of one byte.
        guard head.first == 0x30, let (content, start) = length(at: 1), start + 3 < head.count, head[start] == 2,
            head[start + 1] == 1
        else { return nil }
        let next = start + 3
        let isKey: Bool
        switch (head[start + 2], head[next]) {
        case (0...1, 0x30):
            // An algorithm, which begins with its object identifier.
            isKey = length(at: next + 1).map { $0.next < head.count && head[$0.next] == 6 } ?? false
        case (0, 2):
            // The modulus.
            isKey = length(at: next + 1).map { $0.content >= 32 && $0.content < content } ?? false
        case (1, 4):
            isKey = [0x20, 0x30, 0x42].contains(length(at: next + 1)?.content)
        default: isKey = false
        }
        return isKey ? start + content : nil
    }
}
