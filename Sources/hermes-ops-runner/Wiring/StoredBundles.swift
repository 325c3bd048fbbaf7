internal import Logging
internal import Stores
internal import Support
internal import SystemPackage

/// Bundles in a store by name.
enum StoredBundles {
    /// How long what an interrupted call brought waits for another one.
    private static let lifetime = Duration.seconds(7 * 86_400)

    /// Brings a bundle into the folder for downloads (STATE/downloads), from where an interrupted call stopped.
    static func fetch(
        _ item: StoredItem, from store: any Store, into folder: FilePath, progress: any ProgressReporter
    ) async throws -> FilePath {
        try FileSystem.makeDirectory(folder)
        PartialDownload.sweep(folder, olderThan: lifetime, now: SystemTime().now)
        let file = folder.appending(item.localName)
        if try FileStatus.ifThere(at: file) != nil {
            // Nobody reads it: it was left by a process that was killed.
            let lock = try lock(file)
            try withExtendedLifetime(lock) { try FileSystem.removeTree(file) }
        }
        try await store.get(item, into: file, progress: progress)
        return file
    }

    /// Brings a bundle to a path by way of the folder for downloads. False, with nothing there: the two are on different file systems, or
    /// another process is at that bundle.
    static func fetch(
        _ item: StoredItem, from store: any Store, by folder: FilePath, to target: FilePath,
        progress: any ProgressReporter
    ) async throws -> Bool {
        try FileSystem.makeDirectory(folder)
        guard canMove(from: folder, to: target.folder) else { return false }
        do {
            let file = try await fetch(item, from: store, into: folder, progress: progress)
            let lock = try lock(file)
            try withExtendedLifetime(lock) { try FileSystem.rename(file, to: target) }
            return true
        } catch let error as OperatorError where error.type == "busy" {
            return false
        }
    }

    /// Whether a rename leads from one folder to another: two mounts of one file system look alike until it is tried.
    private static func canMove(from folder: FilePath, to other: FilePath) -> Bool {
        let name = TemporaryName.make(stem: "move", suffix: "tmp")
        let (probe, moved) = (folder.appending(name), other.appending(name))
        defer { for path in [probe, moved] { try? FileSystem.removeTree(path) } }
        do {
            try FileSystem.replace(probe, with: [UInt8]())
            try FileSystem.rename(probe, to: moved)
            return true
        } catch {
            return false
        }
    }

    /// Keeps other processes from taking the file for one that was left.
    static func lock(_ file: FilePath) throws -> FileLock {
        if let lock = try FileLock(file: file) { return lock }
        throw OperatorError(
            "busy", doing: "fetching", subject: file.lastComponent?.string, reason: "another process is reading it",
            advice: "wait until it is done", exit: .skipped, isTemporary: true)
    }

    /// The bundle of that name, whoever's it is, or with `latest` the newest verified one of the instance; newer ones that are not
    /// whole are told of.
    static func find(_ name: String, in store: any Store, instance: String, logger: Logger) async throws -> StoredItem {
        let listing = try await store.list(instance: name == "latest" ? instance : nil)
        let matches =
            name == "latest"
            ? listing.items.filter(\.isVerified) : listing.items.filter { $0.name == name || $0.id == name }
        guard let item = matches.first else {
            throw OperatorError(
                "no-bundle", doing: "looking for the bundle", subject: printable(name, limit: 200),
                reason: listing.items.isEmpty
                    ? "\(store.label) holds no bundle of \(instance)"
                    : name == "latest" ? "none in \(store.label) is verified" : "it is not in \(store.label)",
                advice: "see `hermes-ops-runner bundle list`", exit: .failure)
        }
        guard name == "latest" || matches.count == 1 else {
            let ids = matches.map { "\($0.id) (sha256 \($0.properties.sha256.prefix(12))…)" }.joined(separator: ", ")
            throw OperatorError(
                "ambiguous-bundle", doing: "looking for the bundle", subject: printable(name, limit: 200),
                reason: "\(matches.count) bundles in \(store.label) have that name",
                advice: "name one by its id: \(ids)",
                exit: .usage)
        }
        if name == "latest" {
            for passed in listing.items.prefix(while: { !$0.isVerified }) {
                logger.warning(
                    "\(printable(passed.name, limit: 200)) in \(store.label) is newer and damaged, so it is passed over: make a new one"
                )
            }
            for gap in listing.gaps { logger.warning("\(store.label) may hold a bundle that is newer: \(gap)") }
        }
        return item
    }
}
