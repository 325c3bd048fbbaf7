internal import Bundles
internal import DriveUpload
internal import Foundation
internal import GitBackup
internal import Glibc
internal import HermesHome
internal import InstanceState
internal import Jobs
internal import Notify
internal import Stores
internal import Support
internal import SystemPackage
internal import Units

/// One thing that was looked at.
struct Diagnosis: Encodable, Sendable {
    enum Outcome: String, Encodable, Sendable {
        case ok, warning, failed
        /// It could not be found out.
        case unknown
    }

    var title: String
    var outcome: Outcome
    var detail: String
    /// What to do.
    var advice: String?

    init(_ title: String, _ outcome: Outcome, _ detail: String, advice: String? = nil) {
        self.title = title
        self.outcome = outcome
        self.detail = detail
        self.advice = advice
    }

    /// What could not be asked just now is unknown; the rest is wrong.
    init(_ title: String, _ error: any Error) {
        let error = error as? OperatorError ?? .cancelled(doing: "checking")
        var plain = error
        plain.advice = nil
        self.init(
            title, error.isTemporary || error.exit == .unavailable ? .unknown : .failed, plain.description,
            advice: error.advice)
    }
}

/// Looks at everything around the backups.
struct Doctor: Sendable {
    let session: Session
    let configuration: Configuration
    let isOffline: Bool

    func examine() async -> [Diagnosis] {
        var checks = [
            Diagnosis("configuration", .ok, "\(HumanUnits.count(configuration.jobs.count, "job")) declared")
        ]
        checks += configuration.warnings.map {
            Diagnosis(
                "configuration", .warning, $0.description,
                advice: "look at that line, then `hermes-ops-runner validate`")
        }
        checks.append(home)
        checks += credentials
        checks += await reach
        for store in configuration.stores.values.sorted(by: { $0.name < $1.name }) {
            checks += await examine(store)
        }
        checks.append(await recipients)
        checks.append(await clock)
        checks.append(contentsOf: await units)
        if let missing = configuration.missingSnapshotGroup {
            checks.append(
                Diagnosis(
                    "snapshot", .warning, missing,
                    advice: "groupadd --system \(configuration.snapshot.group), or name another under `snapshot:`"))
        }
        if let messages { checks.append(messages) }
        checks += await instance
        return checks
    }

    private var home: Diagnosis {
        do {
            try HomeInspection.require(configuration.instance.hermesHome)
            return Diagnosis("home", .ok, configuration.instance.hermesHome.printable)
        } catch {
            return Diagnosis("home", error)
        }
    }

    // MARK: Credentials

    private var credentials: [Diagnosis] {
        var references = configuration.credentials.values.sorted { $0.name < $1.name }.map { ($0.name, $0.reference) }
        if let ping = configuration.notify.ping { references.append(("ping", ping)) }
        return references.map { name, reference in
            let title = "credential \(name)"
            do {
                try session.credentials.check(reference, name: name)
                guard case .systemd(let credential) = reference else {
                    return Diagnosis(title, .ok, reference.source)
                }
                let source = SystemdCredentialSource(
                    credential, in: session.credentialsFolder, isSystem: session.user == 0)
                return Diagnosis(title, .ok, "systemd loads it from \(source.path.printable)")
            } catch {
                return Diagnosis(title, error)
            }
        }
    }

    // MARK: Services

    /// How far the push token reaches.
    private var reach: [Diagnosis] {
        get async {
            guard let config = configuration.repository else { return [] }
            let title = "push token"
            guard let remote = config.remote else {
                return [
                    Diagnosis(
                        "repository", .warning, "no remote is declared: the backup stays on this machine",
                        advice: "add `remote:` to the repository")
                ]
            }
            guard !remote.hasPrefix("/") else { return [] }
            guard !isOffline else { return [Diagnosis(title, .unknown, "not asked: --offline")] }
            do {
                let access = try await session.repository(configuration)
                guard access.remote.token != nil else {
                    return [Diagnosis(title, .warning, "none is declared", advice: "name a `credential:`")]
                }
                // A forge that refuses an expired token leaves its reach unknown; the repository itself says that it is none.
                let tip = try await access.repository.remoteTip(access.remote)
                let remote = Diagnosis(
                    "remote", .ok,
                    tip.map { "it answers the token, \(config.branch) is at \($0.description.prefix(7))" }
                        ?? "it answers the token, \(config.branch) is not there yet")
                switch try await access.repository.tokenReach(
                    access.remote, forge: config.api.map(TokenReach.Forge.init))
                {
                case .scoped(let reason): return [remote, Diagnosis(title, .ok, reason)]
                case .unknown(let reason): return [remote, Diagnosis(title, .unknown, reason)]
                case .broad(let reason):
                    return [
                        remote,
                        Diagnosis(
                            title, config.allowBroadToken ? .warning : .failed, reason,
                            advice: "make a token for this one repository: contents read and write, nothing else"),
                    ]
                }
            } catch {
                return [Diagnosis(title, error)]
            }
        }
    }

    private func examine(_ config: StoreConfig) async -> [Diagnosis] {
        let title = "store \(config.name)"
        switch config.place {
        case .directory(let folder):
            let missing = (try? FileStatus(following: folder)) == nil
            if missing {
                do {
                    try session.directoryStore(folder).checkPlace()
                } catch {
                    return [Diagnosis(title, error)]
                }
            }
            let place = missing ? folder.removingLastComponent() : folder
            errno = ENOTDIR
            let canWrite =
                (try? FileStatus(following: place))?.kind == .directory
                && place.withPlatformString { access($0, W_OK | X_OK) } == 0
            return [
                canWrite
                    ? Diagnosis(title, .ok, missing ? "\(folder.printable) will be made" : folder.printable)
                    : Diagnosis(
                        title, .failed, "\(folder.printable) cannot be written: \(errorText(errno))",
                        advice: "make the folder, owned by \(session.userName), mode 700")
            ]
        case .drive:
            guard !isOffline else { return [Diagnosis(title, .unknown, "not asked: --offline")] }
            do {
                let store = try await session.store(config.name, in: configuration)
                let listing = try await store.list(instance: configuration.instance.id)
                return [
                    Diagnosis(title, .ok, "Drive answers: \(HumanUnits.count(listing.items.count, "bundle"))"),
                    sevenDays,
                ]
            } catch {
                return [Diagnosis(title, error)]
            }
        }
    }

    /// A user's token of an OAuth app in testing ends after seven days (developers.google.com/identity/protocols/oauth2,
    /// "Refresh token expiration"): nothing but time tells whether this one does.
    private var sevenDays: Diagnosis {
        let title = "Drive token's age"
        let days = (try? uploadSpan()) ?? .zero
        if days > .seconds(7 * 86_400) {
            return Diagnosis(title, .ok, "uploads have worked for \(HumanUnits.duration(days))")
        }
        return Diagnosis(
            title, .warning, "uploads have not worked for longer than seven days yet",
            advice:
                "see that the OAuth app is published (\"In production\"): a token of one in testing ends after seven days"
        )
    }

    /// From the first to the last successful upload of an unbroken series.
    private func uploadSpan() throws -> Duration? {
        let ledger = try session.ledger(RunStore(stateDirectory: session.stateDirectory))
        var spans: [Duration] = []
        for job in configuration.jobs where job.uploadStores.contains(where: isDrive) {
            let runs = try ledger.history(job: job.name, limit: 500).filter { !$0.dryRun && $0.outcome != .skip }
            let series = runs.prefix { $0.outcome == .success }.compactMap(\.finishedAt)
            if let last = series.first, let first = series.last { spans.append(last - first) }
        }
        return spans.max()
    }

    private func isDrive(_ store: String) -> Bool {
        if case .drive = configuration.stores[store]?.place { true } else { false }
    }

    /// Who can open the bundles when this machine is gone.
    private var recipients: Diagnosis {
        get async {
            let title = "bundle recipients"
            guard let bundle = configuration.bundle else {
                return Diagnosis(
                    title, .warning, "no bundle is declared: credentials and conversations are in no backup",
                    advice:
                        "hermes-ops-runner keys generate, then add `bundle:`, `stores:` and a job; docs/configuration.md"
                )
            }
            let all = Set(bundle.recipients)
            do {
                let here = all.intersection(try await recipientsOfIdentitiesHere())
                if here == all {
                    return Diagnosis(
                        title, .failed,
                        "every key that opens the bundles lies on this machine: with it they would be lost",
                        advice:
                            "add a recipient whose identity lies elsewhere: hermes-ops-runner keys generate, on another machine"
                    )
                }
                if all.count > 1 {
                    return Diagnosis(title, .ok, "\(all.count) keys open the bundles, \(here.count) of them lie here")
                }
            } catch {
                return Diagnosis(title, error)
            }
            return Diagnosis(
                title, .warning, "one key alone opens the bundles: with it they would be lost",
                advice: "add a second recipient whose identity lies elsewhere")
        }
    }

    /// The public keys of the identities that drills open bundles with, as far as this process can have them.
    private func recipientsOfIdentitiesHere() async throws -> [String] {
        var names: Set<String> = []
        for step in configuration.jobs.flatMap(\.allSteps) {
            if case .restore(let options) = step.action, let name = options.identity { names.insert(name) }
        }
        var found: [String] = []
        for name in names.sorted() {
            guard let reference = configuration.credentials[name]?.reference,
                (try? session.credentials.check(reference, name: name)) != nil
            else { continue }
            found += try await session.identities(files: [], credentials: [name], in: configuration).compactMap {
                try $0.recipient()?.text
            }
        }
        return found
    }

    // MARK: The machine

    private var clock: Diagnosis {
        get async {
            let title = "clock"
            guard
                let result = try? await SystemCommandRunner().run(
                    "timedatectl", ["show", "--property=NTPSynchronized", "--value"], deadline: .seconds(5)),
                result.isSuccess
            else { return Diagnosis(title, .unknown, "timedatectl does not answer") }
            switch String(decoding: result.output, as: UTF8.self).filter({ !$0.isWhitespace }) {
            case "yes": return Diagnosis(title, .ok, "synchronised")
            case "no":
                return Diagnosis(
                    title, .warning, "it is not synchronised: schedules, ages and tokens depend on it",
                    advice: "timedatectl set-ntp true")
            default: return Diagnosis(title, .unknown, "timedatectl says nothing that is understood")
            }
        }
    }

    private var units: [Diagnosis] {
        get async {
            let title = "units"
            let flavour: UnitFlavour = session.user == 0 ? .system : .user
            let flag = flavour == .user ? " --user" : ""
            // The binary that is installed may be another than the one that asks.
            let layout: UnitLayout =
                flavour == .system
                ? .system : .user(home: session.locations.home, environment: session.environment)
            guard let binary = UnitWiring.installedBinary(layout) else {
                return [
                    Diagnosis(
                        title, .warning, "none are installed: nothing runs by itself",
                        advice: "hermes-ops-runner units install\(flag)")
                ]
            }
            do {
                let wiring = UnitWiring(
                    session: session, configuration: configuration, flavour: flavour, binary: binary)
                let installer = UnitInstaller(
                    flavour: flavour, layout: layout, userName: session.userName, environment: session.environment)
                let rendered = try UnitRenderer.render(wiring.settings())
                let plan = try installer.plan(rendered)
                var notes = wiring.notices.map { Diagnosis(title, .warning, $0) }
                notes += try await installer.asleep(of: rendered).map {
                    Diagnosis(
                        title, .failed,
                        "\($0) is disabled or stopped"
                            + ($0.hasSuffix(".socket") ? ": drills cannot run the hermes command" : ""),
                        advice: "hermes-ops-runner units install\(flag)")
                }
                if plan.isEmpty { return [Diagnosis(title, .ok, "as the configuration wants them")] + notes }
                return [
                    Diagnosis(
                        title, .warning,
                        "\(HumanUnits.count(plan.changes.count, "file")) differ from the configuration",
                        advice: "see `hermes-ops-runner units diff\(flag)`, then `units install\(flag)`")
                ] + notes
            } catch {
                return [Diagnosis(title, error)]
            }
        }
    }

    /// Nil without a channel, which the watchdog's rule tells of.
    private var messages: Diagnosis? {
        let title = "messages"
        guard configuration.notify.telegram != nil else { return nil }
        do {
            guard let test = try NotifyTestRecord.read(stateDirectory: session.stateDirectory) else {
                return Diagnosis(title, .warning, "the way was never tested", advice: "hermes-ops-runner notify test")
            }
            let age = SystemTime().now - test.at
            guard test.outcome == .delivered else {
                return Diagnosis(
                    title, .failed, "the last test failed: \(test.errorType ?? "unknown")",
                    advice: "hermes-ops-runner notify test")
            }
            let text = "tested \(HumanUnits.duration(age)) ago"
            return age > .seconds(92 * 86_400)
                ? Diagnosis(title, .warning, text, advice: "hermes-ops-runner notify test")
                : Diagnosis(title, .ok, text)
        } catch {
            return Diagnosis(title, error)
        }
    }

    /// The watchdog's rules, one by one.
    private var instance: [Diagnosis] {
        get async {
            do {
                let description = try await session.description(configuration)
                let checks = await session.exporter(configuration).checkup(
                    of: description, session.sources(configuration, jobs: description.jobs))
                let reference = InstanceReference(
                    id: Slug(making: description.id), label: SafeText(showing: description.label),
                    user: UserName(rawValue: description.user) ?? UserName(unchecked: "unknown"),
                    scope: description.scope,
                    hermesHome: PlainPath(rawValue: description.home.path.string))
                return checks.flatMap { diagnoses($0, reference, description.jobs) }
            } catch {
                return [Diagnosis("instance", error)]
            }
        }
    }

    private func diagnoses(_ check: Check, _ instance: InstanceReference, _ jobs: [ObservedJob]) -> [Diagnosis] {
        switch check.outcome {
        case .holds: return [Diagnosis(check.title, .ok, "yes")]
        case .unknown: return [Diagnosis(check.title, .unknown, check.reason ?? "it could not be found out")]
        case .fails:
            // Of the test of the way `messages` has told already.
            return check.warnings.filter { $0.code.rawValue != "notifications-untested" }.map { warning in
                let command = warning.command(
                    for: instance, jobs: jobs, configuration: session.configurationFile, options: session.adviceOptions)
                return Diagnosis(
                    check.title, warning.severity == .critical ? .failed : .warning, warning.message.rawValue,
                    advice: command ?? warning.runbook?.rawValue)
            }
        }
    }
}

extension UnitWiring {
    /// The program that installed units start; nil when none of this program's are there.
    static func installedBinary(_ layout: UnitLayout) -> FilePath? {
        let path = layout.units.appending("hermes-ops@.service")
        guard let bytes = try? FileSystem.read(path, limit: 1 << 20) else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("ExecStart=") {
            let word = line.dropFirst("ExecStart=".count).prefix { $0 != " " }
            if word.hasPrefix("/") { return FilePath(String(word)) }
        }
        return nil
    }
}
