/// Secrets that stand alone: a variable of an environment file under a name that says nothing, a line of a message that is one token.
extension DetectionPass {
    /// `MAM_ID=x`, `REDIS_PRIMARY=x` of an environment file: what is drawn at random there lets a program in, whatever it is called.
    func scanEnvironment() {
        guard syntax == .dotenv || syntax == .shell, depth == 0, text.count <= 256 << 10 else { return }
        var line = 0
        while line < text.count {
            let end = text.lineEnd(from: line, limit: 2000)
            environmentLine(text.skipBlanks(line)..<end)
            line = text.nextLine(after: end)
        }
    }

    private func environmentLine(_ line: Range<Int>) {
        var start = line.lowerBound
        if text.has("export ", at: start) { start = text.skipBlanks(start + 7) }
        var end = start
        while text[end].isWord { end += 1 }
        guard end > start, text[end] == 61, let value = text.readValue(at: end + 1),
            value.range.upperBound <= line.upperBound
        else { return }
        var range = value.range
        // `${NAME:-x}`
        if text[range.lowerBound] == 36, text[range.upperBound - 1] == 125, let dash = text.find(":-", in: range) {
            range = dash + 2..<range.upperBound - 1
        }
        let profile = ByteProfile(text, range)
        guard profile.length >= 24, profile.looksRandom, !isHarmlessVariable(start..<end, profile),
            range.allSatisfy({ text[$0].isWord || text[$0].isOne(of: "+-/=") }),
            profile.isHex
                ? profile.length >= 32 && syntax == .dotenv
                : profile.upper > 2 && profile.lower > 2 && profile.digits > 1,
            !judge.isNeverSecret(text, range), !judge.isUUID(text, range), !judge.isIdentity(text, range),
            !judge.isSlug(text, range), !judge.isPath(text, range, profile), !judge.isMostlyWords(text, range)
        else { return }
        add("keyed-secret", range)
    }

    /// Ids, digests and addresses; what has an id's name and is longer than ids are is a session.
    private func isHarmlessVariable(_ name: Range<Int>, _ profile: ByteProfile) -> Bool {
        let isID = text.has("id", at: name.upperBound - 2) || text.has("ids", at: name.upperBound - 3)
        if isID, profile.isHex || profile.length < 56 { return true }
        return [
            "sha", "hash", "digest", "commit", "revision", "version", "build", "checksum", "md5", "public", "pubkey",
            "sitekey", "site_key", "address", "contract", "image", "url", "host", "path", "fingerprint", "etag",
            "client_id", "tag", "release",
        ].contains { (word: StaticString) in text.find(word, in: name) != nil }
    }

    /// A line of a note or message that is one long token, between lines of words.
    func scanLoneTokens() {
        guard syntax == .markdown || syntax == .plain, depth == 0, !name.isEmpty, text.count <= 16 << 10 else { return }
        var tokens: [Range<Int>] = []
        var words = 0
        var run = 0
        var line = 0
        while line < text.count {
            var end = line
            while end < text.count, text.base[end] != 10 { end += 1 }
            var first = line
            var last = end
            while first < last, text[first].isBlank { first += 1 }
            while last > first, text[last - 1].isSpace { last -= 1 }
            if last - first >= 16, isRun(first..<last) {
                run += 1
                // Lines of base64 follow one another.
                if run == 1 { tokens.append(first..<last) } else if run == 2 { tokens.removeLast() }
            } else {
                run = 0
                if last - first > 2 { words += 1 }
                if text.has("-----begin", at: first) { return }
            }
            line = end + 1
        }
        guard words > 0, tokens.count <= 8 else { return }
        for range in tokens where (32...128).contains(range.count) { loneToken(range) }
    }

    private func isRun(_ range: Range<Int>) -> Bool {
        range.allSatisfy { text[$0].isBase64 || text[$0] == 61 }
    }

    private func loneToken(_ range: Range<Int>) {
        let profile = ByteProfile(text, range)
        // A certificate's first line is no secret.
        guard profile.upper > 3, profile.lower > 3, profile.digits > 1, profile.looksRandom,
            !text.has("mii", at: range.lowerBound), !judge.isNeverSecret(text, range), !judge.isIdentity(text, range),
            !judge.isSlug(text, range),
            !judge.isMostlyWords(text, range), !judge.isPath(text, range, profile)
        else { return }
        add("keyed-secret", range)
    }
}
