/// Names that are values themselves, and where the value that they name stands.
extension DetectionPass {
    /// A name that is itself a value: `- name: X_PASSWORD` / `value: y`, `{"key": "token", "value": "y"}`,
    /// `<add key="Password" value="y"/>`, `<property name="password">y</property>`, `<key>Password</key><string>y</string>`.
    func namedValue(_ range: Range<Int>, _ close: Int) {
        var position = range.lowerBound - 1
        while text[position].isQuote || text[position] == 92 || text[position] == 35 { position -= 1 }
        while text[position].isBlank { position -= 1 }
        if text[position] == 62 {
            plistValue(range, close)
            return
        }
        guard text[position] == 58 || text[position] == 61 else { return }
        position -= 1
        while text[position].isBlank { position -= 1 }
        while text[position].isQuote || text[position] == 92 { position -= 1 }
        let keyEnd = position + 1
        while text[position].isWord { position -= 1 }
        let key = (position + 1)..<keyEnd
        let name = weigh(range)
        // `"type": "password", "value": "…"`: other types are kinds of things, not of secrets.
        let isType = key.count == 4 && text.has("type", at: key.lowerBound) && name.kind == .password
        guard !key.isEmpty, name.level > .none, isType || Self.isNameOfName(text, key) else { return }
        if updatedValue(key, name, range) { return }
        var index = close
        let limit = min(text.count, close + 300)
        while index < limit {
            let byte = text[index]
            if byte == 125 {
                valueBeforeName(key.lowerBound, name, range, open: 123)
                return
            }
            if byte == 62, text[index - 1] != 61 {
                valueBeforeName(key.lowerBound, name, range, open: 60)
                if text[index - 1] != 47, childValue(from: index + 1, name, range) { return }
                addElementText(index + 1, name, range)
                return
            }
            // The next item of the list.
            if text.has("- name", at: index) || text.has("{", at: index) { break }
            if lowered(byte) == 118 || lowered(byte) == 99 || lowered(byte) == 100 || lowered(byte) == 116
                || lowered(byte) == 97,
                !text[index - 1].isWord || text[index - 2] == 92 || (byte == 86 && text[index - 1].isLower),
                let after = Self.valueKeyEnd(text, index)
            {
                guard let value = text.readValue(at: after) else { return }
                let first = text[value.range.lowerBound]
                if first == 62 || first == 124, blockScalar(range, name, at: value.range.lowerBound) { return }
                if judge.isSecret(text, value, name: name, isCode: false, nameRange: range) {
                    add(Self.ruleID(name), value.range)
                }
                return
            }
            index += 1
        }
        // `- value: x` on the line before.
        let line = text.lineStart(before: key.lowerBound, limit: 80)
        guard line > 0, text.skipBlanks(line) == key.lowerBound else { return }
        var lead = text.skipBlanks(text.lineStart(before: line - 1, limit: 400))
        guard text[lead] == 45, text[lead + 1] == 32 else { return }
        lead = text.skipBlanks(lead + 1)
        guard let after = Self.valueKeyEnd(text, lead), let value = text.readValue(at: after),
            value.range.upperBound < line, judge.isSecret(text, value, name: name, isCode: false, nameRange: range)
        else { return }
        add(Self.ruleID(name), value.range)
    }

    /// `{"value": "x", "name": "password"}`: the value stands before its name in the object.
    /// In a tag it is another attribute: `<input value="x" name="password">`.
    private func valueBeforeName(_ end: Int, _ name: KeyName, _ range: Range<Int>, open: UInt8) {
        var index = end
        let floor = max(0, end - 300)
        while index > floor, text[index] != open { index -= 1 }
        guard text[index] == open else { return }
        while index < end {
            if text[index].isQuote || (open == 60 && text[index] == 32), let after = Self.valueKeyEnd(text, index + 1) {
                guard let value = text.readValue(at: after), value.isQuoted, value.range.upperBound < end else {
                    return
                }
                var weighed = name
                weighed.level = min(name.level, .medium)
                if judge.isSecret(text, value, name: weighed, isCode: false, nameRange: range) {
                    add(Self.ruleID(name), value.range)
                }
                return
            }
            index += 1
        }
    }

    private static func isNameOfName(_ text: ByteText, _ key: Range<Int>) -> Bool {
        for word in [
            "name", "key", "id", "field", "variable", "property", "var", "env", "label", "k", "option", "param",
            "header", "element", "selector", "locator", "input", "prompt", "title", "question",
        ]
            as [StaticString]
        where key.count == word.utf8CodeUnitCount && text.has(word, at: key.lowerBound) {
            return true
        }
        return key.count > 4 && (text.has("name", at: key.upperBound - 4) || text.has("key", at: key.upperBound - 3))
    }

    /// Just after the operator of `value:`, `"value":`, `value=`, `content:`, `default:` at `index`.
    private static func valueKeyEnd(_ text: ByteText, _ index: Int) -> Int? {
        for word in ["value", "val", "content", "default", "credential_value", "text", "answer"] as [StaticString]
        where text.has(word, at: index) {
            var position = index + word.utf8CodeUnitCount
            while text[position].isQuote || text[position] == 92 { position += 1 }
            position = text.skipBlanks(position)
            guard text[position] == 58 || text[position] == 61 else { continue }
            if text[position + 1] == 62 { position += 1 }
            return position + 1
        }
        return nil
    }

    func plistValue(_ range: Range<Int>, _ close: Int) {
        guard text.has("</", at: close), let open = text.first(62, in: close..<min(text.count, close + 40)) else {
            return
        }
        let next = text.skipSpace(open + 1)
        guard text[next] == 60, let end = text.first(62, in: next..<min(text.count, next + 60)),
            !namesThing(next + 1..<end)
        else { return }
        let name = weigh(range)
        if name.level > .none { addElementText(end + 1, name, range) }
    }
}
