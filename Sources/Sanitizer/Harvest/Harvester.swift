internal import Support
internal import Yams

/// Collects the secret values of a home's credential and settings files.
struct Harvester {
    /// What was found; goes into locked memory with ``KnownValues`` and is dropped then.
    var values: Set<[UInt8]> { found.union(unnamed.subtracting(settings)) }
    private var found: Set<[UInt8]> = []
    /// Values of environment files whose names say nothing.
    private var unnamed: Set<[UInt8]> = []
    /// Values that config.yaml has in the open, under names of settings.
    private var settings: Set<[UInt8]> = []
    private let detector: Detector
    /// Larger files are not learnt from, in bytes.
    static let largest = 8 << 20

    init(detector: Detector) { self.detector = detector }

    /// A value that is a secret whatever it looks like: a credential that the configuration names.
    mutating func add(credential bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        add(text, certain: true)
        for part in text.split(whereSeparator: \.isNewline) { add(part, certain: true) }
        harvestStructured(Array(bytes), mode: .all)
    }

    /// Learns the values of one file.
    ///
    /// - Parameter isDotenv: whether it is an environment file; by its name, when nothing else is known.
    /// - Returns: false for a config.yaml that is no YAML: its values are guessed line by line then.
    @discardableResult
    mutating func add(file bytes: [UInt8], name: [UInt8], mode: HarvestMode, isDotenv: Bool = false) throws -> Bool {
        guard mode != .none, bytes.count <= Harvester.largest else { return true }
        var text = TextEncoding.of(bytes).flatMap { $0.decoded(bytes) } ?? bytes
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text.removeFirst(3) }
        let base = Array(name.split(separator: UInt8(ascii: "/")).last ?? [])
        let file = String(decoding: base, as: UTF8.self).lowercased()
        var isUnderstood = true
        if isDotenv || file.hasPrefix(".env") || file.hasSuffix(".env") {
            harvestDotenv(text)
        } else if file == "config.yaml", !YAMLTree.isSettings(text) {
            isUnderstood = false
            harvestBroken(text, mode: mode)
        } else {
            harvestStructured(text, mode: mode, isConfig: file == "config.yaml")
        }
        // The detectors know formats that no key names: private keys, URLs with passwords, tokens in prose.
        let findings = try text.withUnsafeBytes { try detector.findings(in: $0, name: name) }
        for finding in findings {
            let secret = String(decoding: text[finding.range], as: UTF8.self)
            if secret.hasPrefix("-----BEGIN") || secret.contains("\n") {
                addLines(secret)
            } else {
                add(secret, certain: true)
            }
        }
        if text.starts(with: Array("-----BEGIN".utf8)) { addLines(String(decoding: text, as: UTF8.self)) }
        return isUnderstood
    }

    // MARK: Formats

    private mutating func harvestDotenv(_ bytes: [UInt8]) {
        for line in Dotenv.lines(bytes) {
            switch line {
            case .assignment(_, let key, let value):
                let name = String(decoding: key, as: UTF8.self)
                let text = String(decoding: value, as: UTF8.self)
                add(text, named: name)
                add(environment: text, name: name)
            case .commentedAssignment(_, let key, let value):
                let name = String(decoding: key, as: UTF8.self)
                let text = String(decoding: value, as: UTF8.self)
                add(text, named: name)
                // What is commented out may be an example.
                if SecretValues.looksRandom(text) { add(environment: text, name: name) }
            case .other(let line):
                // No assignment to python-dotenv, but someone meant one: `key: value`, `näme=value`, a bare token.
                let text = String(decoding: line, as: UTF8.self)
                if let separator = text.firstIndex(where: { $0 == "=" || $0 == ":" }) {
                    let head = text[..<separator].trimmingSpace()
                    let name = head.hasPrefix("export ") ? head.dropFirst(7).trimmingSpace() : head
                    // The rest is a shell's: `if [ "$x" = … ]`.
                    guard !name.isEmpty, !name.contains(where: \.isWhitespace) else { break }
                    let value = text[text.index(after: separator)...].trimmingSpace()
                    add(value, named: name)
                    add(environment: value, name: name)
                }
                if text.utf8.count >= 16, SecretValues.looksRandom(text) { add(text, certain: true) }
            case .comment(let comment):
                // `# Kim's router: x`: one word after a colon or an equals sign.
                let text = String(decoding: comment, as: UTF8.self)
                guard let separator = text.lastIndex(where: { $0 == "=" || $0 == ":" }) else { break }
                let value = text[text.index(after: separator)...].trimmingSpace()
                let name = text[..<separator].drop { $0 == "#" || $0.isWhitespace }.trimmingSpace()
                // A word of letters alone is prose.
                guard !name.isEmpty, !value.contains(where: \.isWhitespace), !value.hasPrefix("//"),
                    value.contains(where: \.isNumber), value.contains(where: \.isLetter)
                else { break }
                add(environment: value, name: name)
            case .blank: break
            }
        }
    }

    /// The values of a settings file that does not parse, each under the names that its indentation puts it below.
    private mutating func harvestBroken(_ bytes: [UInt8], mode: HarvestMode) {
        var above: [(indent: Int, name: String)] = []
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let indent = line.prefix { $0 == " " || $0 == "\t" }.utf8.count
            var text = line.trimmingSpace()
            guard !text.isEmpty, !text.hasPrefix("#") else { continue }
            above.removeAll { $0.indent >= indent }
            if text.hasPrefix("- ") { text = text.dropFirst(2).trimmingSpace() }
            let quotes: (Character) -> Bool = { "\"'".contains($0) }
            var name = "0"
            if let colon = text.firstIndex(where: { $0 == ":" || $0 == "=" }) {
                name = text[..<colon].trimmingSpace().trimming(quotes)
                text = text[text.index(after: colon)...].trimmingSpace()
            }
            let value = text.trimming { quotes($0) || $0.isWhitespace }
            if value.isEmpty {
                above.append((indent, name))
            } else {
                add(value, path: above.map(\.name) + [name], mode: mode)
                add(environment: value, name: name)
            }
        }
    }

    /// A value of an environment file: all of it and each of its parts that is a secret by itself.
    private mutating func add(environment value: String, name: String) {
        let text = value.trimmingSpace()
        for part in EnvironmentValues.randomParts(ofURL: text) { unnamed.insert(Array(part.utf8)) }
        guard !text.contains("-----BEGIN") else { return }
        let isSecret = EnvironmentValues.isSecret(text, name: name)
        if isSecret { unnamed.insert(Array(text.utf8)) }
        // Its lines, the items of a list, and what follows `user:`.
        var parts = text.split(whereSeparator: \.isNewline).map { $0.trimmingSpace() }
        if parts.count == 1, isSecret, !text.contains(" ") {
            parts = text.split(separator: ",").filter { SecretValues.looksRandom($0) }.map { $0.trimmingSpace() }
            if let colon = text.firstIndex(of: ":") { parts.append(String(text[text.index(after: colon)...])) }
            parts.removeAll { EnvironmentValues.isWordy($0) }
        }
        for part in parts where EnvironmentValues.isSecret(part, name: name) { unnamed.insert(Array(part.utf8)) }
    }

    private mutating func harvestStructured(_ bytes: [UInt8], mode: HarvestMode, isConfig: Bool = false) {
        var scalars: [(path: [String], value: String)] = []
        let isJSON = bytes.withUnsafeBytes { bytes in
            do {
                try JSONScanner.run(bytes) { scalar, bytes in
                    switch scalar.kind {
                    case .string: scalars.append((scalar.path, JSONScanner.unescaped(bytes, scalar.range)))
                    case .number: scalars.append((scalar.path, String(decoding: bytes[scalar.range], as: UTF8.self)))
                    case .boolean, .null: break
                    }
                }
                return true
            } catch { return false }
        }
        if isJSON {
            add(scalars, mode: mode)
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if let documents = YAMLTree.documents(bytes), documents.contains(where: { $0.scalar == nil }) {
            var scalars: [(path: [String], value: String)] = []
            for node in documents { YAMLTree.visit(node) { scalars.append(($0, $1.string)) } }
            add(scalars, mode: mode)
            if isConfig {
                for (path, value) in scalars
                where SecretNames.strength(ofPath: path).strength == .none && !SecretValues.looksRandom(value) {
                    settings.insert(Array(value.trimmingSpace().utf8))
                }
            }
            return
        }
        for line in text.split(whereSeparator: \.isNewline) {
            guard let separator = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else { continue }
            add(
                String(line[line.index(after: separator)...]).trimmingSpace(), named: line[..<separator].trimmingSpace()
            )
        }
    }

    // MARK: Values

    /// The values of a document in its order. In a list of command-line arguments an option names the item that follows it.
    private mutating func add(_ items: [(path: [String], value: String)], mode: HarvestMode) {
        for (index, item) in items.enumerated() {
            add(item.value, path: item.path, mode: mode)
            guard index > 0, item.path.last.flatMap({ Int($0) }) != nil, !item.value.hasPrefix("-") else { continue }
            let option = items[index - 1]
            guard option.value.hasPrefix("-"), !option.value.contains("="),
                option.path.dropLast() == item.path.dropLast()
            else { continue }
            add(item.value, named: option.value.drop { $0 == "-" })
        }
    }

    private mutating func add(_ value: String, path: [String], mode: HarvestMode) {
        // An element of a list is called what the list is called.
        guard let name = path.last(where: { Int($0) == nil }) else {
            if mode == .all, SecretValues.looksRandom(value), value.utf8.count >= 16 { add(value, certain: false) }
            return
        }
        let strength = SecretNames.strength(ofPath: path)
        if strength.isByParent, strength.strength == .certain {
            let isPassword = path.contains(where: SecretNames.isPassword)
            if !EnvironmentValues.isSetting(value) || isPassword && value.utf8.allSatisfy({ (48...57).contains($0) }) {
                add(value, certain: true, isPassword: isPassword)
            } else {
                addParts(value)
            }
        } else if strength.strength != .none {
            add(value, named: name)
        } else if mode == .all {
            let isPublic = path.contains {
                SecretNames.words($0).contains { ["public", "scope", "scopes"].contains($0) }
            }
            let words = SecretNames.words(name)
            let describes = ["id", "url", "uri", "at", "type", "email", "fingerprint", "version", "hash", "name"]
                .contains(words.last ?? "")
            if !isPublic, !describes, value.utf8.count >= 16, SecretValues.looksRandom(value) {
                add(value, certain: false)
            }
        } else {
            addParts(value)
        }
    }

    private mutating func add(_ value: String, named name: some StringProtocol) {
        switch SecretNames.strength(of: name) {
        case .certain:
            add(value, certain: true, isPassword: SecretNames.isPassword(name))
            for part in EnvironmentValues.randomParts(ofURL: value) { found.insert(Array(part.utf8)) }
        case .likely:
            if SecretValues.looksRandom(value) || SecretValues.isGroupedCode(value) {
                add(value, certain: false)
            } else {
                addParts(value)
            }
        case .none: addParts(value)
        }
    }

    private mutating func add(_ value: some StringProtocol, certain: Bool, isPassword: Bool = false) {
        let text = value.trimmingSpace()
        guard SecretValues.isDistinctive(text, isPassword: isPassword) else {
            addParts(text)
            return
        }
        if text.contains("-----BEGIN") {
            addLines(text)
        } else {
            found.insert(Array(text.utf8))
            // Each line is noted by itself, too.
            for line in text.split(whereSeparator: \.isNewline) {
                let line = line.trimmingSpace()
                if SecretValues.isDistinctive(line) { found.insert(Array(line.utf8)) }
            }
        }
        addParts(text)
    }

    /// The lines of a private key: each is enough to know it by.
    private mutating func addLines(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingSpace()
            if line.utf8.count >= 24, !line.contains(" "), SecretValues.isDistinctive(line) {
                found.insert(Array(line.utf8))
            }
        }
    }

    /// What is secret within a value: the password of a URL, what follows a scheme such as Bearer, `--token=x`, `password=x;`.
    private mutating func addParts(_ value: String) {
        guard value.utf8.count <= 16 << 10 else { return }
        for scheme in ["bearer ", "token ", "basic ", "apikey ", "bot "] where value.lowercased().hasPrefix(scheme) {
            let rest = String(value.dropFirst(scheme.count)).trimmingSpace()
            if SecretValues.isDistinctive(rest) { found.insert(Array(rest.utf8)) }
            if scheme == "basic ", let decoded = Base64.decoded(rest),
                let colon = decoded.firstIndex(of: UInt8(ascii: ":"))
            {
                let password = String(decoding: decoded[(colon + 1)...], as: UTF8.self)
                if SecretValues.isDistinctive(password) { found.insert(Array(password.utf8)) }
            }
        }
        // NUMBER:SECRET, as bots have it.
        if let colon = value.firstIndex(of: ":"), value[..<colon].utf8.count >= 6,
            value[..<colon].utf8.allSatisfy({ (48...57).contains($0) })
        {
            let rest = String(value[value.index(after: colon)...])
            if rest.utf8.count >= 20, SecretValues.isDistinctive(rest) { found.insert(Array(rest.utf8)) }
        }
        if let scheme = value.firstRange(of: "://") {
            let authority = value[scheme.upperBound...].prefix { !"/?# \"'".contains($0) }
            if let at = authority.lastIndex(of: "@") {
                let userinfo = authority[..<at]
                let password = userinfo.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                    .dropFirst().first
                for part in [password ?? userinfo].compactMap({ $0 }) {
                    for form in [String(part), Percent.decoded(part)]
                    where SecretValues.isDistinctive(form) && !SecretValues.isPlaceholder(form) {
                        found.insert(Array(form.utf8))
                    }
                }
            }
        }
        // Parameters: of a URL's query, of a connection string, of a command line.
        if value.contains("=") {
            for parameter in value.split(whereSeparator: { "?&; \t,".contains($0) }) {
                guard let equals = parameter.firstIndex(of: "=") else { continue }
                let name = parameter[..<equals]
                guard SecretNames.strength(of: name) != .none else { continue }
                let part = parameter[parameter.index(after: equals)...]
                for form in [String(part), Percent.decoded(part)] where SecretValues.isDistinctive(form) {
                    found.insert(Array(form.utf8))
                }
            }
        }
    }
}
