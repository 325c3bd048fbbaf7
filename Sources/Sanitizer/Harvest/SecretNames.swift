/// What a name says about its value.
enum SecretNames {
    enum Strength {
        /// The value is a secret unless it is a placeholder.
        case certain
        /// The value is a secret if it looks like one: `key`, `token`, `auth`.
        case likely
        case none
    }

    /// Names of Hermes' own masks, its credential pool, and what people call such things.
    private static let certainWords: Set<String> = [
        "password", "passwd", "passphrase", "passcode", "pwd", "pass", "secret", "secrets", "apikey", "pin", "mnemonic",
        "passwort",
        "kennwort", "contraseña", "contrasena", "senha", "motdepasse", "totp", "otp", "privatekey", "secretkey",
        "accesskey", "authtoken",
        "accesstoken", "refreshtoken", "idtoken", "clientsecret", "appsecret", "apitoken", "bottoken", "bearer", "jwt",
        "credential",
        "credentials", "cookie", "cookies", "verifier", "psk", "pw", "passwords", "passphrases", "passcodes", "apikeys",
        "passwörter", "kennwörter",
    ]
    private static let likelyWords: Set<String> = [
        "key", "token", "tokens", "auth", "authorization", "seed", "salt", "signature", "dsn", "private", "keydata",
    ]
    /// What lists of secrets are called: their items are named after what they open.
    private static let collectionWords: Set<String> = [
        "secrets", "passwords", "passphrases", "passcodes", "tokens", "credentials", "apikeys", "pins", "passwörter",
        "kennwörter", "cookies",
    ]
    /// Before `key`: what kind of key is secret beyond doubt.
    private static let keyQualifiers: Set<String> = [
        "api", "access", "private", "secret", "session", "signing", "encryption", "master", "agent", "account",
        "storage", "server",
        "service", "license", "noise", "identity", "shared", "webhook", "subscription", "recovery", "admin", "app",
        "application",
    ]
    /// A last word that makes it a description of the secret, not the secret.
    private static let descriptions: Set<String> = [
        "file", "path", "name", "id", "ids", "type", "url", "uri", "count", "counts", "limit", "max", "min", "env",
        "ttl", "expires", "expiry",
        "length", "size", "hint", "policy", "fingerprint", "format", "header", "prefix", "suffix", "enabled",
        "required", "at", "in", "date", "time",
        "timeout", "budget", "usage", "used", "public", "endpoint", "host", "port", "mode", "method", "provider",
        "version", "algorithm", "scope",
        "scopes", "index", "strength", "strategy", "days", "seconds", "minutes", "location", "dir", "directory",
        "command", "status", "error",
        "model", "field", "fields", "var", "variable", "label", "reset", "rotation", "map", "binding", "bindings",
    ]
    private static let safe: Set<String> = [
        "max_tokens", "min_tokens", "token_type", "client_id", "public_key", "publickey", "secret_fingerprint",
        "redact_secrets", "primary_key",
        "foreign_key", "session_key", "idempotency_key", "cache_key", "sort_key", "partition_key", "key_path",
        "keyboard", "hotkey", "shortcut",
    ]

    /// The words of a name in lower case: camelCase, kebab-case, snake_case and dotted names alike.
    static func words(_ name: some StringProtocol) -> [String] {
        var words: [String] = []
        var word = ""
        var previous: Character = " "
        for character in name {
            if character.isLetter || character.isNumber {
                if character.isUppercase, previous.isLowercase || previous.isNumber, !word.isEmpty {
                    words.append(word)
                    word = ""
                }
                word += character.lowercased()
            } else if !word.isEmpty {
                words.append(word)
                word = ""
            }
            previous = character
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// Whether a name holds several secrets, each under a name of its own: `secrets: {wifi: …}`, `api_keys: {mail: …}`.
    static func isCollection(_ name: String) -> Bool {
        let words = words(name)
        guard let last = words.last, words.count <= 2 else { return false }
        if last == "tokens" || last == "cookies" {
            return words.count == 1 || words[0] == "api" || words[0] == "access"
        }
        return collectionWords.contains(last) || last == "keys" && words.count == 2 && keyQualifiers.contains(words[0])
    }

    /// What a key path says about its value. What stands under `passwords:` is one, whatever it is called, unless its own name
    /// describes one.
    static func strength(ofPath path: [String]) -> (strength: Strength, isByParent: Bool) {
        // An element of a list is called what the list is called.
        let names = path.filter { Int($0) == nil }
        guard let name = names.last else { return (.none, false) }
        let own = strength(of: name)
        let last = words(name).last ?? ""
        if own == .certain || descriptions.contains(last) || words(name).contains("public") { return (own, false) }
        if isCollection(name) { return (path.last == name ? own : .certain, true) }
        let parents = names.dropLast().suffix(2).reversed()
        guard let distance = parents.firstIndex(where: isCollection) else { return (own, false) }
        // Next to a password further in stand the user and the host that it is for.
        if parents.distance(from: parents.startIndex, to: distance) > 0, EnvironmentValues.isSettingsName(name) {
            return (own, false)
        }
        return (.certain, true)
    }

    static func strength(of name: some StringProtocol) -> Strength {
        guard name.utf8.count <= 200 else { return .none }
        let words = words(name)
        guard let last = words.last else { return .none }
        let joined = words.joined(separator: "_")
        if joined == "session_key" { return .likely }
        if safe.contains(joined) || descriptions.contains(last) || words.contains("public") { return .none }
        if joined.hasSuffix("_tokens") { return .none }
        for (index, word) in words.enumerated() {
            if certainWords.contains(word) { return .certain }
            if word == "key", index > 0, keyQualifiers.contains(words[index - 1]) { return .certain }
            if word == "token", index > 0 { return .certain }
        }
        // Names such as APIKEY and dbpassword.
        if ["password", "passwd", "secret", "apikey", "passphrase"].contains(where: { last.hasSuffix($0) }) {
            return .certain
        }
        if words.contains(where: likelyWords.contains) || last.hasSuffix("token") || last.hasSuffix("key") {
            return .likely
        }
        return .none
    }
}

extension SecretNames {
    private static let passwordWords: Set<String> = [
        "password", "passwd", "passphrase", "passcode", "pwd", "pass", "pw", "passwort", "kennwort", "contraseña",
        "contrasena", "senha", "motdepasse", "passwords", "passphrases", "passwörter", "kennwörter", "psk",
    ]

    /// Whether a name says that people chose its value: a password, not a token.
    static func isPassword(_ name: some StringProtocol) -> Bool {
        guard strength(of: name) == .certain, let last = words(name).last(where: { !$0.allSatisfy(\.isNumber) }) else {
            return false
        }
        return passwordWords.contains(last) || ["password", "passwd", "passphrase"].contains { last.hasSuffix($0) }
    }
}

/// What a value says about itself.
enum SecretValues {
    /// References, placeholders, masks and empty values: nothing to protect. Only the whole value says so; a password may hold any word.
    static func isPlaceholder(_ value: some StringProtocol) -> Bool {
        let text = value.trimmingSpace()
        if text.isEmpty { return true }
        let lower = text.lowercased()
        for (open, close) in [("${", "}"), ("$(", ")"), ("{{", "}}"), ("%(", ")"), ("<%", "%>"), ("«", "»")]
        where lower.hasPrefix(open) {
            // What follows the reference can be a path, and no secret.
            guard let end = text.ranges(of: close).last else { continue }
            let rest = String(text[end.upperBound...])
            if rest.utf8.count < KnownValues.shortest || EnvironmentValues.isWordy(rest) { return true }
        }
        if lower.first == "$", lower.dropFirst().allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }),
            text.dropFirst().allSatisfy({ !$0.isLowercase })
        {
            return true
        }
        if lower.first == "<", lower.last == ">" {
            return !lower.contains(where: \.isNumber) || EnvironmentValues.isWordy(String(text.dropFirst().dropLast()))
        }
        if lower.hasPrefix("redacted_") { return true }
        for reference in ["env:", "vault:"] where lower.hasPrefix(reference) {
            return EnvironmentValues.isWordy(String(text.dropFirst(reference.count)).replacing("#", with: "/"))
        }
        if [
            "null", "none", "nil", "true", "false", "yes", "no", "on", "off", "changeme", "change-me", "change_me",
            "todo", "tbd", "example",
            "placeholder", "redacted", "unset", "default", "auto", "disabled", "enabled",
        ].contains(lower) {
            return true
        }
        if isInstruction(lower) || isCutShort(lower) { return true }
        // xxxxxxxx, ********, 0000
        return Set(lower.utf8.filter { !"-_ ".utf8.contains($0) }).count <= 1
    }

    /// `your-api-key-here`, `replace_with_token`, `my_secret_key_2`: words alone, and such as name what belongs there.
    private static func isInstruction(_ lower: String) -> Bool {
        let words = lower.split { "-_ .".contains($0) }
        guard let first = words.first, words.count > 1 || first.hasPrefix("replace") || first.hasPrefix("your"),
            words.allSatisfy({ $0.allSatisfy(\.isLetter) || $0.utf8.count <= 2 && $0.allSatisfy(\.isNumber) })
        else { return false }
        if first.hasPrefix("your") || first.hasPrefix("replace") || words.last == "here" { return true }
        return ["my", "insert", "enter", "put", "paste", "add", "change", "set"].contains(first)
            && named.contains(String(words.last { !$0.allSatisfy(\.isNumber) } ?? ""))
    }

    /// What placeholders end in.
    private static let named: Set<String> = [
        "key", "apikey", "token", "secret", "password", "passwd", "pass", "passphrase", "value", "id", "name",
        "username",
        "credential", "credentials", "here", "it", "this", "me",
    ]
    private static let placeholderWords = Set(
        PlaceholderWords.words.split(whereSeparator: \.isWhitespace).map(String.init))

    /// `sk-...`, `...f4a9`, `sk-or-...f4a9`: a key of which no more than the beginning or four characters at the end are shown.
    private static func isCutShort(_ lower: String) -> Bool {
        guard let dots = lower.firstRange(of: "...") ?? lower.firstRange(of: "…") else { return false }
        let rest = lower[dots.upperBound...].drop { ".…".contains($0) }
        return rest.utf8.count <= 4 || rest.contains("...") || rest.contains("…")
    }

    /// Whether a value under a name that is only likely secret is one: no word, no sentence, no path, no setting.
    static func looksRandom(_ value: some StringProtocol) -> Bool {
        let bytes = Array(value.utf8)
        guard bytes.count >= 8, !bytes.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) else { return false }
        let digits = bytes.count { (48...57).contains($0) }
        let upper = bytes.count { (65...90).contains($0) }
        let lower = bytes.count { (97...122).contains($0) }
        let letters = upper + lower
        guard letters > 0, digits + letters > bytes.count * 3 / 4 else { return false }
        if digits > 0, letters > 0, Set(bytes).count >= 6 { return !isDate(bytes) }
        return bytes.count >= 16 && upper > 1 && lower > 1 && Set(bytes).count >= 10
    }

    /// Random letters and digits in groups, as people copy them: `AbCd12 MnOp34`, or a line each.
    static func isGroupedCode(_ value: some StringProtocol) -> Bool {
        let groups = value.split(whereSeparator: \.isWhitespace)
        guard (2...64).contains(groups.count), value.utf8.count <= 16 << 10 else { return false }
        let sizes = groups.map(\.utf8.count)
        let isEven = groups.count > 2 && sizes[0] >= 4 && sizes.allSatisfy { $0 == sizes[0] }
        return isEven || groups.allSatisfy { looksRandom($0) }
    }

    private static func isDate(_ bytes: [UInt8]) -> Bool {
        Timestamp8601.matches(bytes)
    }

    private enum Timestamp8601 {
        static func matches(_ bytes: [UInt8]) -> Bool {
            bytes.count >= 10 && bytes[4] == 45 && bytes[7] == 45 && bytes[..<4].allSatisfy { (48...57).contains($0) }
        }
    }

    private static let commonWords: Set<String> = [
        "password", "passwort", "sunshine", "princess", "football", "baseball", "computer", "internet", "telegram",
        "whatsapp", "anthropic",
        "openrouter", "localhost", "production", "development", "staging", "username", "administrator", "database",
        "postgres", "postgresql",
        "disabled", "required", "optional", "security", "personal", "business", "everyone", "everybody", "anonymous",
        "assistant",
    ]

    /// Whether a value may be searched for in other files: long enough, and nothing that stands there by itself.
    ///
    /// - Parameter isPassword: its name says that it is one, so that words joined by hyphens are a passphrase and no identifier.
    static func isDistinctive(_ value: some StringProtocol, isPassword: Bool = false) -> Bool {
        let bytes = Array(value.utf8)
        guard bytes.count >= KnownValues.shortest, bytes.count <= 16 << 10, !isPlaceholder(value) else { return false }
        let lower = value.lowercased()
        if commonWords.contains(lower) { return false }
        if bytes.allSatisfy({ (48...57).contains($0) }) {
            return bytes.count >= 12 || isPassword && isChosenNumber(lower)
        }
        // Numbers with signs and points, times, dates, versions, addresses.
        if bytes.allSatisfy({ (48...57).contains($0) || "+-.:/,TZ ".utf8.contains($0) }) { return false }
        if isDate(bytes), EnvironmentValues.isWordy(String(decoding: bytes[10...], as: UTF8.self)) || bytes.count == 10
        {
            return false
        }
        let letters = bytes.allSatisfy { EncodedForms.isWord($0) && !(48...57).contains($0) }
        if letters, bytes.count < 16 {
            // One word, perhaps capitalised, is found in prose; anything else with letters alone is a code.
            let capitals = bytes.dropFirst().count { (65...90).contains($0) }
            if capitals == 0 || capitals == bytes.count - 1 { return !EnvironmentValues.isWordy(String(value)) }
        }
        if lower.hasPrefix("http://") || lower.hasPrefix("https://") { return false }
        if isPath(bytes) { return false }
        // An identifier of words (claude-sonnet, my_table_name) is no secret by itself.
        if !bytes.contains(where: { (48...57).contains($0) || (65...90).contains($0) || $0 >= 0x80 }),
            bytes.allSatisfy({ (97...122).contains($0) || "-_./".utf8.contains($0) }), bytes.count < 20,
            EnvironmentValues.isWordy(String(value)), !(isPassword && isPassphrase(lower))
        {
            return false
        }
        return true
    }

    /// Two words or more, joined, of which at least half are none that say what belongs there: `use-keyring`, `from-environment`.
    private static func isPassphrase(_ lower: String) -> Bool {
        // With dots it is a host's name as well.
        guard lower.utf8.count >= 12, !lower.contains("/"), !lower.contains("."), lower != "home-assistant" else {
            return false
        }
        let words = lower.split { "-_".contains($0) }
        let telling = words.count { placeholderWords.contains(String($0)) }
        return words.count > 1 && telling * 2 < words.count
    }

    /// Eight digits or more that are no date, nor the digits in their order.
    private static func isChosenNumber(_ digits: String) -> Bool {
        Set(digits).count >= 5 && !digits.hasPrefix("19") && !digits.hasPrefix("20")
            && !"01234567890123456789".contains(digits) && !"98765432109876543210".contains(digits)
    }

    private static func isPath(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("/") || text.hasPrefix("~/") || text.hasPrefix("./") || text.hasPrefix("../") else {
            return false
        }
        let parts = text.split(separator: "/")
        return parts.count > 1
            && parts.allSatisfy {
                $0.count < 20 && !($0.contains(where: \.isUppercase) && $0.contains(where: \.isNumber))
            }
    }
}

extension StringProtocol {
    func trimmingSpace() -> String {
        var bytes = Array(utf8)[...]
        while let first = bytes.first, first <= 0x20 { bytes.removeFirst() }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
