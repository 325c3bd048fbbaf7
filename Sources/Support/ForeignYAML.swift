/// A look at YAML text of strangers before a parser composes it. A few hundred bytes of nested aliases mean as many values as nobody can
/// go through, and the composer alone may go through them: it compares keys, and a key may be an alias.
public enum ForeignYAML {
    /// How many bytes of text a document may stand for once its aliases are followed.
    static let limit = 16 << 20

    /// Whether composing the text, and going through all that it means, stays within bounds. Text without aliases always does.
    ///
    /// Nothing is parsed: whatever may be an anchor (`&name`) or an alias of one (`*name`) counts as such, in quotes and comments too. What
    /// an anchor names ends where its layout says so, and else before its first alias: it is at most as long as the text up to there,
    /// the aliases in it followed.
    public static func isBounded(_ text: [UInt8]) -> Bool {
        guard text.contains(anchorSign), text.contains(aliasSign) else { return true }
        var layout = Layout(text)
        var anchors: [ArraySlice<UInt8>: Anchor] = [:]
        /// Anchors whose end is known and ahead, the innermost last.
        var open: [(name: ArraySlice<UInt8>, end: Int)] = []
        /// By how much the text would be longer so far.
        var added = 0
        var index = text.startIndex
        while let sign = text[index...].firstIndex(where: { $0 == anchorSign || $0 == aliasSign }) {
            let name = text[(sign + 1)...].prefix { isWord($0) || $0 == UInt8(ascii: "-") }
            index = name.endIndex
            // What follows a letter or digit belongs to a word.
            guard !name.isEmpty, sign == text.startIndex || !isWord(text[sign - 1]) else { continue }
            while let last = open.last, last.end <= sign {
                open.removeLast()
                if let anchor = anchors[last.name], !anchor.isRepeated {
                    anchors[last.name]?.size = anchor.size ?? last.end + added - anchor.start
                }
            }
            let here = sign + added
            let known = anchors[name]
            if text[sign] == anchorSign {
                anchors[name] = Anchor(
                    start: here, size: known.map { max($0.size ?? 0, here - $0.start) }, isRepeated: known != nil)
                if known == nil, let end = layout.end(ofNodeAfter: index) { open.append((name, end)) }
            } else if let known {
                let between = here - known.start
                let size = known.isRepeated ? max(known.size ?? 0, between) : known.size ?? between
                if !known.isRepeated { anchors[name]?.size = size }
                added += size
                guard added <= limit else { return false }
            }
        }
        return true
    }

    private struct Anchor {
        /// Where it stands in the text with its aliases followed.
        var start: Int
        /// The most that its alias may stand for, once that is known.
        var size: Int?
        /// Set more than once: an alias may mean the one before.
        var isRepeated: Bool
    }

    /// Where nodes end, as far as that can be told without parsing.
    private struct Layout {
        private let text: [UInt8]
        /// How many bytes may still be looked at.
        private var budget: Int

        init(_ text: [UInt8]) {
            self.text = text
            budget = 4 * text.count + 4096
        }

        /// The end of what stands after an anchor; nil when it cannot be told.
        ///
        /// A collection in brackets without quotes and comments ends with its bracket. One without brackets ends before the first line
        /// that is indented no more than the anchor's; the items of a list may stand as far left as the key above them.
        mutating func end(ofNodeAfter start: Int) -> Int? {
            var index = start
            func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
            while index < text.count, isSpace(text[index]) { index += 1 }
            if index < text.count, isOpening(text[index]) { return closing(from: index) }
            let (indentation, isItem) = line(around: start)
            while index < text.count {
                budget -= 1
                guard budget > 0, !isOpening(text[index]) else { return nil }
                guard text[index] == 0x0A else {
                    index += 1
                    continue
                }
                let first = text[(index + 1)...].firstIndex { $0 != 0x20 } ?? text.count
                budget -= first - index
                guard first < text.count else { return text.count }
                let isList = text[first] == UInt8(ascii: "-") && !isItem && first - index - 1 == indentation
                if text[first] != 0x0A, text[first] != 0x0D, first - index - 1 <= indentation, !isList {
                    return index + 1
                }
                index = first
            }
            return text.count
        }

        private mutating func closing(from start: Int) -> Int? {
            var depth = 0
            for index in start..<text.count {
                budget -= 1
                guard budget > 0 else { return nil }
                switch text[index] {
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    depth -= 1
                    if depth == 0 { return index + 1 }
                case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "#"), 0x0A: return nil
                default: break
                }
            }
            return nil
        }

        private mutating func line(around index: Int) -> (indentation: Int, isItem: Bool) {
            var start = index
            while start > 0, text[start - 1] != 0x0A, budget > 0 {
                start -= 1
                budget -= 1
            }
            let first = text[start...].firstIndex { $0 != 0x20 } ?? text.count
            return (first - start, first < text.count && text[first] == UInt8(ascii: "-"))
        }

        private func isOpening(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") }
    }

    private static let anchorSign = UInt8(ascii: "&")
    private static let aliasSign = UInt8(ascii: "*")

    private static func isWord(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
    }
}
