/// Tells secrets from what else stands where a secret could: placeholders, references, code, labels, paths, numbers, ids.
struct ValueJudge: Sendable {
    let lexicon: NameLexicon
    private let placeholders: WordTable
    private let commonWords: WordTable
    private let letters: LetterModel

    init(lexicon: NameLexicon, commonWords: [String]) {
        self.lexicon = lexicon
        placeholders = WordTable(
            PlaceholderWords.words.split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })
        letters = LetterModel(words: commonWords)
        self.commonWords = WordTable(commonWords.map { ($0, UInt32(1)) })
    }

    /// Whether the value in `range` under a name of that weight is a secret. `isCode`: bare values are expressions here.
    func isSecret(
        _ text: ByteText, _ value: FoundValue, name: KeyName, isCode: Bool, nameRange: Range<Int>? = nil
    ) -> Bool {
        let range = value.range
        guard !range.isEmpty, name.level > .none else { return false }
        // The cheap and frequent answers first: counts (`tokens=5600`), short words under weak names.
        if name.kind == .secret || name.kind == .key, text[range.lowerBound].isDigit || range.count < 12 {
            if range.count < (name.level == .weak ? 12 : 6) { return false }
            if range.count < 8, range.allSatisfy({ text[$0].isDigit }) { return false }
        }
        let profile = ByteProfile(text, range)
        if name.level == .weak, name.kind != .pin, !profile.looksRandom { return false }
        guard !isNeverSecret(text, range) else { return false }
        if name.kind == .pin {
            return (3...8).contains(range.count) && profile.isNumber || (range.count >= 6 && profile.looksRandom)
        }
        guard profile.length >= (name.kind == .password ? 3 : 6) else { return false }
        if profile.distinct <= 2, profile.length >= 3, !(profile.isNumber && name.kind == .password) {
            // A mask or filler; a whole token's length of one letter is an odd token.
            return name.level == .strong && profile.length >= 20 && profile.letters >= 20
                && lowered(text[range.lowerBound]) != 120
                && profile.symbols <= 1
        }
        if isSecretDespiteItsShape(text, range, profile) { return name.level > .weak || profile.looksRandom }
        if isPath(text, range, profile) || isAddress(text, range, kind: name.kind) { return false }
        if !value.isQuoted, isExpression(text, value, isCode: isCode, profile: profile) { return false }
        if isIdentifierPath(text, range, profile) { return false }
        if isMadeOfVocabulary(text, range) { return false }
        if let nameRange, equalsIgnoringStyle(text, range, nameRange) { return false }
        if hasBlank(text, range) { return name.kind == .password && isPassphrase(text, range, profile) }
        if name.level == .weak {
            return isToken(text, range, profile, allowHex: name.hasVendor || name.kind == .secret)
        }
        switch name.kind {
        case .password:
            if profile.isNumber { return profile.length >= 4 }
            if profile.high * 2 > profile.length, !value.isQuoted { return false }
            if name.level == .medium {
                return profile.digits > 0 || profile.symbols > 0 || !isWord(text, range, profile)
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
            if profile.digits == 0, profile.symbols == 0 || isWordPath(text, range) {
                return profile.length >= 7 && !isWord(text, range, profile) && !(isCode && !value.isQuoted)
            }
            return profile.length >= 8 || profile.looksRandom || looksTyped(profile)
        }
    }

    /// Whether a run found by itself, with only its surroundings to speak for it, is drawn at random and no id, hash or path.
    func isToken(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile, allowHex: Bool) -> Bool {
        guard profile.length >= 12, profile.looksRandom, !isIdentity(text, range), !isColonPath(text, range) else {
            return false
        }
        if profile.isHex, !allowHex { return false }
        if !allowHex, isUUID(text, range) { return false }
        return profile.isHex || !isMostlyWords(text, range)
    }

    /// Words of a typed secret: letters with digits or symbols.
    private func looksTyped(_ profile: ByteProfile) -> Bool {
        profile.length >= 6 && profile.letters > 0 && profile.digits + profile.symbols > 0 && profile.changes >= 1
            && profile.digits > 0
    }

    // MARK: What is never a secret

    /// Our own markers, masks, references to secrets kept elsewhere, ciphertexts and public material.
    func isNeverSecret(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let start = range.lowerBound
        let first = text[start]
        let length = range.count
        let last = text[range.upperBound - 1]
        switch first {
        case UInt8(ascii: "$"):
            let next = text[start + 1]
            // `$y$`, `$6$`, `$2b$`, `$argon2id$` are hashes, `$NAME` and `${NAME}` references.
            if next == UInt8(ascii: "{") || next == UInt8(ascii: "(") || next == UInt8(ascii: "[") { return true }
            if next.isLetter || next == 95 {
                var index = start + 1
                while index < range.upperBound,
                    text[index].isWord || text[index] == 46 || text[index] == 45 || text[index] == 62
                {
                    index += 1
                }
                if index == range.upperBound { return true }
                // `$NAME/rest`, `$name->field`, `$Config['x']`
                if text[index] == UInt8(ascii: "[") || text[index] == UInt8(ascii: "(") || text[index] == 47 {
                    return true
                }
            }
        case UInt8(ascii: "%"):
            if last == UInt8(ascii: "%"), length > 2 { return true }
            if length <= 3 || text[start + 1] == UInt8(ascii: "(") || text[start + 1] == UInt8(ascii: "{") {
                return true
            }
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "("): return true
        case UInt8(ascii: "<"): return true
        case UInt8(ascii: "!"):
            if text[start + 1].isUpper || text.has("!vault", at: start) || text.has("!secret", at: start)
                || text.has("!env", at: start) || text.has("!ref", at: start)
            {
                return true
            }
        case UInt8(ascii: "#"):
            if text[start + 1] == UInt8(ascii: "{") || length == 1 { return true }
        case UInt8(ascii: "@"):
            if [64, 123, 47, 46].contains(text[start + 1]) { return true }
        case UInt8(ascii: "*"), UInt8(ascii: "-"), UInt8(ascii: "|"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            if length <= 2 { return true }
        case UInt8(ascii: "s"):
            if text.has("ssh-", at: start) || text.has("secret://", at: start) || text.has("sops:", at: start) {
                return true
            }
            if text.has("sha256:", at: start) || text.has("sha512-", at: start) || text.has("sha1-", at: start) {
                return true
            }
            if text.has("ssm:", at: start) || text.has("secretsmanager:", at: start) || text.has("sha256-", at: start) {
                return true
            }
        case UInt8(ascii: "S"):
            if text.has("sha256:", at: start) { return true }
        case UInt8(ascii: "M"):
            // SubjectPublicKeyInfo and certificates in DER.
            if text.has("migfma0", at: start) || text.has("miibijan", at: start) || text.has("miicijan", at: start) {
                return true
            }
            if text.has("mfkwewyh", at: start) || text.has("miibcgkc", at: start)
                || text.has("mcowbqydk2vwa", at: start)
            {
                return true
            }
        default: break
        }
        for prefix in PlaceholderWords.referencePrefixes where text.has(prefix, at: start) { return true }
        var dots = 0
        for index in range {
            let byte = text[index]
            if byte == 0xC2, text[index + 1] == 0xAB || text[index + 1] == 0xBB { return true }
            if byte == 0xE2, text[index + 1] == 0x80, text[index + 2] == 0xA6 { return true }
            if byte == UInt8(ascii: ".") { dots += 1 } else { dots = 0 }
            if dots == 3, length <= 40 { return true }
            switch byte {
            case UInt8(ascii: "$"):
                let next = text[index + 1]
                if next == UInt8(ascii: "{") || next == UInt8(ascii: "(") { return true }
            case UInt8(ascii: "{"):
                if text[index + 1] == UInt8(ascii: "{") { return true }
                // `{name}` of a format string.
                var close = index + 1
                while text[close].isWord || text[close] == 46 { close += 1 }
                if text[close] == UInt8(ascii: "}"), close > index + 1, close < range.upperBound,
                    length <= close - index + 12
                {
                    return true
                }
            case UInt8(ascii: "<"):
                if text[index + 1] == UInt8(ascii: "%") || text[index + 1].isLetter { return true }
            case UInt8(ascii: "*"):
                if text[index + 1] == byte, text[index + 2] == byte { return true }
            case UInt8(ascii: "x"), UInt8(ascii: "X"):
                if length <= 80, text[index + 1] == byte, text[index + 2] == byte, text[index + 3] == byte {
                    return true
                }
            default: break
            }
        }
        if text.find("redacted", in: range) != nil || text.has("hermes_ops_", at: start) { return true }
        if length >= 6, PlaceholderWords.exactStarts.contains(where: { text.has($0, at: start) }) { return true }
        for word in PlaceholderWords.inside where text.find(word, in: range) != nil { return true }
        return false
    }

    /// Shapes that look like a path or address and are secrets all the same.
    private func isSecretDespiteItsShape(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard profile.length >= 20, profile.high == 0 else { return false }
        // Base64 that happens to begin with a slash.
        var slashes = 0
        for index in range {
            let byte = text[index]
            if byte == UInt8(ascii: "/") { slashes += 1 }
            if !byte.isBase64, byte != UInt8(ascii: "=") { return false }
        }
        return profile.digits >= 2 && profile.upper >= 3 && profile.lower >= 3 && profile.changes * 4 >= profile.length
            && slashes * 6 <= profile.length && !isIdentity(text, range)
    }

    private func isPath(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        let start = range.lowerBound
        let first = text[start]
        let second = text[start + 1]
        if first == UInt8(ascii: "~"), second == UInt8(ascii: "/") { return true }
        if first == UInt8(ascii: "."), second == UInt8(ascii: "/") || second == UInt8(ascii: ".") { return true }
        if first == UInt8(ascii: "/"), second.isLetter || second == 46,
            text.first(47, in: (start + 1)..<range.upperBound) != nil
        {
            return true
        }
        if first.isLetter, second == UInt8(ascii: ":"), text[start + 2] == 92 || text[start + 2] == 47 { return true }
        // `dir/file.ext`
        if let slash = text.first(47, in: range), slash > start, profile.digits * 6 < profile.length,
            let dot = text.first(46, in: slash..<range.upperBound), range.upperBound - dot <= 6,
            range.upperBound - dot > 1,
            isWordLike(text, start..<dot)
        {
            return true
        }
        for ending in PlaceholderWords.fileEndings where range.count > ending.utf8CodeUnitCount + 1 {
            if text.has(ending, at: range.upperBound - ending.utf8CodeUnitCount), profile.symbols <= 4 { return true }
        }
        return false
    }

    /// A URL, e-mail address or host name. A URL's own secrets are another rule's.
    private func isAddress(_ text: ByteText, _ range: Range<Int>, kind: KeyName.Kind) -> Bool {
        if let colon = text.first(58, in: range), text[colon + 1] == 47, text[colon + 2] == 47 { return true }
        guard kind != .password else { return false }
        if let at = text.first(64, in: range), text.first(46, in: at..<range.upperBound) != nil { return true }
        return false
    }

    /// Code: calls, member access, subscripts, operators.
    private func isExpression(_ text: ByteText, _ value: FoundValue, isCode: Bool, profile: ByteProfile) -> Bool {
        let range = value.range
        let first = text[range.lowerBound]
        guard
            first.isWord || first == UInt8(ascii: "&") || first == UInt8(ascii: "*") || first == UInt8(ascii: "@")
                || first == UInt8(ascii: ":")
        else { return false }
        var index = range.lowerBound
        if !first.isWord { index += 1 }
        let identifier = index
        while index < range.upperBound, text[index].isWord { index += 1 }
        let next = text[index]
        guard index > identifier else { return false }
        if index < range.upperBound {
            if next == UInt8(ascii: "("), text.first(41, in: index..<min(text.count, index + 200)) != nil {
                return true
            }
            if next == UInt8(ascii: "["), text.first(93, in: index..<min(text.count, index + 80)) != nil { return true }
            if next == UInt8(ascii: ":"), text[index + 1] == UInt8(ascii: ":") { return true }
            if next == UInt8(ascii: "-"), text[index + 1] == UInt8(ascii: ">") { return true }
            if next == UInt8(ascii: "?"), text[index + 1] == UInt8(ascii: ".") { return true }
            if next == UInt8(ascii: "."), text[index + 1].isLetter || text[index + 1] == 95 {
                // `config.apiKey`, `self.token`, `os.environ[…]`: members are words.
                var words = 0
                var position = identifier
                while position < range.upperBound {
                    let start = position
                    while text[position].isWord { position += 1 }
                    if position == start { break }
                    if isWordLike(text, start..<position) { words += 1 } else { break }
                    guard text[position] == UInt8(ascii: ".") else {
                        if position >= range.upperBound, words >= 2, profile.digits * 8 < profile.length { return true }
                        if text[position] == UInt8(ascii: "(") || text[position] == UInt8(ascii: "[") { return true }
                        break
                    }
                    position += 1
                }
            }
        } else if text[text.skipBlanks(value.end)] == UInt8(ascii: "("), isWordLike(text, identifier..<index) {
            return true
        }
        if isCode, isWordLike(text, identifier..<range.upperBound), profile.digits * 5 <= profile.length { return true }
        return false
    }

    /// Dotted or slashed words: `mysite.forms.ChangePasswordForm`, `agent/main/session`.
    private func isIdentifierPath(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard profile.digits * 8 < profile.length else { return false }
        var parts = 0
        var position = range.lowerBound
        while position < range.upperBound {
            let start = position
            while position < range.upperBound, text[position].isWord || text[position] == 45 { position += 1 }
            guard position > start, isWordLike(text, start..<position) else { return false }
            if position - start >= 6, isNoisy(text, start..<position) { return false }
            parts += 1
            if position == range.upperBound { break }
            guard text[position] == UInt8(ascii: ".") || text[position] == UInt8(ascii: "/") else { return false }
            position += 1
        }
        return parts >= 3
    }

    /// `agent:main:discord:131861354439764546`, `keyring:service/user`: words and numbers between colons.
    private func isColonPath(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard text[range.lowerBound].isLetter, let colon = text.first(58, in: range) else { return false }
        var position = range.lowerBound
        while position < colon {
            guard text[position].isLower || text[position] == 45 || text[position] == 95 else { return false }
            position += 1
        }
        let rest = ByteProfile(text, (colon + 1)..<range.upperBound)
        return !rest.looksRandom || text.first(58, in: (colon + 1)..<range.upperBound) != nil
    }

    private func isWordPath(_ text: ByteText, _ range: Range<Int>) -> Bool {
        for index in range where !(text[index].isLetter || text[index] == 45 || text[index] == 95 || text[index] == 46)
        {
            return false
        }
        return true
    }

    func isUUID(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard range.count == 36 else { return false }
        for (offset, index) in range.enumerated() {
            let byte = text[index]
            if offset == 8 || offset == 13 || offset == 18 || offset == 23 {
                guard byte == 45 else { return false }
            } else {
                guard byte.isHex else { return false }
            }
        }
        return true
    }

    /// Ids that services give out, and that logs and sessions are full of.
    private func isIdentity(_ text: ByteText, _ range: Range<Int>) -> Bool {
        for prefix in PlaceholderWords.idPrefixes where text.has(prefix, at: range.lowerBound) { return true }
        return false
    }

    // MARK: Words

    /// Whether every word of the value is one that names things: `your_api_key`, `test-token`, `password`, `accessToken`.
    func isMadeOfVocabulary(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard range.count <= 64 else { return false }
        var all = true
        var words = 0
        lexicon.forEachWord(text, range) { word in
            guard all else { return }
            words += 1
            if text[word.lowerBound].isDigit {
                // `password1` is a weak password; `token-1`, `key_2` are names.
                let before = text[word.lowerBound - 1]
                all = word.lowerBound > range.lowerBound && !before.isLetter && word.count <= 2
                return
            }
            all = placeholders.flags(text, word) != 0 || lexicon.isVocabulary(text, word)
        }
        guard all, words > 0 else { return false }
        for index in range {
            let byte = text[index]
            if !byte.isWord, byte != 45, byte != 46, byte != 32, byte != 47, byte != 58, byte < 0x80 { return false }
        }
        return true
    }

    /// Whether the value only repeats its own name: `password = password`, `token: userToken`.
    private func equalsIgnoringStyle(_ text: ByteText, _ range: Range<Int>, _ name: Range<Int>) -> Bool {
        var left = range.lowerBound
        var right = name.lowerBound
        while true {
            while left < range.upperBound, !(text[left].isLetter || text[left].isDigit) { left += 1 }
            while right < name.upperBound, !(text[right].isLetter || text[right].isDigit) { right += 1 }
            if left == range.upperBound || right == name.upperBound {
                return left == range.upperBound && right == name.upperBound
            }
            if lowered(text[left]) != lowered(text[right]) { return false }
            left += 1
            right += 1
        }
    }

    private func hasBlank(_ text: ByteText, _ range: Range<Int>) -> Bool {
        for index in range where text[index].isSpace { return true }
        return false
    }

    /// Whether letters could be a word or a name made of words: known, or with vowels and consonants as words have them.
    func isWord(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        if profile.high > 0 { return true }
        return isWordLike(text, range)
    }

    /// Whether an identifier is made of words: known ones, or letters in pairs as words have them.
    func isWordLike(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let share = wordShare(text, range)
        return share.total <= 4 || (share.words * 2 >= share.total && !share.hasNoise)
    }

    private func isNoisy(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let share = wordShare(text, range)
        return share.words * 10 < share.total * 8
    }

    /// Whether more than half of the letters of a token belong to words.
    private func isMostlyWords(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let share = wordShare(text, range)
        return share.total * 2 >= range.count && share.words * 10 >= share.total * 6
    }

    /// How many letters there are, how many of them in words, and whether a long run is no word.
    private func wordShare(_ text: ByteText, _ range: Range<Int>) -> (total: Int, words: Int, hasNoise: Bool) {
        var total = 0
        var inWords = 0
        var hasNoise = false
        lexicon.forEachWord(text, range) { word in
            guard text[word.lowerBound].isLetter || text[word.lowerBound] >= 0x80 else { return }
            total += word.count
            if commonWords.flags(text, word) != 0 || placeholders.flags(text, word) != 0
                || lexicon.flags(of: text, word) != 0
            {
                inWords += word.count
            } else if word.count >= 4 {
                if text[word.lowerBound] >= 0x80 || letters.score(text, word) > LetterModel.threshold {
                    inWords += word.count
                } else if word.count >= 6 {
                    hasNoise = true
                }
            }
        }
        return (total, inWords, hasNoise)
    }

    /// A passphrase of several words, as against a sentence or label.
    private func isPassphrase(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard range.count <= 100, profile.high == 0 else { return false }
        var words = 0
        var plain = true
        var known = 0
        var position = range.lowerBound
        var isSentence = false
        while position < range.upperBound {
            while position < range.upperBound, text[position].isSpace { position += 1 }
            let start = position
            while position < range.upperBound, !text[position].isSpace { position += 1 }
            guard position > start else { break }
            words += 1
            if placeholders.flags(text, start..<position) & 1 != 0 || lexicon.isVocabulary(text, start..<position) {
                isSentence = true
            }
            if commonWords.flags(text, start..<position) != 0 { known += 1 }
            for index in start..<position where !text[index].isLower { plain = false }
        }
        if isSentence { return false }
        if plain { return words >= 3 && words <= 12 && known * 2 >= words }
        return words <= 4 && profile.digits > 0 && profile.symbols >= words && text[range.upperBound - 1] != 46
    }
}
