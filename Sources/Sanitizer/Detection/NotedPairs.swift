/// Notes in which a secret's neighbours name it: codes for doors and alarms, `address / password`, `address:password`, Wi-Fi notes,
/// key files that begin with a comment.
extension DetectionPass {
    static let codeAnchors = [
        "code", "kombination", "combination", "passcode", "keypad", "keybox", "lockbox", "alarmanlage", "zahlenschloss",
        "código", "codigo", "codice", "digicode", "kartenpin", "combinación", "combinaison", "combo", "kod do ",
        "alarm pin", "sim pin", "disarm", "entsperren", "unscharf",
        "phone lock", "screen lock", "sim lock", "door lock", "कोड", "код ", "Код ", "رمز", "الرقم السري", "密码锁", "门禁",
        "szyfr",
        "koodi", "koden", "kód ",
    ]

    /// Names of codes of all kinds, which count only with the name of what they open.
    private static let looseCodes: [StaticString] = ["कोड", "код ", "Код ", "رمز", "koodi", "koden", "kód "]

    /// What such codes open: a word before the code's name or soon after it.
    static let codePlaces = WordTable(
        """
        alarm door gate access entry lock safe keypad unlock lockbox box keybox security garage building disarm elevator lift
        locker padlock vault mailbox apartment house frontdoor bike parking gym office room suitcase intercom voicemail
        phone ipad iphone screen tablet lobby storage shed pool cabin airbnb cottage flat stairwell basement cellar entrance
        installer parcel burglar panel luggage
        domofonu bramy drzwi sejfu alarmu klatki
        pad luggage briefcase parental tv homekit setup pairing matter bluetooth
        tresors safes schranks türen tür haustür türe tor garage garagen alarmanlage zugang eingang haus wohnung safe tresor schloss schließfach keller
        fahrrad koffer sperr entsperr puerta portal alarma garaje caja fuerte trastero candado entrada edificio
        boîte boite clés clefs porte portail immeuble alarme coffre garage entrée digicode cadenas cave parking
        porta portão portao alarme cofre garagem prédio cadeado entrada
        portone cancello allarme cassaforte garage ingresso lucchetto
        deur voordeur poort kluis fietsslot garage alarm slot
        लॉकर दरवाज़े दरवाजे गेट ताले तिजोरी домофона домофон подъезда подъезд двери дверь сейфа сейф ворот гаража калитки шлагбаума
        الباب للباب البوابة للبوابة الخزنة للخزنة العمارة ovi oven porten döden dörren kassaskåpet dveří brány trezoru
        shed gate keysafe doorbell office cloakroom dorm chest
        """.split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })

    /// A number of three to twelve digits, or groups of them, on the same line within a few words of a code's name.
    func codeHit(_ start: Int, _ end: Int) {
        guard !text[end].isLetter || text[end - 1] == 32 || text.has("s ", at: end) else { return }
        let lineEnd = text.lineEnd(from: end, limit: 80)
        // The turn of a dial, `R 12`, may begin with the line's last letter.
        guard text.hasDigit(in: end..<lineEnd + 2) else { return }
        let isWhole = !text.has("code", at: start) || end - start > 4
        var place =
            isWhole && !text.has("passcode", at: start) && !text.has("kombi", at: start)
            && !text.has("comb", at: start) && !text.has("c", at: start)
            && !Self.looseCodes.contains { text.has($0, at: start) }
        if !place { place = standsForPlace(before: start) }
        let least = place && text.has("security", at: start - 9) ? 3 : 4
        var position = end
        var words = 0
        var isSaid = true
        while position < lineEnd, words < 9 {
            while position < lineEnd, !(text[position].isLetter || text[position].isDigit || text[position] >= 0xC3) {
                position += 1
            }
            let first = position
            while position < lineEnd,
                text[position].isWord || text[position] >= 0x80 || (text[position] == 45 && text[position + 1].isDigit)
            { position += 1 }
            guard position > first else { return }
            let profile = ByteProfile(text, first..<position)
            if let turns = turns(at: first, limit: lineEnd) {
                add("pin", turns)
                return
            }
            if place, isSaid, isMixedCode(first..<position, profile) {
                add("pin", first..<position)
                return
            }
            if profile.digits + profile.symbols == profile.length {
                // An issue's number, a price.
                if text[first - 1].isOne(of: "#$") { return }
                let after = text[position]
                // `2372 317 6382`
                for _ in 0..<3 where text[position] == 32 {
                    var group = position + 1
                    while text[group].isDigit { group += 1 }
                    guard (3...4).contains(group - position - 1), !text[group].isWord, profile.digits <= 4 else {
                        break
                    }
                    position = group
                }
                // A name of another script stands for what a PIN is: `الرقم السري للبطاقة 9637`.
                let isNamed = text[start] >= 0x80 && place && words <= 3 && closesClause(position)
                if place, isSaid || isNamed, (least...12).contains(profile.digits),
                    !text[position + 1].isDigit || after != 46,
                    after != 37, after != 58
                {
                    add("pin", first..<position)
                    // "the alarm's code is 1786, the gate's 2291"
                    isSaid = false
                    words = max(words, 4)
                    continue
                }
                return
            }
            if profile.digits > 0 || text[first - 1] == 35 { return }
            // "the door code changed in 2024" says no code; "code for the garage: 1234" does.
            let isPlace = Self.codePlaces.flags(text, first..<position) != 0
            place = place || isPlace
            let isArticle = Self.articles.flags(text, first..<position) != 0
            isSaid =
                rules.proseWords.flags(text, first..<position) != 0 || isPlace || text[position] == 58
                || (isArticle && isSaid)
            words += 1
        }
    }

    private static let articles = WordTable(
        "el la le il o a der die das the den de da do du nº número numero nummer number num".split(separator: " ").map {
            (String($0), UInt32(1))
        })

    /// `48A17`, `B2059`, `38В9164`: a code of digits and a letter or two.
    private func isMixedCode(_ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        (4...9).contains(profile.length) && profile.digits >= 3 && profile.lower == 0 && profile.symbols == 0
            && (1...2).contains(profile.upper + profile.high / 2)
            && text[range.upperBound].isOne(of: "\n\r\0,.;\"\\)")
    }

    /// `36 left, 9 right, 71 left`, `R12 L34 R5`: the turns of a dial.
    private func turns(at start: Int, limit: Int) -> Range<Int>? {
        var position = start
        var count = 0
        var end = start
        while position < limit, count < 6 {
            var first = position
            var word = ""
            if text[first].isLetter, text[first + 1].isDigit || (text[first + 1] == 32 && text[first + 2].isDigit) {
                word = String(UnicodeScalar(lowered(text[first])))
                first = text.skipBlanks(first + 1)
            }
            var last = first
            while text[last].isDigit { last += 1 }
            guard (1...2).contains(last - first) else { break }
            if word.isEmpty {
                let from = text.skipBlanks(last)
                last = from
                while text[last].isLetter { last += 1 }
                guard Self.directions.flags(text, from..<last) != 0 else { break }
            } else if word != "r", word != "l" {
                break
            }
            count += 1
            end = last
            position = last
            while text[position].isOne(of: " ,-/;"), position < limit { position += 1 }
            for joint in ["then ", "and ", "dann ", "puis ", "luego "] as [StaticString]
            where text.has(joint, at: position) {
                position += joint.utf8CodeUnitCount
            }
        }
        return count >= 3 ? start..<end : nil
    }

    private static let directions = WordTable(
        "left right links rechts izquierda derecha gauche droite sinistra destra esquerda direita l r cw ccw clockwise"
            .split(separator: " ").map { (String($0), UInt32(1)) })

    /// Whether one of the two words before names what the code opens: `front door code`, `Türcode`, `garage-code`.
    private func standsForPlace(before start: Int) -> Bool {
        var end = start
        for _ in 0..<5 {
            while end > 0, text[end - 1].isOne(of: " ,-\\_") { end -= 1 }
            var first = end
            while first > 0, end - first < 20, text[first - 1].isLetter || text[first - 1] >= 0x80 { first -= 1 }
            guard first < end else { return false }
            if Self.codePlaces.flags(text, first..<end) != 0 { return true }
            // `Haustürcode`: the word's end.
            if end == start {
                for cut in first..<end where end - cut >= 3 && Self.codePlaces.flags(text, cut..<end) != 0 {
                    return true
                }
            }
            end = first
        }
        return false
    }

    /// ` / ` between an address or a known account name and what may be its password.
    func slashPairHit(_ start: Int, _ end: Int) {
        var first = start
        while first > 0, start - first < 80, !text[first - 1].isSpace, text[first - 1] != 34 { first -= 1 }
        guard first < start, isAccount(first..<start) || isSaidToLogIn(before: first),
            let value = text.readValue(at: end, context: .word)
        else { return }
        addPairedValue(value)
    }

    /// "login is kim / x", "credentials: kim / x", "Zugang zum NAS: kim / x".
    private func isSaidToLogIn(before index: Int) -> Bool {
        let window = text.lineStart(before: index, limit: 48)..<index
        return [
            "login", "log in", "sign in", "user", "account", "credential", "zugang", "anmeld", "benutzer",
            "identifiant", "acceso", "auth plain", "auth login",
            "usuario", "accesso", "utente", "inlog", "creds", "konto", "basic auth", "htaccess", "htpasswd",
        ].contains { (word: StaticString) in text.find(word, in: window) != nil }
    }

    /// `admin:x`, `root:x`, `user -> x`.
    func accountPairHit(_ start: Int, _ end: Int) {
        let before = text[start - 1]
        guard !before.isWord, before != 47, before != 46, before != 45, before != 64, !text[end].isSpace,
            text[end] != 47, text[end] != 58, text[end] != 34, text[end] != 39,
            let value = text.readValue(at: end, context: .word)
        else { return }
        let profile = ByteProfile(text, value.range)
        if text[end - 1] == 47 {
            // `admin/users2` is a path: a password has other symbols, and ends the line or sentence.
            guard
                isSaidToLogIn(before: start)
                    || value.range.contains(where: { text[$0].isOne(of: "!#$%&*+?^") }),
                text.first(61, in: value.range) == nil
            else { return }
        }
        if profile.letters == profile.length, profile.length >= 9, profile.upper <= 1, text[end - 1] == 58,
            isSaidToLogIn(before: start), judge.commonWords.flags(text, value.range) == 0,
            text.skipBlanks(value.end) >= text.lineEnd(from: value.end, limit: 4),
            judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false)
        {
            add("login-pair", value.range)
            return
        }
        // `root:www-data1` names a group.
        guard
            (profile.upper > 0 && profile.lower > 0) || value.range.contains(where: { !text[$0].isName })
                || (text[end - 1] == 124 && looksTyped(bareWord(at: end), besideAccount: true))
        else { return }
        addPairedValue(value)
    }

    /// "Plex admin — x", "Home Wi-Fi – x": one word to the line's end after what has a password.
    func dashNoteHit(_ start: Int, _ end: Int) {
        let line = text.lineStart(before: start, limit: 60)..<start
        guard
            ["wi-fi", "wifi", "wlan", "admin", "login", "router", "root", "account", "passw", "konto"].contains(where: {
                (word: StaticString) in text.find(word, in: line) != nil
            }), let value = text.readValue(at: end, context: .word)
        else { return }
        let after = text.skipBlanks(value.end)
        guard after >= text.lineEnd(from: after, limit: 2) || text[after] == 34 else { return }
        let profile = ByteProfile(text, value.range)
        var hyphens = 0
        for index in value.range where text[index] == 45 { hyphens += 1 }
        guard profile.digits > 0 && profile.letters > 2 || hyphens >= 2, !profile.isHex, profile.length >= 7 else {
            return
        }
        proseValue(value, name: KeyName(kind: .password, level: .strong), rule: "prose-secret", isDirect: false)
    }

    /// "login kim/x", "creds are app/x", "basic auth kim:x".
    func loginWordHit(_ end: Int) {
        var position = text[end] == 34 || text[end] == 39 ? end + 1 : end
        let end = position
        while text[position].isName || text[position] == 64 { position += 1 }
        guard position > end, position - end < 60, text[position] == 47 || text[position] == 58,
            !text[position + 1].isSpace,
            text[position + 1] != 47, let value = text.readValue(at: position + 1, context: .word)
        else { return }
        let profile = ByteProfile(text, value.range)
        // `login=kim:x` is no other thing; with a slash it could be a path, unless there are signs in it.
        let isLogin = text[position] == 58 && text[end - 1] == 61 && looksTyped(value.range, besideAccount: true)
        guard profile.digits > 0, profile.letters > 1,
            isLogin || value.range.contains(where: { text[$0].isOne(of: "!#$%*+?@^_.-") })
        else { return }
        addPairedValue(value)
    }

    /// "log in as editor with x".
    func loginAsHit(_ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 160)
        var position = end
        if text.has("into ", at: end - 5) {
            guard let place = text.find(" as ", in: end..<min(lineEnd, end + 60)) else { return }
            position = place + 4
        }
        if text[position].isQuote { position += 1 }
        let account = position
        while position < lineEnd, text[position].isName || text[position] == 64 { position += 1 }
        guard position > account else { return }
        while position < lineEnd, text[position].isQuote || text[position] == 44 || text[position] == 32 {
            position += 1
        }
        for joint in [
            "with ", "using ", "mit ", "con ", "avec ", "com ", "/ ", "and ", "und ", "en ", "et ", "y ", "e ", "i ",
            ": ",
        ] as [StaticString]
        where text.has(joint, at: position) {
            position = text.skipBlanks(position + joint.utf8CodeUnitCount)
            guard let value = text.readValue(at: position, context: .word) else { return }
            addPairedValue(value)
            return
        }
    }

    /// `.org:` or the like ends an address's domain and a password follows.
    func addressPairHit(_ start: Int, _ end: Int) {
        guard !text[end].isSpace, text[end] != 47, text[end] != 34 else { return }
        var first = start
        while first > 0, start - first < 80, text[first - 1].isName || text[first - 1] == 64 || text[first - 1] == 43 {
            first -= 1
        }
        guard text.first(64, in: first..<start) != nil, text[first - 1] != 47, text[first - 1] != 58,
            let value = text.readValue(at: end, context: .word)
        else { return }
        // `scp kim@example.org:Notes2.tar .` names a file; an address and password stand alone, or the password has symbols.
        let isAlone =
            text.lineStart(before: first, limit: 8) == first
            && text.skipBlanks(value.end) >= text.lineEnd(from: value.end, limit: 8)
        guard isAlone || value.range.contains(where: { !text[$0].isName }) else { return }
        addPairedValue(value)
    }

    private func addPairedValue(_ value: FoundValue) {
        let word = bareWord(at: value.range.lowerBound)
        if !value.isQuoted, looksTyped(word, besideAccount: true) {
            add("login-pair", word)
            return
        }
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 6, profile.length <= 64, profile.letters > 1, profile.digits > 0,
            profile.symbols > 0 || (profile.upper > 0 && profile.lower > 0) || profile.looksRandom,
            text.first(47, in: value.range) == nil, text.first(64, in: value.range) == nil
        else { return }
        proseValue(value, name: KeyName(kind: .password, level: .strong), rule: "login-pair", isDirect: false)
    }

    private func isAccount(_ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        if let at = text.first(64, in: range), at > range.lowerBound, at + 1 < range.upperBound {
            return true
        }
        for word in ["admin", "root", "user", "administrator", "guest", "pi"] as [StaticString]
        where range.count == word.utf8CodeUnitCount && text.has(word, at: range.lowerBound) {
            return true
        }
        return false
    }

    /// `WiFi "HomeNet" -> x`, `Wi-Fi : « HomeNet », clé x`, "wlan here: x", "changed the wifi, it is now x".
    func networkNoteHit(_ end: Int) {
        guard !syntax.isCode else { return }
        let lineEnd = text.lineEnd(from: end, limit: 140)
        var position = text.skipBlanks(end)
        if text[position] == 58 { position = text.skipBlanks(position + 1) }
        if let after = quotedName(at: position, limit: lineEnd) {
            networkKey(after, lineEnd)
        } else {
            networkSentence(from: end, to: lineEnd)
        }
    }

    /// The end of a name in quotes of any language.
    private func quotedName(at start: Int, limit: Int) -> Int? {
        for (open, close) in [("\"", "\""), ("'", "'"), ("«", "»"), ("“", "”"), ("„", "“"), ("`", "`")]
            as [(StaticString, StaticString)]
        where text.has(open, at: start) {
            let from = start + open.utf8CodeUnitCount
            return text.find(close, in: from..<min(limit, from + 40)).map { $0 + close.utf8CodeUnitCount }
        }
        return nil
    }

    private static let keyLabels = WordTable(
        """
        key pw pass password passwort kennwort schlüssel code clé cle clave senha chiave mdp wachtwoord hasło пароль with mit avec con and
        und et is ist est es
        """.split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })

    /// What follows a network's name: a sign or a word for keys, and the key.
    private func networkKey(_ start: Int, _ lineEnd: Int) {
        var position = start
        var isJoined = false
        for _ in 0..<4 {
            while position < lineEnd, text[position].isOne(of: " (,-/:=>|") {
                isJoined = isJoined || text[position] != 32
                position += 1
            }
            if text.has("→", at: position) || text.has("–", at: position) || text.has("—", at: position) {
                isJoined = true
                position = text.skipBlanks(position + 3)
            }
            var word = position
            while word < lineEnd, text[word].isLetter || text[word] >= 0x80 { word += 1 }
            guard word > position, Self.keyLabels.flags(text, position..<word) != 0 else { break }
            isJoined = true
            position = word
        }
        guard isJoined, position < lineEnd, let value = text.readValue(at: position, context: .word) else { return }
        addPairedValue(value)
    }

    /// "it is now x", "here: x": said of a network, a key.
    private func networkSentence(from start: Int, to lineEnd: Int) {
        var position = start
        var isSaid = false
        var isNow = false
        for _ in 0..<14 {
            position = text.skipBlanks(position)
            let first = position
            while position < lineEnd, !text[position].isSpace { position += 1 }
            guard position > first else { return }
            var end = position
            while end > first, text[end - 1].isOne(of: ",.:;") { end -= 1 }
            let word = first..<end
            if isSaid {
                let value = bareWord(at: first, limit: position - first)
                let hasMark = value.contains { text[$0].isOne(of: "!#$%&*+?^") }
                let rest = text.skipBlanks(position)
                if isNow || hasMark, looksTyped(value, besideAccount: true), text[rest] != 47 {
                    add("prose-secret", value)
                    return
                }
            }
            // A network's own name follows.
            if Self.networkNames.flags(text, word) != 0 || text[position - 1] == 46 { return }
            let flags = rules.proseWords.flags(text, word)
            isSaid = flags != 0 || (end < position && text[end] == 58)
            if flags & ProseWords.filler != 0 || (end < position && text[end] == 58) { isNow = true }
        }
    }

    private static let networkNames = WordTable(
        "called named ssid network netz netzwerk name heißt red réseau reseau rede rete networks".split(separator: " ")
            .map {
                (String($0), UInt32(1))
            })

    /// A key file that begins with a line of comment: minisign, signify, Tarsnap. The lines of base64 after it are the key.
    func commentedKeyHit(_ start: Int, _ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 200)
        guard text.has("# start of tarsnap", at: start) || text.find("secret key", in: end..<lineEnd) != nil else {
            return
        }
        var line = text.nextLine(after: lineEnd)
        for _ in 0..<100 {
            let first = text.skipBlanks(line)
            var last = first
            while text[last].isBase64 || text[last] == 61 { last += 1 }
            guard last - first >= 16 else { return }
            add("private-key", first..<last)
            line = text.nextLine(after: text.lineEnd(from: last))
        }
    }

    /// A file that is one array of 64 bytes in decimal: a Solana key pair.
    func scanKeyArray() {
        guard depth == 0, text[0] == 91, text.count < 400 else { return }
        var numbers = 1
        var last = 1
        for index in 1..<text.count {
            let byte = text[index]
            if byte == 44 {
                numbers += 1
            } else if byte == 93 {
                if numbers == 64 { add("private-key", 1..<last) }
                return
            } else if !byte.isDigit, !byte.isSpace {
                return
            }
            if byte.isDigit { last = index + 1 }
        }
    }
}
