/// The shapes in which a name's value does not follow on the name's own line behind an operator.
extension DetectionPass {
    /// `"name", "value"`: arguments, tuples, pairs of a list.
    func commaPair(_ range: Range<Int>, _ position: Int) throws -> Bool {
        var start = text.skipBlanks(position)
        // PHP's serialize(): `s:8:"password";s:16:"x"`.
        if text[start] == 115, text[start + 1] == 58,
            let quote = text.first(34, in: start..<min(text.count, start + 10))
        {
            start = quote
            if text[start - 1] == 92 { start -= 1 }
        }
        let isFlag = text[range.lowerBound - 1] == 45
        // Arguments of a command, an item a line.
        if isFlag { start = text.skipSpace(position) }
        // `<<"x">>` of Erlang.
        if text[start] == 60, text[start + 1] == 60, text[start + 2].isQuote { start += 2 }
        // `fill_in 'Password', with: 'x'`
        if text.has("with: ", at: start) { start = text.skipBlanks(start + 6) }
        // `add_argument("--token", default="x")`, `env("TOKEN", default="x")`
        if text.has("default=", at: start) { start += 8 }
        guard text[start - 1] != 10 || isFlag, text.quoteDepth(at: start) != nil, var value = text.readValue(at: start),
            value.isQuoted
        else {
            return false
        }
        value = unwrapped(value)
        let isWhole =
            text[range.lowerBound - 1].isQuote || text[range.lowerBound - 1] == 123 || isFlag
            || (text[range.lowerBound - 1] == 58 && text[range.lowerBound - 2] == 32 && syntax.isCode)
            || (text[range.lowerBound - 1].isOne(of: "#@") && text[range.lowerBound - 2].isQuote)
        // `setenv("PASSWORD", "x", 1)`, `flag.String("password", "x", "what for")`
        let isFirst =
            isWhole
            && (text[range.lowerBound - 2] == 40
                || text.find("string\"", in: max(0, range.lowerBound - 12)..<range.lowerBound) != nil)
            && looksTyped(value.range, besideAccount: true)
            && weigh(range).level >= .medium
        if !isWhole || (!isFirst && isListed(range, value)) {
            // Among many strings only what is drawn at random counts.
            let profile = ByteProfile(text, value.range)
            let name = weigh(range)
            guard name.level > .none, name.kind != .password || isWhole, !judge.isNeverSecret(text, value.range),
                judge.isToken(text, value.range, profile, allowHex: true), !judge.isSlug(text, value.range),
                profile.length >= 16
            else { return false }
            add(Self.ruleID(name), value.range)
            return true
        }
        var name = weigh(range)
        name.level = min(name.level, .medium)
        let profile = ByteProfile(text, value.range)
        guard judge.isSecret(text, value, name: name, isCode: true, nameRange: range),
            profile.digits > 0 || profile.symbols > 0 || profile.looksRandom
        else {
            // `setProperty("password", "x")`, `define('DB_PASSWORD', 'x')`: any word but the common ones.
            guard name.kind == .password, profile.length >= 8, profile.letters == profile.length, profile.upper <= 1,
                weigh(range).level == .strong,
                text[text.skipBlanks(value.end)] == 41 || text.has("with: ", at: start - 6),
                judge.commonWords.flags(text, value.range) == 0, !judge.isMadeOfVocabulary(text, value.range)
            else { return false }
            add(Self.ruleID(name), value.range)
            return true
        }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// `PASSWORD 'x'`, `bind pass "x"`: a string right behind the name, that is made as passwords are.
    func quotedAfter(_ range: Range<Int>, _ position: Int) -> Bool {
        guard text[position] == 34 || text[position] == 39, text[range.upperBound] == 32 else { return false }
        let name = weigh(range)
        guard name.level == .strong, name.kind == .password || name.kind == .secret,
            let value = text.readValue(at: position), value.isQuoted, !hasBlank(value.range),
            case let profile = ByteProfile(text, value.range), profile.length >= 8, profile.upper > 0,
            profile.lower > 0, profile.digits > 0,
            profile.symbols > 0 || looksTyped(value.range, besideAccount: true),
            !judge.isSlug(text, value.range), judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
        else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }

    private func hasBlank(_ range: Range<Int>) -> Bool { range.contains { text[$0].isSpace } }

    /// `s/@PASSWORD@/x/`, `s|PASSWORD_PLACEHOLDER|x|`: what sed puts in a name's place.
    func substituted(_ range: Range<Int>) -> Bool {
        var before = range.lowerBound - 1
        // Marks around the name: `@`, `%`, `{`, `^`.
        scan: while true {
            switch text[before] {
            case 36, 37, 60, 64, 92, 94, 95, 123: before -= 1
            default: break scan
            }
        }
        let mark = text[before]
        guard mark == 47 || mark == 124 || mark == 35, text[before - 1] == 115, !text[before - 2].isWord else {
            return false
        }
        var index = range.upperBound
        while text[index].isOne(of: "%>@_}") { index += 1 }
        guard text[index] == mark else { return false }
        let start = index + 1
        var end = start
        while end - start < 100, text[end] > 32, text[end] != mark { end += 1 }
        guard text[end] == mark, end > start else { return false }
        return typedSecret(FoundValue(range: start..<end, quote: 34, end: end), rule: "command-line")
    }

    /// The value within quotes of its own: `"\"x\""`, `'"x"'`.
    func unwrapped(_ value: FoundValue) -> FoundValue {
        var first = value.range.lowerBound
        var last = value.range.upperBound
        if text[first] == 92, text[first + 1].isQuote, last - first > 4, text[last - 1].isQuote, text[last - 2] == 92 {
            first += 2
            last -= 2
        } else if text[first].isQuote, last - first > 2, text[last - 1] == text[first] {
            first += 1
            last -= 1
        }
        return FoundValue(range: first..<last, quote: value.quote, end: value.end)
    }

    /// Whether name and value are two of many strings in a list, where what is next to a name says nothing; options (`"--token", "x"`)
    /// say it all the same.
    func isListed(_ range: Range<Int>, _ value: FoundValue) -> Bool {
        guard text[range.lowerBound - 1] != 45 else { return false }
        var before = range.lowerBound - 1
        while text[before].isQuote || text[before] == 92 { before -= 1 }
        while text[before].isSpace { before -= 1 }
        var isListed = false
        if text[before] == 44 {
            before -= 1
            while text[before].isBlank { before -= 1 }
            isListed = text[before].isQuote
        }
        let after = text.skipSpace(value.end)
        guard text[after] == 44 else { return isListed }
        return text.quoteDepth(at: text.skipSpace(after + 1)) != nil
    }

    /// `service,api_token,x,owner`: a row whose cell names what the next one holds.
    func cellRow(_ range: Range<Int>, _ position: Int) -> Bool {
        let before = text[range.lowerBound - 1]
        guard !syntax.isCode, before == 44 || before == 59 || before == 10 || before == 0 || before == 34,
            !text[position].isBlank
        else { return false }
        let delimiter = text[position - 1]
        var start = position
        if text[start] == 34 { start += 1 }
        var end = start
        let limit = text.lineEnd(from: start, limit: 600)
        while end < limit, text[end] != delimiter, text[end] != 34 { end += 1 }
        var name = weigh(range)
        guard name.level > .none, end > start else { return false }
        name.level = min(name.level, .medium)
        let value = FoundValue(range: start..<end, end: end)
        let profile = ByteProfile(text, value.range)
        guard judge.isSecret(text, value, name: name, isCode: true, nameRange: range),
            name.kind == .password && profile.digits > 0 && syntax == .table
                || judge.isToken(text, value.range, profile, allowHex: true)
        else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// `variable "db_password" { type = string  default = "x" }` of Terraform.
    func blockDefault(_ range: Range<Int>, _ position: Int) {
        let name = weigh(range)
        guard name.level > .none else { return }
        var index = position
        let limit = min(text.count, position + 400)
        while index < limit, text[index] != 125 {
            if lowered(text[index]) == 100, !text[index - 1].isWord, text.has("default", at: index) {
                let equals = text.skipBlanks(index + 7)
                if text[equals] == 61, text[text.skipBlanks(equals + 1)] == 91 {
                    collection(range, name, at: text.skipBlanks(equals + 1))
                    return
                }
                guard text[equals] == 61, let value = text.readValue(at: equals + 1), value.isQuoted else { return }
                if judge.isSecret(text, value, name: name, isCode: true, nameRange: range) {
                    add(Self.ruleID(name), value.range)
                }
                return
            }
            index += 1
        }
    }

    /// `name%3Dvalue%26…`: a form or query inside a URL's parameter.
    func encodedPair(_ range: Range<Int>, _ start: Int) {
        let name = weigh(range)
        guard name.level > .none else { return }
        var end = start
        while text[end].isTokenByte || text[end] == 37 {
            // Encoded `&`, quotes, blanks and line ends.
            if text[end] == 37,
                (["%26", "%22", "%27", "%20", "%0a", "%0d"] as [StaticString]).contains(where: { text.has($0, at: end) }
                )
            {
                break
            }
            end += 1
        }
        let value = FoundValue(range: start..<end, end: end)
        if judge.isSecret(text, value, name: name, isCode: false, nameRange: range) {
            add(Self.ruleID(name), start..<end)
        }
    }

    /// `password - x`, `password → x` in notes.
    func dashPair(_ range: Range<Int>, _ position: Int) {
        let name = weigh(range)
        guard name.level >= .medium, let value = text.readValue(at: position, context: .word) else {
            vendorDash(name, position)
            return
        }
        proseValue(value, name: name, rule: "prose-secret", isDirect: true)
    }

    /// `パスワードはx です`, `密码为x，`, `パスワードを「x」に`: a run of ASCII after particles and brackets.
    func gluedValue(_ range: Range<Int>, _ position: Int) {
        let name = weigh(range)
        guard name.level >= .medium else { return }
        var start = position
        // Up to four characters of three bytes: particles, 「, ：.
        for _ in 0..<4 where text[start] >= 0xE3 || text[start] == 32 { start += text[start] == 32 ? 1 : 3 }
        var end = start
        while text[end] > 32, text[end] < 0x7F, text[end] != 34, end - start < 80 { end += 1 }
        while end > start, text[end - 1] == 44 || text[end - 1] == 46 { end -= 1 }
        let value = FoundValue(range: start..<end, quote: 34, end: end)
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 4, profile.digits > 0 || profile.symbols > 0,
            judge.isSecret(text, value, name: name, isCode: false)
        else { return }
        add("prose-secret", value.range)
    }

    /// `| name | value |`: the next cell of a table's row.
    func cellPair(_ range: Range<Int>, _ position: Int) {
        let name = weigh(range)
        guard name.level > .none, !syntax.isCode else { return }
        // "You can pass |name| to it."
        if range.count == 4, text.has("pass", at: range.lowerBound), text[range.lowerBound - 2].isLetter { return }
        var start = text.skipBlanks(position)
        while text[start] == 96 || text[start] == 42 { start += 1 }
        var end = start
        let limit = text.lineEnd(from: start, limit: 400)
        while end < limit, text[end] != 124, text[end] != 96 { end += 1 }
        while end > start, text[end - 1].isBlank || text[end - 1] == 42 { end -= 1 }
        // `src/passwd.h | 40 ++--` of a list of changes
        if endsLikeSource(range)
            || (start..<end).allSatisfy({ text[$0].isOne(of: " +-") || text[$0].isDigit })
                && text[end - 1] != text[start] && !text[end - 1].isDigit
        {
            return
        }
        // `FLAG_SECRETS | FLAG_UNLOCK,`
        guard end > start, text[end] == 124 || !text[end - 1].isOne(of: "),;{") else { return }
        let value = FoundValue(range: start..<end, end: end)
        guard judge.isSecret(text, value, name: name, isCode: false, nameRange: range) else {
            vendorCells(name, position)
            return
        }
        let profile = ByteProfile(text, value.range)
        // `PrivateKey | Ed448PrivateKey` of types
        if name.kind == .key, judge.isIdentifier(text, value.range) { return }
        // `pass_stmt | flow_stmt` of a grammar.
        if profile.digits > 0 || !judge.isWordPath(text, value.range) || profile.looksRandom {
            add(Self.ruleID(name), value.range)
        }
    }

    /// `<name>value</name>`, `<name attribute="…">value`.
    func elementText(_ range: Range<Int>, _ position: Int) {
        var before = range.lowerBound - 1
        if text[before] == 58 {
            before -= 1
            while text[before].isWord { before -= 1 }
        }
        // `<admin password>x`
        if text[before] == 32, let close = text.first(60, in: position..<min(text.count, position + 120)),
            text[close + 1] == 47
        {
            while text[before] == 32 || text[before].isLetter, range.lowerBound - before < 16 { before -= 1 }
            if text.has("label", at: before + 1) || text.has("input", at: before + 1) { return }
        }
        guard text[before] == 60 else { return }
        let name = weigh(range)
        guard name.level > .none else { return }
        addElementText(position, name, range)
    }

    func addElementText(_ position: Int, _ name: KeyName, _ nameRange: Range<Int>) {
        var start = text.skipSpace(position)
        if text.has("<![cdata[", at: start) { start += 9 }
        for tag in [
            "<value>", "<string>", "<plaintext>", "<code>", "<b>", "<strong>", "<tt>", "<kbd>", "<em>", "<pre>",
        ] as [StaticString] where text.has(tag, at: start) {
            start = text.skipSpace(start + tag.utf8CodeUnitCount)
        }
        var end = start
        let limit = min(text.count, start + ByteText.valueLimit)
        while end < limit, text[end] != 60, text[end] != 93 || text[end + 1] != 93 { end += 1 }
        // `#include <pwd.h>` and `C<passwd>` of Perl's documentation are closed by nothing.
        guard text[end] == 93 || (text[end] == 60 && !text[end + 1].isLetter) else { return }
        while end > start, text[end - 1].isSpace || (text[end - 2] == 92 && text[end - 1] == 110) {
            end -= text[end - 1].isSpace ? 1 : 2
        }
        guard end > start else { return }
        let value = FoundValue(range: start..<end, quote: 34, end: end)
        if judge.isSecret(text, value, name: name, isCode: false, nameRange: nameRange) {
            add(Self.ruleID(name), value.range)
        } else if name.kind != .password, name.level >= .medium {
            tokensAmongWords(value.range, name)
        }
    }

    /// `<secret>{acme AQAAABAAA x}</secret>`: a note of a few words that a token stands in.
    private func tokensAmongWords(_ range: Range<Int>, _ name: KeyName) {
        guard range.count <= 1200, !judge.isNeverSecret(text, range) || text[range.lowerBound] == 123 else { return }
        var start = range.lowerBound
        while start < range.upperBound {
            var end = start
            while end < range.upperBound, text[end].isTokenByte { end += 1 }
            let word = start..<end
            if word.count >= 12, case let profile = ByteProfile(text, word), !judge.isNeverSecret(text, word),
                judge.isToken(text, word, profile, allowHex: true), !judge.isSlug(text, word)
            {
                add(Self.ruleID(name), word)
            }
            start = end + 1
        }
    }

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
        guard text[next] == 60, let end = text.first(62, in: next..<min(text.count, next + 60)) else { return }
        let name = weigh(range)
        if name.level > .none { addElementText(end + 1, name, range) }
    }
}
