internal import Bundles
internal import HermesHome
internal import Jobs
internal import Logging
internal import Sanitizer
internal import Support
internal import SystemPackage

extension Session {
    private var bundleStaging: FilePath { stateDirectory.appending("bundle-staging") }

    /// Takes away the private copies of databases that a killed bundle left.
    func sweepBundleStaging() {
        guard (try? FileStatus(at: bundleStaging)) != nil else { return }
        do {
            try BundleWriter.sweepStaging(bundleStaging)
        } catch {
            logger.warning("what a killed bundle left in \(bundleStaging.printable) stays: \(error)")
        }
    }

    /// What a bundle of the configuration's home is made from.
    func bundleRequest(_ configuration: Configuration, target: BundleRequest.Target) throws -> BundleRequest {
        guard let config = configuration.bundle else {
            throw OperatorError(
                "no-recipients", doing: "creating a bundle", reason: "no recipients are declared",
                advice: "make a key with `hermes-ops-runner keys generate` and name its public key under `bundle:`",
                exit: .configuration)
        }
        let home = configuration.instance.hermesHome
        try HomeInspection.require(home)
        let policy = try policy(configuration.sanitizer)
        var request = BundleRequest(
            instance: configuration.instance.id, home: home,
            recipients: try config.recipients.map { try AgeRecipient($0) },
            target: target, staging: bundleStaging, runnerVersion: Version.current
        ) { path, status in
            // Only what can be made again is left out: secrets are what a bundle is for.
            if status.kind == .directory {
                return policy.pruning(path).map { .skip(reason: $0.reason) } ?? .include
            }
            let decision = policy.decision(for: path)
            return decision.action == .skip ? .skip(reason: decision.reason) : .include
        }
        request.compressionLevel = config.compressionLevel
        request.selection = policy.hash
        return request
    }

    /// Identities from files as age-keygen writes them, and from the configuration's credentials.
    func identities(
        files: [FilePath], credentials names: [String] = [], passphrase: Secret? = nil,
        in configuration: Configuration? = nil
    ) async throws -> [AgeIdentity] {
        var identities = try files.flatMap { try IdentityFile.load($0, passphrase: passphrase) }
        for credential in names {
            guard let configuration else { break }
            let secret = try await credentials.resolve(credential, in: configuration)
            var text = secret.withUnsafeBytes { Array($0) }
            defer { wipe(&text) }
            identities += try IdentityFile.parse(text, name: "credential \(credential)")
        }
        if let passphrase { identities.append(.passphrase(passphrase)) }
        guard !identities.isEmpty else {
            throw OperatorError(
                "no-identity", doing: "opening a bundle", reason: "no identity was given",
                advice: "name one with --identity",
                exit: .usage)
        }
        return identities
    }
}
