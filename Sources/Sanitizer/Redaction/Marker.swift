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
        Marker.start + Array("\(rule):\(fingerprint)".utf8) + Marker.close
    }

    /// `REDACTED_RULE_FINGERPRINT`, for file names, for text that is not UTF-8 and for literals that hold ASCII alone.
    static func ascii(rule: String, fingerprint: String) -> [UInt8] {
        Marker.asciiStart + asciiRule(rule) + Array("_\(fingerprint)".utf8)
    }

    fileprivate static let start = Array("«redacted:".utf8)
    fileprivate static let close = Array("»".utf8)
    fileprivate static let asciiStart = Array("REDACTED_".utf8)
    fileprivate static let reference = Array("${HERMES_OPS_".utf8)

    fileprivate static func asciiRule(_ rule: String) -> [UInt8] {
        rule.utf8.map { EncodedForms.isWord($0) ? $0 : UInt8(ascii: "_") }
    }
}

/// Knows the markers of this program's own making, exactly as it writes them: one of its rules, eight digits, and nothing else. What only
/// begins like a marker is text as any other.
struct MarkerReader: Sendable {
    private let rules: Set<[UInt8]>
    private let asciiRules: Set<[UInt8]>
    /// Of a rule's name, in bytes.
    private let longest: Int
    private static let fingerprint = 8

    /// - Parameter rules: the names that markers can have.
    init(rules: Set<String>) {
        self.rules = Set(rules.map { Array($0.utf8) })
        asciiRules = Set(rules.map(Marker.asciiRule))
        longest = rules.map(\.utf8.count).max() ?? 0
    }

    /// Whether a range is a marker or lies within one.
    func covers(_ range: Range<Int>, in text: UnsafeRawBufferPointer) -> Bool {
        var place = range.lowerBound
        let floor = max(0, place - Marker.start.count - longest - Self.fingerprint - 1 - Marker.close.count)
        while place >= floor {
            if let end = rule(at: place, in: text).map({ $0.upperBound + 1 + Self.fingerprint + Marker.close.count })
                ?? asciiEnd(at: place, in: text), end >= range.upperBound
            {
                return true
            }
            place -= 1
        }
        return false
    }

    /// The rule's name in the marker that begins at `index`, if one does.
    func rule(at index: Int, in text: UnsafeRawBufferPointer) -> Range<Int>? {
        guard Self.has(Marker.start, in: text, at: index) else { return nil }
        let start = index + Marker.start.count
        var end = start
        while end < text.count, end - start <= longest, text[end] != UInt8(ascii: ":") { end += 1 }
        guard Self.isFingerprint(after: end, of: UInt8(ascii: ":"), in: text),
            Self.has(Marker.close, in: text, at: end + 1 + Self.fingerprint), rules.contains(Array(text[start..<end]))
        else { return nil }
        return start..<end
    }

    private func asciiEnd(at index: Int, in text: UnsafeRawBufferPointer) -> Int? {
        guard Self.has(Marker.asciiStart, in: text, at: index) else { return nil }
        let start = index + Marker.asciiStart.count
        var end = start
        while end < text.count, end - start <= longest, EncodedForms.isWord(text[end]) || text[end] == UInt8(ascii: "_")
        {
            if Self.isFingerprint(after: end, of: UInt8(ascii: "_"), in: text),
                asciiRules.contains(Array(text[start..<end]))
            {
                return end + 1 + Self.fingerprint
            }
            end += 1
        }
        return nil
    }

    /// Whether a range holds references to variables of this program's naming, `${HERMES_OPS_…}`, and no letter or digit beside them.
    static func isReference(_ range: Range<Int>, in text: UnsafeRawBufferPointer) -> Bool {
        var index = range.lowerBound
        var references = 0
        while index < range.upperBound {
            if has(Marker.reference, in: text, at: index) {
                index += Marker.reference.count
                while index < text.count, EncodedForms.isWord(text[index]) || text[index] == UInt8(ascii: "_") {
                    index += 1
                }
                guard index < text.count, text[index] == UInt8(ascii: "}") else { return false }
                references += 1
            } else if EncodedForms.isWord(text[index]) || text[index] >= 0x80 {
                return false
            }
            index += 1
        }
        return references > 0
    }

    private static func has(_ bytes: [UInt8], in text: UnsafeRawBufferPointer, at index: Int) -> Bool {
        index + bytes.count <= text.count && text[index] == bytes[0] && text[index...].starts(with: bytes)
    }

    private static func isFingerprint(after index: Int, of separator: UInt8, in text: UnsafeRawBufferPointer) -> Bool {
        guard index + fingerprint < text.count, text[index] == separator else { return false }
        return (index + 1...index + fingerprint).allSatisfy {
            (48...57).contains(text[$0]) || (97...102).contains(text[$0])
        }
    }
}
