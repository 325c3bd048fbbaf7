/// Private keys and key stores that are no text, by their first bytes. Certificates and public keys are none.
enum KeyFiles {
    /// What it is, for people; nil for anything else.
    static func kind(of bytes: [UInt8]) -> String? {
        guard let first = bytes.first, bytes.count >= 16 else { return nil }
        switch first {
        case 0x30: return der(bytes)
        case 0xFE where bytes.starts(with: [0xFE, 0xED, 0xFE, 0xED]): return "a Java key store"
        case 0xCE where bytes.starts(with: [0xCE, 0xCE, 0xCE, 0xCE]): return "a Java key store"
        case 0x03 where bytes.starts(with: [0x03, 0xD9, 0xA2, 0x9A]): return "a KeePass database"
        case UInt8(ascii: "o") where bytes.starts(with: "openssh-key-v1\0".utf8): return "an OpenSSH private key"
        // GnuPG's own files of keys (agent/keyformat.txt): canonical S-expressions.
        case UInt8(ascii: "("):
            let isKey = ["(11:private-key", "(21:protected-private-key"].contains { bytes.starts(with: $0.utf8) }
            return isKey ? "a GnuPG private key" : nil
        case 0x80...: return hasSecretPacket(bytes) ? "an OpenPGP private key" : nil
        default: return nil
        }
    }

    // MARK: ASN.1

    /// An element of DER or BER: its tag, and where its content is. Content of no stated length reaches to the end.
    private struct Element {
        var tag: UInt8
        var content: Range<Int>

        init?(_ bytes: [UInt8], _ start: Int, within end: Int) {
            guard start + 2 <= end else { return nil }
            tag = bytes[start]
            let first = bytes[start + 1]
            if first < 0x80 {
                content = start + 2..<start + 2 + Int(first)
            } else if first == 0x80 {
                content = start + 2..<end
            } else {
                let count = Int(first & 0x7F)
                guard count <= 4, start + 2 + count <= end else { return nil }
                let length = bytes[(start + 2)..<(start + 2 + count)].reduce(0) { $0 << 8 | Int($1) }
                content = start + 2 + count..<start + 2 + count + length
            }
            guard content.upperBound <= end else { return nil }
        }
    }

    private static let integer: UInt8 = 0x02
    private static let octets: UInt8 = 0x04
    private static let identifier: UInt8 = 0x06
    private static let sequence: UInt8 = 0x30

    private static func der(_ bytes: [UInt8]) -> String? {
        guard let whole = Element(bytes, 0, within: bytes.count) else { return nil }
        /// The first elements within another.
        func elements(_ parent: Element) -> [Element] {
            var out: [Element] = []
            var start = parent.content.lowerBound
            while out.count < 3, let next = Element(bytes, start, within: parent.content.upperBound) {
                out.append(next)
                start = next.content.upperBound
            }
            return out
        }
        func begins(_ element: Element, with name: [UInt8]) -> Bool {
            guard let first = elements(element).first, first.tag == identifier else { return false }
            return bytes[first.content].starts(with: name)
        }
        let parts = elements(whole)
        guard parts.count >= 2 else { return nil }
        let (first, second) = (parts[0], parts[1])
        // PBES1, PBES2 (RFC 8018, appendix C), and PKCS #12's own (RFC 7292, appendix C).
        let passwordBased: [[UInt8]] = [
            [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05], [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01],
        ]
        if first.tag == sequence, second.tag == octets, passwordBased.contains(where: { begins(first, with: $0) }) {
            return "a private key (PKCS #8, encrypted)"
        }
        guard first.tag == integer, first.content.count == 1 else { return nil }
        let version = bytes[first.content.lowerBound]
        switch second.tag {
        // RFC 8017 and OpenSSL's form for DSA: a version, then large numbers. A public key begins with one of those.
        case integer where version <= 1 && second.content.count >= 32 && parts.count == 3 && parts[2].tag == integer:
            return "a private key"
        // RFC 5915.
        case octets where version == 1 && second.content.count >= 16: return "a private key (elliptic curve)"
        // RFC 5958.
        case sequence where version <= 1 && begins(second, with: []) && parts.count == 3 && parts[2].tag == octets:
            return "a private key (PKCS #8)"
        // RFC 7292: pkcs7-data, or signed.
        case sequence where version == 3 && begins(second, with: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07]):
            return "a key store (PKCS #12)"
        default: return nil
        }
    }

    // MARK: OpenPGP

    private static let algorithms: Set<UInt8> = [1, 2, 3, 16, 17, 18, 19, 20, 22, 25, 26, 27, 28]

    /// Whether among the packets that it begins with (RFC 9580, section 4) is a secret key or subkey.
    private static func hasSecretPacket(_ bytes: [UInt8]) -> Bool {
        var start = 0
        for _ in 0..<1000 {
            guard start + 8 <= bytes.count, bytes[start] & 0x80 != 0 else { return false }
            let head = bytes[start]
            let isNew = head & 0x40 != 0
            let tag = isNew ? head & 0x3F : head >> 2 & 0x0F
            guard let (body, length) = isNew ? newLength(bytes, start + 1) : oldLength(bytes, start) else {
                return false
            }
            if tag == 5 || tag == 7, body + 8 <= bytes.count {
                let version = bytes[body]
                let place = version <= 3 ? body + 7 : body + 5
                if (2...6).contains(version), algorithms.contains(bytes[place]) { return true }
            }
            // Only what stands in files of keys is walked over: keys, user ids, attributes, signatures, trust, markers.
            guard [2, 5, 6, 7, 10, 12, 13, 14, 17, 21].contains(tag), length > 0 else { return false }
            start = body + length
        }
        return false
    }

    private static func oldLength(_ bytes: [UInt8], _ start: Int) -> (body: Int, length: Int)? {
        let count = [1, 2, 4, 0][Int(bytes[start] & 3)]
        if count == 0 { return (start + 1, bytes.count - start - 1) }
        return (start + 1 + count, bytes[(start + 1)..<(start + 1 + count)].reduce(0) { $0 << 8 | Int($1) })
    }

    private static func newLength(_ bytes: [UInt8], _ start: Int) -> (body: Int, length: Int)? {
        let first = Int(bytes[start])
        switch first {
        case 0..<192: return (start + 1, first)
        case 192..<224: return (start + 2, (first - 192) << 8 + Int(bytes[start + 1]) + 192)
        case 255: return (start + 5, bytes[(start + 1)..<(start + 5)].reduce(0) { $0 << 8 | Int($1) })
        // A part of a body, which keys never come in.
        default: return nil
        }
    }
}
