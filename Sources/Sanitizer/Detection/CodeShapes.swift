/// What source code puts where a secret could stand. Code comes in notes, logs and sessions as well as in files of its own, so that
/// these questions are asked of every text.
extension DetectionPass {
    /// Whether a keyword before the name declares it: `struct CoroElidePass : Base`, `class SigningKey(metaclass=…):`, `def token(x):`.
    func isDeclared(_ range: Range<Int>) -> Bool {
        guard text[range.lowerBound - 1] == 32 else { return false }
        var end = range.lowerBound - 1
        while text[end - 1] == 32, range.lowerBound - end < 8 { end -= 1 }
        var first = end
        while text[first - 1].isLower, end - first < 10 { first -= 1 }
        // `\nstruct` in a string of JSON.
        if text[first - 1] == 92, end - first > 3 { first += 1 }
        guard end - first >= 3, !text[first - 1].isWord else { return false }
        func isWord(_ word: StaticString) -> Bool {
            end - first == word.utf8CodeUnitCount && text.has(word, at: first)
        }
        if Self.declarators.contains(where: isWord) { return true }
        // Words of the language too: "the class password" has no capitals or underscores inside.
        return Self.looseDeclarators.contains(where: isWord)
            && range.dropFirst().contains { text[$0] == 95 || (text[$0].isUpper && text[$0 - 1].isLower) }
    }

    private static let declarators: [StaticString] = ["struct", "enum", "typedef", "typename", "def", "namespace"]
    private static let looseDeclarators: [StaticString] = [
        "class", "union", "interface", "trait", "protocol", "function", "func", "sub", "module", "package", "import",
        "public",
    ]

    /// Whether `*name` at `position` is a pointer or dereference and no emphasis: `char *tokens;`, `FunctionPass *createX(`.
    func isPointer(_ position: Int) -> Bool {
        var first = position
        while text[first] == 42, first - position < 3 { first += 1 }
        return isDeclarator(first, orIdentifier: true)
    }

    /// Whether the identifier at `first` is followed by what ends a declarator.
    func isDeclarator(_ first: Int, orIdentifier: Bool) -> Bool {
        var end = first
        while text[end].isWord { end += 1 }
        guard end - first >= 2, !text[first].isDigit, text[end] != 42 else { return false }
        let next = text[text.skipBlanks(end)]
        if next.isOne(of: "(),;=[") { return true }
        return orIdentifier && judge.isIdentifier(text, first..<end)
    }

    /// Whether an operator compares or matches and sets nothing: `token == END`, `auth =~ s/a/b/`, `(cd "$d" && pwd) || exit 1`,
    /// `@token: what it is` of a comment.
    func isTest(at position: Int, _ value: FoundValue, closedQuote: Bool, name: Range<Int>) -> Bool {
        switch (text[position], text[position + 1]) {
        case (61, 126): return true
        case (61, 61), (33, 61), (124, 124): return !value.isQuoted
        case (45, 62) where position == name.upperBound && text[position + 2].isLetter:
            // `$pw->shell`, `token->attr(`
            let profile = ByteProfile(text, value.range)
            return !value.isQuoted && (profile.digits == 0 || text.first(40, in: value.range) != nil)
        case (58, _) where text[name.lowerBound - 1] == 64: return !value.isQuoted
        case (58, _) where !value.isQuoted && (isFileOrPage(name) || endsLikeSource(name)): return true
        case (58, _) where text[name.lowerBound - 1] == 58 || text[name.lowerBound - 1] == 40:
            // `name:passwd:UID:GID`, `(get_user_pwd): Don't define` of a list of changes
            return !value.isQuoted
                && value.range.allSatisfy { text[$0].isLetter || text[$0] == 58 || text[$0] == 95 || text[$0] == 39 }
        case (58, _) where closedQuote:
            // `if kind == "password": raise x`
            var before = name.lowerBound - 1
            while text[before].isQuote || text[before] == 92 { before -= 1 }
            // `passed ? "PASS" : "FAIL"`
            if text[before] == 32, text[before - 1] == 63, text[position - 1] == 32 { return true }
            return !value.isQuoted && text[before] == 32 && text[before - 1] == 61 && text[before - 2] == 61
        default: return false
        }
    }

    /// "Sonnenschein für den Router": what a password is for follows it.
    func goesOnWithPlace(_ start: Int) -> Bool {
        (["for ", "für ", "para ", "pour ", "per ", "on ", "at ", "bei ", "am ", "im ", "auf "] as [StaticString])
            .contains {
                text.has($0, at: start)
            }
    }

    /// A logger's name after the level of its line: `INFO gateway.telegram: connected`.
    func isLogger(_ range: Range<Int>) -> Bool {
        var end = range.lowerBound
        while text[end - 1].isOne(of: " []:"), range.lowerBound - end < 8 { end -= 1 }
        var first = end
        while text[first - 1].isUpper, end - first < 9 { first -= 1 }
        guard end < range.lowerBound, !text[first - 1].isWord else { return false }
        return
            (["info", "debug", "warning", "warn", "error", "critical", "notice", "trace", "fatal"] as [StaticString])
            .contains { end - first == $0.utf8CodeUnitCount && text.has($0, at: first) }
    }

    /// `PASS: a.exp: runs` among the lines of a test's log, `--- PASS: TestX (0.00s)`.
    func isVerdict(_ range: Range<Int>) -> Bool {
        guard range.count == 4, text[range.lowerBound] == 80, text[range.lowerBound + 3] == 83,
            text[range.upperBound] == 58
        else { return false }
        if text.has("--- ", at: range.lowerBound - 4) { return true }
        func isVerdict(_ line: Int) -> Bool {
            let first = text.skipBlanks(line)
            return Self.verdicts.contains { text.has($0, at: first) }
        }
        let start = text.lineStart(before: range.lowerBound, limit: 80)
        return isVerdict(text.lineStart(before: start - 1, limit: 300))
            || isVerdict(text.nextLine(after: text.lineEnd(from: range.upperBound, limit: 400)))
    }

    private static let verdicts: [StaticString] = [
        "pass: ", "fail: ", "xfail: ", "xpass: ", "kfail: ", "error: ", "skip: ", "untested: ", "unsupported: ",
        "running ",
    ]

    /// Whether the name in `range` is the file of a path, or a page of the manual: `/run/secrets/pw`, `passwd.5`.
    func isFileOrPage(_ range: Range<Int>) -> Bool {
        if text[range.upperBound - 2] == 46, text[range.upperBound - 1].isDigit { return true }
        guard text[range.lowerBound - 1] == 47 else { return false }
        var first = range.lowerBound - 1
        while text[first - 1].isName, range.lowerBound - first < 80 { first -= 1 }
        // `user/pw x` has one slash, `/secrets/pw` and `~/pw` more or one at the front.
        return first == range.lowerBound - 1 || text[first - 1] == 47 || text[first - 1] == 126
    }

    /// `src/passwd.c`, `man/passwd.1`, `passwd.master`
    func endsLikeSource(_ range: Range<Int>) -> Bool {
        ([".c", ".h", ".cc", ".py", ".pl", ".sh", ".xml", ".html", ".master", ".in", ".am"] as [StaticString]).contains
        {
            text.has($0, at: range.upperBound - $0.utf8CodeUnitCount)
        }
    }

    /// `name:5d41402abc4b2a76b9719d911017c592` among lines of the same make: a list of checksums.
    func isChecksumLine(_ value: FoundValue, colon: Int) -> Bool {
        guard !value.isQuoted, text[colon] == 58, value.range.lowerBound == colon + 1,
            [32, 40, 64].contains(value.range.count), ByteProfile(text, value.range).isHex
        else { return false }
        func isSame(_ lineEnd: Int) -> Bool {
            let first = lineEnd - value.range.count
            guard first > 1, text[first - 1] == 58, !text[lineEnd].isWord,
                (first..<lineEnd).allSatisfy({ text[$0].isHex })
            else { return false }
            var start = first - 1
            while text[start - 1].isName { start -= 1 }
            return start < first - 1 && readName(start..<first - 1).level == .none
        }
        let before = text.lineStart(before: colon, limit: 120)
        let next = text.nextLine(after: value.end)
        return isSame(before - 1) || isSame(text.lineEnd(from: next, limit: 200))
    }
}

extension ValueJudge {
    /// Whether a run is named as programs name things: words, with a capital, a digit or an underscore where the next begins
    /// (`xmlSecGnuTLSAppKeyLoad`, `hmac_sha256_ctx`).
    func isIdentifier(_ text: ByteText, _ whole: Range<Int>) -> Bool {
        // `@name` of a comment.
        let range = text[whole.lowerBound] == 64 ? whole.lowerBound + 1..<whole.upperBound : whole
        guard !range.isEmpty, !text[range.lowerBound].isDigit, range.allSatisfy({ text[$0].isWord }) else {
            return false
        }
        let joints = range.count(where: { text[$0] == 95 })
        let isSnake = joints > 0
        var (words, letters, unknown, known, digits, numbers) = (0, 0, 0, 0, 0, 0)
        lexicon.forEachWord(text, range) { word in
            if text[word.lowerBound].isDigit {
                digits += word.count
                numbers += 1
                return
            }
            words += 1
            letters += word.count
            if commonWords.flags(text, word) != 0 || placeholders.flags(text, word) != 0
                || lexicon.flags(of: text, word) != 0
            {
                known += word.count
                return
            }
            guard word.count >= 4, self.letters.score(text, word) <= LetterModel.threshold else { return }
            // `SEC_OID_PKCS1`: abbreviations are no words.
            if isSnake, word.count <= 6, word.allSatisfy({ text[$0].isUpper }) { return }
            unknown += word.count
        }
        guard words > 1, digits * 3 <= range.count, numbers <= 3 else { return false }
        // `X509v3_KU_KEY_SIGN`: parts between underscores, half of them words.
        if joints >= 2, known * 2 >= letters { return true }
        return letters * 10 >= words * 32 && unknown * 4 <= letters
    }

    /// `kwargs.get(`, `cls._process(`, `token->attr(`, `Type::make(`, `argv.parts[`: names joined by member operators up to a call or
    /// subscript.
    func isMemberCall(_ text: ByteText, _ range: Range<Int>) -> Bool {
        var position = range.lowerBound
        var joints = 0
        var digits = 0
        while position < range.upperBound {
            let first = position
            guard text[position].isLetter || text[position] == 95 else { return false }
            while text[position].isWord {
                if text[position].isDigit { digits += 1 }
                position += 1
            }
            guard position - first >= 2 else { return false }
            if text[position] == 40 || text[position] == 91 {
                return joints > 0 && position < range.upperBound && digits * 3 <= position - range.lowerBound
            }
            switch (text[position], text[position + 1]) {
            case (46, _): position += 1
            case (45, 62), (58, 58): position += 2
            default: return false
            }
            joints += 1
        }
        return false
    }

    /// A regular expression: two of its marks at least.
    func isRegularExpression(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard range.contains(where: { text[$0].isOne(of: "(*+[\\") }) else { return false }
        if text.has("qr/", at: range.lowerBound) || text.has("/^", at: range.lowerBound) { return true }
        return Self.expressionMarks.count(where: { text.find($0, in: range) != nil }) >= 2
    }

    private static let expressionMarks: [StaticString] = [
        "(?:", "(?=", "(?!", "(?p<", "[^", "[a-z", "[0-9", "\\s", "\\d", "\\w", "\\b", ".*", ".+", ")?", ")$", "|(",
        "%s|",
    ]

    /// `0x00000010UL`: a number that fits a machine's word.
    func isHexConstant(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard text[range.lowerBound] == 48, text[range.lowerBound + 1] | 32 == 120, range.count <= 21 else {
            return false
        }
        var index = range.lowerBound + 2
        while index < range.upperBound, text[index].isHex { index += 1 }
        guard (1...16).contains(index - range.lowerBound - 2) else { return false }
        while index < range.upperBound, [108, 117].contains(text[index] | 32) { index += 1 }
        return index == range.upperBound || (index + 1 == range.upperBound && text[index].isOne(of: ";,"))
    }

    /// `^3.0.3`, `>=2.1`, `1.302103`: a version or what versions will do.
    func isVersion(_ text: ByteText, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound, text[index].isOne(of: "^~=><v") { index += 1 }
        return text[index].isDigit && text[range.upperBound - 1].isDigit
            && text.first(46, in: index..<range.upperBound) != nil
            && (index..<range.upperBound).allSatisfy { text[$0].isDigit || text[$0] == 46 }
    }

    /// `2002-04-18T16:56:53Z`, `2026-05-19 14:43:34`: a moment.
    func isTimestamp(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard range.count >= 19, range.count <= 35 else { return false }
        let start = range.lowerBound
        for (offset, wanted) in "dddd-dd-ddTdd:dd:dd".utf8.enumerated() {
            let byte = text[start + offset]
            switch wanted {
            case 100: guard byte.isDigit else { return false }
            case 84: guard byte == 84 || byte == 32 || byte == 116 else { return false }
            default: guard byte == wanted else { return false }
            }
        }
        return true
    }

    /// Whether the value repeats the end of its name, in whatever style: `SSL_TXT_kPSK "kPSK"`, `SN_kx_psk "KxPSK"`.
    func repeatsTail(_ text: ByteText, _ range: Range<Int>, _ name: Range<Int>) -> Bool {
        func isPlain(_ index: Int) -> Bool { text[index].isLetter || text[index].isDigit }
        var left = range.upperBound
        var right = name.upperBound
        var letters = 0
        while true {
            while left > range.lowerBound, !isPlain(left - 1) { left -= 1 }
            if left == range.lowerBound { break }
            while right > name.lowerBound, !isPlain(right - 1) { right -= 1 }
            guard right > name.lowerBound, lowered(text[left - 1]) == lowered(text[right - 1]) else { return false }
            left -= 1
            right -= 1
            letters += 1
        }
        return letters >= 4 && (!isPlain(right - 1) || right <= name.lowerBound)
    }
}
