internal import HermesHome
internal import Support

/// Rules about backups: the jobs and their timers, the repository, bundles, drills.
enum BackupRules {
    static let all: [WatchdogRule] = [backup, jobs, timers, repository, payload, drive, drill]

    private static let backup = WatchdogRule(
        title: "Backups are recent", codes: ["backup-never", "backup-late", "backup-stale", "backup-failed"]
    ) {
        context in
        let jobs = context.readings.jobs(.backup)
        guard let job = jobs.first else { return .inapplicable }
        var findings: [Finding] = []
        var doubt: String?
        let key = Finding.key("age", job)
        switch context.snapshot.backup.repo.freshness {
        case .fresh: break
        case .never where context.readings.isFirstRunUnderWay(.backup): break
        case .never:
            findings.append(
                Finding("backup-never", .critical, "/backup/lastRun", "No backup has ever succeeded", key: key))
        case .late:
            findings.append(
                Finding("backup-late", .warn, "/backup/repo", "The last good backup is \(age(job, context))", key: key))
        case .stale:
            findings.append(
                Finding(
                    "backup-stale", .critical, "/backup/repo", "The last good backup is \(age(job, context))", key: key)
            )
        case .unknown: doubt = "when the last backup was made is not known"
        }
        for other in jobs.dropFirst() {
            guard let freshness = freshness(other, context) else { continue }
            let isStale = freshness == .stale
            findings.append(
                Finding(
                    isStale ? "backup-stale" : "backup-late", isStale ? .critical : .warn, "/timers",
                    "The last good run of \(Slug(making: other.name)) is \(age(other, context))",
                    key: Finding.key("age", other)))
        }
        findings += jobs.compactMap { failed($0, "backup-failed", "/backup/lastRun", "Backup job", context) }
        let unexamined = doubt == nil ? [] : ["backup-never", "backup-late", "backup-stale"]
        return .partly(findings, unexamined: unexamined, doubt ?? "")
    }

    /// How old the last success of a job is that stands in no part of the snapshot; nil where it is young enough, or where the job has
    /// not been due since: then its schedule is what is meant, not the age that other jobs may reach.
    private static func freshness(_ job: ObservedJob, _ context: WatchdogContext) -> Freshness? {
        guard job.schedule != nil, let success = job.lastRun?.lastSuccessAt else { return nil }
        if let due = job.dueAfterSuccess, context.now < due + (job.maxDelay ?? .zero) { return nil }
        let age = context.now - success
        return age <= job.maxAge ? nil : age <= job.maxAge * 2 ? .late : .stale
    }

    private static func age(_ job: ObservedJob, _ context: WatchdogContext) -> String {
        guard let moment = job.lastRun?.lastSuccessAt ?? context.snapshot.backup.repo.lastCommitAt else {
            return "of unknown age"
        }
        let hours = max(0, context.age(moment)) / 3600
        return hours < 48 ? "\(hours) hours old" : "\(hours / 24) days old"
    }

    /// A job whose last run went wrong; a skip and a stop by hand did not.
    private static func failed(
        _ job: ObservedJob, _ code: String, _ subject: String, _ title: String, _ context: WatchdogContext
    ) -> Finding? {
        let outcome = job.isInterrupted ? .unknown : job.lastRun?.outcome
        guard let outcome, [.failure, .error, .timeout, .unknown].contains(outcome) else { return nil }
        let times = max(1, job.lastRun?.failuresSinceSuccess?.value ?? 1)
        let how =
            switch outcome {
            case .timeout: "ran into its time limit"
            case .unknown: "was killed before it could end"
            default: "failed"
            }
        return Finding(
            code, times >= context.thresholds.failuresCritical ? .critical : .warn, subject,
            "\(title) \(Slug(making: job.name)) \(how)\(times > 1 ? ", \(times) times in a row" : "")",
            key: Finding.key("failed", job))
    }

    private static let jobs = WatchdogRule(
        title: "Jobs succeed", codes: ["job-failed", "job-hung", "job-late", "upload-failed"]
    ) { context in
        let jobs = context.readings.description.jobs
        guard
            jobs.contains(where: {
                $0.lastRun != nil || $0.isLate == true || $0.isInterrupted || $0.hungSince != nil
            })
        else {
            return jobs.isEmpty ? .inapplicable : .unknown("no job has run yet")
        }
        var findings: [Finding] = []
        for job in jobs {
            let name = Slug(making: job.name).rawValue
            let place =
                context.snapshot.timers.firstIndex { $0.triggers == job.serviceUnit }.map { "/timers/\($0)" }
                ?? "/timers"
            switch job.role {
            // The backups' own rule tells of it.
            case .backup: break
            case .drive:
                if let failure = failed(
                    job, "upload-failed", "/drive/lastUpload", "Upload job", context)
                {
                    findings.append(failure)
                }
            case .restoreDrill: break
            // It fails exactly when other rules have something to say: that must not keep it failing.
            case .watchdog where !job.isInterrupted && job.lastRun?.outcome == .failure: break
            default:
                if let failure = failed(job, "job-failed", place, "Job", context) { findings.append(failure) }
            }
            if let since = job.hungSince {
                let hours = max(0, context.age(since)) / 3600
                let span = hours < 1 ? "\(max(0, context.age(since)) / 60) minutes" : "\(hours) hours"
                findings.append(
                    Finding(
                        "job-hung", job.role == .backup || job.role == .drive ? .critical : .warn, place,
                        "A run of \(name) does not end: it has run for \(span), past its time limit, and no other can start",
                        key: Finding.key("hung", job)))
            } else if job.isLate == true {
                findings.append(
                    Finding(
                        "job-late", .warn, place, "Job \(name) did not start when it was due",
                        key: Finding.key("late", job)))
            }
        }
        return .found(findings)
    }

    private static let timers = WatchdogRule(
        title: "Timers are enabled",
        codes: ["timer-disabled", "timer-masked", "timer-down", "service-masked", "service-missing", "service-broken"],
        mustBeKnown: true
    ) { context in
        guard context.readings.description.jobs.contains(where: { $0.schedule != nil }) else { return .inapplicable }
        guard context.readings.systemd.probe.isOk else { return .unknown(context.readings.systemd.probe) }
        var findings: [Finding] = []
        for job in context.readings.description.jobs where job.schedule != nil {
            let state = context.readings.systemd.state(of: job.timerUnit, context.snapshot.instance.scope)
            let name = job.timerUnit.rawValue
            let place =
                switch job.role {
                case .backup: "/backup/timer"
                case .drive: "/drive/timer"
                case .watchdog: "/watchdog/timer"
                default: "/timers"
                }
            let severity: Severity = job.role == .backup ? .critical : .warn
            if let service = brokenService(job, severity, context) { findings.append(service) }
            switch state.health {
            case .up, .degraded:
                // What is active and not enabled is gone at the next boot.
                guard let enabled = state.enabled, [.disabled, .masked, .enabledRuntime].contains(enabled) else {
                    continue
                }
                findings.append(
                    Finding(
                        enabled == .masked ? "timer-masked" : "timer-disabled", severity, place,
                        "\(name) is active, but not enabled: the job does not run by itself after the next boot",
                        key: Finding.key("timer", job)))
            case .unknown: break
            case .disabled:
                let (code, how) =
                    state.load == .masked
                    ? ("timer-masked", "is masked")
                    : ("timer-disabled", state.load == .notFound ? "is not installed" : "is disabled")
                findings.append(
                    Finding(
                        code, severity, place, "\(name) \(how): the job never runs by itself",
                        key: Finding.key("timer", job)))
            case .down:
                findings.append(
                    Finding(
                        "timer-down", severity, place,
                        "\(name) is enabled, but not active: the job does not run by itself",
                        key: Finding.key("timer", job)))
            }
        }
        return .found(findings)
    }

    /// A timer that elapses starts nothing where its service is masked, gone or cannot be read.
    private static func brokenService(_ job: ObservedJob, _ severity: Severity, _ context: WatchdogContext) -> Finding?
    {
        let state = context.readings.systemd.state(of: job.serviceUnit, context.snapshot.instance.scope)
        let (code, how): (String, String)
        switch state.load {
        case .masked: (code, how) = ("service-masked", "is masked")
        case .notFound:
            // Nothing at all is installed: the timer's finding says so.
            let timer = context.readings.systemd.state(of: job.timerUnit, context.snapshot.instance.scope)
            guard timer.load != .notFound else { return nil }
            (code, how) = ("service-missing", "is not installed")
        case .badSetting, .error: (code, how) = ("service-broken", "cannot be read by systemd")
        case .loaded, nil: return nil
        }
        return Finding(
            code, severity, "/timers", "\(job.serviceUnit.rawValue) \(how): the job cannot start",
            key: Finding.key("service", job))
    }

    private static let repository = WatchdogRule(
        title: "The repository is pushed",
        codes: ["repository-missing", "repository-dirty", "repository-unpushed", "repository-no-remote"],
        mustBeKnown: true
    ) { context in
        let part = context.snapshot.backup.repo
        guard let facts = context.readings.repository.value else {
            switch part.probe.reason {
            case .notConfigured: return .inapplicable
            case .notFound where context.readings.isFirstRunUnderWay(.backup): return .fine
            case .notFound:
                return .found([
                    Finding("repository-missing", .critical, "/backup/repo", "The backup repository is not there")
                ])
            default: return .unknown(context.readings.repository)
            }
        }
        var findings: [Finding] = []
        if let dirty = facts.dirtyFiles, dirty > 0 {
            findings.append(
                Finding(
                    "repository-dirty", .warn, "/backup/repo/clean",
                    "\(dirty) files of the backup repository are changed and not committed"))
        }
        if facts.isRemoteConfigured == false {
            findings.append(
                Finding(
                    "repository-no-remote", .critical, "/backup/repo/remoteConfigured",
                    "The backup repository has no remote: nothing leaves this machine"))
        } else if let waiting = facts.unpushedCommits, waiting > 0,
            facts.oldestUnpushed.map({ context.age($0) > context.thresholds.unpushedSeconds }) ?? true
        {
            findings.append(
                Finding(
                    "repository-unpushed", .critical, "/backup/repo/unpushedCommits",
                    "\(waiting) commits of the backup were never pushed"))
        }
        return .found(findings)
    }

    private static let payload = WatchdogRule(
        title: "The repository holds nothing forbidden", codes: ["payload-forbidden"]
    ) { context in
        let payload = context.snapshot.backup.payload
        guard payload.probe.isOk else {
            return payload.probe.reason == .notConfigured ? .inapplicable : .unknown(context.readings.payload)
        }
        var findings: [Finding] = []
        if let count = payload.forbiddenFiles?.value, count > 0 {
            findings.append(
                Finding(
                    "payload-forbidden", .critical, "/backup/payload/forbiddenFiles",
                    "\(count) files that must never leave this machine lie in the backup repository"))
        }
        return .found(findings)
    }

    private static let drive = WatchdogRule(
        title: "Emergency bundles are recent",
        codes: [
            "bundle-never", "bundle-late", "bundle-stale", "bundle-unencrypted",
        ]
    ) { context in
        let jobs = context.readings.jobs(.drive)
        guard let job = jobs.first else { return .inapplicable }
        var findings: [Finding] = []
        var doubt: String?
        let key = Finding.key("age", job)
        switch context.snapshot.drive.freshness {
        case .fresh: break
        case .unknown: doubt = "when the last bundle was uploaded is not known"
        case .never where context.readings.isFirstRunUnderWay(.drive): break
        case .never:
            findings.append(
                Finding(
                    "bundle-never", .critical, "/drive/lastUpload", "No emergency bundle was ever uploaded", key: key))
        case .late:
            findings.append(
                Finding("bundle-late", .warn, "/drive/lastUpload", "The emergency bundle is late", key: key))
        case .stale:
            findings.append(
                Finding("bundle-stale", .critical, "/drive/lastUpload", "The emergency bundle is out of date", key: key)
            )
        }
        for other in jobs.dropFirst() {
            guard let freshness = freshness(other, context) else { continue }
            let isStale = freshness == .stale
            findings.append(
                Finding(
                    isStale ? "bundle-stale" : "bundle-late", isStale ? .critical : .warn, "/timers",
                    "The last good run of \(Slug(making: other.name)) is \(age(other, context))",
                    key: Finding.key("age", other)))
        }
        if context.snapshot.drive.encrypted == false {
            findings.append(
                Finding("bundle-unencrypted", .critical, "/drive/encrypted", "The emergency bundle is not encrypted"))
        }
        let unexamined = doubt == nil ? [] : ["bundle-never", "bundle-late", "bundle-stale"]
        return .partly(findings, unexamined: unexamined, doubt ?? "")
    }

    private static let drill = WatchdogRule(
        title: "A restore was rehearsed", codes: ["drill-overdue", "drill-never", "drill-failed"]
    ) { context in
        let part = context.snapshot.restoreDrill
        let jobs = context.readings.description.jobs.filter { $0.role == .restoreDrill }
        var findings: [Finding] = jobs.compactMap { job in
            var failure = failed(job, "drill-failed", "/restoreDrill/lastRun", "Restore drill", context)
            failure?.severity = .critical
            return failure
        }
        // An instance that declares neither backup nor drill has nothing to rehearse.
        guard !jobs.isEmpty || context.readings.declares(.backup) || context.readings.declares(.drive) else {
            return .inapplicable
        }
        guard let overdue = part.overdue else {
            return .partly(
                findings, unexamined: ["drill-overdue", "drill-never"], Verdict.reason(context.readings.drill))
        }
        guard overdue else { return .found(findings) }
        if let verified = part.lastVerified {
            findings.append(
                Finding(
                    "drill-overdue", .warn, "/restoreDrill/nextDueAt",
                    "The last restore drill that passed was \(context.age(verified) / 86_400) days ago",
                    key: "drill-age"))
        } else if findings.isEmpty, !context.readings.isFirstRunUnderWay(.restoreDrill) {
            findings.append(
                Finding(
                    "drill-never", .warn, "/restoreDrill/lastRun", "No restore drill has ever passed", key: "drill-age")
            )
        }
        return .found(findings)
    }
}
