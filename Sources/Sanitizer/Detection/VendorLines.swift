/// A vendor's name with a token on the same line, and nothing that says what the token is: `acme login x`, `KEY = "x"  # acme`,
/// "use x for acme", `| acme | prod | x |`.
extension DetectionPass {
    /// A vendor's name stands at `start..<end`.
    func vendorLine(_ start: Int, _ end: Int) {
        let before = text[start - 1]
        if before == 10 || before == 0 || (before == 32 && text[start - 2] == 36) {
            if !syntax.isCode, text[end] == 32 { vendorCommand(from: end) }
            return
        }
        guard before == 32 else { return }
        switch text[start - 2] {
        case 35, 47, 45:
            // A comment at the line's end.
            if syntax.isCode || syntax == .shell {
                quotedTokens(in: text.lineStart(before: start, limit: 240)..<start - 2)
            }
        case 114, 82:
            if !syntax.isCode, text.has(" for ", at: start - 5) { wordBefore(start - 5) }
        default: break
        }
    }

    /// Whether a word is a token as vendors draw them; hex counts at the length of keys.
    private func isVendorToken(_ range: Range<Int>) -> Bool {
        let profile = ByteProfile(text, range)
        guard profile.length >= 20, profile.length <= 200, profile.digits > 1, !judge.isUUID(text, range),
            !profile.isHex || (profile.length == 32 || profile.length == 64 || profile.length == 48)
        else { return false }
        return !judge.isNeverSecret(text, range) && !judge.isSlug(text, range) && !judge.isPath(text, range, profile)
            && judge.isToken(text, range, profile, allowHex: true)
    }

    /// `acme login x`, `acme -k x list`
    private func vendorCommand(from position: Int) {
        let end = text.lineEnd(from: position, limit: 200)
        var index = text.skipBlanks(position)
        for _ in 0..<8 where index < end {
            let first = index
            while index < end, !text[index].isSpace { index += 1 }
            if index - first >= 20, (first..<index).allSatisfy({ text[$0].isTokenByte }), isVendorToken(first..<index) {
                add("command-line", first..<index)
                return
            }
            index = text.skipBlanks(index)
        }
    }

    private func quotedTokens(in line: Range<Int>) {
        var index = line.lowerBound
        while index < line.upperBound {
            guard text[index] == 34 || text[index] == 39, let value = text.readValue(at: index), value.isQuoted,
                value.range.upperBound < line.upperBound
            else {
                index += 1
                continue
            }
            if isVendorToken(value.range) { add("vendor-key", value.range) }
            index = max(value.end, index + 1)
        }
    }

    /// "use x for acme"
    private func wordBefore(_ end: Int) {
        var last = end
        while text[last - 1].isOne(of: "\"'`") { last -= 1 }
        var first = last
        while last - first < 200, text[first - 1].isTokenByte { first -= 1 }
        if last - first >= 20, isVendorToken(first..<last) { add("vendor-key", first..<last) }
    }

    /// `acme - x`, `acme → x`
    func vendorDash(_ name: KeyName, _ position: Int) {
        guard name.hasVendor, !syntax.isCode else { return }
        let start = text.skipBlanks(position)
        let word = bareWord(at: text[start] == 96 ? start + 1 : start, limit: 200)
        if isVendorToken(word) { add("vendor-key", word) }
    }

    /// `| acme | prod | x |`
    func vendorCells(_ name: KeyName, _ position: Int) {
        guard name.hasVendor else { return }
        let end = text.lineEnd(from: position, limit: 300)
        var start = position
        for _ in 0..<4 where start < end {
            var stop = start
            while stop < end, text[stop] != 124 { stop += 1 }
            var first = start
            var last = stop
            while first < last, text[first].isBlank || text[first] == 96 { first += 1 }
            while last > first, text[last - 1].isBlank || text[last - 1] == 96 { last -= 1 }
            if last - first >= 20, (first..<last).allSatisfy({ text[$0].isTokenByte }), isVendorToken(first..<last) {
                add("vendor-key", first..<last)
                return
            }
            start = stop + 1
        }
    }
}
