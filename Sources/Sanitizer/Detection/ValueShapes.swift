/// Shapes of values that are no secrets: references, masks, paths, addresses, code, ids.
extension ValueJudge {
    /// Our own markers, masks, references to secrets kept elsewhere, ciphertexts and public material.
    func isNeverSecret(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let start = range.lowerBound
        let first = text[start]
        let length = range.count
        let last = text[range.upperBound - 1]
        switch first {
        case UInt8(ascii: "$"):
            let next = text[start + 1]
            // `$y$`, `$6$`, `$2b$`, `$argon2id$` are hashes, `$NAME` and `${NAME}` references.
            if next == UInt8(ascii: "{") || next == UInt8(ascii: "(") || next == UInt8(ascii: "[") { return true }
            // `$$name` of Compose.
            if next == 36, range.dropFirst(2).allSatisfy({ text[$0].isWord }) { return true }
            if next.isLetter || next == 95 {
                var index = start + 1
                while index < range.upperBound,
                    text[index].isWord || text[index] == 46 || text[index] == 45 || text[index] == 62
                        || (text[index] == 58 && (text[index + 1] == 58 || text[index - 1] == 58))
                {
                    index += 1
                }
                if index == range.upperBound || text[index] == UInt8(ascii: "{") { return true }
                // `$NAME/rest`, `$name->field`, `$Config['x']`
                if text[index] == UInt8(ascii: "[") || text[index] == UInt8(ascii: "(") || text[index] == 47 {
                    return true
                }
            }
        case UInt8(ascii: "%"):
            if last == UInt8(ascii: "%"), length > 2 { return true }
            if length <= 3 || text[start + 1] == UInt8(ascii: "(") || text[start + 1] == UInt8(ascii: "{") {
                return true
            }
        case UInt8(ascii: "{")
        where length >= 41 && last != UInt8(ascii: "}")
            && range.dropFirst().allSatisfy({ text[$0].isLetter || text[$0].isDigit }):
            // A salted hash as Transmission writes it.
            break
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "("): return !isDense(text, range)
        case UInt8(ascii: "<"): return true
        case UInt8(ascii: "!"):
            if text[start + 1].isUpper || text.has("!vault", at: start) || text.has("!secret", at: start)
                || text.has("!env", at: start) || text.has("!ref", at: start)
            {
                return true
            }
        case UInt8(ascii: "#"):
            if text[start + 1] == UInt8(ascii: "{") || length == 1 { return true }
        case UInt8(ascii: "@"):
            if text[start + 1].isOne(of: "@{/.$") { return true }
        case UInt8(ascii: "*"), UInt8(ascii: "-"), UInt8(ascii: "|"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            if length <= 2 { return true }
        case UInt8(ascii: "0"), UInt8(ascii: "1"), UInt8(ascii: "2"):
            if isHexConstant(text, range) || isTimestamp(text, range) { return true }
        case UInt8(ascii: "s"):
            if text.has("ssh-", at: start) || text.has("secret://", at: start) || text.has("sops:", at: start) {
                return true
            }
            if text.has("sha256:", at: start) || text.has("sha512-", at: start) || text.has("sha1-", at: start) {
                return true
            }
            if text.has("ssm:", at: start) || text.has("secretsmanager:", at: start) || text.has("sha256-", at: start) {
                return true
            }
        case UInt8(ascii: "S"):
            if text.has("sha256:", at: start) { return true }
        case UInt8(ascii: "M"):
            // SubjectPublicKeyInfo and certificates in DER.
            if text.has("migfma0", at: start) || text.has("miibijan", at: start) || text.has("miicijan", at: start) {
                return true
            }
            if text.has("mfkwewyh", at: start) || text.has("miibcgkc", at: start)
                || text.has("mcowbqydk2vwa", at: start)
            {
                return true
            }
        case UInt8(ascii: "A"):
            // What `kubeseal` encrypted.
            if length >= 100, text[start + 1] == 103, (65...68).contains(text[start + 2]),
                text.find("encrypteddata", in: max(0, start - 4096)..<start) != nil
            {
                return true
            }
        default: break
        }
        for prefix in PlaceholderWords.referencePrefixes where text.has(prefix, at: start) { return true }
        var dots = 0
        for index in range {
            let byte = text[index]
            if byte == 0xC2, text[index + 1] == 0xAB || text[index + 1] == 0xBB { return true }
            // An ellipsis, a bullet, a black circle.
            if byte == 0xE2, text[index + 1] == 0x80, text[index + 2] == 0xA6 || text[index + 2] == 0xA2 { return true }
            if byte == 0xE2, text[index + 1] == 0x97, text[index + 2] == 0x8F { return true }
            if byte == UInt8(ascii: ".") { dots += 1 } else { dots = 0 }
            if dots == 3, length <= 40 { return true }
            switch byte {
            case UInt8(ascii: "$"):
                let next = text[index + 1]
                // Closed within the value; a generated password may hold the two signs.
                if next == UInt8(ascii: "{") || next == UInt8(ascii: "("),
                    text.first(next == UInt8(ascii: "{") ? 125 : 41, in: index..<range.upperBound) != nil
                {
                    return true
                }
            case UInt8(ascii: "{"):
                if text[index + 1] == UInt8(ascii: "{") { return true }
                // `{name}` of a format string.
                var close = index + 1
                while text[close].isWord || text[close] == 46 { close += 1 }
                if text[close] == UInt8(ascii: "}"), close > index + 1, close < range.upperBound,
                    length <= close - index + 12
                {
                    return true
                }
            case UInt8(ascii: "<"):
                if text[index + 1] == UInt8(ascii: "%") || text[index + 1].isLetter { return true }
            case UInt8(ascii: "*"):
                if text[index + 1] == byte, text[index + 2] == byte { return true }
            case UInt8(ascii: "x"), UInt8(ascii: "X"):
                if length <= 80, text[index + 1] == byte, text[index + 2] == byte, text[index + 3] == byte {
                    return true
                }
            default: break
            }
        }
        // The keys of Amazon's documentation: `…/bPxRfiCYEXAMPLEKEY`.
        if length >= 16, endsInExample(text, range) { return true }
        if text.find("redacted", in: range) != nil || text.has("hermes_ops_", at: start) { return true }
        if length >= 6, PlaceholderWords.exactStarts.contains(where: { text.has($0, at: start) }) { return true }
        // The words of the list hold `_` or `-`, save two.
        if text.find("placeholder", in: range) != nil || text.find("changeme", in: range) != nil { return true }
        guard text.first(95, in: range) != nil || text.first(45, in: range) != nil else { return false }
        for word in PlaceholderWords.inside where text.find(word, in: range) != nil { return true }
        return false
    }

    private func endsInExample(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let end = text.has("key", at: range.upperBound - 3) ? range.upperBound - 3 : range.upperBound
        return text.has("example", at: end - 7) && (end - 7..<range.upperBound).allSatisfy { text[$0].isUpper }
    }

    /// A generated password of many symbols, as password managers and WordPress make them: `[9T]J|^^a37]dR-26`. Code of that length has
    /// words, blanks and pairs of brackets or quotes.
    func isDense(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let profile = ByteProfile(text, range)
        guard profile.length >= 16, profile.upper >= 2, profile.lower >= 2, profile.digits >= 1, profile.symbols >= 3,
            profile.high == 0, profile.distinct * 2 >= profile.length || profile.distinct >= 24,
            profile.changes * 3 >= profile.length
        else { return false }
        for index in range {
            let byte = text[index]
            if byte.isSpace || byte == 92 || text.has("a-z", at: index) || text.has("0-9", at: index) { return false }
        }
        return !isMostlyWords(text, range)
    }

    /// Words, numbers and short mixtures of both between hyphens, dots and the like: `claude-opus-4-7`, `hmac-sha1-96`,
    /// `Qwen/Qwen3-235B-A22B`: names of models, algorithms, versions and hosts.
    func isSlug(_ text: ByteText, _ range: Range<Int>) -> Bool {
        var segments = 0
        var words = 0
        var start = range.lowerBound
        if text[start] == 43 || text[start] == 45 { start += 1 }
        while start <= range.upperBound {
            var end = start
            while end < range.upperBound, text[end].isLetter || text[end].isDigit { end += 1 }
            guard end > start else { return false }
            let profile = ByteProfile(text, start..<end)
            if profile.digits == 0 {
                guard profile.length <= 4 || isWordLike(text, start..<end) else { return false }
                words += 1
            } else if profile.letters > 0 {
                guard profile.length <= 8, profile.changes <= 2 else { return false }
            } else {
                guard profile.length <= 8 else { return false }
            }
            segments += 1
            if end == range.upperBound { break }
            guard text[end].isOne(of: "-_./:") else { return false }
            start = end + 1
        }
        return segments >= 2 && words >= 1
    }

    /// A colour, an alphabet, a variable's name in capitals: `#d0d0d0`, `ABCDEFGH…`, `MATRIX_ACCESS_TOKEN`.
    func isNotation(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        if text[range.lowerBound] == 35, profile.length == 7 || profile.length == 4 || profile.length == 9,
            range.dropFirst().allSatisfy({ text[$0].isHex })
        {
            return true
        }
        if profile.length >= 26, text.find("abcdefghijklmnopqrst", in: range) != nil { return true }
        return profile.lower == 0 && profile.upper >= 4 && text.first(95, in: range) != nil
            && profile.digits * 3 <= profile.upper
            && range.allSatisfy({ text[$0].isUpper || text[$0].isDigit || text[$0] == 95 }) && isWordLike(text, range)
    }

    /// Shapes that look like a path or address and are secrets all the same.
    func isSecretDespiteItsShape(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard profile.length >= 20, profile.high == 0 else { return false }
        // Base64 that happens to begin with a slash.
        var slashes = 0
        for index in range {
            let byte = text[index]
            if byte == UInt8(ascii: "/") { slashes += 1 }
            if !byte.isBase64, byte != UInt8(ascii: "=") { return false }
        }
        return profile.digits >= 2 && profile.upper >= 3 && profile.lower >= 3 && profile.changes * 4 >= profile.length
            && slashes * 6 <= profile.length && !isIdentity(text, range)
    }

    func isPath(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        let start = range.lowerBound
        let first = text[start]
        let second = text[start + 1]
        if first == UInt8(ascii: "~"), second == UInt8(ascii: "/") { return true }
        if first == UInt8(ascii: "."), second == UInt8(ascii: "/") || second == UInt8(ascii: ".") { return true }
        if first == UInt8(ascii: "/"), second.isLetter || second == 46,
            text.first(47, in: (start + 1)..<range.upperBound) != nil
        {
            return true
        }
        if first.isLetter, second == UInt8(ascii: ":"), text[start + 2] == 92 || text[start + 2] == 47 { return true }
        // `dir/file.ext`
        if let slash = text.first(47, in: range), slash > start, profile.digits * 6 < profile.length,
            let dot = text.first(46, in: slash..<range.upperBound), range.upperBound - dot <= 6,
            range.upperBound - dot > 1,
            isWordLike(text, start..<dot)
        {
            return true
        }
        if isFieldOfPath(text, range, profile) { return true }
        for ending in PlaceholderWords.fileEndings where range.count > ending.utf8CodeUnitCount + 1 {
            if text.has(ending, at: range.upperBound - ending.utf8CodeUnitCount), profile.symbols <= 4 { return true }
        }
        return false
    }

    /// `kv/data/mail:password`: a path in a store of secrets, and the field to read there.
    private func isFieldOfPath(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard profile.digits * 6 < profile.length, let slash = text.first(47, in: range), slash > range.lowerBound,
            let colon = range.last(where: { text[$0] == 58 || text[$0] == 35 }), colon > slash,
            colon + 1 < range.upperBound
        else { return false }
        let field = colon + 1..<range.upperBound
        return range.allSatisfy { text[$0].isName || text[$0].isOne(of: ":/#") }
            && (lexicon.isVocabulary(text, field) || isMadeOfVocabulary(text, field)
                || lexicon.read(text, field).level > .none)
    }

    /// A URL, e-mail address or host name. A URL's own secrets are another rule's.
    func isAddress(_ text: ByteText, _ range: Range<Int>, kind: KeyName.Kind) -> Bool {
        if let colon = text.first(58, in: range), text[colon + 1] == 47, text[colon + 2] == 47 { return true }
        guard kind != .password else { return false }
        if let at = text.first(64, in: range), text.first(46, in: at..<range.upperBound) != nil { return true }
        return false
    }

    /// Code: calls, member access, subscripts, operators.
    func isExpression(_ text: ByteText, _ value: FoundValue, isCode: Bool, profile: ByteProfile) -> Bool {
        let range = value.range
        let first = text[range.lowerBound]
        if first.isLetter, text[value.end] == 32, text[value.end + 1].isOne(of: "=?"), text[value.end + 2] == 32 {
            // `passwd = account = ""`, `a:dict.is ? a : b`
            return true
        }
        guard
            first.isWord || first == UInt8(ascii: "&") || first == UInt8(ascii: "*") || first == UInt8(ascii: "@")
                || first == UInt8(ascii: ":")
        else { return false }
        var index = range.lowerBound
        if !first.isWord { index += 1 }
        let identifier = index
        while index < range.upperBound, text[index].isWord { index += 1 }
        let next = text[index]
        guard index > identifier else { return false }
        if index < range.upperBound {
            if next == UInt8(ascii: "!"), text[identifier].isUpper, index - identifier < 12,
                text[index + 1].isOne(of: "),]") || index + 1 >= range.upperBound,
                placeholders.flags(text, identifier..<index) != 0 || text.has("id", at: identifier)
            {
                // `String!` of GraphQL.
                return true
            }
            if next == UInt8(ascii: "("),
                text.first(41, in: index..<min(text.count, index + 200)) != nil
                    || (index - identifier >= 5 && isWordLike(text, identifier..<index))
            {
                return true
            }
            if isMemberCall(text, identifier..<range.upperBound) { return true }
            if next == UInt8(ascii: "["), text.first(93, in: index..<min(text.count, index + 80)) != nil { return true }
            if next == UInt8(ascii: ":"), text[index + 1] == UInt8(ascii: ":") {
                return isWordLike(text, identifier..<index)
            }
            if next == UInt8(ascii: "-"), text[index + 1] == UInt8(ascii: ">") { return true }
            if next == UInt8(ascii: "?"), text[index + 1] == UInt8(ascii: ".") { return true }
            if next == UInt8(ascii: "."), text[index + 1].isLetter || text[index + 1] == 95,
                isCode || profile.digits == 0 || endsInType(text, range)
            {
                // `config.apiKey`, `self.token`, `os.environ[…]`: members are words.
                var words = 0
                var position = identifier
                while position < range.upperBound {
                    let start = position
                    while text[position].isWord { position += 1 }
                    if position == start { break }
                    if isWordLike(text, start..<position) { words += 1 } else { break }
                    guard text[position] == UInt8(ascii: ".") else {
                        // `config.apiKey`, `ed25519.Ed25519PrivateKey`
                        if position >= range.upperBound, words >= 2,
                            (profile.digits * 8 < profile.length && !text[range.upperBound - 1].isDigit)
                                || isIdentifier(text, start..<position)
                        {
                            return true
                        }
                        if text[position] == UInt8(ascii: "(") || text[position] == UInt8(ascii: "[") { return true }
                        break
                    }
                    position += 1
                }
            }
        } else if text[isCode ? text.skipBlanks(value.end) : value.end] == UInt8(ascii: "("),
            isWordLike(text, identifier..<index)
        {
            return true
        } else if text[value.end] == UInt8(ascii: "<"), text[value.end + 1].isUpper, text[value.end + 2].isLower {
            // `PassInfoMixin<SinkingPass>`
            return true
        } else if !first.isWord, first != UInt8(ascii: "@"), profile.digits == 0, isWordLike(text, identifier..<index) {
            // `*tokens`, `&secret`
            return true
        }
        if isCode, isWordLike(text, identifier..<range.upperBound), profile.digits * 5 <= profile.length { return true }
        return false
    }

    /// `ed25519.Ed25519PrivateKey`: the last part begins with a capital as types do.
    private func endsInType(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard let dot = range.last(where: { text[$0] == 46 }), text[dot + 1].isUpper else { return false }
        return isIdentifier(text, dot + 1..<range.upperBound)
    }

    /// Dotted or slashed words: `mysite.forms.ChangePasswordForm`, `agent/main/session`.
    func isIdentifierPath(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard profile.digits * 8 < profile.length else { return false }
        var parts = 0
        var position = range.lowerBound
        while position < range.upperBound {
            let start = position
            while position < range.upperBound, text[position].isWord || text[position] == 45 { position += 1 }
            guard position > start, isWordLike(text, start..<position) else { return false }
            if position - start >= 6, isNoisy(text, start..<position) { return false }
            parts += 1
            if position == range.upperBound { break }
            guard text[position] == UInt8(ascii: ".") || text[position] == UInt8(ascii: "/") else { return false }
            position += 1
        }
        return parts >= 3
    }

    /// `agent:main:discord:131861354439764546`, `keyring:service/user`: words and numbers between colons.
    func isColonPath(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard text[range.lowerBound].isLetter, let colon = text.first(58, in: range) else { return false }
        var position = range.lowerBound
        while position < colon {
            guard text[position].isLower || text[position] == 45 || text[position] == 95 else { return false }
            position += 1
        }
        let rest = ByteProfile(text, (colon + 1)..<range.upperBound)
        return !rest.looksRandom || text.first(58, in: (colon + 1)..<range.upperBound) != nil
    }

    func isWordPath(_ text: ByteText, _ range: Range<Int>) -> Bool {
        // `?name`, `#name`, `.name`, `+name` as selectors and options have them.
        let first = text[range.lowerBound].isOne(of: "#+:?@") ? range.lowerBound + 1 : range.lowerBound
        return (first..<range.upperBound).allSatisfy {
            text[$0].isLetter || text[$0] == 45 || text[$0] == 95 || text[$0] == 46
        }
    }

    func isUUID(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard range.count == 36 else { return false }
        for (offset, index) in range.enumerated() {
            let byte = text[index]
            if offset == 8 || offset == 13 || offset == 18 || offset == 23 {
                guard byte == 45 else { return false }
            } else {
                guard byte.isHex else { return false }
            }
        }
        return true
    }

    /// Ids that services give out, and that logs and sessions are full of.
    func isIdentity(_ text: ByteText, _ range: Range<Int>) -> Bool {
        for prefix in PlaceholderWords.idPrefixes where text.has(prefix, at: range.lowerBound) { return true }
        // A content's address in IPFS: 46 characters of base58 or 59 of base32.
        if range.count == 46, text[range.lowerBound] == 81, text[range.lowerBound + 1] == 109,
            range.allSatisfy({ (text[$0].isLetter || text[$0].isDigit) && !text[$0].isOne(of: "0OIl") })
        {
            return true
        }
        // A ULID of this century: 26 characters of Crockford's base32, of which the first are the time.
        return range.count == 26 && text[range.lowerBound] == 48 && text[range.lowerBound + 1] == 49
            && range.allSatisfy {
                text[$0].isDigit || (text[$0].isUpper && !text[$0].isOne(of: "ILOU"))
            }
    }
}
