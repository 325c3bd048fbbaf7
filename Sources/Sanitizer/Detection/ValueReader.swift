/// A value as it stands in the text.
struct FoundValue {
    /// The value's own bytes, without quotes.
    var range: Range<Int>
    /// The quote around it, 0 for none.
    var quote: UInt8 = 0
    /// The first byte after the value and its quote.
    var end: Int
    var isQuoted: Bool { quote != 0 }
}

/// Where a bare value stands, and so what ends it.
enum ValueContext {
    /// An assignment of some syntax.
    case assignment
    /// A parameter of a URL or form.
    case urlParameter
    /// A word of prose or of a command line.
    case word
}

extension ByteText {
    /// The longest value that is read; keys and certificates in blocks have their own rules.
    static let valueLimit = 16_384

    /// Reads the value that begins at `index`, after blanks; nil when there is none on the line.
    func readValue(at index: Int, context: ValueContext = .assignment) -> FoundValue? {
        var start = skipBlanks(index)
        guard start < count else { return nil }
        // String prefixes of programming languages: b"", u'', rf"", @"", $'', L"".
        var probe = start
        while probe - start < 2, self[probe].isLetter || self[probe] == 64 || self[probe] == 36 { probe += 1 }
        if probe > start, quoteDepth(at: probe) != nil { start = probe }
        for entity in ["&#34;", "&quot;", "&#39;", "&apos;"] as [StaticString] where has(entity, at: start) {
            // A quote in HTML.
            let from = start + entity.utf8CodeUnitCount
            guard let to = find(entity, in: from..<min(count, from + 400)) else { return nil }
            return FoundValue(range: from..<to, quote: 34, end: to + entity.utf8CodeUnitCount)
        }
        if let depth = quoteDepth(at: start) {
            return readQuoted(at: start, depth: depth)
        }
        return readBare(at: start, context: context)
    }

    /// The number of backslashes before a quote at `index`; nil when no quote is there. A quote in JSON inside JSON has one backslash,
    /// a level deeper three.
    func quoteDepth(at index: Int) -> Int? {
        var position = index
        while self[position] == UInt8(ascii: "\\") { position += 1 }
        return self[position].isQuote ? position - index : nil
    }

    private func readQuoted(at index: Int, depth: Int) -> FoundValue? {
        let quote = self[index + depth]
        var start = index + depth + 1
        // Triple quotes of Python, Kotlin, Swift, TOML.
        var isTriple = false
        if depth == 0, quote != 96, self[start] == quote, self[start + 1] == quote {
            isTriple = true
            start += 2
        }
        // Two backticks around what may hold one: reStructuredText and Markdown.
        if depth == 0, quote == 96, self[start] == 96, !self[start + 1].isOne(of: "\0 \n\r\t\"'`,;:)}]."),
            let close = find("``", in: start + 1..<min(lineEnd(from: start, limit: 100), start + 100)),
            (start + 1..<close).allSatisfy({ base[$0] > 32 && base[$0] != 61 && base[$0] != 40 })
        {
            return FoundValue(range: start + 1..<close, quote: quote, end: close + 2)
        }
        let limit = min(count, start + Self.valueLimit)
        var position = start
        while position < limit {
            let byte = base[position]
            if byte == UInt8(ascii: "\\") {
                let run = position
                while self[position] == UInt8(ascii: "\\") { position += 1 }
                let length = position - run
                let next = self[position]
                if next.isQuote {
                    // With `depth` backslashes it closes; with fewer an outer string ends; with more it belongs to the value.
                    if next == quote, length == depth, depth > 0 {
                        return FoundValue(range: start..<run, quote: quote, end: position + 1)
                    }
                    if length < depth { return FoundValue(range: start..<run, quote: quote, end: run) }
                    if depth == 0, length.isMultiple(of: 2), next == quote {
                        return FoundValue(range: start..<position, quote: quote, end: position + 1)
                    }
                    position += 1
                } else if length <= depth / 2 + (depth == 0 ? 0 : 1), depth > 0, next == UInt8(ascii: "n") {
                    // A newline of the outer string: this quote never closes.
                    return FoundValue(range: start..<run, quote: quote, end: run)
                }
                continue
            }
            if byte == quote, depth == 0 {
                if !isTriple || (self[position + 1] == quote && self[position + 2] == quote) {
                    // A doubled quote is a quote in SQL and YAML.
                    if !isTriple, quote == 39, self[position + 1] == 39, position > start {
                        position += 2
                        continue
                    }
                    return FoundValue(range: start..<position, quote: quote, end: position + (isTriple ? 3 : 1))
                }
            }
            if depth > 0, byte.isQuote, byte == 34 {
                return FoundValue(range: start..<position, quote: quote, end: position)
            }
            if byte == 10 || byte == 13, !isTriple, quote != 96 {
                // Unterminated on its line: a bare value that begins with a quote.
                return FoundValue(range: start..<position, quote: 0, end: position)
            }
            position += 1
        }
        return FoundValue(range: start..<position, quote: quote, end: position)
    }

    private func readBare(at start: Int, context: ValueContext) -> FoundValue? {
        var position = start
        let limit = min(count, start + Self.valueLimit)
        var openers = 0
        scan: while position < limit {
            let byte = base[position]
            switch byte {
            case 0...32: break scan
            case 34, 96: break scan
            case 39:
                // An apostrophe inside a bare password stays; one before a delimiter closes a quote that was opened before the key.
                let next = self[position + 1]
                if next == 0 || next.isSpace || next == 34 || next == 41 || next == 44 || next == 59 || next == 93
                    || next == 125
                    || next == 62 || next == 46
                {
                    break scan
                }
                position += 1
            case UInt8(ascii: "\\"):
                var after = position
                while self[after] == UInt8(ascii: "\\") { after += 1 }
                let next = self[after]
                if next.isQuote || next == UInt8(ascii: "n") || next == UInt8(ascii: "r") || next == UInt8(ascii: "t")
                    || next == 10 || next == 0 || next == 13
                {
                    break scan
                }
                position = after + 1
            case UInt8(ascii: "<"): break scan
            case UInt8(ascii: ">"):
                if context != .assignment || self[position + 1].isSpace || position + 1 >= count { break scan }
                position += 1
            case UInt8(ascii: ","):
                let next = self[position + 1]
                if context == .urlParameter || next.isSpace || next.isQuote || next == 0 || next == UInt8(ascii: "\\")
                    || looksLikeName(at: position + 1)
                {
                    break scan
                }
                position += 1
            case UInt8(ascii: ";"):
                let next = self[position + 1]
                if context == .urlParameter || next.isSpace || next == 0 || next.isQuote || next == UInt8(ascii: "\\")
                    || looksLikeName(at: position + 1)
                {
                    break scan
                }
                position += 1
            case UInt8(ascii: "&"):
                if context == .urlParameter || looksLikeName(at: position + 1) || has("&amp;", at: position) {
                    break scan
                }
                position += 1
            case UInt8(ascii: "#"):
                if context == .urlParameter { break scan }
                position += 1
            case UInt8(ascii: "|"):
                if self[position + 1] == UInt8(ascii: "|") { break scan }
                position += 1
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"):
                openers += 1
                position += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
                if openers == 0 {
                    let next = self[position + 1]
                    if next == 0 || next.isSpace || next == 44 || next == 58 || next == 59 || next.isQuote || next == 93
                        || next == 125
                        || next == 41 || next == 46 || next == UInt8(ascii: "\\") || context == .urlParameter
                    {
                        break scan
                    }
                } else {
                    openers -= 1
                }
                position += 1
            default: position += 1
            }
        }
        return position > start ? FoundValue(range: start..<position, end: position) : nil
    }

    /// Whether `name=` stands at `index`: the next pair of a list.
    func looksLikeName(at index: Int) -> Bool {
        var position = index
        while position - index < 40,
            self[position].isWord || self[position] == 45 || self[position] == 46 || self[position] == 32
        {
            position += 1
        }
        return position > index && self[position] == UInt8(ascii: "=") && self[index].isLetter
    }
}
