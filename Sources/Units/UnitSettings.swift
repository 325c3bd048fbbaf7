public import SystemPackage

/// Which systemd manager the units are for.
public enum UnitFlavour: String, Sendable {
    /// The machine's manager; the jobs run as root.
    case system
    /// A user's own manager (`systemctl --user`); the jobs run as that user.
    case user
}

/// Everything the units are made from: plain values that the command line takes from the configuration.
///
/// Paths are absolute. A path that is not UTF-8 or holds a control character cannot stand in a unit file and is refused when the
/// units are rendered.
public struct UnitSettings: Sendable {
    public var flavour: UnitFlavour
    /// The installed hermes-ops-runner.
    public var binary: FilePath
    /// The configuration file; its folder is shown to the jobs.
    public var configuration: FilePath
    public var stateDirectory: FilePath
    public var instanceID: String
    /// The user the jobs run as, and that user's home folder.
    public var userName: String
    public var userHome: FilePath
    /// The Hermes home, which no job may write.
    public var hermesHome: FilePath
    /// What every job may read besides: folders or files below a hidden tree (the homes, /tmp), for example credential files.
    public var readOnlyPaths: [FilePath]
    /// What the seal may read besides: the folders of the hermes command.
    public var sealedPaths: [FilePath]
    /// What the alert unit needs to send a message.
    public var alertCredentials: [UnitCredential]
    /// The hand-over folders below /var/lib/hermes-ops-exports to declare.
    public var exports: [ExportDirectory]
    public var jobs: [JobUnit]

    public init(
        flavour: UnitFlavour, binary: FilePath, configuration: FilePath, stateDirectory: FilePath, instanceID: String,
        userName: String, userHome: FilePath, hermesHome: FilePath, readOnlyPaths: [FilePath] = [],
        sealedPaths: [FilePath] = [], alertCredentials: [UnitCredential] = [], exports: [ExportDirectory] = [],
        jobs: [JobUnit]
    ) {
        self.flavour = flavour
        self.binary = binary
        self.configuration = configuration
        self.stateDirectory = stateDirectory
        self.instanceID = instanceID
        self.userName = userName
        self.userHome = userHome
        self.hermesHome = hermesHome
        self.readOnlyPaths = readOnlyPaths
        self.sealedPaths = sealedPaths
        self.alertCredentials = alertCredentials
        self.exports = exports
        self.jobs = jobs
    }

    /// Where drills put what they restore.
    var drillDirectory: FilePath { stateDirectory.appending("drills") }
}

/// One declared job as its units need it.
public struct JobUnit: Sendable {
    /// How far a job reaches beyond its own folders. Each level holds the one before it.
    public enum Network: Sendable {
        /// Unix sockets alone, and no interface where the manager can take it away.
        case none
        /// Sees interfaces, listeners and the manager's bus, and connects to nobody: for the snapshot.
        case inspect
        /// IPv4 and IPv6.
        case full
    }

    /// As in the configuration: lower-case letters, digits, `.`, `_` and `-`.
    public var name: String
    /// An OnCalendar expression; nil makes no timer, and the job is started by hand.
    public var schedule: String?
    public var randomizedDelay: Duration
    /// The job's own time limit; systemd's is ``UnitRenderer/timeoutMargin`` longer. Nil means none.
    public var timeout: Duration?
    public var network: Network
    public var credentials: [UnitCredential]
    /// Folders the job writes, besides the state directory. Folders, not files: a file is replaced through its folder.
    public var writablePaths: [FilePath]
    /// Folders of stores that the job writes. They may lie on a disk of their own, so their parents are never made.
    public var storePaths: [FilePath]
    public var readOnlyPaths: [FilePath]
    /// Whether the job asks the manager about units; ``Network/inspect`` says so too. A user's job sees the manager's bus only then.
    public var asksManager: Bool
    /// Whether the job runs the hermes command on what it restored, which the seal does for it.
    public var runsHermes: Bool

    public init(
        name: String, schedule: String? = nil, randomizedDelay: Duration = .zero, timeout: Duration? = nil,
        network: Network = .none, credentials: [UnitCredential] = [], writablePaths: [FilePath] = [],
        storePaths: [FilePath] = [], readOnlyPaths: [FilePath] = [], asksManager: Bool = false, runsHermes: Bool = false
    ) {
        self.name = name
        self.schedule = schedule
        self.randomizedDelay = randomizedDelay
        self.timeout = timeout
        self.network = network
        self.credentials = credentials
        self.writablePaths = writablePaths
        self.storePaths = storePaths
        self.readOnlyPaths = readOnlyPaths
        self.asksManager = asksManager || network == .inspect
        self.runsHermes = runsHermes
    }
}

/// A file that systemd hands to a job as `$CREDENTIALS_DIRECTORY/NAME`.
public struct UnitCredential: Sendable, Hashable {
    public var name: String
    public var source: FilePath
    /// Made by `systemd-creds encrypt`; system units only before systemd 257.
    public var isEncrypted: Bool

    public init(name: String, source: FilePath, isEncrypted: Bool = false) {
        self.name = name
        self.source = source
        self.isEncrypted = isEncrypted
    }
}

/// `/var/lib/hermes-ops-exports/ID`, mode 2750, owned by the instance's user, readable by the group `hermes-ops`.
public struct ExportDirectory: Sendable, Hashable {
    public static let parent: FilePath = "/var/lib/hermes-ops-exports"

    public var instanceID: String
    public var userName: String

    public init(instanceID: String, userName: String) {
        self.instanceID = instanceID
        self.userName = userName
    }

    public var path: FilePath { Self.parent.appending(instanceID) }
}
