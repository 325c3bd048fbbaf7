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
    func bareSQLPassword(at position: Int) {
        var end = position
        while text[end].isWord || [33, 35, 36, 37, 42, 43, 45, 46, 94].contains(text[end]) { end += 1 }
        guard end > position, text[end].isSpace || [0, 34, 39, 41, 44, 59, 92, 96].contains(text[end]),
            text[position].isWord,
            looksTyped(position..<end, besideAccount: true) || ByteProfile(text, position..<end).looksRandom
        else { return }
        add("sql-password", position..<end)
    }

    /// `SET PASSWORD FOR 'kim'@'%' = 'x'`
    func setPasswordHit(_ end: Int) {
        let limit = text.lineEnd(from: end, limit: 160)
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
