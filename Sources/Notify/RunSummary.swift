public import Support

/// A finished run, as far as a message tells of it. Texts are scrubbed of what looks like a credential before they are used.
public struct RunSummary: Sendable {
    /// As in the run record.
    public enum Outcome: String, Sendable, Codable {
        case success, failure, error, timeout, cancellation, skip, unknown

        /// Whether somebody should know: a run that was stopped on purpose or skipped changes nothing.
        public var isBad: Bool {
            switch self {
            case .failure, .error, .timeout, .unknown: true
            case .success, .cancellation, .skip: false
            }
        }
    }

    public struct Step: Sendable {
        public var name: String
        public var outcome: Outcome
        /// What it did, in a few words: `212 files, 1.8 MB`.
        public var detail: String?

        public init(name: String, outcome: Outcome, detail: String? = nil) {
            self.name = name
            self.outcome = outcome
            self.detail = detail
        }
    }

    /// One of several things that a run found wrong.
    public struct Warning: Sendable, Codable, Equatable {
        public enum Severity: String, Sendable, Codable, Comparable {
            case warn, critical

            public static func < (left: Severity, right: Severity) -> Bool { left == .warn && right == .critical }
        }

        /// The same for the same trouble in every run.
        public var key: String
        /// What kind of trouble it is: `database-damaged`.
        public var code: String
        public var severity: Severity
        /// One line.
        public var message: String
        /// A command.
        public var advice: String?

        public init(key: String, code: String, severity: Severity, message: String, advice: String? = nil) {
            self.key = key
            self.code = code
            self.severity = severity
            // It is kept between runs.
            self.message = CredentialScrubber.scrub(message)
            self.advice = advice
        }

        /// That a run which should have found warnings failed itself.
        init(failed run: RunSummary) {
            self.init(
                key: "", code: "run-failed", severity: .critical,
                message: "\(run.job) itself failed: \(run.error ?? run.outcome.rawValue)")
        }
    }

    public var job: String
    /// The instance as people call it: `Bheem / Uma`.
    public var instanceLabel: String
    /// Empty for what is no run.
    public var runID: String
    public var outcome: Outcome
    public var finishedAt: Timestamp
    public var duration: Duration?
    /// One line.
    public var error: String?
    /// What to do next, as a sentence or a command.
    public var advice: String?
    public var steps: [Step]
    /// Everything that the run found wrong, told one by one; nil for a run that does not look for such things, or did not get to it.
    public var warnings: [Warning]?
    /// What the headline says of a bad run in place of "failed".
    public var verdict: String?

    public init(
        job: String, instanceLabel: String, runID: String, outcome: Outcome, finishedAt: Timestamp,
        duration: Duration? = nil,
        error: String? = nil, advice: String? = nil, steps: [Step] = [], warnings: [Warning]? = nil,
        verdict: String? = nil
    ) {
        self.job = job
        self.instanceLabel = instanceLabel
        self.runID = runID
        self.outcome = outcome
        self.finishedAt = finishedAt
        self.duration = duration
        self.error = error
        self.advice = advice
        self.steps = steps
        self.warnings = warnings
        self.verdict = verdict
    }
}

/// How systemd says that a unit failed, from the environment of a unit that OnFailure= started (systemd.exec(5),
/// "$MONITOR_SERVICE_RESULT"). For runs that died before they could write their own record.
public struct UnitFailure: Sendable, Equatable {
    public var serviceResult: String
    public var exitStatus: String?
    /// The failed run's id: the unit's INVOCATION_ID.
    public var runID: String
    /// The program that the unit starts.
    public var binary: String
    /// Whether the run lived long enough to keep a record.
    public var hasRecord = false
    /// What shows the unit's journal.
    public var journal = "journalctl"

    /// Nil when the environment holds no such report.
    public init?(environment: [String: String], binary: String = "/usr/local/bin/hermes-ops-runner") {
        guard let result = environment["MONITOR_SERVICE_RESULT"], let id = environment["MONITOR_INVOCATION_ID"] else {
            return nil
        }
        serviceResult = result
        exitStatus = environment["MONITOR_EXIT_STATUS"]
        runID = id
        self.binary = binary
    }

    public var outcome: RunSummary.Outcome {
        switch serviceResult {
        case "timeout", "watchdog": .timeout
        // 128 and the signal's number: stopped by SIGINT or SIGTERM, in order.
        case "exit-code" where exitStatus == "130" || exitStatus == "143": .cancellation
        case "exit-code": .failure
        case "success": .success
        default: .unknown
        }
    }

    /// What happened, in one line.
    public var reason: String {
        switch (serviceResult, exitStatus) {
        case ("timeout", _): "systemd stopped it: it was not done in time"
        case ("oom-kill", _): "the kernel killed it: out of memory"
        case ("start-limit-hit", _): "systemd refused to start it: started too often in a short time"
        case ("resources", _): "systemd could not prepare its start"
        case ("signal", let signal), ("core-dump", let signal):
            "it was killed by \(printable(signal ?? "a signal", limit: 20))"
        case ("exit-code", "200"), ("exit-code", "CHDIR"): "systemd could not enter its working directory"
        case ("exit-code", "203"), ("exit-code", "EXEC"): "systemd could not run the hermes-ops-runner binary"
        case ("exit-code", "226"), ("exit-code", "NAMESPACE"):
            "systemd could not set up its sandbox: a folder it names is missing"
        case ("exit-code", "243"), ("exit-code", "CREDENTIALS"):
            "systemd could not hand over a credential: a file that LoadCredential= names is missing or unreadable"
        case ("exit-code", "10"): "a secret would have left this machine in the clear (code 10)"
        case ("exit-code", "65"): "what it read is damaged (code 65)"
        case ("exit-code", "69"): "a remote service does not answer (code 69)"
        case ("exit-code", "73"): "it cannot write: the disk is full, over its quota or read-only (code 73)"
        case ("exit-code", "77"): "a credential is missing or refused (code 77)"
        case ("exit-code", "78"): "the configuration has errors (code 78)"
        case ("exit-code", let code): "it ended with code \(printable(code ?? "?", limit: 20))"
        default: "systemd reports \(printable(serviceResult, limit: 40))"
        }
    }

    public var advice: String {
        switch exitStatus {
        case "203", "EXEC": "run: ls -l \(printable(binary, limit: 200)); hermes-ops-runner units install"
        case "78", "200", "226", "243", "CHDIR", "NAMESPACE", "CREDENTIALS": "run: hermes-ops-runner validate"
        default:
            hasRecord
                ? "run: hermes-ops-runner show \(printable(runID, limit: 40))"
                : "run: \(journal) _SYSTEMD_INVOCATION_ID=\(printable(runID, limit: 40))"
        }
    }
}
