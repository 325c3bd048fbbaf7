internal import CSodium
internal import Support

/// RFC 4648 section 4, canonical only, in constant time by libsodium.
enum Base64 {
    enum Padding { case none, required }

    static func encode(_ bytes: [UInt8], padding: Padding) -> [UInt8] {
        sodiumReady()
        let variant = variant(padding)
        let length = sodium_base64_encoded_len(bytes.count, variant)
        let text = [CChar](unsafeUninitializedCapacity: length) { buffer, count in
            if let base = buffer.baseAddress { sodium_bin2base64(base, length, bytes, bytes.count, variant) }
            count = length
        }
        return text.dropLast().map(UInt8.init(bitPattern:))
    }

    /// Nil for white space, a wrong character, missing or superfluous padding, or trailing bits that are not zero.
    static func decode(_ text: some Sequence<UInt8>, padding: Padding) -> [UInt8]? {
        sodiumReady()
        // libsodium 1.0.18 takes many bytes above 127 for a slash, where char is signed.
        guard text.allSatisfy({ $0 < 128 }) else { return nil }
        let text = text.map(CChar.init(bitPattern:))
        var length = 0
        var isWhole = false
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 3) { buffer, count in
            count = 0
            var end: UnsafePointer<CChar>?
            text.withUnsafeBufferPointer { text in
                guard let start = text.baseAddress else {
                    isWhole = true
                    return
                }
                let status = sodium_base642bin(
                    buffer.baseAddress!, buffer.count, start, text.count, nil, &length, &end, variant(padding))
                isWhole = status == 0 && end == start + text.count
            }
            if isWhole { count = length }
        }
        return isWhole ? bytes : nil
    }

    private static func variant(_ padding: Padding) -> Int32 {
        padding == .none ? sodium_base64_VARIANT_ORIGINAL_NO_PADDING : sodium_base64_VARIANT_ORIGINAL
    }
}
