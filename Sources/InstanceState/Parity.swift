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
        /// A `notify test` that arrived within 92 days.
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
        func command(_ code: String, _ job: String?) -> String? {
            HelpfulCommands.command(code: code, instance: snapshot.instance, job: job)
        }
        func warning(_ code: String) -> String? {
            snapshot.warnings.first { $0.code.rawValue == code }.map {
                $0.message.rawValue.prefix(1).lowercased() + $0.message.rawValue.dropFirst()
            }
        }
        /// - Parameter what: what a job must have to count as one.
        func timer(_ timer: TimerState?, _ what: String) -> (Answer, String, String?) {
            guard let timer else {
                return (.no, "no job with \(what) has a schedule: add one under `jobs:`", edit)
            }
            return switch timer.unit.health {
            case .up: (.yes, "", nil)
            case .unknown: (.unknown, "systemd did not answer", "hermes-ops-runner units status")
            case .disabled where timer.unit.load == .masked:
                (.no, "\(timer.unit.unit.rawValue) is masked", command("timer-masked", timer.job))
            case .degraded, .down, .disabled: (.no, "\(timer.unit.unit.rawValue) is not running", install)
            }
        }
        let backup = command("backup-late", snapshot.backup.timer.job)
        func flag(_ value: Bool?, _ missing: String, _ command: String?) -> (Answer, String, String?) {
            (value.map { $0 ? .yes : .no } ?? .unknown, value == nil ? "it could not be found out" : missing, command)
        }
        switch capability {
        case .backupTimer: return timer(snapshot.backup.timer, "a `commit` step")
        case .repositoryPushed:
            let repo = snapshot.backup.repo
            guard repo.probe.isOk else {
                let isAbsent = repo.probe.reason == .notFound || repo.probe.reason == .notConfigured
                return (
                    isAbsent ? .no : .unknown,
                    isAbsent ? "there is no backup repository" : "the repository could not be read",
                    isAbsent ? backup : "hermes-ops-runner doctor"
                )
            }
            guard repo.head != nil else { return (.no, "the repository has no commit", backup) }
            if repo.remoteConfigured == false {
                return (.no, "the repository has no remote: add `remote:` to `repository:`", edit)
            }
            guard repo.remoteConfigured == true, let waiting = repo.unpushedCommits else {
                return (.unknown, "what was pushed is not known", "hermes-ops-runner doctor")
            }
            guard waiting.value == 0 else {
                return (.no, "\(waiting.value) commits were never pushed", backup)
            }
            return repo.freshness == .fresh
                ? (.yes, "", nil) : (.no, "the backup is \(repo.freshness.rawValue)", backup)
        case .driveBundle:
            guard snapshot.drive.timer != nil || snapshot.drive.lastUpload != nil else {
                return (.no, "no upload of a bundle is declared: add `bundle:`, `stores:` and the job", edit)
            }
            if snapshot.drive.encrypted == false {
                return (.no, "the bundle is not encrypted: add `recipients:` to `bundle:`", edit)
            }
            let history = command("bundle-late", snapshot.drive.timer?.job)
            return switch snapshot.drive.freshness {
            case .fresh: (.yes, "", nil)
            case .unknown: (.unknown, "when a bundle was uploaded is not known", history)
            case .never: (.no, "no bundle was ever uploaded", history)
            case .late, .stale: (.no, "the bundle is \(snapshot.drive.freshness.rawValue)", history)
            }
        case .watchdog: return timer(snapshot.watchdog.timer, "a `watchdog` step")
        case .restoreDrill:
            let drill = snapshot.timers.first { $0.name.rawValue == "restore-drill" }
            return flag(
                snapshot.restoreDrill.overdue.map { !$0 }, "no drill passed within 92 days",
                command("drill-overdue", drill?.job))
        case .drillReminder:
            return timer(snapshot.timers.first { $0.name.rawValue == "restore-drill-reminder" }, "a `remind` step")
        case .exporter:
            // The snapshot at hand was made; whether the next one will be is the timer's affair.
            let exporter = snapshot.timers.first { $0.name.rawValue == "exporter" }
            return timer(exporter, "a `snapshot` step")
        case .notificationTested:
            guard let state = snapshot.notifications, state.configured else {
                return (.no, "no notification is configured: add `notify:`", edit)
            }
            let test = command("notifications-untested", nil)
            if let doubt = warning("notifications-untested") { return (.no, doubt, test) }
            return switch state.lastOutcome {
            case .delivered: (.yes, "", nil)
            case .failed: (.no, "the last message did not arrive", test)
            case .never, .unknown: (.no, "no message was ever sent", test)
            }
        case .credentialModes:
            return flag(
                snapshot.policy?.credentialModesOk,
                warning("credential-modes") ?? "credential files have modes that let other users read them",
                command("credential-modes", nil))
        case .redactionSettings:
            return flag(
                snapshot.policy?.redactSecrets, "security.redact_secrets is off",
                "hermes config set security.redact_secrets true")
        }
    }
}

extension TimerState {
    /// The name of the job that it starts.
    fileprivate var job: String? {
        guard let unit = triggers?.rawValue, unit.hasPrefix("hermes-ops@"), unit.hasSuffix(".service") else {
            return nil
        }
        return String(unit.dropFirst(11).dropLast(8))
    }
}
