/// Passwords that a sentence says without naming them last: beside an account, before their name, in the next line or message.
extension DetectionPass {
    /// `user admin, pass x`, `login kim password x`: an account just before, so that any word is the password.
    func pairedWithUser(_ range: Range<Int>, _ name: KeyName, _ position: Int) -> Bool {
        guard name.kind == .password else { return false }
        // Two words back, over `,`, `/`, `and`, `:` and `is`.
        var words: [Range<Int>] = []
        var index = range.lowerBound
        var isPunctuated = false
        while range.lowerBound - index < 80 {
            while index > 0, text[index - 1].isOne(of: " ,/:=;\"'`&") {
                index -= 1
                if text[index] != 32 { isPunctuated = true }
            }
            let end = index
            while index > 0, end - index < 48, text[index - 1].isName || text[index - 1] == 64 { index -= 1 }
            guard index < end else { break }
            let isJoint = ["and", "is", "und", "y", "et", "e", "with", "mit", "con", "avec"].contains {
                (joint: StaticString) in
                end - index == joint.utf8CodeUnitCount && text.has(joint, at: index)
            }
            if !isJoint { words.append(index..<end) }
            if words.count == 2 { break }
        }
        let isAccount = words.first.map { word in
            isPunctuated
                && ["admin", "root", "administrator", "pi", "guest", "user"].contains { (account: StaticString) in
                    word.count == account.utf8CodeUnitCount && text.has(account, at: word.lowerBound)
                }
        }
        // `wifi HomeNet / password x`
        let isNetwork =
            words.count == 2 && isPunctuated
            && ["wifi", "wlan", "ssid", "fi", "network"].contains { (network: StaticString) in
                words[1].count == network.utf8CodeUnitCount && text.has(network, at: words[1].lowerBound)
            }
        guard words.count == 2,
            isAccount == true || isNetwork
                || [
                    "user", "username", "login", "usr", "benutzer", "nutzer", "usuario", "usuário", "utilisateur",
                    "utente",
                    "gebruiker", "account", "email", "id",
                ].contains(where: { (word: StaticString) in
                    words[1].count == word.utf8CodeUnitCount && text.has(word, at: words[1].lowerBound)
                }),
            !judge.lexicon.isAboutSecrets(text, words[0]),
            let value = text.readValue(at: skipOpeningMarks(overVerb(position)), context: .word)
        else { return false }
        var last = value.range.upperBound
        if !value.isQuoted {
            while last > value.range.lowerBound + 1, text[last - 1].isOne(of: ",.:;)!") { last -= 1 }
        }
        let trimmed = FoundValue(range: value.range.lowerBound..<last, quote: value.quote, end: value.end)
        let profile = ByteProfile(text, trimmed.range)
        guard profile.length >= 4, profile.digits > 0 || (isPunctuated && profile.length >= 6),
            profile.digits > 0 || judge.commonWords.flags(text, trimmed.range) == 0,
            rules.proseWords.flags(text, trimmed.range) == 0,
            judge.isSecret(text, trimmed, name: name, isCode: false)
        else { return false }
        add("prose-secret", trimmed.range)
        return true
    }

    /// Past "is", "=" and the like.
    func overVerb(_ position: Int) -> Int {
        var end = position
        while text[end].isLetter { end += 1 }
        guard end > position, text[end] == 32, rules.proseWords.flags(text, position..<end) & ProseWords.connector != 0
        else { return position }
        return text.skipBlanks(end)
    }

    /// "x is the master password", "x ist mein Passwort": the word before the verb, when nothing follows the name.
    func valueBefore(_ range: Range<Int>) {
        let name = weigh(range)
        if namedAfter(range, name) { return }
        guard name.kind == .password, name.level == .strong, !syntax.isCode else { return }
        let floor = text.lineStart(before: range.lowerBound, limit: 60)
        var verb: Int?
        for words in [
            " is the ", " is my ", " is our ", " is a ", " ist das ", " ist mein ", " est le ", " es la ", " é a ",
        ]
            as [StaticString]
        {
            if let hit = text.find(words, in: floor..<range.lowerBound), verb.map({ hit > $0 }) ?? true { verb = hit }
        }
        guard let verb, range.lowerBound - verb < 32 else { return }
        var first = verb
        while first > 0, !text[first - 1].isSpace, verb - first < 100 { first -= 1 }
        let word = trimmed(first..<verb)
        guard !word.isEmpty else { return }
        let profile = ByteProfile(text, word)
        guard profile.digits > 0, profile.letters > 1, profile.length >= 6 else { return }
        let value = FoundValue(range: word, quote: text[word.lowerBound - 1].isQuote ? 34 : 0, end: verb)
        proseValue(value, name: name, rule: "prose-secret", isDirect: false)
    }

    /// Four words or more of the list of seed words in a row.
    func seedWords(from start: Int, to end: Int) -> Range<Int>? {
        // `cp pwd cat tail`
        guard !text.has("pwd ", at: start - 4) else { return nil }
        var index = start
        var last = start
        var words = 0
        while index < end, words < 24 {
            let first = index
            while text[index].isLower { index += 1 }
            guard index > first, judge.commonWords.flags(text, first..<index) != 0,
                judge.placeholders.flags(text, first..<index) == 0
            else { break }
            words += 1
            last = index
            guard text[index] == 32 else { break }
            index += 1
        }
        return words >= 4 ? start..<last : nil
    }

    /// `Password for the router: x` with nothing after: any word that is none of the language's is the password.
    func lastWord(_ value: FoundValue, name: KeyName, nameRange: Range<Int>) -> Bool {
        guard name.kind == .password, name.level == .strong, !value.isQuoted, !syntax.isCode,
            text.skipBlanks(value.end) >= text.lineEnd(from: value.end, limit: 4) || text[value.end] == 34
        else { return false }
        // The name begins its line, or is the second word of it.
        let lineStart = text.skipBlanks(text.lineStart(before: nameRange.lowerBound, limit: 60))
        guard nameRange.lowerBound - lineStart <= 24 else { return false }
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 7, profile.letters == profile.length, profile.upper <= 1,
            judge.commonWords.flags(text, value.range) == 0, !judge.lexicon.isVocabulary(text, value.range),
            judge.isSecret(text, value, name: name, isCode: false)
        else { return false }
        add("prose-secret", value.range)
        return true
    }

    /// "the wifi password is copperkimchi": one word that ends the sentence, that is neither of the common ones nor formed like what is
    /// said of passwords (`required`, `falsch`, `obligatoire`), about a password of something in particular.
    func isSpokenPassword(_ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard profile.length >= 9, profile.letters == profile.length, profile.upper <= 1,
            judge.commonWords.flags(text, range) == 0, !judge.lexicon.isVocabulary(text, range)
        else { return false }
        let after = text[range.upperBound]
        guard
            after == 10 || after == 13 || after == 0 || after == 46 || after == 34
                || text.isLineEscape(at: range.upperBound)
        else { return false }
        for ending in [
            "ed", "ing", "ly", "ble", "ive", "ory", "ary", "ful", "less", "ent", "ant", "ous", "tic", "cal", "tion",
            "ment",
            "ity", "ness", "ten", "den", "lich", "bar", "sam", "isch", "ado", "ada", "ido", "ida", "oire", "able",
            "ato",
            "ata", "ito", "ita", "mente", "ement", "ere", "ern", "tet", "lt", "word", "wort", "phrase",
        ] as [StaticString] where text.has(ending, at: range.upperBound - ending.utf8CodeUnitCount) {
            return false
        }
        let line = text.lineStart(before: range.lowerBound, limit: 100)..<range.lowerBound
        return [
            "wifi", "wi-fi", "wlan", "router", "nas", "vpn", "guest", "admin", "root", "sudo", "server", "laptop",
            "my ",
            "mein", "unser", "our ", "mi ", "mon ", "minha", "account", "konto", "email", "mail", "netflix", "gast",
            "disk",
            "luks", "backup", "ssh", "ftp", "database", "db ", "ruter", "routeur", "roteador", "reitit", "skrivare",
            "printer",
            "drucker", "imprimante", "impresora", "stampante", "drukark", "tulostin",
        ].contains { (word: StaticString) in text.find(word, in: line) != nil }
    }

    /// "with the password", "mit dem Passwort" before a quoted value.
    func introduced(before index: Int) -> Bool {
        let window = text.lineStart(before: index, limit: 40)..<index
        return [
            "with the pass", "with pass", "and pass", "and the pass", "mit dem pass", "mit pass", "avec le mot de pass",
        ]
        .contains { (words: StaticString) in text.find(words, in: window) != nil }
    }

    /// "… X as the password": the word before.
    func asRoleHit(_ start: Int, _ end: Int) {
        var last = start
        while last > 0, text[last - 1] == 32 { last -= 1 }
        guard last < start else { return }
        var first = last
        while first > 0, !text[first - 1].isSpace, last - first < 200 { first -= 1 }
        let range = trimmed(first..<last)
        let quoted = text[range.lowerBound - 1].isQuote
        let value = FoundValue(range: range, quote: quoted ? 34 : 0, end: last)
        // "as the sudo password": up to three words on.
        var name = end
        var kind = KeyName()
        for _ in 0..<3 {
            while text[name].isWord { name += 1 }
            var nameStart = name
            while text[nameStart - 1].isWord { nameStart -= 1 }
            kind = weigh(nameStart..<name)
            if kind.level > .none || text[name] != 32 { break }
            name += 1
        }
        if kind.level == .weak { kind.level = .medium }
        guard kind.level > .none else { return }
        proseValue(value, name: kind, rule: "prose-secret", isDirect: !quoted)
    }

    /// `login: kim / X`, `Wi-Fi: HomeNet / X`, `credentials: kim:X`.
    func loginPairHit(_ start: Int, _ end: Int) {
        // `arn:aws:acm:region:account:certificate/…`
        guard text[start - 1] != 58 else { return }
        let lineEnd = text.lineEnd(from: end, limit: 160)
        var position = end
        while text[position] == 42 || text[position] == 58 { position += 1 }
        position = text.skipBlanks(position)
        // The separator: ` / `, ` | `, ` – `, `, ` or `:` without blanks.
        var index = position
        var cut: Int?
        var blanks = 0
        while index < lineEnd, blanks < 6 {
            let byte = text[index]
            if byte == 32 { blanks += 1 }
            if byte == 58, text[index + 1] == 47, text[index + 2] == 47 { return }
            if byte == 47 || byte == 124 || byte == 44, text[index + 1].isBlank, index > position {
                cut = index + 1
                break
            }
            if byte == 45 || byte == 58, text[index + 1].isBlank, text[index - 1].isBlank {
                cut = index + 1
                break
            }
            if byte == 0xE2, text[index + 1] == 0x80, text[index + 3].isBlank {
                cut = index + 3
                break
            }
            if byte == 58, !text[index + 1].isSpace, text[index + 1] != 47, index > position {
                cut = index + 1
                break
            }
            if byte == 47, text[index + 1].isWord, index > position, text[index - 1].isWord {
                cut = index + 1
                break
            }
            index += 1
        }
        guard let cut, text.first(58, in: position..<cut - 1) == nil || text[cut - 1] != 58,
            let value = text.readValue(at: cut, context: .word)
        else { return }
        let name = KeyName(kind: .password, level: .strong)
        let profile = ByteProfile(text, value.range)
        if profile.letters == profile.length, profile.length >= 9, profile.upper <= 1, text[cut - 2] == 32,
            text.skipBlanks(value.end) >= text.lineEnd(from: value.end, limit: 4) || text[value.end] == 34,
            judge.commonWords.flags(text, value.range) == 0, !judge.lexicon.isVocabulary(text, value.range),
            judge.isSecret(text, value, name: name, isCode: false)
        {
            add("login-pair", value.range)
            return
        }
        if profile.digits == 0, looksTyped(bareWord(at: value.range.lowerBound), besideAccount: true) {
            add("login-pair", bareWord(at: value.range.lowerBound))
            return
        }
        guard profile.length >= 6, profile.digits + profile.symbols > 0, !profile.isNumber,
            profile.digits > 0 || profile.symbols > 0, judge.isSecret(text, value, name: name, isCode: false)
        else { return }
        guard !judge.isWordLike(text, value.range) || profile.digits > 0 else { return }
        proseValue(value, name: name, rule: "login-pair", isDirect: false)
    }
}
