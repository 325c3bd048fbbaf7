/// Maps and lists of secrets as programming languages write them: `{"kim": "x"}`, `[kim: 'x']`, `('kim' => 'x')`, `Map.of("kim", "x")`,
/// `{ kim = "x" }`, `passwords["kim"] = "x"`.
extension DetectionPass {
    /// What makes a map or a list of what follows in brackets.
    private static let constructors: [StaticString] = [
        "map[string]string", "[]string", "dict", "array", "map.of", "immutablemap.of", "map", "mapof", "mutablemapof",
        "hashmapof", "hashmap::from", "btreemap::from", "new map", "<string, string>", "new dictionary<string, string>",
        "new dictionary<string,string>", "new()", "new list<string>", "new string[]", "new[]", "list.of", "listof",
        "setof", "arrays.aslist", "object.freeze", "ordereddict", "frozenset", "set", "tuple", "vec!", "%", "@", "&",
        "c", "list", "std::map<std::string, std::string>", "std::vector<std::string>",
    ]

    /// The bracket that a constructor at `position` opens; `pairs` tells whether a comma sets a key apart from its value.
    func constructed(at position: Int) -> (open: Int, pairs: Bool)? {
        guard !syntax.isConfiguration || syntax == .shell else { return nil }
        // A bracket follows after the characters of a type or name.
        var probe = position
        while probe - position < 48, text[probe].isWord || text[probe].isOne(of: " !$%&,.:<>@") { probe += 1 }
        guard text[probe].isOne(of: "([{") else { return nil }
        for word in Self.constructors where text.has(word, at: position) {
            var open = position + word.utf8CodeUnitCount
            if text[open] == 40, text[open + 1] == 41 { open += 2 }
            open = text.skipBlanks(open)
            guard text[open].isOne(of: "([{") else { continue }
            while text[open + 1].isOne(of: "([{") && text[open] == 40 { open += 1 }
            return (open, text.find("map", in: position..<open) != nil)
        }
        return nil
    }

    /// Where the value stands behind a declared type: `: [String: String] = […]`, `: []const u8 = "x"`; `position` itself when there is
    /// none.
    func afterType(_ position: Int, of range: Range<Int>) -> Int {
        guard syntax.isCode, text.quoteDepth(at: position) == nil else { return position }
        let lead = text.skipBlanks(text.lineStart(before: range.lowerBound, limit: 120))
        for word in ["if ", "elif ", "case ", "when ", "while ", "else"] as [StaticString]
        where text.has(word, at: lead) { return position }
        var index = position
        var depth = 0
        while index < position + 60 {
            switch text[index] {
            case 60, 91: depth += 1
            case 62, 93: depth -= 1
            case 61:
                let next = text[index + 1]
                guard depth == 0, text[index - 1] == 32, next != 61, next != 62 else { return position }
                return text.skipBlanks(index + 1)
            case 44, 58, 59:
                if depth == 0 { return position }
            case 32, 33, 38, 39, 46, 63: break
            case let byte where byte.isWord: break
            default: return position
            }
            index += 1
        }
        return position
    }

    /// Whether the first thing in a bracket is a key with its value.
    func opensMap(at open: Int) -> Bool {
        guard let key = mapKey(at: text.skipSpace(open + 1)) else { return false }
        return mapValueStart(after: key, pairs: false) != nil
    }

    /// The values of a map whose name is a secret's.
    func mapValues(_ range: Range<Int>, _ name: KeyName, in open: Int, pairs: Bool = false) {
        guard name.level > .weak || name.kind == .secret else { return }
        let limit = min(text.count, open + 4000)
        var index = open + 1
        var depth = 0
        while index < limit {
            switch text[index] {
            case 123, 40:
                // Pairs in brackets of their own: `[("kim", "x")]`, `{ { "kim", "x" } }`. Other objects have names of their own.
                guard depth == 0, syntax.isCode, text[text.skipSpace(index + 1)].isQuote else { return }
                depth += 1
                index += 1
                continue
            case 125, 41, 93:
                depth -= 1
                guard depth >= 0 || (text[index] == 93 && text[open] != 91) else { return }
                depth = max(depth, 0)
                index += 1
                continue
            default: break
            }
            guard let key = mapKey(at: index) else {
                index += 1
                continue
            }
            guard let start = mapValueStart(after: key, pairs: pairs || depth > 0) else {
                index = max(key.end, index + 1)
                continue
            }
            let isBare = syntax == .yaml && text.quoteDepth(at: start) == nil
            guard let value = text.readValue(at: start), value.isQuoted || isBare else {
                index = max(start, index + 1)
                continue
            }
            mapped(value, key.range, name)
            index = max(value.end, index + 1)
        }
    }

    /// Adds the value of a member unless the member's own name says what it is.
    private func mapped(_ value: FoundValue, _ key: Range<Int>, _ name: KeyName) {
        if heldPair(value, name) { return }
        let profile = ByteProfile(text, value.range)
        let isTyped = looksTyped(value.range, besideAccount: true)
        let weighed = KeyName(kind: isTyped ? .password : name.kind, level: .medium)
        // `user1` names an account, `user` and `host` what is no secret.
        guard lexicon.read(text, key).level == .none, lexicon.isPlain(text, key) || text[key.upperBound - 1].isDigit,
            profile.digits > 0 || profile.looksRandom,
            judge.isSecret(text, value, name: weighed, isCode: true),
            isTyped || (name.level > .weak && profile.letters > 1)
                || judge.isToken(text, value.range, profile, allowHex: true)
        else { return }
        add(Self.ruleID(name), value.range)
    }

    /// A key: a string, a bare word, `:kim`, or either of them in brackets.
    private func mapKey(at index: Int) -> FoundValue? {
        var start = index
        let isBracketed = text[start] == 91
        if isBracketed { start += 1 }
        if text.quoteDepth(at: start) != nil {
            guard let key = text.readValue(at: start), key.isQuoted, key.range.count <= 64 else { return nil }
            guard isBracketed else { return key }
            return text[key.end] == 93 ? FoundValue(range: key.range, quote: key.quote, end: key.end + 1) : nil
        }
        let isAtom = text[start] == 58 && text[start + 1].isLetter
        if isAtom { start += 1 }
        guard text[start].isLetter, !text[start - 1].isName else { return nil }
        var end = start
        while text[end].isName { end += 1 }
        if isBracketed { return text[end] == 93 ? FoundValue(range: start..<end, end: end + 1) : nil }
        return FoundValue(range: start..<end, end: end)
    }

    /// The value after a key and what sets them apart.
    private func mapValueStart(after key: FoundValue, pairs: Bool) -> Int? {
        let next = text.skipBlanks(key.end)
        let start: Int
        switch text[next] {
        case 58: start = next + 1
        case 61: start = text[next + 1] == 62 ? next + 2 : next + 1
        case 45 where text[next + 1] == 62: start = next + 2
        case 44 where pairs && key.isQuoted: start = next + 1
        case 116 where key.isQuoted && text.has("to ", at: next): start = next + 3
        case 34 where text[key.range.lowerBound - 1] == 58: start = next
        default: return nil
        }
        let value = text.skipSpace(start)
        return text.quoteDepth(at: value) != nil || (syntax == .yaml && text[next] == 58) ? value : nil
    }

    /// `passwords["kim"] = "x"`: `position` is that of the bracket.
    func memberAssignment(_ range: Range<Int>, _ position: Int) {
        let name = weigh(range)
        guard name.level > .weak || (name.kind == .secret && name.level > .none), let key = mapKey(at: position),
            let start = mapValueStart(after: key, pairs: false), text[text.skipBlanks(key.end)] == 61,
            let value = text.readValue(at: start), value.isQuoted
        else { return }
        mapped(value, key.range, name)
    }

    /// `passwords.put("kim", "x")`
    func putMember(_ range: Range<Int>, _ method: Range<Int>, _ position: Int) -> Bool {
        guard method.lowerBound > range.lowerBound + 1,
            ["put", "set", "add", "insert"].contains(where: { (verb: StaticString) in
                method.count == verb.utf8CodeUnitCount && text.has(verb, at: method.lowerBound)
            })
        else { return false }
        let name = weigh(range.lowerBound..<method.lowerBound - 1)
        guard name.level > .none, text.quoteDepth(at: position) != nil, let key = text.readValue(at: position),
            key.isQuoted, text[key.end] == 44, case let start = text.skipBlanks(key.end + 1),
            text.quoteDepth(at: start) != nil, let value = text.readValue(at: start), value.isQuoted
        else { return false }
        mapped(value, key.range, name)
        return true
    }
}
