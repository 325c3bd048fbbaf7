internal import Support

/// Bech32 (BIP 173) without its limit of 90 characters, as age uses it for recipients and identities.
enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let values: [UInt8: UInt8] = Dictionary(
        uniqueKeysWithValues: alphabet.enumerated().map { ($1, UInt8($0)) })

    /// The text for a lower-case prefix and bytes, in lower case.
    static func encode(prefix: String, _ bytes: [UInt8]) -> [UInt8] {
        var words = regroup(bytes, from: 8, to: 5, padding: true) ?? []
        defer { wipe(&words) }
        let prefix = Array(prefix.utf8)
        let remainder = polymod(expanded(prefix) + words + [0, 0, 0, 0, 0, 0]) ^ 1
        let checksum = (0..<6).map { UInt8((remainder >> (5 * (5 - UInt32($0)))) & 31) }
        return prefix + [UInt8(ascii: "1")] + (words + checksum).map { alphabet[Int($0)] }
    }

    /// The prefix in lower case and the bytes; nil for anything that the specification does not allow: mixed case, a character out
    /// of the alphabet, a wrong checksum, padding that is not zero.
    static func decode(_ text: [UInt8]) -> (prefix: String, bytes: [UInt8])? {
        let isUpper = text.contains { (65...90).contains($0) }
        let isLower = text.contains { (97...122).contains($0) }
        guard !(isUpper && isLower), text.allSatisfy({ (33...126).contains($0) }) else { return nil }
        var lower = text.map { (65...90).contains($0) ? $0 + 32 : $0 }
        defer { wipe(&lower) }
        guard let separator = lower.lastIndex(of: UInt8(ascii: "1")), separator > 0, lower.count - separator > 6 else {
            return nil
        }
        let prefix = Array(lower[..<separator])
        var words: [UInt8] = []
        defer { wipe(&words) }
        for character in lower[(separator + 1)...] {
            guard let value = values[character] else { return nil }
            words.append(value)
        }
        guard polymod(expanded(prefix) + words) == 1 else { return nil }
        guard let bytes = regroup(Array(words.dropLast(6)), from: 5, to: 8, padding: false) else { return nil }
        return (String(decoding: prefix, as: UTF8.self), bytes)
    }

    private static func expanded(_ prefix: [UInt8]) -> [UInt8] { prefix.map { $0 >> 5 } + [0] + prefix.map { $0 & 31 } }

    private static func polymod(_ words: [UInt8]) -> UInt32 {
        let generator: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
        var checksum: UInt32 = 1
        for word in words {
            let top = checksum >> 25
            checksum = (checksum & 0x1ff_ffff) << 5 ^ UInt32(word)
            for index in 0..<5 where (top >> UInt32(index)) & 1 == 1 { checksum ^= generator[index] }
        }
        return checksum
    }

    private static func regroup(_ input: [UInt8], from: Int, to width: Int, padding: Bool) -> [UInt8]? {
        var accumulator: UInt32 = 0
        var bits = 0
        var output: [UInt8] = []
        output.reserveCapacity(input.count * from / width + 1)
        for value in input {
            accumulator = (accumulator << UInt32(from) | UInt32(value)) & 0xfff
            bits += from
            while bits >= width {
                bits -= width
                output.append(UInt8((accumulator >> UInt32(bits)) & (1 << UInt32(width) - 1)))
            }
        }
        let rest = UInt8((accumulator << UInt32(width - bits)) & (1 << UInt32(width) - 1))
        if padding {
            if bits > 0 { output.append(rest) }
        } else if bits >= from || rest != 0 {
            return nil
        }
        return output
    }
}
