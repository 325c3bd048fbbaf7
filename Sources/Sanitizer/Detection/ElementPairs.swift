/// A name and its value in elements of markup that stand side by side or one in the other:
/// `<elementProp name="password"><stringProp name="Argument.value">x</stringProp></elementProp>`.
extension DetectionPass {
    /// The element that a name's attribute stands in begins its content at `start`: the child that is called a value.
    func childValue(from start: Int, _ name: KeyName, _ nameRange: Range<Int>) -> Bool {
        var index = text.skipSpace(start)
        for _ in 0..<6 {
            guard text[index] == 60, text[index + 1].isLetter,
                let close = text.first(62, in: index..<min(text.count, index + 160))
            else { return false }
            if text[close - 1] != 47, isCalledValue(index + 1..<close) {
                addElementText(close + 1, name, nameRange)
                return true
            }
            // The next child: after the end of this one.
            guard text[close - 1] != 47 else {
                index = text.skipSpace(close + 1)
                continue
            }
            guard let end = text.find("</", in: close..<min(text.count, close + 200)),
                let last = text.first(62, in: end..<min(text.count, end + 80))
            else { return false }
            index = text.skipSpace(last + 1)
        }
        return false
    }

    /// Whether a tag's name ends in "value", or that of one of its attributes' values does.
    private func isCalledValue(_ tag: Range<Int>) -> Bool {
        var index = tag.lowerBound
        while index < tag.upperBound, let found = text.find("value", in: index..<tag.upperBound) {
            let next = text[found + 5]
            if found == tag.lowerBound || !text[found - 1].isLetter || text[found].isUpper,
                next.isQuote || next == 92
                    || ((next == 62 || next == 32) && text.first(32, in: tag.lowerBound..<found) == nil)
            {
                return true
            }
            index = found + 5
        }
        return false
    }

    /// `artifactId`, `version`, `class`: elements of which the one before says nothing.
    func namesThing(_ tag: Range<Int>) -> Bool {
        var end = tag.lowerBound
        while end < tag.upperBound, text[end].isName { end += 1 }
        return ["id", "version", "class", "type", "scope"].contains { (word: StaticString) in
            end - tag.lowerBound >= word.utf8CodeUnitCount && text.has(word, at: end - word.utf8CodeUnitCount)
                && (end - tag.lowerBound == word.utf8CodeUnitCount || text[end - word.utf8CodeUnitCount].isUpper)
        }
    }
}
