/// PowerShell's and SQL's plain passwords: `ConvertTo-SecureString x -AsPlainText -Force`, `IDENTIFIED BY x`, `sp_addlogin 'kim', 'x'`.
extension DetectionPass {
    /// The words after `ConvertTo-SecureString`: switches, and one that is none. What is piped into it stands before.
    func secureStringHit(_ start: Int, _ end: Int) {
        let limit = text.lineEnd(from: end, limit: 300)
        var position = end
        for _ in 0..<6 {
            position = text.skipBlanks(position)
            guard position < limit, text[position] != 124, text[position] != 41 else { break }
            if text[position] == 45 {
                while position < limit, !text[position].isSpace, text[position] != 41 { position += 1 }
                continue
            }
            guard var value = text.readValue(at: position, context: .word) else { return }
            if !value.isQuoted, let close = text.first(41, in: value.range) {
                value = FoundValue(range: value.range.lowerBound..<close, end: close)
            }
            typedSecret(value, rule: "login-call", isCode: value.isQuoted)
            return
        }
        // `"x" | ConvertTo-SecureString`
        var before = start
        while text[before - 1] == 32 { before -= 1 }
        guard text[before - 1] == 124 else { return }
        before -= 1
        while text[before - 1] == 32 { before -= 1 }
        let quote = text[before - 1]
        guard quote == 34 || quote == 39,
            let open = (max(0, before - 100)..<before - 1).last(where: { text[$0] == quote || text[$0] == 10 }),
            text[open] == quote
        else { return }
        typedSecret(FoundValue(range: open + 1..<before - 1, quote: quote, end: before), rule: "login-call")
    }

    /// `IDENTIFIED BY x` of Oracle, without quotes.
    ///
    /// - Parameter start: where `IDENTIFIED` stands; after the account of a statement any word is the password.
    func bareSQLPassword(at position: Int, after start: Int) {
        var end = position
        while text[end].isWord || text[end].isOne(of: "!#$%*+-.^") { end += 1 }
        guard end > position, text[end].isSpace || text[end].isOne(of: "\0\"'),;\\`"),
            text[position].isWord,
            looksTyped(position..<end, besideAccount: true) || ByteProfile(text, position..<end).looksRandom
                || isStatement(before: start) && isBarePassword(position..<end)
        else { return }
        add("sql-password", position..<end)
    }

    /// Whether a statement that makes or changes an account goes before `IDENTIFIED` at `start`: `ALTER USER kim`.
    private func isStatement(before start: Int) -> Bool {
        let line = max(0, start - 200)..<start
        var words = 0
        var index = start
        while index > line.lowerBound, words < 2 {
            while index > line.lowerBound, text[index - 1].isSpace { index -= 1 }
            let end = index
            while index > line.lowerBound, !text[index - 1].isSpace { index -= 1 }
            guard index < end else { return false }
            words += 1
            if words == 2 {
                let isKind = ["user", "role", "to", "exists"].contains { (word: StaticString) in
                    word.utf8CodeUnitCount == end - index && text.has(word, at: index)
                }
                return isKind
                    && ["create ", "alter ", "grant "].contains { (verb: StaticString) in
                        text.find(verb, in: line.lowerBound..<end) != nil
                    }
            }
        }
        return false
    }

    /// A password that needs no quotes: a word that the statement's grammar does not put in its place.
    private func isBarePassword(_ range: Range<Int>) -> Bool {
        let isKeyword = ["externally", "globally", "values", "password", "random", "using"].contains {
            (word: StaticString) in word.utf8CodeUnitCount == range.count && text.has(word, at: range.lowerBound)
        }
        return !isKeyword
            && judge.isSecret(
                text, FoundValue(range: range, quote: 34, end: range.upperBound),
                name: KeyName(kind: .password, level: .strong), isCode: false)
    }

    /// `mysqladmin -u root password x`: the command's last word.
    func isLastOfAdministration(_ range: Range<Int>, _ position: Int) -> Bool {
        guard text[position].isWord, text[range.lowerBound - 1] == 32, text[position - 1] == 32, !syntax.isCode,
            case let line = text.lineStart(before: range.lowerBound, limit: 200)..<range.lowerBound,
            text.find("mysqladmin ", in: line) != nil || text.find("mariadb-admin ", in: line) != nil
        else { return false }
        let word = bareWord(at: position)
        guard text.skipBlanks(word.upperBound) >= text.lineEnd(from: word.upperBound, limit: 80),
            isBarePassword(word)
        else { return false }
        add("command-line", word)
        return true
    }

    /// Whether a statement or command before the word in `range` says that it sets the password of an account:
    /// `ALTER ROLE kim PASSWORD 'x'`, `CREATE USER kim SET PASSWORD 'x'`, `mysqladmin -u root password 'x'`.
    func setsPassword(_ range: Range<Int>) -> Bool {
        let line = max(text.lineStart(before: range.lowerBound, limit: 200), range.lowerBound - 200)..<range.lowerBound
        if text.find("mysqladmin ", in: line) != nil || text.find("mariadb-admin ", in: line) != nil { return true }
        guard ["create ", "alter "].contains(where: { (verb: StaticString) in text.find(verb, in: line) != nil }) else {
            return false
        }
        return [" user ", " role ", " login ", " group ", " database "].contains { (kind: StaticString) in
            text.find(kind, in: line) != nil
        }
    }

    /// `SET PASSWORD FOR 'kim'@'%' = 'x'`
    func setPasswordHit(_ end: Int) {
        let limit = text.lineEnd(from: end, limit: 160)
        if text.has("from ", at: end - 5) {
            // `ALTER CURRENT USER SET PASSWORD FROM 'x' TO 'y'`
            guard let old = text.readValue(at: end), old.isQuoted else { return }
            typedSecret(old, rule: "sql-password")
            let joint = text.skipBlanks(old.end)
            guard text.has("to ", at: joint), let new = text.readValue(at: joint + 3), new.isQuoted else { return }
            typedSecret(new, rule: "sql-password", allowWords: true)
            return
        }
        guard let equals = text.first(61, in: end..<limit), let value = text.readValue(at: equals + 1), value.isQuoted
        else { return }
        typedSecret(value, rule: "sql-password", allowWords: true)
    }

    /// `sp_addlogin 'kim', 'x'`, `sp_password NULL, 'x', 'kim'`
    func loginProcedureHit(_ end: Int) {
        let limit = text.lineEnd(from: end, limit: 300)
        var index = end
        while index < limit, text[index] != 59 {
            guard text[index] == 39, let value = text.readValue(at: index), value.isQuoted else {
                index += 1
                continue
            }
            if looksTyped(value.range, besideAccount: true) { add("sql-password", value.range) }
            index = max(value.end, index + 1)
        }
    }
}
