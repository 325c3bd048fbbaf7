/// What tests and tools type into the fields of forms: `page.getByLabel('Password').fill('x')`, `find(By.NAME, "passwd").send_keys("x")`.
extension DetectionPass {
    static let inputCalls = [
        ">type(", ".type(", ".fill(", "send_keys(", "sendkeys(", "typetext(", "textinput(", "setvalue(", "entertext(",
        "replacetext(", "inputtext(", ".press_sequentially(", ".presssequentially(", ".val(", "typewrite(", "sendline(",
        ".write(b", "send \"", "send -- \"",
    ]

    /// The call's name ends at `end`; the field is named before it on the line.
    func inputCallHit(_ start: Int, _ end: Int) {
        let line = text.lineStart(before: start, limit: 120)..<start
        let isPassword = [
            "passw", "pwd", "passcode", "passphrase", "kennwort", "secret", "token", "\"pin\"", "'pin'", "pincode",
        ]
        .contains { (word: StaticString) in text.find(word, in: line) != nil }
        var from = text.skipSpace(end)
        if text[end - 1] == 34 { from = end - 1 }
        // An expect script waits for the prompt on a line before, and a comment may say what is typed.
        if text.has("send", at: start) || text.has(".write", at: start) {
            sentLine(start, from)
            return
        }
        if !isPassword, text.quoteDepth(at: from) != nil, let value = text.readValue(at: from), value.isQuoted,
            text[value.end] == 44, case let second = text.skipBlanks(value.end + 1), text[second].isQuote,
            text.has("pass", at: second + 1)
        {
            // `->type('x', 'password')`
            typedSecret(value, rule: "form-input", isCode: true, allowWords: true)
            return
        }
        if !isPassword, text.quoteDepth(at: from) != nil, let field = text.readValue(at: from), field.isQuoted,
            text[field.end] == 44, text.find("passw", in: field.range) != nil,
            case let second = text.skipBlanks(field.end + 1), text.quoteDepth(at: second) != nil,
            let typed = text.readValue(at: second), typed.isQuoted
        {
            // `.fill("input[type=password]", "x")`
            typedSecret(typed, rule: "form-input", isCode: true, allowWords: true)
            return
        }
        guard isPassword, text.quoteDepth(at: from) != nil, let value = text.readValue(at: from), value.isQuoted else {
            return
        }
        // Keys to press: `x{enter}`.
        var last = value.range.upperBound
        if text[last - 1] == 125, let open = value.range.last(where: { text[$0] == 123 }), open > value.range.lowerBound
        {
            last = open
        }
        let typed = FoundValue(range: value.range.lowerBound..<last, quote: value.quote, end: value.end)
        if ByteProfile(text, typed.range).isNumber, typed.range.count >= 4 {
            add("pin", typed.range)
        } else {
            typedSecret(typed, rule: "form-input", isCode: true, allowWords: true)
        }
    }

    /// `sendline("x")`, `send "x\r"`, `tn.write(b"x\n")` after a prompt for a password, or beside a word for one.
    private func sentLine(_ start: Int, _ from: Int) {
        let window = max(0, start - 120)..<text.lineEnd(from: from, limit: 160)
        guard
            ["assword", "assphrase", "asswort"].contains(where: { (word: StaticString) in
                text.find(word, in: window) != nil
            }), let value = text.readValue(at: from), value.isQuoted
        else { return }
        var last = value.range.upperBound
        while last - 2 > value.range.lowerBound, text[last - 2] == 92, text[last - 1] == 110 || text[last - 1] == 114 {
            last -= 2
        }
        typedSecret(
            FoundValue(range: value.range.lowerBound..<last, quote: value.quote, end: value.end), rule: "form-input",
            isCode: true, allowWords: answersPrompt(start, window.lowerBound))
    }

    /// Whether what is sent at `start` is the first thing sent after a prompt for a password.
    private func answersPrompt(_ start: Int, _ floor: Int) -> Bool {
        var prompt: Int?
        for word in ["assword", "assphrase", "asswort"] as [StaticString] {
            var from = floor
            while let found = text.find(word, in: from..<start) {
                prompt = max(prompt ?? found, found)
                from = found + 1
            }
        }
        // The prompt ends the string that was waited for.
        guard let prompt, let end = (prompt..<min(start, prompt + 16)).first(where: { text[$0].isQuote }),
            (prompt..<end).allSatisfy({ text[$0].isLetter || text[$0].isOne(of: ": ?*") })
        else { return false }
        return text.find("write", in: end..<start) == nil && text.find("send", in: end..<start) == nil
    }
}
