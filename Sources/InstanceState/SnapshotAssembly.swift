internal import HermesHome
internal import Support
internal import SystemPackage

extension InstanceReadings {
    /// The snapshot of these readings, without its warnings.
    func snapshot(sequence: Int) -> InstanceSnapshot {
        let probes = probes
        let answer = systemd
        let scope = description.scope
        let backupJob = job(.backup)
        let watchdogJob = job(.watchdog)
        return InstanceSnapshot(
            instance: InstanceReference(
                id: Slug(making: description.id), label: SafeText(showing: description.label),
                user: UserName(rawValue: description.user) ?? UserName(unchecked: "unknown"), scope: scope,
                hermesHome: PlainPath(rawValue: description.home.path.string)),
            generatedAt: moment, validUntil: moment + description.validFor, sequence: Count(sequence),
            exporter: .init(
                version: description.version, durationMs: Count(duration.wholeMilliseconds),
                systemdVersion: Count(systemdVersion ?? 0),
                bootedAt: host.value?.booted, probesOk: Count(probes.count { $0.isOk }),
                probesFailed: Count(probes.count { $0.status == .failed })),
            health: .unknown,
            host: .init(
                probe: host.probe, diskUsed: host.value?.diskUsed, memoryUsed: host.value?.memoryUsed,
                load1: host.value?.load1,
                uptimeSeconds: host.value?.uptime.map { Count($0) }),
            gateway: .init(
                service: answer.state(of: Self.gatewayUnit(of: description), scope), linger: linger,
                state: gatewayState,
                activeAgents: gatewayRuns ? gateway.activeAgents.map { Count($0) } : nil, platforms: platforms),
            dashboard: dashboard,
            backup: .init(
                timer: answer.timer(of: backupJob, scope), lastRun: backupJob.lastRun, repo: repo(backupJob),
                payload: payloadPart),
            drive: drive, restoreDrill: drillPart,
            timers: Array(
                description.jobs.filter { $0.schedule != nil && !hasOwnPart($0) }
                    .map { answer.timer(of: $0, scope, isFirst: isFirst($0)) }.prefix(64)),
            cron: cronPart, sessions: sessionsPart,
            memory: .init(
                probe: memories.probe, entries: memories.value.map { Count($0.agent?.entries ?? 0) },
                userEntries: memories.value.map { Count($0.user?.entries ?? 0) },
                bytes: memories.value.map { Count($0.bytes) },
                updatedAt: memories.value?.modified),
            skills: .init(
                probe: skills.probe, total: skills.value.map { Count($0.skills.count) },
                enabled: skills.value.map { Count($0.enabled) },
                archived: skills.value.map { Count($0.archived) }),
            watchdog: .init(
                timer: answer.timer(of: watchdogJob, scope), lastRun: watchdogJob.lastRun, alerts24h: 0, openAlerts: 0,
                alerts: []),
            network: .init(
                probe: network.probe, tailscaleIp: network.value?.tailscale, tailscaleUp: network.value?.isTailscaleUp,
                publicListeners: network.value.map { Count($0.publicListeners.count) }),
            policy: .init(
                redactSecrets: settings.value?.redactsSecrets, redactPii: settings.value?.redactsPersonalData,
                approvals: settings.value.flatMap { .init(rawValue: $0.approvals.rawValue) } ?? .unknown,
                credentialModesOk: credentials.value.map { files in !files.contains(where: \.isExposed) }),
            notifications: description.notifications, warnings: [])
    }

    /// Whether no job before it has its role.
    private func isFirst(_ job: ObservedJob) -> Bool { self.job(job.role).name == job.name }

    /// Whether its timer stands in a part of its own.
    private func hasOwnPart(_ job: ObservedJob) -> Bool {
        [.backup, .drive, .watchdog].contains(job.role) && isFirst(job)
    }

    var gatewayRuns: Bool {
        if case .running = gateway.liveness { true } else { false }
    }

    private var gatewayState: InstanceSnapshot.Gateway.State {
        switch gateway.liveness {
        case .unknown: .unknown
        case .stopped: gateway.reportedState == "startup_failed" ? .startupFailed : .stopped
        case .running:
            switch gateway.reportedState {
            case "starting": .starting
            case "draining": .draining
            // The process runs, whatever it last wrote: "stopped" is what its predecessor left.
            default: .running
            }
        }
    }

    private var platforms: [InstanceSnapshot.Gateway.Platform]? {
        if case .unknown = gateway.liveness, gateway.failure != nil { return nil }
        return gateway.platforms.prefix(32).map { platform in
            let state: InstanceSnapshot.Gateway.Platform.State =
                switch (gateway.liveness, platform.state) {
                // What a dead process last wrote is no longer so.
                case (.stopped, _): .disconnected
                case (_, "connected"): .connected
                case (_, "fatal"): .error
                case (_, "connecting"), (_, "disconnected"), (_, "retrying"), (_, "paused"): .disconnected
                default: .unknown
                }
            return .init(name: Slug(making: platform.name), state: state)
        }
    }

    private var dashboard: InstanceSnapshot.Dashboard {
        let port = description.dashboardPort.flatMap { (1...65535).contains($0) ? $0 : nil }
        return .init(
            service: systemd.state(of: Self.dashboardUnit(of: description), description.scope), port: port,
            bind: network.value?.dashboard ?? .unknown,
            reachable: port == nil ? nil : network.value?.isDashboardListening)
    }

    private func repo(_ job: ObservedJob) -> InstanceSnapshot.Repository {
        let facts = repository.value
        // A run without changes makes no commit: what counts is the job's last success.
        let success = job.lastRun.map { $0.lastSuccessAt } ?? facts?.lastCommit
        var part = InstanceSnapshot.Repository(
            probe: repository.probe, head: facts?.head.flatMap(ShortHead.init(abbreviating:)),
            lastCommitAt: facts?.lastCommit,
            clean: facts?.dirtyFiles.map { $0 == 0 }, freshness: .unknown,
            maxAgeSeconds: Count(job.maxAge.components.seconds))
        part.ageSeconds = facts?.lastCommit.map { Count((moment - $0).components.seconds) }
        part.dirtyFiles = facts?.dirtyFiles.map { Count($0) }
        part.unpushedCommits = facts?.unpushedCommits.map { Count($0) }
        part.remoteConfigured = facts?.isRemoteConfigured
        part.history = facts?.history.prefix(50).compactMap { commit in
            ShortHead(abbreviating: commit.head).map {
                .init(head: $0, at: commit.at, filesChanged: commit.filesChanged.map { Count($0) })
            }
        }
        let isKnown =
            job.lastRun != nil || repository.probe.isOk || repository.probe.reason == .notFound
            || repository.probe.reason == .notConfigured
        part.freshness = isKnown ? freshness(success, job.maxAge) : .unknown
        return part
    }

    private func freshness(_ success: Timestamp?, _ maxAge: Duration) -> Freshness {
        guard let success else { return .never }
        let age = moment - success
        // What lies ahead was noted by another clock than this one.
        if age < .zero - ClockRule.tolerance { return .unknown }
        return age <= maxAge ? .fresh : age <= maxAge * 2 ? .late : .stale
    }

    private var payloadPart: Payload { payload.value ?? Payload(probe: payload.probe) }

    private var drive: InstanceSnapshot.Drive {
        let job = description.jobs.first { $0.role == .drive }
        return .init(
            timer: job.map { systemd.timer(of: $0, description.scope) }, googleTokenPresent: googleToken.value,
            lastUpload: job?.lastRun, encrypted: description.bundlesAreEncrypted,
            freshness: job.map { freshness($0.lastRun?.lastSuccessAt, $0.maxAge) } ?? .never)
    }

    private var drillPart: InstanceSnapshot.RestoreDrill {
        let runs = description.jobs.filter { $0.role == .restoreDrill }.compactMap(\.lastRun)
        let maxAge = drill.value?.maxAge ?? .seconds(92 * 86_400)
        // The receipts know; without them the ledger's word has to do.
        let verified = drill.value.map { $0.lastVerified } ?? runs.compactMap(\.lastSuccessAt).max()
        // Without a job and without a receipt it was never rehearsed; if the receipts could not be read, that is not known.
        let isKnown =
            verified != nil || drill.probe.isOk || drill.probe.status == .skipped || drill.probe.reason == .notFound
        return .init(
            lastRun: runs.max { ($0.finishedAt?.seconds ?? 0) < ($1.finishedAt?.seconds ?? 0) }, lastVerified: verified,
            restored: drill.value?.restored,
            nextDueAt: verified.map { $0 + maxAge },
            overdue: isKnown ? verified.map { moment - $0 > maxAge } ?? true : nil)
    }

    private var cronPart: InstanceSnapshot.Cron {
        guard let cron = cron.value else { return .init(probe: cron.probe) }
        return .init(
            probe: self.cron.probe, total: Count(cron.jobs.count), enabled: Count(cron.enabled),
            failing: Count(cron.failing),
            jobs: cron.jobs.prefix(100).map { job in
                .init(
                    id: CronJobIdentifier(rawValue: job.id) ?? CronJobIdentifier(unchecked: "unnamed"),
                    name: SafeText(showing: job.name), enabled: job.isEnabled,
                    schedule: SafeText(showing: job.schedule),
                    lastRunAt: job.lastRun, nextRunAt: job.nextRun,
                    lastStatus: .init(rawValue: job.lastStatus.rawValue) ?? .unknown)
            })
    }

    private var sessionsPart: InstanceSnapshot.Sessions {
        guard let database = state.value else {
            // A home whose state.db was never made has no sessions: nothing failed.
            if inspection.isHome, state.probe.status == .skipped {
                return .init(probe: .ok(at: moment), active: 0, total: 0, archived: 0, messages: 0)
            }
            return .init(probe: state.probe)
        }
        var bySource: [String: Count] = [:]
        for (source, count) in database.sessionsBySource.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            let name = isSourceName(source) ? source : "other"
            let key = bySource.count < 31 || bySource[name] != nil ? name : "other"
            bySource[key] = Count((bySource[key]?.value ?? 0) + count)
        }
        return .init(
            probe: state.probe, active: Count(database.activeSessions), total: Count(database.sessions),
            archived: Count(database.archivedSessions), messages: Count(database.messages),
            started24h: Count(database.sessionsStartedLastDay), messages24h: Count(database.messagesLastDay),
            lastActivityAt: database.lastActivity, bySource: bySource)
    }
}
