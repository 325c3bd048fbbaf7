internal import GitBackup
internal import HTTP
internal import Jobs
internal import Sanitizer
internal import Support
internal import SystemPackage

/// The repository of a configuration and how to reach its remote.
struct RepositoryAccess: Sendable {
    let repository: BackupRepository
    let remote: RemoteAccess
    let config: RepositoryConfig
}

extension Session {
    func repository(_ configuration: Configuration) async throws -> RepositoryAccess {
        guard let config = configuration.repository else {
            throw OperatorError(
                "no-repository", doing: "looking for the repository", reason: "none is declared",
                advice: "add `repository:` to the configuration", exit: .configuration)
        }
        // Without a remote the repository stands for its own: there is nothing to fetch, and the push step does nothing.
        let address = try config.remote.map(RemoteAddress.init) ?? .local(config.path)
        var token: Secret?
        if let name = config.credential, case .http = address {
            token = try await credentials.token(name, in: configuration)
        }
        let identity = Identity(
            name: config.author?.name ?? "hermes-ops-runner",
            email: config.author?.email ?? "hermes-ops-runner@\(configuration.instance.id).invalid")
        let repository = try BackupRepository(
            .init(path: config.path, remote: address, branch: config.branch, identity: identity))
        return RepositoryAccess(
            repository: repository, remote: RemoteAccess(client: try client(configuration.network), token: token),
            config: config)
    }
}

extension Baseline {
    /// What the last commit holds.
    init(_ files: FileListing) { self.init(paths: files.paths, blobs: files.blobs) }
}

extension FileListing {
    /// A tree's files as the repository takes them.
    init(_ files: SanitizedFiles) {
        self.init(
            paths: files.paths,
            files: files.indices.map { index in
                let kind: BackupEntry.Kind =
                    switch files.kind(index) {
                    case .file: .file
                    case .executable: .executable
                    case .symlink: .symlink
                    }
                return StoredFile(kind: kind, blob: files.blob(index))
            })
    }
}
