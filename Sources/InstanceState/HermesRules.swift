internal import HermesHome
internal import Support

/// Rules about what is in the home: cron jobs, the database, settings, credentials.
enum HermesRules {
    static let all: [WatchdogRule] = [home, cron, vanished, overdue, database, settings, credentials]

    private static let home = WatchdogRule(
        title: "The Hermes home is there", codes: ["home-missing"], mustBeKnown: true
    ) { context in
        switch context.readings.inspection {
        case .home: .fine
        case .missing:
            .found([Finding("home-missing", .critical, "/instance/hermesHome", "The Hermes home is not there")])
        case .empty:
            .found([Finding("home-missing", .critical, "/instance/hermesHome", "The Hermes home is an empty folder")])
        case .notAHome(let found):
            .found([
                Finding(
                    "home-missing", .critical, "/instance/hermesHome",
                    "What stands at the home's path is no Hermes home: \(found)")
            ])
        case .unreadable(let failure): .unknown(failure.detail)
        }
    }

    private static let cron = WatchdogRule(
        title: "Cron jobs succeed",
        codes: ["cron-failed", "cron-delivery-failed", "cron-prompt-lost", "cron-unreadable"]
    ) { context in
        guard let cron = context.readings.cron.value else {
            guard context.readings.cron.probe.reason == .badOutput else { return .unknown(context.readings.cron) }
            return .found([
                Finding("cron-unreadable", .critical, "/cron", "cron/jobs.json cannot be read: no cron job runs")
            ])
        }
        var findings: [Finding] = []
        for (index, job) in cron.jobs.enumerated() where job.isEnabled {
            let subject = index < 100 ? "/cron/jobs/\(index)" : "/cron/jobs"
            let name = printable(job.name, limit: 80)
            switch job.lastStatus {
            case .error:
                let times = context.readings.cronFailures.value?[job.id] ?? 1
                findings.append(
                    Finding(
                        "cron-failed", times >= context.thresholds.cronFailuresCritical ? .critical : .warn, subject,
                        "Cron job \(name) failed\(times > 1 ? ", \(times) times in a row" : "")",
                        key: "failed-\(job.id)"))
            case .deliveryFailed:
                findings.append(
                    Finding(
                        "cron-delivery-failed", .warn, subject,
                        "Cron job \(name) ran, but its result was not delivered", key: "delivery-\(job.id)"))
            case .ok, .never, .unknown: break
            }
            if job.promptLooksLost {
                findings.append(
                    Finding(
                        "cron-prompt-lost", .warn, subject,
                        "Cron job \(name) has its own name for a prompt: its text was lost", key: "prompt-\(job.id)"))
            }
        }
        return .found(findings)
    }

    private static let vanished = WatchdogRule(
        title: "Cron jobs are all there", codes: ["cron-vanished"]
    ) { context in
        guard let cron = context.readings.cron.value else { return .unknown(context.readings.cron) }
        let lost = context.memory.vanishedJobs
        if lost.isEmpty { return .fine }
        let names = lost.values.map(\.name.rawValue).sorted().prefix(3).joined(separator: ", ")
        return .found([
            Finding(
                "cron-vanished", cron.jobs.isEmpty ? .critical : .warn, "/cron/total",
                "\(lost.count) cron jobs are gone since the last look: \(names)")
        ])
    }

    private static let overdue = WatchdogRule(
        title: "Cron jobs run in time", codes: ["cron-overdue"]
    ) { context in
        switch context.readings.gateway.liveness {
        case .running: break
        case .stopped: return .inapplicable
        case .unknown(let failure): return .unknown(failure.detail)
        }
        guard let cron = context.readings.cron.value else { return .unknown(context.readings.cron) }
        return .found(
            cron.jobs.enumerated().compactMap { index, job in
                guard job.isEnabled, job.state == "scheduled", let next = job.nextRun,
                    context.age(next) > context.thresholds.cronOverdueSeconds
                else { return nil }
                return Finding(
                    "cron-overdue", .warn, index < 100 ? "/cron/jobs/\(index)" : "/cron/jobs",
                    "Cron job \(printable(job.name, limit: 80)) should have run \(context.age(next) / 60) minutes ago",
                    key: "overdue-\(job.id)")
            })
    }

    private static let database = WatchdogRule(
        title: "The database is sound",
        codes: ["database-damaged", "database-newer", "database-wal-large", "database-grows"]
    ) { context in
        guard let database = context.readings.state.value else {
            switch context.readings.state.probe.reason {
            case .badOutput:
                return .found([
                    Finding(
                        "database-damaged", .critical, "/sessions",
                        "state.db cannot be read: it is damaged or no database")
                ])
            case .notConfigured: return .inapplicable
            default: return .unknown(context.readings.state)
            }
        }
        var findings: [Finding] = []
        if let version = database.schemaVersion, version > StateDatabase.knownSchemaVersion {
            findings.append(
                Finding(
                    "database-newer", .info, "/sessions",
                    "state.db has schema \(version); this program knows \(StateDatabase.knownSchemaVersion)"))
        }
        if database.logSize > context.thresholds.walBytes {
            findings.append(
                Finding(
                    "database-wal-large", .warn, "/sessions",
                    "state.db-wal has grown to \(database.logSize >> 20) MiB: it is not checkpointed"))
        }
        let oldest = context.memory.sizes.first
        let growth = Int128(database.size) - Int128(oldest?.bytes ?? database.size)
        if let oldest, context.age(oldest.at) >= 3600, growth > Int128(context.thresholds.growthPerDayBytes) {
            findings.append(
                Finding(
                    "database-grows", .warn, "/sessions",
                    "state.db grew by \(growth >> 20) MiB in \(context.age(oldest.at) / 3600) hours"))
        }
        return .found(findings)
    }

    private static let settings = WatchdogRule(
        title: "Settings are safe", codes: ["redaction-off", "approvals-off", "config-broken"]
    ) { context in
        guard let settings = context.readings.settings.value else {
            guard context.readings.settings.probe.reason == .badOutput else {
                return .unknown(context.readings.settings)
            }
            return .found([
                Finding(
                    "config-broken", .critical, "/policy",
                    "config.yaml cannot be parsed: Hermes falls back to its defaults")
            ])
        }
        var findings: [Finding] = []
        if !settings.redactsSecrets {
            findings.append(
                Finding(
                    "redaction-off", .warn, "/policy/redactSecrets",
                    "Hermes writes secrets to its logs: security.redact_secrets is off"))
        }
        if settings.approvals == .off {
            findings.append(
                Finding(
                    "approvals-off", .info, "/policy/approvals",
                    "Hermes runs dangerous commands unasked: approvals.mode is off"))
        }
        return .found(findings)
    }

    private static let credentials = WatchdogRule(
        title: "Credentials are there and private", codes: ["credential-modes", "credential-missing"]
    ) { context in
        var findings: [Finding] = []
        if let files = context.readings.credentials.value {
            let exposed = files.filter(\.isExposed)
            if !exposed.isEmpty {
                let names = exposed.prefix(3).map { printable($0.path.bytes, limit: 60) }.joined(separator: ", ")
                let more = exposed.count > 3 ? " and \(exposed.count - 3) more" : ""
                let isShielded = exposed.allSatisfy(\.isShielded)
                findings.append(
                    Finding(
                        "credential-modes", isShielded ? .warn : .critical, "/policy/credentialModesOk",
                        isShielded
                            ? "Nothing but the home's own mode keeps other users from \(names)\(more)"
                            : "Other users can read \(names)\(more)"))
            }
        }
        if context.readings.googleToken.value == false {
            findings.append(
                Finding(
                    "credential-missing", .critical, "/drive/googleTokenPresent",
                    "A Drive credential is not there: no bundle can be uploaded with it"))
        }
        var unexamined = context.readings.credentials.probe.isOk ? [] : ["credential-modes"]
        if context.readings.googleToken.probe.status == .failed { unexamined.append("credential-missing") }
        let failed =
            context.readings.credentials.probe.isOk
            ? Verdict.reason(context.readings.googleToken) : Verdict.reason(context.readings.credentials)
        return .partly(findings, unexamined: unexamined, failed)
    }
}

/// Who was there before: the cron jobs and the sizes of state.db that the memory holds.
enum CronRoll {
    static func call(_ context: inout WatchdogContext) {
        let now = context.now
        if let database = context.readings.state.value {
            var sizes = context.memory.sizes.filter { now - $0.at <= .seconds(86_400) && $0.at <= now }
            if sizes.last.map({ now - $0.at >= .seconds(3600) }) ?? true {
                sizes.append(.init(at: now, bytes: database.size))
            }
            context.memory.sizes = Array(sizes.suffix(48))
        }
        guard let cron = context.readings.cron.value else { return }
        let present = Dictionary(cron.jobs.map { ($0.id, $0) }) { first, _ in first }
        var vanished = context.memory.vanishedJobs.filter { id, lost in
            present[id] == nil && now - lost.since < .seconds(context.thresholds.vanishedSeconds)
        }
        for (id, name) in context.memory.cronJobs ?? [:]
        where present[id] == nil && vanished[id] == nil && vanished.count < WatchdogMemory.jobLimit {
            vanished[id] = .init(name: name, since: now)
        }
        context.memory.vanishedJobs = vanished
        // A job that runs once deletes itself: its end is no loss.
        let lasting = present.values.filter {
            !$0.isOneShot && $0.state != "completed" && $0.id.utf8.count <= WatchdogMemory.idLimit
        }
        let kept =
            lasting.count <= WatchdogMemory.jobLimit
            ? lasting : Array(lasting.sorted { $0.id < $1.id }.prefix(WatchdogMemory.jobLimit))
        context.memory.cronJobs = kept.reduce(into: [:]) { $0[$1.id] = SafeText(showing: $1.name) }
    }
}
