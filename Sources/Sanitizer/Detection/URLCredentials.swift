/// Credentials in URLs: `scheme://user:password@host`, `scheme://token@host` (RFC 3986, section 3.2.1). Secrets in a query are pairs of
/// name and value like any others.
extension DetectionPass {
    /// `://` stands at `start..<end`.
    func urlHit(_ start: Int, _ end: Int) {
        var at: Int?
        var colon: Int?
        var index = end
        let limit = min(text.count, end + 512)
        scan: while index < limit {
            let byte = text.base[index]
            switch byte {
            case 64:
                // The last `@` before the host: a password may hold one.
                at = index
            case 58: if colon == nil { colon = index }
            case 47, 63:
                // A password may hold a slash or question mark unescaped, when a host with a dot or port follows its `@`.
                if colon == nil || at != nil { break scan }
                guard let later = laterAt(from: index, limit: limit) else { break scan }
                at = later
                break scan
            case 0...32, 34, 60, 62, 96, 92, 123, 125:
                // `{user}` and `${password}` are templates.
                if byte == 123 || byte == 125, at == nil { break }
                break scan
            case 39:
                if at == nil, text[index + 1].isSpace || text[index + 1] == 44 || text[index + 1] == 41 { break scan }
            case 35:
                // `kim@example.org:p#x@host`: an address is the user, and its password goes on.
                if let first = at {
                    guard let mark = colon, mark > first, hostFollows(from: index, limit: limit) else { break scan }
                }
            default: break
            }
            index += 1
        }
        guard let at, at > end else {
            let stop = addressEnd(from: index)
            if syntax.isCode, text[stop.end].isQuote { clientArguments(after: stop.end) } else { urlNote(from: index) }
            if let query = stop.query { bareQuery(query + 1..<stop.end) }
            return
        }
        // `docker://node:24.1@sha256:…`
        if text.has("sha256:", at: at + 1) { return }
        if let colon, colon < at {
            let password = (colon + 1)..<at
            guard !password.isEmpty else {
                tokenUser(end..<colon)
                return
            }
            let value = FoundValue(range: password, quote: 34, end: at)
            // `https://TOKEN:x-oauth-basic@host`
            if text.has("x-oauth-basic", at: password.lowerBound) || text.has("x-token-auth", at: password.lowerBound) {
                tokenUser(end..<colon)
                return
            }
            if judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false) {
                add("url-credentials", password)
                return
            }
            tokenUser(end..<colon)
        } else {
            tokenUser(end..<at)
        }
    }

    /// An `@` after a slash that begins a host: `p/ss@host.tld`.
    private func laterAt(from index: Int, limit: Int) -> Int? {
        var position = index
        while position < min(limit, index + 64) {
            let byte = text[position]
            if byte.isSpace || byte.isQuote || byte == 60 || byte == 62 || byte == 92 || byte == 41 { return nil }
            if byte == 64 {
                var host = position + 1
                var dots = 0
                while text[host].isName {
                    if text[host] == 46 { dots += 1 }
                    host += 1
                }
                let isHost =
                    host > position + 1
                    && (dots > 0 || text[host] == 58 || text.has("localhost", at: position + 1)
                        || (text[index] == 63 && text[host] == 47))
                // `https://host:port/path@version` has digits before its first slash.
                return isHost && !portBefore(index) ? position : nil
            }
            position += 1
        }
        return nil
    }

    /// Whether an `@` and a host with a dot stand further on.
    private func hostFollows(from index: Int, limit: Int) -> Bool {
        var position = index
        while position < min(limit, index + 64), text[position] > 32, !text[position].isQuote, text[position] != 47 {
            position += 1
        }
        guard let last = (index..<position).last(where: { text[$0] == 64 }) else { return false }
        return last + 1 < position && text.first(46, in: last..<position) != nil
            && (last + 1..<position).allSatisfy { text[$0].isName || text[$0] == 58 }
    }

    private func portBefore(_ slash: Int) -> Bool {
        var position = slash - 1
        while text[position].isDigit { position -= 1 }
        return text[position] == 58 && slash - position <= 6
    }

    /// A user name that is a token.
    private func tokenUser(_ range: Range<Int>) {
        if ["trojan://", "hysteria2://", "hy2://", "hysteria://", "anytls://"].contains(where: {
            (scheme: StaticString) in
            text.has(scheme, at: range.lowerBound - scheme.utf8CodeUnitCount)
        }) {
            // Their user is a password.
            typedSecret(
                FoundValue(range: range, quote: 34, end: range.upperBound), rule: "url-credentials", allowWords: true)
            return
        }
        let profile = ByteProfile(text, range)
        guard profile.length >= 16, !judge.isNeverSecret(text, range) else { return }
        let isLongMix = profile.length >= 20 && profile.digits >= 4 && profile.letters >= 4 && profile.symbols == 0
        guard isLongMix || judge.isToken(text, range, profile, allowHex: true) else { return }
        add("url-credentials", range)
    }
}

extension DetectionPass {
    /// `PlexServer("http://nas:32400", "x")`, `Jenkins("https://ci.example.org", "kim", "x")`: what follows an address in a call.
    private func clientArguments(after close: Int) {
        var strings: [FoundValue] = []
        var position = text.skipBlanks(close + 1)
        while text[position] == 44, strings.count < 3 {
            position = text.skipBlanks(position + 1)
            guard text.quoteDepth(at: position) != nil, let value = text.readValue(at: position), value.isQuoted else {
                break
            }
            strings.append(value)
            position = text.skipBlanks(value.end)
        }
        guard let first = strings.first, text[position] == 41 || text[position] == 44 else { return }
        if strings.count == 2, (first.range).allSatisfy({ text[$0].isName || text[$0] == 64 }) {
            typedArgument(strings[1])
        }
        let profile = ByteProfile(text, first.range)
        guard profile.length >= 16, !profile.isHex, !judge.isNeverSecret(text, first.range),
            !judge.isSlug(text, first.range), !text.has("sha", at: first.range.lowerBound),
            judge.isToken(text, first.range, profile, allowHex: false)
        else { return }
        add("login-call", first.range)
    }

    private func typedArgument(_ value: FoundValue) {
        guard looksTyped(value.range, besideAccount: true) else { return }
        add("login-call", value.range)
    }

    /// Where an address ends, and its question mark.
    private func addressEnd(from start: Int) -> (end: Int, query: Int?) {
        var index = start
        var query: Int?
        let limit = min(text.count, start + 512)
        while index < limit {
            let byte = text.base[index]
            if byte <= 32 || byte.isQuote || byte.isOne(of: "()<>\\]{}") { break }
            if byte == 63, query == nil { query = index }
            index += 1
        }
        return (index, query)
    }

    /// `…/update.php?x`: a query that is one token, without a name.
    private func bareQuery(_ range: Range<Int>) {
        guard range.count >= 24, range.allSatisfy({ text[$0].isBase64 || text[$0] == 61 }),
            text.first(61, in: range) ?? range.upperBound >= range.upperBound - 2
        else { return }
        let profile = ByteProfile(text, range)
        guard !profile.isHex, profile.upper > 2, profile.lower > 2, profile.digits > 0, profile.looksRandom,
            !judge.isSlug(text, range), !judge.isMostlyWords(text, range)
        else { return }
        add("url-credentials", range)
    }

    /// `Paperless: http://10.0.0.3:8000 kim x`: an account and its password after an address, to the line's end.
    private func urlNote(from index: Int) {
        guard !syntax.isCode, syntax != .log, syntax != .table else { return }
        var end = index
        while end < text.count, end - index < 120 {
            let byte = text.base[end]
            if byte <= 32 || byte == 34 || byte == 40 || byte == 41 || byte == 60 || byte == 62 || byte == 93
                || byte == 92
            {
                break
            }
            end += 1
        }
        guard text[end] == 32 || text[end] == 40 else { return }
        afterAddress(end)
    }
}
