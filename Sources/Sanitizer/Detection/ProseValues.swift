/// What a sentence may give as a value, and the words that join a name and its value.
extension DetectionPass {
    /// Adds a value of prose if it looks like one: words of the language do not.
    @discardableResult
    func proseValue(_ value: FoundValue, name: KeyName, rule: String, isDirect: Bool, isPhrase: Bool = false) -> Bool {
        var range = value.range
        if !value.isQuoted {
            // The quote of a page closes the sentence.
            for entity in ["&quot;", "&#39;", "&lt;"] as [StaticString] {
                if let cut = text.find(entity, in: range), cut > range.lowerBound { range = range.lowerBound..<cut }
            }
            // `locked\\&.` of a manual's source
            while range.count > 2, text[range.upperBound - 1] == 46 {
                range = range.lowerBound..<(range.upperBound - 1)
            }
            if range.count > 2, text.has("\\&", at: range.upperBound - 2) {
                range = range.lowerBound..<(range.upperBound - 2)
            }
            let isBold = text[range.lowerBound - 1] == 42
            while range.count > 1,
                text[range.upperBound - 1].isOne(of: ",.:;)]")
                    || (isBold && text[range.upperBound - 1] == 42)
            {
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
        // "the password was sent to kim@example.org"
        if !value.isQuoted, let at = text.first(64, in: range), let dot = text.first(46, in: at..<range.upperBound),
            range.upperBound - dot > 2, (at + 1..<range.upperBound).allSatisfy({ text[$0].isName })
        {
            return false
        }
        guard !range.isEmpty, name.kind == .password || name.kind == .pin || range.count >= 8 else { return false }
        let profile = ByteProfile(text, range)
        if isDirect, !value.isQuoted {
            // The next word of a sentence is seldom anything: the cheap questions first.
            switch name.kind {
            case .pin: break
            case .password:
                guard profile.letters > 0, profile.digits > 0, profile.length >= 6, !isTerm(range) else { return false }
            default: guard profile.looksRandom else { return false }
            }
        }
        guard judge.isSecret(text, trimmed, name: name, isCode: false, allowWords: isPhrase) else { return false }
        // "renamed ftp_passwd to ftp_password": a name, and no value.
        if !value.isQuoted, profile.digits == 0, text.first(95, in: range) != nil,
            judge.lexicon.read(text, range).level > .none
        {
            return false
        }
        switch name.kind {
        case .pin:
            // "PIN 110001 is the postal code of New Delhi."
            guard profile.isNumber || (profile.symbols > 0 && profile.digits > 2),
                !isDirect || !text.has(" is the ", at: range.upperBound)
            else {
                return false
            }
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
                // "echoed to the terminal!"
                if profile.digits == 0, profile.symbols == hyphens + 1,
                    text[range.upperBound - 1].isOne(of: "!?"), !innerCapitals(range)
                {
                    hyphens += 1
                }
                if isTerm(range) { return false }
                let isTyped =
                    profile.digits > 0 || profile.symbols > hyphens
                    || (hyphens >= 2 && profile.symbols == hyphens && !isDirect)
                if profile.isNumber {
                    guard profile.length >= 6, !isDirect else { return false }
                } else if isDirect {
                    guard profile.letters > 0, profile.digits > 0, profile.length >= 6 else { return false }
                } else {
                    guard profile.length >= 4,
                        isTyped
                            || ((!judge.isWord(text, range, profile) || innerCapitals(range))
                                && closesClause(range.upperBound))
                            || isSpokenPassword(range, profile) || isToldPassword(range, profile)
                    else { return false }
                }
            }
        default:
            guard
                !(profile.length >= 16 && profile.digits <= 2 && judge.isIdentifier(text, range)),
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

    /// Whether a sentence or line ends here, or a bracket or comma follows: the name of a person or thing goes on.
    func closesClause(_ end: Int) -> Bool {
        let next = text[text[end] == 32 ? end + 1 : end]
        return text[end] != 32 || !(next.isLetter || next >= 0x80 || next == 60)
    }

    /// `PKCS5 encryption`, `Latin1-encoded passwords`: a term of the trade, when the sentence goes on after it.
    func isTerm(_ range: Range<Int>) -> Bool {
        // `UTF8`, `ASCII`
        if range.count <= 6, range.dropLast().allSatisfy({ text[$0].isUpper }), !text[range.upperBound - 1].isLower {
            return true
        }
        guard text[range.upperBound] == 32, text[range.upperBound + 1].isLower else { return false }
        let hyphen = text.first(45, in: range)
        let first = range.lowerBound..<(hyphen ?? range.upperBound)
        var letters = first.lowerBound
        while letters < first.upperBound, text[letters].isLetter { letters += 1 }
        guard letters > first.lowerBound, first.upperBound - letters <= 3,
            (letters..<first.upperBound).allSatisfy({ text[$0].isDigit })
        else { return false }
        if let hyphen {
            return letters < first.upperBound && hyphen + 1 < range.upperBound
                && (hyphen + 1..<range.upperBound).allSatisfy { text[$0].isLower }
        }
        return letters - first.lowerBound <= 5 && (first.lowerBound..<letters).allSatisfy { text[$0].isUpper }
    }

    func innerCapitals(_ range: Range<Int>) -> Bool {
        for index in range.dropFirst() where text[index].isUpper && text[index - 1].isLower { return true }
        return false
    }
}

/// Words that join a name and its value in a sentence.
enum ProseWords {
    static let connector: UInt32 = 1
    static let filler: UInt32 = 2

    static let table = WordTable(
        "是 は 为 為 는 은 is was are to becomes became equals reads says ist lautet war wird heißt heisst es era son est sera è é foi será fue это = := zijn jest auf para naar c'est escribe ingresa tapez saisissez digita inserisci still remains stays bleibt sigue je to jest теперь сейчас stal hai है هي هو là adalah ialah este esta é olduğu ditt är yra estas és este blev blir"
            .split(separator: " ").map {
                (String($0), connector)
            }
            + "now still just simply currently probably again the same set changed updated reset always literally jetzt noch neu auf ahora maintenant called going be as following this with mit con avec übrigens aktuell momentan derzeit weiterhin nun immer actualmente actuellement désormais maintenant toujours agora ora adesso nu voortaan nog теперь dabei only exactly simplement siempre sempre"
            .split(separator: " ").map { (String($0), filler) })
}
