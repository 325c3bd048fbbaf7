/// Small files whose name or first lines say how they are laid out: password-store's, `secrets.yaml`, `chap-secrets`, histories.
extension DetectionPass {
    func scanHomeFile(_ file: ByteText) {
        let whole = 0..<file.count
        if file.has("secrets.", at: 0) || file.has("secret.", at: 0) || file.find("_secrets.", in: whole) != nil {
            secretLines()
        }
        if file.find("-secrets", in: whole) != nil, file.count <= 16 { chapLines() }
        if file.has("secrets", at: 0), file.count == 7 { addressLines() }
        if file.find("rediscli", in: whole) != nil { redisHistory() }
        if file.find("davfs", in: whole) != nil || file.find(".user", in: whole) != nil
            || file.find("sasl_passwd", in: whole) != nil || file.find("passwd.client", in: whole) != nil
            || file.find("chrony", in: whole) != nil || file.find("ntp.keys", in: whole) != nil
        {
            lastWords()
        }
        storeEntry()
    }

    /// Calls `body` for each line, without blanks around it.
    private func eachLine(_ body: (Range<Int>) -> Void) {
        var line = 0
        var lines = 0
        while line < text.count, lines < 1000 {
            lines += 1
            var end = text.lineEnd(from: line, limit: 2000)
            let next = text.nextLine(after: end)
            let first = text.skipBlanks(line)
            while end > first, text[end - 1].isBlank { end -= 1 }
            if first < end { body(first..<end) }
            line = max(next, line + 1)
        }
    }

    /// `name: x`, `name = "x"` of a file of secrets, whatever the name, save those of hosts and accounts.
    private func secretLines() {
        eachLine { line in
            var end = line.lowerBound
            while text[end].isName || text[end].isQuote { end += 1 }
            let separator = text.skipBlanks(end)
            guard end > line.lowerBound, text[separator] == 58 || text[separator] == 61,
                let value = text.readValue(at: separator + 1), value.range.upperBound <= line.upperBound
            else { return }
            let name = line.lowerBound..<end
            let isHarmless = [
                "ssid", "host", "user", "name", "mail", "url", "uri", "domain", "lat", "lon", "zone", "version",
                "image", "port",
                "public", "_id", "path", "file", "address", "zip", "model", "region", "bucket", "date",
            ].contains { (word: StaticString) in text.find(word, in: name) != nil }
            guard !isHarmless, text[value.range.lowerBound] != 33 else { return }
            let profile = ByteProfile(text, value.range)
            guard !judge.isNeverSecret(text, value.range), !judge.isAddress(text, value.range, kind: .secret),
                looksTyped(value.range, besideAccount: true)
                    || (profile.length >= 16 && judge.isToken(text, value.range, profile, allowHex: true))
            else { return }
            add("secret", value.range)
        }
    }

    /// `client server secret addresses` of pppd.
    private func chapLines() {
        eachLine { line in
            guard text[line.lowerBound] != 35 else { return }
            var position = line.lowerBound
            for _ in 0..<2 {
                guard let value = text.readValue(at: position, context: .word) else { return }
                position = text.skipBlanks(value.end)
            }
            guard let value = text.readValue(at: position, context: .word), value.range.upperBound <= line.upperBound
            else { return }
            typedSecret(value, rule: "login-pair", allowWords: true)
        }
    }

    /// `https://host/dav kim x` as davfs2 keeps logins.
    private func addressLines() {
        eachLine { line in
            guard let address = text.find("://", in: line), address - line.lowerBound <= 8 else { return }
            var words: [Range<Int>] = []
            var index = line.lowerBound
            while index < line.upperBound, words.count < 4 {
                let first = index
                while index < line.upperBound, text[index] > 32 { index += 1 }
                words.append(first..<index)
                index = text.skipBlanks(index)
            }
            guard words.count == 3 else { return }
            typedSecret(
                FoundValue(range: words[2], quote: 34, end: line.upperBound), rule: "login-pair", allowWords: true)
        }
    }

    private func redisHistory() {
        eachLine { line in
            guard text.has("auth ", at: line.lowerBound) else { return }
            var first = line.upperBound
            while text[first - 1] > 32 { first -= 1 }
            guard first > line.lowerBound + 4 else { return }
            typedSecret(
                FoundValue(range: first..<line.upperBound, quote: 34, end: line.upperBound), rule: "session-login")
        }
    }

    /// `address account x`, `account:x` to the line's end.
    private func lastWords() {
        eachLine { line in
            guard text[line.lowerBound] != 35 else { return }
            var first = line.upperBound
            while first > line.lowerBound, text[first - 1] > 32 { first -= 1 }
            if let colon = (first..<line.upperBound).last(where: { text[$0] == 58 }), text[colon + 1] != 47,
                !text[colon + 1].isDigit || text.first(64, in: first..<colon) != nil
            {
                first = colon + 1
            }
            // After an account's colon any word is the password.
            guard first > line.lowerBound,
                looksTyped(first..<line.upperBound, besideAccount: true)
                    || (text[first - 1] == 58
                        && judge.isSecret(
                            text, FoundValue(range: first..<line.upperBound, quote: 34, end: line.upperBound),
                            name: KeyName(kind: .password, level: .strong), isCode: false))
            else { return }
            add("login-pair", first..<line.upperBound)
        }
    }

    /// A password alone on the first line, then `login: kim`, `url: https://…`, as `pass` keeps entries.
    private func storeEntry() {
        let end = text.lineEnd(from: 0, limit: 100)
        guard end >= 6, end < text.count else { return }
        var next = text.nextLine(after: end)
        if text.has("---", at: next) { next = text.nextLine(after: text.lineEnd(from: next, limit: 8)) }
        let isEntry = ["login:", "user:", "username:", "url:", "email:", "mail:", "otpauth:", "benutzer:"].contains {
            (word: StaticString) in text.has(word, at: next)
        }
        guard isEntry, (0..<end).allSatisfy({ text[$0] > 32 }), looksTyped(0..<end, besideAccount: true) else { return }
        add("password", 0..<end)
    }
}
