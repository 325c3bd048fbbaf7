/// Values that stand apart from their name in code: on the next line, behind `return`, as a copy's source, in a tag's other attribute.
extension DetectionPass {
    /// `password =` at a line's end, and a string on the next.
    func continuedValue(_ range: Range<Int>, _ name: KeyName, at lineEnd: Int) {
        guard syntax.isCode else { return }
        var start = text.skipSpace(lineEnd)
        if text[start] == 92 { start = text.skipSpace(start + 1) }
        if text[start] == 40 { start = text.skipSpace(start + 1) }
        guard start - lineEnd < 80, text.quoteDepth(at: start) != nil, let value = text.readValue(at: start),
            value.isQuoted, judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
        else { return }
        add(Self.ruleID(name), value.range)
    }

    /// `getPassword() { return "x"; }`, `password: () => "x"`, `lambda: "x"`: `position` is where the parameters or the body begin.
    func returnedValue(_ range: Range<Int>, from position: Int) -> Bool {
        guard syntax.isCode else { return false }
        let limit = min(text.count, position + 120)
        var index = position
        while index < limit, !text[index].isQuote {
            let byte = text[index]
            guard byte.isWord || byte.isSpace || byte.isOne(of: "()*,-:=>?{") else {
                return false
            }
            index += 1
        }
        guard index < limit, text.quoteDepth(at: index) != nil, let value = text.readValue(at: index), value.isQuoted
        else { return false }
        var before = index
        while text[before - 1].isBlank { before -= 1 }
        let name = weigh(range)
        guard
            text.has("return", at: before - 6) || text.has("=>", at: before - 2)
                || (text[before - 1] == 58 && text.has("lambda", at: position)) || text.has("default", at: before - 7),
            name.level >= .medium, name.kind != .pin, isMade(value, name, range)
        else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// Whether a string looks like what its name says, and not like a word.
    private func isMade(_ value: FoundValue, _ name: KeyName, _ range: Range<Int>) -> Bool {
        !value.range.isEmpty
            && (looksTyped(value.range, besideAccount: true)
                || judge.isToken(text, value.range, ByteProfile(text, value.range), allowHex: true))
            && judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
    }

    /// `let(:password) { "x" }`, `password ?? "x"`, `read PASSWORD <<< "x"`, `${PASSWORD}    x`, `<password value="x"/>`.
    func looseValue(_ range: Range<Int>, _ position: Int) -> Bool {
        var start: Int?
        switch text[position] {
        case 123: if text[range.upperBound] == 41 { start = position + 1 }
        case 63: if text[position + 1] == 63 { start = position + 2 }
        case 60: if text.has("<<<", at: position) { start = position + 3 }
        case 125:
            if text[range.lowerBound - 1] == 123, text[range.lowerBound - 2] == 36,
                text[position + 1].isBlank || text[position + 1] == 61,
                text[position + 2].isBlank || text[position + 2] == 61
            {
                start = position + 1
                let sign = text.skipBlanks(position + 1)
                if text[sign] == 61, text[sign + 1].isBlank { start = sign + 1 }
            }
        case 118, 86:
            if text[range.lowerBound - 1] == 60, text.has("value=", at: position) { start = position + 6 }
        default: break
        }
        guard let start, case let name = weigh(range), name.level >= .medium, let value = text.readValue(at: start),
            isMade(value, name, range) || (text[position] == 125 && isVariable(range, value, name))
        else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// `${PASSWORD}    x` under the heading `*** Variables ***` of Robot Framework: any word is a value there.
    private func isVariable(_ range: Range<Int>, _ value: FoundValue, _ name: KeyName) -> Bool {
        var index = range.lowerBound
        let floor = max(0, index - 4000)
        while index > floor, text[index] != 42 || text[index - 1] != 42 || text[index - 2] != 42 { index -= 1 }
        guard index > floor, let word = text.find("*** variable", in: max(0, index - 20)..<range.lowerBound),
            word < index
        else { return false }
        return judge.isSecret(text, value, name: name, isCode: false, nameRange: range)
    }

    /// `DECLARE @password NVARCHAR(50) = N'x'`
    func declaredVariable(_ range: Range<Int>, _ position: Int) -> Bool {
        guard text[range.lowerBound - 1] == 64, syntax.isCode,
            let equals = text.first(61, in: position..<min(text.lineEnd(from: position, limit: 48), position + 48)),
            (position..<equals).allSatisfy({ text[$0].isWord || text[$0].isOne(of: " (),") }),
            let value = text.readValue(at: equals + 1), value.isQuoted, case let name = weigh(range),
            name.level >= .medium, judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
        else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }
}
