/// Files whose name says what they hold: `master.key`, `token.txt`, `.vault_pass`, `github-recovery-codes.txt`.
extension DetectionPass {
    /// Looks at the file's name, the last component of its path.
    func scanByName() {
        guard !name.isEmpty, depth == 0, text.count <= 8192 else { return }
        let slash = name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        name[slash...].withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress, !buffer.isEmpty else { return }
            let file = ByteText(base: base, count: buffer.count)
            let whole = 0..<file.count
            if ["recovery-code", "recovery_code", "backup-code", "backup_code", "recoverycode", "backupcode"].contains(
                where: { (words: StaticString) in file.find(words, in: whole) != nil })
            {
                recoveryCodes(from: 0)
            } else {
                bareCodes()
            }
            soleSecret(file)
            scanHomeFile(file)
            if file.find("google_authenticator", in: whole) != nil { authenticator() }
            if ["users", "userlist", "htpasswd", "passwd", "rsyncd", "credentials", "logins", "accounts", "combo"]
                .contains(where: {
                    (word: StaticString) in file.find(word, in: whole) != nil
                })
            {
                accountLines()
            }
            if file.find("auth", in: whole) != nil || file.find("cred", in: whole) != nil
                || file.find("login", in: whole) != nil || file.find("pass", in: whole) != nil
            {
                userThenPassword()
            }
        }
    }

    /// A file of nothing but codes of one shape, a line each: `x7k2p-9mq4z`.
    private func bareCodes() {
        guard text.count <= 1024, text.count >= 40 else { return }
        var lines: [Range<Int>] = []
        var line = 0
        while line < text.count {
            let end = text.lineEnd(from: line, limit: 80)
            var last = end
            while last > line, text[last - 1].isSpace { last -= 1 }
            let first = text.skipBlanks(line)
            if first < last { lines.append(first..<last) }
            guard end < text.count else { break }
            line = text.nextLine(after: end)
        }
        guard lines.count >= 5, let size = lines.first?.count, size >= 8, size <= 32 else { return }
        var plain = 0
        for line in lines {
            let profile = ByteProfile(text, line)
            guard line.count == size, profile.symbols >= 1, profile.symbols <= 3, profile.high == 0,
                line.allSatisfy({ text[$0].isWord || text[$0] == 45 }), !judge.isUUID(text, line)
            else { return }
            if profile.digits == 0 || profile.letters == 0 { plain += 1 }
        }
        // Few of a list drawn at random have no digit or no letter.
        guard plain * 4 <= lines.count else { return }
        for line in lines { add("recovery-code", line) }
    }

    /// google-authenticator's file: the seed, options, and codes of eight digits.
    private func authenticator() {
        var end = 0
        while text[end].isUpper || text[end] &- 50 < 6 { end += 1 }
        if end >= 16 { add("otp-seed", 0..<end) }
        recoveryCodes(from: end)
    }

    /// Lines of `user:password` and `"user" "password"`.
    private func accountLines() {
        var line = 0
        var lines = 0
        while line < text.count, lines < 2000 {
            lines += 1
            let end = text.lineEnd(from: line, limit: 400)
            defer { line = text.nextLine(after: end) }
            var start = line
            if text[start] == 34 { start += 1 }
            while text[start].isName || text[start] == 64 || text[start] == 43 { start += 1 }
            guard start > line, start < end else { continue }
            var from = start
            if text[start] == 34, text[start + 1] == 32, text[start + 2] == 34 {
                from = start + 2
            } else if text[start] == 58 {
                from = start + 1
            } else {
                continue
            }
            guard var value = text.readValue(at: from, context: .word), value.range.upperBound <= end,
                text.first(58, in: value.range) == nil, text.first(47, in: value.range) == nil || value.isQuoted
            else { continue }
            for scheme in ["{plain}", "{cleartext}", "{clear}"] as [StaticString]
            where text.has(scheme, at: value.range.lowerBound) {
                value.range = value.range.lowerBound + scheme.utf8CodeUnitCount..<value.range.upperBound
            }
            let profile = ByteProfile(text, value.range)
            if text.has("md5", at: value.range.lowerBound), profile.length == 35 {
                add("password-hash", value.range)
            } else {
                typedSecret(value, rule: "login-pair")
            }
        }
    }

    /// Two lines of one word each, as OpenVPN's `auth-user-pass` and mount.cifs take them.
    private func userThenPassword() {
        let first = text.lineEnd(from: 0, limit: 200)
        let start = text.nextLine(after: first)
        let end = text.lineEnd(from: start, limit: 200)
        guard first > 0, start < end, text.skipSpace(end) >= text.count,
            (0..<first).allSatisfy({ text[$0].isName || text[$0] == 64 }),
            let value = text.readValue(at: start, context: .word), value.range == start..<end
        else { return }
        typedSecret(value, rule: "login-pair")
    }

    /// One word is all the file holds, and its name is a secret's.
    private func soleSecret(_ file: ByteText) {
        var first = text.skipSpace(0)
        var last = text.count
        while last > first, text[last - 1].isSpace { last -= 1 }
        // A document of JSON on one line has names of its own, and its strings their quotes.
        guard text[first] != UInt8(ascii: "{"), text[first] != UInt8(ascii: "[") else { return }
        if last - first > 2, text[first] == 34, text[last - 1] == 34 {
            first += 1
            last -= 1
        }
        guard last - first >= 4, last - first <= 600, (first..<last).allSatisfy({ !text[$0].isSpace }) else { return }
        var stem = file.count
        // `api_key.txt` is read without its ending, `master.key` by it.
        if let dot = (1..<max(1, file.count)).last(where: { file[$0] == 46 }),
            ["txt", "md", "dat", "conf", "cfg", "asc", "log"].contains(where: { (ending: StaticString) in
                file.count - dot - 1 == ending.utf8CodeUnitCount && file.has(ending, at: dot + 1)
            })
        {
            stem = dot
        }
        var called = lexicon.read(file, 0..<stem)
        if file.has(".key", at: file.count - 4) || file.has(".token", at: file.count - 6)
            || file.has(".secret", at: file.count - 7)
        {
            called = KeyName(kind: .secret, level: .strong)
        }
        guard called.level >= .medium, called.kind != .pin,
            called.kind != .password || text.first(58, in: first..<last) == nil
        else { return }
        let value = FoundValue(range: first..<last, quote: 34, end: last)
        if judge.isSecret(text, value, name: called, isCode: false) { add(Self.ruleID(called), first..<last) }
    }
}
