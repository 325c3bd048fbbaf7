internal import Support
public import SystemPackage

/// Where the value of a credential comes from. The configuration never holds the value itself.
public enum CredentialReference: Sendable, Hashable, Codable {
    /// `$CREDENTIALS_DIRECTORY/NAME`, as LoadCredential= puts it there (systemd.exec(5)); outside a unit the file that the units load.
    case systemd(name: String)
    /// A regular file of mode 0600 or stricter, owned by this user; one newline at its end does not count.
    case file(FilePath)
    /// One key of a dotenv file that only its owner can read.
    case dotenv(FilePath, key: String)
    /// What a command prints, run without a shell.
    case command([String])
    /// An environment variable.
    case environment(name: String)

    /// Where the value comes from, for people: `file /etc/x`, `variable NAME`.
    public var source: String {
        switch self {
        case .systemd(let name): "systemd credential \(name)"
        case .file(let path): "file \(path.printable)"
        case .dotenv(let path, let key): "key \(key) of \(path.printable)"
        case .command(let arguments): "command \(arguments.first ?? "")"
        case .environment(let name): "variable \(name)"
        }
    }
}

/// A credential that the configuration declares under a name.
public struct CredentialDeclaration: Sendable, Hashable {
    public var name: String
    public var reference: CredentialReference
    public var position: SourcePosition
}
