public import HermesHome
public import Support
public import SystemPackage

/// What the configuration says of an instance, as far as observing it needs.
public struct InstanceDescription: Sendable {
    public var id: String
    public var label: String
    public var user: String
    public var userID: UInt32
    /// `system` for root's units, `user` for a lingering user's.
    public var scope: Scope
    public var home: HomeLayout
    /// The user's home folder: what `~` means.
    public var userHome: FilePath
    /// This program's version, `MAJOR.MINOR.PATCH`.
    public var version: String
    /// Hermes' own unit; by default the one that Hermes installs for this home.
    public var gatewayUnit: String?
    /// The unit of Hermes' dashboard and its port, where there is one.
    public var dashboardUnit = "hermes-dashboard.service"
    public var dashboardPort: Int?
    /// The declared jobs with their last runs.
    public var jobs: [ObservedJob] = []
    /// The folder of the repository's work tree that carries the payload; nil when no repository is declared.
    public var payload: FilePath?
    /// The files that hold the credentials of the Drive stores; empty when none is declared.
    public var driveCredentials: [FilePath] = []
    /// Other credential files of the configuration, whose modes are checked.
    public var credentialFiles: [FilePath] = []
    /// Whether bundles are encrypted; nil when no bundle is declared.
    public var bundlesAreEncrypted: Bool?
    public var notifications: InstanceSnapshot.Notifications?
    public var notificationTest = NotificationTest.unknown("nobody looked")
    /// For how long a reader may rely on a snapshot: three times the interval at which it is made.
    public var validFor = Duration.seconds(180)

    public init(
        id: String, label: String, user: String, userID: UInt32, scope: Scope, home: FilePath, userHome: FilePath,
        version: String
    ) {
        self.id = id
        self.label = label
        self.user = user
        self.userID = userID
        self.scope = scope
        self.home = HomeLayout(home)
        self.userHome = userHome
        self.version = version
    }
}

/// What is recorded of the last `notify test`. That a message of another kind arrived is no test: nobody looked whether it did.
public enum NotificationTest: Sendable {
    case never
    case failed(type: String?)
    case delivered(at: Timestamp)
    case unknown(String)

    /// In seconds: a chat, a token and a person's phone change.
    static let maxAge = 92 * 86_400

    func text(at now: Timestamp) -> String {
        switch self {
        case .never: "The way to people was never tested"
        case .failed(let type): "The last test of the way to people failed\(type.map { ": \($0)" } ?? "")"
        case .delivered(let moment):
            "The way to people was last tested \((now - moment).components.seconds / 86_400) days ago"
        case .unknown(let reason): "Whether the way to people was tested is not known: \(reason)"
        }
    }
}

/// A declared job and what the ledger knows of it.
public struct ObservedJob: Sendable {
    /// What the job is for, in the words of a run record's `job.kind`; decides where in the snapshot it stands.
    public enum Role: String, Sendable {
        case backup
        case drive = "drive-upload"
        case restoreDrill = "restore-drill"
        case drillReminder = "restore-drill-reminder"
        case exporter, watchdog
        case other = "custom"
    }

    public var name: String
    public var role: Role
    /// OnCalendar= text; nil for a job without a timer.
    public var schedule: String?
    public var isPersistent = true
    /// Its randomized delay.
    public var maxDelay: Duration?
    public var lastRun: LastRun?
    /// Due and not started in time; nil when that could not be worked out.
    public var isLate: Bool?
    /// Since when a run is under way that is past its time limit: none other can start.
    public var hungSince: Timestamp?
    /// A run's process is gone without an end, and none has begun since.
    public var isInterrupted = false
    /// When the schedule first elapsed after the last success; nil when that is not known.
    public var dueAfterSuccess: Timestamp?
    /// Finished runs by outcome, for counters.
    public var runs: [Outcome: Int] = [:]
    /// Above this age of its last success the job counts as stale.
    public var maxAge: Duration

    public init(name: String, role: Role, schedule: String?, maxAge: Duration) {
        self.name = name
        self.role = role
        self.schedule = schedule
        self.maxAge = maxAge
    }

    /// The units that `units install` makes for a job.
    public var timerUnit: UnitName { Self.timerUnit(of: name) }
    static func timerUnit(of name: String) -> UnitName { UnitName(unchecked: "hermes-ops-\(Slug(making: name)).timer") }
    public var serviceUnit: UnitName { UnitName(unchecked: "hermes-ops@\(Slug(making: name)).service") }
}

/// What the repository tells; the caller reads it with its own git.
public struct RepositoryFacts: Sendable {
    /// The full id of HEAD; nil before the first commit.
    public var head: String?
    public var lastCommit: Timestamp?
    public var dirtyFiles: Int?
    /// Commits that the remote does not have, as far as the remote-tracking branch tells.
    public var unpushedCommits: Int?
    /// When the oldest of them was made; nil when none waits or that is not known.
    public var oldestUnpushed: Timestamp?
    public var isRemoteConfigured: Bool?
    /// Newest first.
    public var history: [(head: String, at: Timestamp, filesChanged: Int?)]

    public init(
        head: String?, lastCommit: Timestamp?, dirtyFiles: Int? = nil, unpushedCommits: Int? = nil,
        oldestUnpushed: Timestamp? = nil, isRemoteConfigured: Bool? = nil,
        history: [(head: String, at: Timestamp, filesChanged: Int?)] = []
    ) {
        self.head = head
        self.lastCommit = lastCommit
        self.dirtyFiles = dirtyFiles
        self.unpushedCommits = unpushedCommits
        self.oldestUnpushed = oldestUnpushed
        self.isRemoteConfigured = isRemoteConfigured
        self.history = history
    }
}

/// What the last passed drill's receipt tells.
public struct DrillFacts: Sendable {
    /// When a drill last passed.
    public var lastVerified: Timestamp?
    public var restored: Payload?
    /// How long a passed drill counts.
    public var maxAge: Duration

    public init(lastVerified: Timestamp?, restored: Payload? = nil, maxAge: Duration = .seconds(92 * 86_400)) {
        self.lastVerified = lastVerified
        self.restored = restored
        self.maxAge = maxAge
    }
}

/// What an instance cannot tell about itself without other modules; each may fail on its own.
public struct InstanceSources: Sendable {
    public var repository: @Sendable () async throws -> RepositoryFacts
    public var drill: @Sendable () async throws -> DrillFacts

    /// Without closures nothing is configured: the parts are `skipped`.
    public init(
        repository: @escaping @Sendable () async throws -> RepositoryFacts = {
            throw HomeFailure(.notConfigured, "no repository")
        },
        drill: @escaping @Sendable () async throws -> DrillFacts = { throw HomeFailure(.notConfigured, "no drill") }
    ) {
        self.repository = repository
        self.drill = drill
    }
}
