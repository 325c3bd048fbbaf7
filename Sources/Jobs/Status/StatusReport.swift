public import Support

/// `STATE/status.json`, after schemas/status.schema.json. A key that does not apply is absent.
public struct StatusReport: Sendable, Codable, Hashable {
    public var kind = "hermes.ops.status"
    public var schemaVersion = "1.0"
    public var instance: String
    public var label: String
    public var generatedAt: Timestamp
    public var runner: RunRecord.Runner
    /// The declared jobs, in the order of the configuration.
    public var jobs: [JobStatus]
}

/// A job's part of the status.
public struct JobStatus: Sendable, Codable, Hashable {
    public enum State: String, Sendable, Codable {
        /// It has run and does not run now.
        case idle
        case running
        /// It has never run.
        case never
        /// Its last run's process is gone and the record still open; the next start or `finalize` closes it.
        case interrupted
    }

    public struct Run: Sendable, Codable, Hashable {
        public var runId: String
        /// Absent while it runs.
        public var outcome: RunOutcome?
        public var startedAt: Timestamp
        public var finishedAt: Timestamp?
        public var durationMs: Int64?
        public var exitCode: Int?
        public var error: RunRecord.Failure?
        /// Scrubbed lines.
        public var warnings: [String]?
    }

    public var name: String
    public var kind: JobKind
    /// The OnCalendar expression; absent: it runs only when asked to.
    public var schedule: String?
    public var state: State
    /// The run under way.
    public var running: Run?
    /// The last run that ended, skips and dry runs aside.
    public var lastRun: Run?
    public var lastSuccess: Run?
    /// Runs that went wrong since the last success, one that was interrupted included.
    public var failuresSince: Int
    /// Seconds since the end of the last success.
    public var ageSeconds: Int64?
    /// When the schedule elapses next, random delay aside.
    public var nextDue: Timestamp?
    /// Why the next time is not known.
    public var nextDueUnknown: String?
    /// Whether a run that was due did not start, or one under way is past its time limit and does not end; absent when it cannot be
    /// known.
    public var late: Bool?
}
