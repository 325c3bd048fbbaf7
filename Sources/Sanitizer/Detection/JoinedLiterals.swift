/// Secrets that code spells in several literals: `"ghp_…" + "…"`, or one below the other in brackets.
extension DetectionPass {
    private static let mostLiterals = 16

    /// Adds the literals that go on with one that was found.
    func joinLiterals() {
        guard syntax.isCode else { return }
        for finding in found {
            var end = finding.range.upperBound
            let quote = text[end]
            guard quote == 34 || quote == 39, text[finding.range.lowerBound - 1] == quote else { continue }
            for _ in 0..<Self.mostLiterals {
                guard let next = nextLiteral(after: end + 1, quote) else { break }
                add(finding.rule, next)
                end = next.upperBound
            }
        }
    }

    /// A literal of a token's bytes that the one before `position` is joined with.
    private func nextLiteral(after position: Int, _ quote: UInt8) -> Range<Int>? {
        var index = position
        var isJoined = false
        while index < text.count, index - position < 200 {
            if text[index] == 10 || (text[index].isOne(of: "+.&") && !isJoined) {
                isJoined = true
            } else if !(text[index].isBlank || text[index] == 13 || (text[index] == 92 && text[index + 1] == 10)) {
                break
            }
            index += 1
        }
        guard isJoined, text[index] == quote else { return nil }
        var end = index + 1
        while text[end].isTokenByte { end += 1 }
        let range = index + 1..<end
        guard text[end] == quote, range.count >= 4, ByteProfile(text, range).digits > 0 || range.count >= 12,
            text[text.skipBlanks(end + 1)] != 58, !judge.isMostlyWords(text, range)
        else { return nil }
        return range
    }
}
