/// Names and values that code sets side by side: `a, password := "x", "y"`, `"token" to "x"`, `getenv("TOKEN") ?: "x"`,
/// `"x".toCharArray()`.
extension DetectionPass {
    /// One of several names before one operator, whose values follow in the same order.
    func parallelValue(_ range: Range<Int>) -> Bool {
        let isFirst = text[range.upperBound] == 44
        guard
            isFirst || text[range.lowerBound - 1] == 44
                || (text[range.lowerBound - 1] == 32 && text[range.lowerBound - 2] == 44),
            syntax != .table, syntax != .json
        else { return false }
        var place = 0
        var index = range.lowerBound
        while place < 8 {
            var back = index
            while text[back - 1] == 32 { back -= 1 }
            guard text[back - 1] == 44 else { break }
            back -= 1
            while text[back - 1] == 32 { back -= 1 }
            let end = back
            while text[back - 1].isWord || text[back - 1] == 46 || text[back - 1] == 36 { back -= 1 }
            guard back < end else { return false }
            place += 1
            index = back
        }
        var position = range.upperBound
        var names = place + 1
        while text[text.skipBlanks(position)] == 44, names < 9 {
            position = text.skipBlanks(text.skipBlanks(position) + 1)
            let start = position
            while text[position].isWord || text[position] == 46 || text[position] == 36 { position += 1 }
            guard position > start else { return false }
            names += 1
        }
        guard names > 1, text[index - 1] != 40 else { return false }
        position = text.skipBlanks(position)
        if text[position].isLetter {
            // The names' type.
            while text[position].isWord { position += 1 }
            position = text.skipBlanks(position)
        }
        if text[position] == 58 { position += 1 }
        guard text[position] == 61, text[position + 1] != 61, text[position + 1] != 62 else { return false }
        position = text.skipBlanks(position + 1)
        if text[position] == 40 || text[position] == 91 { position += 1 }
        let limit = text.lineEnd(from: position, limit: 600)
        for current in 0...place {
            position = text.skipBlanks(position)
            guard position < limit else { return false }
            if text.quoteDepth(at: position) != nil, let value = text.readValue(at: position), value.isQuoted {
                if current == place {
                    guard place == names - 1 || text[text.skipBlanks(value.end)] == 44 else { return false }
                    let name = weigh(range)
                    guard name.level > .none,
                        judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
                    else { return false }
                    add(Self.ruleID(name), value.range)
                    return true
                }
                position = text.skipBlanks(value.end)
            } else {
                while position < limit, text[position] != 44 { position += 1 }
            }
            guard text[position] == 44 else { return false }
            position += 1
        }
        return false
    }

    /// `"token" to "x"` of Kotlin, `getenv("TOKEN") ?: "x"`, `env["TOKEN"] ?? "x"`: what follows a quoted name at `position`.
    func quotedFallback(_ range: Range<Int>, _ position: Int) -> Bool {
        var start = position
        for joint in ["to ", "?: ", "?? ", "|| ", "or ", "with "] as [StaticString] where text.has(joint, at: position)
        {
            start = text.skipBlanks(position + joint.utf8CodeUnitCount)
        }
        guard start > position, text.quoteDepth(at: start) != nil, let value = text.readValue(at: start), value.isQuoted
        else { return false }
        let name = weigh(range)
        guard name.level > .weak, judge.isSecret(text, value, name: name, isCode: true, nameRange: range) else {
            return false
        }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// `"x".toCharArray()`: what Java's keystores and authenticators take.
    func charArrayHit(_ start: Int) {
        let line = text.lineStart(before: start, limit: 120)
        guard let open = (line..<start).last(where: { text[$0] == 34 }), open + 1 < start else { return }
        typedSecret(
            FoundValue(range: open + 1..<start, quote: 34, end: start + 1), rule: "login-call", isCode: true,
            allowWords: true)
    }

    /// `[{"key": "value", "value": "x"}, …]` under a secret's name, as Postman and the like write it.
    func valueObjects(_ range: Range<Int>, _ name: KeyName, _ start: Int) {
        guard name.level > .weak || name.kind == .secret else { return }
        var weighed = name
        weighed.level = min(name.level, .medium)
        if name.level == .weak { weighed.level = .medium }
        let limit = min(text.count, start + 1500)
        var index = start
        while index < limit, text[index] != 93 {
            guard text[index].isQuote, text.has("value", at: index + 1), text[index - 1] != 58,
                text[index - 1] != 32 || text[index - 2] != 58
            else {
                index += 1
                continue
            }
            var colon = index + 6
            while text[colon].isQuote || text[colon] == 92 { colon += 1 }
            colon = text.skipBlanks(colon)
            index += 6
            guard text[colon] == 58, text.quoteDepth(at: text.skipBlanks(colon + 1)) != nil,
                let value = text.readValue(at: colon + 1), value.isQuoted
            else { continue }
            if judge.isSecret(text, value, name: weighed, isCode: true), ByteProfile(text, value.range).digits > 0 {
                add(Self.ruleID(name), value.range)
            }
            index = max(index, value.end)
        }
    }
}
