/// Labels of two or three fields before values in the same order: `ID/PW: kim/x`, `user/pass kim x`, `IP ID PW 10.0.0.1 kim x`; and a
/// value in brackets after its name: `pw(x)`, `password(default:x)`.
extension DetectionPass {
    /// What stands before a password's name in such a label.
    private static let fields = WordTable(
        "id ip host hostname server user username login account acct name usr uid email mail benutzer benutzername nutzer usuario usuário utilisateur identifiant utente gebruiker 아이디 계정 사용자 账号 用户名 用户 帳號 ユーザー ユーザ名 логин пользователь kullanıcı użytkownik"
            .split(separator: " ").map { (String($0), UInt32(1)) })

    /// Whether the name in `range` is the last field of a label and its value was read.
    func labelledPair(_ range: Range<Int>) -> Bool {
        guard !syntax.isCode, syntax != .table else { return false }
        switch text[range.lowerBound - 1] {
        case 47, 38, 44, 40, 58, 43: break
        case 32:
            // `ID PW`, `아이디 PW`; words are no labels without a sign.
            let before = text[range.lowerBound - 2]
            let isSign = before < 64 && !before.isDigit && before != 32
            guard before >= 0x80 || isSign || (!text[range.lowerBound - 4].isLetter && before | 32 == 100) else {
                return false
            }
        default: return false
        }
        var fields = 0
        var index = range.lowerBound
        while fields < 3 {
            var gap = index
            var isBlank = true
            while gap > 0, index - gap < 3, text[gap - 1].isOne(of: " /&,():+") {
                gap -= 1
                if text[gap] != 32 { isBlank = false }
            }
            var first = gap
            while first > 0, gap - first < 40, text[first - 1].isWord || text[first - 1] >= 0x80 { first -= 1 }
            guard first < gap, gap < index, Self.fields.flags(text, first..<gap) != 0 || isIDOf(first..<gap) else {
                break
            }
            // Blanks alone set apart only the shortest of labels: `ID PW`.
            if isBlank, gap - first > 2 { break }
            fields += 1
            index = first
        }
        guard fields > 0, weigh(range).kind == .password else { return false }
        let lineEnd = text.lineEnd(from: range.upperBound, limit: 160)
        var position = range.upperBound
        var following = 0
        while text[position] == 47, text[position + 1].isLetter, following < 2 {
            // `id/pw/port`
            position += 1
            while text[position].isLetter { position += 1 }
            following += 1
        }
        while position < lineEnd, text[position].isOne(of: ")*] ") { position += 1 }
        for word in ["for ", "of ", "on ", "in ", "to ", "für ", "para ", "pour "] as [StaticString]
        where text.has(word, at: position) {
            // "ID/Password for the lab (kim/x)"
            let stop = min(lineEnd, position + 48)
            guard let open = (position..<stop).first(where: { text[$0] == 40 || text[$0] == 58 || text[$0] == 61 })
            else { return false }
            position = open
            break
        }
        guard position > range.upperBound || [58, 61, 45, 40, 9, 0xE2, 0xEF].contains(text[position]) else {
            return false
        }
        for word in ["are ", "is ", "sind ", "ist ", "son ", "sont "] as [StaticString]
        where text.has(word, at: position) { position += word.utf8CodeUnitCount }
        while position < lineEnd,
            text[position].isOne(of: " :=->(*`\"'") || text[position] == 9
        {
            position += 1
        }
        if text[position] == 0xE2, text[position + 1] == 0x86 { position = text.skipBlanks(position + 3) }
        return fieldValue(fields, at: position, end: lineEnd, cutsAtSlash: following > 0)
    }

    /// `ANYID`, `userID`
    private func isIDOf(_ word: Range<Int>) -> Bool {
        word.count > 2 && word.count < 12 && text[word.upperBound - 2] == 73 && text[word.upperBound - 1] == 68
    }

    /// Skips `fields` words and adds what follows them.
    private func fieldValue(_ fields: Int, at start: Int, end: Int, cutsAtSlash: Bool) -> Bool {
        func isSeparator(_ byte: UInt8) -> Bool { byte.isOne(of: " \t/,(:|;") }
        var position = start
        for _ in 0..<fields {
            var first = position
            while position < end, !isSeparator(text[position]) { position += 1 }
            guard position > first else { return false }
            if text[first].isDigit, (first..<position).count(where: { text[$0] == 46 }) == 3, fields == 1 {
                // An address without a field of its own, and its port.
                if text[position] == 58 {
                    while position < end, text[position] != 32 { position += 1 }
                }
                position = text.skipBlanks(position)
                first = position
                while position < end, !isSeparator(text[position]) { position += 1 }
            }
            guard (first..<position).allSatisfy({ text[$0].isName || text[$0] == 64 || text[$0] == 92 }) else {
                return false
            }
            while position < end, isSeparator(text[position]) { position += 1 }
        }
        var value = bareWord(at: position)
        for stop in [UInt8(44), 41] {
            if let cut = text.first(stop, in: value), cut > value.lowerBound { value = value.lowerBound..<cut }
        }
        if cutsAtSlash, let cut = text.first(47, in: value) { value = value.lowerBound..<cut }
        let profile = ByteProfile(text, value)
        guard profile.length >= 4, profile.letters > 0, text.first(47, in: value) == nil,
            text.first(61, in: value) == nil,
            profile.digits > 0 || looksTyped(value, besideAccount: true)
        else { return false }
        return typedSecret(FoundValue(range: value, quote: 34, end: value.upperBound), rule: "login-pair")
    }

    /// `pw(x)`, `비밀번호(x)`, `password(default:x)`, `(PW)x`, `secret)x`.
    @discardableResult
    func bracketedValue(_ range: Range<Int>) -> Bool {
        guard !syntax.isCode else { return false }
        // `secret (x)`
        let open = text[range.upperBound] == 32 ? range.upperBound + 1 : range.upperBound
        var start = open + 1
        if text[open] == 40 {
            while text[start].isQuote || (text[start] == 92 && text[start + 1].isQuote) { start += 1 }
            guard text.first(46, in: range) == nil, text[start].isWord,
                let close = text.first(41, in: start..<min(text.count, start + 80))
            else { return false }
            for word in ["default:", "initial:", "new:", "temp:", "temporary:"] as [StaticString]
            where text.has(word, at: start) { start = text.skipBlanks(start + word.utf8CodeUnitCount) }
            var end = close
            while end > start, text[end - 1].isQuote || text[end - 1] == 92 { end -= 1 }
            guard start < end else { return false }
            return bracketed(range, start..<end)
        }
        guard text[range.upperBound] == 41, text[start].isWord else { return false }
        let word = bareWord(at: start)
        return word.isEmpty ? false : bracketed(range, word)
    }

    private func bracketed(_ range: Range<Int>, _ word: Range<Int>) -> Bool {
        let name = weigh(range)
        guard name.level >= .medium, name.kind != .pin, (word).allSatisfy({ !text[$0].isSpace }) else { return false }
        guard looksTyped(word, besideAccount: text[word.lowerBound - 1].isQuote) else { return false }
        add(Self.ruleID(name), word)
        return true
    }
}
