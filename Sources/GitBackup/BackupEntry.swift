public import Support
public import SystemPackage

/// One file of the sanitized tree as it goes into the backup folder.
public struct BackupEntry: Sendable {
    public enum Kind: Sendable, Hashable {
        case file, executable, symlink
    }

    public enum Source: Sendable {
        /// The last commit holds this very content already.
        case unchanged
        /// A file that nobody changes until the commit is done. It is the commit's: it may be moved into the work tree.
        case staged(FilePath)
        /// The content itself; of a symlink its target.
        case bytes([UInt8])
    }

    /// Relative to the backup folder, components joined with `/`; any bytes that git can name (see ``PathRule``).
    public var path: [UInt8]
    public var kind: Kind
    /// The id of the content as a blob; the commit is refused if the content has another.
    public var blob: ObjectID
    public var source: Source

    public init(path: [UInt8], kind: Kind, blob: ObjectID, source: Source) {
        self.path = path
        self.kind = kind
        self.blob = blob
        self.source = source
    }
}

/// A file as a commit holds it.
public struct StoredFile: Sendable, Hashable {
    public var blob: ObjectID
    public var kind: BackupEntry.Kind

    public init(kind: BackupEntry.Kind, blob: ObjectID) {
        self.kind = kind
        self.blob = blob
    }
}

extension BackupEntry.Kind {
    /// The mode that git stores.
    var mode: UInt32 {
        switch self {
        case .file: 0o100644
        case .executable: 0o100755
        case .symlink: 0o120000
        }
    }

    /// The permissions of a new file in the work tree, before the umask.
    var permissions: UInt32 { self == .executable ? 0o777 : 0o666 }

    init?(mode: UInt32) {
        switch mode {
        case 0o100644, 0o100664: self = .file
        case 0o100755: self = .executable
        case 0o120000: self = .symlink
        default: return nil
        }
    }
}
