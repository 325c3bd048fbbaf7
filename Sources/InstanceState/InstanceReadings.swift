internal import HermesHome
public import Support
internal import SystemPackage

/// Everything that one look at an instance brought, each part with its own outcome; the snapshot is made of it, and the rules judge it.
struct InstanceReadings: Sendable {
    var description: InstanceDescription
    var moment: Timestamp
    var duration = Duration.zero
    var inspection: HomeInspection
    var systemd: SystemdProbe.Answer
    var systemdVersion: Int?
    var linger: Bool?
    var host: Observation<HostProbe.Reading>
    var network: Observation<NetworkProbe.Reading>
    var gateway: Gateway
    var state: Observation<StateDatabase>
    var cron: Observation<CronJobs>
    /// Failures in a row by job id, from Hermes' run ledger.
    var cronFailures: Observation<[String: Int]>
    var memories: Observation<Memories>
    var settings: Observation<HomeSettings>
    var skills: Observation<Skills>
    var credentials: Observation<[CredentialFiles.File]>
    var googleToken: Observation<Bool>
    var repository: Observation<RepositoryFacts>
    var payload: Observation<Payload>
    var drill: Observation<DrillFacts>

    /// The unit that runs this home's gateway: named, or the one that Hermes itself installs for the home.
    static func gatewayUnit(of description: InstanceDescription) -> UnitName {
        if let named = description.gatewayUnit.flatMap(UnitName.init(rawValue:)) { return named }
        let home = description.home.path
        if home.removingLastComponent().lastComponent?.string == "profiles", let profile = home.lastComponent?.string,
            let unit = UnitName(rawValue: "hermes-gateway-\(profile).service")
        {
            return unit
        }
        return UnitName(unchecked: "hermes-gateway.service")
    }

    static func dashboardUnit(of description: InstanceDescription) -> UnitName {
        UnitName(rawValue: description.dashboardUnit) ?? UnitName(unchecked: "hermes-dashboard.service")
    }

    /// The declared job of a role; without one, a stand-in whose timer nobody has installed.
    func job(_ role: ObservedJob.Role) -> ObservedJob {
        description.jobs.first { $0.role == role } ?? Self.standIn(role)
    }

    func jobs(_ role: ObservedJob.Role) -> [ObservedJob] { description.jobs.filter { $0.role == role } }

    func declares(_ role: ObservedJob.Role) -> Bool { description.jobs.contains { $0.role == role } }

    /// Whether a job of a role runs for the first time at this moment, as all do after an installation: it has yet to tell how it
    /// ended.
    func isFirstRunUnderWay(_ role: ObservedJob.Role) -> Bool {
        description.jobs.contains { job in
            job.role == role && job.lastRun == nil
                && systemd.state(of: job.serviceUnit, description.scope).active == .activating
        }
    }

    static func standIn(_ role: ObservedJob.Role) -> ObservedJob {
        ObservedJob(
            name: role == .watchdog ? "watchdog" : "backup", role: role, schedule: nil, maxAge: .seconds(93_600))
    }

    /// Every probe that was made, for the counts.
    var probes: [Probe] {
        [
            systemd.probe, host.probe, network.probe, state.probe, cron.probe, memories.probe, settings.probe,
            skills.probe,
            credentials.probe, googleToken.probe, repository.probe, payload.probe, drill.probe,
        ]
    }
}

/// Looks at an instance: all probes at the same time, none of them writing to the home or running the hermes command.
public struct InstanceObserver: Sendable {
    private let commands: any CommandRunner
    private let time: any TimeSource
    private let probing: Probing
    private let lingerFolder: FilePath
    private let processes: FilePath

    /// - Parameters:
    ///   - commands: runs systemctl, and runuser where another user's manager is asked.
    ///   - limit: for each probe.
    public init(commands: any CommandRunner, time: any TimeSource, limit: Duration = .seconds(5)) {
        self.init(
            commands: commands, time: time, limit: limit, lingerFolder: "/var/lib/systemd/linger", processes: "/proc")
    }

    init(
        commands: any CommandRunner, time: any TimeSource, limit: Duration, lingerFolder: FilePath, processes: FilePath
    ) {
        self.commands = commands
        self.time = time
        probing = Probing(time: time, limit: limit)
        self.lingerFolder = lingerFolder
        self.processes = processes
    }

    /// One look. `me` is the user who looks: another user's manager is asked through runuser.
    func read(_ description: InstanceDescription, _ sources: InstanceSources, me: UInt32) async -> InstanceReadings {
        let start = time.uptime
        let now = time.now
        let home = description.home
        let manager: SystemdProbe.Manager =
            switch description.scope {
            case .system: .system
            case .user: description.userID == me ? .user : .otherUser(name: description.user, id: description.userID)
            }
        let systemd = SystemdProbe(commands: commands, manager: manager, time: time, limit: probing.limit)
        let jobs =
            description.jobs
            + [.backup, .watchdog].filter { role in !description.jobs.contains { $0.role == role } }.map(
                InstanceReadings.standIn)
        let units =
            [InstanceReadings.gatewayUnit(of: description), InstanceReadings.dashboardUnit(of: description)]
            + jobs.map(\.timerUnit) + description.jobs.map(\.serviceUnit)
        let processes = processes
        let payloadFolder = description.payload
        let driveCredentials = description.driveCredentials
        let credentialFiles = description.credentialFiles
        let userHome = description.userHome
        let (userID, port) = (description.userID, description.dashboardPort)

        async let answer = systemd.ask(units)
        async let version = systemd.version()
        async let host = probing.blocking { try HostProbe(processes: processes).read(diskOf: home.path) }
        async let network = probing.blocking {
            try NetworkProbe(processes: processes).read(user: userID, home: home, dashboardPort: port)
        }
        async let inspection = probing.blocking { HomeInspection(home.path) }
        async let gateway = probing.blocking { Gateway.read(home) }
        async let state = probing.blocking { try StateDatabase.read(home, at: now, cancellation: $0) }
        async let cron = probing.blocking { try CronJobs.read(home) }
        async let cronFailures = probing.blocking { try CronExecution.failuresInARow(home, cancellation: $0) }
        async let memories = probing.blocking { try Memories.read(home) }
        async let settings = probing.blocking { try HomeSettings.read(home) }
        async let skills = probing.blocking {
            // With a config.yaml that cannot be read the skills can still be counted; only which are disabled is not known.
            try Skills.read(home, settings: (try? HomeSettings.read(home)) ?? HomeSettings(), userHome: userHome)
        }
        async let credentials = probing.blocking {
            try Self.credentials(home, credentialFiles + driveCredentials)
        }
        async let googleToken = probing.blocking {
            driveCredentials.isEmpty ? nil : try driveCredentials.allSatisfy(Self.isPresent)
        }
        async let repository = probing.asynchronous { try await sources.repository() }
        async let drill = probing.asynchronous { try await sources.drill() }

        let repositoryFacts = await repository
        let payload = await probing.blocking { try payloadFolder.map { try PayloadProbe.read($0, at: now) } }
        let inspected = await inspection
        let seen: HomeInspection =
            inspected.value
            ?? .unreadable(HomeFailure(inspected.probe.reason ?? .internal, inspected.detail ?? "not looked at"))
        let gatewayReading = await gateway
        var readings = InstanceReadings(
            description: description, moment: now, inspection: seen, systemd: await answer,
            systemdVersion: await version,
            linger: linger(description), host: await host, network: await network,
            gateway: gatewayReading.value
                ?? Gateway.unobserved(
                    HomeFailure(gatewayReading.probe.reason ?? .internal, gatewayReading.detail ?? "")),
            state: await state, cron: await cron, cronFailures: await cronFailures, memories: await memories,
            settings: await settings,
            skills: await skills,
            credentials: await credentials, googleToken: await googleToken, repository: repositoryFacts,
            payload: payload,
            drill: await drill)
        if !seen.isHome { readings.forgetHome(seen, at: now) }
        readings.duration = time.uptime - start
        return readings
    }

    /// Whether the user's manager outlives her sessions: a file of her name. Nil for root's units and where that cannot be seen.
    private func linger(_ description: InstanceDescription) -> Bool? {
        guard description.scope == .user else { return nil }
        do {
            _ = try FileStatus(following: lingerFolder.appending(description.user))
            return true
        } catch {
            return error == .noSuchFileOrDirectory ? false : nil
        }
    }

    private static func isPresent(_ path: FilePath) throws -> Bool {
        do throws(Errno) {
            return try FileStatus(following: path).kind == .file
        } catch {
            if error == .noSuchFileOrDirectory || error == .notDirectory { return false }
            throw HomeFailure(error, at: path)
        }
    }

    private static func credentials(_ home: HomeLayout, _ more: [FilePath]) throws -> [CredentialFiles.File] {
        var files = try CredentialFiles.read(home).files
        for path in Set(more).sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            if let status = try? FileStatus(following: path), status.kind == .file {
                files.append(CredentialFiles.File(path: path, status: status))
            }
        }
        return files
    }
}

extension InstanceReadings {
    /// What is said of the parts of a home that is not there: that they are not, rather than that they are empty.
    fileprivate mutating func forgetHome(_ inspection: HomeInspection, at now: Timestamp) {
        let reason: Probe.Reason = if case .unreadable(let failure) = inspection { failure.reason } else { .notFound }
        let probe = Probe.failed(reason, at: now)
        let detail = if case .unreadable(let failure) = inspection { failure.detail } else { "the home is not there" }
        state = Observation(value: nil, probe: probe, detail: detail)
        cron = Observation(value: nil, probe: probe, detail: detail)
        cronFailures = Observation(value: nil, probe: probe, detail: detail)
        memories = Observation(value: nil, probe: probe, detail: detail)
        settings = Observation(value: nil, probe: probe, detail: detail)
        skills = Observation(value: nil, probe: probe, detail: detail)
        credentials = Observation(value: nil, probe: probe, detail: detail)
        gateway = .unobserved(HomeFailure(reason, detail))
    }
}
