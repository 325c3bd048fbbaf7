internal import Support
internal import Yams

/// Replaces secrets by markers so that a text stays valid in its own syntax.
enum Redactor {
    /// The text with a marker in place of each hit. `hits` are in order and do not overlap.
    static func replace(_ text: [UInt8], _ hits: [Hit], asciiOnly: Bool) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count + hits.count * 32)
        var position = 0
        for hit in hits {
            out += text[position..<hit.range.lowerBound]
            let marker =
                asciiOnly || hit.needsASCII
                ? Marker.ascii(rule: hit.rule, fingerprint: hit.fingerprint)
                : Marker.text(rule: hit.rule, fingerprint: hit.fingerprint)
            out += hit.needsQuotes ? [UInt8(ascii: "\"")] + marker + [UInt8(ascii: "\"")] : marker
            position = hit.range.upperBound
        }
        out += text[position...]
        return out
    }

    /// Whether a text that was valid in its syntax still is.
    static func staysValid(_ before: [UInt8], _ after: [UInt8], name: [UInt8]) -> Bool {
        switch FileSyntax(name) {
        case .json, .jsonLines:
            return !before.withUnsafeBytes(JSONScanner.isValid) || after.withUnsafeBytes(JSONScanner.isValid)
        case .yaml: return !parses(before) || parses(after)
        case .toml, .python, .code, .other: return true
        }
    }

    private static func parses(_ text: [UInt8]) -> Bool {
        guard text.count <= 4 << 20, ForeignYAML.isBounded(text) else { return true }
        guard var documents = try? Yams.compose_all(yaml: String(decoding: text, as: UTF8.self)) else { return false }
        while documents.next() != nil {}
        return documents.error == nil
    }
}
