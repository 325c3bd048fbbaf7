internal import GitBackup
internal import HermesHome
internal import Jobs
internal import Sanitizer
internal import Support
internal import Synchronization
internal import SystemPackage

/// What the backup's steps hand to one another.
enum BackupValues {
    static let tree = RunKey<SanitizedTree>("sanitized-tree")
    static let repository = RunKey<RepositoryAccess>("repository")
}

/// `sanitize`: makes the sanitized tree in a staging folder.
struct SanitizeStep: Step {
    let session: Session
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        let configuration = context.configuration
        let home = configuration.instance.hermesHome
        try HomeInspection.require(home)
        let sanitizer = try await session.sanitizer(configuration)
        var earlier = FileListing()
        var notes: [String] = []
        var staging = Staging.folder(in: context.stateDirectory, job: context.job.name)
        if let place = configuration.repository?.path, context.job.steps.contains(where: { $0.action.kind == .commit })
        {
            let access = try await session.repository(configuration)
            if context.dryRun {
                earlier = try await access.repository.inspect()?.files ?? FileListing()
            } else {
                notes = try await access.repository.prepare(access.remote).notes
                earlier = try await access.repository.baseline().files
                staging =
                    Staging.folder(in: context.stateDirectory, job: context.job.name, repository: place) ?? staging
            }
            context.values[BackupValues.repository] = access
        }
        let cache = context.stateDirectory.appending("stat-cache-\(context.job.name)")
        let progress = context.progress
        let known = earlier.isEmpty ? Baseline() : Baseline(earlier)
        let folder = staging
        let tree = try await offPoolCancellable { cancellation in
            try sanitizer.stage(
                home: home, into: folder, baseline: known, cache: cache, cancellation: cancellation, progress: progress)
        }
        if let access = context.values[BackupValues.repository],
            let warning = try await Self.exposed(by: earlier, tree, access.repository)
        {
            notes.append(warning)
        }
        context.values[BackupValues.tree] = tree.forgettingManifest()
        var effects = RunEffects()
        effects.secretFindings = Int64(tree.totals.redactions)
        let changed = tree.changedWhileRead.map {
            "\($0) kept changing while it was read; what was read last is stored"
        }
        return StepOutcome(
            items: Int64(tree.files.count), bytes: tree.totals.bytes, effects: effects,
            warnings: notes + tree.warnings + changed,
            summary:
                "\(HumanUnits.count(tree.files.count, "file")), \(HumanUnits.count(tree.totals.redactions, "secret")) redacted, \(tree.totals.excluded) excluded"
        )
    }
}

extension SanitizeStep {
    /// Tells of files whose last committed content holds what this run takes out for the first time: a value or a rule is new, and the
    /// history was made without it. The next run finds them clean, and says nothing.
    private static func exposed(by earlier: FileListing, _ tree: SanitizedTree, _ repository: BackupRepository)
        async throws -> String?
    {
        let suspects = tree.withheld(from: earlier.paths).filter { path, _ in
            tree.files.paths.index(of: path).map { tree.files.blob($0) } != earlier[path]?.blob
        }
        guard !suspects.isEmpty else { return nil }
        let exposed = Mutex<[String]>([])
        try await repository.read(suspects.compactMap { earlier[$0.path]?.blob }) { place, content in
            let (path, isByRule) = suspects[place]
            if let name = try tree.exposes(content, at: path) {
                exposed.withLock { $0.append(name) }
            } else if isByRule {
                exposed.withLock { $0.append(printable(path)) }
            }
        }
        let paths = exposed.withLock { $0 }
        guard !paths.isEmpty else { return nil }
        let shown = paths.prefix(5).map { shortened($0, to: 100) }.joined(separator: ", ")
        let files = paths.count == 1 ? "1 file" : "\(paths.count) files"
        return
            "\(files) held in earlier commits what is a secret, or left out, now: \(shown)\(paths.count > 5 ? ", …" : ""). "
            + "The history still holds it: replace the secret, and rewrite the history or begin a new repository"
    }
}

/// The private folder between `sanitize` and `commit`: sanitized bytes alone, gone when the run ends.
enum Staging {
    static func folder(in stateDirectory: FilePath, job: String) -> FilePath {
        stateDirectory.appending("staging").appending(job)
    }

    /// Inside the repository, whence files are moved into the work tree. The state directory may be on another file system; in a unit it
    /// is on another mount. The name tells runs with other state directories apart, which this job's lock does not keep out.
    static func folder(in stateDirectory: FilePath, job: String, repository: FilePath) -> FilePath? {
        let owner = hex(Digest.of(stateDirectory.bytes, .sha256).prefix(4))
        return BackupRepository.stagingFolder(in: repository, named: "\(job)-\(owner)")
    }

    /// Removes what a run of the job staged.
    static func sweep(_ stateDirectory: FilePath, job: String, repository: FilePath?) {
        let inside = repository.flatMap { folder(in: stateDirectory, job: job, repository: $0) }
        for folder in [folder(in: stateDirectory, job: job), inside].compactMap(\.self) { try? Sanitizer.sweep(folder) }
    }
}
