internal import CSodium
internal import Glibc
internal import Support

/// The passphrase recipient type (https://c2sp.org/age): scrypt with r = 8, p = 1.
enum Scrypt {
    /// 2^22 costs 4 GiB of memory and some seconds; a file that asks for more is refused, as stock age does.
    static let maximumWorkFactor = 22
    private static let saltLength = 16
    private static let label = Array("age-encryption.org/v1/scrypt".utf8)

    static func wrap(_ fileKey: Secret, _ passphrase: Secret, workFactor: Int) throws -> AgeStanza {
        guard (1...maximumWorkFactor).contains(workFactor), passphrase.count > 0 else {
            throw OperatorError(
                "age-passphrase", doing: "encrypting to a passphrase",
                reason: "the passphrase is empty or the work factor not between 1 and \(maximumWorkFactor)",
                exit: .configuration)
        }
        let salt = randomBytes(saltLength)
        let key = try derive(passphrase, salt: salt, workFactor: workFactor)
        return AgeStanza(
            type: "scrypt", arguments: [Base64.encode(salt, padding: .none), Array(String(workFactor).utf8)],
            body: AgeCipher.wrap(fileKey, with: key))
    }

    static func unwrap(_ stanza: AgeStanza, passphrase: Secret) throws -> Secret? {
        guard stanza.arguments.count == 2, let salt = Base64.decode(stanza.arguments[0], padding: .none),
            salt.count == saltLength, stanza.body.count == FileKey.wrappedLength,
            let workFactor = workFactor(stanza.arguments[1])
        else { throw AgeFailure.header.error("a passphrase stanza is malformed") }
        guard workFactor <= maximumWorkFactor else {
            throw AgeFailure.header.error("its passphrase stanza asks for too much work (2^\(workFactor))")
        }
        return AgeCipher.unwrap(stanza.body, with: try derive(passphrase, salt: salt, workFactor: workFactor))
    }

    /// A decimal number without sign or leading zeros. One that does not fit is larger than any limit.
    private static func workFactor(_ text: [UInt8]) -> Int? {
        guard let first = text.first, (49...57).contains(first), text.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return Int(String(decoding: text, as: UTF8.self)) ?? .max
    }

    private static func derive(_ passphrase: Secret, salt: [UInt8], workFactor: Int) throws -> Secret {
        sodiumReady()
        let salt = label + salt
        var key = [UInt8](repeating: 0, count: 32)
        defer { wipe(&key) }
        let status = passphrase.withUnsafeBytes {
            crypto_pwhash_scryptsalsa208sha256_ll(
                $0.baseAddress!.assumingMemoryBound(to: UInt8.self), $0.count, salt, salt.count,
                1 << UInt64(workFactor), 8,
                1, &key, key.count)
        }
        guard status == 0 else {
            throw OperatorError.system(
                errno, doing: "deriving a key from the passphrase", subject: "at 2^\(workFactor)")
        }
        return Secret(key)
    }
}
