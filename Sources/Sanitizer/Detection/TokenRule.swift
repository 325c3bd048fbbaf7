internal import Support

/// A vendor's token format: what it begins with and what follows.
final class TokenRule: Sendable {
    let id: String
    let keyword: String
    let pattern: Pattern
    /// The pattern begins with the keyword and is tried there alone.
    let isAnchored: Bool
    /// Whether the keyword counts within a word.
    let glue: Glue
    /// Bytes of fixed text at the front.
    let prefixLength: Int
    /// Bytes before and after the keyword that a pattern that is not anchored may reach over.
    let lookBack: Int
    let window: Int
    let skipsPlaceholders: Bool
    /// The keyword counts only in its own case.
    let isCaseSensitive: Bool

    /// Whether a token counts that is glued to a word before it. Without any glue no letter or digit may stand there.
    enum Glue: Sendable {
        case any, afterUnderscore, none
    }

    /// A rule as it stands in `data/rules/tokens.json`.
    struct Source: Decodable, Sendable {
        var id: String
        /// What the token is, for people.
        var name: String
        /// The format as a ``TokenTemplate``; or `pattern`.
        var token: String?
        /// A PCRE2 expression; its first group, if it has one, is the secret.
        var pattern: String?
        /// The text that leads to the rule; needed with `pattern`, else the template's fixed front.
        var keyword: String?
        /// Bytes before the keyword at which a match may begin; the pattern is then searched for.
        var lookBack: Int?
        /// The token is a run of letters, digits, `_`, `-` and `.` of 40 bytes or more, and is looked for at such runs, since its
        /// keyword of two letters stands everywhere.
        var longRun: Bool?
        /// The bytes that may follow a keyword of two bytes, as the inside of a bracket expression; for a `pattern`.
        var followers: String?
        /// Letters may stand before the keyword.
        var anywhere: Bool?
        /// Further samples, as templates; `near` are samples that must not match.
        var samples: [String]?
        var near: [String]?
        /// Where the format is documented.
        var source: String?
    }

    /// The class of the bytes that follow the fixed front, as 256 bits, and how many there are at least: asked before the pattern.
    private let firstRun: (low: (UInt64, UInt64), high: (UInt64, UInt64), least: Int)?
    /// The bytes that may follow a keyword of two bytes; empty when the format does not say.
    let followers: [UInt8]
    /// The token is looked for at long runs, not at its keyword.
    let isLongRun: Bool

    /// Whether the bytes after the keyword at `index` can begin a token.
    @inline(__always) func mayMatch(_ text: ByteText, at index: Int) -> Bool {
        guard let firstRun else { return true }
        var position = index &+ prefixLength
        let end = position &+ firstRun.least
        guard end <= text.count else { return false }
        while position < end {
            let byte = text.base[position]
            let half = byte < 128 ? firstRun.low : firstRun.high
            let word = byte & 64 == 0 ? half.0 : half.1
            if word &>> UInt64(byte & 63) & 1 == 0 { return false }
            position &+= 1
        }
        return true
    }

    init(_ source: Source) throws {
        id = source.id
        let template = try source.token.map(TokenTemplate.init)
        guard let keyword = source.keyword ?? template?.fixedFront, keyword.utf8.count >= 2 else {
            throw OperatorError(
                "rules.format", doing: "reading the detector's rules", subject: source.id,
                reason: "the rule has no keyword",
                exit: .configuration)
        }
        guard let expression = source.pattern.map(Self.orAfterEscape) ?? template?.expression else {
            throw OperatorError(
                "rules.format", doing: "reading the detector's rules", subject: source.id,
                reason: "the rule has neither token nor pattern", exit: .configuration)
        }
        self.keyword = keyword
        pattern = try Pattern(expression)
        isAnchored = source.lookBack == nil
        lookBack = source.lookBack ?? 0
        prefixLength = template?.fixedFront.utf8.count ?? keyword.utf8.count
        // Glued to a word, a token is one all the same when its prefix is long and odd enough to stand out.
        let standsOut = prefixLength >= 6 && keyword.utf8.contains { !$0.isLetter && !$0.isDigit }
        glue = (source.anywhere ?? false) || standsOut ? .any : prefixLength >= 3 ? .afterUnderscore : .none
        window = 4096
        skipsPlaceholders = true
        isCaseSensitive = !expression.hasPrefix("(?i)")
        isLongRun = source.longRun ?? false
        if let template, template.fixedFront == keyword, template.pieces.count > 1,
            case .run(let set, let least, _) = template.pieces[1]
        {
            let members = TokenTemplate.members(of: set).compactMap(\.asciiValue)
            var words: [UInt64] = [0, 0, 0, 0]
            for byte in members { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
            firstRun = ((words[0], words[1]), (words[2], words[3]), least)
            followers = least > 0 ? members : []
        } else {
            firstRun = nil
            followers = source.followers.map { TokenTemplate.members(of: $0).compactMap(\.asciiValue) } ?? []
        }
    }

    /// A pattern that begins with what may not stand before the token, so that the tail of an escape (`\n`, `%0A`, `\u003d`) may.
    private static func orAfterEscape(_ pattern: String) -> String {
        guard pattern.hasPrefix("(?<!"), let end = pattern.firstRange(of: ")") else { return pattern }
        // Nor does it begin with the escape's own letter.
        let escapes =
            #"|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4}))(?!(?<=\\)[nrt])"#
        return "(?:" + pattern[..<end.upperBound] + escapes + pattern[end.upperBound...]
    }
}

/// A token format in short: fixed text and classes in braces, `ghp_{alnum:36}`, `{hex:32}`, `{b64url:20+}`, `{[A-Z]:4-8}`.
///
/// The lengths are `n`, `n+` or `n-m`. One format serves the rule's pattern and the samples that tests make of it.
struct TokenTemplate: Sendable {
    enum Piece: Sendable {
        case text(String)
        case run(set: String, least: Int, most: Int?)
    }

    let pieces: [Piece]

    /// The classes by name, as the inside of a bracket expression.
    static let sets: [String: String] = [
        "alnum": "A-Za-z0-9", "hex": "0-9a-f", "Hex": "0-9A-Fa-f", "HEX": "0-9A-F", "digit": "0-9", "lower": "a-z",
        "upper": "A-Z",
        "letter": "A-Za-z", "lowernum": "a-z0-9", "uppernum": "A-Z0-9", "word": "A-Za-z0-9_", "b64": "A-Za-z0-9+/",
        "b64url": "A-Za-z0-9_-", "b64pad": "A-Za-z0-9+/=", "base32": "A-Z2-7", "base58": "1-9A-HJ-NP-Za-km-z",
        "dotted": "A-Za-z0-9_.-", "token": "A-Za-z0-9_.~+/=-", "bech32": "023456789ac-hj-np-z",
    ]

    init(_ source: String) throws {
        func malformed(_ reason: String) -> OperatorError {
            OperatorError(
                "rules.format", doing: "reading a token format", subject: source, reason: reason, exit: .configuration)
        }
        var pieces: [Piece] = []
        var rest = Substring(source)
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
            guard let close = rest[open...].firstIndex(of: "}") else { throw malformed("a brace is not closed") }
            let body = rest[rest.index(after: open)..<close]
            rest = rest[rest.index(after: close)...]
            if body == "uuid" {
                for (index, length) in [8, 4, 4, 4, 12].enumerated() {
                    if index > 0 { pieces.append(.text("-")) }
                    pieces.append(.run(set: "0-9A-Fa-f", least: length, most: length))
                }
                continue
            }
            guard let colon = body.lastIndex(of: ":") else { throw malformed("a class has no length") }
            let name = body[..<colon]
            let length = body[body.index(after: colon)...]
            let set: String
            if name.hasPrefix("["), name.hasSuffix("]") {
                set = String(name.dropFirst().dropLast())
            } else if let known = Self.sets[String(name)] {
                set = known
            } else {
                throw malformed("no class is called \(name)")
            }
            let bounds = length.split(separator: "-").map { Int($0) }
            if length.hasSuffix("+"), let least = Int(length.dropLast()) {
                pieces.append(.run(set: set, least: least, most: nil))
            } else if bounds.count == 1, let exact = bounds[0] {
                pieces.append(.run(set: set, least: exact, most: exact))
            } else if bounds.count == 2, let least = bounds[0], let most = bounds[1], least <= most {
                pieces.append(.run(set: set, least: least, most: most))
            } else {
                throw malformed("\(length) is no length")
            }
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        self.pieces = pieces
    }

    /// The text before the first class.
    var fixedFront: String {
        if case .text(let text)? = pieces.first { text } else { "" }
    }

    /// The format as a PCRE2 expression that ends where the last class's bytes end.
    var expression: String {
        var out = ""
        for piece in pieces {
            switch piece {
            case .text(let text):
                for character in text {
                    if !character.isLetter, !character.isNumber, character != "_", character.isASCII { out += "\\" }
                    out.append(character)
                }
            case .run(let set, let least, let most):
                out += "[\(set)]" + (most == least ? "{\(least)}" : "{\(least),\(most.map(String.init) ?? "")}")
            }
        }
        if case .run(let set, _, let most)? = pieces.last, most != nil {
            out += set.hasSuffix("-") ? "(?![A-Za-z0-9_-])" : "(?![A-Za-z0-9_])"
        }
        return out
    }

    /// A string of this format, drawn from `random`; open lengths come out at their least.
    func sample(using random: inout some RandomNumberGenerator) -> String {
        var out = ""
        for piece in pieces {
            switch piece {
            case .text(let text): out += text
            case .run(let set, let least, _):
                let members = Self.members(of: set)
                for _ in 0..<least { out.append(members.randomElement(using: &random) ?? "0") }
            }
        }
        return out
    }

    /// The characters of a bracket expression.
    static func members(of set: String) -> [Character] {
        let characters = Array(set)
        var out: [Character] = []
        var index = 0
        while index < characters.count {
            if index + 2 < characters.count, characters[index + 1] == "-", let low = characters[index].asciiValue,
                let high = characters[index + 2].asciiValue, low <= high
            {
                out += (low...high).map { Character(UnicodeScalar($0)) }
                index += 3
            } else {
                out.append(characters[index])
                index += 1
            }
        }
        return out
    }
}
