internal import Crypto
internal import Foundation
internal import Support

/// The MLKEM768-X25519 (X-Wing) recipient type (https://c2sp.org/age): HPKE SealBase (RFC 9180) with KEM 0x647a, HKDF-SHA256 and
/// ChaCha20-Poly1305, by swift-crypto.
enum HybridKEM {
    static let publicKeyLength = 1216
    private static let encapsulationLength = 1120
    private static let type = "mlkem768x25519"
    private static let info = Data("age-encryption.org/mlkem768x25519".utf8)
    private static let suite = HPKE.Ciphersuite(kem: .XWingMLKEM768X25519, kdf: .HKDF_SHA256, aead: .chaChaPoly)

    static func publicKey(of seed: Secret) throws -> [UInt8] { Array(try privateKey(seed).publicKey.rawRepresentation) }

    static func wrap(_ fileKey: Secret, to recipient: [UInt8]) throws -> AgeStanza {
        do {
            let key = try XWingMLKEM768X25519.PublicKey(rawRepresentation: recipient)
            var sender = try HPKE.Sender(recipientKey: key, ciphersuite: suite, info: info)
            let body = try fileKey.withUnsafeBytes { try sender.seal($0) }
            return AgeStanza(
                type: type, arguments: [Base64.encode(Array(sender.encapsulatedKey), padding: .none)], body: Array(body)
            )
        } catch {
            throw OperatorError(
                "age-recipient", doing: "encrypting", reason: "a post-quantum recipient's key is not a valid one",
                exit: .configuration)
        }
    }

    static func unwrap(_ stanza: AgeStanza, with seed: Secret) throws -> Secret? {
        guard stanza.arguments.count == 1, let share = Base64.decode(stanza.arguments[0], padding: .none),
            share.count == encapsulationLength, stanza.body.count == FileKey.wrappedLength
        else { throw AgeFailure.header.error("an \(type) stanza is malformed") }
        // RFC 9180, section 7.1.4: an all-zero Diffie-Hellman result aborts. A point of low order gives it with every scalar.
        guard X25519.sharedSecret(seed, Array(share.suffix(X25519.keyLength))) != nil else {
            throw AgeFailure.header.error("an \(type) stanza's share is a point of low order")
        }
        let key = try privateKey(seed)
        do {
            var recipient = try HPKE.Recipient(
                privateKey: key, ciphersuite: suite, info: info, encapsulatedKey: Data(share))
            var fileKey = try recipient.open(Data(stanza.body))
            defer { fileKey.resetBytes(in: 0..<fileKey.count) }
            return Secret(fileKey)
        } catch {
            // ML-KEM rejects implicitly: a share for somebody else ends here, as a tag that does not fit.
            return nil
        }
    }

    private static func privateKey(_ seed: Secret) throws -> XWingMLKEM768X25519.PrivateKey {
        do {
            return try seed.withUnsafeBytes {
                try XWingMLKEM768X25519.PrivateKey(seedRepresentation: $0, publicKey: nil)
            }
        } catch {
            throw OperatorError(
                "age-identity", doing: "reading an identity", reason: "its post-quantum key is not a valid one",
                exit: .credential)
        }
    }
}
