/// Secrets in sentences and notes: "the password for the router is X", "PIN 4711", "login: kim / X", "use X as the token".
extension DetectionPass {
    /// A name with blanks after it and no operator: a command's option, a line of netrc, a configuration line, or a sentence.
    func spacedValue(_ range: Range<Int>, _ position: Int, isFlag: Bool) throws {
        let name = weigh(range)
        guard name.level > .none else { return }
        // `token usage=1200 path=…` of a log: what follows has names of its own.
        if !isFlag, text[range.lowerBound - 1] == 32, name.kind != .password, holdsPair(at: position) { return }
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
            guard text[position] != 45,
                let value = text.readValue(at: position, context: .word), !isSentenceEnd(value)
            else { return }
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
        if range.count == 3, text.has("option key", at: range.lowerBound - 7),
            let value = text.readValue(at: position), value.isQuoted,
            case let lineStart = text.lineStart(before: range.lowerBound, limit: 200),
            text.find("psk", in: max(0, lineStart - 300)..<lineStart) != nil
                || text.find("wifi", in: max(0, lineStart - 300)..<lineStart) != nil
        {
            // OpenWrt's wireless settings.
            if judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false) {
                add("password", value.range)
            }
            return
        }
        if text[position].isQuote, name.kind == .password, let groups = groupedSecret(at: position + 1) {
            add(Self.ruleID(name), groups)
            return
        }
        // `#define a_key b_key`: in C only what is quoted or a number is no name.
        if text.has("#define ", at: range.lowerBound - 8),
            text[position].isLetter || text[position] == 95 || (text[position].isDigit && name.kind != .pin),
            text.readValue(at: position, context: .word)?.isQuoted != true
        {
            return
        }
        // `# pass both` of a comment; "password support." where a sentence goes on in the next line.
        let next = bareWord(at: position)
        if range.count == 4, text.has("pass", at: range.lowerBound), text[range.lowerBound - 2] == 35,
            !looksTyped(next, besideAccount: true)
        {
            return
        }
        if text[next.upperBound] == 46, !syntax.isConfiguration, next.allSatisfy({ text[$0].isLower }) { return }
        if let value = text.readValue(at: position, context: .word) {
            let end = text.lineEnd(from: value.end, limit: 40)
            let rest = text.skipBlanks(value.end)
            let isLast = rest >= end || text[rest] == 35 || (text[rest] == 59 && text.skipBlanks(rest + 1) >= end)
            let isNetrc = isNetrcField(range)
            if isNetrc || isLast, isDirective(range),
                judge.isSecret(text, value, name: name, isCode: false, nameRange: range)
            {
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
        if word > position, !text[range.upperBound].isQuote,
            text[equals] == 61 || (text[equals] == 58 && text[equals + 1] == 61),
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
            !text.has("phrase", at: position), !text.has("du ", at: position), !text.has("del ", at: position),
            !text.has("is ", at: position), !text.has("was ", at: position)
        {
            return
        }
        sentence(range, name, from: position)
    }

    /// "set them with --user and --pass flags.", "--ask-password but now it wins"
    private func isSentenceEnd(_ value: FoundValue) -> Bool {
        let last = text[value.range.upperBound - 1]
        if syntax != .shell, !value.isQuoted, text[value.end] == 32, text[value.end + 1].isLower,
            value.range.allSatisfy({ text[$0].isLower })
        {
            return true
        }
        return !value.isQuoted && (last == 46 || last == 44) && value.range.dropLast().allSatisfy { text[$0].isLower }
    }

    /// `--password prompt`, `--token file`: words that tell a program where to look.
    func isFlagWordOnly(_ range: Range<Int>, _ name: KeyName) -> Bool {
        let profile = ByteProfile(text, range)
        return name.kind != .password && profile.digits == 0 && judge.isWord(text, range, profile)
    }

    /// Whether the name begins its line, or follows a word that sets things, or is a field of netrc.
    func isDirective(_ range: Range<Int>) -> Bool {
        var lead = text.skipBlanks(text.lineStart(before: range.lowerBound, limit: 200))
        if text[lead].isOne(of: "#;:-*+"), text[lead] == 35 || text[lead] == 59 || text[lead + 1] == 32 {
            lead = text.skipBlanks(lead + 1)
        }
        if lead == range.lowerBound { return true }
        // `IPSec secret x`, `Xauth password x`
        if syntax == .ini, range.lowerBound - lead <= 16,
            (lead..<range.lowerBound).allSatisfy({ text[$0].isWord || text[$0] == 32 })
        {
            return true
        }
        // `insecure-password x` at the end of a line of settings.
        if text.has("-password", at: range.upperBound - 9), range.count > 12, syntax != .markdown { return true }
        return isConfigurationWord(range) || isNetrcField(range)
    }

    func isConfigurationWord(_ range: Range<Int>) -> Bool {
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

    func isNetrcField(_ range: Range<Int>) -> Bool {
        guard range.count == 8 || range.count == 6, text.has("passw", at: range.lowerBound) else { return false }
        // `machine x login y password z`, on one line or on three.
        var words: [Range<Int>] = []
        var index = range.lowerBound
        while words.count < 4, range.lowerBound - index < 160 {
            while text[index - 1].isSpace || (text[index - 1] == 110 && text[index - 2] == 92) {
                index -= text[index - 1].isSpace ? 1 : 2
            }
            let end = index
            while index > 0, !text[index - 1].isSpace, text[index - 1] != 110 || text[index - 2] != 92 { index -= 1 }
            guard index < end else { break }
            words.append(index..<end)
        }
        func isWord(_ place: Int, _ word: StaticString) -> Bool {
            words.count > place && words[place].count == word.utf8CodeUnitCount
                && text.has(word, at: words[place].lowerBound)
        }
        func leads(_ place: Int) -> Bool {
            text.skipBlanks(text.lineStart(before: words[place].lowerBound, limit: 80)) == words[place].lowerBound
        }
        return (isWord(1, "login") && (leads(1) || isWord(3, "machine") || isWord(2, "default")))
            || (isWord(1, "machine") && leads(1))
    }

    /// Whether a pair of a name and its value stands here.
    func holdsPair(at position: Int) -> Bool { judge.holdsPair(text, position..<min(text.count, position + 40)) }

    /// Looks along a sentence for what the name is said to be.
    func sentence(_ range: Range<Int>, _ name: KeyName, from position: Int, isApart: Bool = false) {
        if namedAfter(range, name) { return }
        var name = name
        guard name.kind != .none, range.count <= 24, !syntax.isCode || text.quoteDepth(at: position) != nil else {
            return
        }
        guard !holdsPair(at: position) else { return }
        let end = min(text.lineEnd(from: position, limit: 140), position + 140)
        var index = position
        // Apart from its name by a comma, only what a verb introduces counts.
        var words = isApart ? 1 : 0
        var isDirect = !isApart
        var isFor = false
        var isDate = false
        while index < end, words < 14 {
            index = text.skipBlanks(index)
            guard index < end else { return }
            let start = index
            if text[index].isQuote || text[index] == 0xE2 || text[index] == 0xC2 {
                if isDirect || words > 0, let value = text.readValue(at: index, context: .word), value.isQuoted,
                    words == 0
                {
                    let isPhrase = text.find("phrase", in: range) != nil
                    proseValue(value, name: name, rule: "prose-secret", isDirect: true, isPhrase: isPhrase)
                    return
                }
            }
            while index < end, !text[index].isSpace { index += 1 }
            // The string that holds the sentence ends here.
            if let closing = closingQuote(in: start..<index) { index = closing }
            // What an option of a command says is its own, and so is what a directive of C does.
            guard index > start, text[start] != 45 || text[start + 1] != 45 || index - start < 4,
                !text.has("#define", at: start)
            else { return }
            let closes = text[index] == 34 || text[index] == 92
            var wordEnd = index
            let endsClause = text[wordEnd - 1] == 46 || text[wordEnd - 1] == 59 || closes
            while wordEnd > start, text[wordEnd - 1].isOne(of: ",.:;") { wordEnd -= 1 }
            let wordStart = text[start] == 40 && wordEnd > start + 1 ? start + 1 : start
            let flags = rules.proseWords.flags(text, wordStart..<wordEnd)
            // "la clé Wi-Fi de l'appartement"
            if name.kind == .key, name.level == .weak,
                text.has("wi-fi", at: wordStart) || text.has("wifi", at: wordStart) || text.has("wlan", at: wordStart)
            {
                name = KeyName(kind: .password, level: .strong)
            }
            // "parola d'accesso x", "PIN kodu x"
            if words == 0,
                ["d'accesso", "kodu", "code", "number", "nummer", "código", "numero"].contains(where: {
                    (filler: StaticString) in
                    wordEnd - wordStart == filler.utf8CodeUnitCount && text.has(filler, at: wordStart)
                }), text[wordEnd] != 58
            {
                continue
            }
            // "clave de la API", "chiave API"
            if name.kind == .key, name.level == .weak, text.has("api", at: wordStart), wordEnd - wordStart == 3 {
                name.level = .strong
            }
            let isTo =
                wordEnd - wordStart <= 3 && text[wordStart] >= 0x61 && isRomance(range)
                && ["a", "à", "en", "por", "em"].contains(where: { (joint: StaticString) in
                    wordEnd - wordStart == joint.utf8CodeUnitCount && text.has(joint, at: wordStart)
                })
            // "the password for connecting to NetBeans" is changed to nothing.
            let isPlace =
                (words > 0 || name.kind == .secret || name.kind == .key) && wordEnd - wordStart == 2
                && text.has("to", at: wordStart) && !isChanged(wordStart)
            if flags & ProseWords.connector != 0 && !isPlace || isTo
                || (wordEnd - wordStart == 2 && isCopula(wordStart..<wordEnd, of: range))
                || (text[wordEnd] == 58 && wordEnd < index)
                || isArrow(start..<index)
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
                    if text[wordEnd] == 58, name.kind == .password { lonelyPassword(range, after) }
                    return
                }
                if name.kind == .password, let groups = groupedSecret(at: value.range.lowerBound) {
                    add("prose-secret", groups)
                    return
                }
                if proseValue(value, name: name, rule: "prose-secret", isDirect: false) { return }
                if text[wordEnd] == 58, lastWord(value, name: name, nameRange: range) { return }
                isDirect = false
                words += 1
                continue
            }
            if name.kind == .password, name.level == .strong, words < 8, text[range.lowerBound] >= 0xCE,
                text[wordStart] < 0x80,
                looksTyped(bareWord(at: wordStart, limit: index - wordStart), besideAccount: true)
            {
                // In a sentence of another script only the password is Latin.
                add("prose-secret", bareWord(at: wordStart, limit: index - wordStart))
                return
            }
            if name.kind == .pin, words > 0, isFor, closesClause(wordEnd) || text[wordEnd] == 46,
                (4...8).contains(wordEnd - wordStart), (wordStart..<wordEnd).allSatisfy({ text[$0].isDigit }), !isDate
            {
                // "PIN for the bank card 4711"
                add("pin", wordStart..<wordEnd)
                return
            }
            if words == 0 { isFor = Self.purposes.flags(text, wordStart..<wordEnd) != 0 }
            isDate = Self.dateWords.flags(text, wordStart..<wordEnd) != 0
            if name.kind == .password, name.level == .strong, wordEnd - wordStart > 7,
                let colon = text.first(58, in: wordStart..<wordEnd),
                colon > wordStart, looksTyped(colon + 1..<wordEnd)
            {
                // "password for kim:x"
                add("prose-secret", colon + 1..<wordEnd)
                return
            }
            if words == 0, name.kind == .password, name.level == .strong, index >= end || closes,
                case let last = bareWord(at: start, limit: index - start), looksTyped(last, besideAccount: true)
            {
                // "BIOS password x"
                add("prose-secret", last)
                return
            }
            if words == 0, name.kind == .password, let groups = groupedSecret(at: start) {
                add("prose-secret", groups)
                return
            }
            if words == 0, name.kind == .password, let phrase = seedWords(from: start, to: end) {
                add("prose-secret", phrase)
                return
            }
            if words == 0, name.kind == .password, Self.networkFillers.flags(text, wordStart..<wordEnd) != 0,
                text[wordEnd] == 32
            {
                // "Κωδικός wifi x"
                continue
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
            if !isDirect || words > 0, name.kind == .password, name.level == .strong, words < 7,
                index >= end || closes || text[index + 1] == 40 || wordEnd < index,
                case let last = bareWord(at: start, limit: index - start),
                looksTyped(last)
            {
                // "sudo pw on the lab box x"
                add("prose-secret", last)
                return
            }
            if endsClause { return }
            isDirect = false
            words += 1
        }
    }

    /// Whether the word before `index` says that something was changed: "set to", "changed to", "is now to".
    private func isChanged(_ index: Int) -> Bool {
        var first = index - 1
        while text[first - 1].isLetter { first -= 1 }
        let word = first..<(index - 1)
        if rules.proseWords.flags(text, word) != 0 { return true }
        return ["changing", "equal", "equals", "rotated", "switched", "moved", "back", "over"].contains {
            (change: StaticString) in
            word.count == change.utf8CodeUnitCount && text.has(change, at: word.lowerBound)
        }
    }

    /// Names of languages in which "a" introduces what something is changed to.
    private func isRomance(_ range: Range<Int>) -> Bool {
        ["contrase", "senha", "clave", "passe", "parola"].contains { (word: StaticString) in
            text.has(word, at: range.lowerBound)
        }
    }

    /// What a code is for, and what a year follows.
    private static let purposes = WordTable(
        "for fürs für vom der des zum of on de del do da du della dell' para pour per van voor na od do от для на для к"
            .split(separator: " ").map { (String($0), UInt32(1)) })
    private static let dateWords = WordTable(
        "in since seit en depuis dal desde sinds od с since until by im am bis year jahr".split(separator: " ").map {
            (String($0), UInt32(1))
        })

    private static let networkFillers = WordTable(
        ["wifi", "wi-fi", "wlan", "router", "nas", "vpn", "ssh", "ftp", "admin", "root", "вайфай"].map {
            ($0, UInt32(1))
        })

    /// `->`, `=>`, `=`, `→` as a word of its own.
    func isArrow(_ word: Range<Int>) -> Bool {
        switch word.count {
        case 1: text[word.lowerBound] == 61 || text[word.lowerBound] == 58
        case 2: text[word.lowerBound + 1] == 62 && (text[word.lowerBound] == 45 || text[word.lowerBound] == 61)
        case 3: text[word.lowerBound] == 0xE2 && text[word.lowerBound + 1] == 0x86
        default: false
        }
    }

    /// Where a word holds the quote that closes the string of JSON around the sentence: before a comma, a brace or the line's end.
    func closingQuote(in word: Range<Int>) -> Int? {
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

    func isPlainToken(_ range: Range<Int>) -> Bool {
        for index in range where !text[index].isTokenByte { return false }
        return text.first(47, in: range) == nil || text.first(46, in: range) == nil
    }

    func skipOpeningMarks(_ index: Int) -> Int {
        var position = index
        while text[position] == 42 { position += 1 }
        // “ ‘ « „
        if text[position] == 0xE2, text[position + 1] == 0x80, (0x98...0x9F).contains(text[position + 2]) {
            position += 3
        }
        return position
    }

    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, text[start].isOne(of: "\"'`([*") { start += 1 }
        while end > start, text[end - 1].isOne(of: "\"'`)]*,.:;!?") { end -= 1 }
        return start..<end
    }
}
