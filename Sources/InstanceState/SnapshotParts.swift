public import HermesHome
public import Support

/// Parts of the snapshot that stand in several places; names and meanings after the schema `instance-snapshot`, `$defs`.

public enum Health: String, Codable, Sendable, CaseIterable {
    case up, degraded, down, disabled
    /// It could not be observed; never folded into `down`.
    case unknown
}

public enum Freshness: String, Codable, Sendable, CaseIterable {
    case fresh, late, stale, never, unknown
}

public enum Severity: String, Codable, Sendable, CaseIterable, Comparable {
    case info, warn, critical

    public static func < (left: Severity, right: Severity) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}

/// Whether a value could be observed at all.
public struct Probe: Codable, Sendable, Hashable {
    public enum Status: String, Codable, Sendable {
        case ok, failed, skipped
    }

    public typealias Reason = HomeFailure.Reason

    public var status: Status
    public var observedAt: Timestamp
    /// Given exactly when the status is not `ok`.
    public var reason: Reason?
    public var durationMs: Count?
    /// The value came from a weaker source.
    public var fallback: Bool?

    public static func ok(at moment: Timestamp, took: Duration? = nil) -> Probe {
        Probe(status: .ok, observedAt: moment, durationMs: took.map { Count($0.wholeMilliseconds) })
    }

    public static func failed(_ reason: Reason, at moment: Timestamp, took: Duration? = nil) -> Probe {
        Probe(status: .failed, observedAt: moment, reason: reason, durationMs: took.map { Count($0.wholeMilliseconds) })
    }

    public static func skipped(_ reason: Reason, at moment: Timestamp) -> Probe {
        Probe(status: .skipped, observedAt: moment, reason: reason)
    }

    public var isOk: Bool { status == .ok }

    func validate() throws {
        guard (status == .ok) == (reason == nil) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "a probe and its reason disagree"))
        }
    }
}

public enum Scope: String, Codable, Sendable {
    case system, user
}

public struct InstanceReference: Codable, Sendable, Hashable {
    public var id: Slug
    public var label: SafeText
    public var user: UserName
    public var scope: Scope
    /// Left out when the path holds more than letters, digits, `.`, `_`, `-` and `/`.
    public var hermesHome: PlainPath?

    public init(id: Slug, label: SafeText, user: UserName, scope: Scope, hermesHome: PlainPath?) {
        self.id = id
        self.label = label
        self.user = user
        self.scope = scope
        self.hermesHome = hermesHome
    }
}

/// A systemd unit as its manager tells of it.
public struct UnitState: Codable, Sendable, Hashable {
    public enum Load: String, Codable, Sendable {
        case loaded
        case notFound = "not-found"
        case badSetting = "bad-setting"
        case error, masked
    }

    public enum Active: String, Codable, Sendable {
        case active, reloading, inactive, failed, activating, deactivating, maintenance
    }

    public enum Enabled: String, Codable, Sendable {
        case enabled
        case enabledRuntime = "enabled-runtime"
        case linked, `static`, indirect, disabled, generated, transient, masked, alias
        case notFound = "not-found"
    }

    public enum Result: String, Codable, Sendable {
        case success, resources, `protocol`, timeout
        case exitCode = "exit-code"
        case signal
        case coreDump = "core-dump"
        case watchdog
        case startLimitHit = "start-limit-hit"
        case oomKill = "oom-kill"
        case execCondition = "exec-condition"
    }

    public var unit: UnitName
    public var scope: Scope
    public var probe: Probe
    public var health: Health
    public var load: Load?
    public var active: Active?
    public var sub: SubState?
    public var enabled: Enabled?
    public var result: Result?
    public var since: Timestamp?
    public var restarts: Count?

    /// A unit whose manager could not be asked.
    public static func unknown(_ unit: UnitName, _ scope: Scope, _ probe: Probe) -> UnitState {
        UnitState(unit: unit, scope: scope, probe: probe, health: .unknown)
    }

    func validate() throws {
        try probe.validate()
        let isComplete = probe.isOk ? load != nil && active != nil : health == .unknown
        guard isComplete else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "a unit's state does not fit its probe"))
        }
    }
}

public struct TimerState: Codable, Sendable, Hashable {
    /// What the job is for (`backup`, `drive-upload`, `exporter`, …), the same in every instance; of any other job its name.
    public var name: Slug
    public var unit: UnitState
    public var triggers: UnitName?
    /// As the configuration writes it.
    public var schedule: SafeText
    public var persistent: Bool
    public var lastTriggerAt: Timestamp?
    public var nextAt: Timestamp?
    public var maxDelaySeconds: Count?
}

public enum Outcome: String, Codable, Sendable, CaseIterable {
    case success, failure, error, timeout, cancellation, skip, unknown
}

public struct LastRun: Codable, Sendable, Hashable {
    public var runId: RunIdentifier?
    public var outcome: Outcome
    public var startedAt: Timestamp?
    @Nullable public var finishedAt: Timestamp?
    public var durationMs: Count?
    public var lastSuccessAt: Timestamp?
    public var failuresSinceSuccess: Count?

    public init(
        runId: RunIdentifier? = nil, outcome: Outcome, startedAt: Timestamp? = nil, finishedAt: Timestamp?,
        durationMs: Count? = nil, lastSuccessAt: Timestamp? = nil, failuresSinceSuccess: Count? = nil
    ) {
        self.runId = runId
        self.outcome = outcome
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.durationMs = durationMs
        self.lastSuccessAt = lastSuccessAt
        self.failuresSinceSuccess = failuresSinceSuccess
    }
}

/// What a backup holds, or a drill brought back.
public struct Payload: Codable, Sendable, Hashable {
    public var probe: Probe
    public var files: Count?
    public var bytes: Count?
    public var memories: Count?
    public var skills: Count?
    public var cronJobs: Count?
    public var config: Bool?
    public var manifestVerified: Bool?
    /// Secrets, state.db, WAL or SHM found in the payload; must be 0.
    public var forbiddenFiles: Count?

    public init(
        probe: Probe, files: Count? = nil, bytes: Count? = nil, memories: Count? = nil, skills: Count? = nil,
        cronJobs: Count? = nil, config: Bool? = nil, manifestVerified: Bool? = nil, forbiddenFiles: Count? = nil
    ) {
        self.probe = probe
        self.files = files
        self.bytes = bytes
        self.memories = memories
        self.skills = skills
        self.cronJobs = cronJobs
        self.config = config
        self.manifestVerified = manifestVerified
        self.forbiddenFiles = forbiddenFiles
    }
}

/// Something that a person should know, open now.
public struct Warning: Codable, Sendable, Hashable {
    public var code: Slug
    public var severity: Severity
    /// Where in the snapshot it shows.
    public var subject: Pointer
    public var message: SafeText
    public var since: Timestamp
    public var lastSeenAt: Timestamp?
    /// The same for the same trouble in every run.
    public var fingerprint: Fingerprint
    public var runbook: RunbookAnchor?
    public var acknowledgedAt: Timestamp?
}

/// A warning of the recent past, open or resolved.
public struct Alert: Codable, Sendable, Hashable {
    public var at: Timestamp
    public var severity: Severity
    public var code: Slug
    public var message: SafeText
    public var resolvedAt: Timestamp?
}
