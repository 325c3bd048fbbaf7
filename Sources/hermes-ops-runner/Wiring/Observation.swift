internal import Foundation
internal import GitBackup
internal import Glibc
internal import HermesHome
internal import InstanceState
internal import Jobs
internal import Notify
internal import Support
internal import SystemPackage

extension Session {
    /// The name of the user who runs this.
    var userName: String { getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? String(user) }

    /// One who looks at the instance and judges it by the configuration's thresholds.
    func exporter(_ configuration: Configuration) -> InstanceExporter {
        InstanceExporter(
            observer: InstanceObserver(commands: SystemCommandRunner(), time: SystemTime()),
            watchdog: Watchdog(thresholds: WatchdogThresholds(configuration.watchdog)))
    }

    /// What the configuration and the ledger tell of the instance.
    func description(_ configuration: Configuration) async throws -> InstanceDescription {
        var description = InstanceDescription(
            id: configuration.instance.id, label: configuration.instance.label, user: userName, userID: user,
            scope: user == 0 ? .system : .user, home: configuration.instance.hermesHome, userHome: locations.home,
            version: Version.current)
        for unit in configuration.snapshot.units {
            if unit.name.contains("gateway") { description.gatewayUnit = unit.name }
            if unit.name.contains("dashboard") { description.dashboardUnit = unit.name }
        }
        description.dashboardPort = configuration.snapshot.dashboardPort
        description.validFor = configuration.snapshot.validFor
        description.payload = configuration.repository.map { $0.path.appending(BackupRepository.standardFolder) }
        description.bundlesAreEncrypted = configuration.bundle.map { !$0.recipients.isEmpty }
        description.driveCredentials = configuration.driveCredentialFiles
        description.credentialFiles = configuration.credentials.values.compactMap(\.reference.file).sorted {
            $0.bytes.lexicographicallyPrecedes($1.bytes)
        }
        description.notifications = notifications(configuration)
        description.notificationTest = notificationTest
        description.jobs = try await observedJobs(configuration)
        ResidentCode.release()
        return description
    }

    private func notifications(_ configuration: Configuration) -> InstanceSnapshot.Notifications {
        let state = NotifyState.read(stateDirectory: stateDirectory)
        let isConfigured = configuration.notify.telegram != nil
        return .init(
            channel: isConfigured ? .telegram : .none, configured: isConfigured, lastSentAt: state.lastSentAt,
            lastOutcome: .init(rawValue: state.lastOutcome.rawValue) ?? .unknown, pending: state.waiting)
    }

    private var notificationTest: NotificationTest {
        do {
            guard let test = try NotifyTestRecord.read(stateDirectory: stateDirectory) else { return .never }
            return test.outcome == .delivered ? .delivered(at: test.at) : .failed(type: test.errorType)
        } catch {
            return .unknown((error as? OperatorError)?.description ?? "its record cannot be read")
        }
    }

    private func observedJobs(_ configuration: Configuration) async throws -> [ObservedJob] {
        let runs = try RunStore(stateDirectory: stateDirectory)
        let ledger = try ledger(runs)
        let memory = ElapseMemory(file: stateDirectory.appending("elapses.json"), ask: nextElapse)
        let board = StatusBoard(
            configuration: configuration, stateDirectory: stateDirectory, runs: runs, version: Version.current,
            time: SystemTime(), nextElapse: { await memory.nextElapse($0, after: $1) })
        let report = try await board.report(from: ledger, withNextDue: false)
        var jobs: [ObservedJob] = []
        for (declaration, status) in zip(configuration.jobs, report.jobs) {
            let role = ObservedJob.Role(rawValue: declaration.kind.rawValue) ?? .other
            var job = ObservedJob(
                name: declaration.name, role: role, schedule: declaration.schedule,
                maxAge: configuration.watchdog.maxAge(of: role))
            job.maxDelay = declaration.randomizedDelay
            job.isLate = status.late
            job.isInterrupted = status.state == .interrupted
            if status.state == .running, status.late == true { job.hungSince = status.running?.startedAt }
            if let schedule = declaration.schedule, let success = status.lastSuccess?.finishedAt,
                case .at(let due) = await memory.nextElapse(schedule, after: success)
            {
                job.dueAfterSuccess = due
            }
            job.lastRun = status.lastRun.map { LastRun($0, status) }
            for entry in try ledger.history(job: declaration.name, limit: 1000) where !entry.dryRun {
                guard let outcome = entry.outcome.flatMap({ Outcome(rawValue: $0.rawValue) }) else { continue }
                job.runs[outcome, default: 0] += 1
            }
            jobs.append(job)
        }
        await memory.save(schedules: configuration.schedules)
        return jobs
    }

    /// What commands of this program must be told to work on this instance, for advice: nothing where everything is in its usual place.
    var adviceOptions: String {
        let usual = StandardLocations(environment: [:], user: user, home: locations.home)
        let places = [
            ("--config", configurationFile, usual.configuration), ("--state-dir", stateDirectory, usual.state),
        ]
        return places.filter { $0.1 != $0.2 }.map { option, place, _ in
            " \(option) \(place.shellWord)"
        }.joined()
    }

    /// A piece of advice that ends in a command of this program, made to work on this instance.
    func completing(_ advice: String) -> String {
        guard let start = advice.range(of: "hermes-ops-runner ", options: .backwards),
            !advice[start.upperBound...].contains(";")
        else { return advice }
        return advice + adviceOptions
    }

    /// Where an instance's other parts come from.
    func sources(_ configuration: Configuration, jobs: [ObservedJob]) -> InstanceSources {
        let maxAge = configuration.watchdog.maxDrillAge
        let passed = jobs.filter { $0.role == .restoreDrill }.compactMap { $0.lastRun?.lastSuccessAt }.max()
        let hasDrill = jobs.contains { $0.role == .restoreDrill }
        let session = self
        return InstanceSources(
            repository: { try await session.repositoryFacts(configuration) },
            drill: {
                guard hasDrill else { throw HomeFailure(.notConfigured, "no drill is declared") }
                return DrillFacts(lastVerified: passed, maxAge: maxAge)
            })
    }

    private func repositoryFacts(_ configuration: Configuration) async throws -> RepositoryFacts {
        guard let config = configuration.repository else { throw HomeFailure(.notConfigured, "no repository") }
        let repository = try BackupRepository(
            .init(
                path: config.path, remote: try config.remote.map(RemoteAddress.init) ?? .local(config.path),
                branch: config.branch, identity: Identity(name: "hermes-ops-runner", email: "none@invalid")))
        guard let state = try await repository.look() else {
            throw HomeFailure(.notFound, "\(config.path.printable) is not there")
        }
        return RepositoryFacts(
            head: state.head?.description, lastCommit: state.committedAt, dirtyFiles: state.dirtyFiles,
            unpushedCommits: config.remote == nil ? nil : state.unpushedCommits,
            oldestUnpushed: state.oldestUnpushed,
            isRemoteConfigured: config.remote != nil,
            history: state.history.map { (head: $0.commit.description, at: $0.at, filesChanged: nil) })
    }
}

extension LastRun {
    fileprivate init(_ run: JobStatus.Run, _ status: JobStatus) {
        self.init(
            runId: RunIdentifier(rawValue: run.runId),
            outcome: run.outcome.flatMap { Outcome(rawValue: $0.rawValue) } ?? .unknown, startedAt: run.startedAt,
            finishedAt: run.finishedAt, durationMs: run.durationMs.map { Count($0) },
            lastSuccessAt: status.lastSuccess?.finishedAt, failuresSinceSuccess: Count(status.failuresSince))
    }
}

extension WatchdogConfig {
    fileprivate func maxAge(of role: ObservedJob.Role) -> Duration {
        switch role {
        case .drive: maxBundleAge
        case .restoreDrill, .drillReminder: maxDrillAge
        default: maxBackupAge
        }
    }
}

extension WatchdogThresholds {
    init(_ config: WatchdogConfig) {
        self.init()
        minFreeDiskBytes = config.minFreeDisk
        minFreeDiskFraction = Double(config.minFreeDiskPercent) / 100
        minFreeMemoryBytes = config.minFreeMemory
        cronFailuresCritical = config.maxCronFailures
        cronHeartbeatSeconds = Int(config.maxTickerAge.components.seconds)
        unpushedSeconds = Int(config.maxUnpushedAge.components.seconds)
        walBytes = config.maxWALSize
    }
}

extension CredentialReference {
    /// The file on disk that holds the value; nil where there is none, or systemd alone knows it.
    var file: FilePath? {
        switch self {
        case .file(let path), .dotenv(let path, _): path
        case .systemd, .command, .environment: nil
        }
    }
}

extension Configuration {
    /// The names of the credentials of its Drive stores.
    var driveCredentials: [String] {
        stores.values.sorted { $0.name < $1.name }.compactMap { store in
            if case .drive(_, let credential) = store.place { return credential }
            return nil
        }
    }

    /// The files that hold them.
    var driveCredentialFiles: [FilePath] { driveCredentials.compactMap { credentials[$0]?.reference.file } }

    /// What is missing where the repository has a remote that no job pushes to: its commits wait for ever.
    var missingPush: String? {
        guard repository?.remote != nil, jobs.contains(where: { $0.uses(.commit) }),
            !jobs.contains(where: { $0.uses(.push) })
        else { return nil }
        return "no job has a `push` step: what is committed never reaches the remote"
    }

    /// What is wrong with the group that snapshots are handed to, where any are made.
    var missingSnapshotGroup: String? {
        let isMade = jobs.contains { job in job.allSteps.contains { $0.action.kind == .snapshot } }
        return isMade ? SnapshotFiles.missing(snapshot.group) : nil
    }
}
