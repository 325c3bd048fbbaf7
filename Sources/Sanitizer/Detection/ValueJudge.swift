/// Tells secrets from what else stands where a secret could: placeholders, references, code, labels, paths, numbers, ids.
final class ValueJudge: Sendable {
    let lexicon: NameLexicon
    let placeholders: WordTable
    let commonWords: WordTable
    let letters: LetterModel

    init(lexicon: NameLexicon, commonWords: [String]) {
        self.lexicon = lexicon
        placeholders = WordTable(
            PlaceholderWords.words.split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })
        letters = LetterModel(words: commonWords)
        self.commonWords = WordTable(commonWords.map { ($0, UInt32(1)) })
    }

    /// Whether the value in `range` under a name of that weight is a secret. `isCode`: bare values are expressions here.
    func isSecret(
        _ text: ByteText, _ value: FoundValue, name: KeyName, isCode: Bool, nameRange: Range<Int>? = nil,
        allowWords: Bool = false
    ) -> Bool {
        let range = value.range
        guard !range.isEmpty, name.level > .none else { return false }
        // The cheap and frequent answers first: counts (`tokens=5600`), short words under weak names.
        if name.kind == .secret || name.kind == .key, text[range.lowerBound].isDigit || range.count < 12 {
            if range.count < (name.level == .weak ? 12 : 6) { return false }
            if range.count < 8, range.allSatisfy({ text[$0].isDigit }) { return false }
        }
        // What looks drawn at random has twelve bytes.
        if name.level == .weak, name.kind != .pin, range.count < 12 { return false }
        if name.level == .weak, holdsPair(text, range) { return false }
        let profile = ByteProfile(text, range)
        if name.level == .weak, name.kind != .pin, !profile.looksRandom, !(name.hasVendor && isUUID(text, range)) {
            return false
        }
        guard !isNeverSecret(text, range) else { return false }
        if !value.isQuoted, isEscapedWord(text, range) { return false }
        if name.kind == .pin {
            if profile.symbols > 0, profile.symbols <= 3, (4...12).contains(profile.digits),
                range.allSatisfy({ text[$0].isDigit || text[$0] == 45 }), text[range.lowerBound] != 45
            {
                return true
            }
            return (3...8).contains(range.count) && profile.isNumber
                || (range.count >= 6 && profile.looksRandom && !hasBlank(text, range) && !isIdentifier(text, range))
        }
        guard profile.length >= (name.kind == .password ? 3 : 6) else { return false }
        if profile.length >= 3, profile.isOfTwoBytes, !(profile.isNumber && name.kind == .password) {
            // A mask or filler; a whole token's length of one letter is an odd token.
            return name.level == .strong && profile.length >= 20 && profile.letters >= 20
                && lowered(text[range.lowerBound]) != 120
                && profile.symbols <= 1
        }
        if isSecretDespiteItsShape(text, range, profile) { return name.level > .weak || profile.looksRandom }
        if isPath(text, range, profile) || isAddress(text, range, kind: name.kind) { return false }
        if !value.isQuoted, isExpression(text, value, isCode: isCode, profile: profile) { return false }
        if !(name.kind == .password && name.level == .strong && profile.digits > 0 && !isCode),
            isIdentifierPath(text, range, profile)
        {
            return false
        }
        if isMadeOfVocabulary(text, range) || isNotation(text, range, profile) { return false }
        if isRegularExpression(text, range) || isVersion(text, range) { return false }
        if name.level <= .medium, name.kind != .password, isSlug(text, range) { return false }
        if let nameRange, equalsIgnoringStyle(text, range, nameRange) || repeatsTail(text, range, nameRange) {
            return false
        }
        if hasBlank(text, range) {
            let isPhrase = nameRange.map { text.find("phrase", in: $0) != nil } ?? false
            return (name.kind == .password || (allowWords && name.kind == .secret))
                && isPassphrase(text, range, profile, isPhrase: isPhrase || allowWords)
        }
        if name.level == .weak {
            return isToken(text, range, profile, allowHex: name.hasVendor || name.kind == .secret)
        }
        switch name.kind {
        case .password:
            if profile.isNumber { return profile.length >= 4 }
            if profile.high * 2 > profile.length,
                !value.isQuoted
                    || Self.passwordWords.contains(where: {
                        text.find($0, in: range) != nil
                    })
            {
                return false
            }
            if name.level == .medium {
                return profile.digits > 0 || profile.symbols > 0 && !isWordPath(text, range)
                    || !isWord(text, range, profile)
            }
            // A bare word after `=` in code is a variable; in a configuration it is a weak password.
            if !value.isQuoted, isCode { return profile.digits > 0 }
            return true
        default:
            if profile.isNumber { return profile.length >= (name.level == .strong ? 8 : 24) && profile.distinct >= 4 }
            if isIdentity(text, range) { return false }
            if isColonPath(text, range) { return false }
            if profile.high > 0 { return false }
            if name.level == .medium { return isToken(text, range, profile, allowHex: true) || looksTyped(profile) }
            if allowWords, name.level == .strong, profile.digits == 0, profile.upper <= 1,
                profile.letters == profile.length || (value.isQuoted && isWordPath(text, range)),
                profile.length >= 9, commonWords.flags(text, range) == 0
            {
                return true
            }
            if profile.digits == 0, profile.symbols == 0 || isWordPath(text, range) {
                return profile.length >= 7 && !isWord(text, range, profile) && !(isCode && !value.isQuoted)
            }
            return profile.length >= 8 || profile.looksRandom || looksTyped(profile)
        }
    }

    /// In sentences of other scripts: an interface's texts under names of fields.
    private static let passwordWords: [StaticString] = [
        "パスワード", "密码", "密碼", "пароль", "Пароль", "비밀번호", "סיסמה", "كلمة",
    ]

    /// Whether the value is itself `name=value`, as in logs: `telegram: chat=-100123`.
    /// `f\u00fcr`: a word whose letters beyond ASCII are escaped, its digits are none.
    private func isEscapedWord(_ text: ByteText, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        var escapes = 0
        while index < range.upperBound {
            if text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u"),
                (index + 2..<index + 6).allSatisfy({ text[$0].isHex }), text[index + 2] == 48
            {
                escapes += 1
                index += 6
            } else if text[index].isLetter {
                index += 1
            } else {
                return false
            }
        }
        return escapes > 0
    }

    func holdsPair(_ text: ByteText, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound, text[index].isLower || text[index] == 95 { index += 1 }
        return index > range.lowerBound && text[index] == 61 && index + 1 < range.upperBound && text[index + 1] != 61
    }

    /// Whether a run found by itself, with only its surroundings to speak for it, is drawn at random and no id, hash or path.
    func isToken(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile, allowHex: Bool) -> Bool {
        if isUUID(text, range) { return allowHex && profile.distinct >= 8 }
        guard profile.length >= 12, profile.looksRandom, !isIdentity(text, range), !isColonPath(text, range) else {
            return false
        }
        if profile.isHex, !allowHex { return false }
        return profile.isHex || !isMostlyWords(text, range) && !isIdentifier(text, range)
    }

    /// Words of a typed secret: letters with digits or symbols.
    func looksTyped(_ profile: ByteProfile) -> Bool {
        profile.length >= 6 && profile.letters > 0 && profile.digits + profile.symbols > 0 && profile.changes >= 1
            && profile.digits > 0
    }
}
