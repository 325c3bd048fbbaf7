internal import CSodium
internal import Support

/// The primitives that age v1 is made of: HKDF-SHA-256 (RFC 5869), HMAC-SHA-256, ChaCha20-Poly1305 (RFC 8439). The last is
/// libcrypto's, which is half as fast again as libsodium's.
enum AgeCipher {
    static let tagLength = 16

    /// HKDF-SHA-256 with 32 bytes of output.
    static func derive(_ secret: Secret, salt: [UInt8], info: String) -> Secret {
        var extracted = secret.withUnsafeBytes { hmac(key: salt, [$0]) }
        defer { wipe(&extracted) }
        let info = Array(info.utf8) + [1]
        var expanded = info.withUnsafeBytes { hmac(key: extracted, [$0]) }
        defer { wipe(&expanded) }
        return Secret(expanded)
    }

    static func hmac(key: Secret, _ message: [UInt8]) -> [UInt8] {
        key.withUnsafeBytes { key in message.withUnsafeBytes { hmac(key: Array(key), [$0]) } }
    }

    private static func hmac(key: [UInt8], _ parts: [UnsafeRawBufferPointer]) -> [UInt8] {
        sodiumReady()
        var state = crypto_auth_hmacsha256_state()
        defer { withUnsafeMutableBytes(of: &state) { sodium_memzero($0.baseAddress!, $0.count) } }
        crypto_auth_hmacsha256_init(&state, key, key.count)
        for part in parts {
            let bytes = part.baseAddress?.assumingMemoryBound(to: UInt8.self)
            if let bytes { crypto_auth_hmacsha256_update(&state, bytes, UInt64(part.count)) }
        }
        return [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            if let base = buffer.baseAddress { crypto_auth_hmacsha256_final(&state, base) }
            count = 32
        }
    }

    /// Seals `message` into `target`, which has room for it and the tag.
    static func seal(
        _ message: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer, nonce: [UInt8], key: Secret
    ) {
        precondition(ChaChaPoly(key, nonce).seal(message, target), "ChaCha20-Poly1305 refused to seal")
    }

    /// Opens `sealed`, message and tag, into `target`, which has room for the message; false if it is not authentic, and then the
    /// target's content is nothing to be used.
    static func open(
        _ sealed: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer, nonce: [UInt8], key: Secret
    ) -> Bool {
        guard sealed.count >= tagLength else { return false }
        return ChaChaPoly(key, nonce).open(sealed, target)
    }

    /// Wraps a file key: sealed under a wrap key that is used once, so the nonce is zero.
    static func wrap(_ fileKey: Secret, with key: Secret) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: fileKey.count + tagLength) { buffer, count in
            let target = UnsafeMutableRawPointer(buffer.baseAddress!)
            fileKey.withUnsafeBytes { seal($0, into: target, nonce: zeroNonce, key: key) }
            count = fileKey.count + tagLength
        }
    }

    /// The file key that a stanza's body of 32 bytes holds; nil if the key is not the right one.
    static func unwrap(_ body: [UInt8], with key: Secret) -> Secret? {
        guard body.count == FileKey.wrappedLength else { return nil }
        var fileKey = [UInt8](repeating: 0, count: FileKey.length)
        defer { wipe(&fileKey) }
        let isAuthentic = fileKey.withUnsafeMutableBytes { target in
            body.withUnsafeBytes { open($0, into: target.baseAddress!, nonce: zeroNonce, key: key) }
        }
        return isAuthentic ? Secret(fileKey) : nil
    }

    private static let zeroNonce = [UInt8](repeating: 0, count: 12)
}

/// The 128-bit key of one file, which every stanza wraps.
enum FileKey {
    static let length = 16
    static let wrappedLength = 32

    static func generate() -> Secret {
        var bytes = randomBytes(length)
        defer { wipe(&bytes) }
        return Secret(bytes)
    }

    static func headerMAC(of header: [UInt8], fileKey: Secret) -> [UInt8] {
        AgeCipher.hmac(key: AgeCipher.derive(fileKey, salt: [], info: "header"), header)
    }

    static func payloadKey(_ fileKey: Secret, nonce: [UInt8]) -> Secret {
        AgeCipher.derive(fileKey, salt: nonce, info: "payload")
    }
}
