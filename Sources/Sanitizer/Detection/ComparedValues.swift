/// Secrets that code compares a name with, copies to it or keeps under it: `"x" == password`, `"x".equals(password)`, `strcmp(password, "x")`, `password in ("x", "y")`.
extension DetectionPass {
    private static let comparisons: [StaticString] = [
        "strcmp(", "strcasecmp(", "strncmp(", "memcmp(", "compare_digest(", "hash_equals(", "secure_compare(",
        "timingsafeequal(", "constanttimecompare(", "equals(", "equalsignorecase(", "contentequals(", "isequal(",
        "assertequals(", "assertequal(", "assert_equal(", "areequal(", "string.compare(",
    ]

    private static let copies: [StaticString] = [
        "strcpy(", "strncpy(", "strlcpy(", "strcat(", "memcpy(", "sprintf(", "snprintf(",
    ]

    private func comparisonEnds(at end: Int) -> StaticString? {
        guard text[end - 1] == 40 else { return nil }
        return Self.comparisons.first { text.has($0, at: end - $0.utf8CodeUnitCount) }
    }

    /// The string that stands before the name, when code compares or moves it to what is named.
    func comparedBefore(_ range: Range<Int>) {
        guard syntax.isCode || syntax == .shell else { return }
        var index = range.lowerBound
        while text[index - 1].isOne(of: " \"$&*") { index -= 1 }
        if text[index - 1] == 61 {
            let end = index
            while text[index - 1] == 61 || text[index - 1] == 33 { index -= 1 }
            guard end - index >= 2 || syntax == .shell else { return }
        } else if let call = comparisonEnds(at: index) {
            index -= call.utf8CodeUnitCount
            guard text[index - 1] == 46 else { return }
            index -= 1
        } else if text.has("forkey:", at: text[index - 1] == 64 ? index - 8 : index - 7) {
            // `set("x", forKey: "password")`, `setObject:@"x" forKey:@"password"`
            index -= text[index - 1] == 64 ? 8 : 7
            while text[index - 1] == 32 || text[index - 1] == 44 { index -= 1 }
        } else if text[index - 1] == 44 {
            index -= 1
            guard let open = openingQuote(before: index), comparisonEnds(at: prefixStart(open)) != nil else { return }
        } else if text.has(" to ", at: index - 3), text[index] == 32 {
            // `MOVE "x" TO PASSWORD` of COBOL
            index -= 2
        } else {
            return
        }
        while text[index - 1] == 32 { index -= 1 }
        guard let open = openingQuote(before: index) else { return }
        compared(FoundValue(range: open + 1..<index - 1, quote: text[open], end: index), range)
    }

    /// `strcmp(password, "x")`: the argument after the name.
    func comparedAfter(_ range: Range<Int>, _ position: Int) -> Bool {
        var index = range.lowerBound
        while text[index - 1].isOne(of: "$&*") { index -= 1 }
        guard syntax.isCode, text[index - 1] == 40,
            comparisonEnds(at: index) != nil
                || Self.copies.contains(where: { text.has($0, at: index - $0.utf8CodeUnitCount) })
        else { return false }
        var start = text.skipBlanks(position)
        // `snprintf(password, 64, "x")`
        if text[start].isDigit {
            while text[start].isDigit { start += 1 }
            guard text[start] == 44 else { return false }
            start = text.skipBlanks(start + 1)
        }
        guard text.quoteDepth(at: start) != nil || text.quoteDepth(at: start + 1) != nil,
            let value = text.readValue(at: start), value.isQuoted
        else { return false }
        compared(value, range)
        return true
    }

    /// `password.equals("x")`
    func comparedArgument(_ range: Range<Int>, _ method: Range<Int>, _ position: Int) -> Bool {
        guard method.lowerBound > range.lowerBound + 1, comparisonEnds(at: method.upperBound + 1) != nil,
            text.quoteDepth(at: position) != nil, let value = text.readValue(at: position), value.isQuoted
        else { return false }
        compared(value, range.lowerBound..<method.lowerBound - 1)
        return true
    }

    /// `password in ("x", "y")`
    func comparedList(_ range: Range<Int>, _ position: Int) -> Bool {
        guard syntax.isCode, text.has("in ", at: position), text[position + 3].isOne(of: "([{") else {
            return false
        }
        var index = position + 4
        while text.quoteDepth(at: index) != nil, let value = text.readValue(at: index), value.isQuoted {
            compared(value, range)
            index = text.skipBlanks(value.end)
            guard text[index] == 44 else { break }
            index = text.skipBlanks(index + 1)
        }
        return true
    }

    private func compared(_ value: FoundValue, _ range: Range<Int>) {
        let name = weigh(range)
        guard !value.range.isEmpty, name.level >= .medium, name.kind != .pin, name.kind != .none,
            case let profile = ByteProfile(text, value.range),
            looksTyped(value.range, besideAccount: true)
                || name.kind != .password && judge.isToken(text, value.range, profile, allowHex: true),
            judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
        else { return }
        add(Self.ruleID(name), value.range)
    }

    /// The opening quote of the string that closes just before `end`.
    private func openingQuote(before end: Int) -> Int? {
        let quote = text[end - 1]
        guard quote == 34 || quote == 39 else { return nil }
        var index = end - 2
        while index >= 0, end - index < 100, text[index] > 31 {
            if text[index] == quote { return text[index - 1] == 92 ? nil : index }
            index -= 1
        }
        return nil
    }

    /// Before the letter that a string may have in front of its quote: `b"x"`.
    private func prefixStart(_ open: Int) -> Int {
        text[open - 1].isLetter && !text[open - 2].isWord ? open - 1 : open
    }
}
