/// The form of age public keys: Bech32 (BIP 173) with the parts `age` or `age1pq`, checksum included, so that a mistyped key is
/// found before a bundle is made that nobody can open.
enum AgeRecipient {
    enum Verdict: Equatable {
        case valid
        /// An identity, which must never stand in a configuration.
        case privateKey
        case invalid
    }

    static func check(_ text: String) -> Verdict {
        if text.uppercased().hasPrefix("AGE-SECRET-KEY-") || text.uppercased().hasPrefix("AGE-PLUGIN-") {
            return .privateKey
        }
        guard text == text.lowercased(), let separator = text.lastIndex(of: "1") else { return .invalid }
        let part = String(text[..<separator])
        let data = text[text.index(after: separator)...]
        // X25519: 32 bytes; ML-KEM-768 with X25519: 1216 bytes. Six more characters are the checksum.
        let lengths = ["age": 52 + 6, "age1pq": 1946 + 6]
        guard lengths[part] == data.count else { return .invalid }
        let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
        var values: [UInt32] = part.utf8.map { UInt32($0) >> 5 } + [0] + part.utf8.map { UInt32($0) & 31 }
        for byte in data.utf8 {
            guard let value = alphabet.firstIndex(of: byte) else { return .invalid }
            values.append(UInt32(value))
        }
        return polymod(values) == 1 ? .valid : .invalid
    }

    private static func polymod(_ values: [UInt32]) -> UInt32 {
        let generators: [UInt32] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]
        var checksum: UInt32 = 1
        for value in values {
            let top = checksum >> 25
            checksum = (checksum & 0x1FF_FFFF) << 5 ^ value
            for (bit, generator) in generators.enumerated() where top >> UInt32(bit) & 1 == 1 { checksum ^= generator }
        }
        return checksum
    }
}
