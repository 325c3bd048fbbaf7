public import SystemPackage

/// What one OS user's configuration declares: everything that a run needs to know, checked and with its defaults filled in.
///
/// Made by ``ConfigurationLoader``. Each default is written at its property.
public struct Configuration: Sendable {
    /// The file that was asked for, and every file that `include:` brought in, in the order of reading.
    public var files: [FilePath]
    public var instance: InstanceConfig
    public var hermes: HermesConfig
    public var credentials: [String: CredentialDeclaration]
    /// Nil when no repository is declared; then no job has a step that needs one.
    public var repository: RepositoryConfig?
    public var sanitizer: SanitizerConfig
    /// Nil when no bundles are declared; then no job has a step that makes one.
    public var bundle: BundleConfig?
    public var stores: [String: StoreConfig]
    public var network: NetworkConfig
    public var notify: NotifyConfig
    public var snapshot: SnapshotConfig
    public var watchdog: WatchdogConfig
    /// In the order of the files.
    public var jobs: [JobDeclaration]
    /// What is allowed but not wise.
    public var warnings: [ConfigurationIssue]

    public func job(named name: String) -> JobDeclaration? { jobs.first { $0.name == name } }
}

/// `instance:`
public struct InstanceConfig: Sendable, Hashable {
    /// `[a-z][a-z0-9-]{0,31}`
    public var id: String
    /// For people; the id when absent.
    public var label: String
    /// HERMES_HOME; `~/.hermes` when absent. `~` is expanded, the path is absolute.
    public var hermesHome: FilePath
    public var position: SourcePosition
}

/// `hermes:`
public struct HermesConfig: Sendable, Hashable {
    /// The hermes command; nil: looked for on PATH and in `~/.local/bin`.
    public var command: FilePath?
}

/// `repository:`
public struct RepositoryConfig: Sendable, Hashable {
    public struct Author: Sendable, Hashable {
        public var name: String
        public var email: String
    }

    public var path: FilePath
    /// `https://…`, or an absolute local path (tests and demos); nil: the repository stays on this machine.
    public var remote: String?
    /// `main` when absent.
    public var branch: String
    /// Names an entry of `credentials:`.
    public var credential: String?
    /// Accepts a token that can write other repositories too; false when absent.
    public var allowBroadToken: Bool
    /// Of the commits; nil: the program's own name and the instance's id.
    public var author: Author?
    /// Where the host's API is asked for the token's reach; nil: derived from the remote's host.
    public var api: String?
    public var position: SourcePosition
}

/// `sanitizer:`
public struct SanitizerConfig: Sendable, Hashable {
    public enum Policy: String, Sendable, CaseIterable {
        /// The built-in rules for a Hermes home.
        case hermes
        /// No path rules and no harvest: each file is judged by what it holds.
        case content
    }

    public enum Action: String, Sendable, CaseIterable {
        case keep, redact, exclude, skip
    }

    public struct Rule: Sendable, Hashable {
        /// A glob over the path below the home, as in .gitignore; `**` crosses folders.
        public var path: String
        public var action: Action
        public var reason: String
        public var position: SourcePosition
    }

    /// `hermes` when absent.
    public var policy: Policy
    /// After the policy's own rules; the last match wins.
    public var rules: [Rule]
    /// In bytes; 10 MiB when absent.
    public var maxFileSize: Int64
}

/// `bundle:`
public struct BundleConfig: Sendable, Hashable {
    /// age public keys (`age1…`, `age1pq1…`), at least one.
    public var recipients: [String]
    /// zstd's level, 1 to 19; 3 when absent.
    public var compressionLevel: Int
    /// What a bundle step without its own `contents` takes; `full` when absent.
    public var contents: BundleContents
    public var position: SourcePosition
}

/// What a bundle holds.
public enum BundleContents: String, Sendable, CaseIterable {
    /// Everything that cannot be regenerated, secrets and databases included.
    case full
}

/// An entry of `stores:`.
public struct StoreConfig: Sendable, Hashable {
    public enum Place: Sendable, Hashable {
        /// A Google Drive folder by its id, and the name of a credential.
        case drive(folder: String, credential: String)
        case directory(FilePath)
    }

    public var name: String
    public var place: Place
    public var position: SourcePosition
}

/// `network:`, which holds for git, Drive, Telegram and pings alike.
public struct NetworkConfig: Sendable, Hashable, Codable {
    public enum Proxy: Sendable, Hashable, Codable {
        /// No proxy, whatever the environment says.
        case none
        /// `http://HOST:PORT`, without user information.
        case url(String)
        /// As the variables http_proxy, https_proxy and no_proxy say.
        case environment
    }

    /// None when absent.
    public var proxy: Proxy
    /// PEM certificates that are added to the system's.
    public var caFile: FilePath?
    /// In bytes per second; nil: no limit.
    public var uploadLimit: Int64?
}

/// `notify:`
public struct NotifyConfig: Sendable, Hashable {
    public struct Telegram: Sendable, Hashable {
        /// A chat's number (negative for groups) or `@channel`.
        public var chat: String
        public var credential: String
    }

    public var telegram: Telegram?
    /// Where the URL of a dead man's switch (healthchecks.io and its like) comes from: it is a secret.
    public var ping: CredentialReference?
    /// How often a failure that lasts is told again; 24 h when absent.
    public var remindEvery: Duration
    /// Whether a failure's end is told; true when absent.
    public var tellRecovery: Bool

    public var hasChannel: Bool { telegram != nil || ping != nil }
}

/// `snapshot:`
public struct SnapshotConfig: Sendable, Hashable {
    public enum Manager: String, Sendable, CaseIterable {
        case system, user
    }

    public struct Unit: Sendable, Hashable {
        public var name: String
        public var manager: Manager
    }

    /// `/var/lib/hermes-ops-exports/INSTANCE` when absent.
    public var output: FilePath
    /// The group that may read the snapshot; `hermes-ops` when absent.
    public var group: String
    /// How long a snapshot may be believed; 3 minutes when absent.
    public var validFor: Duration
    /// Hermes' own units where they are not called as Hermes calls them: the gateway's and the dashboard's.
    public var units: [Unit]
    /// The port of Hermes' dashboard, whose reach is then watched.
    public var dashboardPort: Int?
}

/// `watchdog:`, the thresholds of its rules.
public struct WatchdogConfig: Sendable, Hashable {
    /// 26 h
    public var maxBackupAge: Duration
    /// 8 days
    public var maxBundleAge: Duration
    /// 92 days
    public var maxDrillAge: Duration
    /// How long a commit may wait for its push: 26 h.
    public var maxUnpushedAge: Duration
    /// How old the snapshot may be: 5 min.
    public var maxSnapshotAge: Duration
    /// How old the cron ticker's heartbeat may be: 5 min.
    public var maxTickerAge: Duration
    /// Bytes free on the home's file system: 2 GiB.
    public var minFreeDisk: Int64
    /// Share of it in percent: 5.
    public var minFreeDiskPercent: Int
    /// Bytes of memory available: 256 MiB.
    public var minFreeMemory: Int64
    /// Size of state.db's write-ahead log: 512 MiB.
    public var maxWALSize: Int64
    /// Failed runs of one cron job in a row: 3.
    public var maxCronFailures: Int
}
