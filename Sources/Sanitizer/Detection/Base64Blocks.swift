/// Content in base64: images, archives, fonts, in one long run or in lines of one width. In so many random letters every token's format and
/// every short name comes up sooner or later; what stands amid them is none.
extension DetectionPass {
    /// Rules that know such a block for what it is.
    private static let blockRules: Set<String> = ["private-key", "encoded-secret", "kubernetes-secret"]
    /// Longer than a token that has no dots: twice an AWS session's front, a Telethon session.
    private static let longRun = 512
    /// Base64 is wrapped at 60, 64, 72 or 76 columns; what lists of keys have in a line is mostly shorter.
    private static let shortestLine = 48

    private static let packedLimit = 16 << 20

    /// Compressed content in base64 may begin at `start`.
    func packedHit(_ start: Int) {
        let before = text[start - 1]
        let isEscape = text[start - 2] == 92 && before.isOne(of: "nrt")
        guard start >= packed.last?.last?.upperBound ?? 0, !before.isBase64 || isEscape, packed.count < 64 else {
            return
        }
        var pieces: [Range<Int>] = []
        var line = start
        while line - start < Self.packedLimit {
            var end = line
            while end < text.count, text.base[end].isBase64 { end += 1 }
            var padded = end
            while text[padded] == 61, padded - end < 2 { padded += 1 }
            guard end > line else { break }
            pieces.append(line..<padded)
            // The last line is shorter.
            if padded > end || padded - line < pieces[0].count { break }
            line = text.skipSpace(padded)
            while text[line].isQuote || text[line] == 44 || text[line] == 92 { line = text.skipSpace(line + 1) }
            guard line > padded else { break }
        }
        if pieces.reduce(0, { $0 + $1.count }) >= 28 { packed.append(pieces) }
    }

    /// Takes out what was found within a block.
    func dropWithinBase64() {
        found.removeAll { !Self.blockRules.contains($0.rule) && isWithinBase64($0.range) }
    }

    private func isWithinBase64(_ range: Range<Int>) -> Bool {
        func standard(_ byte: UInt8) -> Bool { byte.isLetter || byte.isDigit || byte == 43 || byte == 47 }
        func url(_ byte: UInt8) -> Bool { byte.isWord || byte == 45 }
        return isWithinRun(range, of: standard) || isWithinRun(range, of: url) || isWithinLines(range, of: standard)
    }

    /// A part of one run that goes on for long, before it or after it.
    private func isWithinRun(_ range: Range<Int>, of belongs: (UInt8) -> Bool) -> Bool {
        guard range.allSatisfy({ belongs(text[$0]) }), belongs(text[range.lowerBound - 1]) else { return false }
        let run = run(around: range, of: belongs, limit: Self.longRun)
        guard run.count >= Self.longRun, run.count >= 2 * range.count else { return false }
        return isMixed(run.lowerBound..<range.lowerBound) || isMixed(range.upperBound..<run.upperBound)
    }

    /// A part of a line amid lines of the same width. A block's first line may be the value of a name before it.
    private func isWithinLines(_ range: Range<Int>, of belongs: (UInt8) -> Bool) -> Bool {
        guard range.allSatisfy({ belongs(text[$0]) || text[$0] == 61 }) else { return false }
        let line = run(around: range, of: belongs, limit: 256)
        let width = line.count
        let before = lines(from: line, forward: false, of: belongs)
        let after = lines(from: line, forward: true, of: belongs)
        let isFull = width >= Self.shortestLine
        // The last line is shorter.
        let isLast = !before.isEmpty && before[0].count > width
        guard isFull || isLast else { return false }
        let widest = isLast ? before[0].count : width
        let alike = before.prefix { $0.count == widest } + (isLast ? [] : after.prefix { $0.count == widest })
        guard widest >= Self.shortestLine, alike.count >= (isLast ? 3 : 2) else { return false }
        guard before.first?.count == widest || range.lowerBound > line.lowerBound else { return false }
        let pieces = [line] + alike
        return pieces.contains(where: isMixed) && pieces.contains { $0.contains { text[$0] == 43 || text[$0] == 47 } }
    }

    /// Up to four lines beside one, nearest first, as far as each is one run, but for quotes, indentation and signs of comments.
    private func lines(from line: Range<Int>, forward: Bool, of belongs: (UInt8) -> Bool) -> [Range<Int>] {
        var out: [Range<Int>] = []
        var edge = forward ? line.upperBound : line.lowerBound - 1
        while out.count < 4 {
            // Over what stands between two lines; there must be a break in it, and no padding, which ends a block.
            var breaks = 0
            let start = edge
            while edge >= 0, edge < text.count, abs(edge - start) < 48 {
                let byte = text[edge]
                if byte == 10 || byte == 13 || byte == 92 {
                    breaks += 1
                } else if !(byte.isBlank || byte.isQuote || byte.isOne(of: "#*>,;|")),
                    !(text[edge - 1] == 92 && byte.isOne(of: "nrt"))
                {
                    break
                }
                edge += forward ? 1 : -1
            }
            guard breaks > 0, edge >= 0, edge < text.count, belongs(text[edge]) else { break }
            let next = run(around: edge..<edge + 1, of: belongs, limit: 256)
            out.append(next)
            edge = forward ? next.upperBound : next.lowerBound - 1
        }
        return out
    }

    /// The run that a range is part of, at most `limit` bytes to either side; without the letter of a `\n` before it.
    private func run(around range: Range<Int>, of belongs: (UInt8) -> Bool, limit: Int) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while range.lowerBound - start < limit, start > 0, belongs(text[start - 1]) { start -= 1 }
        while end - range.upperBound < limit, end < text.count, belongs(text[end]) { end += 1 }
        if start < range.lowerBound, text[start - 1] == 92, text[start].isOne(of: "nrt") { start += 1 }
        return start..<end
    }

    /// Capitals, small letters and digits, as random bytes give them.
    private func isMixed(_ range: Range<Int>) -> Bool {
        let profile = ByteProfile(text, range)
        return profile.length >= 32 && profile.upper >= 4 && profile.lower >= 4 && profile.digits >= 2
    }
}
