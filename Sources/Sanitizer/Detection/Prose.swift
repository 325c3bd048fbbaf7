/// Secrets in sentences and notes: "the password for the router is X", "PIN 4711", "login: kim / X", "use X as the token".
extension DetectionPass {
    /// A name with blanks after it and no operator: a command's option, a line of netrc, a configuration line, or a sentence.
    func spacedValue(_ range: Range<Int>, _ position: Int, isFlag: Bool) throws {
        let name = weigh(range)
        guard name.level > .none else { return }
        if !isFlag, text[range.lowerBound - 1].isQuote || text[range.lowerBound - 1] == 35 {
            // `"element": "Password field", "text": "x"`
            var last = position
            while text[last].isWord || text[last] == 32, last - position < 20 { last += 1 }
            if text[last] == 34 || text[last] == 92 { namedValue(range, last) }
        }
        if text[position] == 123 {
            // `string Token { get; init; } = "x"`
            let close = text.first(125, in: position..<min(text.count, position + 60))
            guard let close, text.find("get", in: position..<close) != nil, text[text.skipBlanks(close + 1)] == 61,
                let value = text.readValue(at: text.skipBlanks(close + 1) + 1), value.isQuoted
            else { return }
            if judge.isSecret(text, value, name: name, isCode: true, nameRange: range) {
                add(Self.ruleID(name), value.range)
            }
            return
        }
        if isFlag {
            guard text[position] != 45, let value = text.readValue(at: position, context: .word) else { return }
            var weighed = name
            if !value.isQuoted { weighed.level = name.kind == .password ? name.level : min(name.level, .strong) }
            if judge.isSecret(text, value, name: weighed, isCode: false, nameRange: range),
                !isFlagWordOnly(value.range, name)
            {
                add(Self.ruleID(name), value.range)
            }
            return
        }
        // `<name attribute="…">value`
        if text[range.lowerBound - 1] == 60, let close = text.first(62, in: position..<min(text.count, position + 160))
        {
            elementText(range, close + 1)
            return
        }
        let lineStart = text.lineStart(before: range.lowerBound, limit: 200)
        if text.has("option key", at: range.lowerBound - 7), range.count == 3,
            let value = text.readValue(at: position), value.isQuoted,
            text.find("psk", in: max(0, lineStart - 300)..<lineStart) != nil
                || text.find("wifi", in: max(0, lineStart - 300)..<lineStart) != nil
        {
            // OpenWrt's wireless settings.
            if judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false) {
                add("password", value.range)
            }
            return
        }
        if isDirective(range, lineStart), let value = text.readValue(at: position, context: .word) {
            let end = text.lineEnd(from: value.end, limit: 40)
            let isLast = text.skipBlanks(value.end) >= end || text[text.skipBlanks(value.end)] == 35
            let isNetrc = isNetrcField(range)
            if isNetrc || isLast, judge.isSecret(text, value, name: name, isCode: false, nameRange: range) {
                let profile = ByteProfile(text, value.range)
                if isNetrc || isConfigurationWord(range) || profile.digits + profile.symbols > 0
                    || (value.isQuoted && name.kind == .password) || text.first(45, in: range) != nil
                    || !judge.isWord(text, value.range, profile)
                {
                    add(Self.ruleID(name), value.range)
                    return
                }
            }
        }
        // `var token string = "x"`
        var word = position
        while text[word].isWord, word - position < 24 { word += 1 }
        if text.has("as ", at: position) {
            word = text.skipBlanks(word)
            while text[word].isWord, word - position < 40 { word += 1 }
        }
        let equals = text.skipBlanks(word)
        if word > position, text[equals] == 61 || (text[equals] == 58 && text[equals + 1] == 61),
            let value = text.readValue(at: equals + (text[equals] == 61 ? 1 : 2)), value.isQuoted
        {
            if judge.isSecret(text, value, name: name, isCode: true, nameRange: range) {
                add(Self.ruleID(name), value.range)
            }
            return
        }
        if pairedWithUser(range, name, position) { return }
        // "to pass `x`", "each pass uses y": a verb or a turn more often than a password.
        if range.count == 4, text.has("pass", at: range.lowerBound), text[range.lowerBound - 1] != 45,
            !text.has("phrase", at: position)
        {
            return
        }
        sentence(range, name, from: position)
    }

    /// `user admin, pass x`, `login kim password x`: an account just before, so that any word is the password.
    private func pairedWithUser(_ range: Range<Int>, _ name: KeyName, _ position: Int) -> Bool {
        guard name.kind == .password else { return false }
        // Two words back, over `,`, `/`, `and`, `:` and `is`.
        var words: [Range<Int>] = []
        var index = range.lowerBound
        var isPunctuated = false
        while range.lowerBound - index < 80 {
            while index > 0, [32, 44, 47, 58, 61, 59, 34, 39, 96, 38].contains(text[index - 1]) {
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
            while last > value.range.lowerBound + 1, [44, 46, 58, 59, 41, 33].contains(text[last - 1]) { last -= 1 }
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
    private func overVerb(_ position: Int) -> Int {
        var end = position
        while text[end].isLetter { end += 1 }
        guard end > position, text[end] == 32, rules.proseWords.flags(text, position..<end) & ProseWords.connector != 0
        else { return position }
        return text.skipBlanks(end)
    }

    /// `--password prompt`, `--token file`: words that tell a program where to look.
    private func isFlagWordOnly(_ range: Range<Int>, _ name: KeyName) -> Bool {
        let profile = ByteProfile(text, range)
        return name.kind != .password && profile.digits == 0 && judge.isWord(text, range, profile)
    }

    /// Whether the name begins its line, or follows a word that sets things, or is a field of netrc.
    private func isDirective(_ range: Range<Int>, _ lineStart: Int) -> Bool {
        var lead = text.skipBlanks(lineStart)
        if text[lead] == 35 || text[lead] == 59 { lead = text.skipBlanks(lead + 1) }
        if lead == range.lowerBound { return true }
        // `insecure-password x` at the end of a line of settings.
        if text.has("-password", at: range.upperBound - 9), range.count > 12, syntax != .markdown { return true }
        return isConfigurationWord(range) || isNetrcField(range)
    }

    private func isConfigurationWord(_ range: Range<Int>) -> Bool {
        let lineStart = text.lineStart(before: range.lowerBound, limit: 200)
        let lead = text.skipBlanks(lineStart)
        if lead == range.lowerBound, text.find("_", in: range) != nil || syntax == .ini { return true }
        for word in [
            "#define ", "define ", "env ", "arg ", "set ", "\\set ", "setenv ", "setx ", "export ", "config ",
            "set -g ", "set -x ",
            "set -gx ", "set -ux ", "enable ", "requirepass",
        ]
            as [StaticString]
        where text.has(word, at: lead) {
            let after = lead + word.utf8CodeUnitCount
            return text.skipBlanks(after) == range.lowerBound || lead == range.lowerBound
        }
        return false
    }

    private func isNetrcField(_ range: Range<Int>) -> Bool {
        guard range.count == 8 || range.count == 6, text.has("passw", at: range.lowerBound) else { return false }
        let window = max(0, range.lowerBound - 160)..<range.lowerBound
        return text.find("login ", in: window) != nil || text.find("machine ", in: window) != nil
    }

    /// "What's the wifi password?" and a next line, or next message, that is one word: the answer.
    func answer(_ range: Range<Int>) {
        guard !syntax.isCode, text[range.lowerBound - 1] == 32 else { return }
        let name = weigh(range)
        guard name.kind == .password, name.level == .strong else { return }
        let lineStart = text.lineStart(before: range.lowerBound, limit: 160)
        let lineEnd = text.lineEnd(from: range.upperBound, limit: 300)
        let asks = [
            "what", "need", "which", "give me", "send me", "enter", "wie ", "was ist", "brauche", "cuál", "quel",
            "qual",
        ]
        .contains { (word: StaticString) in text.find(word, in: lineStart..<lineEnd) != nil }
        guard asks else { return }
        let next = text.nextLine(after: lineEnd)
        let end = text.lineEnd(from: next, limit: 300)
        guard next < end else { return }
        // After `"content": "`, `kim: ` or `[10:02] Kim: `.
        var start = next
        if let content = text.find("content", in: next..<end), let quote = text.find(": \"", in: content..<end) {
            start = quote + 3
        } else if let colon = text.find(": ", in: next..<min(end, next + 40)) {
            start = text.skipBlanks(colon + 2)
        }
        while text[start] == 42 || text[start] == 32 { start += 1 }
        for lead in ["it's ", "it is ", "its ", "that's ", "es ist ", "ist ", "is ", "es ", "c'est ", "é "]
            as [StaticString]
        where text.has(lead, at: start) { start += lead.utf8CodeUnitCount }
        guard let value = text.readValue(at: start, context: .word) else { return }
        let after = text[value.end]
        guard after == 10 || after == 13 || after == 0 || after == 34 || text.isLineEscape(at: value.end) else {
            return
        }
        let profile = ByteProfile(text, value.range)
        guard profile.digits > 0, profile.letters > 0, profile.length >= 6,
            judge.isSecret(text, value, name: name, isCode: false)
        else { return }
        add("prose-secret", value.range)
    }

    /// "x is the master password", "x ist mein Passwort": the word before the verb, when nothing follows the name.
    func valueBefore(_ range: Range<Int>) {
        let name = weigh(range)
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

    /// Looks along a sentence for what the name is said to be.
    private func sentence(_ range: Range<Int>, _ name: KeyName, from position: Int) {
        var name = name
        guard name.kind != .none, range.count <= 24, !syntax.isCode || text.quoteDepth(at: position) != nil else {
            return
        }
        // `token usage=1200 path=…` of a log: what follows has names of its own.
        guard !judge.holdsPair(text, position..<min(text.count, position + 40)) else { return }
        let end = min(text.lineEnd(from: position, limit: 140), position + 140)
        var index = position
        var words = 0
        var isDirect = true
        while index < end, words < 14 {
            index = text.skipBlanks(index)
            guard index < end else { return }
            let start = index
            if text[index].isQuote || text[index] == 0xE2 || text[index] == 0xC2 {
                if isDirect || words > 0, let value = text.readValue(at: index, context: .word), value.isQuoted,
                    words == 0
                {
                    proseValue(value, name: name, rule: "prose-secret", isDirect: true)
                    return
                }
            }
            while index < end, !text[index].isSpace { index += 1 }
            // The string that holds the sentence ends here.
            if let closing = closingQuote(in: start..<index) { index = closing }
            guard index > start else { return }
            let closes = text[index] == 34 || text[index] == 92
            var wordEnd = index
            let endsClause = text[wordEnd - 1] == 46 || text[wordEnd - 1] == 59 || closes
            while wordEnd > start, [44, 46, 58, 59].contains(text[wordEnd - 1]) { wordEnd -= 1 }
            let wordStart = text[start] == 40 && wordEnd > start + 1 ? start + 1 : start
            let flags = rules.proseWords.flags(text, wordStart..<wordEnd)
            // "clave de la API", "chiave API"
            if name.kind == .key, name.level == .weak, text.has("api", at: wordStart), wordEnd - wordStart == 3 {
                name.level = .strong
            }
            if flags & ProseWords.connector != 0 || (text[wordEnd] == 58 && wordEnd < index) || isArrow(start..<index)
                || (wordStart > start && flags & ProseWords.filler != 0)
            {
                var after = text.skipBlanks(index)
                // Fillers: "is now", "was changed to", "is still:".
                var fillers = 0
                while fillers < 4 {
                    var next = after
                    while next < end, text[next].isWord || text[next] >= 0x80 { next += 1 }
                    guard next > after, text[next].isSpace || text[next] == 58,
                        rules.proseWords.flags(text, after..<next) & (ProseWords.filler | ProseWords.connector) != 0
                    else { break }
                    after = text.skipBlanks(text[next] == 58 ? next + 1 : next)
                    fillers += 1
                }
                guard after < end, let value = text.readValue(at: skipOpeningMarks(after), context: .word) else {
                    return
                }
                if proseValue(value, name: name, rule: "prose-secret", isDirect: false) { return }
                if text[wordEnd] == 58, lastWord(value, name: name, nameRange: range) { return }
                isDirect = false
                words += 1
                continue
            }
            if words == 0, name.kind == .password, let phrase = seedWords(from: start, to: end) {
                add("prose-secret", phrase)
                return
            }
            if words == 0, let value = text.readValue(at: start, context: .word) {
                if proseValue(value, name: name, rule: "prose-secret", isDirect: true) { return }
            } else if name.kind != .password {
                // A token somewhere later in the sentence.
                let range = index - start >= 16 ? trimmed(start..<index) : start..<start
                if range.count >= 16, isPlainToken(range), !judge.holdsPair(text, range),
                    case let profile = ByteProfile(text, range),
                    judge.isToken(text, range, profile, allowHex: name.level == .strong && profile.length >= 64),
                    !judge.isNeverSecret(text, range)
                {
                    if profile.length >= 20 || profile.upper > 0 && profile.lower > 0 && profile.digits > 1 {
                        add("prose-secret", range)
                    }
                    return
                }
            }
            if endsClause { return }
            isDirect = false
            words += 1
        }
    }

    /// Four words or more of the list of seed words in a row.
    private func seedWords(from start: Int, to end: Int) -> Range<Int>? {
        var index = start
        var last = start
        var words = 0
        while index < end, words < 24 {
            let first = index
            while text[index].isLower { index += 1 }
            guard index > first, judge.commonWords.flags(text, first..<index) != 0 else { break }
            words += 1
            last = index
            guard text[index] == 32 else { break }
            index += 1
        }
        return words >= 4 ? start..<last : nil
    }

    /// `->`, `=>`, `=`, `→` as a word of its own.
    private func isArrow(_ word: Range<Int>) -> Bool {
        switch word.count {
        case 1: text[word.lowerBound] == 61 || text[word.lowerBound] == 58
        case 2: text[word.lowerBound + 1] == 62 && (text[word.lowerBound] == 45 || text[word.lowerBound] == 61)
        case 3: text[word.lowerBound] == 0xE2 && text[word.lowerBound + 1] == 0x86
        default: false
        }
    }

    /// Where a word holds the quote that closes the string of JSON around the sentence: before a comma, a brace or the line's end.
    private func closingQuote(in word: Range<Int>) -> Int? {
        guard text[word.lowerBound] != 34 else { return nil }
        var index = word.lowerBound + 1
        while index < word.upperBound {
            if text[index] == 34 {
                let next = text[index + 1]
                if next == 44 || next == 125 || next == 93 || next == 58 || next == 10 || next == 13 || next == 0 {
                    var from = index
                    while text[from - 1] == 92 { from -= 1 }
                    return from
                }
            }
            index += 1
        }
        return nil
    }

    /// `Password for the router: x` with nothing after: any word that is none of the language's is the password.
    private func lastWord(_ value: FoundValue, name: KeyName, nameRange: Range<Int>) -> Bool {
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

    private func isPlainToken(_ range: Range<Int>) -> Bool {
        for index in range where !text[index].isTokenByte { return false }
        return text.first(47, in: range) == nil || text.first(46, in: range) == nil
    }

    private func skipOpeningMarks(_ index: Int) -> Int {
        var position = index
        while text[position] == 42 { position += 1 }
        // “ ‘ « „
        if text[position] == 0xE2, text[position + 1] == 0x80, (0x98...0x9F).contains(text[position + 2]) {
            position += 3
        }
        return position
    }

    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, [34, 39, 96, 40, 91, 42].contains(text[start]) { start += 1 }
        while end > start, [34, 39, 96, 41, 93, 42, 44, 46, 58, 59, 33, 63].contains(text[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Adds a value of prose if it looks like one: words of the language do not.
    @discardableResult
    func proseValue(_ value: FoundValue, name: KeyName, rule: String, isDirect: Bool) -> Bool {
        var range = value.range
        if !value.isQuoted {
            while range.count > 1, [44, 46, 58, 59, 41, 42, 93].contains(text[range.upperBound - 1]) {
                range = range.lowerBound..<(range.upperBound - 1)
            }
            // `(still x!!)`
            if text[range.upperBound] == 41 {
                while range.count > 4, text[range.upperBound - 1] == 33 {
                    range = range.lowerBound..<(range.upperBound - 1)
                }
            }
            // ” ’ »
            if range.count > 4, text[range.upperBound - 3] == 0xE2, text[range.upperBound - 2] == 0x80 {
                range = range.lowerBound..<(range.upperBound - 3)
            }
        }
        let trimmed = FoundValue(range: range, quote: value.quote, end: value.end)
        guard !range.isEmpty, name.kind == .password || name.kind == .pin || range.count >= 8 else { return false }
        let profile = ByteProfile(text, range)
        if isDirect, !value.isQuoted {
            // The next word of a sentence is seldom anything: the cheap questions first.
            switch name.kind {
            case .pin: break
            case .password: guard profile.letters > 0, profile.digits > 0, profile.length >= 6 else { return false }
            default: guard profile.looksRandom else { return false }
            }
        }
        guard judge.isSecret(text, trimmed, name: name, isCode: false) else { return false }
        switch name.kind {
        case .pin:
            guard profile.isNumber else { return false }
        case .password:
            if value.isQuoted {
                guard profile.length <= 64,
                    !isDirect || profile.digits + profile.symbols > 0 || !judge.isWord(text, range, profile)
                        || (profile.length >= 8 && judge.commonWords.flags(text, range) == 0
                            && introduced(before: value.range.lowerBound))
                else {
                    return false
                }
            } else {
                var hyphens = 0
                for index in range
                where text[index] == 45 || text[index] == 39 || text[index] == 46 || text[index] == 47 { hyphens += 1 }
                let isTyped =
                    profile.digits > 0 || profile.symbols > hyphens
                    || (hyphens >= 2 && profile.symbols == hyphens && !isDirect)
                if profile.isNumber {
                    guard profile.length >= 6, !isDirect else { return false }
                } else if isDirect {
                    guard profile.letters > 0, profile.digits > 0, profile.length >= 6 else { return false }
                } else {
                    guard profile.length >= 4,
                        isTyped || !judge.isWord(text, range, profile) || innerCapitals(range)
                            || isSpokenPassword(range, profile)
                    else { return false }
                }
            }
        default:
            guard
                judge.isToken(
                    text, range, profile, allowHex: !isDirect || (name.level == .strong && profile.length >= 32))
                    || (value.isQuoted && profile.looksRandom)
                    || (!isDirect && profile.length >= 8 && profile.digits > 0 && profile.letters > 0
                        && profile.changes >= 2)
            else { return false }
        }
        add(rule, range)
        return true
    }

    /// "the wifi password is copperkimchi": one word that ends the sentence, that is neither of the common ones nor formed like what is
    /// said of passwords (`required`, `falsch`, `obligatoire`), about a password of something in particular.
    private func isSpokenPassword(_ range: Range<Int>, _ profile: ByteProfile) -> Bool {
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
            "luks", "backup", "ssh", "ftp", "database", "db ",
        ].contains { (word: StaticString) in text.find(word, in: line) != nil }
    }

    /// "with the password", "mit dem Passwort" before a quoted value.
    private func introduced(before index: Int) -> Bool {
        let window = text.lineStart(before: index, limit: 40)..<index
        return [
            "with the pass", "with pass", "and pass", "and the pass", "mit dem pass", "mit pass", "avec le mot de pass",
        ]
        .contains { (words: StaticString) in text.find(words, in: window) != nil }
    }

    private func innerCapitals(_ range: Range<Int>) -> Bool {
        for index in range.dropFirst() where text[index].isUpper && text[index - 1].isLower { return true }
        return false
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
        let lineEnd = text.lineEnd(from: end, limit: 160)
        var position = end
        while text[position] == 42 || text[position] == 58 { position += 1 }
        position = text.skipBlanks(position)
        // The separator: ` / `, ` | `, ` – `, `, ` or `:` without blanks.
        var index = position
        var cut: Int?
        while index < lineEnd {
            let byte = text[index]
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
        guard profile.length >= 6, profile.digits + profile.symbols > 0, !profile.isNumber,
            profile.digits > 0 || profile.symbols > 0, judge.isSecret(text, value, name: name, isCode: false)
        else { return }
        guard !judge.isWordLike(text, value.range) || profile.digits > 0 else { return }
        proseValue(value, name: name, rule: "login-pair", isDirect: false)
    }
}

/// Words that join a name and its value in a sentence.
enum ProseWords {
    static let connector: UInt32 = 1
    static let filler: UInt32 = 2

    static let table = WordTable(
        "是 は 为 為 는 은 is was are to becomes became equals reads says ist lautet war wird heißt heisst es era son est sera è é foi será fue это = := zijn jest"
            .split(separator: " ").map {
                (String($0), connector)
            }
            + "now still just simply currently probably again the same set changed updated reset always literally jetzt noch neu auf ahora maintenant called going be as following this"
            .split(separator: " ").map { (String($0), filler) })
}
