/// Values in lists, objects, tuples and calls.
extension DetectionPass {
    /// `name("value")`: setters and constructors.
    func callArgument(_ range: Range<Int>, _ position: Int) {
        var start = text.skipBlanks(position)
        // `password.encode("utf-8")` does something with a password; `x.setPassword("…")` sets one.
        let method = (range.lastIndex { text[$0] == 46 }.map { $0 + 1 } ?? range.lowerBound)..<range.upperBound
        // Its third argument is the password, which has a rule of its own.
        if text.has("keyring.set_password", at: range.lowerBound) { return }
        if putMember(range, method, start) || comparedArgument(range, method, start) { return }
        // `setpassword(b"x")`
        if text[start].isLetter, text[start + 1].isQuote { start += 1 }
        let wrapped = wrappedString(start)
        if let wrapped { start = wrapped }
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
        guard text.quoteDepth(at: start) != nil, var value = text.readValue(at: start), value.isQuoted,
            text[value.range.upperBound - 1] != 58
        else { return }
        let isCredential = text.find("credential", in: range) != nil
        // A second string is the value: `setProperty("name", "value")` has its own rule, `Credential("user", "password")` this one.
        start = text.skipBlanks(value.end)
        if text[start] == 44, text.quoteDepth(at: text.skipBlanks(start + 1)) != nil,
            let second = text.readValue(at: start + 1), second.isQuoted
        {
            if !isCredential, name.kind == .password, name.level == .strong,
                text.has("password", at: method.upperBound - 8)
            {
                // `changePassword("old", "new")`, `changeUserPassword("kim", "x")`
                for argument in [value, second] where looksTyped(argument.range, besideAccount: true) {
                    add("login-call", argument.range)
                }
                return
            }
            guard isCredential else { return }
            if judge.isSecret(text, second, name: KeyName(kind: .password, level: .strong), isCode: true) {
                addAccount(value.range)
            }
            value = second
            name = KeyName(kind: .password, level: .strong)
        } else if name.kind == .password, text[method.lowerBound - 1] == 46,
            wrapped != nil || text.find("user", in: max(0, range.lowerBound - 80)..<range.upperBound) != nil
        {
            // `.user(Some("kim")).pass(Some("x"))`: a link of a builder's chain says what it takes.
            name.level = .strong
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
    func vendorCall(_ range: Range<Int>, _ name: KeyName, _ position: Int) {
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

    /// `AcmeClient("x")`, `AcmeAPI("id", "x")`: a token among what a service's client is made with.
    func clientCallHit(_ end: Int) {
        guard syntax.isCode else { return }
        var position = end
        for _ in 0..<3 {
            guard text.quoteDepth(at: position) != nil, let value = text.readValue(at: position), value.isQuoted else {
                return
            }
            let profile = ByteProfile(text, value.range)
            if profile.length >= 20, !judge.isNeverSecret(text, value.range), !judge.isUUID(text, value.range),
                !judge.isSlug(text, value.range), judge.isToken(text, value.range, profile, allowHex: true)
            {
                add("key", value.range)
            }
            position = text.skipBlanks(value.end)
            guard text[position] == 44 else { return }
            position = text.skipBlanks(position + 1)
        }
    }

    /// A key as a list of bytes: `[1, 3, 5, …]`.
    func byteList(_ name: KeyName, _ start: Int) {
        var index = start
        var numbers = 0
        var last = start
        let limit = min(text.count, start + 1000)
        while index < limit, !text[index].isOne(of: "\")]}") {
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
        guard text[index].isOne(of: "\")]}"), numbers >= 16 else { return }
        // `key` alone says little; a key's length says more.
        guard name.kind == .key, name.level >= .medium || [16, 24, 32, 48, 64].contains(numbers) else { return }
        add(Self.ruleID(name), start..<last, needsQuotes: text[index] != 34)
    }

    /// The first number of a list of bytes at `position`: `new byte[] { 1, 3`, `bytes([1, 3`, `"0x01, 0x03`.
    func byteListStart(_ position: Int) -> Int? {
        var index = position
        while index - position < 32,
            text[index].isWord || text[index].isOne(of: " &<>") || text.has("[]", at: index)
        {
            index += text[index] == 91 ? 2 : 1
        }
        let isOpened = text[index].isOne(of: "\"([{")
        while text[index].isOne(of: "\"([{") { index = text.skipSpace(index + 1) }
        guard isOpened, text[index].isDigit else { return nil }
        var end = index
        while text[end].isHex || text[end] | 32 == 120 { end += 1 }
        guard end - index <= 4, text[end] == 44, text[text.skipSpace(end + 1)].isDigit else { return nil }
        return index
    }

    /// Sixteen bytes or more in hexadecimal with blanks or colons between: `2B 7E 15 16 …`.
    func hexPairs(at start: Int) -> Range<Int>? {
        var index = start
        var bytes = 0
        while text[index].isHex, text[index + 1].isHex, !text[index + 2].isWord {
            index += 2
            bytes += 1
            guard text[index].isOne(of: " -:"), text[index + 1].isHex else { break }
            index += 1
        }
        return bytes >= 16 && !text[index].isWord ? start..<index : nil
    }

    /// `network_key:` over lines of `- 21`: a key as a list of bytes in YAML.
    func byteLines(_ name: KeyName, from first: Int) -> Bool {
        guard name.kind == .key, name.level >= .medium else { return false }
        var line = first
        var numbers = 0
        var last = first
        while numbers < 256 {
            let dash = text.skipBlanks(line)
            var index = text.skipBlanks(dash + 1)
            let start = index
            while text[index].isHex || text[index] | 32 == 120 { index += 1 }
            guard text[dash] == 45, index > start, index - start <= 4, text[start].isDigit,
                text.skipBlanks(index) >= text.lineEnd(from: index, limit: 8)
            else { break }
            numbers += 1
            last = index
            line = text.nextLine(after: text.lineEnd(from: index, limit: 8))
        }
        guard numbers >= 16 else { return false }
        add(Self.ruleID(name), text.skipBlanks(first)..<last, needsQuotes: true)
        return true
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
                mapValues(range, name, in: position)
            }
            return
        }
        if opener == 91, name.kind == .key, name.level >= .medium, text[text.skipSpace(index)].isDigit {
            byteList(name, text.skipSpace(index))
            return
        }
        if opener != 123, opensMap(at: position) {
            mapValues(range, name, in: position)
            return
        }
        if opener == 91, text[text.skipSpace(index)] == 123 {
            valueObjects(range, name, text.skipSpace(index))
            return
        }
        while index < limit, items < 500 {
            index = text.skipSpace(index)
            if opener == 40, text[index] == 91, let close = text.first(93, in: index..<min(limit, index + 60)),
                text[close + 1] == 61, let item = text.readValue(at: close + 2), item.isQuoted
            {
                // `creds=([prod]="kim:x")`
                if !heldPair(item, name), judge.isSecret(text, item, name: name, isCode: true) {
                    add(Self.ruleID(name), item.range)
                }
                items += 1
                index = item.end
                continue
            }
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
