internal import Support

/// What a check found. What could not be found out is never taken for what holds.
public enum CheckOutcome: String, Sendable, Codable {
    /// It holds.
    case passed
    /// It does not hold.
    case failed
    /// It was not looked at, and the reason says why that is in order.
    case skipped
    /// It could not be found out.
    case unknown
}

/// One check of a drill, as it stands in the receipt.
public struct CheckResult: Sendable, Codable, Equatable {
    /// One of ``CheckName``'s names.
    public var name: String
    public var outcome: CheckOutcome
    /// Why, in one line; absent only when the check passed.
    public var reason: String?
    public var durationMs: Int64
    /// What was measured, by name.
    public var measured: [String: Int64]

    init(_ name: CheckName, _ finding: CheckFinding, durationMs: Int64) {
        self.name = name.rawValue
        self.outcome = finding.outcome
        self.reason = finding.reason.map { printableLine($0, limit: 400) }
        self.durationMs = durationMs
        self.measured = finding.measured
    }
}

/// The checks of docs/restore-drills.md, in the order in which they run.
public enum CheckName: String, Sendable, CaseIterable {
    // `manifest` also says whether the backup is of the right instance.
    case manifest
    case canary
    case noSecrets = "no-secrets"
    case config
    case databases
    case cron
    case skills
    case memories
    case modes
    case freshness
    case agreement
    case selfTest = "self-test"
    /// The last one: it takes the credentials out of what was restored.
    case hermes
}

/// What a check says before it has a name and a time.
struct CheckFinding: Sendable {
    var outcome: CheckOutcome
    var reason: String?
    var measured: [String: Int64] = [:]

    static func passed(_ measured: [String: Int64] = [:]) -> CheckFinding {
        CheckFinding(outcome: .passed, measured: measured)
    }

    static func failed(_ reason: String, _ measured: [String: Int64] = [:]) -> CheckFinding {
        CheckFinding(outcome: .failed, reason: reason, measured: measured)
    }

    static func skipped(_ reason: String) -> CheckFinding { CheckFinding(outcome: .skipped, reason: reason) }

    static func unknown(_ reason: String) -> CheckFinding { CheckFinding(outcome: .unknown, reason: reason) }

    /// Failed with the first few of several faults, or passed when there are none.
    static func judging(_ faults: [String], _ measured: [String: Int64] = [:]) -> CheckFinding {
        guard !faults.isEmpty else { return passed(measured) }
        let shown = faults.prefix(3).joined(separator: "; ")
        return failed(faults.count > 3 ? "\(shown); and \(faults.count - 3) more" : shown, measured)
    }
}
