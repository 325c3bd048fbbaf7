internal import Support

/// The short name of a secret: 8 hexadecimal digits of BLAKE2b under a key that never leaves the state directory. Equal secrets show as
/// equal, and nobody can guess back.
enum Fingerprint {
    static func of(_ secret: [UInt8], key: Secret) -> String {
        hex(secret.withUnsafeBytes { keyedHash($0, key: key, length: 32) }.prefix(4))
    }
}

/// What stands in a secret's place.
enum Marker {
    /// `«redacted:RULE:FINGERPRINT»`: no program takes it for a key.
    static func text(rule: String, fingerprint: String) -> [UInt8] {
        Array("«redacted:\(rule):\(fingerprint)»".utf8)
    }

    /// `REDACTED_RULE_FINGERPRINT`, for file names and for text that is not UTF-8.
    static func ascii(rule: String, fingerprint: String) -> [UInt8] {
        Array("REDACTED_".utf8) + rule.utf8.map { EncodedForms.isWord($0) ? $0 : UInt8(ascii: "_") }
            + Array("_\(fingerprint)".utf8)
    }
}
