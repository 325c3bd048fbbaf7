/// What tests and tools type into the fields of forms: `page.getByLabel('Password').fill('x')`, `find(By.NAME, "passwd").send_keys("x")`.
extension DetectionPass {
    static let inputCalls = [
        ">type(", ".type(", ".fill(", "send_keys(", "sendkeys(", "typetext(", "textinput(", "setvalue(", "entertext(",
        "replacetext(", "inputtext(", ".press_sequentially(", ".presssequentially(",
    ]

    /// The call's name ends at `end`; the field is named before it on the line.
    func inputCallHit(_ start: Int, _ end: Int) {
        let line = text.lineStart(before: start, limit: 120)..<start
        let isPassword = [
            "passw", "pwd", "passcode", "passphrase", "kennwort", "secret", "token", "\"pin\"", "'pin'", "pincode",
        ]
        .contains { (word: StaticString) in text.find(word, in: line) != nil }
        let from = text.skipSpace(end)
        if !isPassword, text.quoteDepth(at: from) != nil, let value = text.readValue(at: from), value.isQuoted,
            text[value.end] == 44, case let second = text.skipBlanks(value.end + 1), text[second].isQuote,
            text.has("pass", at: second + 1)
        {
            // `->type('x', 'password')`
            typedSecret(value, rule: "form-input", isCode: true, allowWords: true)
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
}
