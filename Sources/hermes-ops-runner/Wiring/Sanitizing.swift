internal import HermesHome
internal import Jobs
internal import Sanitizer
internal import Support
internal import SystemPackage

extension Session {
    /// The sanitizer that the configuration describes, with the credentials it names among the values that are searched for.
    ///
    /// - Parameter keepingKey: false for commands that write nothing.
    func sanitizer(_ configuration: Configuration, keepingKey: Bool = true) async throws -> Sanitizer {
        var options = SanitizerOptions(
            instance: configuration.instance.id, policy: try policy(configuration.sanitizer),
            fingerprintKey: try fingerprintKey(keeping: keepingKey))
        options.maxFileSize = configuration.sanitizer.maxFileSize
        for declaration in configuration.credentials.values {
            // One that this process cannot have is not in its hands either.
            guard let secret = try? await credentials.resolve(declaration.reference, name: declaration.name) else {
                continue
            }
            options.knownSecrets.append(secret)
        }
        return try Sanitizer(options)
    }

    /// A sanitizer without a configuration: the built-in policy, or none at all.
    func sanitizer(policy: SanitizerConfig.Policy) throws -> Sanitizer {
        try Sanitizer(
            SanitizerOptions(
                instance: "home", policy: policy == .hermes ? Policy.hermes() : .content,
                fingerprintKey: try fingerprintKey()))
    }

    func policy(_ sanitizer: SanitizerConfig) throws -> Policy {
        guard sanitizer.policy == .hermes else { return .content }
        return try Policy.hermes(
            rules: sanitizer.rules.map { rule in
                PolicyRule(
                    path: rule.path, action: PolicyAction(rule.action), reason: rule.reason,
                    origin: rule.position.description)
            })
    }
}

extension PolicyAction {
    init(_ action: SanitizerConfig.Action) {
        self =
            switch action {
            case .keep: .keep
            case .redact: .redact
            case .exclude: .exclude
            case .skip: .skip
            }
    }
}
