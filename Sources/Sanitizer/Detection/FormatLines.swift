/// Lines of programs' own formats where a secret has its place and no name of its own.
extension DetectionPass {
    /// `user kim on +@read ~cache:* >x`, `ACL SETUSER kim on >x`: Redis's access lists.
    func accessListHit(_ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 300)
        let lineStart = text.lineStart(before: end, limit: 300)
        guard text.find("user ", in: lineStart..<end) != nil else { return }
        var from = lineStart
        while let mark = text.find(" >", in: from..<lineEnd) {
            typedSecret(
                FoundValue(range: bareWord(at: mark + 2), quote: 34, end: lineEnd), rule: "session-login")
            from = mark + 2
        }
    }

    /// `MONITOR ups@host 1 user x primary` of NUT.
    func monitorHit(_ end: Int) {
        var position = end
        for _ in 0..<3 {
            while text[position] > 32 { position += 1 }
            position = text.skipBlanks(position)
        }
        let word = bareWord(at: position)
        guard
            ["master", "slave", "primary", "secondary"].contains(where: { (role: StaticString) in
                text.has(role, at: text.skipBlanks(word.upperBound))
            })
        else { return }
        typedSecret(FoundValue(range: word, quote: 34, end: word.upperBound), rule: "password", allowWords: true)
    }

    /// `$USER3$=x` of Nagios.
    func resourceMacroHit(_ end: Int) {
        var position = end
        while text[position].isDigit { position += 1 }
        guard position > end, text[position] == 36, text[position + 1] == 61 else { return }
        let word = bareWord(at: position + 2)
        typedSecret(FoundValue(range: word, quote: 34, end: word.upperBound), rule: "password")
    }

    /// `https://host/t/TOKEN/channel`: a token as a part of a path.
    func pathTokenHit(_ start: Int, _ end: Int) {
        var last = end
        while text[last].isWord || text[last] == 45 { last += 1 }
        let range = end..<last
        let after = text[last]
        guard range.count >= 24,
            after.isOne(of: "\0\"')./<>?\\]`") || after.isSpace,
            text.find("://", in: max(0, start - 100)..<start) != nil
        else { return }
        let profile = ByteProfile(text, range)
        guard profile.digits > 2, profile.letters > 2, !judge.isSlug(text, range), !judge.isUUID(text, range),
            profile.looksRandom
        else { return }
        add("url-credentials", range)
    }

    /// `community = "x"` where SNMP is spoken of.
    func communityHit(_ start: Int, _ end: Int) {
        var position = end
        while text[position].isQuote || text[position] == 93 { position += 1 }
        position = text.skipBlanks(position)
        guard text[position] == 61 || text[position] == 58, !syntax.isCode,
            text.find("snmp", in: max(0, start - 300)..<min(text.count, end + 100)) != nil || isNamed("snmp"),
            let value = text.readValue(at: position + 1)
        else { return }
        typedSecret(value, rule: "device-secret")
    }

    /// Whether the file's name holds a word.
    private func isNamed(_ word: StaticString) -> Bool {
        let slash = name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        return name[slash...].withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return false }
            return ByteText(base: base, count: buffer.count).find(word, in: 0..<buffer.count) != nil
        }
    }

    /// `encrypt = "…"`, `encryption: "…"`: 16, 24 or 32 bytes in base64 are a key.
    func encryptHit(_ end: Int) {
        var position = end
        while text[position].isQuote { position += 1 }
        position = text.skipBlanks(position)
        guard text[position] == 61 || text[position] == 58, let value = text.readValue(at: position + 1),
            [24, 32, 44].contains(value.range.count)
        else { return }
        let profile = ByteProfile(text, value.range)
        guard value.range.dropLast(2).allSatisfy({ text[$0].isBase64 }), profile.upper > 2, profile.lower > 2,
            profile.digits > 0, !judge.isSlug(text, value.range)
        else { return }
        add("key", value.range)
    }

    /// `<master>{…}</master>` of Maven: ciphertext under a key that everyone has.
    func mavenMasterHit(_ end: Int) {
        guard let close = text.first(125, in: end..<min(text.count, end + 200)), close - end >= 20 else { return }
        add("password", end..<close)
    }

    /// A word that its place makes a secret if it looks like one.
    func typedWordHit(_ end: Int) {
        guard text[end] != 45, text[end] != 36 else { return }
        let word = bareWord(at: end)
        typedSecret(FoundValue(range: word, quote: 34, end: word.upperBound), rule: "password", allowWords: true)
    }

    /// `AUTH PLAIN AGtpbQB4…`, on the line or on one of the next: SASL's user and password in base64.
    func plainExchangeHit(_ end: Int) {
        var line = end
        for _ in 0..<4 {
            var position = text.skipBlanks(line)
            if text[position + 1] == 58 { position = text.skipBlanks(position + 2) }
            let word = bareWord(at: position, limit: 400)
            if word.count >= 8, let plain = decodeBase64(text, word), plain.count(where: { $0 == 0 }) == 2 {
                add("http-authorization", word)
                return
            }
            line = text.nextLine(after: text.lineEnd(from: line, limit: 400))
        }
    }

    /// `basic_users:` over lines of `kim: x`.
    func usersMapHit(_ start: Int, _ end: Int) {
        guard text[text.skipBlanks(end)] == 10 || text[text.skipBlanks(end)] == 13 || text.isLineEscape(at: end) else {
            return
        }
        let keyLine = text.lineStart(before: start, limit: 80)
        let indent = text.skipBlanks(keyLine) - keyLine
        var line = text.nextLine(after: text.skipBlanks(end))
        for _ in 0..<100 {
            let first = text.skipBlanks(line)
            guard first < text.count, first - line > indent else { return }
            let lineEnd = text.lineEnd(from: first, limit: 300)
            var colon = first
            while text[colon].isName || text[colon] == 64 || text[colon].isQuote { colon += 1 }
            if text[first] == 45, text[first + 1] == 32 {
                // `- "kim:x"`
                let item = bareWord(at: text[first + 2].isQuote ? first + 3 : first + 2)
                if let cut = text.first(58, in: item), looksTyped(cut + 1..<item.upperBound, besideAccount: true) {
                    add("login-pair", cut + 1..<item.upperBound)
                }
            } else if text[colon] == 58, text[colon + 1] == 32, let value = text.readValue(at: colon + 2),
                text.skipBlanks(value.end) >= lineEnd, looksTyped(value.range, besideAccount: true),
                readName(first..<colon).level == .none, lexicon.isPlain(text, first..<colon)
            {
                add("login-pair", value.range)
            }
            line = text.nextLine(after: lineEnd)
        }
    }

    /// `passwd kim <<EOF` and the lines up to its end.
    func heredocHit(_ start: Int, _ end: Int) {
        let before = text.lineStart(before: start, limit: 120)..<start
        guard
            ["passwd", "cryptsetup", "kinit", "sudo -s", "openconnect", "mount"].contains(where: {
                (reader: StaticString) in
                text.find(reader, in: before) != nil
            })
        else { return }
        var line = text.nextLine(after: text.lineEnd(from: end, limit: 80))
        for _ in 0..<4 {
            let first = text.skipBlanks(line)
            let stop = text.lineEnd(from: first, limit: 100)
            var word = bareWord(at: first)
            if let colon = text.first(58, in: word) { word = colon + 1..<word.upperBound }
            guard first < stop, word.upperBound == stop || text[word.upperBound] == 92 || word.upperBound + 1 >= stop
            else { return }
            typedSecret(FoundValue(range: word, quote: 34, end: stop), rule: "piped-secret")
            line = text.nextLine(after: stop)
        }
    }

    /// `privkey:` and 64 hexadecimal digits: Tailscale and Headscale.
    func privateKeyHexHit(_ end: Int) {
        var last = end
        while text[last].isHex { last += 1 }
        if last - end == 64 { add("private-key", end..<last) }
    }

    /// `socks5 10.0.0.1 1080 kim x` of proxychains.
    func socksHit(_ end: Int) {
        var position = text.skipBlanks(end)
        for _ in 0..<2 {
            guard text[position].isName else { return }
            while text[position].isName { position += 1 }
            position = text.skipBlanks(position)
        }
        pairAfter(position)
    }

    /// "login admin and x"
    func accountAndHit(_ end: Int) {
        let word = bareWord(at: end)
        if !syntax.isCode, looksTyped(word) { add("login-pair", word) }
    }

    /// `u: kim p: x`, `U: kim / P: x`
    func shortFieldsHit(_ start: Int, _ end: Int) {
        let line = text.lineStart(before: start, limit: 60)..<start
        // Dutch notes say `ww: x`.
        let isDutch = text.has("ww: ", at: start) && !text[start - 1].isWord
        guard !syntax.isCode,
            isDutch
                || ["u: ", "u = ", "user", "login", "un: "].contains(where: { (word: StaticString) in
                    text.find(word, in: line) != nil
                })
        else { return }
        let word = bareWord(at: end)
        if looksTyped(word, besideAccount: true) { add("login-pair", word) }
    }

    /// `-object secret,id=a,data=x` of QEMU.
    func secretObjectHit(_ end: Int) {
        guard let data = text.find("data=", in: end..<min(text.count, end + 60)) else { return }
        var word = bareWord(at: data + 5)
        if let comma = text.first(44, in: word) { word = word.lowerBound..<comma }
        typedSecret(FoundValue(range: word, quote: 34, end: word.upperBound), rule: "command-line")
    }

    /// `PRAGMA key = 'x'`, `ATTACH … KEY 'x'` of SQLCipher.
    func cipherKeyHit(_ start: Int, _ end: Int) {
        if text.has(" key '", at: start) {
            let line = text.lineStart(before: start, limit: 200)..<start
            guard text.find("attach", in: line) != nil else { return }
        }
        var position = text.skipBlanks(end)
        if text[position] == 61 || text[position] == 40 { position = text.skipBlanks(position + 1) }
        if text[end - 1] == 39 { position = end - 1 }
        guard text.quoteDepth(at: position) != nil, let value = text.readValue(at: position), value.isQuoted else {
            return
        }
        typedSecret(value, rule: "sql-password", allowWords: true)
    }

    /// `CONNECT system/x@orcl`, `conn kim/x`: SQL*Plus.
    func oracleConnectHit(_ end: Int) {
        let word = bareWord(at: end, limit: 120)
        guard let slash = text.first(47, in: word), slash > word.lowerBound, text[slash + 1] != 47,
            (word.lowerBound..<slash).allSatisfy({ text[$0].isWord })
        else { return }
        let stop = (slash..<word.upperBound).last(where: { text[$0] == 64 }) ?? word.upperBound
        let value = slash + 1..<max(slash + 1, stop)
        guard stop < word.upperBound || looksTyped(value, besideAccount: true) else { return }
        typedSecret(FoundValue(range: value, quote: 34, end: stop), rule: "command-line")
    }

    /// `open -u kim,x host` of lftp.
    func openUserHit(_ end: Int) {
        let word = bareWord(at: end)
        guard let comma = text.first(44, in: word), comma + 1 < word.upperBound else { return }
        typedSecret(
            FoundValue(range: comma + 1..<word.upperBound, quote: 34, end: word.upperBound), rule: "command-line")
    }

    /// `{Tab}x{Enter}` among keys to press.
    func pressedKeysHit(_ end: Int) {
        var last = end
        while last - end < 80, text[last] > 32, text[last] != 123 { last += 1 }
        guard text.has("{enter}", at: last) || text.has("{return}", at: last) || text.has("~", at: last - 1) else {
            return
        }
        typedSecret(FoundValue(range: end..<last, quote: 34, end: last), rule: "form-input")
    }

    /// `SecretID: 6f…` of Consul and Vault: a token, whatever its name's last word.
    func secretIDHit(_ start: Int, _ end: Int) {
        guard !text[start - 1].isWord else { return }
        var position = end
        while text[position].isQuote || text[position] == 92 { position += 1 }
        position = text.skipBlanks(position)
        guard text[position] == 58 || text[position] == 61, let value = text.readValue(at: position + 1),
            judge.isUUID(text, value.range)
        else { return }
        add("secret", value.range)
    }

    /// `kim:x` as what a name of credentials holds: `NAS_CREDENTIALS=kim:x`, `login=kim:x`, `npmAuthIdent: "kim:x"`.
    func heldPair(_ value: FoundValue, _ name: KeyName) -> Bool {
        guard name.kind == .secret, name.level == .weak || name.level == .medium,
            let colon = text.first(58, in: value.range) ?? text.first(47, in: value.range),
            colon > value.range.lowerBound + 1,
            text[colon] == 58 || text.first(47, in: colon + 1..<value.range.upperBound) == nil,
            (value.range.lowerBound..<colon).allSatisfy({ text[$0].isName || text[$0] == 64 }),
            colon + 1 < value.range.upperBound
        else { return false }
        let range = colon + 1..<value.range.upperBound
        guard looksTyped(range, besideAccount: true) else { return false }
        add("login-pair", range)
        return true
    }

    /// `Server = irc.example.org +6697 x` of ZNC: host, port and password.
    func serverLineHit(_ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 200)
        let host = bareWord(at: text.skipBlanks(end))
        guard text.first(46, in: host) != nil, host.allSatisfy({ text[$0].isName }) else { return }
        var position = text.skipBlanks(host.upperBound)
        if text[position] == 43 { position += 1 }
        let port = position
        while text[position].isDigit { position += 1 }
        guard (2...5).contains(position - port), text[position] == 32 else { return }
        let word = bareWord(at: text.skipBlanks(position))
        guard text.skipBlanks(word.upperBound) >= lineEnd, looksTyped(word, besideAccount: true) else { return }
        add("login-pair", word)
    }

    /// `user: kim`, `url: https://…` under a line of one word, as `pass` keeps entries; here several of them in a text.
    func storeFieldHit(_ start: Int) {
        guard !syntax.isCode, syntax != .yaml, syntax != .log else { return }
        var end = start
        if text[end - 1] == 13 { end -= 1 }
        let first = text.lineStart(before: end, limit: 100)
        let before = text.lineStart(before: max(0, first - 1), limit: 100)
        // What stands above it is a heading, a blank line or the name of the entry.
        guard first > 0, first < end, (first..<end).allSatisfy({ text[$0] > 32 }),
            text.first(58, in: before..<first) == nil, looksTyped(first..<end, besideAccount: true)
        else { return }
        add("password", first..<end)
    }

    /// A private key of a chain as a call or a list takes it: `new Wallet("0x…")`, `accounts: ["0x…"]`.
    func privateHexHit(_ end: Int) {
        var position = end
        while text[position].isOne(of: " \"'(,[`") || text.has("0x", at: position) {
            position += text[position] == 48 ? 2 : 1
        }
        var last = position
        while text[last].isHex { last += 1 }
        guard last - position == 64, !text[last].isWord, ByteProfile(text, position..<last).distinct >= 8 else {
            return
        }
        add("private-key", position..<last)
    }

    /// `jdbc:oracle:thin:kim/x@host`, `userid=kim/x`: an account, a slash, a password, which may hold an `@`.
    func slashLoginHit(_ end: Int) {
        var word = bareWord(at: end, limit: 200)
        if let stop = word.first(where: { text[$0].isQuote || text[$0] == 44 }) { word = word.lowerBound..<stop }
        guard let slash = text.first(47, in: word), slash > word.lowerBound, text[slash + 1] != 47,
            (word.lowerBound..<slash).allSatisfy({ text[$0].isWord || text[$0] == 36 })
        else { return }
        let stop = (slash..<word.upperBound).last(where: { text[$0] == 64 }) ?? word.upperBound
        guard stop > slash + 1 else { return }
        typedSecret(FoundValue(range: slash + 1..<stop, quote: 34, end: stop), rule: "command-line")
    }

    /// `kim/x@//db:1521/XE` of Oracle's tools, whose password may hold a slash.
    func easyConnectHit(_ at: Int) {
        var start = at
        while at - start < 80, start > 0, text[start - 1] > 32, !text[start - 1].isQuote, text[start - 1] != 61 {
            start -= 1
        }
        guard let slash = text.first(47, in: start..<at), slash > start, slash + 1 < at,
            (start..<slash).allSatisfy({ text[$0].isWord || text[$0].isOne(of: "$#") })
        else { return }
        typedSecret(FoundValue(range: slash + 1..<at, quote: 34, end: at), rule: "command-line")
    }

    /// `secretsdump.py domain/kim:x@host`
    func targetLoginHit(_ end: Int) {
        let line = end..<text.lineEnd(from: end, limit: 200)
        guard let host = line.last(where: { text[$0] == 64 }),
            let colon = text.first(58, in: line), colon < host, text[colon + 1] != 47,
            (colon..<host).allSatisfy({ text[$0] > 32 })
        else { return }
        let first = text[colon + 1].isQuote ? colon + 2 : colon + 1
        guard first < host else { return }
        typedSecret(FoundValue(range: first..<host, quote: 34, end: host), rule: "command-line")
    }

    /// `"kim:x@tcp(db:3306)/shop"` of Go's drivers.
    func sourceNameHit(_ start: Int) {
        let line = text.lineStart(before: start, limit: 120)..<start
        guard let open = line.last(where: { text[$0].isQuote || text[$0].isSpace || text[$0] == 61 }),
            let colon = text.first(58, in: open..<start), colon > open + 1, colon + 1 < start, text[colon + 1] != 47
        else { return }
        typedSecret(
            FoundValue(range: colon + 1..<start, quote: 34, end: start), rule: "url-credentials", allowWords: true)
    }

    /// `user_kim="x"` among the options of a module of Java's login service.
    func loginModuleHit(_ end: Int) {
        var index = end
        let limit = min(text.count, end + 600)
        while index < limit, text[index] != 125 {
            guard text.has("user_", at: index), !text[index - 1].isWord,
                let equals = text.first(61, in: index..<min(limit, index + 40)),
                let value = text.readValue(at: equals + 1), value.isQuoted
            else {
                index += 1
                continue
            }
            typedSecret(value, rule: "login-pair")
            index = max(value.end, index + 1)
        }
    }

    /// `chpasswd:` of cloud-init over lines of `kim:x`.
    func passwordLinesHit(_ end: Int) {
        var line = text.nextLine(after: text.lineEnd(from: end, limit: 40))
        for _ in 0..<12 {
            var first = text.skipBlanks(line)
            let stop = text.lineEnd(from: first, limit: 200)
            guard first > line, first < stop else { return }
            if text[first] == 45 { first = text.skipBlanks(first + 1) }
            let word = bareWord(at: first)
            if let colon = text.first(58, in: word), colon > word.lowerBound, colon + 1 < word.upperBound {
                typedSecret(
                    FoundValue(range: colon + 1..<word.upperBound, quote: 34, end: stop), rule: "login-pair")
            }
            line = text.nextLine(after: stop)
        }
    }
}
