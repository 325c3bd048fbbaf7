internal import HermesHome
internal import Support

/// What every instance should have, instance by instance: the two assistants are kept to the same standard.
public struct Parity: Codable, Sendable, Hashable {
    /// What an instance has or lacks.
    public enum Capability: String, Codable, Sendable, CaseIterable {
        case backupTimer = "backup-timer"
        /// A repository with a remote, and everything in it pushed.
        case repositoryPushed = "repository-pushed"
        case driveBundle = "drive-bundle"
        case watchdog
        /// A restore drill that passed within 92 days.
        case restoreDrill = "restore-drill"
        case drillReminder = "drill-reminder"
        case exporter
        /// A message that arrived.
        case notificationTested = "notification-tested"
        case credentialModes = "credential-modes"
        case redactionSettings = "redaction-settings"

        /// For a table's head.
        public var title: String {
            switch self {
            case .backupTimer: "Backup timer"
            case .repositoryPushed: "Repository pushed"
            case .driveBundle: "Drive bundle"
            case .watchdog: "Watchdog"
            case .restoreDrill: "Drill within 92 days"
            case .drillReminder: "Drill reminder"
            case .exporter: "Exporter"
            case .notificationTested: "Notification tested"
            case .credentialModes: "Credential modes"
            case .redactionSettings: "Redaction settings"
            }
        }
    }

    public enum Answer: String, Codable, Sendable {
        case yes, no
        /// It could not be found out; that is not parity.
        case unknown
    }

    public struct Cell: Codable, Sendable, Hashable {
        public var capability: Capability
        public var answer: Answer
        /// What is missing, and the command that closes the gap; nil where nothing is missing.
        public var missing: String?
        public var command: String?
    }

    public struct Row: Codable, Sendable, Hashable {
        public var instance: Slug
        public var label: SafeText
        public var source: FleetSnapshot.Source.State
        public var cells: [Cell]

        public var isComplete: Bool { cells.allSatisfy { $0.answer == .yes } }
    }

    public var rows: [Row]
    /// Every instance has everything; an empty fleet has nothing to compare and is not at parity.
    public var atParity: Bool

    public init(_ readings: [Fleet.Reading]) {
        rows = readings.map { reading in
            Row(
                instance: reading.reference.id, label: reading.reference.label, source: reading.source.state,
                cells: Capability.allCases.map { Self.cell($0, reading) })
        }
        atParity = !rows.isEmpty && rows.allSatisfy(\.isComplete)
    }

    /// UTF-8 JSON, keys sorted, with a line feed at the end.
    public func encoded(pretty: Bool = false) throws -> [UInt8] { try JSONText.encode(self, pretty: pretty) }

    private static func cell(_ capability: Capability, _ reading: Fleet.Reading) -> Cell {
        guard reading.source.state == .ok, let snapshot = reading.snapshot else {
            let isMissing = reading.source.state == .missing && capability == .exporter
            return Cell(
                capability: capability, answer: isMissing ? .no : .unknown,
                missing: "the snapshot is \(reading.source.state.rawValue)",
                command: HelpfulCommands.command(code: "timer-disabled", instance: reading.reference))
        }
        let (answer, missing, command) = judge(capability, snapshot)
        return Cell(
            capability: capability, answer: answer, missing: answer == .yes ? nil : missing,
            command: answer == .yes ? nil : command)
    }

    private static func judge(_ capability: Capability, _ snapshot: InstanceSnapshot) -> (Answer, String, String?) {
        let edit = HelpfulCommands.editing(snapshot.instance)
        let install = HelpfulCommands.command(code: "timer-disabled", instance: snapshot.instance)
        func timer(_ timer: TimerState?, _ name: String) -> (Answer, String, String?) {
            guard let timer else {
                return (.no, "no job \(name) is declared with a schedule: add it under `jobs:`", edit)
            }
            return switch timer.unit.health {
            case .up: (.yes, "", nil)
            case .unknown: (.unknown, "systemd did not answer", "hermes-ops-runner units status")
            case .degraded, .down, .disabled: (.no, "\(timer.unit.unit.rawValue) is not running", install)
            }
        }
        func flag(_ value: Bool?, _ missing: String, _ command: String?) -> (Answer, String, String?) {
            (value.map { $0 ? .yes : .no } ?? .unknown, value == nil ? "it could not be found out" : missing, command)
        }
        switch capability {
        case .backupTimer: return timer(snapshot.backup.timer, "backup")
        case .repositoryPushed:
            let repo = snapshot.backup.repo
            guard repo.probe.isOk else {
                let isAbsent = repo.probe.reason == .notFound || repo.probe.reason == .notConfigured
                return (
                    isAbsent ? .no : .unknown,
                    isAbsent ? "there is no backup repository" : "the repository could not be read",
                    isAbsent ? "hermes-ops-runner run backup" : "hermes-ops-runner doctor"
                )
            }
            guard repo.head != nil else { return (.no, "the repository has no commit", "hermes-ops-runner run backup") }
            if repo.remoteConfigured == false {
                return (.no, "the repository has no remote: add `remote:` to `repository:`", edit)
            }
            guard repo.remoteConfigured == true, let waiting = repo.unpushedCommits else {
                return (.unknown, "what was pushed is not known", "hermes-ops-runner doctor")
            }
            guard waiting.value == 0 else {
                return (.no, "\(waiting.value) commits were never pushed", "hermes-ops-runner run backup")
            }
            return repo.freshness == .fresh
                ? (.yes, "", nil) : (.no, "the backup is \(repo.freshness.rawValue)", "hermes-ops-runner run backup")
        case .driveBundle:
            guard snapshot.drive.timer != nil || snapshot.drive.lastUpload != nil else {
                return (.no, "no upload of a bundle is declared: add `bundle:`, `stores:` and the job", edit)
            }
            if snapshot.drive.encrypted == false {
                return (.no, "the bundle is not encrypted: add `recipients:` to `bundle:`", edit)
            }
            return switch snapshot.drive.freshness {
            case .fresh: (.yes, "", nil)
            case .unknown: (.unknown, "when a bundle was uploaded is not known", "hermes-ops-runner history")
            case .late, .stale, .never:
                (.no, "the bundle is \(snapshot.drive.freshness.rawValue)", "hermes-ops-runner history")
            }
        case .watchdog: return timer(snapshot.watchdog.timer, "watchdog")
        case .restoreDrill:
            return flag(
                snapshot.restoreDrill.overdue.map { !$0 }, "no drill passed within 92 days", "hermes-ops-runner drill")
        case .drillReminder:
            return timer(snapshot.timers.first { $0.name.rawValue == "restore-drill-reminder" }, "drill-reminder")
        case .exporter:
            // The snapshot at hand was made; whether the next one will be is the timer's affair.
            let exporter = snapshot.timers.first { $0.name.rawValue == "exporter" }
            return timer(exporter, "exporter")
        case .notificationTested:
            guard let state = snapshot.notifications, state.configured else {
                return (.no, "no notification is configured: add `notify:`", edit)
            }
            return switch state.lastOutcome {
            case .delivered: (.yes, "", nil)
            case .failed: (.no, "the last message did not arrive", "hermes-ops-runner notify test")
            case .never, .unknown: (.no, "no message was ever sent", "hermes-ops-runner notify test")
            }
        case .credentialModes:
            return flag(
                snapshot.policy?.credentialModesOk, "other users can read credentials",
                HelpfulCommands.command(code: "credential-modes", instance: snapshot.instance))
        case .redactionSettings:
            return flag(
                snapshot.policy?.redactSecrets, "security.redact_secrets is off",
                "hermes config set security.redact_secrets true")
        }
    }
}
