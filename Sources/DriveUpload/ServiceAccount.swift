internal import CCrypto
internal import Support

/// A service account's key, and the signed assertion (RFC 7523) that is exchanged for an access token.
///
/// Since April 2025 service accounts own no storage: they can write to shared drives, or in the name of a user by delegation.
struct ServiceAccount: Sendable {
    var email: String
    var keyID: String?
    /// The user to act for, by domain-wide delegation: the member `subject` of the file, which is not Google's.
    var subject: String?
    private let privateKey: Secret

    /// Google's own name of its token endpoint: the assertion's audience, even where a stand-in is talked to.
    private static let audience = "https://oauth2.googleapis.com/token"

    init(_ document: JSONDocument, label: String) throws {
        guard let email = document["client_email"]?.text, !email.isEmpty, let key = document["private_key"]?.bytes
        else {
            throw DriveCredential.error(
                label, "client_email or private_key is missing", "download the service account's key anew")
        }
        self.email = email
        keyID = document["private_key_id"]?.text
        subject = document["subject"]?.text
        privateKey = Secret(key)
        _ = try sign([], label: label)
    }

    /// A JWT (RFC 7519) signed with RS256, valid for an hour from `now`.
    func assertion(scope: String, now: Timestamp, label: String) throws -> Secret {
        var header: [JSONDocument.Member] = [.init("alg", .string("RS256")), .init("typ", .string("JWT"))]
        if let keyID { header.append(.init("kid", .string(keyID))) }
        var claims: [JSONDocument.Member] = [
            .init("iss", .string(email)), .init("scope", .string(scope)), .init("aud", .string(Self.audience)),
            .init("iat", .number(now.seconds)), .init("exp", .number(now.seconds + 3600)),
        ]
        if let subject { claims.append(.init("sub", .string(subject))) }
        let signed =
            Self.base64URL(JSONDocument.object(header).serialized) + [UInt8(ascii: ".")]
            + Self.base64URL(JSONDocument.object(claims).serialized)
        return Secret(signed + [UInt8(ascii: ".")] + Self.base64URL(try sign(signed, label: label)))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    private func sign(_ message: [UInt8], label: String) throws -> [UInt8] {
        func failed() -> OperatorError {
            ERR_clear_error()
            return DriveCredential.error(
                label, "its private_key is not an RSA key in PEM", "download the service account's key anew")
        }
        let key = privateKey.withUnsafeBytes { bytes -> OpaquePointer? in
            guard let memory = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
            defer { BIO_free(memory) }
            return PEM_read_bio_PrivateKey(memory, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let key else { throw failed() }
        defer { EVP_PKEY_free(key) }
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA, let context = EVP_MD_CTX_new() else { throw failed() }
        defer { EVP_MD_CTX_free(context) }
        var length = 0
        guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
            EVP_DigestSign(context, nil, &length, message, message.count) == 1
        else { throw failed() }
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else { throw failed() }
        return Array(signature[..<length])
    }

    /// base64url without padding (RFC 4648, section 5).
    static func base64URL(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                out.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { out.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return out
    }
}
