/// Scalars of YAML that take several lines (YAML 1.2.2, sections 7.3.1 to 7.3.3): what was found in the first line is a secret to its
/// end.
extension DetectionPass {
    private static let longestScalar = 8192
    private static let mostLines = 40

    func extendScalars() {
        guard syntax == .yaml else { return }
        for index in found.indices {
            let range = found[index].range
            if let end = scalarEnd(range), end > range.upperBound { found[index].range = range.lowerBound..<end }
        }
    }

    /// The end of the scalar that `range` begins, if it goes on behind the line.
    private func scalarEnd(_ range: Range<Int>) -> Int? {
        let isInside = !text[range.lowerBound].isOne(of: "\"'") && text[range.lowerBound - 1].isOne(of: "\"'")
        let open = isInside ? range.lowerBound - 1 : range.lowerBound
        var before = open
        while text[before - 1].isBlank { before -= 1 }
        guard before < open, text[before - 1].isOne(of: ":-") else { return nil }
        guard text[open].isOne(of: "\"'") else { return plainEnd(range) }
        guard let close = closingQuote(of: open), close >= range.upperBound,
            text.first(10, in: range.upperBound..<close) != nil
        else { return nil }
        return isInside ? close : close + 1
    }

    private func closingQuote(of open: Int) -> Int? {
        let quote = text[open]
        var index = open + 1
        while index < min(text.count, open + Self.longestScalar) {
            if quote == UInt8(ascii: "\""), text[index] == UInt8(ascii: "\\") {
                index += 2
            } else if text[index] != quote {
                index += 1
            } else if quote == UInt8(ascii: "'"), text[index + 1] == quote {
                index += 2
            } else {
                return index
            }
        }
        return nil
    }

    /// A scalar without quotes takes all following lines that stand deeper than its key and are no mapping, list or comment.
    private func plainEnd(_ range: Range<Int>) -> Int? {
        var lineEnd = text.skipBlanks(range.upperBound)
        let keyLine = text.lineStart(before: range.lowerBound)
        let keyIndent = text.skipBlanks(keyLine) - keyLine
        var end: Int?
        for _ in 0..<Self.mostLines {
            guard text[lineEnd] == 10 || text[lineEnd] == 13 else { return end }
            let line = text.nextLine(after: lineEnd)
            let start = text.skipBlanks(line)
            lineEnd = text.lineEnd(from: start)
            guard start - line > keyIndent, start < lineEnd, text[start] != UInt8(ascii: "#"),
                text[start] != UInt8(ascii: "-") || text[start + 1] != 32,
                text.find(": ", in: start..<lineEnd) == nil, text[lineEnd - 1] != UInt8(ascii: ":")
            else { return end }
            end = lineEnd
            while let last = end, text[last - 1].isBlank { end = last - 1 }
        }
        return end
    }
}
