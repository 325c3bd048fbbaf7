/// Names with values: `name = value`, `"name": "value"`, `name => value`, `<name>value</name>`, `f("name", "value")`,
/// `--name value`, `name value`. One reader serves YAML, JSON at any depth of escaping, TOML, dotenv, INI, properties, shells,
/// programming languages, URLs' queries, connection strings and logs, since they differ only in what ends a value.
extension DetectionPass {
    func assignment(_ range: Range<Int>, at operatorStart: Int, closedQuote: Bool, isFlag: Bool) throws {
        // The full-width colon's last byte is no operator of its own.
        var position = text[operatorStart] == 0x9A ? operatorStart + 1 : operatorStart
        // The operator: `:`, `=`, `:=`, `::=`, `?=`, `+=`, `=>`, `->`, `==`, `||`.
        var length = 0
        while length < 4, text[position].isOne(of: ":=>?+!.-|~") {
            position += 1
            length += 1
            if text[position - 1] == 58, text[position] == 47, text[position + 1] == 47 { return }
            if text[position - 1] == 61 || text[position - 1] == 58,
                text[position] == 45 || text[position] == 46 || text[position] == 33
            {
                break
            }
        }
        // `userPassword:: x` of LDIF has base64 after a blank; `Type::member` none.
        if length == 2, text[operatorStart] == 58, text[operatorStart + 1] == 58,
            text[operatorStart + 2] != 32 || (text[operatorStart - 1] == 32 && syntax.isCode)
        {
            return
        }
        // `=3D` is the sign in a mail's quoted-printable text.
        if length == 1, text[operatorStart] == 61, text.has("3d", at: position), text[position + 2].isBlank {
            position += 2
        }
        let isColon = text[operatorStart] == 58 || text[operatorStart] == 0x9A
        // `**Password:** x`; more stars are a mask.
        var stars = position
        while text[stars] == 42 { stars += 1 }
        if stars - position == 2 || (stars - position == 3 && text[range.lowerBound - 1] == 42) { position = stars }
        var name = weigh(range)
        guard name.level > .none else {
            // `name: X_PASSWORD` has its value elsewhere, and `"key": {…}` none.
            return
        }
        let before = text[range.lowerBound - 1]
        let isParameter =
            text[operatorStart] == 61
            && (before == 63 || before == 38 || (before == 59 && text[range.lowerBound - 5] == 38))
        // `?key=…` of an address is an API's.
        if isParameter, range.count == 3, name.kind == .key, name.level == .weak { name.level = .medium }
        let context: ValueContext = isParameter ? .urlParameter : .assignment
        var valueStart = text.skipBlanks(position)
        if isColon { valueStart = afterType(valueStart, of: range) }
        let next = text[valueStart]
        if next == 10 || next == 13 || text.isLineEscape(at: valueStart) || next == 0 {
            if isColon {
                nextLines(range, name, after: valueStart)
            } else if text[operatorStart] == 61, next == 10 || next == 13 {
                continuedValue(range, name, at: valueStart)
            }
            return
        }
        if next == 92, text[valueStart + 1] == 10 {
            continuedValue(range, name, at: valueStart)
            return
        }
        if next == 40 || text.has("lambda", at: valueStart) || text.has("function", at: valueStart)
            || text.has("property(", at: valueStart), returnedValue(range, from: valueStart)
        {
            return
        }
        // `telegram: chat=-100123`: what a weak name says holds for no pair, and for no message of a log.
        if name.level == .weak, holdsPair(at: valueStart) || isLogger(range) { return }
        // `"Sid": "AllowRead1"` of a policy, `github:owner/repo#main` of a package, `"AWS::IAM::AccessKey": "…"` of a type.
        if range.count == 3, text.has("sid", at: range.lowerBound),
            text.find("\"effect\"", in: max(0, range.lowerBound - 400)..<min(text.count, range.upperBound + 400)) != nil
        {
            return
        }
        if name.hasVendor, name.level == .weak, isColon, valueStart == position, !closedQuote,
            lexicon.isUbiquitous(text, range)
        {
            return
        }
        if closedQuote, text[range.lowerBound - 1] == 58, text[range.lowerBound - 2] == 58 { return }
        // `"Password:", 1`: the quote after the operator closes the string that the name ends.
        if !closedQuote, valueStart == position, let depth = text.quoteDepth(at: position),
            case let quote = position + depth, text[quote] != text[quote + 1],
            text[quote] == text[range.lowerBound - 1] || text[quote + 1].isOne(of: ",);")
        {
            return
        }
        if next == UInt8(ascii: "|") || (next == UInt8(ascii: ">") && isColon) {
            if isColon, blockScalar(range, name, at: valueStart) { return }
        }
        if text.has("[]byte(", at: valueStart), text.quoteDepth(at: valueStart + 7) != nil,
            let value = text.readValue(at: valueStart + 7), value.isQuoted
        {
            if judge.isSecret(text, value, name: name, isCode: true, nameRange: range) {
                add(Self.ruleID(name), value.range)
            }
            return
        }
        if next == 60, name.kind == .password || name.level >= .medium,
            ["<b>", "<code>", "<strong>", "<tt>", "<kbd>", "<em>"].contains(where: { (tag: StaticString) in
                text.has(tag, at: valueStart)
            })
        {
            addElementText(valueStart, name, range)
            return
        }
        if next == UInt8(ascii: "[") || next == UInt8(ascii: "{") || next == UInt8(ascii: "(") {
            collection(range, name, at: valueStart)
            return
        }
        if name.level >= .medium || text.has("key", at: range.upperBound - 3) {
            if let open = byteListStart(valueStart) {
                byteList(name, open)
                return
            }
            if let pairs = hexPairs(at: valueStart) {
                add(Self.ruleID(name), pairs)
                return
            }
        }
        if let made = constructed(at: valueStart) {
            if made.pairs || opensMap(at: made.open) {
                mapValues(range, name, in: made.open, pairs: made.pairs)
            } else {
                collection(range, name, at: made.open)
            }
            return
        }
        if next == 34, text[valueStart + 1] == 44, text.has("{\"type\"", at: text.skipBlanks(valueStart + 2)),
            let member = text.find("\"text\":", in: valueStart..<min(text.count, valueStart + 80)),
            let value = text.readValue(at: member + 7), value.isQuoted
        {
            // A message of Telegram's export: `["the password: ", {"type": "code", "text": "x"}]`.
            if judge.isSecret(text, value, name: name, isCode: false) { add(Self.ruleID(name), value.range) }
            return
        }
        // YAML tags and anchors before a value: `!!str x`, `&anchor x`.
        var readFrom = valueStart
        if next == 33, text[valueStart + 1] == 33 {
            while readFrom < text.count, !text[readFrom].isSpace { readFrom += 1 }
        }
        if next == 38, isColon, let equals = text.first(61, in: valueStart..<min(text.count, valueStart + 24)) {
            // `: &str = "x"` of Rust
            readFrom = text.skipBlanks(equals + 1)
        }
        guard let value = text.readValue(at: readFrom, context: context), !isCutByPlaceholder(value) else { return }
        if isTest(at: operatorStart, value, closedQuote: closedQuote, name: range) { return }
        // `--passwd=FILE` of a manual
        if isFlag, !value.isQuoted, value.range.count >= 3, value.range.allSatisfy({ text[$0].isUpper }) { return }
        if isChecksumLine(value, colon: operatorStart) || isCountOfPasses(range, value.range) { return }
        if name.kind == .secret || name.kind == .key, !value.isQuoted, value.range.count < 6,
            text[value.range.lowerBound].isDigit
        {
            return
        }
        let code =
            isCodeLine(range, value: value, spaced: text[operatorStart - 1] == 32 || isColon) && !isRecord(range, value)
        if schemeValue(value, name: name) || heldPair(value, name) { return }
        if name.kind == .secret || name.kind == .key { secondHalf(value, name, range) }
        if name.kind != .pin, name.level >= .medium,
            let groups = groupedSecret(at: value.range.lowerBound) ?? groupedKey(at: value.range.lowerBound)
        {
            add(Self.ruleID(name), groups)
            return
        }
        if value.isQuoted == false, isColon == false || text[value.end] != 0,
            let wide = bareWhole(range, value, name, context, isFlag: isFlag)
        {
            add(Self.ruleID(name), wide)
            return
        }
        // YAML's bare values run to the line's end: `password: Mot de passe` is a label.
        if syntax == .yaml, isColon, !value.isQuoted, name.kind == .password, text[value.end] == 32,
            case let next = text[text.skipBlanks(value.end)], next != 35, next != 10, next != 13, next != 0,
            text.lineStart(before: range.lowerBound, limit: 80) == text.lineStart(before: value.end, limit: 200)
        {
            return
        }
        // "password: same as before" of notes.
        if !syntax.isConfiguration, syntax != .toml, isColon, !value.isQuoted, name.kind == .password,
            text[value.end] == 32, text[value.end + 1].isLetter,
            value.range.allSatisfy({ text[$0].isLetter || text[$0] == 39 }),
            value.range.count <= 8 || !goesOnWithPlace(value.end + 1)
        {
            return
        }
        // `turn_shared_secret: copperkimchi`, `secret=copperkimchi`: what people type into settings.
        let isCompared =
            value.isQuoted && text[operatorStart + 1] == 61
            && (text[operatorStart] == 33 || text[operatorStart] == 61) && text.has("secret", at: range.upperBound - 6)
        let isSession = value.isQuoted && name.kind == .secret && range.count == 6 && signsSessions(range)
        let isTyped =
            isCompared || isSession
            || name.kind == .secret && !code
                && (syntax == .ini || syntax == .dotenv
                    || (syntax == .yaml && range.count > 9))
        if judge.isSecret(text, value, name: name, isCode: code, nameRange: range, allowWords: isTyped) {
            let bare = !value.isQuoted && (closedQuote || syntax == .toml) && !isFlag && context == .assignment
            let isScalar =
                bare && (syntax == .toml || ByteProfile(text, value.range).isNumber) && text[range.upperBound] != 92
            add(Self.ruleID(name), value.range, needsQuotes: isScalar)
            if name.kind == .password, !isColon, syntax != .dotenv, syntax != .shell { accountBefore(range) }
            return
        }
        if cipherConstant(value, name, range) { return }
        try fallbackValue(range, name, value)
    }
}
