/// Whole-line formats without names: password files, pgpass, hashes, SQL statements.
extension DetectionPass {
    /// Hashes of passwords as crypt(3) and its like write them: `$y$`, `$6$`, `$2b$`, `$argon2id$`, `$apr1$`, `pbkdf2_sha256$`.
    func hashHit(_ start: Int) {
        guard !text[start - 1].isWord || text[start - 2] == 92 else { return }
        var end = start
        while text[end].isBase64 || text[end].isOne(of: "$.,=") { end += 1 }
        while end > start, text[end - 1] == 44 { end -= 1 }
        let range = start..<end
        let profile = ByteProfile(text, range)
        // Three fields at least, and the last of them a hash.
        var dollars = 0
        var lastDollar = start
        for index in range where text[index] == 36 {
            dollars += 1
            lastDollar = index
        }
        guard dollars >= 2, profile.length >= 20, end - lastDollar > 12 else { return }
        guard ByteProfile(text, (lastDollar + 1)..<end).distinct >= 8 else { return }
        add("password-hash", range)
    }

    /// A line of pgpass: `host:port:database:user:password`.
    func pgpassHit(_ start: Int, _ end: Int) {
        let line = text.lineStart(before: start, limit: 300)..<text.lineEnd(from: end, limit: 400)
        var cuts: [Int] = []
        for index in line where text[index] == 58 && text[index - 1] != 92 { cuts.append(index) }
        guard cuts.count >= 4, cuts[0] + 1 == start + (text[start] == 58 ? 1 : 0) else { return }
        for index in line.lowerBound..<cuts[3] where text[index].isSpace || text[index] == 47 { return }
        let password = (cuts[3] + 1)..<line.upperBound
        // A line of `/etc/shadow` ends in days and empty fields: `daemon:*:19405:0:99999:7:::`.
        if password.allSatisfy({ text[$0].isDigit || text[$0] == 58 }), text[line.upperBound - 1] == 58 { return }
        let value = FoundValue(range: password, quote: 34, end: line.upperBound)
        if judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false) {
            add("pgpass", password)
        }
    }

    /// SQL that sets a password: `IDENTIFIED BY 'x'`, `PASSWORD 'x'`, `PASSWORD = 'x'`, `SET PASSWORD … = PASSWORD('x')`.
    func sqlHit(_ start: Int, _ end: Int) {
        var position = text.skipBlanks(end)
        for word in ["password ", "values ", "with "] as [StaticString]
        where text.has(word, at: position) {
            position = text.skipBlanks(position + word.utf8CodeUnitCount)
        }
        if text.has("identified with", at: start) {
            // `WITH mysql_native_password BY 'x'`, `WITH sha256_password AS 'x'`, with or without quotes around the plugin.
            while text[position].isWord || text[position].isQuote || text[position] == 92 { position += 1 }
            position = text.skipBlanks(position)
            guard text.has("by ", at: position) || text.has("as ", at: position) else { return }
            position = text.skipBlanks(position + 3)
        }
        guard text.quoteDepth(at: position) != nil, let value = text.readValue(at: position), value.isQuoted else {
            if text.has("identified by", at: start) { bareSQLPassword(at: position, after: start) }
            return
        }
        if judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false) {
            add("sql-password", value.range)
        }
    }

    /// `{SHA}…` and `{SSHA}…` of htpasswd and LDAP.
    func ldapHashHit(_ end: Int) {
        var last = end
        while text[last].isBase64 || text[last] == 61 { last += 1 }
        if last - end >= 20 { add("password-hash", end..<last) }
    }
}
