internal import CSodium
internal import Support

/// The X25519 recipient type (https://c2sp.org/age).
enum X25519 {
    static let keyLength = 32
    private static let info = "age-encryption.org/v1/X25519"

    static func publicKey(of secret: Secret) -> [UInt8] {
        sodiumReady()
        return [UInt8](unsafeUninitializedCapacity: keyLength) { buffer, count in
            let status = secret.withUnsafeBytes {
                crypto_scalarmult_base(buffer.baseAddress!, $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
            }
            precondition(status == 0, "X25519 refused a scalar")
            count = keyLength
        }
    }

    static func wrap(_ fileKey: Secret, to recipient: [UInt8]) throws -> AgeStanza {
        var random = randomBytes(keyLength)
        defer { wipe(&random) }
        let ephemeral = Secret(random)
        let share = publicKey(of: ephemeral)
        guard let shared = sharedSecret(ephemeral, recipient) else {
            throw OperatorError(
                "age-recipient", doing: "encrypting", reason: "a recipient is a point of low order, which nobody owns",
                exit: .configuration)
        }
        let key = AgeCipher.derive(shared, salt: share + recipient, info: info)
        return AgeStanza(
            type: "X25519", arguments: [Base64.encode(share, padding: .none)], body: AgeCipher.wrap(fileKey, with: key))
    }

    static func unwrap(_ stanza: AgeStanza, with secret: Secret) throws -> Secret? {
        guard stanza.arguments.count == 1, let share = Base64.decode(stanza.arguments[0], padding: .none),
            share.count == keyLength, stanza.body.count == FileKey.wrappedLength
        else { throw AgeFailure.header.error("an X25519 stanza is malformed") }
        guard let shared = sharedSecret(secret, share) else {
            throw AgeFailure.header.error("an X25519 stanza's share is a point of low order")
        }
        let key = AgeCipher.derive(shared, salt: share + publicKey(of: secret), info: info)
        return AgeCipher.unwrap(stanza.body, with: key)
    }

    /// Nil when the result is all zero: the point is of low order.
    static func sharedSecret(_ scalar: Secret, _ point: [UInt8]) -> Secret? {
        sodiumReady()
        var shared = [UInt8](repeating: 0, count: keyLength)
        defer { wipe(&shared) }
        let status = scalar.withUnsafeBytes {
            crypto_scalarmult(&shared, $0.baseAddress!.assumingMemoryBound(to: UInt8.self), point)
        }
        return status == 0 ? Secret(shared) : nil
    }
}
