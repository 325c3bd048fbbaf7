internal import Support

extension Manifest.Entry: Codable {
    enum CodingKeys: String, CodingKey {
        case original, originalBase64, kind, mode, size, sha256, target, targetBase64, action, rule, redactions
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        path = try Manifest.Name(from: decoder).bytes
        original = try Manifest.bytes(container, .original, .originalBase64)
        kind = try container.decode(Manifest.Kind.self, forKey: .kind)
        let digits = try container.decode(String.self, forKey: .mode)
        guard let bits = UInt32(digits, radix: 8), bits <= 0o7777 else {
            throw DecodingError.dataCorruptedError(forKey: .mode, in: container, debugDescription: "not an octal mode")
        }
        mode = bits
        size = try container.decode(Int64.self, forKey: .size)
        sha256 = try container.decode(String.self, forKey: .sha256)
        guard size >= 0, sha256.utf8.count == 64, sha256.utf8.allSatisfy({ hexValue($0) != nil }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .sha256, in: container, debugDescription: "not a size and a SHA-256")
        }
        target = try Manifest.bytes(container, .target, .targetBase64)
        action = try container.decode(Manifest.Treatment.self, forKey: .action)
        rule = try container.decode(String.self, forKey: .rule)
        redactions = try container.decodeIfPresent([Manifest.Redaction].self, forKey: .redactions) ?? []
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try Manifest.Name(path).encode(to: encoder)
        try Manifest.encode(original, &container, .original, .originalBase64)
        try container.encode(kind, forKey: .kind)
        try container.encode(Manifest.octal(mode), forKey: .mode)
        try container.encode(size, forKey: .size)
        try container.encode(sha256, forKey: .sha256)
        try Manifest.encode(target, &container, .target, .targetBase64)
        try container.encode(action, forKey: .action)
        try container.encode(rule, forKey: .rule)
        if !redactions.isEmpty { try container.encode(redactions, forKey: .redactions) }
    }
}

extension Manifest.Exclusion: Codable {
    enum CodingKeys: String, CodingKey {
        case rule, reason, findings
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        path = try Manifest.Name(from: decoder).bytes
        rule = try container.decode(String.self, forKey: .rule)
        reason = try container.decode(String.self, forKey: .reason)
        findings = try container.decodeIfPresent([Manifest.Redaction].self, forKey: .findings) ?? []
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try Manifest.Name(path).encode(to: encoder)
        try container.encode(rule, forKey: .rule)
        try container.encode(reason, forKey: .reason)
        if !findings.isEmpty { try container.encode(findings, forKey: .findings) }
    }
}

extension Manifest.Irregular: Codable {
    enum CodingKeys: String, CodingKey { case kind }

    public init(from decoder: any Decoder) throws {
        path = try Manifest.Name(from: decoder).bytes
        kind = try decoder.container(keyedBy: CodingKeys.self).decode(FileStatus.Kind.self, forKey: .kind)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try Manifest.Name(path).encode(to: encoder)
        try container.encode(kind, forKey: .kind)
    }
}

extension Manifest {
    static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    fileprivate static func bytes<Key>(
        _ container: KeyedDecodingContainer<Key>, _ text: Key, _ base64: Key
    ) throws -> [UInt8]? {
        if let value = try container.decodeIfPresent(String.self, forKey: text) { return Array(value.utf8) }
        guard let value = try container.decodeIfPresent(String.self, forKey: base64) else { return nil }
        guard let decoded = Base64.decoded(value) else {
            throw DecodingError.dataCorruptedError(forKey: base64, in: container, debugDescription: "not base64")
        }
        return decoded
    }

    fileprivate static func encode<Key>(
        _ bytes: [UInt8]?, _ container: inout KeyedEncodingContainer<Key>, _ text: Key, _ base64: Key
    ) throws {
        guard let bytes else { return }
        if let value = String(validating: bytes, as: UTF8.self) {
            try container.encode(value, forKey: text)
        } else {
            try container.encode(Base64.encoded(bytes), forKey: base64)
        }
    }
}
