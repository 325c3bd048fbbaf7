public import Support

/// Whom a file is encrypted to.
public enum AgeRecipient: Sendable, Equatable {
    /// `age1…`: a Curve25519 public key, 32 bytes.
    case x25519([UInt8])
    /// `age1pq1…`: an X-Wing (ML-KEM-768 with X25519) public key, 1216 bytes.
    case hybrid([UInt8])
    /// A passphrase; `workFactor` is the binary logarithm of scrypt's cost. It must be the only recipient.
    case passphrase(Secret, workFactor: Int = 18)

    /// Parses `age1…` or `age1pq1…`.
    public init(_ text: some StringProtocol) throws {
        func fail(_ reason: String) -> OperatorError {
            OperatorError(
                "age-recipient", doing: "reading a recipient", subject: printable(text, limit: 24), reason: reason,
                advice: "a recipient looks like age1… or age1pq1…, as `keys recipient` prints it", exit: .configuration)
        }
        guard !text.uppercased().hasPrefix("AGE-SECRET-KEY-") else {
            throw OperatorError(
                "age-recipient", doing: "reading a recipient", reason: "this is a private key, not a recipient",
                advice: "print its recipient with `keys recipient`, and treat this key as exposed", exit: .configuration
            )
        }
        if let kind = AgeIdentity.foreignKind(Array(text.utf8)) { throw fail("\(kind) are not supported") }
        guard let (prefix, bytes) = Bech32.decode(Array(text.utf8)) else {
            throw fail("it is mistyped (its checksum is wrong)")
        }
        switch prefix {
        case "age" where bytes.count == X25519.keyLength: self = .x25519(bytes)
        case "age1pq" where bytes.count == HybridKEM.publicKeyLength: self = .hybrid(bytes)
        case "age", "age1pq": throw fail("it has the wrong length")
        // age1NAME1… is a plugin's.
        case let prefix where prefix.hasPrefix("age1"): throw fail("recipients of plugins are not supported")
        default: throw fail("its kind is not known here")
        }
    }

    /// The recipient as text; nil for a passphrase.
    public var text: String? {
        switch self {
        case .x25519(let key): String(decoding: Bech32.encode(prefix: "age", key), as: UTF8.self)
        case .hybrid(let key): String(decoding: Bech32.encode(prefix: "age1pq", key), as: UTF8.self)
        case .passphrase: nil
        }
    }

    /// Whether a set of recipients makes sense together: not empty, a passphrase alone, and post-quantum ones not beside others,
    /// which would take their strength away (https://c2sp.org/age).
    public static func check(_ recipients: [AgeRecipient]) throws {
        func fail(_ reason: String) -> OperatorError {
            OperatorError("age-recipients", doing: "encrypting", reason: reason, exit: .configuration)
        }
        guard !recipients.isEmpty else { throw fail("there is no recipient") }
        var kinds: Set<Int> = []
        for recipient in recipients {
            switch recipient {
            case .x25519: kinds.insert(0)
            case .hybrid: kinds.insert(1)
            case .passphrase:
                guard recipients.count == 1 else { throw fail("a passphrase must be the only recipient") }
            }
        }
        guard kinds.count <= 1 else {
            throw fail("post-quantum recipients (age1pq1…) and others cannot be mixed: the weaker would open the file")
        }
    }

    func wrap(_ fileKey: Secret) throws -> AgeStanza {
        switch self {
        case .x25519(let key): try X25519.wrap(fileKey, to: key)
        case .hybrid(let key): try HybridKEM.wrap(fileKey, to: key)
        case .passphrase(let passphrase, let workFactor): try Scrypt.wrap(fileKey, passphrase, workFactor: workFactor)
        }
    }
}
