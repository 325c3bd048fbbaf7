internal import HermesHome
internal import Support

/// One thing that a rule found.
struct Finding: Sendable {
    var code: String
    var severity: Severity
    /// JSON Pointer into the snapshot.
    var subject: String
    var message: String
    /// Tells two findings of one code and subject apart: a job's id rather than its place in a list.
    var key = ""

    init(_ code: String, _ severity: Severity, _ subject: String, _ message: String, key: String = "") {
        self.code = code
        self.severity = severity
        self.subject = subject
        self.message = message
        self.key = key
    }

    /// The key of what concerns one job.
    static func key(_ what: String, _ job: ObservedJob) -> String { "\(what)-\(job.name)" }

    /// The same for the same trouble in every run.
    static func fingerprint(_ instance: Slug, code: String, key: String) -> Fingerprint {
        Fingerprint(of: [instance.rawValue, code, key])
    }
}

/// What a rule says.
enum Verdict: Sendable {
    case found([Finding])
    /// It could not find out, and why: what it said before stands.
    case unknown(String)
    /// The same, because the answer took too long: as a rule it comes the next time.
    case slow(String)
    /// What was found where it could look. What it said before of the codes that it could not examine stands, and why it could not.
    case partly([Finding], unexamined: [String], String)
    /// This instance has nothing that the rule is about.
    case inapplicable

    static let fine = Verdict.found([])

    /// For a reading without a value.
    static func unknown(_ observation: Observation<some Sendable>) -> Verdict {
        let reason = reason(observation)
        return observation.probe.reason == .timeout ? .slow(reason) : .unknown(reason)
    }

    static func unknown(_ probe: Probe) -> Verdict {
        probe.reason == .timeout ? .slow(reason(probe)) : .unknown(reason(probe))
    }

    /// Why a reading has no value.
    static func reason(_ observation: Observation<some Sendable>) -> String {
        observation.detail.flatMap { $0.isEmpty ? nil : $0 } ?? reason(observation.probe)
    }

    static func reason(_ probe: Probe) -> String {
        switch probe.reason {
        case .timeout?: "it took too long"
        case .noBus?:
            "the user's manager of systemd cannot be reached from here: log in as that user, or set XDG_RUNTIME_DIR"
        case .managerDown?: "systemd's manager does not run"
        case .permission?: "this user may not look"
        case .notFound?: "it is not there"
        case .badOutput?: "the answer was not understood"
        case .notConfigured?: "it is not declared"
        case .unsupported?: "it is newer or other than what this program knows"
        case .internal?, nil: "it could not be looked at"
        }
    }
}

/// A rule with every code that it may raise.
struct WatchdogRule: Sendable {
    /// What is so when all is well.
    var title: String
    var codes: [String]
    /// That it cannot be found out is worth a warning: else nobody would hear of a backup that is not looked after.
    var mustBeKnown = false
    var judge: @Sendable (WatchdogContext) -> Verdict
}

/// What rules judge: the readings, the snapshot made of them, what was before, and from which values on to speak.
struct WatchdogContext: Sendable {
    var readings: InstanceReadings
    var snapshot: InstanceSnapshot
    var memory: WatchdogMemory
    var thresholds: WatchdogThresholds

    var now: Timestamp { readings.moment }

    func age(_ moment: Timestamp) -> Int { Int((now - moment).components.seconds) }
}

/// The rules over an instance: silent when all is well.
public struct Watchdog: Sendable {
    public var thresholds: WatchdogThresholds

    public init(thresholds: WatchdogThresholds = WatchdogThresholds()) { self.thresholds = thresholds }

    /// Every code that a warning of an instance may bear; docs/operations.md has a heading for each.
    public static var codes: [String] { rules.flatMap(\.codes) + [notChecked] }

    /// What must be known and could not be found out.
    static let notChecked = "not-checked"

    static let rules: [WatchdogRule] =
        GatewayRules.all + HermesRules.all + BackupRules.all + MachineRules.all

    /// Completes a snapshot: its warnings with their beginnings, the watchdog's part and the overall health; and remembers.
    func complete(_ snapshot: inout InstanceSnapshot, _ readings: InstanceReadings, _ memory: inout WatchdogMemory) {
        var context = WatchdogContext(readings: readings, snapshot: snapshot, memory: memory, thresholds: thresholds)
        CronRoll.call(&context)
        let now = readings.moment
        let before = Dictionary(memory.open.map { ($0.fingerprint, $0) }) { first, _ in first }
        var open: [Warning] = []
        var unchecked: [String: Timestamp] = [:]
        for rule in Self.rules {
            let verdict = rule.judge(context)
            switch verdict {
            case .found(let findings):
                open += findings.map { warning($0, snapshot.instance, before, now) }
            case .unknown(let reason), .slow(let reason):
                // Not being able to look settles nothing.
                open += memory.open.filter { rule.codes.contains($0.code.rawValue) }
                let isNew = memory.unchecked?[rule.title] == nil
                unchecked[rule.title] = memory.unchecked?[rule.title] ?? now
                // One slow answer on a busy machine wakes nobody.
                if case .slow = verdict, isNew { continue }
                if rule.mustBeKnown {
                    open.append(warning(Self.doubt(rule, reason), snapshot.instance, before, now))
                }
            case .partly(let findings, let unexamined, _):
                if !unexamined.isEmpty { unchecked[rule.title] = memory.unchecked?[rule.title] ?? now }
                open += findings.map { warning($0, snapshot.instance, before, now) }
                open += memory.open.filter { unexamined.contains($0.code.rawValue) }
            case .inapplicable: break
            }
        }
        var seen: Set<Fingerprint> = []
        open = open.filter { seen.insert($0.fingerprint).inserted }
        open.sort {
            ($1.severity, $0.since, $0.fingerprint.rawValue) < ($0.severity, $1.since, $1.fingerprint.rawValue)
        }
        open = Array(open.prefix(100))

        memory = context.memory
        memory.sequence = snapshot.sequence.value
        memory.unchecked = unchecked
        memory.remember(open, at: now)
        snapshot.warnings = open
        snapshot.watchdog.alerts = memory.alerts
        snapshot.watchdog.openAlerts = Count(open.count)
        snapshot.watchdog.alerts24h = Count(memory.alerts.count { context.age($0.at) < 86_400 })
        snapshot.health = Self.health(snapshot)
    }

    /// The answer of every rule that has something to judge here, the good ones too: what `doctor` lists.
    func checkup(_ readings: InstanceReadings) -> [Check] {
        let snapshot = readings.snapshot(sequence: 0)
        let context = WatchdogContext(
            readings: readings, snapshot: snapshot, memory: WatchdogMemory(), thresholds: thresholds)
        return Self.rules.compactMap { rule in
            switch rule.judge(context) {
            case .inapplicable: nil
            case .unknown(let reason), .slow(let reason):
                Check(title: rule.title, outcome: .unknown, reason: reason, warnings: [])
            case .found(let findings): check(rule, findings, readings, snapshot)
            case .partly(let findings, let unexamined, let reason):
                check(rule, findings, readings, snapshot, unknown: unexamined.isEmpty ? nil : reason)
            }
        }
    }

    private func check(
        _ rule: WatchdogRule, _ findings: [Finding], _ readings: InstanceReadings, _ snapshot: InstanceSnapshot,
        unknown: String? = nil
    ) -> Check {
        Check(
            title: rule.title, outcome: !findings.isEmpty ? .fails : unknown == nil ? .holds : .unknown,
            reason: unknown, warnings: findings.map { warning($0, snapshot.instance, [:], readings.moment) })
    }

    private static func doubt(_ rule: WatchdogRule, _ reason: String) -> Finding {
        Finding(
            notChecked, .warn, "/watchdog",
            "Not known: whether \(rule.title.prefix(1).lowercased())\(rule.title.dropFirst()). \(reason)",
            key: rule.title)
    }

    private func warning(
        _ finding: Finding, _ instance: InstanceReference, _ before: [Fingerprint: Warning], _ now: Timestamp
    ) -> Warning {
        let fingerprint = Finding.fingerprint(
            instance.id, code: finding.code, key: finding.key.isEmpty ? finding.subject : finding.key)
        let code = Slug(making: finding.code)
        return Warning(
            code: code, severity: finding.severity,
            subject: Pointer(rawValue: finding.subject) ?? Pointer(unchecked: "/health"),
            message: SafeText(showing: finding.message), since: before[fingerprint]?.since ?? now, lastSeenAt: now,
            fingerprint: fingerprint, runbook: Self.runbook(for: code),
            acknowledgedAt: before[fingerprint]?.acknowledgedAt)
    }

    /// The page that helps: a heading per code.
    static func runbook(for code: Slug) -> RunbookAnchor? {
        RunbookAnchor(
            rawValue: "docs/operations.md#\(code.rawValue.replacing(".", with: "-").replacing("_", with: "-"))")
    }

    /// The instance as a whole: the gateway decides between up and down, a critical warning makes it degraded.
    static func health(_ snapshot: InstanceSnapshot) -> Health {
        let codes = Set(snapshot.warnings.map(\.code.rawValue))
        if codes.contains("home-missing") || codes.contains("gateway-down") { return .down }
        let isCritical = snapshot.warnings.contains { $0.severity == .critical }
        switch (snapshot.gateway.state, snapshot.gateway.service.health) {
        case (.startupFailed, _): return .down
        case (.running, .degraded), (.starting, _), (.draining, _): return .degraded
        case (.running, _): return isCritical || codes.contains("gateway-degraded") ? .degraded : .up
        case (.stopped, .unknown), (.unknown, _): return .unknown
        case (.stopped, .up), (.stopped, .degraded): return .degraded
        case (.stopped, .down): return .down
        case (.stopped, .disabled): return isCritical ? .degraded : .disabled
        }
    }
}

extension WatchdogMemory {
    /// Keeps what is open, and the alerts of the last day.
    mutating func remember(_ now: [Warning], at moment: Timestamp) {
        let before = Set(open.map(\.fingerprint))
        let isOpen = Set(now.map(\.code))
        for index in alerts.indices where alerts[index].resolvedAt == nil && !isOpen.contains(alerts[index].code) {
            alerts[index].resolvedAt = moment
        }
        for warning in now where !before.contains(warning.fingerprint) {
            alerts.insert(
                Alert(
                    at: warning.since, severity: warning.severity, code: warning.code, message: warning.message,
                    resolvedAt: nil), at: 0)
        }
        alerts = Array(
            alerts.filter { $0.resolvedAt == nil && isOpen.contains($0.code) || (moment - $0.at) < .seconds(86_400) }
                .prefix(50))
        open = now
    }
}

/// Which warnings opened and closed between two looks: what a notifier sends.
public struct WarningChanges: Sendable, Hashable {
    public var raised: [Warning]
    public var resolved: [Warning]
    /// Open before and now.
    public var ongoing: [Warning]

    public init(from before: [Warning], to now: [Warning]) {
        let old = Set(before.map(\.fingerprint))
        let new = Set(now.map(\.fingerprint))
        raised = now.filter { !old.contains($0.fingerprint) }
        ongoing = now.filter { old.contains($0.fingerprint) }
        resolved = before.filter { !new.contains($0.fingerprint) }
    }
}

/// One line of a checkup.
public struct Check: Codable, Sendable, Hashable {
    public enum Outcome: String, Codable, Sendable {
        case holds, fails
        /// It could not be found out.
        case unknown
    }

    /// What is so when the check holds.
    public var title: String
    public var outcome: Outcome
    /// Why it could not be found out.
    public var reason: String?
    /// What is wrong, with ``Warning/command(for:)`` for each.
    public var warnings: [Warning]
}
