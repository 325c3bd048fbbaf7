/// What tests and templates write where a name and its value could stand: counts of passes, cells of results, filters.
extension DetectionPass {
    /// What stands beside a count of passes: `pass: 8636, fail: 0`, `"pass": 12, "skipped": 1`.
    private static let outcomes: [StaticString] = ["fail", "skip", "xfail", "error", "flaky", "todo", "tests", "total"]

    /// Whether a number is the count of what passed, which other counts of the line go with.
    func isCountOfPasses(_ range: Range<Int>, _ value: Range<Int>) -> Bool {
        guard range.count == 4 || range.count == 6, text.has("pass", at: range.lowerBound),
            value.allSatisfy({ text[$0].isDigit || text[$0] == 44 })
        else { return false }
        let around =
            max(
                text.lineStart(before: range.lowerBound, limit: 80), range.lowerBound - 80)..<min(
                text.count, value.upperBound + 80)
        return Self.outcomes.contains { word in
            var from = around.lowerBound
            while let found = text.find(word, in: from..<around.upperBound) {
                if !text[found - 1].isLetter, isCount(found) { return true }
                from = found + 1
            }
            return false
        }
    }

    /// Whether the word that begins at `position` has a number: `fail: 0`, `"skipped": 1`, `3 failed`. Without one, as in `error`
    /// somewhere on the line, it says nothing of what stands behind `pass`.
    private func isCount(_ position: Int) -> Bool {
        if text[position - 1].isBlank, text[position - 2].isDigit { return true }
        var end = position
        while text[end].isLetter { end += 1 }
        if text[end].isQuote { end += 1 }
        end = text.skipBlanks(end)
        guard text[end] == 58 || text[end] == 61 else { return false }
        return text[text.skipBlanks(end + 1)].isDigit
    }

    /// Whether `pass` is a cell of its own that says how something went: `| login | pass | 672 |`.
    func isVerdictCell(_ range: Range<Int>, _ bar: Int) -> Bool {
        guard range.count == 4, text.has("pass", at: range.lowerBound) else { return false }
        var before = range.lowerBound - 1
        while text[before].isOne(of: " *`") || text[before] >= 0x80 { before -= 1 }
        guard text[before] == 124 else { return false }
        var cell = before - 1
        while text[cell].isBlank { cell -= 1 }
        // A cell stands before it, so that this one is no label.
        guard text[cell] > 32, text[cell] != 124 else { return false }
        let first = text.skipBlanks(bar)
        var end = first
        while end - first < 16, text[end].isDigit || text[end].isOne(of: ".,") { end += 1 }
        while end - first < 20, text[end].isLetter { end += 1 }
        return end == first || text[text.skipBlanks(end)] == 124 && text[first].isDigit
    }

    /// Whether the name stands between the marks of a template, where a bar leads to a filter: `{{ .Values.password | b64enc }}`.
    func isInTemplate(_ range: Range<Int>) -> Bool {
        let floor = max(text.lineStart(before: range.lowerBound, limit: 160), range.lowerBound - 160)
        var index = range.lowerBound - 1
        while index > floor {
            if text[index] == 125 { return false }
            if text[index] == 123, text[index - 1] == 123 || text[index + 1] == 37 { return true }
            index -= 1
        }
        return false
    }

    /// Whether a value is the front of a token whose rest a manual leaves to the reader: `sk-or-v1-<key>`, `ghp_{token}`.
    func isCutByPlaceholder(_ value: FoundValue) -> Bool {
        guard !value.isQuoted, text[value.end] == 60 || text[value.end] == 123 || text[value.end] == 91,
            text[value.range.upperBound - 1].isOne(of: "-_.")
        else { return false }
        let close: UInt8 = text[value.end] == 60 ? 62 : text[value.end] + 2
        guard let end = text.first(close, in: value.end..<min(text.count, value.end + 40)) else { return false }
        return (value.end + 1..<end).allSatisfy { text[$0].isWord || text[$0].isOne(of: " -.") }
    }
}
