internal import Bundles
internal import GitBackup
internal import Glibc
internal import Sanitizer
internal import Support
internal import SystemPackage

/// Brings a source into a folder and makes a home of it.
struct SourceOpener {
    let folder: DrillFolder
    let time: any TimeSource
    let progress: any ProgressReporter
    /// Everything that was restored is on the disk when it is done.
    let durable: Bool
    /// Of `both`: looks at the repository's part before the bundle is laid over it.
    let gate: Gate?

    private struct Opened {
        var home: FilePath
        var origin: Receipt.Origin
        var phases: [Receipt.Phase]
        var expectations: Expectations
        var aside: FilePath
        var takenAt: Timestamp?
        var manifest: Manifest?
        var bundle: BundleManifest?
    }

    func open(_ source: RestoreSource) async throws -> RestoredHome {
        let home = folder.path.appending("home")
        switch source {
        case .repository(let origin):
            let opened = try await open(origin, into: home)
            return RestoredHome(
                home: home, origins: [opened.origin], phases: opened.phases, label: source.label, folder: folder,
                expectations: opened.expectations, repository: .init(aside: opened.aside), bundleCanary: nil,
                agreement: nil)
        case .bundle(let origin):
            let opened = try await open(origin, into: home)
            return RestoredHome(
                home: home, origins: [opened.origin], phases: opened.phases, label: source.label, folder: folder,
                expectations: opened.expectations, repository: nil, bundleCanary: opened.aside, agreement: nil)
        case .both(let repository, let bundle):
            return try await openBoth(repository, bundle, home)
        }
    }

    private func openBoth(_ repository: RepositoryOrigin, _ bundle: BundleOrigin, _ home: FilePath) async throws
        -> RestoredHome
    {
        let first = try await open(repository, into: home)
        let (gate, durable) = (gate, durable)
        let earlier = try await offPoolCancellable { cancellation -> [CheckName: CheckFinding] in
            var findings: [CheckName: CheckFinding] = [:]
            findings[.manifest] = try TreeCheck.run(home, against: first.expectations, cancellation: cancellation)
            // A restore asks for no more of what the bundle is laid over.
            guard !durable else { return findings }
            findings[.noSecrets] = try NoSecretsCheck.run(
                home, aside: first.aside, gate: gate, cancellation: cancellation)
            let expected = first.expectations
            findings[.cron] = try PayloadChecks.cron(home, expected: expected.cronJobs)
            findings[.skills] = try PayloadChecks.skills(home, expected: expected.skills, cancellation: cancellation)
            findings[.memories] = try PayloadChecks.memories(home, expected: expected.memories)
            return findings
        }
        let upper = folder.path.appending("bundle-home")
        let second = try await open(bundle, into: upper)
        let start = time.uptime
        let agreement = try await offPoolCancellable { cancellation in
            let finding = AgreementCheck.run(
                first.manifest, takenAt: first.takenAt, second.bundle, expectations: second.expectations)
            try Overlay.lay(upper, over: home, second.expectations, cancellation: cancellation)
            return finding
        }
        let laid = Receipt.Phase(
            name: "overlay", source: "both", durationMs: (time.uptime - start).wholeMilliseconds)
        return RestoredHome(
            home: home, origins: [first.origin, second.origin], phases: first.phases + second.phases + [laid],
            label: "both", folder: folder, expectations: first.expectations.overlaid(by: second.expectations),
            repository: .init(aside: first.aside, earlier: earlier), bundleCanary: second.aside, agreement: agreement)
    }

    // MARK: - Repository

    private func open(_ origin: RepositoryOrigin, into home: FilePath) async throws -> Opened {
        let start = time.uptime
        let repository = origin.repository
        let clone = folder.path.appending("clone")
        let commit: ObjectID
        let taken: Timestamp
        let tree: FilePath
        progress.begin(origin.isLocal ? "reading the work tree" : "cloning", total: nil)
        defer { progress.end() }
        if origin.isLocal {
            guard let head = try await repository.inspect()?.head else {
                throw OperatorError(
                    "no-backup", doing: "restoring from", subject: repository.settings.path.printable,
                    reason: "it has no commit yet", advice: "run the backup first", exit: .damagedInput)
            }
            commit = head
            taken = try await repository.commitTime(head)
            tree = repository.settings.path.appending(repository.settings.folder)
        } else {
            commit = try await repository.clone(into: clone, origin.access)
            var settings = repository.settings
            settings.path = clone
            taken = try await BackupRepository(settings).commitTime(commit)
            tree = clone.appending(repository.settings.folder)
        }
        let fetched = time.uptime
        let aside = folder.path.appending("aside")
        let isLocal = origin.isLocal
        let label = repository.settings.folder
        let (manifest, hash) = try await offPoolCancellable { cancellation in
            try Self.makeHome(
                of: tree, named: label, moving: !isLocal, into: home, aside: aside, cancellation: cancellation)
        }
        if !isLocal { try await offPool { try FileSystem.removeTree(clone) } }
        let opened = time.uptime
        return Opened(
            home: home,
            origin: Receipt.Origin(
                type: "repository", identity: "\(commit)", instance: manifest.instance, takenAt: taken,
                manifestSHA256: hash),
            phases: [
                Receipt.Phase(
                    name: "fetch", source: "repository", durationMs: (fetched - start).wholeMilliseconds),
                Receipt.Phase(
                    name: "open", source: "repository", durationMs: (opened - fetched).wholeMilliseconds),
            ], expectations: Expectations(manifest), aside: aside, takenAt: taken, manifest: manifest)
    }

    /// Turns the repository's folder into a home: folders 0700, files with exactly the manifest's modes, the manifest and the canary
    /// put aside.
    private static func makeHome(
        of tree: FilePath, named label: String, moving: Bool, into home: FilePath, aside: FilePath,
        cancellation: CancellationFlag
    ) throws -> (Manifest, String) {
        guard try ConfigCheck.exists(tree) else {
            throw OperatorError(
                "no-manifest", doing: "restoring from the repository", reason: "it has no folder \(printable(label))",
                advice: "is this the backup's repository and branch?", exit: .damagedInput)
        }
        // A symlink in its place would make a home of what it leads to.
        guard (try? FileStatus(at: tree))?.kind == .directory else {
            throw OperatorError(
                "no-manifest", doing: "restoring from the repository", reason: "\(printable(label)) is not a folder",
                advice: "is this the backup's repository and branch?", exit: .damagedInput)
        }
        if moving {
            try FileSystem.rename(tree, to: home)
        } else {
            try TreeCopy.copy(tree, into: home, cancellation: cancellation)
        }
        try FileSystem.makeDirectory(aside)
        let manifestPath = home.appending(Manifest.fileName)
        guard try ConfigCheck.exists(manifestPath) else {
            throw OperatorError(
                "no-manifest", doing: "restoring from the repository",
                reason: "\(printable(label)) has no \(Manifest.fileName)",
                advice: "is this the backup's repository and branch?", exit: .damagedInput)
        }
        let text = try FileSystem.read(manifestPath, limit: Manifest.largest, followingLinks: false)
        let manifest = try Manifest(json: text)
        try FileSystem.rename(manifestPath, to: aside.appending(Manifest.fileName))
        let canary = home.appending(FilePath(bytes: Canary.path).components)
        if try ConfigCheck.exists(canary) {
            try FileSystem.rename(canary, to: aside.appending(FilePath(bytes: Canary.path).components))
        }
        var modes: [[UInt8]: UInt32] = [:]
        for entry in manifest.entries where entry.kind == .file { modes[entry.path] = entry.mode & 0o777 }
        guard home.withPlatformString({ chmod($0, 0o700) }) == 0 else {
            throw OperatorError.system(errno, doing: "setting the mode of", subject: home.printable)
        }
        try DirectoryWalk(home).run { entry in
            try cancellation.check()
            guard entry.status.kind == .file || entry.status.kind == .directory else { return .descend }
            let wanted = entry.status.kind == .directory ? 0o700 : modes[entry.path] ?? 0o600
            let path = FilePath(bytes: home.bytes + [UInt8(ascii: "/")] + entry.path)
            guard entry.status.permissions == wanted || path.withPlatformString({ chmod($0, wanted) }) == 0 else {
                throw OperatorError.system(errno, doing: "setting the mode of", subject: printable(entry.path))
            }
            return .descend
        } failing: { _, error in
            throw error
        }
        return (manifest, hex(Digest.of(text, .sha256)))
    }

    // MARK: - Bundle

    private func open(_ origin: BundleOrigin, into home: FilePath) async throws -> Opened {
        let start = time.uptime
        let downloads = folder.path.appending("download")
        try FileSystem.makeDirectory(downloads)
        let file = try await origin.fetch(downloads)
        let fetched = time.uptime
        let extracted = folder.path.appending("extracted")
        let identities = origin.identities
        let (progress, durable) = (progress, durable)
        let opened = try await offPoolCancellable { cancellation in
            let opened: ExtractedBundle
            do {
                opened = try BundleReader.extract(
                    try FileSource(file), identities: identities, into: extracted, durable: durable,
                    progress: progress, cancellation: cancellation)
            } catch var error as OperatorError {
                error.subject = error.subject ?? file.printable
                throw error
            }
            try FileSystem.rename(opened.home, to: home)
            return opened
        }
        let done = time.uptime
        let manifest = opened.manifest
        // Hashed for the receipt, after the clock of the recovery time has stopped.
        let root = opened.root
        let hash = try await offPool {
            let text = try FileSystem.openRegular(root.appending("manifest.json"), followingLinks: false)
            defer { text.closeQuietly() }
            return try TreeCheck.contentHash(text)
        }
        try await offPool { try FileSystem.removeTree(downloads) }
        let type = origin.type.rawValue
        return Opened(
            home: home,
            origin: Receipt.Origin(
                type: type, identity: file.lastComponent.map { printable($0.string, limit: 255) } ?? "",
                instance: manifest.instance, takenAt: manifest.created, manifestSHA256: hash),
            phases: [
                Receipt.Phase(name: "fetch", source: type, durationMs: (fetched - start).wholeMilliseconds),
                Receipt.Phase(name: "open", source: type, durationMs: (done - fetched).wholeMilliseconds),
            ], expectations: Expectations(manifest), aside: root.appending(BundleCanary.name),
            takenAt: manifest.created, bundle: manifest)
    }
}
