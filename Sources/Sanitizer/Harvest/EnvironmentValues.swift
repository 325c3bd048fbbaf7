/// What an environment file's value is, where its name says nothing: a secret, unless it is plainly a setting.
///
/// In a home's `.env` a password has any name (`X`, `ROUTER`, `MQTT`), so that the value is asked what it is. A setting is told by a
/// name that says so (`SMTP_USER`, `CHAT_ID`) or by its own shape: a number, a duration, a place, a host, a model, a path.
enum EnvironmentValues {
    /// Whether the value of an assignment is a secret as a whole.
    static func isSecret(_ value: String, name: String) -> Bool {
        guard SecretValues.isDistinctive(value), !value.contains("://") else { return false }
        // A secret's own name has been heard before; here the rest of them are.
        switch kind(of: name) {
        case .identifier: return false
        case .setting:
            return SecretValues.looksRandom(value) && !isSetting(value) && !isWordy(value) && !isUUID(value)
        case .unknown: return !isSetting(value)
        }
    }

    /// Parts of a URL that let in whoever knows them: long random steps of its path, random parameters of its query.
    static func randomParts(ofURL value: String) -> [String] {
        guard let scheme = value.firstRange(of: "://") else { return [] }
        let rest = value[scheme.upperBound...].drop { !"/?#".contains($0) }
        return rest.split { "/?#&;,".contains($0) }.flatMap { step -> [String] in
            // A parameter's value, what follows `bot` and a colon, or the step itself.
            let part = step.firstIndex(of: "=").map { step[step.index(after: $0)...] } ?? step
            let forms = [String(part), Percent.decoded(part)]
            return forms.filter { $0.utf8.count >= 12 && SecretValues.isDistinctive($0) && !isWordy($0) }
        }
    }

    // MARK: Names

    private enum Kind { case identifier, setting, unknown }

    /// Whether a name says that its value is no secret, whatever stands around it.
    static func isSettingsName(_ name: String) -> Bool { kind(of: name) != .unknown }

    /// Who and where: not secret, however random it looks.
    private static let identifiers = words(
        """
        id ids user users username usernames name names address addresses channel channels chat chats group groups room rooms
        guild guilds thread account accounts workspace org organization organisation project team tenant number numbers owner
        owners admins sender senders recipient recipients device version revision commit hash sha sha256 checksum digest
        fingerprint public pubkey
        """)
    /// How something works: secret only where the value is a random string all the same.
    private static let settings = words(
        """
        email mail phone author source host hostname hosts port ports url uri urls endpoint domain domains server servers proxy
        proxies model models provider providers backend engine driver mode level format type kind style theme color colour
        language languages lang locale tz timezone region zone country city location path paths dir dirs directory folder root
        home file files shell editor pager browser terminal term command cmd args arguments options opts flags title label
        description prompt greeting message text subject footer persona voice timeout interval delay limit size count schedule
        cron date time at ttl bucket branch repo image tag tags env environment stage profile log loglevel enabled disabled debug
        verbose allowlist whitelist blocklist list index queue table schema extensions features toolsets tools skills plugins
        backends sources headers agent attributes
        """)

    private static func words(_ list: String) -> Set<String> {
        Set(list.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    private static func kind(of name: String) -> Kind {
        let words = SecretNames.words(name)
        guard let last = words.last else { return .unknown }
        if identifiers.contains(last) || words.contains("public") { return .identifier }
        if settings.contains(last) || words.first == "lc" { return .setting }
        return .unknown
    }

    // MARK: Shapes

    /// Whether a value is plainly no secret by its shape.
    static func isSetting(_ value: String) -> Bool {
        let lower = value.lowercased()
        if let open = value.firstRange(of: "${"), value[open.upperBound...].contains("}") { return true }
        if value.utf8.allSatisfy({ (48...57).contains($0) }) { return true }
        if isList(value) || isOptions(value) { return true }
        if isMeasure(lower) || isSchedule(value) { return true }
        if isHost(value) || isMailAddress(value) || isHandle(value) { return true }
        if isLocale(value) || isModel(lower) || isPlacePath(value) || isVersion(lower) { return true }
        return false
    }

    /// `a,b,c`, `["a", "b"]`, `name=x,name=y`: nothing but settings and short words.
    private static func isList(_ value: String) -> Bool {
        var text = value[...]
        if text.first == "[", text.last == "]" { text = text.dropFirst().dropLast() }
        let items = text.split { ",;".contains($0) }
        guard items.count > 1 || text.count < value.count || value.contains("=") else { return false }
        return items.allSatisfy { item in
            var item = item.trimmingSpace().trimming { "\"'".contains($0) }
            if let equals = item.firstIndex(of: "="), item[..<equals].allSatisfy({ $0.isLetter || "._-".contains($0) })
            {
                item = String(item[item.index(after: equals)...])
            } else if items.count == 1 {
                return text.count < value.count && (item.utf8.count < KnownValues.shortest || isSetting(item))
            }
            return isWordy(item) || !SecretValues.isDistinctive(item) && !item.contains("@") || isSetting(item)
        }
    }

    /// `--max-old-space-size=4096 -v`
    private static func isOptions(_ value: String) -> Bool {
        guard value.hasPrefix("-") else { return false }
        return value.split(separator: " ").allSatisfy { word in
            let option = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1)
            return option.allSatisfy { $0.utf8.count < KnownValues.shortest || isWordy(String($0)) }
        }
    }

    private static let units = words(
        """
        ms s sec secs second seconds m min mins minute minutes h hour hours d day days w week weeks month months year years b k kb
        kib mb mib g gb gib tb tib px x percent tokens bytes hz khz
        """)

    /// `30 minutes`, `1h30m`, `512 MiB`
    private static func isMeasure(_ value: String) -> Bool {
        guard value.first?.isNumber == true else { return false }
        return value.split { $0.isNumber || $0 == "." || $0 == " " }.allSatisfy { units.contains(String($0)) }
    }

    /// `0 9 * * 1-5`
    private static func isSchedule(_ value: String) -> Bool {
        let fields = value.split(separator: " ")
        return (5...6).contains(fields.count)
            && fields.allSatisfy { $0.allSatisfy { $0.isNumber || "*,-/?".contains($0) } }
    }

    /// `db.example.org:5432`, `nas-2.local`, `[::1]:8080`
    private static func isHost(_ value: String) -> Bool {
        let colon = value.lastIndex(of: ":")
        let port = colon.map { value[value.index(after: $0)...] } ?? ""
        let hasPort = (1...5).contains(port.utf8.count) && port.allSatisfy(\.isNumber)
        let host = colon.map { hasPort ? value[..<$0] : value[...] } ?? value[...]
        if value.contains(":"), value.allSatisfy({ $0.isHexDigit || "[]:.%".contains($0) }),
            value.count(where: { $0 == ":" }) > 1
        {
            return true
        }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard hasPort || labels.count > 1, labels.allSatisfy({ isWordy(String($0)) && !$0.isEmpty }) else {
            return false
        }
        return !host.contains { !($0.isASCII && ($0.isLowercase || $0.isNumber) || ".-_".contains($0)) }
            && (hasPort || labels.last?.allSatisfy(\.isLetter) == true)
    }

    private static func isMailAddress(_ value: String) -> Bool {
        let parts = value.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && !value.contains(" ") && !value.contains(":")
            && isHost(String(parts[1]))
    }

    private static func isHandle(_ value: String) -> Bool {
        value.hasPrefix("@") && isWordy(String(value.dropFirst()))
    }

    /// `en_US.UTF-8`, `Europe/Berlin`
    private static func isLocale(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        if bytes.count >= 5, bytes[2] == UInt8(ascii: "_"), value.prefix(2).allSatisfy(\.isLowercase),
            value.dropFirst(3).prefix(2).allSatisfy(\.isUppercase)
        {
            return bytes.count == 5 || bytes[5] == UInt8(ascii: ".") || bytes[5] == UInt8(ascii: "@")
        }
        let parts = value.split(separator: "/")
        return (2...3).contains(parts.count)
            && parts.allSatisfy {
                $0.first?.isUppercase == true && isWordy(String($0)) && !$0.contains(where: \.isNumber)
            }
    }

    private static let modelFamilies = words(
        """
        claude gpt chatgpt gemini gemma llama mistral mixtral ministral codestral devstral magistral pixtral qwen qwq deepseek
        grok kimi glm minimax hermes nemotron whisper tts dall nomic bge sdxl codellama olmo
        """)

    /// `anthropic/claude-sonnet-4.5`, `qwen2.5-coder:32b`
    private static func isModel(_ value: String) -> Bool {
        let steps = value.split(separator: "/")
        guard let model = steps.last, isWordy(value), !value.contains(" ") else { return false }
        return modelFamilies.contains(String(model.prefix(while: \.isLetter))) || steps.count == 2
    }

    /// A path by its form, each step made of words: `config/voice.yaml`, `C:\\Users\\kim`, `/a/b:/c/d`.
    private static func isPlacePath(_ value: String) -> Bool {
        let isRooted =
            ["/", "~/", "./", "../"].contains { value.hasPrefix($0) } || value.dropFirst().hasPrefix(":\\")
            || value.first == "$"
                && value.dropFirst().drop { $0.isUppercase || $0 == "_" }.first.map { $0 == "/" || $0 == ":" } ?? false
        let steps = value.split { "/\\:".contains($0) }
        let ending = value.split(separator: ".").last.map(String.init) ?? ""
        let isFile = value.contains(".") && (2...5).contains(ending.utf8.count) && ending.allSatisfy(\.isLetter)
        guard isRooted || (steps.count > 1 || isFile) && !value.contains(":") && !value.contains(" ") else {
            return false
        }
        return !steps.isEmpty && steps.allSatisfy { isWordy(String($0.drop { "~$.".contains($0) })) }
            && (isRooted || isFile || steps.count > 2)
    }

    private static func isVersion(_ value: String) -> Bool {
        let text = value.hasPrefix("v") ? value.dropFirst() : value[...]
        return text.first?.isNumber == true
            && text.split { ".-+".contains($0) }.allSatisfy { part in
                part.allSatisfy(\.isNumber) || ["alpha", "beta", "rc", "dev", "post"].contains { part.hasPrefix($0) }
            }
    }

    private static func isUUID(_ value: String) -> Bool {
        value.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count) == [8, 4, 4, 4, 12]
            && value.allSatisfy { $0.isHexDigit || $0 == "-" }
    }

    /// Whether a value is words and small numbers, joined by what joins words: `web-search-2`, `HomeAssistant`, `gpt-4o`.
    static func isWordy(_ value: String) -> Bool {
        let pieces = value.split { "-_.:/ @+".contains($0) }
        return !pieces.isEmpty && pieces.allSatisfy(isWord)
    }

    private static func isWord(_ piece: Substring) -> Bool {
        if piece.allSatisfy(\.isNumber) { return piece.utf8.count <= 8 }
        guard piece.allSatisfy({ $0.isLetter || $0.isNumber }) else { return false }
        // A number before or after the letters, not among them.
        let digits = piece.count(where: \.isNumber)
        let core = piece.drop(while: \.isNumber)
        let letters = core.prefix(while: \.isLetter)
        guard letters.count + digits == piece.count, digits <= 4,
            piece.count - core.count == 0 || letters.count == core.count
        else { return false }
        if letters.count <= 2 { return true }
        // Letters are cased as words are: alike but for capitals that begin one, and with vowels among them.
        let capitals = letters.dropFirst().count(where: \.isUppercase)
        guard capitals == 0 || capitals == letters.count - 1 || capitals * 4 <= letters.count else { return false }
        guard letters.count > 5 else { return true }
        let vowels = letters.lowercased().count { "aeiouyäöüáéíóúàèâêîôûãõ".contains($0) }
        return letters.count <= 24 && vowels * 6 >= letters.count
    }
}

extension String {
    func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        var text = self[...]
        while let first = text.first, isTrimmed(first) { text.removeFirst() }
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return String(text)
    }
}
