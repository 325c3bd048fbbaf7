/// A secret at a place in some bytes.
struct Hit: Sendable, Hashable {
    var range: Range<Int>
    var rule: String
    var fingerprint: String
    /// It stands as a bare JSON or TOML scalar: what replaces it needs quotes.
    var needsQuotes = false
    /// It stands in a literal that holds ASCII alone.
    var needsASCII = false

    /// Hits in order; those that overlap or touch within the same secret become one, under the name of the longest.
    static func merged(_ hits: [Hit]) -> [Hit] {
        var out: [Hit] = []
        let sorted = hits.sorted {
            ($0.range.lowerBound, $1.range.upperBound, $0.rule) < ($1.range.lowerBound, $0.range.upperBound, $1.rule)
        }
        for hit in sorted {
            guard var last = out.last, hit.range.lowerBound < last.range.upperBound else {
                out.append(hit)
                continue
            }
            let union = last.range.lowerBound..<max(last.range.upperBound, hit.range.upperBound)
            // A known value names the secret whatever its encoding.
            if last.rule != KnownValues.rule, hit.rule == KnownValues.rule || hit.range.count > last.range.count {
                (last.rule, last.fingerprint) = (hit.rule, hit.fingerprint)
            }
            last.needsQuotes = last.needsQuotes && union == last.range || hit.needsQuotes && union == hit.range
            last.range = union
            out[out.count - 1] = last
        }
        return out
    }
}

/// A place in a text as people count: lines and characters from 1.
struct SourcePosition: Sendable, Hashable {
    var line: Int
    var column: Int

    /// The places of ascending offsets, in one pass.
    static func of(_ offsets: [Int], in bytes: UnsafeRawBufferPointer) -> [SourcePosition] {
        var out: [SourcePosition] = []
        var line = 1
        var column = 1
        var index = 0
        for offset in offsets {
            while index < min(offset, bytes.count) {
                if bytes[index] == 0x0A {
                    line += 1
                    column = 1
                } else if bytes[index] & 0xC0 != 0x80 {
                    column += 1
                }
                index += 1
            }
            out.append(SourcePosition(line: line, column: column))
        }
        return out
    }
}
