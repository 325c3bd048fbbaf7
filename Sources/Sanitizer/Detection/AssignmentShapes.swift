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
        // `fill_in 'Password', with: 'x'`
        if text.has("with: ", at: start) { start = text.skipBlanks(start + 6) }
        // `add_argument("--token", default="x")`
        if isFlag, text.has("default=", at: start) { start += 8 }
        guard text[start - 1] != 10 || isFlag, text.quoteDepth(at: start) != nil, var value = text.readValue(at: start),
            value.isQuoted
        else {
            return false
        }
        value = unwrapped(value)
        let isWhole = text[range.lowerBound - 1].isQuote || text[range.lowerBound - 1] == 123 || isFlag
        if !isWhole || isListed(range, value) {
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

    /// The value within quotes of its own: `"\"x\""`, `'"x"'`.
    private func unwrapped(_ value: FoundValue) -> FoundValue {
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
    private func isListed(_ range: Range<Int>, _ value: FoundValue) -> Bool {
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
        return text[text.skipSpace(after + 1)].isQuote
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
        guard name.level >= .medium, let value = text.readValue(at: position, context: .word) else { return }
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
        var start = text.skipBlanks(position)
        while text[start] == 96 || text[start] == 42 { start += 1 }
        var end = start
        let limit = text.lineEnd(from: start, limit: 400)
        while end < limit, text[end] != 124, text[end] != 96 { end += 1 }
        while end > start, text[end - 1].isBlank || text[end - 1] == 42 { end -= 1 }
        let value = FoundValue(range: start..<end, end: end)
        guard judge.isSecret(text, value, name: name, isCode: false, nameRange: range) else { return }
        let profile = ByteProfile(text, value.range)
        if profile.digits + profile.symbols > 0 || profile.looksRandom { add(Self.ruleID(name), value.range) }
    }

    /// `<name>value</name>`, `<name attribute="…">value`.
    func elementText(_ range: Range<Int>, _ position: Int) {
        var before = range.lowerBound - 1
        if text[before] == 58 {
            before -= 1
            while text[before].isWord { before -= 1 }
        }
        guard text[before] == 60 else { return }
        let name = weigh(range)
        guard name.level > .none else { return }
        addElementText(position, name, range)
    }

    private func addElementText(_ position: Int, _ name: KeyName, _ nameRange: Range<Int>) {
        var start = text.skipSpace(position)
        if text.has("<![cdata[", at: start) { start += 9 }
        for tag in ["<value>", "<string>", "<plaintext>"] as [StaticString] where text.has(tag, at: start) {
            start = text.skipSpace(start + tag.utf8CodeUnitCount)
        }
        var end = start
        let limit = min(text.count, start + ByteText.valueLimit)
        while end < limit, text[end] != 60, text[end] != 93 || text[end + 1] != 93 { end += 1 }
        guard text[end] == 60 || text[end] == 93 else { return }
        while end > start, text[end - 1].isSpace || (text[end - 2] == 92 && text[end - 1] == 110) {
            end -= text[end - 1].isSpace ? 1 : 2
        }
        guard end > start else { return }
        let value = FoundValue(range: start..<end, quote: 34, end: end)
        if judge.isSecret(text, value, name: name, isCode: false, nameRange: nameRange) {
            add(Self.ruleID(name), value.range)
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
            if byte == 125 { return }
            if byte == 62, text[index - 1] != 61 {
                addElementText(index + 1, name, range)
                return
            }
            // The next item of the list.
            if text.has("- name", at: index) || text.has("{", at: index) { return }
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

    private func plistValue(_ range: Range<Int>, _ close: Int) {
        guard text.has("</", at: close), let open = text.first(62, in: close..<min(text.count, close + 40)) else {
            return
        }
        let next = text.skipSpace(open + 1)
        guard text[next] == 60, let end = text.first(62, in: next..<min(text.count, next + 60)) else { return }
        let name = weigh(range)
        if name.level > .none { addElementText(end + 1, name, range) }
    }

    /// `name("value")`: setters and constructors.
    func callArgument(_ range: Range<Int>, _ position: Int) {
        var start = text.skipBlanks(position)
        // `password.encode("utf-8")` does something with a password; `x.setPassword("…")` sets one.
        let method = (range.lastIndex { text[$0] == 46 }.map { $0 + 1 } ?? range.lowerBound)..<range.upperBound
        var name = weigh(method)
        // `toggl.NewClient("…")`: the vendor's word stands before the method.
        if name.level == .none, case let whole = weigh(range), whole.hasVendor, whole.level == .weak {
            vendorCall(range, whole, start)
            return
        }
        guard name.level > .none else { return }
        if [
            "get", "find", "read", "load", "fetch", "lookup", "check", "has", "is", "verify", "validate", "delete",
            "remove",
        ]
        .contains(where: { (verb: StaticString) in
            text.has(verb, at: method.lowerBound)
                && (text[method.lowerBound + verb.utf8CodeUnitCount] == 95
                    || text[method.lowerBound + verb.utf8CodeUnitCount].isUpper)
        }) {
            return
        }
        if name.hasVendor, name.level == .weak {
            vendorCall(range, name, start)
            return
        }
        guard text.quoteDepth(at: start) != nil, var value = text.readValue(at: start), value.isQuoted else { return }
        let isCredential = text.find("credential", in: range) != nil
        // A second string is the value: `setProperty("name", "value")` has its own rule, `Credential("user", "password")` this one.
        start = text.skipBlanks(value.end)
        if text[start] == 44, text.quoteDepth(at: text.skipBlanks(start + 1)) != nil,
            let second = text.readValue(at: start + 1), second.isQuoted
        {
            guard isCredential else { return }
            if judge.isSecret(text, second, name: KeyName(kind: .password, level: .strong), isCode: true) {
                addAccount(value.range)
            }
            value = second
            name = KeyName(kind: .password, level: .strong)
        } else if name.kind != .password || !text.has("password(", at: range.upperBound - 8) {
            name.level = min(name.level, .medium)
        }
        if judge.isSecret(text, value, name: name, isCode: true, nameRange: range) {
            add(Self.ruleID(name), value.range)
        }
    }

    /// The account that a password in the same call or command belongs to: one half of a login.
    func addAccount(_ range: Range<Int>) {
        let profile = ByteProfile(text, range)
        guard profile.length >= 4, profile.letters >= 3, !judge.isNeverSecret(text, range),
            !judge.isMadeOfVocabulary(text, range) || text.has("administrator", at: range.lowerBound)
        else { return }
        add("account", range)
    }

    /// `algoliasearch('id', 'key')`: the strings among the arguments of a call that a vendor's name stands in.
    private func vendorCall(_ range: Range<Int>, _ name: KeyName, _ position: Int) {
        var index = position
        let limit = text.lineEnd(from: position, limit: 300)
        while index < limit, text[index] != 41 {
            guard text.quoteDepth(at: index) != nil, let value = text.readValue(at: index), value.isQuoted else {
                index += 1
                continue
            }
            if judge.isSecret(text, value, name: name, isCode: true, nameRange: range) {
                add(Self.ruleID(name), value.range)
            }
            index = max(value.end, index + 1)
        }
    }

    /// The value of `name:` that stands on the next line, or the items of a list under it.
    func nextLines(_ range: Range<Int>, _ name: KeyName, after lineEnd: Int) {
        var line = text.nextLine(after: lineEnd)
        var count = 0
        // A blank line or the opening of a code block may stand between.
        for _ in 0..<2 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: 24)
            if start < text.count, start == end || text.has("```", at: start) { line = text.nextLine(after: end) }
        }
        while line < text.count, count < 200 {
            var start = text.skipBlanks(line)
            let isItem = text[start] == 45 && text[start + 1] == 32
            let isBullet = isItem || (text[start] == 42 && text[start + 1] == 32)
            if isBullet { start = text.skipBlanks(start + 2) }
            guard count == 0 || isBullet else { return }
            guard start > line || isBullet || text[start] == 96 || count == 0, let value = text.readValue(at: start)
            else { return }
            if !value.isQuoted, text[value.range.upperBound - 1] == 58, !isBullet, count == 0 {
                nestedPairs(range, name, from: line)
                return
            }
            let end = text.lineEnd(from: value.end, limit: 80)
            var rest = text.skipBlanks(value.end)
            if text[rest] == 44 || text[rest] == 93 || text[rest] == 34 { rest = end }
            if text[rest] == UInt8(ascii: "#") { rest = end }
            guard rest >= end else { return }
            // `other:` on the next line is another key.
            let last = text[value.range.upperBound - 1]
            if !value.isQuoted, last == 58 || text.first(61, in: value.range) == value.range.upperBound - 1 { return }
            var weighed = name
            if !value.isQuoted, !isBullet, start == line { weighed.level = min(weighed.level, .medium) }
            if !value.isQuoted, !isBullet, text[value.range.upperBound - 1] == 58 || looksLikePair(value.range) {
                nestedPairs(range, name, from: line)
                return
            }
            if !value.isQuoted, looksLikePair(value.range) { return }
            if judge.isSecret(text, value, name: weighed, isCode: syntax.isCode, nameRange: range) {
                add(Self.ruleID(name), value.range)
            } else if count == 0, !isBullet {
                return
            }
            count += 1
            guard isBullet else { return }
            line = text.nextLine(after: end)
        }
    }

    /// "use this key", a line end, and a line that is nothing but a token.
    func lonelyToken(_ range: Range<Int>, _ lineEnd: Int) {
        let name = weigh(range)
        guard name.level > .none, name.kind != .pin else { return }
        if name.kind == .password || text.find("wi-fi", in: max(0, range.lowerBound - 12)..<range.lowerBound) != nil {
            lonelyPassword(range, lineEnd)
            return
        }
        var line = text.nextLine(after: lineEnd)
        for _ in 0..<2 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: 24)
            if start < text.count, start == end || text.has("```", at: start) { line = text.nextLine(after: end) }
        }
        var first = text.skipBlanks(line)
        if text[first] == 96 { first += 1 }
        var last = first
        while text[last].isTokenByte, last - first < 600 { last += 1 }
        guard last - first >= 20 else { return }
        let end = text[last] == 96 ? last + 1 : last
        guard text.skipBlanks(end) >= text.lineEnd(from: end, limit: 8) || text[end] == 34 else { return }
        let profile = ByteProfile(text, first..<last)
        if !judge.isNeverSecret(text, first..<last), judge.isToken(text, first..<last, profile, allowHex: true) {
            add(Self.ruleID(name), first..<last)
        }
    }

    /// `# Proxmox root password`, `**Wi-Fi password**`, "Password of the camera:", and a line of one word under it.
    func lonelyPassword(_ range: Range<Int>, _ lineEnd: Int) {
        guard !syntax.isCode, syntax != .table else { return }
        var line = text.nextLine(after: lineEnd)
        for _ in 0..<2 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: 24)
            if start < text.count, start == end || text.has("```", at: start) { line = text.nextLine(after: end) }
        }
        var first = text.skipBlanks(line)
        while text[first] == 62 || text[first] == 32 || text[first] == 96 || text[first] == 42 { first += 1 }
        guard let value = text.readValue(at: first, context: .word), !value.isQuoted else { return }
        var end = value.end
        while text[end] == 96 || text[end] == 42 || text[end] == 32 { end += 1 }
        guard end >= text.lineEnd(from: end, limit: 2) || text[end] == 34 else { return }
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 6, profile.digits > 0, profile.letters > 1, !profile.isHex,
            text.first(58, in: value.range) == nil,
            text.first(61, in: value.range) == nil,
            judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false)
        else { return }
        add("prose-secret", value.range)
    }

    /// `[passwords]` over lines of `name = x`.
    func sectionPairs(_ range: Range<Int>, _ end: Int) {
        let name = weigh(range)
        guard name.level > .none, text[range.upperBound - 1] | 32 == 115, name.kind != .pin else { return }
        var weighed = name
        weighed.level = name.kind == .password ? .strong : .medium
        var line = text.nextLine(after: text.lineEnd(from: end, limit: 40))
        for _ in 0..<200 {
            let first = text.skipBlanks(line)
            let stop = text.lineEnd(from: first, limit: 600)
            guard first < text.count, text[first] != 91 else { return }
            if let equals = text.first(61, in: first..<stop), let value = text.readValue(at: equals + 1),
                value.range.upperBound <= stop,
                judge.isSecret(text, value, name: weighed, isCode: false)
            {
                add(Self.ruleID(name), value.range)
            }
            line = text.nextLine(after: stop)
        }
    }

    /// `keys:` over lines of `id: x`: values drawn at random are keys, whatever they are called.
    private func nestedPairs(_ range: Range<Int>, _ name: KeyName, from first: Int) {
        guard text[range.upperBound - 1] | 32 == 115, name.kind != .password || syntax == .yaml else { return }
        let keyLine = text.lineStart(before: range.lowerBound, limit: 200)
        let indent = text.skipBlanks(keyLine) - keyLine
        var line = first
        for _ in 0..<64 {
            let start = text.skipBlanks(line)
            guard start < text.count, start - line > indent else { return }
            let end = text.lineEnd(from: start, limit: 600)
            var colon = start
            while colon < end, text[colon] != 58 { colon += 1 }
            if text[colon] == 58, let value = text.readValue(at: colon + 1), value.range.upperBound <= end {
                let profile = ByteProfile(text, value.range)
                if !judge.isNeverSecret(text, value.range), judge.isToken(text, value.range, profile, allowHex: true),
                    !judge.isSlug(text, value.range)
                {
                    add(Self.ruleID(name), value.range)
                }
            }
            line = text.nextLine(after: end)
        }
    }

    private func looksLikePair(_ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound, text[index].isName { index += 1 }
        return index > range.lowerBound && index < range.upperBound && (text[index] == 58 || text[index] == 61)
            && text[range.lowerBound].isLetter && index - range.lowerBound < 32
    }

    /// A YAML block scalar: its lines, one finding each, so that the indentation stays.
    func blockScalar(_ range: Range<Int>, _ name: KeyName, at position: Int) -> Bool {
        var header = position + 1
        while text[header] == 45 || text[header] == 43 || text[header].isDigit { header += 1 }
        header = text.skipBlanks(header)
        if text[header] == UInt8(ascii: "#") { header = text.lineEnd(from: header) }
        guard text[header] == 10 || text[header] == 13 || text.isLineEscape(at: header) else { return false }
        let keyLine = text.lineStart(before: range.lowerBound)
        let keyIndent = text.skipBlanks(keyLine) - keyLine
        var line = text.nextLine(after: header)
        var lines: [Range<Int>] = []
        while line < text.count, lines.count < 400 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: ByteText.valueLimit)
            if start - line <= keyIndent, start < end { break }
            if start < end {
                var last = end
                while text[last - 1].isBlank { last -= 1 }
                lines.append(start..<last)
            }
            guard end < text.count else { break }
            line = text.nextLine(after: end)
        }
        guard !lines.isEmpty, !text.has("-----begin", at: lines[0].lowerBound) else { return true }
        for range in lines {
            let value = FoundValue(range: range, quote: 34, end: range.upperBound)
            var weighed = name
            if lines.count > 1 { weighed.level = min(name.level, .medium) }
            if judge.isSecret(text, value, name: weighed, isCode: false) { add(Self.ruleID(name), range) }
        }
        return true
    }

    /// `"gitlab-token": {"git.example.org": "x"}`: the values of an object whose name is a secret's.
    private func objectValues(_ range: Range<Int>, _ name: KeyName, _ start: Int) {
        guard name.level > .weak || name.kind == .secret else { return }
        var weighed = name
        weighed.level = .medium
        var index = start
        let limit = min(text.count, start + 2000)
        while index < limit, text[index] != 125, text[index] != 123 {
            guard text.quoteDepth(at: index) != nil, let key = text.readValue(at: index), key.isQuoted else {
                index += 1
                continue
            }
            let colon = text.skipSpace(key.end)
            guard text[colon] == 58 else { return }
            let from = text.skipSpace(colon + 1)
            guard text.quoteDepth(at: from) != nil, let value = text.readValue(at: from), value.isQuoted else {
                index = max(colon + 1, from)
                continue
            }
            let inner = lexicon.read(text, key.range)
            if inner.level == .none, lexicon.isPlain(text, key.range),
                judge.isSecret(text, value, name: weighed, isCode: true), ByteProfile(text, value.range).digits > 0
            {
                add(Self.ruleID(name), value.range)
            }
            index = max(value.end, index + 1)
        }
    }

    /// A key as a list of bytes: `[1, 3, 5, …]`.
    private func byteList(_ name: KeyName, _ start: Int) {
        var index = start
        var numbers = 0
        var last = start
        let limit = min(text.count, start + 1000)
        while index < limit, text[index] != 93, text[index] != 125 {
            if text[index].isDigit {
                let first = index
                while text[index].isHex || text[index] | 32 == 120 { index += 1 }
                guard index - first <= 4 else { return }
                numbers += 1
                last = index
            } else if text[index] == 44 || text[index].isSpace {
                index += 1
            } else {
                return
            }
        }
        if text[index] == 93 || text[index] == 125, numbers >= 16 {
            add(Self.ruleID(name), start..<last, needsQuotes: true)
        }
    }

    /// `[ "a", "b" ]` and `{ value: "a" }` as the value of a name.
    func collection(_ range: Range<Int>, _ name: KeyName, at position: Int) {
        guard position >= listEnd else { return }
        var opener = text[position]
        var index = position + 1
        let limit = min(text.count, position + ByteText.valueLimit)
        var items = 0
        if opener == 123, name.kind == .secret, name.level == .weak, text[index].isQuote,
            let first = text.readValue(at: index),
            text[text.skipSpace(first.end)] == 44
        {
            // A tuple of Erlang.
            opener = 40
        }
        if opener == UInt8(ascii: "{") {
            let start = text.skipSpace(index)
            var key = start
            while text[key].isQuote || text[key] == 92 { key += 1 }
            var end = key
            while text[end].isWord { end += 1 }
            for word in [
                "value", "plaintext", "secret", "data", "text", "plain", "s", "string", "token", "hex", "default",
            ]
                as [StaticString]
            where end - key == word.utf8CodeUnitCount && text.has(word, at: key) {
                while text[end].isQuote || text[end] == 92 { end += 1 }
                end = text.skipBlanks(end)
                guard text[end] == 58 || text[end] == 61, let value = text.readValue(at: end + 1) else { return }
                if judge.isSecret(text, value, name: name, isCode: true, nameRange: range) {
                    add(Self.ruleID(name), value.range)
                }
                return
            }
            if text[text.skipSpace(index)].isDigit {
                if name.kind == .key, name.level >= .medium { byteList(name, text.skipSpace(index)) }
            } else {
                objectValues(range, name, index)
            }
            return
        }
        if opener == 91, name.kind == .key, name.level >= .medium, text[text.skipSpace(index)].isDigit {
            byteList(name, text.skipSpace(index))
            return
        }
        while index < limit, items < 500 {
            index = text.skipSpace(index)
            guard text.quoteDepth(at: index) != nil || (text[index].isWord && opener == UInt8(ascii: "[")),
                let value = text.readValue(at: index)
            else { break }
            var weighed = name
            if !value.isQuoted || opener == 40 { weighed.level = min(name.level, .medium) }
            if judge.isSecret(text, value, name: weighed, isCode: opener == 40, nameRange: range) {
                add(Self.ruleID(name), value.range)
            }
            if items == 1, opener == 40, name.kind == .secret, name.level == .weak, value.isQuoted {
                typedSecret(value, rule: "login-call", isCode: true)
            }
            items += 1
            index = text.skipSpace(max(value.end, index + 1))
            guard text[index] == 44 else { break }
            index += 1
        }
        listEnd = index
    }
}
