internal import Support
internal import SystemPackage
internal import Yams

/// Paths, addresses and credentials.
extension ConfigurationReader {
    /// An absolute path, `~` expanded.
    func path(_ value: ConfigurationValue) -> FilePath? {
        value.parsed("an absolute path, or one that begins with ~/", expandedPath)
    }

    private func expandedPath(_ text: String) -> FilePath? {
        if text.contains("\u{0}") { return nil }
        if text == "~" { return home }
        if text.hasPrefix("~/") {
            let path = FilePath(String(text.dropFirst(2)))
            return path.isRelative ? home.pushing(path).lexicallyNormalized() : nil
        }
        return text.hasPrefix("/") ? FilePath(text).lexicallyNormalized() : nil
    }

    func remoteAddress(_ text: String) -> String? {
        if text.hasPrefix("/") || text.hasPrefix("~/") { return expandedPath(text)?.string }
        if Self.isAddress(text, schemes: ["https"], path: true) { return text }
        // Plain http reaches only this machine, and the program asks for a switch besides.
        let loopback = ["http://127.0.0.1", "http://[::1]", "http://localhost"]
        return loopback.contains { text.hasPrefix($0 + ":") || text.hasPrefix($0 + "/") }
            && Self.isAddress(text, schemes: ["http"], path: true) ? text : nil
    }

    static func webAddress(_ text: String) -> String? {
        isAddress(text, schemes: ["https"], path: true) || text.hasPrefix("http://127.0.0.1:") ? text : nil
    }

    /// `SCHEME://HOST[:PORT]`, with `path` also a path; no user information, no query, no fragment, printable ASCII only.
    static func isAddress(_ text: String, schemes: [String], path: Bool) -> Bool {
        guard let scheme = schemes.first(where: { text.hasPrefix($0 + "://") }) else { return false }
        let rest = text.dropFirst(scheme.count + 3)
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !rest.contains(where: { "@?#\\\"".contains($0) }) else {
            return false
        }
        let authority = rest.prefix { $0 != "/" }
        let tail = rest.dropFirst(authority.count)
        guard path || tail.isEmpty || tail == "/" else { return false }
        var host = authority
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            host = authority[..<colon]
            guard let port = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(port) else {
                return false
            }
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return host.count > 4 && host.dropFirst().dropLast().allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
        }
        return !host.isEmpty && host.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" }
    }

    /// The part of git-check-ref-format(1) that a branch's name can break.
    static func branchName(_ text: String) -> String? {
        let forbidden = " ~^:?*[\\\u{7F}"
        // git itself makes no branch of the name HEAD.
        guard !text.isEmpty, text != "HEAD", text.utf8.count <= 200, !text.hasPrefix("-"), !text.hasPrefix("/"),
            !text.hasSuffix("/"),
            !text.hasSuffix("."), !text.contains(".."), !text.contains("//"), !text.contains("@{"), text != "@",
            !text.unicodeScalars.contains(where: { $0.value < 0x20 || forbidden.unicodeScalars.contains($0) }),
            text.split(separator: "/").allSatisfy({ !$0.hasPrefix(".") && !$0.hasPrefix("-") && !$0.hasSuffix(".lock") }
            )
        else { return nil }
        return text
    }

    /// The name of a declared credential. What stands there may be the credential itself, so it is never repeated.
    func credential(_ value: ConfigurationValue, place: String) -> String? {
        guard case .scalar(let scalar) = value.node, !value.isNull else {
            value.report(
                "\"\(value.name)\" of \(place) needs the name of an entry of \"credentials\", found \(value.kind)")
            return nil
        }
        guard ScalarFormats.slug(scalar.string) != nil else {
            value.report(
                "\"\(value.name)\" of \(place) needs the name of an entry of \"credentials\"; what stands here is none (it is not "
                    + "repeated: it may be a secret)")
            return nil
        }
        references.append(.init(kind: .credential, name: scalar.string, place: place, position: value.position))
        return scalar.string
    }

    static let referenceHelp =
        "{ systemd: NAME }, { file: PATH }, { dotenv: PATH, key: NAME }, { command: [PROGRAM, ARGUMENT…] }, { env: NAME }"

    func readCredential(_ value: ConfigurationValue, place: String) -> CredentialReference? {
        guard case .mapping = value.node, let mapping = value.mapping(place) else {
            value.report(
                "\(place): a value stands where a credential reference belongs (it is not repeated here); allowed: "
                    + Self.referenceHelp)
            return nil
        }
        defer { mapping.finish() }
        let kinds = ["systemd", "file", "dotenv", "command", "env"].map { ($0, mapping.take($0)) }
        let key = mapping.take("key")
        let present = kinds.compactMap { kind, value in value.map { (kind, $0) } }
        guard present.count == 1, let (kind, source) = present.first else {
            // A mistyped key is reported by `finish` alone, with its suggestion.
            if present.count > 1 || mapping.entries.allSatisfy({ $0.name == "key" }) {
                value.report("\(place) needs exactly one source; allowed: \(Self.referenceHelp)")
            }
            return nil
        }
        if key != nil, kind != "dotenv" { key?.report("\"key\" goes with \"dotenv\" alone, in \(place)") }
        return reference(kind, source, key: key, place: place)
    }

    private func reference(
        _ kind: String, _ source: ConfigurationValue, key: ConfigurationValue?, place: String
    ) -> CredentialReference? {
        /// Like ``ConfigurationValue/parsed(_:_:)`` but without repeating what stands there.
        func hidden<Value>(_ value: ConfigurationValue, _ allowed: String, _ parse: (String) -> Value?) -> Value? {
            guard let text = value.text() else { return nil }
            if let parsed = parse(text) { return parsed }
            value.report(
                "\"\(value.name)\" of \(place) is not \(allowed) (what stands here is not repeated: it may be a secret)"
            )
            return nil
        }
        switch kind {
        case "systemd":
            return hidden(source, "the name of a systemd credential: letters, digits, '.', '-' and '_'") { text in
                let isName = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) }
                let isSafe =
                    !text.isEmpty && !text.hasPrefix(".") && text.count <= 255
                    && !CredentialScrubber.mayHoldSecret(text)
                return isName && isSafe ? .systemd(name: text) : nil
            }
        case "file":
            return hidden(source, "an absolute path, or one that begins with ~/", expandedPath).map { .file($0) }
        case "dotenv":
            let path = hidden(source, "an absolute path, or one that begins with ~/", expandedPath)
            guard let key else {
                source.report("\(place) lacks the key \"key\": which variable of the dotenv file")
                return nil
            }
            let name = hidden(key, "the name of a variable", ScalarFormats.variable)
            guard let path, let name else { return nil }
            return .dotenv(path, key: name)
        case "command":
            guard let list = source.list() else { return nil }
            let arguments = list.compactMap { $0.text() }
            guard let program = arguments.first, arguments.count == list.count else {
                if list.isEmpty { source.report("\"command\" of \(place) needs a program") }
                return nil
            }
            guard program.hasPrefix("/") || program.hasPrefix("~/") || !program.contains("/") else {
                list.first?.report("the program of \(place) needs an absolute path or a bare name")
                return nil
            }
            let resolved = program.hasPrefix("~/") ? expandedPath(program)?.string ?? program : program
            return .command([resolved] + arguments.dropFirst())
        default:
            return hidden(source, "the name of an environment variable", ScalarFormats.variable).map {
                .environment(name: $0)
            }
        }
    }
}
