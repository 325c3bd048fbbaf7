/// A look at YAML text of strangers before a parser composes it. A few hundred bytes of nested aliases mean as many values as nobody can
/// go through, and the composer alone may go through them: it compares keys, and a key may be an alias.
public enum ForeignYAML {
    /// How many bytes of text a document may stand for once its aliases are followed.
    static let limit = 16 << 20

    /// Whether composing the text, and going through all that it means, stays within bounds. Text without aliases always does.
    ///
    /// Nothing is parsed: whatever may be an anchor (`&name`) or an alias of one (`*name`) counts as such, in quotes and comments too. What
    /// an anchor names ends before its first alias, so that it is at most as long as the text between them, aliases in there followed.
    public static func isBounded(_ text: [UInt8]) -> Bool {
        guard text.contains(anchorSign), text.contains(aliasSign) else { return true }
        struct Anchor {
            /// Where it stands in the text with its aliases followed.
            var start: Int
            /// The most that its alias may stand for, once that is known.
            var size: Int?
            /// Set more than once: an alias may mean the one before.
            var isRepeated = false
        }
        var anchors: [ArraySlice<UInt8>: Anchor] = [:]
        /// By how much the text would be longer so far.
        var added = 0
        var index = text.startIndex
        while let sign = text[index...].firstIndex(where: { $0 == anchorSign || $0 == aliasSign }) {
            let name = text[(sign + 1)...].prefix { isWord($0) || $0 == UInt8(ascii: "-") }
            index = name.endIndex
            // What follows a letter or digit belongs to a word.
            guard !name.isEmpty, sign == text.startIndex || !isWord(text[sign - 1]) else { continue }
            let here = sign + added
            let known = anchors[name]
            if text[sign] == anchorSign {
                anchors[name] = Anchor(
                    start: here, size: known.map { max($0.size ?? 0, here - $0.start) }, isRepeated: known != nil)
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

    private static let anchorSign = UInt8(ascii: "&")
    private static let aliasSign = UInt8(ascii: "*")

    private static func isWord(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
    }
}
