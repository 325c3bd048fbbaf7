public import Support
public import SystemPackage

/// Presence and modes of the files of a home that hold credentials; their content is never read.
public struct CredentialFiles: Sendable, Hashable {
    public struct File: Sendable, Hashable {
        /// Relative to the home.
        public var path: FilePath
        public var status: FileStatus
        /// The home around it is closed to others, whatever the file's own mode says.
        public var isShielded: Bool

        public init(path: FilePath, status: FileStatus, isShielded: Bool = false) {
            self.path = path
            self.status = status
            self.isShielded = isShielded
        }

        /// Its mode lets others than the owner read or write it.
        public var isExposed: Bool { status.permissions & 0o077 != 0 }
    }

    public var files: [File]

    public var exposed: [File] { files.filter(\.isExposed) }

    /// The credential names of Hermes Agent 0.19.0: the union of its four lists and what they forget.
    public static let names: [String] = [
        ".env", "auth.json", ".anthropic_oauth.json", "auth/google_oauth.json", "google_token.json",
        "google_client_secret.json",
        "google_oauth_pending.json", "slack_tokens.json", "webhook_subscriptions.json", "shared/nous_auth.json",
        "cache/bws_cache.json",
        ".git-credentials", "config.yaml", "vault.key",
    ]

    /// Folders whose every file is a credential.
    public static let folders: [String] = [
        "mcp-tokens", "platforms/pairing", "pairing", "platforms/whatsapp/session", "whatsapp/session",
    ]

    /// Looks at the credential files of a home and of its profiles.
    public static func read(_ home: HomeLayout) throws(HomeFailure) -> CredentialFiles {
        let isShielded = try HomeFile.status(home.path).map { $0.permissions & 0o077 == 0 } ?? false
        var files = try read(home, prefix: "")
        for profile in try home.profileNames() {
            let inner = FilePath("profiles").appending(profile)
            files += try read(HomeLayout(home.path.pushing(inner)), prefix: inner)
        }
        for index in files.indices { files[index].isShielded = isShielded }
        return CredentialFiles(files: files)
    }

    private static func read(_ home: HomeLayout, prefix: FilePath) throws(HomeFailure) -> [File] {
        var files: [File] = []
        for name in names {
            guard let status = try HomeFile.status(home.path.pushing(FilePath(name))), status.kind == .file else {
                continue
            }
            files.append(File(path: prefix.pushing(FilePath(name)), status: status))
        }
        for name in folders {
            let folder = home.path.pushing(FilePath(name))
            guard try HomeFile.status(folder)?.kind == .directory else { continue }
            let entries: [[UInt8]]
            do {
                entries = try DirectoryListing.names(at: folder)
            } catch {
                throw HomeFailure(.permission, "\(error)")
            }
            for entry in entries.prefix(10_000) {
                let path = FilePath(bytes: Array(name.utf8) + [UInt8(ascii: "/")] + entry)
                guard let status = try HomeFile.status(home.path.pushing(path)), status.kind == .file else { continue }
                files.append(File(path: prefix.pushing(path), status: status))
            }
        }
        return files
    }
}
