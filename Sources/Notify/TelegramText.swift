/// Cuts text into messages that Telegram takes: at most 4096 UTF-16 code units each (Bot API, sendMessage).
enum TelegramText {
    static let limit = 4096

    /// The pieces in order; joined they are the text. A piece ends after a line or a word where one ends in its last quarter, else
    /// between characters, and only within a character (never within a Unicode scalar) that is longer than a whole message.
    static func pieces(of text: String, limit: Int = limit) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while rest.utf16.count > limit {
            let cut = cut(rest, limit)
            pieces.append(String(rest[..<cut]))
            rest = rest[cut...]
        }
        if !rest.isEmpty { pieces.append(String(rest)) }
        return pieces
    }

    private static func cut(_ text: Substring, _ limit: Int) -> String.Index {
        var units = 0
        var end = text.startIndex
        var afterSpace: String.Index?
        var afterLine: String.Index?
        while end < text.endIndex {
            let next = text.index(after: end)
            let size = text[end..<next].utf16.count
            guard units + size <= limit else { break }
            units += size
            if units > limit * 3 / 4 {
                if text[end].isNewline { afterLine = next } else if text[end].isWhitespace { afterSpace = next }
            }
            end = next
        }
        if let place = afterLine ?? afterSpace { return place }
        if end > text.startIndex { return end }
        // One character alone is over the limit: a base with thousands of marks.
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        units = 0
        while index < scalars.endIndex, units + (scalars[index].value > 0xFFFF ? 2 : 1) <= limit {
            units += scalars[index].value > 0xFFFF ? 2 : 1
            index = scalars.index(after: index)
        }
        return index
    }
}
