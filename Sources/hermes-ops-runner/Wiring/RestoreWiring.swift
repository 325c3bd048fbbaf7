internal import Bundles
internal import Glibc
internal import Jobs
internal import RestoreDrill
internal import Sanitizer
internal import Stores
internal import Support
internal import SystemPackage

extension Session {
    /// What a restore is made from. Credentials and the store's list are asked for now, the bundle itself later.
    func restoreSource(
        _ kind: RestoreOptions.Source, local: Bool = false, store: String? = nil, file: FilePath? = nil,
        bundle: String? = nil, identityFiles: [FilePath] = [], passphrase: Secret? = nil, credentials: [String] = [],
        in configuration: Configuration, progress: any ProgressReporter
    ) async throws -> RestoreSource {
        func repository() async throws -> RepositoryOrigin {
            let access = try await self.repository(configuration)
            if !local, access.config.remote == nil {
                throw OperatorError(
                    "no-remote", doing: "restoring from the repository", reason: "no remote is declared",
                    advice: "add repository.remote, or restore with `local: true` (--local) from the work tree",
                    exit: .configuration)
            }
            return RepositoryOrigin(access.repository, access: access.remote, isLocal: local)
        }
        func identities() async throws -> [AgeIdentity] {
            try await self.identities(
                files: identityFiles, credentials: credentials, passphrase: passphrase, in: configuration)
        }
        func stored() async throws -> BundleOrigin {
            let name = try storeName(store, in: configuration)
            let identities = try await identities()
            let opened = try await self.store(name, in: configuration)
            let (instance, logger) = (configuration.instance.id, logger)
            let downloads = try stateFile("downloads")
            return BundleOrigin(identities: identities) { folder in
                let item = try await StoredBundles.find(
                    bundle ?? "latest", in: opened, instance: instance, logger: logger)
                let target = folder.appending(item.localName)
                // In the downloads the next call can go on with it; the restore's own folder goes with the restore.
                if try await !StoredBundles.fetch(
                    item, from: opened, by: downloads, to: target, progress: progress)
                {
                    try await opened.get(item, into: target, progress: progress)
                }
                return target
            }
        }
        switch kind {
        case .repository: return .repository(try await repository())
        case .store: return .bundle(try await stored())
        case .both: return .both(try await repository(), try await stored())
        case .file:
            guard let file else {
                throw OperatorError(
                    "no-file", doing: "restoring from a file", reason: "no file is named", exit: .configuration)
            }
            return .bundle(BundleOrigin(file: file, identities: try await identities()))
        }
    }

    /// The store that was named, or the only one that is declared.
    private func storeName(_ name: String?, in configuration: Configuration) throws -> String {
        if let name { return name }
        let names = configuration.stores.keys.sorted()
        guard let only = names.first, names.count == 1 else {
            throw OperatorError(
                "no-store", doing: "looking for the store",
                reason: names.isEmpty ? "none is declared" : "several are declared: \(names.joined(separator: ", "))",
                advice: names.isEmpty ? "declare one under `stores:`" : "name one with --store", exit: .configuration)
        }
        return only
    }

    /// The folder that drills work in.
    var drillFolder: FilePath { stateDirectory.appending("drills") }

    func drill(_ configuration: Configuration, for source: RestoreSource, progress: any ProgressReporter) async throws
        -> Drill
    {
        let scanning =
            switch source {
            case .bundle: false
            case .repository, .both: true
            }
        return try await drill(configuration, scanning: scanning, progress: progress)
    }

    /// A drill for the configuration's instance. `scanning`: with the scanner that looks for the live home's own secrets, too.
    func drill(_ configuration: Configuration, scanning: Bool, progress: any ProgressReporter) async throws -> Drill {
        let home = configuration.instance.hermesHome
        var gate: Gate?
        if scanning {
            let sanitizer = try await sanitizer(configuration)
            // Where the home is gone, the detectors and the configuration's credentials are what is left to look with.
            let isThere = (try? FileStatus(following: home))?.kind == .directory
            gate = try await offPoolCancellable { try sanitizer.gate(home: isThere ? home : nil, cancellation: $0) }
        }
        try FileSystem.makeDirectory(stateDirectory)
        return Drill(
            DrillSettings(
                instance: configuration.instance.id, liveHome: home, parent: drillFolder, gate: gate,
                progress: progress))
    }

    func hermesTrial(_ wish: VerifyOptions.HermesCheck, _ configuration: Configuration) throws -> HermesTrial {
        guard wish != .off else { return HermesTrial(.off) }
        let command = try HermesLocation.find(
            configured: configuration.hermes.command, searchPath: environment["PATH"], userHome: locations.home,
            liveHome: configuration.instance.hermesHome)
        // A unit that needs the network has its hermes command run by one that has none.
        let runner: any CommandRunner =
            environment["HERMES_OPS_SEAL"].map { SocketCommandRunner(socket: FilePath($0)) } ?? SystemCommandRunner()
        return HermesTrial(wish == .required ? .required : .auto, command: command, runner: runner)
    }

    /// Removes what a drill of this process left in the state directory, kept ones aside.
    func sweepDrills() { _ = try? DrillFolder.sweep(below: drillFolder, includingOwn: true) }
}
