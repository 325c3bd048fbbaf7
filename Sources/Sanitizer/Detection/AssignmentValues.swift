/// What a value behind an operator may be: a phrase, a default, a declaration, the half of a login.
extension DetectionPass {
    /// The weight of a name; for `key` and its like the word before, over one space, counts too (`API key`, `license key`).
    func weigh(_ range: Range<Int>) -> KeyName {
        if let forced = forcedName { return forced }
        var name = readName(range)
        if range.count == 11, text.has("keymaterial", at: range.lowerBound) {
            return KeyName(kind: .password, level: .strong)
        }
        if range.count == 3, name.kind == .key,
            text.has("uci set wireless", at: text.lineStart(before: range.lowerBound, limit: 80))
        {
            return KeyName(kind: .password, level: .strong)
        }
        // `data-key` of HTML names whatever a page likes.
        if text.has("data-", at: range.lowerBound) { name.level = min(name.level, .weak) }
        guard name.level == .weak, name.kind != .none, text[range.lowerBound - 1] == 32 else { return name }
        var start = range.lowerBound - 1
        while start > 0, text[start - 1].isWord, range.lowerBound - start < 24 { start -= 1 }
        guard start < range.lowerBound - 1 else { return name }
        if text.has("public ", at: start), range.lowerBound - start == 7 { return KeyName() }
        let wider = readName(start..<range.upperBound)
        return wider.level > name.level ? wider : name
    }

    /// `username = 'kim'` a few lines above `password = …`, or before it among the arguments of a call: the login's other half.
    func accountBefore(_ range: Range<Int>) {
        let floor = max(0, range.lowerBound - 160)
        var hit: Int?
        var from = floor
        while let next = text.find("user", in: from..<range.lowerBound) {
            hit = next
            from = next + 4
        }
        guard let hit, !text[hit - 1].isWord || text[hit - 1] == 95 else { return }
        var end = hit + 4
        // `user`, `username`, and `User ID` of a connection string.
        if text.has("name", at: end) { end += 4 } else if text.has(" id", at: end) { end += 3 }
        let equals = text.skipBlanks(end)
        guard text[equals] == 61, text[equals + 1] != 61, let value = text.readValue(at: equals + 1),
            value.range.upperBound < range.lowerBound
        else { return }
        let lead = text.skipBlanks(text.lineStart(before: hit, limit: 80))
        guard lead == hit || value.isQuoted || text[hit - 1] == 59 else { return }
        addAccount(value.range)
    }

    /// Four groups of four or more with single blanks between, as Google writes its app passwords (small letters) and seeds of one-time
    /// passwords (base32).
    func groupedSecret(at start: Int) -> Range<Int>? {
        let isLower = text[start].isLower
        var end = start
        var groups = 0
        var position = start
        scan: while groups < 16 {
            for offset in 0..<4 {
                let byte = text[position + offset]
                guard isLower ? byte.isLower : byte.isUpper || byte &- 50 < 6 else { break scan }
            }
            guard !text[position + 4].isWord else { break scan }
            position += 4
            end = position
            groups += 1
            guard text[position] == 32, text[position + 1].isWord else { break }
            position += 1
        }
        // Four words of four letters are a sentence.
        guard groups >= 4,
            (start..<end).contains(where: { text[$0].isDigit }) || isAppPassword(start..<end)
                || judge.letters.score(text, start..<end) < LetterModel.threshold
        else { return nil }
        return start..<end
    }

    /// A bare value that holds a blank: a passphrase, or a password that ends its line in a configuration file.
    func bareWhole(
        _ range: Range<Int>, _ value: FoundValue, _ name: KeyName, _ context: ValueContext, isFlag: Bool
    ) -> Range<Int>? {
        guard name.kind == .password, name.level == .strong, context == .assignment, !isFlag, text[value.end] == 32,
            !syntax.isCode
        else { return nil }
        // `NAME=x command` sets a variable for one command; only files of pairs hold blanks after a glued `=`.
        if text[range.upperBound] == 61, syntax != .ini, syntax != .dotenv { return nil }
        let lineStart = text.lineStart(before: range.lowerBound, limit: 200)
        var index = lineStart
        // A string of JSON begins a line of its own.
        if let quote = (lineStart..<range.lowerBound).last(where: { text[$0] == 34 }), text[quote - 1] == 32,
            text[quote - 2] == 58
        {
            index = quote + 1
        }
        while index < range.lowerBound {
            let byte = text[index]
            guard byte.isBlank || byte == 45 || byte == 42 || byte == 35 || byte.isWord || byte == 46 else {
                return nil
            }
            index += 1
        }
        var end = text.lineEnd(from: value.end, limit: 120)
        while end > value.end, text[end - 1].isSpace || text[end - 1] == 34 || text[end - 1] == 44 { end -= 1 }
        if let comment = text.find(" #", in: value.end..<end) { end = comment }
        guard end > value.range.upperBound, text[end] != 34 || text[value.range.lowerBound] != 34 else { return nil }
        let whole = FoundValue(range: value.range.lowerBound..<end, end: end)
        return judge.isSecret(text, whole, name: name, isCode: false, nameRange: range) ? whole.range : nil
    }

    /// A pair before this one in the same string: `'host=db user=kim password=x dbname=y'`.
    private func isInString(_ range: Range<Int>) -> Bool {
        let line = text.lineStart(before: range.lowerBound, limit: 160)..<range.lowerBound
        guard let open = line.last(where: { text[$0].isQuote }) else { return false }
        return text.first(61, in: open..<range.lowerBound) != nil && text.looksLikeName(at: open + 1)
    }

    /// `# password: x` as all that a line holds, with a number in it as code's names have none.
    private func isComment(_ range: Range<Int>, _ value: FoundValue) -> Bool {
        let lead = text.skipBlanks(text.lineStart(before: range.lowerBound, limit: 120))
        guard text[lead] == 35 || text.has("//", at: lead) || text.has("--", at: lead) || text.has("/*", at: lead),
            !value.isQuoted, text.skipBlanks(value.end) >= text.lineEnd(from: value.end, limit: 4)
        else { return false }
        return ByteProfile(text, value.range).digits >= 2
            && value.range.allSatisfy { !text[$0].isOne(of: "(.[") }
    }

    /// Whether bare words on this line are expressions.
    func isCodeLine(_ range: Range<Int>, value: FoundValue, spaced: Bool) -> Bool {
        let after = text[value.end]
        // A pair within a string: `"…;password=x;encrypt=true"`, `"host=db password=x"`.
        if !value.isQuoted, text[range.upperBound] == 61,
            after.isQuote || (after == 59 && text[value.end + 1].isQuote)
                || ((after == 59 || after == 44 || after == 38 || (after == 32 && isInString(range)))
                    && text.looksLikeName(at: value.end + 1))
        {
            return false
        }
        if syntax.isCode { return !isComment(range, value) }
        if text.has("self.", at: range.lowerBound) || text.has("this.", at: range.lowerBound) { return true }
        // The last pair of a connection string: `User Id=kim;Password=x;`
        if !value.isQuoted, text[range.upperBound] == 61, text[range.lowerBound - 1] == 59,
            text.find("user", in: max(0, range.lowerBound - 60)..<range.lowerBound) != nil
                || text.find(";uid=", in: max(0, range.lowerBound - 60)..<range.lowerBound) != nil
        {
            return false
        }
        if syntax.isConfiguration { return false }
        // `;next=` and `,next=` go on with a list of pairs, as connection strings do.
        if after == 41
            || ((after == 59 || (after == 44 && !value.isQuoted && text[range.upperBound] != 34))
                && !text.looksLikeName(at: value.end + 1))
        {
            return true
        }
        let start = text.lineStart(before: range.lowerBound, limit: 200)
        let lead = text.skipBlanks(start)
        for word in [
            "const ", "let ", "var ", "def ", "self.", "this.", "return ", "public ", "private ", "static ", "if ",
            "func ",
        ]
            as [StaticString]
        where text.has(word, at: lead) {
            return true
        }
        guard spaced, syntax == .markdown, text[range.upperBound] == 32, text[range.upperBound + 1] == 61 else {
            return false
        }
        // In notes `password = x` with nothing around it is a setting.
        let bullet = (text[lead] == 45 || text[lead] == 42) && text[lead + 1] == 32 ? lead + 2 : lead
        let isAlone =
            bullet == range.lowerBound && text.skipBlanks(value.end) >= text.lineEnd(from: value.end, limit: 8)
        return !isAlone
    }

    /// A pair among others of a printed record: `Config{host=db, user=kim, password=x}`, `Login(username=kim, password=x)`.
    func isRecord(_ range: Range<Int>, _ value: FoundValue) -> Bool {
        guard !syntax.isCode, !value.isQuoted, text[range.upperBound] == 61,
            text[value.end].isOne(of: "),}]") || (text[value.end - 1] == 41 && value.range.count > 7)
        else { return false }
        var profile = ByteProfile(text, value.range)
        guard profile.digits > 0 else { return false }
        let line = text.lineStart(before: range.lowerBound, limit: 200)..<range.lowerBound
        guard let open = line.last(where: { text[$0].isOne(of: "([{") }), text[open + 1].isLetter else {
            return false
        }
        // The pair before has a bare value too, and none of a caller's names.
        guard let equals = text.first(61, in: open..<range.lowerBound),
            text[equals + 1].isLetter || text[equals + 1].isDigit
        else { return syntax == .log && open + 1 == range.lowerBound }
        let first = equals + 1
        var last = first
        while text[last].isName || text[last] == 64 { last += 1 }
        profile = ByteProfile(text, first..<last)
        var name = open + 1
        while text[name].isWord { name += 1 }
        return text[last] == 44 && !equalsName(open + 1..<name, first..<last)
    }

    private func equalsName(_ name: Range<Int>, _ value: Range<Int>) -> Bool {
        name.count == value.count && zip(name, value).allSatisfy { lowered(text[$0]) == lowered(text[$1]) }
    }

    /// `Bearer x`, `Basic x` as a value: the credential follows the scheme.
    func schemeValue(_ value: FoundValue, name: KeyName) -> Bool {
        guard let credential = credential(afterSchemeAt: value.range.lowerBound) else { return false }
        let end = value.isQuoted ? value.range.upperBound : Int.max
        guard credential.upperBound <= end else { return false }
        addCredential(credential)
        return true
    }

    /// Functions that give back what they are given, in another type or as a default.
    private static let wrappers: [StaticString] = [
        "str", "strdup", "bytes", "string", "secret", "secretstr", "field", "pack", "to_string", "text", "buffer.from",
        "of", "from",
        "unwrap_or", "unwrap_or_else", "getorelse", "orelse", "some", "value", "securestring", "password", "ensure_str",
        "mark_safe", "b",
        "t", "f", "l", "literal", "freeze", "obfuscate", "xorstr", "protectedstring", "tobytes", "encode", "default",
    ]

    private func isWrapper(_ call: Range<Int>) -> Bool {
        var first = call.upperBound
        while first > call.lowerBound, text[first - 1].isWord || text[first - 1] == 46 { first -= 1 }
        if first > call.lowerBound, text[first] == 46 { first += 1 }
        let word = first..<call.upperBound
        return Self.wrappers.contains { word.count == $0.utf8CodeUnitCount && text.has($0, at: first) }
    }

    /// `"{}".format("x")`, `"%s" % "x"`, `"" + "x"`: a string that says nothing, and what fills it.
    private func wrappedLiteral(_ range: Range<Int>, _ name: KeyName, _ value: FoundValue) -> Bool {
        guard syntax.isCode, value.range.count <= 4,
            value.range.allSatisfy({ !text[$0].isLetter || text[$0] | 32 == 115 })
        else { return false }
        var index = value.end
        let limit = min(text.lineEnd(from: value.end, limit: 40), value.end + 24)
        while index < limit, !text[index].isQuote {
            guard text[index].isWord || text[index].isOne(of: " %(+.[|?") else { return false }
            index += 1
        }
        guard index > value.end, index < limit, let literal = text.readValue(at: index), literal.isQuoted,
            judge.isSecret(text, literal, name: name, isCode: true, nameRange: range)
        else { return false }
        add(Self.ruleID(name), literal.range)
        return true
    }

    /// `keys: 294790898041573 / ce3f…`, `key/secret = a : b`: the half of a login that follows the half that is shown.
    func secondHalf(_ value: FoundValue, _ name: KeyName, _ range: Range<Int>) {
        guard !value.isQuoted, !syntax.isCode, name.level >= .medium || text.has("keys", at: range.upperBound - 4)
        else {
            return
        }
        var position = text.skipBlanks(value.end)
        guard position > value.end, text[position] == 47 || text[position] == 58,
            text[position + 1] == 32
        else { return }
        position += 2
        let word = bareWord(at: position, limit: 160)
        let profile = ByteProfile(text, word)
        guard profile.length >= 20, !judge.isNeverSecret(text, word), judge.isToken(text, word, profile, allowHex: true)
        else { return }
        add(Self.ruleID(name), word)
    }

    /// `-Path env:NAME -Value x`, `--name NAME --value x`, `/v NAME /t REG_SZ /d x`: what an option gives to what another names.
    func flaggedValue(_ range: Range<Int>, _ position: Int) -> Bool {
        var index = position
        if text.has("/t ", at: index) {
            index = text.skipBlanks(index + 3)
            while text[index].isWord { index += 1 }
            index = text.skipBlanks(index)
        }
        for flag in ["-value ", "--value ", "--value=", "--body ", "--body=", "/d ", "-v "] as [StaticString]
        where text.has(flag, at: index) {
            let name = weigh(range)
            guard name.level >= .medium,
                let value = text.readValue(at: index + flag.utf8CodeUnitCount, context: .word),
                looksTyped(value.range, besideAccount: true)
                    || judge.isToken(text, value.range, ByteProfile(text, value.range), allowHex: true),
                judge.isSecret(text, value, name: name, isCode: false, nameRange: range)
            else { return false }
            add(Self.ruleID(name), value.range)
            return true
        }
        return false
    }

    /// Whether a function's name says that it hashes what it is given.
    private func isDigest(_ range: Range<Int>) -> Bool {
        ["hash", "md5", "sha1", "sha2", "sha256", "sha512", "crypt", "pbkdf2", "argon"].contains {
            (word: StaticString) in text.find(word, in: range) != nil
        }
    }

    /// What else a name's line may hold: a typed declaration, a default after a reference.
    func fallbackValue(_ range: Range<Int>, _ name: KeyName, _ value: FoundValue) throws {
        if !value.isQuoted {
            // `password: str = "x"`, `token: String? = "x"`
            let equals = text.skipBlanks(value.end)
            if text[equals] == 61, text[equals + 1] != 61, let typed = text.readValue(at: equals + 1), typed.isQuoted {
                if judge.isSecret(text, typed, name: name, isCode: true, nameRange: range) {
                    add(Self.ruleID(name), typed.range)
                    return
                }
            }
        }
        if value.isQuoted, wrappedLiteral(range, name, value) { return }
        // What follows is for references and words that a call or an operator may come after.
        guard text[value.range.lowerBound] == 36 || (!value.isQuoted && name.level > .weak) else { return }
        let lineEnd = text.lineEnd(from: value.range.lowerBound, limit: 400)
        // `${NAME:-default}`
        if text[value.range.lowerBound] == 36, text[value.range.lowerBound + 1] == 123,
            let dash = text.find(":-", in: value.range.lowerBound..<min(lineEnd, value.range.lowerBound + 120)),
            let close = text.first(125, in: dash..<lineEnd), close > dash + 2
        {
            let fallback = FoundValue(range: (dash + 2)..<close, end: close)
            if judge.isSecret(text, fallback, name: name, isCode: false, nameRange: range) {
                add(Self.ruleID(name), fallback.range)
            }
            return
        }
        // `process.env.X || 'x'`, `os.getenv("X") or "x"`, `env["X"] ?? "x"`, `f("x", "y")`
        guard !value.isQuoted, name.level > .weak,
            text[value.range.lowerBound].isLetter || text[value.range.lowerBound] == 95
        else { return }
        var index = value.range.lowerBound
        let end = min(lineEnd, value.end + 160)
        while index < end {
            let byte = text[index]
            guard byte == 124 || byte == 63 || byte == 32 || byte == 40 || byte == 123 else {
                index += 1
                continue
            }
            let isOr =
                (byte == 124 && text[index + 1] == 124) || (byte == 63 && text[index + 1] == 63)
                || (byte == 63 && text[index + 1] == 58) || text.has(" or ", at: index)
                || text.has(" else ", at: index)
            if isOr {
                var start = index + 2
                while start < lineEnd, text[start].isLetter || text[start] == 32 { start += 1 }
                if text.quoteDepth(at: start) != nil, let literal = text.readValue(at: start),
                    judge.isSecret(text, literal, name: name, isCode: true, nameRange: range)
                {
                    add(Self.ruleID(name), literal.range)
                }
                return
            }
            // `Field(default="x")`
            var argument = byte == 40 && text.has("default=", at: index + 1) ? index + 9 : index + 1
            // `unwrap_or_else(|_| "x".into())`, `fetch('X') { 'x' }`
            if byte == 123 { argument = text.skipBlanks(argument) }
            if text.has("|_| ", at: argument) { argument += 4 }
            if byte == 40 || byte == 123, text.quoteDepth(at: argument) != nil,
                let literal = text.readValue(at: argument)
            {
                // The first string of a call: `Buffer.from('…', 'hex')`, `Secret("…")`.
                var strict = name
                strict.level = min(name.level, .medium)
                let profile = ByteProfile(text, literal.range)
                if judge.isSecret(text, literal, name: strict, isCode: true, nameRange: range),
                    judge.isToken(text, literal.range, profile, allowHex: true)
                        || (name.level == .strong && (byte == 123 || isWrapper(value.range.lowerBound..<index))
                            && looksTyped(literal.range, besideAccount: true))
                        || (name.kind == .password && name.level == .strong && profile.digits > 0 && profile.letters > 2
                            && profile.length >= 6 && isDigest(value.range.lowerBound..<index))
                {
                    add(Self.ruleID(name), literal.range)
                    return
                }
                // `os.environ.get("TOKEN") or "x"`: what the call names is no secret, and what follows may be.
                guard literal.end > index, text[literal.end] == 41 || text[literal.end] == 44 else { return }
                if text[literal.end] == 44 {
                    // `getenv("X", "x")`: the second is what holds when the first is not set.
                    let next = text.skipBlanks(literal.end + 1)
                    guard text.find("env", in: value.range.lowerBound..<index) != nil, text.quoteDepth(at: next) != nil,
                        let second = text.readValue(at: next), second.isQuoted,
                        judge.isSecret(text, second, name: strict, isCode: true, nameRange: range),
                        ByteProfile(text, second.range).digits > 0
                    else { return }
                    add(Self.ruleID(name), second.range)
                    return
                }
                index = literal.end
            }
            index += 1
        }
    }
}
