public import Support

/// What opens a file: the private side of a recipient.
public struct AgeIdentity: Sendable {
    enum Kind: Sendable { case x25519, hybrid, passphrase }

    let kind: Kind
    /// The private key or the passphrase.
    let secret: Secret

    init(kind: Kind, secret: Secret) {
        self.kind = kind
        self.secret = secret
    }

    /// A new key; with `postQuantum`, one for X-Wing.
    public static func generate(postQuantum: Bool = false) -> AgeIdentity {
        var bytes = randomBytes(32)
        defer { wipe(&bytes) }
        return AgeIdentity(kind: postQuantum ? .hybrid : .x25519, secret: Secret(bytes))
    }

    public static func passphrase(_ passphrase: Secret) -> AgeIdentity {
        AgeIdentity(kind: .passphrase, secret: passphrase)
    }

    /// Parses `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`.
    public init(_ text: Secret) throws {
        var bytes = text.withUnsafeBytes { Array($0) }
        defer { wipe(&bytes) }
        if let kind = Self.foreignKind(bytes) {
            throw OperatorError(
                "age-identity", doing: "reading an identity", reason: "\(kind) are not supported",
                advice: "use age's own kind of key (AGE-SECRET-KEY-1…); `keys generate` makes one", exit: .credential)
        }
        // In small letters age does not take it either.
        guard let decoded = Bech32.decode(bytes), decoded.bytes.count == 32,
            !bytes.contains(where: { (97...122).contains($0) })
        else {
            throw OperatorError(
                "age-identity", doing: "reading an identity", reason: "it is not an age private key, or mistyped",
                advice: "an identity looks like AGE-SECRET-KEY-1…, as `keys generate` writes it", exit: .credential)
        }
        var key = decoded.bytes
        defer { wipe(&key) }
        switch decoded.prefix {
        case "age-secret-key-": self.init(kind: .x25519, secret: Secret(key))
        case "age-secret-key-pq-": self.init(kind: .hybrid, secret: Secret(key))
        default:
            throw OperatorError(
                "age-identity", doing: "reading an identity", reason: "its kind is not known here",
                advice: "an identity looks like AGE-SECRET-KEY-1…, as `keys generate` writes it", exit: .credential)
        }
    }

    /// What age takes as a key too, and this program does not.
    static func foreignKind(_ line: [UInt8]) -> String? {
        func isPrefix(_ text: String) -> Bool {
            line.count >= text.utf8.count
                && zip(line, text.utf8).allSatisfy { $0 == $1 || (97...122).contains($0) && $0 - 32 == $1 }
        }
        if isPrefix("-----BEGIN ") { return "SSH keys and other PEM files" }
        if ["SSH-", "ECDSA-SHA2-", "SK-SSH-"].contains(where: isPrefix) { return "SSH keys" }
        return isPrefix("AGE-PLUGIN-") ? "keys of plugins (AGE-PLUGIN-…)" : nil
    }

    /// The private key as text, upper case; nil for a passphrase.
    public var text: Secret? {
        let prefix: String
        switch kind {
        case .x25519: prefix = "age-secret-key-"
        case .hybrid: prefix = "age-secret-key-pq-"
        case .passphrase: return nil
        }
        var key = secret.withUnsafeBytes { Array($0) }
        var lower = Bech32.encode(prefix: prefix, key)
        var upper = lower.map { (97...122).contains($0) ? $0 - 32 : $0 }
        defer {
            wipe(&key)
            wipe(&lower)
            wipe(&upper)
        }
        return Secret(upper)
    }

    /// Whom to encrypt to so that this opens it; nil for a passphrase.
    public func recipient() throws -> AgeRecipient? {
        switch kind {
        case .x25519: .x25519(X25519.publicKey(of: secret))
        case .hybrid: .hybrid(try HybridKEM.publicKey(of: secret))
        case .passphrase: nil
        }
    }

    /// The file key, if this identity opens the stanza; nil if the stanza is for somebody else. Throws for a stanza that no
    /// implementation may write.
    func unwrap(_ stanza: AgeStanza) throws -> Secret? {
        switch (kind, stanza.type) {
        case (.x25519, "X25519"): try X25519.unwrap(stanza, with: secret)
        case (.hybrid, "mlkem768x25519"): try HybridKEM.unwrap(stanza, with: secret)
        case (.passphrase, "scrypt"): try Scrypt.unwrap(stanza, passphrase: secret)
        default: nil
        }
    }
}
