/// What forms hold, as code reads, compares and fills it: `If txtPassword.Text = "x" Then`, `passwordField.getText().equals("x")`,
/// `$("#password").val() === "x"`.
extension DetectionPass {
    /// Properties and methods that give a control's content.
    private static let contents = WordTable(
        "text value content string gettext getvalue get val inputvalue plaintext unwrap trim tostring stringvalue"
            .split(separator: " ").map { (String($0), UInt32(1)) })

    /// The control that the name in `range` is, or that it finds, is read by the member whose dot is at `dot`: what that is compared
    /// with, or gets, may be the secret.
    func controlContent(_ range: Range<Int>, _ dot: Int) -> Bool {
        var index = dot
        var members = 0
        while text[index] == 46, members < 3 {
            var end = index + 1
            while text[end].isWord { end += 1 }
            guard end > index + 1, Self.contents.flags(text, index + 1..<end) != 0 else { break }
            members += 1
            if text[end] == 40, text[end + 1] == 41 { end += 2 }
            index = end
        }
        guard members > 0 else { return false }
        let isCall = text.has(".equals(", at: index) || text.has(".contentequals(", at: index)
        let operatorAt = text.skipBlanks(index)
        var start = operatorAt
        if isCall {
            start = (text.first(40, in: index..<index + 16) ?? index) + 1
        } else {
            while start - operatorAt < 3, text[start].isOne(of: "=!<>") { start += 1 }
            guard start > operatorAt, text[start - 1] == 61 || text[start - 1] == 62 else { return false }
        }
        start = text.skipBlanks(start)
        guard text.quoteDepth(at: start) != nil, let value = text.readValue(at: start), value.isQuoted,
            !value.range.isEmpty
        else { return false }
        // `txtPassword.Text = "Enter it here"` fills a control; `If … Then`, `==` and `<>` compare.
        let isAssigned =
            !isCall && start - operatorAt <= 2 && text[operatorAt] == 61 && text[operatorAt + 1] != 61
            && !text.has(" then", at: value.end)
        let name = weigh(controlName(range))
        guard name.level >= .medium, name.kind != .none,
            !isAssigned || looksTyped(value.range, besideAccount: true) || ByteProfile(text, value.range).digits > 0,
            judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
        else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// The name without what says that it is a control: `passwordField`, `PasswordTextBox`, `password_input`.
    private func controlName(_ range: Range<Int>) -> Range<Int> {
        var end = range.upperBound
        for widget in ["field", "box", "text", "input", "entry", "edit", "control", "view"] as [StaticString] {
            let start = end - widget.utf8CodeUnitCount
            if start > range.lowerBound + 2, text.has(widget, at: start) {
                end = text[start - 1] == 95 || text[start - 1] == 45 ? start - 1 : start
            }
        }
        return range.lowerBound..<end
    }

    /// `Input Password    id:pw    x`, `Input Text    name:password    x` of Robot Framework: cells between two blanks or more.
    func robotInputHit(_ start: Int, _ end: Int) {
        let line = text.lineEnd(from: end, limit: 300)
        func cell(from index: Int) -> Range<Int> {
            var first = index
            while first < line, text[first].isBlank { first += 1 }
            var last = first
            while last < line, !(text[last].isBlank && text[last + 1].isBlank) { last += 1 }
            return first..<last
        }
        let locator = cell(from: end)
        let value = cell(from: locator.upperBound)
        guard !locator.isEmpty, !value.isEmpty,
            text.has("input password", at: start) || text.find("passw", in: locator) != nil,
            judge.isSecret(
                text, FoundValue(range: value, quote: 34, end: value.upperBound),
                name: KeyName(kind: .password, level: .strong), isCode: false)
        else { return }
        add("form-input", value)
    }
}
