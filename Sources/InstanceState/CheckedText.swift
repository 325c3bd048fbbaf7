internal import Support

/// Text of one of the forms that the snapshot's schema allows. What does not fit is refused when it is read, so that nothing that came
/// from another user's file reaches a terminal, a page or a metric unchecked.
public protocol CheckedText: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible
where RawValue == String {
    static func accepts(_ text: String) -> Bool
    init(unchecked: String)
}

extension CheckedText {
    public init?(rawValue: String) {
        guard Self.accepts(rawValue) else { return nil }
        self.init(unchecked: rawValue)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard Self.accepts(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a \(Self.self)")
        }
        self.init(unchecked: text)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public var description: String { rawValue }
}

private func isLower(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
private func isAlphanumeric(_ byte: UInt8) -> Bool { isLower(byte) || isDigit(byte) || (65...90).contains(byte) }
private func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (97...102).contains(byte) }

/// `[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?`
public struct Slug: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        let bytes = text.utf8
        func isEnd(_ byte: UInt8) -> Bool { isLower(byte) || isDigit(byte) }
        guard let first = bytes.first, let last = bytes.last, isEnd(first), isEnd(last), bytes.count <= 64 else {
            return false
        }
        return bytes.allSatisfy { isEnd($0) || ".-_".utf8.contains($0) }
    }

    /// A slug made from any text: what does not fit becomes a hyphen.
    public init(making text: String) {
        let bytes = text.lowercased().utf8.map { isLower($0) || isDigit($0) || $0 == 46 || $0 == 95 ? $0 : 45 }
        let trimmed = bytes.drop { !isLower($0) && !isDigit($0) }.prefix(64)
        let end = trimmed.lastIndex { isLower($0) || isDigit($0) }
        rawValue = end.map { String(decoding: trimmed[...$0], as: UTF8.self) } ?? "unnamed"
    }
}

/// The name of a systemd unit.
public struct UnitName: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        guard let dot = text.lastIndex(of: "."),
            ["service", "timer", "slice", "target", "socket", "path"].contains(String(text[text.index(after: dot)...]))
        else { return false }
        let stem = text[..<dot].utf8
        return !stem.isEmpty && stem.count <= 200
            && stem.allSatisfy { isAlphanumeric($0) || ":_.@\\-".utf8.contains($0) }
    }

}

/// One line of at most 240 characters without control characters and without anything that looks like a credential.
public struct SafeText: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    /// The schema's limit, in Unicode code points.
    public static let limit = 240

    public static func accepts(_ text: String) -> Bool {
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            guard scalar.value >= 0x20, scalar.value != 0x7F, count <= limit else { return false }
        }
        return !CredentialShape.occurs(in: text)
    }

    /// Text that fits but holds what a terminal acts upon (C1 controls, bidirectional overrides) is shown as escapes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard Self.accepts(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a line of safe text")
        }
        if text.utf8.allSatisfy({ $0 < 0x80 }) || printable(text.filter { $0 != "\\" }) == text.filter({ $0 != "\\" }) {
            self.init(unchecked: text)
        } else {
            self.init(showing: text)
        }
    }

    /// Any text, made to fit: control and formatting characters shown as escapes, cut at the limit, and withheld as a whole if it looks
    /// like a credential.
    public init(showing text: String) {
        // A credential that the cut would hide counts all the same; what lies far behind it says nothing about what is shown.
        let text = String(String.UnicodeScalarView(text.unicodeScalars.prefix(4096)))
        let shown = printable(text, limit: 2000)
        guard !CredentialShape.occurs(in: shown), !CredentialShape.occurs(in: text) else {
            rawValue = "(withheld: it looks like a credential)"
            return
        }
        let scalars = shown.unicodeScalars
        rawValue =
            scalars.count <= Self.limit ? shown : String(String.UnicodeScalarView(scalars.prefix(Self.limit - 1))) + "…"
    }
}

/// The credential shapes that the schema forbids in `safeText`.
enum CredentialShape {
    static func occurs(in text: String) -> Bool {
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "g"):
                if has("github_pat_", bytes, index) { return true }
                if has("gh", bytes, index), index + 3 < bytes.count, "pousr".utf8.contains(bytes[index + 2]),
                    bytes[index + 3] == 95, hasRun(of: 8, bytes, index + 4, isAlphanumeric)
                {
                    return true
                }
            case UInt8(ascii: "s"):
                if has("sk-", bytes, index), hasRun(of: 8, bytes, index + 3, isToken) { return true }
            case UInt8(ascii: "x"):
                if has("xox", bytes, index), index + 4 < bytes.count, "abprs".utf8.contains(bytes[index + 3]),
                    bytes[index + 4] == 45
                {
                    return true
                }
            case UInt8(ascii: "A"):
                if has("AIza", bytes, index), hasRun(of: 10, bytes, index + 4, isToken) { return true }
                if has("AKIA", bytes, index), hasRun(of: 8, bytes, index + 4, { isDigit($0) || (65...90).contains($0) })
                {
                    return true
                }
            case UInt8(ascii: "y"): if has("ya29.", bytes, index) { return true }
            case UInt8(ascii: "1"): if has("1//0", bytes, index) { return true }
            case UInt8(ascii: "-"): if has("-----BEGIN", bytes, index) { return true }
            case UInt8(ascii: "e"):
                if has("eyJ", bytes, index), hasRun(of: 10, bytes, index + 3, isToken) { return true }
            case UInt8(ascii: ":"):
                if index >= 8, hasRun(of: 8, bytes, index - 8, isDigit), hasRun(of: 30, bytes, index + 1, isToken) {
                    return true
                }
            default: break
            }
        }
        return false
    }

    private static func isToken(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == 45 || byte == 95 }

    private static func has(_ word: StaticString, _ bytes: [UInt8], _ index: Int) -> Bool {
        bytes[index...].starts(with: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    /// Whether so many bytes from a place on all are members.
    private static func hasRun(of count: Int, _ bytes: [UInt8], _ start: Int, _ isMember: (UInt8) -> Bool) -> Bool {
        start + count <= bytes.count && bytes[start..<start + count].allSatisfy(isMember)
    }
}

/// Seven to twelve hexadecimal digits: an abbreviated commit id.
public struct ShortHead: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }
    public static func accepts(_ text: String) -> Bool {
        (7...12).contains(text.utf8.count) && text.utf8.allSatisfy(isHex)
    }

    /// The first seven digits of a commit's full id.
    public init?(abbreviating id: String) { self.init(rawValue: String(id.lowercased().prefix(7))) }
}

/// A run's id: 32 hexadecimal digits, or a UUIDv7.
public struct RunIdentifier: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        if bytes.count == 32 { return bytes.allSatisfy(isHex) }
        guard bytes.count == 36, bytes[14] == UInt8(ascii: "7"), "89ab".utf8.contains(bytes[19]) else { return false }
        return bytes.indices.allSatisfy { [8, 13, 18, 23].contains($0) ? bytes[$0] == 45 : isHex(bytes[$0]) }
    }
}

/// Sixteen hexadecimal digits that stay the same for the same trouble.
public struct Fingerprint: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }
    public static func accepts(_ text: String) -> Bool { text.utf8.count == 16 && text.utf8.allSatisfy(isHex) }

    /// The fingerprint of a warning: instance, code and subject.
    init(of parts: [String]) {
        rawValue = hex(Digest.of(Array(parts.joined(separator: "\u{0}").utf8), .sha256).prefix(8))
    }
}

/// A JSON Pointer into the snapshot.
public struct Pointer: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        guard text.hasPrefix("/"), text.utf8.count <= 400 else { return false }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { isAlphanumeric($0) || "~._-".utf8.contains($0) }
        }
    }
}

/// A page of the product's documentation: `docs/operations.md#gateway-down`.
public struct RunbookAnchor: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        func isPlain(_ byte: UInt8) -> Bool { isLower(byte) || isDigit(byte) || byte == 45 }
        guard let page = parts.first, page.hasPrefix("docs/"), page.hasSuffix(".md"), page.utf8.count > 8,
            page.dropFirst(5).dropLast(3).utf8.allSatisfy({ isPlain($0) || $0 == 47 || $0 == 95 })
        else { return false }
        return parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy(isPlain))
    }
}

/// A user's name as useradd takes it.
public struct UserName: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLower(first) || first == 95, text.utf8.count <= 32 else { return false }
        return text.utf8.allSatisfy { isLower($0) || isDigit($0) || $0 == 45 || $0 == 95 }
    }
}

/// An absolute path of plain characters.
public struct PlainPath: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        text.hasPrefix("/") && (2...121).contains(text.utf8.count)
            && text.utf8.allSatisfy { isAlphanumeric($0) || "._/-".utf8.contains($0) }
    }
}

/// An IPv4 address of Tailscale's range, 100.64.0.0/10.
public struct TailscaleAddress: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }

    public static func accepts(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts.allSatisfy({ (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(isDigit) }),
            parts[0] == "100", parts[1].first != "0", let second = Int(parts[1])
        else { return false }
        return (64...127).contains(second)
    }
}

/// The substate of a unit: `[a-z-]{1,32}`.
public struct SubState: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }
    public static func accepts(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy { isLower($0) || $0 == 45 }
    }
}
