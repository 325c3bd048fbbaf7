/// Passwords that a sentence gives away by its verb, a picture or a joint: "unlocks with x", "use kim and x", "🔑 x", "the code word is x".
extension DetectionPass {
    static let withJoints =
        [
            " with ", " mit ", " using ", " avec ", " con ", " met ", " type ", " enter ", " z hasłem ", " needs ",
            " wants ", " tried ", " use ", "\nuse ", "\"use ",
            " braucht ", " try ", " necesita ",
        ]
        + ["press ", "tippst du ", "tippe ", "gib ", "punch in ", "dial ", "and then ", "tapez ", "marca ", "wpisz "]
        .map { " " + $0 }

    /// Joints after which only a number counts.
    private static let typedJoints: [StaticString] = [
        " press ", " tippst du ", " tippe ", " gib ", " punch in ", " dial ", " and then ", " tapez ", " marca ",
        " wpisz ",
    ]

    /// What lets someone in by a number.
    private static let numberVerbs: [StaticString] = [
        "open", "unlock", "gets in", "get in", "lets ", "let your", "press", "type", "enter", "punch", "dial", "öffn",
        "geht auf", "tipp", "gib ", "ouvr", "tapez", "abre", "se abre", "apre", "marca", "opent", "otwier", "wpisz",
    ]

    /// "She gets in with 4789# on the front door", "da tippst du 2042 ein": a number on a line about what codes open.
    private func numberAfterJoint(_ start: Int, _ end: Int) -> Bool {
        var last = end
        while text[last].isDigit { last += 1 }
        guard (4...8).contains(last - end), !text[last].isLetter, text[last] != 37, text[last] != 58 else {
            return false
        }
        let line = text.lineStart(before: start, limit: 110)..<text.lineEnd(from: end, limit: 60)
        let isMeeting =
            text.find("dial", in: line) != nil && text.find("meeting", in: max(0, line.lowerBound - 200)..<end) != nil
        let opens = ["opens", "unlocks", "öffnet", "entsperrt"].contains { (verb: StaticString) in
            text.has(verb, at: start - verb.utf8CodeUnitCount)
        }
        guard Self.numberVerbs.contains(where: { text.find($0, in: line) != nil }),
            isMeeting || namesPlace(line) || (opens && closesClause(last))
        else { return false }
        // "opens with 2500 visitors" counts things.
        if text[last] == 32, text[last + 1].isLetter || text[last + 1] >= 0x80 {
            var word = last + 1
            while text[word].isLetter || text[word] >= 0x80 { word += 1 }
            guard Self.afterNumber.flags(text, last + 1..<word) != 0 else { return false }
        } else if text[last] == 46 || text[last] == 45, text[last + 1].isDigit {
            return false
        }
        add("pin", end..<last)
        otherCodes(from: last)
        return true
    }

    /// "…, and for the safe in the study it's 4711": what else the sentence opens.
    private func otherCodes(from start: Int) {
        let lineEnd = text.lineEnd(from: start, limit: 120)
        var position = start
        var isPlace = false
        while position < lineEnd {
            let first = position
            while position < lineEnd, text[position].isWord || text[position] >= 0x80 { position += 1 }
            let word = first..<position
            if (4...8).contains(word.count), isPlace, word.allSatisfy({ text[$0].isDigit }), closesClause(position) {
                add("pin", word)
                return
            }
            isPlace = isPlace || Self.codePlaces.flags(text, word) != 0
            position += 1
        }
    }

    private static let afterNumber = WordTable(
        "until on ein at to and und then et y e i for from für bis jusqu'à hasta auf am ok # it or after before please xx"
            .split(separator: " ")
            .map { (String($0), UInt32(1)) })

    /// Whether a word of the line names what codes open.
    func namesPlace(_ line: Range<Int>) -> Bool {
        var position = line.lowerBound
        while position < line.upperBound {
            let first = position
            while position < line.upperBound, text[position].isLetter || text[position] >= 0x80 { position += 1 }
            if position > first, Self.codePlaces.flags(text, first..<position) != 0 { return true }
            position += 1
        }
        return false
    }

    /// "Log in with your mail address and x": the account is named by its kind, the password stands after "and".
    private func accountJoint(_ start: Int, from index: Int) {
        let lineEnd = text.lineEnd(from: index, limit: 80)
        guard let word = wordAfterJoint(in: start..<lineEnd) else { return }
        let before = text.lineStart(before: start, limit: 60)..<start
        guard
            ["log", "sign", "anmeld", "melde ", "connect", "inicia", "acced", "entra"].contains(where: {
                (verb: StaticString) in
                text.find(verb, in: before) != nil
            }), looksTyped(word, besideAccount: true)
        else { return }
        add("prose-secret", word)
    }

    /// The word after the first "and" of a language; of several languages', after the first in this list.
    private func wordAfterJoint(in range: Range<Int>) -> Range<Int>? {
        for joint in [" and ", " und ", " et ", " y ", " e ", " i "] as [StaticString] {
            if let place = text.find(joint, in: range) { return bareWord(at: place + joint.utf8CodeUnitCount) }
        }
        return nil
    }

    /// What is opened, unlocked or signed in to.
    private static let openingWords: [StaticString] = [
        "unlock", "open", "log in", "login", "logs in", "sign in", "signs in", "decrypt", "encrypted", "protected",
        "authenticat", "connect", "password", "passphrase", "secured", "einlogg", "anmeld", "entsperr", "entschlüssel",
        "verschlüsselt", "geschützt", "öffne", "inlogg", "ontgrendel", "beveiligd", "déverrouill", "protég", "chiffr",
        "get into", "sudo", "wlan", "wi-fi", "wifi", "kennwort", "passwort", "schlüssel", "answer", "security question",
        "sicherheitsfrage", "credential", "scanner asks", "asks", "desbloque", "protegid", "cifrad", "entra ", "inicia",
        "abre", "sblocc", "protett", "acced",
    ]

    /// "… with x": the next word, when the sentence opens something.
    func withJointHit(_ start: Int, _ end: Int) {
        guard !syntax.isCode else { return }
        // Most words that follow hold no digit.
        var index = end
        var hasDigit = false
        while index < text.count, index - end < 40, !text.base[index].isSpace {
            hasDigit = hasDigit || text.base[index].isDigit
            index += 1
        }
        guard hasDigit || text.has("use ", at: end - 4) else {
            accountJoint(start, from: index)
            return
        }
        if text[end].isDigit, numberAfterJoint(start, end) { return }
        if Self.typedJoints.contains(where: { text.has($0, at: end - $0.utf8CodeUnitCount) }) { return }
        if text.has("use ", at: end - 4), !hasDigit || text.has(" and ", at: index) {
            // "use kim and x"
            pairAfter(end)
            return
        }
        let quote = text[end].isQuote || text[end] == 42 ? 1 : 0
        var word = bareWord(at: end + quote)
        if let colon = text.first(58, in: word), colon + 6 < word.upperBound { word = colon + 1..<word.upperBound }
        let line = text.lineStart(before: start, limit: 90)..<text.lineEnd(from: end, limit: 90)
        // "login is kim@example.org with x"
        var account = start
        while account > 0, start - account < 60, !text[account - 1].isSpace { account -= 1 }
        guard looksTyped(word, besideAccount: text.first(64, in: account..<start) != nil),
            Self.openingWords.contains(where: { text.find($0, in: line) != nil })
        else { return }
        add("prose-secret", word)
    }

    static let pictures = ["🔑", "🔐", "🗝️", "🔒"]

    /// A key or lock, and what it stands for.
    func pictureHit(_ end: Int) {
        var position = text.skipBlanks(end)
        if text[position] == 58 { position = text.skipBlanks(position + 1) }
        while text[position] == 96 || text[position] == 42 { position += 1 }
        let word = bareWord(at: position)
        let end = text.lineEnd(from: word.upperBound, limit: 40)
        if text.skipBlanks(word.upperBound) >= end || text[word.upperBound] == 34 || text[word.upperBound] == 96,
            looksTyped(word, besideAccount: true)
        {
            add("prose-secret", word)
        } else if let colon = text.find(": ", in: position..<min(end, position + 40)) {
            loginPairHit(colon, colon + 1)
        }
    }

    static let spokenNames = [
        "code word", "codeword", "codewort", "codeworten", "safe word", "code for the wifi", "code for wifi",
        "wifi code", "wi-fi code", "wlan-code", "wlan code",
        "code wifi", "code wi-fi", "code du wifi", "código wifi", "código del wifi", "codice wifi", "codice wi-fi",
        "wifi key",
        "wi-fi key", "wlan key", "wlan-key", "wpa key", "network key", "chiave di rete", "clave de red",
        "chave de rede", "clé réseau", "netwerksleutel", "key content", "schlüsselinhalt",
        "contenu de la clé",
        "contenido de la clave", "conteúdo da chave", "contenuto chiave", "clé wifi", "clé wi-fi", "clé du wifi",
        "clave wifi", "clave del wifi", "diceware",
    ]

    /// Two words that name what people type: "wifi key", "code word".
    func spokenNameHit(_ start: Int, _ end: Int) {
        guard !text[start - 1].isLetter, !text[end].isLetter, !syntax.isCode else { return }
        let name = KeyName(kind: .password, level: .strong)
        var position = end
        if text[position].isQuote || text[position] == 42 {
            while text[position].isQuote || text[position] == 42 { position += 1 }
        }
        let operatorAt = text.skipBlanks(position)
        if text[operatorAt] == 58 || text[operatorAt] == 61 || text[operatorAt] == 9 {
            let from = text.skipBlanks(operatorAt + 1)
            guard let value = text.readValue(at: from, context: .assignment) else { return }
            let profile = ByteProfile(text, value.range)
            guard profile.length >= 6,
                profile.digits > 0 || looksTyped(value.range, besideAccount: true) || joins(value.range),
                judge.isSecret(text, value, name: name, isCode: false)
            else { return }
            add("password", value.range)
        } else if text[operatorAt] == 40 || operatorAt >= text.lineEnd(from: operatorAt, limit: 1) {
            lonelyPassword(start..<end, text.lineEnd(from: operatorAt, limit: 60))
        } else if operatorAt > position {
            sentence(start..<end, name, from: operatorAt)
        }
    }

    /// Three words or more with hyphens between.
    private func joins(_ range: Range<Int>) -> Bool {
        range.count(where: { text[$0] == 45 }) >= 2 && range.allSatisfy { text[$0].isLower || text[$0] == 45 }
    }

    static let codeNames = [
        "activation code", "license code", "licence code", "product code", "serial number", "serial:", "activation id",
        "aktivierungscode", "lizenzcode", "lizenznummer", "seriennummer", "code d'activation", "código de activación",
        "codice di attivazione", "numéro de série", "número de serie", "upgrade code", "registration code",
        "redeem code", "voucher code", "unlock code", "licentiecode",
    ]

    /// Groups of letters and digits with hyphens between after the name of what is activated with them.
    func groupedCodeHit(_ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 60)
        var position = end
        for _ in 0..<5 {
            while position < lineEnd, !(text[position].isLetter || text[position].isDigit) { position += 1 }
            let first = position
            while position < lineEnd || position - first > 0, text[position].isWord || text[position] == 45,
                position - first < 80
            { position += 1 }
            guard position > first else { return }
            let profile = ByteProfile(text, first..<position)
            let groups = (first..<position).count(where: { text[$0] == 45 }) + 1
            if groups >= 3, profile.digits >= 2, profile.upper >= 2, profile.lower == 0, profile.length >= 14 {
                add("license-key", first..<position)
                return
            }
        }
    }

    static let loginLabels = [
        "credentials of", "credentials on", "login of", "login at", "login to", "login for", "logins for", "log in to",
        "creds for", "credentials for", "access to", "zugang zum",
        "zugang zur", "zugang für", "zugangsdaten für", "zugangsdaten", "anmeldung am", "accès au", "accès à",
        "acceso al", "acceso a", "accesso al", "accesso a", "acesso ao", "acesso à", "toegang tot", "dostęp do",
        "доступ к",
    ]

    /// "Login to the printer's page: admin, x": the pair after the colon.
    func loginLabelHit(_ start: Int, _ end: Int) {
        guard text[end] == 32, !text[start - 1].isLetter, !syntax.isCode else { return }
        let lineEnd = text.lineEnd(from: end, limit: 60)
        for joint in [": ", " are ", " is ", " sind ", " son ", " sont "] as [StaticString] {
            guard let place = text.find(joint, in: end..<lineEnd), text[place - 1] != 34 else { continue }
            pairAfter(text.skipBlanks(place + joint.utf8CodeUnitCount))
            return
        }
    }

    /// `kim / x`, `kim, x`, `kim:x`, `kim x` to the end of the line or clause; what follows may go on in brackets or after a comma.
    @discardableResult
    func pairAfter(_ start: Int, needsEnd: Bool = true) -> Bool {
        var position = start
        while text[position].isOne(of: "`*(\"'") { position += 1 }
        let account = position
        while position - account < 48, text[position].isName || text[position] == 64 || text[position] == 43 {
            position += 1
        }
        guard position > account else { return false }
        while text[position] == 96 || text[position] == 42 || text[position] == 34 { position += 1 }
        let joint = position
        var isBlank = true
        while position - joint < 4, text[position].isOne(of: " /,:|(\t") {
            if text[position] != 32, text[position] != 9 { isBlank = false }
            position += 1
        }
        for word in ["and ", "und ", "et ", "y ", "e ", "with ", "mit ", "con ", "→ ", "-> "] as [StaticString]
        where position > joint && text.has(word, at: position) {
            position += word.utf8CodeUnitCount
            isBlank = false
        }
        while text[position] == 96 || text[position] == 42 || text[position] == 34 { position += 1 }
        guard position > joint else { return false }
        var word = bareWord(at: position)
        for stop in [UInt8(44), 41] {
            if let cut = text.first(stop, in: word), cut > word.lowerBound { word = word.lowerBound..<cut }
        }
        guard looksTyped(word, besideAccount: true) else { return false }
        if isBlank, needsEnd {
            let rest = text.skipBlanks(word.upperBound)
            guard rest >= text.lineEnd(from: rest, limit: 2) || text[rest].isOne(of: "\"),.#") else {
                return false
            }
        }
        add("login-pair", word)
        return true
    }

    static let hostEnds = [
        ".lan ", ".local ", ".home ", ".internal ", "192.168.", "10.0.", "172.16.", "172.17.", "ssh ", "sftp ",
    ]

    /// A host of someone's own network, then an account and its password: `nas.lan kim x`, `10.0.0.3 (kim/x)`, `ssh kim@nas kim/x`.
    func hostNoteHit(_ start: Int, _ end: Int) {
        guard !syntax.isCode, syntax != .table, syntax != .log else { return }
        var position = end
        let isDialled = text.has("ssh ", at: end - 4) || text.has("sftp ", at: end - 5)
        if isDialled {
            guard text[start - 1] != 45 else { return }
            position = text.skipBlanks(end)
            let first = position
            while text[position].isName || text[position] == 64 { position += 1 }
            guard text.first(64, in: first..<position) != nil else { return }
        } else if text[end - 1] == 46 {
            while text[position].isDigit || text[position] == 46 { position += 1 }
            if text[position] == 58 {
                position += 1
                while text[position].isDigit { position += 1 }
            }
            if text[position] == 47, text[position + 1].isDigit { return }
        }
        if text[position - 1] == 32 { position -= 1 }
        if !isDialled, isMailbox(before: start) {
            // `kim@nas.lan : x`
            var from = text.skipBlanks(position)
            guard text[from].isOne(of: ":/-|"), text[from + 1] == 32 else { return }
            from = text.skipBlanks(from + 1)
            let word = bareWord(at: from)
            if looksTyped(word, besideAccount: true),
                text.skipBlanks(word.upperBound) >= text.lineEnd(from: word.upperBound, limit: 3)
            {
                add("login-pair", word)
            }
            return
        }
        afterAddress(position, needsJoint: isDialled)
    }

    private func isMailbox(before index: Int) -> Bool {
        var first = index
        while first > 0, index - first < 60, text[first - 1].isName { first -= 1 }
        return text[first - 1] == 64
    }

    /// "x is what opens the safe", "951684 unlocks the parcel box": the word before.
    func opensHit(_ start: Int, _ end: Int) {
        guard !syntax.isCode else { return }
        var first = start
        while first > 0, !text[first - 1].isSpace, text[first - 1] != 34, start - first < 64 { first -= 1 }
        let word = trimmed(first..<start)
        guard !word.isEmpty else { return }
        if ByteProfile(text, word).isNumber {
            guard (4...8).contains(word.count) else { return }
            let lineEnd = text.lineEnd(from: end, limit: 40)
            var position = end
            while position < lineEnd {
                let from = position
                while text[position].isLetter || text[position] >= 0x80 { position += 1 }
                if position > from, Self.codePlaces.flags(text, from..<position) != 0 {
                    add("pin", word)
                    return
                }
                position += 1
            }
        } else if looksTyped(word) {
            add("prose-secret", word)
        }
    }

    /// What follows an address on its line.
    func afterAddress(_ end: Int, needsJoint: Bool = false) {
        guard !name.isEmpty else { return }
        var position = end
        let first = text[position]
        guard
            first == 32 || first == 40 || first == 45 || first == 47 || first == 44 || first == 0xE2 || first == 9
                || first == 124
        else {
            return
        }
        let lineEnd = text.lineEnd(from: position, limit: 80)
        guard lineEnd - position < 80, lineEnd - position > 8 else { return }
        while position < lineEnd, text[position].isOne(of: " ->/,\t|") { position += 1 }
        if text[position] == 0xE2, text[position + 1] == 0x86 { position = text.skipBlanks(position + 3) }
        if let open = text.first(40, in: position..<min(lineEnd, position + 24)) {
            pairAfter(open + 1)
            return
        }
        if needsJoint {
            var slash = position
            while text[slash].isName { slash += 1 }
            guard text[slash] == 47 else { return }
        }
        pairAfter(position)
    }
}
