public import Support

/// The proof of a drill: what was restored, from where, how long it took, how old it was, and what was checked.
///
/// Times are RFC 3339 in UTC, durations milliseconds, sizes bytes. It holds names of secrets, never a value.
public struct Receipt: Sendable, Codable, Equatable {
    public struct Source: Sendable, Codable, Equatable {
        /// `repository`, `store` or `file`.
        public var type: String
        /// The commit's id, or the bundle's file name.
        public var identity: String
        /// When the backup was taken; absent when the source does not say.
        public var takenAt: Timestamp?
        /// SHA-256 of the manifest, in hexadecimal.
        public var manifestSHA256: String?

        public init(type: String, identity: String, takenAt: Timestamp?, manifestSHA256: String?) {
            self.type = type
            self.identity = identity
            self.takenAt = takenAt
            self.manifestSHA256 = manifestSHA256
        }
    }

    public struct Phase: Sendable, Codable, Equatable {
        /// `fetch`, `open`, `check`, `hermes` or `clean-up`.
        public var name: String
        public var durationMs: Int64

        public init(name: String, durationMs: Int64) {
            self.name = name
            self.durationMs = durationMs
        }
    }

    /// What was in it.
    public struct Counts: Sendable, Codable, Equatable {
        public var files: Int64 = 0
        public var bytes: Int64 = 0
        public var memories: Int64?
        public var skills: Int64?
        public var cronJobs: Int64?
        public var sessions: Int64?
        public var messages: Int64?

        public init() {}
    }

    public var kind = "hermes.restore-drill.receipt"
    public var schemaVersion = "1.0"
    public var runId: String
    public var instance: String
    public var startedAt: Timestamp
    public var finishedAt: Timestamp
    /// `passed`, `failed` or `unknown`.
    public var outcome: CheckOutcome
    public var sources: [Source]
    /// Recovery point: the age of what was restored, in seconds, at the drill's start; of the oldest source.
    public var rpoSeconds: Int64?
    /// Recovery time: from the start until the restored home was in place, checks aside.
    public var rtoMs: Int64
    public var phases: [Phase]
    public var checks: [CheckResult]
    public var counts: Counts
    /// Names of what a person has to give again after a restore from this source.
    public var secretsToProvide: [String]
    public var runnerVersion: String
    /// What `hermes version` said, where the command was run.
    public var hermesVersion: String?

    public init(
        runId: String, instance: String, startedAt: Timestamp, finishedAt: Timestamp, sources: [Source],
        rpoSeconds: Int64?,
        rtoMs: Int64, phases: [Phase], checks: [CheckResult], required: Set<String>, counts: Counts,
        secretsToProvide: [String], runnerVersion: String, hermesVersion: String?
    ) {
        self.runId = runId
        self.instance = instance
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.outcome = Self.judge(checks, required: required)
        self.sources = sources
        self.rpoSeconds = rpoSeconds
        self.rtoMs = rtoMs
        self.phases = phases
        self.checks = checks
        self.counts = counts
        self.secretsToProvide = secretsToProvide
        self.runnerVersion = runnerVersion
        self.hermesVersion = hermesVersion
    }

    /// A drill passes when no check failed and every required one was carried out and passed; one that could not be carried out
    /// makes the whole drill unknown.
    static func judge(_ checks: [CheckResult], required: Set<String>) -> CheckOutcome {
        if checks.contains(where: { $0.outcome == .failed }) { return .failed }
        if checks.contains(where: { $0.outcome == .unknown }) { return .unknown }
        let passed = Set(checks.lazy.filter { $0.outcome == .passed }.map(\.name))
        return required.isSubset(of: passed) ? .passed : .unknown
    }
}
