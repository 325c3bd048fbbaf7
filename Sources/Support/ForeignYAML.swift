/// A look at YAML text of strangers before a parser composes it. A few hundred bytes of nested aliases mean as many values as nobody can
/// go through, and the composer alone may go through them: it compares keys, and a key may be an alias.
public enum ForeignYAML {
    /// How many bytes of text a document may stand for once its aliases are followed.
    static let limit = 16 << 20

    /// Whether composing the text, and going through all that it means, stays within bounds. Text without aliases always does.
    ///
    /// Nothing is parsed: whatever may be an anchor (`&name`) or an alias of one (`*name`) counts as such, in quotes and comments too.
    /// A document of n bytes stands for at most n · Π (1 + aliases of the anchor), over its anchors: putting the anchor that ends last
    /// in the place of its aliases makes the text, and with it every other alias, that many times as long, and so on.
    public static func isBounded(_ text: [UInt8]) -> Bool {
        guard text.contains(UInt8(ascii: "&")), text.contains(UInt8(ascii: "*")) else { return true }
        var anchors: [ArraySlice<UInt8>: Int] = [:]
        each(UInt8(ascii: "&"), in: text) { name in
            anchors[name, default: 0] += 1
            return true
        }
        var aliases: [ArraySlice<UInt8>: Int] = [:]
        var size = max(1, text.count)
        each(UInt8(ascii: "*"), in: text) { name in
            guard let definitions = anchors[name] else { return true }
            let before = aliases[name] ?? 0
            aliases[name] = before + 1
            // Of an anchor that is set more than once each alias may mean another one.
            let (factor, divisor) = definitions == 1 ? (before + 2, before + 1) : (2, 1)
            let (product, overflows) = (size / divisor).multipliedReportingOverflow(by: factor)
            size = product
            return !overflows && size <= limit
        }
        return size <= limit || aliases.isEmpty
    }

    /// Calls the body with each name after a sign, until it answers false. What follows a letter or digit belongs to a word.
    private static func each(_ sign: UInt8, in text: [UInt8], _ body: (ArraySlice<UInt8>) -> Bool) {
        func isWord(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
        }
        var index = text.startIndex
        while let found = text[index...].firstIndex(of: sign) {
            let name = text[(found + 1)...].prefix { isWord($0) || $0 == UInt8(ascii: "-") }
            index = name.endIndex
            let isInside = found > text.startIndex && isWord(text[found - 1])
            guard isInside || name.isEmpty || body(name) else { return }
        }
    }
}
