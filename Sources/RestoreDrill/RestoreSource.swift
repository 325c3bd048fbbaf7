public import Bundles
public import GitBackup
internal import Support
public import SystemPackage

/// Where a restore takes a home from.
public enum RestoreSource: Sendable {
    case repository(RepositoryOrigin)
    case bundle(BundleOrigin)
    /// The repository first, then the bundle laid over it.
    case both(RepositoryOrigin, BundleOrigin)

    /// As receipts name it: `repository`, `store`, `file` or `both`.
    public var label: String {
        switch self {
        case .repository: "repository"
        case .bundle(let bundle): bundle.type.rawValue
        case .both: "both"
        }
    }
}

/// The repository that carries the sanitized backup.
public struct RepositoryOrigin: Sendable {
    public var repository: BackupRepository
    public var access: RemoteAccess
    /// The work tree on this machine in place of a fresh clone of the remote.
    public var isLocal: Bool

    public init(_ repository: BackupRepository, access: RemoteAccess, isLocal: Bool = false) {
        self.repository = repository
        self.access = access
        self.isLocal = isLocal
    }
}

/// A bundle, and what opens it.
public struct BundleOrigin: Sendable {
    public enum Kind: String, Sendable {
        case store, file
    }

    public var type: Kind
    public var identities: [AgeIdentity]
    /// Brings the bundle into a private folder, or finds it where it lies; the path is read and left as it is.
    public var fetch: @Sendable (_ folder: FilePath) async throws -> FilePath

    /// A bundle that is fetched when the restore begins, such as the newest of a store.
    public init(identities: [AgeIdentity], fetch: @escaping @Sendable (_ folder: FilePath) async throws -> FilePath) {
        type = .store
        self.identities = identities
        self.fetch = fetch
    }

    /// A bundle in a file.
    public init(file: FilePath, identities: [AgeIdentity]) {
        type = .file
        self.identities = identities
        fetch = { _ in file }
    }
}
