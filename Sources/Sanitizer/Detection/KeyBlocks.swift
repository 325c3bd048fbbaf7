/// Private keys in blocks: PEM (RFC 7468), OpenSSH, PGP (RFC 9580), PuTTY, JSON Web Keys. They stand over lines of their own, or as
/// one string with `\n` inside, at any depth of escaping, or folded and indented in YAML.
extension DetectionPass {
    private static let blockLimit = 64 * 1024

    /// `-----BEGIN` stands at `start..<end`.
    func keyBlockHit(_ start: Int, _ end: Int) {
        guard start >= blockEnd else { return }
        // The label runs to the next five hyphens.
        guard let labelEnd = text.find("-----", in: end..<min(text.count, end + 64)) else { return }
        let label = end..<labelEnd
        guard
            text.find("private", in: label) != nil || text.find("seed", in: label) != nil
                || text.find("secret", in: label) != nil
                || text.find("jwt", in: label) != nil || text.find("openvpn static", in: label) != nil
        else { return }
        let bodyStart = labelEnd + 5
        let limit = min(text.count, bodyStart + Self.blockLimit)
        var stop = armourEnd(from: bodyStart, to: limit) ?? limit
        // A block that another one follows before any end was cut short: the end is the other one's.
        if stop == limit || text.find("-----begin", in: bodyStart..<stop) != nil {
            stop = looseBlockEnd(bodyStart, limit)
        }
        guard stop > bodyStart else { return }
        // What is between the armour lines, less the white space around it.
        var first = text.skipSpace(bodyStart)
        while first < stop,
            text[first] == 34 || text[first] == 39 || text[first] == 43 || text[first] == 44 || text[first].isBlank
                || text[first] == 92
        {
            first = text.skipSpace(first + 1)
        }
        while stop > first, text[stop - 1].isSpace || text[stop - 1] == 45 { stop -= 1 }
        while stop > first + 1, text[stop - 1] == 110, text[stop - 2] == 92 {
            stop -= 2
            while stop > first, text[stop - 1] == 92 { stop -= 1 }
        }
        guard stop > first else { return }
        blockEnd = stop
        var material = 0
        for index in first..<stop where text[index].isBase64 { material += 1 }
        guard material >= 16, material * 2 >= stop - first else { return }
        if text.find("...", in: first..<stop) != nil, stop - first < 200 { return }
        addBlockLines(first..<stop)
    }

    /// The next `-----END`; what was searched for an earlier block is not searched again.
    private func armourEnd(from start: Int, to limit: Int) -> Int? {
        if armourEnds.found < start, armourEnds.searched < limit {
            let from = max(start, armourEnds.searched)
            armourEnds.found = text.find("-----end", in: from..<limit) ?? -1
            armourEnds.searched = armourEnds.found < 0 ? limit - 7 : armourEnds.found
        }
        return armourEnds.found >= start && armourEnds.found < limit ? armourEnds.found : nil
    }

    /// Lines of a block, one finding each, so that line ends, indentation and quotes stay as they are.
    private func addBlockLines(_ range: Range<Int>) {
        var index = range.lowerBound
        while index < range.upperBound {
            index = text.skipSpace(index)
            guard index < range.upperBound else { return }
            let start = index
            while index < range.upperBound, !text[index].isSpace, text[index] != 92, text[index] != 34,
                text[index] != 39
            { index += 1 }
            if index > start {
                // PEM headers (`Proc-Type: 4,ENCRYPTED`) and code between the lines stay.
                let isHeader = text[index - 1] == 58
                if isHeader {
                    index = text.lineEnd(from: index)
                } else if index - start >= 4 || index == range.upperBound, text[start].isBase64 || text[start] == 61,
                    !isMemberName(start..<index)
                {
                    add("private-key", start..<index)
                }
            } else {
                index += 1
            }
        }
    }

    /// `"prompt":` after a block that its string cut short.
    private func isMemberName(_ range: Range<Int>) -> Bool {
        guard text[range.lowerBound - 1].isQuote else { return false }
        var end = range.upperBound
        while text[end] == 92 { end += 1 }
        return text[end] == text[range.lowerBound - 1] && text[text.skipBlanks(end + 1)] == 58
    }

    /// The end of a block without its end line: as far as base64 lines go. Of lines of one width only the last is shorter.
    private func looseBlockEnd(_ start: Int, _ limit: Int) -> Int {
        var end = start
        var index = start
        var width = 0
        while index < limit {
            index = text.skipSpace(index)
            let line = index
            while index < limit, text[index].isBase64 || text[index] == 61 { index += 1 }
            let length = index - line
            guard length >= 16 || index == limit && length > 0 || length > 0 && text[index - 1] == 61 else { break }
            end = index
            if length < width || index < limit && !text[index].isSpace && text[index] != 92 { break }
            width = length
        }
        return end
    }

    /// `Private-Lines: n` of a PuTTY key, then the lines.
    func puttyKeyHit(_ start: Int, _ end: Int) {
        var position = text.skipBlanks(end)
        var count = 0
        while text[position].isDigit, count < 1000 {
            count = count * 10 + Int(text[position] - 48)
            position += 1
        }
        var line = text.nextLine(after: text.lineEnd(from: position))
        for _ in 0..<min(count, 200) {
            let first = text.skipBlanks(line)
            var last = first
            while text[last].isBase64 || text[last] == 61 { last += 1 }
            guard last > first else { return }
            add("private-key", first..<last)
            line = text.nextLine(after: text.lineEnd(from: last))
        }
    }

    /// A private member of a JSON Web Key (RFC 7518, section 6): `d`, `p`, `q`, `dp`, `dq`, `qi`, `k`.
    func jwkHit(_ start: Int, _ end: Int) {
        guard text.quoteDepth(at: start - 1) != nil || !text[start - 1].isWord || text[start - 2] == 92 else { return }
        // `kty` within 3,000 bytes; what was searched is not searched again.
        if keyTypes.searched < start + 3000 {
            var from = max(keyTypes.searched, start - 3000)
            while let next = text.find("kty", in: from..<start + 3000) {
                keyTypes.last = next
                from = next + 3
            }
            keyTypes.searched = start + 2998
        }
        guard keyTypes.last >= start - 3000 else { return }
        // An anchor may hold the opening quote.
        let from = text[end - 1] == 39 && text[end - 2] == 32 ? end - 1 : end
        guard let value = text.readValue(at: from), value.isQuoted, value.range.count >= 16 else { return }
        for index in value.range where !(text[index].isBase64) { return }
        add("private-key", value.range)
    }
}
