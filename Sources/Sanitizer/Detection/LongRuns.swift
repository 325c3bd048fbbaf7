internal import CSieve

/// Secrets that have neither a fixed front nor a name: found as unbroken runs by looking at every 16 bytes, since a run of 32 fills
/// such a place.
extension DetectionPass {
    static let longRunLength = 32
    private static let block = 16

    func scanLongRuns() throws {
        var next = 0
        var runEnd = 0
        while true {
            let position = hx_solid_place(text.base, next, text.count)
            guard position < text.count else { return }
            next = position &+ Self.block
            var first = runStart(before: position, notBefore: max(runEnd, position - 512))
            guard position - first < 512 else { continue }
            var last = self.runEnd(after: position + Self.block, limit: first + 700)
            runEnd = last
            next = max(next, runEnd)
            guard last - first >= Self.longRunLength, last - first < 700 else { continue }
            // A `\n` or `\u201c` before the run is no part of it.
            if text[first - 1] == 92 {
                if text[first].isOne(of: "nrtbf") {
                    first += 1
                } else if text[first] == UInt8(ascii: "u"), (first + 1...first + 4).allSatisfy({ text[$0].isHex }) {
                    first += 5
                }
            }
            while first < last, text[first] == 45 || text[first] == 46 { first += 1 }
            while last > first, text[last - 1] == 46 || text[last - 1] == 45 { last -= 1 }
            // Nor are the digits of `%3D`.
            if text[first - 1] == 37, text[first].isHex, text[first + 1].isHex { first += 2 }
            guard last - first >= Self.longRunLength else { continue }
            let front = (text[first], text[first + 1])
            for token in rules.runTokens where token.first == front.0 && token.second == front.1 {
                let rule = rules.tokens[token.index]
                if mayBegin(first, rule.glue) { try tokenHit(rule, first) }
            }
            longRun(first..<last)
            prefixedToken(first..<last)
        }
    }

    /// Where the run that holds the byte before `end` begins, eight bytes at a time.
    private func runStart(before end: Int, notBefore limit: Int) -> Int {
        var start = end
        while start &- 8 >= limit {
            let bytes = UnsafeRawPointer(text.base).loadUnaligned(fromByteOffset: start &- 8, as: UInt64.self)
            let gaps = ~Self.highBits(UInt64(littleEndian: bytes)) & Self.highest
            if gaps != 0 { return start &- gaps.leadingZeroBitCount / 8 }
            start &-= 8
        }
        while start > limit, Self.belongs(text.base[start - 1]) { start &-= 1 }
        return start
    }

    /// Where the run that holds the byte before `start` ends.
    private func runEnd(after start: Int, limit: Int) -> Int {
        var end = start
        let limit = min(limit, text.count)
        while end &+ 8 <= limit {
            let bytes = UnsafeRawPointer(text.base).loadUnaligned(fromByteOffset: end, as: UInt64.self)
            let gaps = ~Self.highBits(UInt64(littleEndian: bytes)) & Self.highest
            if gaps != 0 { return end &+ gaps.trailingZeroBitCount / 8 }
            end &+= 8
        }
        while end < limit, Self.belongs(text.base[end]) { end &+= 1 }
        return end
    }

    @inline(__always) private static func belongs(_ byte: UInt8) -> Bool { byte.isWord || byte == 45 || byte == 46 }

    /// The highest bit of each byte: whether it is a letter, a digit, `_`, `-` or `.`. Adding to seven bits carries into no neighbour.
    @inline(__always) private static func highBits(_ bytes: UInt64) -> UInt64 {
        let low = bytes & (0x7F &* ones)
        @inline(__always) func lie(_ word: UInt64, _ first: UInt64, _ last: UInt64) -> UInt64 {
            (word &+ (0x80 &- first) &* ones) & ~(word &+ (0x7F &- last) &* ones)
        }
        return ~bytes
            & (lie(low | 0x20 &* ones, 0x61, 0x7A) | lie(low, 0x30, 0x39) | lie(low, 0x2D, 0x2E) | lie(low, 0x5F, 0x5F))
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highest: UInt64 = 0x8080_8080_8080_8080

    private func longRun(_ range: Range<Int>) {
        let length = range.count
        let before = text[range.lowerBound - 1]
        guard before != 47, before != 43, before != 61 || text[range.lowerBound - 2] != 61, text[range.upperBound] != 43
        else { return }
        if length == 51 || length == 52 {
            // A private key in Wallet Import Format: version byte 0x80, so that the first letter is 5, K or L.
            let first = text[range.lowerBound]
            guard (first == 53 && length == 51) || ((first == 75 || first == 76) && length == 52),
                text[range.upperBound] != 47
            else { return }
            for index in range {
                let byte = text[index]
                guard byte.isDigit || byte.isLetter, byte != 48, byte != 73, byte != 79, byte != 108 else { return }
            }
            let profile = ByteProfile(text, range)
            if profile.digits >= 2, profile.upper >= 6, profile.lower >= 6, !judge.isNeverSecret(text, range) {
                add("bitcoin-wif", range)
            }
        } else if length >= 49, length <= 72, text[range.lowerBound + 32] == 46,
            (range.lowerBound..<range.lowerBound + 32).allSatisfy({ text[$0].isDigit || (97...102).contains(text[$0]) })
        {
            // 32 hexadecimal digits, a dot, and letters drawn at random: Zhipu, Z.ai, Ollama.
            let tail = (range.lowerBound + 33)..<range.upperBound
            let profile = ByteProfile(text, tail)
            if profile.upper >= 2, profile.lower >= 2, profile.digits >= 1, text.first(46, in: tail) == nil {
                add("dotted-key", range)
            }
        } else if (57...76).contains(length), !text.has("eyj", at: range.lowerBound) {
            // A Discord bot token: the bot's id in base64, a time, a signature.
            var dots: [Int] = []
            for index in range where text[index] == 46 { dots.append(index) }
            guard dots.count == 2, (5...7).contains(dots[1] - dots[0] - 1),
                (22...28).contains(dots[0] - range.lowerBound),
                range.upperBound - dots[1] > 26
            else { return }
            let profile = ByteProfile(text, range)
            if profile.digits >= 4, profile.upper >= 6, profile.lower >= 6 { add("discord-bot", range) }
        } else if (330...420).contains(length), text[range.lowerBound] == 49 {
            // A Telethon string session: version 1, then base64url.
            let profile = ByteProfile(text, range)
            if profile.symbols > 0, profile.digits >= 20, profile.upper >= 60, profile.lower >= 60,
                text.first(46, in: range) == nil
            {
                add("telethon-session", range)
            }
        }
    }

    /// `acme_pat_…`, `tml-…`: a token of a vendor that no rule knows, as GitHub made them a custom: one to three short words of small
    /// letters, then at least 30 bytes drawn at random. Ids that are made the same way are shorter, or their fronts are known.
    private func prefixedToken(_ range: Range<Int>) {
        let before = text[range.lowerBound - 1]
        let after = text[range.upperBound]
        // Base64 goes on around it.
        guard before != 47, before != 43, before != 64, after != 47, after != 43, text[range.lowerBound].isLower
        else { return }
        var body = range.lowerBound
        var saysSecret = false
        for _ in 0..<3 {
            var end = body
            while end < range.upperBound, text[end].isLower || text[end].isDigit { end += 1 }
            guard end > body, end - body <= 12, text[body].isLower, text[end] == 95 || text[end] == 45 else { break }
            saysSecret =
                saysSecret
                || Self.secretFronts.contains { $0.utf8CodeUnitCount == end - body && text.has($0, at: body) }
            if Self.publicFronts.contains(where: { $0.utf8CodeUnitCount == end - body && text.has($0, at: body) }) {
                return
            }
            body = end + 1
        }
        guard body > range.lowerBound, range.upperBound - body >= 30, !judge.isIdentity(text, range) else { return }
        let profile = ByteProfile(text, body..<range.upperBound)
        let isMixed =
            profile.digits >= (saysSecret ? 1 : 3) && profile.upper >= 5 && profile.lower >= 5
            && profile.symbols * 10 <= profile.length
            && profile.changes * 7 >= profile.length * 2
        guard isMixed || (saysSecret && profile.isHex && profile.length >= 32) else { return }
        guard profile.looksRandom, !judge.isMostlyWords(text, body..<range.upperBound),
            !isMaskOrPlaceholder(body..<range.upperBound)
        else { return }
        add("prefixed-token", range)
    }

    private static let publicFronts: [StaticString] = [
        "pk", "pub", "public", "publishable", "anon", "id", "client", "site", "cache", "lock", "etag", "dedup",
    ]
    private static let secretFronts: [StaticString] = [
        "key", "apikey", "api", "sk", "sec", "secret", "pat", "tok", "token", "auth", "access", "priv", "private",
    ]
}
