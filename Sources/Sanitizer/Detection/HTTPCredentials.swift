/// Credentials of HTTP: authentication schemes (RFC 9110, section 11), cookies (RFC 6265) and cookie files.
extension DetectionPass {
    private static let schemes: [StaticString] = [
        "bearer ", "basic ", "token ", "digest ", "apikey ", "api-key ", "bot ", "geniekey ", "ssws ", "splunk ",
        "negotiate ", "ntlm ",
        "oauth ", "key ", "discogs ", "mws ", "klaviyo-api-key ", "token token=", "bearer: ", "bearer=",
        "aws4-hmac-sha256 ",
        "sharedaccesssignature ", "sharedkey ", "hmac ", "wsse ", "snowflake ", "zoho-oauthtoken ", "gocardless ",
        "sso-key ",
    ]

    /// The credential after a scheme's name at `index`.
    func credential(afterSchemeAt index: Int) -> Range<Int>? {
        guard text[index].isLetter, let scheme = Self.schemes.first(where: { text.has($0, at: index) }) else {
            return nil
        }
        var start = text.skipBlanks(index + scheme.utf8CodeUnitCount)
        if text.has("token=", at: start) { start += 6 }
        if text.quoteDepth(at: start) != nil {
            guard let value = text.readValue(at: start), value.isQuoted else { return nil }
            return value.range
        }
        var end = start
        while text[end].isTokenByte || text[end] == 58 || text[end] == 37 { end += 1 }
        while end > start, text[end - 1] == 46 || text[end - 1] == 58 { end -= 1 }
        return end > start ? start..<end : nil
    }

    func addCredential(_ range: Range<Int>) {
        let value = FoundValue(range: range, quote: 34, end: range.upperBound)
        let profile = ByteProfile(text, range)
        guard profile.length >= 6, !judge.isNeverSecret(text, range), !judge.isMadeOfVocabulary(text, range),
            judge.isSecret(text, value, name: KeyName(kind: .secret, level: .strong), isCode: false)
        else { return }
        guard
            profile.digits > 0 || profile.symbols > 0 || (profile.upper > 0 && profile.lower > 0)
                || !judge.isWord(text, range, profile)
        else { return }
        // `login_and_password_removed`, `the_access_token`: words.
        if profile.digits == 0, profile.upper == 0, judge.isWordLike(text, range) { return }
        add("http-authorization", range)
    }

    /// `Bearer x`, `Basic x` anywhere; `Digest` has its secret in `response=`.
    func authorizationSchemeHit(_ start: Int, _ end: Int) {
        guard text.isTokenStart(start), let range = credential(afterSchemeAt: start) else { return }
        if text.has("digest", at: start) {
            if let response = text.find("response=", in: range.lowerBound..<text.lineEnd(from: end, limit: 1000)),
                let value = text.readValue(at: response + 9)
            {
                add("http-authorization", value.range)
            }
            return
        }
        let profile = ByteProfile(text, range)
        let isHeader = text.find("authorization", in: max(0, start - 40)..<start) != nil
        if text.has("basic", at: start) {
            guard isHeader || isBasicPair(range) else { return }
            if range.count < 20, text[range.upperBound] == 32, range.allSatisfy({ text[$0].isName }) {
                // `Authorization: Basic kim x` of request files.
                let word = bareWord(at: range.upperBound + 1)
                if looksTyped(word, besideAccount: true) {
                    add("http-authorization", word)
                    return
                }
            }
        } else if !isHeader {
            guard profile.length >= 12, judge.isToken(text, range, profile, allowHex: true) else { return }
        }
        addCredential(range)
    }

    /// Whether base64 holds `user:password` in text.
    private func isBasicPair(_ range: Range<Int>) -> Bool {
        guard range.count >= 8, range.count < 400, let plain = decodeBase64(text, range) else { return false }
        return plain.contains(58) && plain.allSatisfy { $0 >= 32 && $0 < 127 }
    }

    /// A `Cookie:` or `Set-Cookie:` header, `--cookie`, `document.cookie`.
    func cookieHit(_ start: Int, _ end: Int) {
        guard start >= cookieEnd else { return }
        let isSetCookie = text.has("set-", at: start - 4)
        var position = end
        while text[position].isQuote || text[position] == 92 || text[position] == 93 { position += 1 }
        position = text.skipBlanks(position)
        guard
            text[position] == 58 || text[position] == 61 || text[position] == 44 || text.has("-b ", at: start)
                || text.has("--cookie", at: start)
        else { return }
        if text[position] == 58 || text[position] == 61 || text[position] == 44 { position += 1 }
        position = text.skipBlanks(position)
        if text[position] == 91 {
            cookieList(position + 1)
            return
        }
        while text[position].isQuote || text[position] == 92 { position += 1 }
        if text.has("value", at: position) {
            // `{"name": "Cookie", "value": "sid=x"}`
            position += 5
            while text[position].isQuote || text[position] == 92 || text[position].isBlank || text[position] == 58 {
                position += 1
            }
        }
        let lineEnd = text.lineEnd(from: position, limit: 16_384)
        var pairs = 0
        defer { cookieEnd = position }
        while position < lineEnd, pairs < 100 {
            position = text.skipBlanks(position)
            let nameStart = position
            while text[position].isName || text[position] == 36 || text[position] == 37 { position += 1 }
            let name = nameStart..<position
            guard !name.isEmpty, text[position] == 61 else { return }
            let valueStart = position + 1
            position = valueStart
            while position < lineEnd, text[position] != 59, !text[position].isQuote, !text[position].isSpace,
                text[position] != 92
            {
                position += 1
            }
            let value = valueStart..<position
            if !value.isEmpty, isSecretCookie(name, value) { add("cookie", value) }
            pairs += 1
            guard text[position] == 59, !isSetCookie || text[name.lowerBound] == 36 else { return }
            position += 1
        }
    }

    /// `"cookies": [{"name": "session", "value": "x"}, …]` of HAR files and browsers' exports.
    private func cookieList(_ start: Int) {
        var index = start
        let limit = min(text.count, start + 16_384)
        var name: Range<Int>?
        while index < limit, text[index] != 93 {
            if text[index] == 125 { name = nil }
            guard text[index] == 34, let key = text.readValue(at: index), key.isQuoted else {
                index += 1
                continue
            }
            let colon = text.skipSpace(key.end)
            guard text[colon] == 58 else {
                index = max(index + 1, key.end)
                continue
            }
            let from = text.skipSpace(colon + 1)
            guard text.quoteDepth(at: from) != nil, let value = text.readValue(at: from), value.isQuoted else {
                index = colon + 1
                continue
            }
            if text.has("name", at: key.range.lowerBound), key.range.count == 4 {
                name = value.range
            } else if text.has("value", at: key.range.lowerBound), key.range.count == 5, let name, !value.range.isEmpty,
                isSecretCookie(name, value.range)
            {
                add("cookie", value.range)
            }
            index = max(value.end, index + 1)
        }
        cookieEnd = max(cookieEnd, index)
    }

    /// Whether a cookie carries a login: its name says so, or its value is drawn at random.
    func isSecretCookie(_ name: Range<Int>, _ value: Range<Int>) -> Bool {
        guard !judge.isNeverSecret(text, value) else { return false }
        let profile = ByteProfile(text, value)
        let isAnalytics = [
            "_ga", "_gid", "_gat", "_gcl", "_fbp", "__utm", "intercom-id", "ajs_", "optimizely", "_hj", "amplitude",
            "_pk_",
        ]
        .contains { (prefix: StaticString) in text.has(prefix, at: name.lowerBound) }
        if isAnalytics { return false }
        let isSession = [
            "sess", "sid", "auth", "token", "login", "remember", "jwt", "csrf", "xsrf", "secret", "user_key", "pass",
        ]
        .contains { (word: StaticString) in text.find(word, in: name) != nil }
        if isSession {
            return profile.length >= 8
                && (profile.digits > 0 || profile.looksRandom || !judge.isWord(text, value, profile))
        }
        return profile.length >= 16 && judge.isToken(text, value, profile, allowHex: profile.length >= 24)
    }

    /// A line of a cookie file (Netscape's format, as curl and wget write it): seven fields between tabs.
    func cookieFileHit(_ hit: Int) {
        let fields = text[hit] == 92 ? escapedFields(hit) : tabbedFields(hit)
        guard fields.count == 7, !fields[5].isEmpty, !fields[6].isEmpty, fields[4].allSatisfy({ text[$0].isDigit })
        else { return }
        if isSecretCookie(fields[5], fields[6]) { add("cookie", fields[6]) }
    }

    private func tabbedFields(_ hit: Int) -> [Range<Int>] {
        let start = text.lineStart(before: hit, limit: 1000)
        let end = text.lineEnd(from: hit, limit: 16_384)
        var fields: [Range<Int>] = []
        var first = start
        for index in start...end where index == end || text[index] == 9 {
            fields.append(first..<index)
            first = index + 1
        }
        return fields
    }

    /// The fields of a line in a string of JSON, where backslashes and a `t` stand for a tab: from the domain before `hit` on.
    private func escapedFields(_ hit: Int) -> [Range<Int>] {
        var first = hit
        while first > 0, text[first - 1] == 92 { first -= 1 }
        var start = first
        while start > 0, first - start < 300, text[start - 1].isName || text[start - 1] == 35 { start -= 1 }
        // The `n` of the line break before it.
        if text[start - 1] == 92, text[start] == 110 { start += 1 }
        guard start < first else { return [] }
        var fields = [start..<first]
        let limit = min(text.count, hit + 16_384)
        var index = first
        while index < limit, fields.count < 7 {
            while text[index] == 92 { index += 1 }
            guard text[index] == 116 else { return [] }
            index += 1
            let begin = index
            while index < limit, text[index] > 32, text[index] != 92, text[index] != 34 { index += 1 }
            fields.append(begin..<index)
            if text[index] != 92 { break }
        }
        return fields
    }
}
