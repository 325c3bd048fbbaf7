public import Sanitizer
public import Support

/// The proof of a drill: what was restored, from where, how long it took, how old it was, and what was checked.
///
/// Times are RFC 3339 in UTC, durations milliseconds, sizes bytes. It holds names of secrets, never a value
/// (docs/restore-drills.md, "The receipt").
public struct Receipt: Sendable, Codable, Equatable {
    /// What a home was restored from.
    public struct Origin: Sendable, Codable, Equatable {
        /// `repository`, `store` or `file`.
        public var type: String
        /// The commit's id, or the bundle's file name.
        public var identity: String
        /// The instance that the backup says it is of.
        public var instance: String
        /// When the backup was taken: the commit's time, or the bundle's.
        public var takenAt: Timestamp?
        /// SHA-256 of the manifest's file, in hexadecimal.
        public var manifestSHA256: String

        public init(type: String, identity: String, instance: String, takenAt: Timestamp?, manifestSHA256: String) {
            self.type = type
            self.identity = identity
            self.instance = instance
            self.takenAt = takenAt
            self.manifestSHA256 = manifestSHA256
        }
    }

    public struct Phase: Sendable, Codable, Equatable {
        /// `fetch`, `open`, `overlay`, `check`, `hermes` or `clean-up`.
        public var name: String
        /// The source that it was a part of restoring.
        public var source: String
        public var durationMs: Int64

        public init(name: String, source: String, durationMs: Int64) {
            self.name = name
            self.source = source
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

    /// One home that was restored and checked.
    public struct Part: Sendable, Codable, Equatable {
        /// `repository`, `store`, `file` or `both`.
        public var source: String
        public var outcome: CheckOutcome
        public var origins: [Origin]
        /// Recovery point: the age of what was restored when it was checked, in seconds; of the oldest origin.
        public var rpoSeconds: Int64?
        /// Recovery time: until the restored home was in place, checks aside.
        public var rtoMs: Int64
        public var phases: [Phase]
        public var checks: [CheckResult]
        public var counts: Counts
        /// What a person has to give again after a restore from this source.
        public var secretsToProvide: [Manifest.Needed]
        /// What `hermes version` said, where the command was run.
        public var hermesVersion: String?
    }

    public var kind = "hermes.restore-drill.receipt"
    public var schemaVersion = "1.0"
    public var runId: String
    public var instance: String
    public var startedAt: Timestamp
    public var finishedAt: Timestamp
    /// `passed`, `failed` or `unknown`: failed when one part failed, else unknown when one is, or when there are fewer than planned.
    public var outcome: CheckOutcome
    /// How many homes the job was to restore and check.
    public var plannedDrills: Int
    /// In the order in which they were restored.
    public var drills: [Part]
    public var runnerVersion: String

    public init(
        runId: String, instance: String, startedAt: Timestamp, finishedAt: Timestamp, plannedDrills: Int,
        drills: [Part], runnerVersion: String
    ) {
        self.runId = runId
        self.instance = instance
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.plannedDrills = plannedDrills
        self.drills = drills
        self.runnerVersion = runnerVersion
        let outcomes = drills.map(\.outcome)
        outcome =
            outcomes.contains(.failed)
            ? .failed
            : outcomes.isEmpty || outcomes.count < plannedDrills || outcomes.contains { $0 != .passed }
                ? .unknown : .passed
    }

    /// A drill passes when no check failed and every required one was carried out and passed; one that could not be carried out
    /// makes the whole drill unknown.
    static func judge(_ checks: [CheckResult], required: Set<CheckName>) -> CheckOutcome {
        if checks.contains(where: { $0.outcome == .failed }) { return .failed }
        if checks.contains(where: { $0.outcome == .unknown }) { return .unknown }
        let passed = Set(checks.lazy.filter { $0.outcome == .passed }.map(\.name))
        return required.allSatisfy { passed.contains($0.rawValue) } ? .passed : .unknown
    }
}

extension Receipt.Part {
    /// The checks that failed, by name.
    public var failures: [CheckResult] { checks.filter { $0.outcome == .failed } }

    /// What a run ends with when this part did not pass; nil when it did.
    ///
    /// Exit 65 where the backup itself is damaged (`manifest`, `canary`, `databases`, `agreement`), else 1.
    public var error: OperatorError? {
        switch outcome {
        case .passed, .skipped: return nil
        case .failed:
            let names = failures.map(\.name)
            let damage: Set<String> = Set(
                [CheckName.manifest, .canary, .databases, .agreement].map(\.rawValue))
            let first = failures.first
            return OperatorError(
                "drill-failed", doing: "drilling the restore from \(source)",
                reason: "failed: \(names.joined(separator: ", "))"
                    + (first.map { " (\($0.name): \($0.reason ?? ""))" } ?? ""),
                advice: "read the receipt, and do not rely on this backup until a drill passes",
                exit: damage.isDisjoint(with: names) ? .failure : .damagedInput)
        case .unknown:
            // A check that was skipped is the reason only where none is unknown.
            let unknown = checks.filter { $0.outcome == .unknown }
            let open = (unknown.isEmpty ? checks.filter { $0.outcome == .skipped } : unknown)
                .map { "\($0.name): \($0.reason ?? "")" }
            return OperatorError(
                "drill-unknown", doing: "drilling the restore from \(source)",
                reason: "it could not be found out whether the backup is good (\(open.joined(separator: "; ")))",
                advice: "read the receipt")
        }
    }
}
