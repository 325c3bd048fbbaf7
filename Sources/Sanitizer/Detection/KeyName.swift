/// What the name of a key, option, column or header says about its value.
struct KeyName: Equatable {
    enum Kind: UInt8 {
        case none
        /// What people type: passwords, passphrases, PINs. Weak values count.
        case password
        /// A number that people type: PIN, PUK, one-time code.
        case pin
        /// What programs carry: tokens, secrets, credentials.
        case secret
        /// A cryptographic or API key.
        case key
    }

    /// How much the name alone proves.
    enum Level: UInt8, Comparable {
        case none
        /// The value must look drawn at random.
        case weak
        /// The value must not look like a word.
        case medium
        /// Any value that is no placeholder, reference or code.
        case strong
        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    var kind = Kind.none
    var level = Level.none
    /// The name holds a vendor's name.
    var hasVendor = false
}

/// Reads names: splits them into words (camelCase, snake_case, kebab-case, dots, digits) and weighs the words.
final class NameLexicon: Sendable {
    private let words: WordTable

    init(vendors: [String]) {
        var list: [(word: String, flags: UInt32)] = []
        func add(_ text: String, _ flags: UInt32) {
            for word in text.split(whereSeparator: \.isWhitespace) { list.append((String(word), flags)) }
        }
        add(NameWords.passwords, Self.password)
        add(NameWords.pins, Self.pin)
        add(NameWords.secrets, Self.secret)
        add(NameWords.weakSecrets, Self.secret | Self.weak)
        add(NameWords.keys, Self.key)
        add(NameWords.qualifiers, Self.qualifier)
        add(NameWords.tails, Self.tail)
        add(NameWords.harmlessTails, Self.harmless)
        add(NameWords.labels, Self.label)
        add(NameWords.publics, Self.publicWord)
        add(NameWords.passOwners, Self.passOwner)
        for vendor in vendors { list.append((vendor, Self.vendor)) }
        words = WordTable(list)
    }

    private static let pagers = WordTable(
        "next page continuation pagination idempotency starting cursor resume sequence sync lock forward backward"
            .split(
                separator: " "
            ).map { (String($0), UInt32(1)) })

    static let password: UInt32 = 1
    static let pin: UInt32 = 2
    static let secret: UInt32 = 4
    static let weak: UInt32 = 8
    static let key: UInt32 = 16
    static let qualifier: UInt32 = 32
    static let tail: UInt32 = 64
    static let harmless: UInt32 = 128
    static let label: UInt32 = 256
    static let publicWord: UInt32 = 512
    static let vendor: UInt32 = 1024
    static let passOwner: UInt32 = 2048
    static let typeMask: UInt32 = password | pin | secret | key

    /// Whether a word by itself names a secret or qualifies one: such words make labels and placeholders, not values.
    func isVocabulary(_ text: ByteText, _ range: Range<Int>) -> Bool {
        words.flags(text, range) & (Self.typeMask | Self.qualifier | Self.tail | Self.label | Self.publicWord) != 0
    }

    /// The flags of two words written as one, over one separator.
    private func joinedFlags(_ text: ByteText, _ first: Range<Int>, _ second: Range<Int>) -> UInt32 {
        guard second.lowerBound - first.upperBound <= 1 else { return 0 }
        var hash = WordTable.seed
        for index in first { WordTable.mix(&hash, lowered(text[index])) }
        for index in second { WordTable.mix(&hash, lowered(text[index])) }
        return words.flags(hash: hash)
    }

    /// Whether a word names a secret or what is done with one: "reset", "expired", "id".
    func isAboutSecrets(_ text: ByteText, _ range: Range<Int>) -> Bool {
        words.flags(text, range) & (Self.typeMask | Self.tail | Self.label) != 0
    }

    /// The flags of one word; a word run together is read by its end (`dbpassword`, `authtoken`, `secretkey`).
    @inline(__always) func flags(of text: ByteText, _ word: Range<Int>) -> UInt32 {
        let exact = words.flags(text, word)
        if exact != 0 || word.count < 5 { return exact }
        for (suffix, flags) in NameWords.suffixes where word.count > suffix.utf8CodeUnitCount {
            let start = word.upperBound - suffix.utf8CodeUnitCount
            if text.has(suffix, at: start) {
                if flags == Self.key {
                    // `monkey`, `turkey`, `hotkey`: only what qualifies a key makes one.
                    let before = words.flags(text, word.lowerBound..<start)
                    if before == 0, word.count > 8,
                        ["api", "secret", "access", "auth", "private"].contains(where: { (part: StaticString) in
                            text.has(part, at: start - part.utf8CodeUnitCount)
                        })
                    {
                        return Self.key | Self.qualifier
                    }
                    // `acmekey`: a service that no list names; only what is drawn at random counts.
                    if before == 0, word.count > 6,
                        !Self.wordsInKey.contains(where: { text.has($0, at: word.lowerBound) })
                    {
                        return Self.key
                    }
                    if before & (Self.qualifier | Self.secret | Self.vendor | Self.password) == 0 { return 0 }
                    return before & Self.publicWord != 0 ? Self.publicWord : Self.key | Self.qualifier
                }
                if words.flags(text, word.lowerBound..<start) & Self.publicWord != 0 { return 0 }
                return flags
            }
        }
        if text.has("password", at: word.lowerBound), word.count <= 11, !text.has("passwordl", at: word.lowerBound) {
            return Self.password
        }
        return 0
    }

    /// Words and names that end in `key` and are none.
    private static let wordsInKey: [StaticString] = [
        "monkey", "donkey", "hotkey", "hockey", "jockey", "whiskey", "mickey", "turnkey", "cachekey", "rowkey",
        "mapkey",
        "indexkey", "lookupkey", "groupkey", "objectkey", "namekey", "fieldkey", "routekey", "querykey", "filekey",
        "sitekey",
        "resourcekey",
    ]

    private static let gluedTails: [StaticString] = [
        "url", "uri", "id", "ids", "name", "host", "user", "path", "file", "dir", "channel", "repo", "image", "version",
        "config", "domain", "email", "port", "bucket", "region",
    ]

    /// Whether a word run together ends in what makes it no secret's name: `slackchannel`, `githuburl`.
    func endsInTail(_ text: ByteText, _ range: Range<Int>) -> Bool {
        Self.gluedTails.contains { tail in
            range.count > tail.utf8CodeUnitCount && text.has(tail, at: range.upperBound - tail.utf8CodeUnitCount)
        }
    }

    /// Whether a name is one word, or words of which none makes a secret's name harmless.
    func isPlain(_ text: ByteText, _ range: Range<Int>) -> Bool {
        var plain = true
        forEachWord(text, range) { word in
            if words.flags(text, word) & (Self.tail | Self.label | Self.publicWord) != 0 { plain = false }
        }
        return plain
    }

    /// Names that stand in every second text, and so say nothing about a key nearby.
    func isUbiquitous(_ text: ByteText, _ range: Range<Int>) -> Bool {
        ["github", "gitlab", "youtube", "twitter", "facebook", "instagram", "linkedin", "reddit", "npm"].contains {
            (word: StaticString) in word.utf8CodeUnitCount == range.count && text.has(word, at: range.lowerBound)
        }
    }

    /// Weighs the name in `range`.
    func read(_ text: ByteText, _ range: Range<Int>) -> KeyName {
        var name = KeyName()
        var typeFlags: UInt32 = 0
        var qualified = false
        var sawQualifier = false
        var unknownTail = false
        var blocked = false
        var labelled = false
        var vendorTail = false
        var isTurn = false
        var previous = range.lowerBound..<range.lowerBound
        forEachWord(text, range) { word in
            let flags = self.flags(of: text, word)
            if !previous.isEmpty, case let joined = joinedFlags(text, previous, word), joined != 0 {
                if joined & Self.vendor != 0 {
                    // `OpenWeather` and `message-bird` are one vendor each, and `VirusTotal` counts nothing.
                    name.hasVendor = true
                    sawQualifier = true
                    labelled = false
                    if flags & Self.typeMask == 0 {
                        previous = word
                        return
                    }
                } else if joined & Self.typeMask != 0, flags & Self.typeMask == 0, !text[word.lowerBound].isDigit,
                    typeFlags == 0 && flags & Self.tail == 0 || text.has("pass", at: previous.lowerBound)
                {
                    // `pass_word`, `api_hash`
                    typeFlags = joined
                    qualified = true
                    unknownTail = false
                    blocked = false
                    previous = word
                    return
                }
            }
            // The half of a widget's pair that every page shows: `RECAPTCHA_SITE_KEY`.
            if flags & Self.key != 0, previous.count == 4, text.has("site", at: previous.lowerBound) { labelled = true }
            // What goes on with a list, a page or a request once more is no secret: `NextToken`, `--idempotency-token`.
            if flags & Self.secret != 0, Self.pagers.flags(text, previous) != 0, text.has("token", at: word.lowerBound)
            {
                labelled = true
            }
            // `SinkingPass`, `debug-pass`: a turn of a program, unless it is someone's or something's.
            if word.count == 4, text.has("pass", at: word.lowerBound) {
                isTurn =
                    !previous.isEmpty
                    && self.flags(of: text, previous)
                        & (Self.passOwner | Self.qualifier | Self.vendor | Self.typeMask | Self.harmless) == 0
            } else if flags & Self.typeMask != 0 {
                isTurn = false
            }
            previous = word
            if flags & Self.vendor != 0 { name.hasVendor = true }
            // A keyboard's shortcut has keys; the service of that name has an API and tokens.
            if flags & Self.publicWord != 0,
                !text.has("shortcut", at: word.lowerBound)
                    || text.find("token", in: range) == nil && text.find("api", in: range) == nil
            {
                labelled = true
            }
            if flags & Self.typeMask != 0 {
                // `secret key`, `token secret`: the earlier word qualifies the later one.
                qualified =
                    sawQualifier || typeFlags & (Self.secret | Self.password | Self.key) != 0
                    || flags & Self.qualifier != 0
                if typeFlags & Self.password != 0, flags & Self.key == 0, flags & Self.password == 0 {
                    // `password reset token` is a token.
                    qualified = true
                }
                typeFlags = flags
                unknownTail = false
                blocked = false
            } else if typeFlags != 0 {
                if flags & Self.tail != 0 {
                    blocked = true
                } else if flags & Self.harmless == 0, !text[word.lowerBound].isDigit {
                    unknownTail = true
                }
            } else if flags & Self.label != 0 {
                labelled = true
            } else if flags & Self.tail != 0, name.hasVendor {
                vendorTail = true
            }
            if flags & Self.qualifier != 0 || flags & Self.vendor != 0 { sawQualifier = true }
        }
        if typeFlags & Self.key != 0,
            text.find("pre-shared", in: range) != nil || text.find("pre_shared", in: range) != nil
        {
            // What people type, as WPA and IPsec call it.
            typeFlags = Self.password
        }
        guard typeFlags != 0 else {
            if name.hasVendor, !labelled, !vendorTail || namesClient(text, range) {
                name.kind = .key
                name.level = .weak
            }
            return name
        }
        if typeFlags & Self.password != 0 {
            name.kind = .password
            name.level = unknownTail || isTurn ? .medium : .strong
        } else if typeFlags & Self.pin != 0 {
            name.kind = .pin
            name.level = .strong
        } else if typeFlags & Self.secret != 0 {
            name.kind = .secret
            name.level = typeFlags & Self.weak != 0 ? (qualified ? .medium : .weak) : unknownTail ? .medium : .strong
        } else {
            name.kind = .key
            name.level = qualified ? (unknownTail ? .weak : .strong) : .weak
        }
        if blocked || labelled {
            // An API key's id, with a vendor's name, is half of a login.
            let isHalf = name.hasVendor && !labelled && namesClient(text, range)
            name.level = isHalf ? .weak : .none
            name.kind = isHalf ? .key : .none
        }
        return name
    }

    /// Whether a name ends as that of a client's id does: `client_id`, `APP_ID`, `clientID`, `api-id`. With a vendor's name it is the
    /// half of a login that is shown; what does not look drawn at random stays.
    private func namesClient(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard range.count > 6, text.has("id", at: range.upperBound - 2) else { return false }
        var end = range.upperBound - 2
        if text[end - 1] == 95 || text[end - 1] == 45 { end -= 1 }
        return (["client", "application", "consumer", "api", "app", "key", "oauth"] as [StaticString]).contains {
            end - $0.utf8CodeUnitCount >= range.lowerBound && text.has($0, at: end - $0.utf8CodeUnitCount)
        }
    }

    /// Calls `body` for each word of the name.
    @inline(__always) func forEachWord(_ text: ByteText, _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        var index = start
        @inline(__always) func flush(_ end: Int) {
            if end > start { body(start..<end) }
        }
        while index < range.upperBound {
            let byte = text[index]
            if byte.isLetter || byte >= 0x80 {
                let before = index > start ? text[index - 1] : 0
                if before.isDigit || (byte.isUpper && before.isLower)
                    || (byte.isLower && before.isUpper && index - 1 > start && text[index - 2].isUpper)
                {
                    // `APIKey`: the last capital belongs to the next word.
                    let cut = before.isUpper ? index - 1 : index
                    // `APIKEYs` and the like do not split at a last small letter.
                    flush(cut)
                    start = cut
                }
                index += 1
            } else if byte.isDigit {
                if index > start, !text[index - 1].isDigit {
                    flush(index)
                    start = index
                }
                index += 1
            } else {
                flush(index)
                index += 1
                start = index
            }
        }
        flush(range.upperBound)
    }
}
