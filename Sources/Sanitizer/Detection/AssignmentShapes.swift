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
        if setterValue(range, value) { return true }
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
            guard name.kind == .password, profile.length >= (text.has("with: ", at: start - 6) ? 5 : 8),
                profile.letters == profile.length, profile.upper <= 1,
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
        if range.count == 8, isLastOfAdministration(range, position) { return true }
        guard text[position] == 34 || text[position] == 39, text[range.upperBound] == 32 else { return false }
        let name = weigh(range)
        if name.kind == .password, setsPassword(range), let value = text.readValue(at: position), value.isQuoted,
            judge.isSecret(text, value, name: name, isCode: false)
        {
            add(Self.ruleID(name), value.range)
            return true
        }
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
        guard name.level > .none, !syntax.isCode, !isInTemplate(range), !isVerdictCell(range, position) else { return }
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
}
