/// Keys that stand in code as text: `key, _ := hex.DecodeString("…")`, `bytes.fromhex("…")`, `hex!("…")` where a cipher is near.
extension DetectionPass {
    /// Functions of several languages that make bytes of a string in hexadecimal or base64.
    static let decoders = [
        "hex.decodestring(", "encoding.decodestring(", "bytes.fromhex(", "bytearray.fromhex(", "unhexlify(", "hex2bin(",
        "hex!(",
        "hex::decode(", "fromhexstring(", "parsehex(", "parsehexbinary(", "decodehex(", "hextobytes(", "hex_decode(",
        "b64decode(", "frombase64string(", "base64_decode(", "decode64(", "decodebase64(", "buffer.from(",
        "enc.hex.parse(", "enc.base64.parse(", "sodium_hex2bin(", "from_hex(", "dehex(", "getdecoder().decode(",
        "data(hex: ",
        "data(base64encoded: ",
    ]

    private static let ciphers: [StaticString] = [
        "cipher", "aes", "encrypt", "decrypt", "chacha", "secretbox", "fernet", "salsa", "blowfish", "sodium", "nacl",
        "hmac", "hkdf", "gcm", "seal(", "keyspec", "mcrypt", "openssl_",
    ]

    /// The parenthesis of a decoder ends at `end`.
    func decodedKeyHit(_ start: Int, _ end: Int) {
        let open = text.skipSpace(end)
        guard text.quoteDepth(at: open) != nil || text.quoteDepth(at: open + 1) != nil,
            let value = text.readValue(at: open), value.isQuoted
        else { return }
        let profile = ByteProfile(text, value.range)
        guard profile.distinct >= 8, holdsKey(value.range, profile), !judge.isNeverSecret(text, value.range) else {
            return
        }
        let line = text.lineStart(before: start, limit: 120)..<start
        guard
            ["key", "secret", "schluessel", "passphrase", "cle "].contains(where: { (word: StaticString) in
                text.find(word, in: line) != nil
            }), text.find("pub", in: line) == nil, isCipherNear(value.range)
        else { return }
        add("key", value.range)
    }

    /// Whether a string has the length of a key of 16, 24, 32 or 64 bytes.
    private func holdsKey(_ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        if profile.isHex { return [32, 48, 64, 128].contains(range.count) }
        guard profile.upper > 2, profile.lower > 2, profile.digits > 0 else { return false }
        return [22, 24, 32, 43, 44, 86, 88].contains(range.count)
            && range.dropLast(2).allSatisfy { text[$0].isBase64 || text[$0] == 45 || text[$0] == 95 }
    }

    /// Whether what encrypts or signs is named within a few lines.
    func isCipherNear(_ range: Range<Int>) -> Bool {
        let window = max(0, range.lowerBound - 300)..<min(text.count, range.upperBound + 300)
        return Self.ciphers.contains { text.find($0, in: window) != nil }
    }

    /// `key = "…"`, `const KEY = '…'` in code: a key in hexadecimal beside a cipher.
    func cipherConstant(_ value: FoundValue, _ name: KeyName, _ range: Range<Int>) -> Bool {
        guard name.kind == .key, name.level == .weak, value.isQuoted, value.range.count >= 32, syntax.isCode,
            case let profile = ByteProfile(text, value.range), profile.isHex, profile.distinct >= 8,
            holdsKey(value.range, profile), isCipherNear(value.range)
        else { return false }
        add("key", value.range)
        return true
    }
}
