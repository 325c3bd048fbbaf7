internal import Foundation
internal import Jobs
internal import RestoreDrill
internal import Support
internal import SystemPackage
internal import Units

/// What the units are made from, out of a configuration: each job gets what its steps need and nothing else.
struct UnitWiring {
    let session: Session
    let configuration: Configuration
    let flavour: UnitFlavour
    let binary: FilePath

    /// Sentences for the operator about what units cannot do.
    var notices: [String] {
        var notices = configuration.credentials.values.sorted { $0.name < $1.name }.compactMap {
            declaration -> String? in
            guard case .environment(let name) = declaration.reference else { return nil }
            return
                "credential \(declaration.name) comes from the variable \(name), which units do not have: name a file, or set it in a drop-in"
        }
        if configuration.jobs.contains(where: \.runsHermes),
            let command = hermesCommand(in: session.environment["PATH"]),
            hermesCommand(in: HermesProgram.servicePath) != command
        {
            notices.append(
                "the hermes command \(command.printable) is in this shell's PATH alone, which units do not have: name it as hermes.command"
            )
        }
        return notices
    }

    func settings() -> UnitSettings {
        var settings = UnitSettings(
            flavour: flavour, binary: binary, configuration: session.configurationFile,
            stateDirectory: session.stateDirectory, instanceID: configuration.instance.id,
            userName: session.userName, userHome: session.locations.home,
            hermesHome: configuration.instance.hermesHome, jobs: configuration.jobs.map(unit))
        settings.sealedPaths = hermesFolders
        let alert = configuration.notify.telegram.flatMap { configuration.credentials[$0.credential]?.reference }
        settings.alertCredentials = systemdCredentials([alert].compactMap { $0 })
        // Files that the configuration includes may lie anywhere; the folder of the first is shown anyway.
        settings.readOnlyPaths =
            configuration.files.dropFirst() + [alert?.file, configuration.network.caFile].compactMap { $0 }
        let exported = ExportDirectory(instanceID: configuration.instance.id, userName: session.userName)
        if configuration.snapshot.output == exported.path,
            configuration.jobs.contains(where: { $0.uses(.snapshot) })
        {
            settings.exports = [exported]
        }
        return settings
    }

    private func unit(_ job: JobDeclaration) -> JobUnit {
        var unit = JobUnit(
            name: job.name, schedule: job.schedule, randomizedDelay: job.randomizedDelay, timeout: job.timeout)
        var references: [CredentialReference] = []
        func need(_ name: String?) {
            if let reference = name.flatMap({ configuration.credentials[$0]?.reference }) {
                references.append(reference)
            }
        }
        for step in job.allSteps {
            switch step.action {
            case .sanitize:
                // The values of all credentials are searched for, as far as they can be read.
                unit.readOnlyPaths += credentialFiles
            case .commit, .push:
                guard let repository = configuration.repository else { continue }
                unit.writablePaths.append(repository.path)
                reachRemote(repository, &unit, writing: step.action.kind == .push)
                need(repository.credential)
            case .bundle: break
            case .upload(let options): reachStore(options.store, writing: true, &unit, need)
            case .prune(let options): reachStore(options.store, writing: true, &unit, need)
            case .restore(let options):
                need(options.identity)
                if let store = options.store { reachStore(store, writing: false, &unit, need) }
                if let file = options.file { unit.readOnlyPaths.append(file) }
                guard options.source == .repository || options.source == .both,
                    let repository = configuration.repository
                else { continue }
                unit.readOnlyPaths.append(repository.path)
                if !options.local {
                    reachRemote(repository, &unit, writing: false)
                    need(repository.credential)
                }
            case .verify(let options):
                guard options.hermes != .off else { continue }
                unit.runsHermes = true
                unit.readOnlyPaths += hermesFolders
            case .remind:
                if let telegram = configuration.notify.telegram {
                    unit.network = .full
                    need(telegram.credential)
                }
            case .snapshot, .watchdog:
                unit.asksManager = true
                if unit.network == .none { unit.network = .inspect }
                if step.action.kind == .snapshot { unit.writablePaths.append(configuration.snapshot.output) }
                if let repository = configuration.repository { unit.readOnlyPaths.append(repository.path) }
                // Their presence and modes are judged, never their content.
                unit.readOnlyPaths += credentialFiles
                unit.readOnlyPaths.append(configuration.snapshot.output)
            case .notify(let options):
                if options.channels.contains(.telegram), let telegram = configuration.notify.telegram {
                    unit.network = .full
                    need(telegram.credential)
                }
            }
        }
        if job.sendsPings, let ping = configuration.notify.ping {
            unit.network = .full
            references.append(ping)
        }
        unit.credentials = systemdCredentials(references)
        unit.readOnlyPaths += references.compactMap(\.file)
        // What is written must not be bound read-only as well.
        let written = unit.writablePaths + unit.storePaths
        unit.readOnlyPaths = unit.readOnlyPaths.filter { path in !written.contains { path.starts(with: $0) } }
        return unit
    }

    private func reachRemote(_ repository: RepositoryConfig, _ unit: inout JobUnit, writing: Bool) {
        guard let remote = repository.remote else { return }
        if remote.hasPrefix("/") {
            // A bare repository beside it; the installer makes no folder for one that is not there.
            let path = FilePath(remote)
            if writing, (try? FileStatus(following: path)) != nil {
                unit.writablePaths.append(path)
            } else {
                unit.readOnlyPaths.append(path)
            }
        } else {
            unit.network = .full
        }
    }

    private func reachStore(_ name: String, writing: Bool, _ unit: inout JobUnit, _ need: (String?) -> Void) {
        switch configuration.stores[name]?.place {
        case .directory(let folder)?:
            if writing { unit.storePaths.append(folder) } else { unit.readOnlyPaths.append(folder) }
        case .drive(_, let credential)?:
            unit.network = .full
            need(credential)
        case nil: break
        }
    }

    private func systemdCredentials(_ references: [CredentialReference]) -> [UnitCredential] {
        var found: [UnitCredential] = []
        for reference in references {
            guard case .systemd(let name) = reference, !found.contains(where: { $0.name == name }) else { continue }
            let source = SystemdCredentialSource(name, in: session.credentialsFolder, isSystem: flavour == .system)
            found.append(UnitCredential(name: name, source: source.path, isEncrypted: source.isEncrypted))
        }
        return found
    }

    private var credentialFiles: [FilePath] {
        configuration.credentials.values.sorted { $0.name < $1.name }.compactMap(\.reference.file)
    }

    private var hermesFolders: [FilePath] {
        hermesCommand(in: session.environment["PATH"])
            .map { HermesProgram.folders(of: $0, userHome: session.locations.home) } ?? []
    }

    /// Where the hermes command lies, as this shell finds it or as a service does.
    private func hermesCommand(in path: String?) -> FilePath? {
        try? HermesLocation.find(
            configured: configuration.hermes.command, searchPath: path, userHome: session.locations.home,
            liveHome: configuration.instance.hermesHome)
    }
}

extension JobDeclaration {
    func uses(_ kind: StepKind) -> Bool { allSteps.contains { $0.action.kind == kind } }

    /// Whether a drill of it runs the hermes command.
    var runsHermes: Bool {
        allSteps.contains { step in
            if case .verify(let options) = step.action { options.hermes != .off } else { false }
        }
    }
}
