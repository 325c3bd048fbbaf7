/// Logins at mail relays: `[smtp.example.org]:587 kim@example.org:x`, as Postfix keeps them.
extension DetectionPass {
    /// The relay's port stands before `end`; an account and its password follow to the line's end.
    func relayLoginHit(_ end: Int) {
        let from = text.skipBlanks(end)
        let lineEnd = text.lineEnd(from: from, limit: 300)
        guard from > end || text[end - 1] == 32, let colon = text.first(58, in: from..<lineEnd), colon > from,
            (from..<colon).allSatisfy({ text[$0].isName || text[$0].isOne(of: "@+") })
        else { return }
        var last = colon + 1
        while last < lineEnd, text[last] > 32, text[last] != 34 { last += 1 }
        guard text.skipBlanks(last) >= lineEnd || text[last] == 34 else { return }
        let value = FoundValue(range: colon + 1..<last, quote: 34, end: last)
        if judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false) {
            add("login-pair", value.range)
        }
    }

    /// Whether what surrounds a bare `secret` says that it signs sessions, cookies or tokens.
    func signsSessions(_ range: Range<Int>) -> Bool {
        let before = max(0, range.lowerBound - 60)..<range.lowerBound
        return ["session", "jwt", "cookie", "csrf", "hmac", "sign"].contains { (word: StaticString) in
            text.find(word, in: before) != nil
        }
    }

    /// The string that a call inside the parentheses wraps: `Some("x")`, `String::from("x")`, `Optional.of("x")`.
    func wrappedString(_ start: Int) -> Int? {
        for wrapper in [
            "some(", "string::from(", "optional.of(", "secret::new(", "secretstring::from(", "secretstring::new(",
            "just(",
            "some(string::from(", "secretstr(", "ok(", "new string(", "option.some(", "box::from(", "cow::from(",
            "string(",
            "str(", "secret.fromstring(", "secrets.", "[]byte(", "bytes(", "ptr.to(", "aws.string(", "pointer.string(",
        ] as [StaticString] where text.has(wrapper, at: start) {
            let inner = start + wrapper.utf8CodeUnitCount
            if text.quoteDepth(at: inner) != nil { return inner }
        }
        return nil
    }
}
