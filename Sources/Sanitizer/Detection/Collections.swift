/// Values in lists, objects, tuples and calls.
extension DetectionPass {
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

    /// `"gitlab-token": {"git.example.org": "x"}`: the values of an object whose name is a secret's.
    func objectValues(_ range: Range<Int>, _ name: KeyName, _ start: Int) {
        guard name.level > .weak || name.kind == .secret else { return }
        var weighed = name
        weighed.level = .medium
        var index = start
        let limit = min(text.count, start + 2000)
        while index < limit, text[index] != 125, text[index] != 123 {
            guard let key = objectKey(at: index) else {
                index += 1
                continue
            }
            let colon = text.skipSpace(key.end)
            guard text[colon] == 58 else { return }
            let from = text.skipSpace(colon + 1)
            let isBare = syntax == .yaml && text.quoteDepth(at: from) == nil
            guard isBare || text.quoteDepth(at: from) != nil, let value = text.readValue(at: from),
                value.isQuoted || isBare
            else {
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

    /// The name of a member: in quotes, or a bare word in the flow style of YAML.
    private func objectKey(at index: Int) -> FoundValue? {
        if text.quoteDepth(at: index) != nil { return text.readValue(at: index).flatMap { $0.isQuoted ? $0 : nil } }
        guard syntax == .yaml, text[index].isLetter, !text[index - 1].isName else { return nil }
        var end = index
        while text[end].isName { end += 1 }
        return text[end] == 58 ? FoundValue(range: index..<end, end: end) : nil
    }

    /// A key as a list of bytes: `[1, 3, 5, …]`.
    func byteList(_ name: KeyName, _ start: Int) {
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
