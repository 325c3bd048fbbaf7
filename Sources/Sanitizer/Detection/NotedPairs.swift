/// Notes in which a secret's neighbours name it: codes for doors and alarms, `address / password`, `address:password`, Wi-Fi notes,
/// key files that begin with a comment.
extension DetectionPass {
    static let codeAnchors = [
        "alarm code", "door code", "gate code", "access code", "entry code", "lock code", "safe code", "keypad code",
        "unlock code", "lockbox code", "security code", "garage code", "safe combination", "lock combination",
        "voicemail passcode", "phone passcode", "ipad passcode", "screen passcode", "building code", "disarm code",
        "türcode", "zugangscode", "alarmcode", "entsperrcode", "sperrcode", "kartenpin", "código de la puerta",
        "code de la porte", "code portail", "digicode", "codice porta",
    ]

    /// A number of three to eight digits, or groups of them, on the same line within a few words.
    func codeHit(_ start: Int, _ end: Int) {
        let least = text.has("security", at: start) ? 3 : 4
        let lineEnd = text.lineEnd(from: end, limit: 60)
        var position = end
        var words = 0
        var isSaid = true
        while position < lineEnd, words < 7 {
            while position < lineEnd, !(text[position].isLetter || text[position].isDigit) { position += 1 }
            let start = position
            while position < lineEnd,
                text[position].isWord || (text[position] == 45 && text[position + 1].isDigit)
            { position += 1 }
            guard position > start else { return }
            let profile = ByteProfile(text, start..<position)
            if profile.digits + profile.symbols == profile.length {
                let after = text[position]
                if isSaid, (least...12).contains(profile.digits), !text[position + 1].isDigit || after != 46,
                    after != 37, after != 58
                {
                    add("pin", start..<position)
                }
                return
            }
            if profile.digits > 0 { return }
            // "the door code changed in 2024" says no code.
            isSaid = rules.proseWords.flags(text, start..<position) != 0
            words += 1
        }
    }

    /// ` / ` between an address or a known account name and what may be its password.
    func slashPairHit(_ start: Int, _ end: Int) {
        var first = start
        while first > 0, start - first < 80, !text[first - 1].isSpace, text[first - 1] != 34 { first -= 1 }
        guard isAccount(first..<start), let value = text.readValue(at: end, context: .word) else { return }
        addPairedValue(value)
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
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 6, profile.length <= 64, profile.letters > 1, profile.digits > 0,
            profile.symbols > 0 || (profile.upper > 0 && profile.lower > 0) || profile.looksRandom,
            text.first(47, in: value.range) == nil, text.first(64, in: value.range) == nil
        else { return }
        proseValue(value, name: KeyName(kind: .password, level: .strong), rule: "login-pair", isDirect: false)
    }

    private func isAccount(_ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        if let at = text.first(64, in: range), at > range.lowerBound,
            text.first(46, in: at..<range.upperBound) != nil
        {
            return true
        }
        for word in ["admin", "root", "user", "administrator", "guest", "pi"] as [StaticString]
        where range.count == word.utf8CodeUnitCount && text.has(word, at: range.lowerBound) {
            return true
        }
        return false
    }

    /// `WiFi "HomeNet" -> x`, `Wi-Fi 'HomeNet': x`.
    func networkNoteHit(_ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 80)
        var position = text.skipBlanks(end)
        guard text[position].isQuote, let name = text.readValue(at: position), name.isQuoted else { return }
        position = text.skipBlanks(name.end)
        if text[position] == 45, text[position + 1] == 62 {
            position += 2
        } else if text[position] == 58 || text[position] == 61 {
            position += 1
        } else if text[position] == 0xE2, text[position + 1] == 0x86 {
            position += 3
        } else {
            return
        }
        guard position < lineEnd, let value = text.readValue(at: position, context: .word) else { return }
        addPairedValue(value)
    }

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
