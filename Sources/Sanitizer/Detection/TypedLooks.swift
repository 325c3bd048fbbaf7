/// How passwords look that people or generators make, for places that only hint at one: beside an account, at a note's end.
extension DetectionPass {
    /// Whether a word looks like a password and like nothing else that a sentence or a command may hold there.
    ///
    /// - Parameter besideAccount: an account stands before it, so that capitals and a sign will do.
    func looksTyped(_ range: Range<Int>, besideAccount: Bool = false) -> Bool {
        let profile = ByteProfile(text, range)
        guard (6...64).contains(profile.length), profile.high == 0, profile.letters >= 2 else { return false }
        // Options, variables, formats and hidden files begin like this.
        guard !text[range.lowerBound].isOne(of: "$%&-./:=") else { return false }
        var marks = 0
        var joints = 0
        for index in range {
            switch text[index] {
            case 33, 35, 36, 37, 38, 42, 63, 94: marks += 1
            case 43:
                // `C++17`
                if text[index + 1] == 43 { return false }
                marks += 1
            case 64:
                if text.first(46, in: index..<range.upperBound) != nil { return false }
                marks += 1
            case 45, 46, 95: joints += 1
            case 0...32, 34, 39, 40, 41, 47, 58, 59, 60, 61, 62, 91, 92, 93, 96, 123, 124, 125: return false
            default: break
            }
        }
        guard !judge.isNeverSecret(text, range), !judge.isMadeOfVocabulary(text, range) else { return false }
        // `Class.__init__`, `**Run Command**`
        if text.find("__", in: range) != nil || text.has("**", at: range.upperBound - 2) { return false }
        // `Makefile.*`, `socket_*`, `U+F400`
        if text.find(".*", in: range) != nil || text.find("_*", in: range) != nil
            || text.has("u+", at: range.lowerBound)
        {
            return false
        }
        // `Bug#66068`, `gtk#4400`
        if let hash = text.first(35, in: range), (hash + 1..<range.upperBound).allSatisfy({ text[$0].isDigit }),
            hash - range.lowerBound <= 4, (range.lowerBound..<hash).allSatisfy({ text[$0].isLetter })
        {
            return false
        }
        // `@Cyan4973` is someone's name.
        if text[range.lowerBound] == 64, range.dropFirst().allSatisfy({ text[$0].isWord }) { return false }
        if marks > 0 {
            // `IPv4+IPv6`, `DS920+`
            if profile.lower == 0, profile.length < 9 { return false }
            if isSum(range) || endsLikeFile(range) { return false }
            let last = text[range.upperBound - 1]
            let isExclaimed = marks == 1 && (last == 33 || last == 63 || last == 43)
            if judge.isNotation(text, range, profile) { return false }
            // `PKCS#5`
            if profile.lower == 0, marks == 1, text.first(35, in: range) != nil { return false }
            if profile.digits > 0 { return !isExclaimed || profile.digits > 1 || profile.changes >= 3 }
            return besideAccount && profile.lower > 1 && (profile.upper > 1 || (profile.upper > 0 && !isExclaimed))
        }
        guard profile.digits > 0 else { return false }
        if joints > 0 {
            if endsLikeFile(range) { return false }
            if profile.looksRandom, profile.upper > 1, profile.lower > 1, !judge.isSlug(text, range),
                range.count(where: { text[$0] == 46 }) < 2, !isMember(range)
            {
                return true
            }
            // `Falke_81`, `Rex53_`
            if besideAccount, profile.upper > 0, profile.lower > 1, profile.digits > 1,
                text.first(95, in: range) != nil,
                text.first(46, in: range) == nil, !judge.isIdentifier(text, range) || profile.length <= 14
            {
                return true
            }
            // `M4pl3_90`
            if besideAccount, profile.upper > 0, profile.lower > 0, profile.digits > 1, profile.changes >= 4 {
                return true
            }
            return isJoinedWords(range)
        }
        guard profile.upper > 0, profile.lower > 0, profile.length >= 8, !profile.isHex else { return false }
        // `1Password`, `7zip`
        if besideAccount, !text[range.lowerBound].isDigit || profile.digits > 1 || profile.changes > 2 { return true }
        return profile.changes >= 3 && !judge.isWordLike(text, range)
    }

    /// `Async+Windows.swift`, `what?.html`
    private func endsLikeFile(_ range: Range<Int>) -> Bool {
        guard let dot = range.last(where: { text[$0] == 46 }), dot > range.lowerBound else { return false }
        if range.upperBound - dot == 2 { return text[dot + 1].isOne(of: "chSm") }
        return (2...5).contains(range.upperBound - dot - 1)
            && (dot + 1..<range.upperBound).allSatisfy { text[$0].isLower }
    }

    /// Short parts around a plus sign and no other mark.
    private func isSum(_ range: Range<Int>) -> Bool {
        guard let plus = text.first(43, in: range),
            !range.contains(where: { text[$0].isOne(of: "!#$%&*?^@") })
        else { return false }
        return plus - range.lowerBound <= 5 && range.upperBound - plus <= 6
    }

    /// `walrus-copper-violin-harvest`: four words or more of small letters that one sign joins, as generators of passphrases draw them,
    /// and none that names a secret or stands for one.
    func isDrawnWords(_ range: Range<Int>) -> Bool {
        guard let joint = range.first(where: { !text[$0].isLower }), text[joint].isOne(of: "-._ ") else { return false }
        var words = 0
        var start = range.lowerBound
        for index in range.lowerBound...range.upperBound where index == range.upperBound || text[index] == text[joint] {
            let word = start..<index
            guard (3...9).contains(word.count), word.allSatisfy({ text[$0].isLower }),
                !judge.lexicon.isVocabulary(text, word), judge.placeholders.flags(text, word) == 0
            else { return false }
            words += 1
            start = index + 1
        }
        return words >= 4 && words <= 10
    }

    /// `copper-lantern82`, `velvet_goblin_7`: words of three letters or more, the last with a number of one to four digits.
    private func isJoinedWords(_ range: Range<Int>) -> Bool {
        var segments = 0
        var start = range.lowerBound
        while start < range.upperBound {
            var end = start
            while end < range.upperBound, text[end].isLetter { end += 1 }
            // `mpn_sub_1` is made of abbreviations.
            if end > start,
                !(start..<end).contains(where: { [97, 101, 105, 111, 117, 121].contains(lowered(text[$0])) })
            {
                return false
            }
            if end - start < 3 {
                // A number of its own ends it.
                return segments >= 2 && end == start && text[start - 1] != 46 && isNumber(start..<range.upperBound)
            }
            segments += 1
            if end == range.upperBound { return false }
            if text[end].isDigit { return segments >= 2 && end - start >= 4 && isNumber(end..<range.upperBound) }
            start = end + 1
        }
        return false
    }

    /// `_win32typing.PyPrinterHANDLE`
    private func isMember(_ range: Range<Int>) -> Bool {
        guard let dot = text.first(46, in: range) else { return false }
        return [range.lowerBound..<dot, dot + 1..<range.upperBound].allSatisfy {
            !$0.isEmpty && (judge.isIdentifier(text, $0) || judge.isWordLike(text, $0))
        }
    }

    private func isNumber(_ range: Range<Int>) -> Bool {
        (1...4).contains(range.count) && range.allSatisfy { text[$0].isDigit }
    }

    /// Groups of one size, four bytes or more, between single blanks, with letters and digits among them: how recovery keys are shown.
    func groupedKey(at start: Int) -> Range<Int>? {
        var position = start
        var size = 0
        var groups = 0
        var end = start
        while groups < 24 {
            let first = position
            while text[position].isLetter || text[position].isDigit { position += 1 }
            let length = position - first
            guard length >= 4, length <= 8, size == 0 || length == size, !text[position].isWord else { break }
            size = length
            groups += 1
            end = position
            guard text[position] == 32 else { break }
            position += 1
        }
        guard groups >= 5 else { return nil }
        let profile = ByteProfile(text, start..<end)
        guard profile.digits >= 3, profile.letters >= groups else { return nil }
        return start..<end
    }

    /// Four groups of four small letters that are no words of the language: an app's password of Google.
    func isAppPassword(_ range: Range<Int>) -> Bool {
        guard range.count == 19 else { return false }
        var known = 0
        for group in 0..<4 {
            let first = range.lowerBound + 5 * group
            guard (first..<first + 4).allSatisfy({ text[$0].isLower }), group == 3 || text[first + 4] == 32 else {
                return false
            }
            if judge.commonWords.flags(text, first..<first + 4) != 0 { known += 1 }
        }
        return known <= 1 && !text[range.upperBound].isWord
    }

    /// The word at `index`, to the next blank, without the marks that end a sentence or a bracket.
    func bareWord(at index: Int, limit: Int = 80) -> Range<Int> {
        var end = index
        while end < text.count, end - index < limit, !text.base[end].isSpace, text.base[end] != 34,
            text.base[end] != 92 || !text.isLineEscape(at: end)
        {
            end += 1
        }
        // An asterisk at the end is a password's, unless it closes what is set in bold.
        let isBold = text[index] == 42 || text[index - 1] == 42
        while end > index,
            text[end - 1].isOne(of: "\"'),.:;\\]`") || (isBold && text[end - 1] == 42)
        { end -= 1 }
        return index..<end
    }
}
