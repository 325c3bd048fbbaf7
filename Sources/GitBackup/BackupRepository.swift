internal import Glibc
public import Support
public import SystemPackage

/// The git work tree that carries the sanitized backup in one of its folders.
///
/// Each call opens the repository anew, off the cooperative pool, under a lock of its own, and first finishes or takes back what an
/// interrupted call left. Nothing outside the folder is ever changed.
public final class BackupRepository: Sendable {
    public struct Settings: Sendable {
        /// The top of the work tree.
        public var path: FilePath
        public var remote: RemoteAddress
        public var branch: String
        public var identity: Identity
        /// One component below the top of the work tree.
        public var folder: String

        public init(
            path: FilePath, remote: RemoteAddress, branch: String = "main", identity: Identity,
            folder: String = BackupRepository.standardFolder
        ) {
            self.path = path
            self.remote = remote
            self.branch = branch
            self.identity = identity
            self.folder = folder
        }
    }

    /// The folder of the work tree that backups are kept in.
    public static let standardFolder = "hermes_persistent_backup"

    /// The last commit's hold of the folder.
    public struct Baseline: Sendable {
        /// The commit that HEAD names; nil while there is none.
        public var head: ObjectID?
        public var files: FileListing
    }

    /// What preparing found and did.
    public struct Preparation: Sendable {
        public enum Origin: Sendable, Hashable {
            /// The repository was there.
            case existing
            /// It was not, and came from the remote.
            case cloned
            /// It was not, and the remote has no commit either.
            case initialised
        }

        public var origin: Origin
        public var head: ObjectID?
        /// What was healed, for people to read.
        public var notes: [String]
    }

    /// A moment in a commit after which a test ends the process.
    enum Phase: String, CaseIterable, Sendable {
        case begun, packWritten, objectsWritten, journalWritten, branchMoved, treeWritten, indexWritten
    }

    public let settings: Settings
    /// How long another run that works in the repository is waited for.
    let patience: Duration
    let reached: @Sendable (Phase) -> Void

    public convenience init(_ settings: Settings) throws { try self.init(settings, reached: { _ in }) }

    init(
        _ settings: Settings, patience: Duration = .seconds(30), reached: @escaping @Sendable (Phase) -> Void
    ) throws {
        try Self.validate(settings)
        self.settings = settings
        self.patience = patience
        self.reached = reached
    }

    private static func validate(_ settings: Settings) throws {
        let folder = Array(settings.folder.utf8)
        guard !folder.contains(UInt8(ascii: "/")), PathRule.refusal(of: folder) == nil else {
            throw OperatorError(
                "git.folder", doing: "reading the configuration", subject: printable(settings.folder),
                reason: "this is not the name of a folder", exit: .configuration)
        }
        // The rules of git-check-ref-format(1) that matter for one branch.
        let branch = settings.branch
        let forbidden = branch.unicodeScalars.contains {
            $0.value <= 32 || $0.value == 127 || "~^:?*[\\".unicodeScalars.contains($0)
        }
        let parts = branch.split(separator: "/", omittingEmptySubsequences: false)
        guard !forbidden, !branch.contains(".."), !branch.contains("@{"), !branch.hasSuffix("."), branch != "@",
            branch != "HEAD",
            parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasPrefix("-") && !$0.hasSuffix(".lock") })
        else {
            throw OperatorError(
                "git.branch", doing: "reading the configuration", subject: printable(branch),
                reason: "this is not the name of a branch", exit: .configuration)
        }
    }

    var reference: String { "refs/heads/\(settings.branch)" }

    /// Whether a repository can be used as it stands; changes nothing. What is missing (nil) would be made by ``prepare(_:)``.
    public func inspect() async throws -> Baseline? {
        try await offPool { [self] in
            guard try needsRepository() == false else { return nil }
            let repository = try open()
            let folder = BackupFolder(repository: repository, name: Array(settings.folder.utf8))
            let head = try repository.target(of: reference)
            let listing = try folder.listing(of: head)
            // What a kill or a power cut left of our own work is healed by the next run: nothing to complain about.
            let state = state(repository)
            if try Journal.read(in: state) == nil, !UnsyncedMark.isOfEarlierBoot(in: state) {
                _ = try folder.requireClean(listing)
            }
            return Baseline(head: head, files: listing)
        }
    }

    /// What the last commit holds, for the stager to compare with.
    public func baseline() async throws -> Baseline {
        try await offPool { [self] in
            let repository = try open()
            let head = try repository.target(of: reference)
            let folder = BackupFolder(repository: repository, name: Array(settings.folder.utf8))
            return Baseline(head: head, files: try folder.listing(of: head))
        }
    }

    /// Reads what commits hold, a blob at a time.
    ///
    /// - Parameter body: gets the place of each id and its content.
    public func read(_ blobs: [ObjectID], _ body: @escaping @Sendable (Int, [UInt8]) throws -> Void) async throws {
        try await offPoolCancellable { [self] cancellation in
            let repository = try open()
            for (place, id) in blobs.enumerated() {
                try cancellation.check()
                try body(place, repository.read(id).content)
            }
        }
    }

    // MARK: Opening

    /// Whether there is no repository yet at a path where one may be made.
    func needsRepository() throws -> Bool {
        let path = settings.path
        do {
            let status = try FileStatus(at: path)
            guard status.kind == .directory || status.kind == .symlink else {
                throw OperatorError(
                    "git.not-a-repository", doing: "opening the repository", subject: path.printable,
                    reason: "there is a \(status.kind.rawValue), not a folder", exit: .configuration)
            }
        } catch let errno as Errno {
            if errno == .noSuchFileOrDirectory { return true }
            throw OperatorError.system(errno.rawValue, doing: "opening the repository", subject: path.printable)
        }
        let names = try DirectoryListing.names(at: path).filter { $0 != Array(RepositoryHandle.scratchName.utf8) }
        guard names == [Array(".git".utf8)] else { return names.isEmpty }
        // What makes a folder a repository for git; `git init` that was killed left less.
        let git = path.appending(".git")
        guard let status = try? FileStatus(at: git), status.kind == .directory else { return false }
        return ["HEAD", "objects", "refs"].contains { (try? FileStatus(at: git.appending($0))) == nil }
    }

    /// Opens the repository and refuses every state that a backup cannot stand on.
    func open() throws -> RepositoryHandle {
        let repository = try RepositoryHandle.open(settings.path)
        func refuse(_ type: String, _ reason: String, _ advice: String) -> OperatorError {
            OperatorError(
                type, doing: "opening the repository", subject: settings.path.printable, reason: reason, advice: advice)
        }
        if repository.isBare {
            throw refuse(
                "git.bare", "it is bare: it has no work tree", "let repository.path name a clone with a work tree")
        }
        if let operation = repository.operationInProgress {
            throw refuse("git.in-progress", "it is in the middle of \(operation)", "finish or abort that first")
        }
        if repository.isShallow {
            throw refuse(
                "git.shallow", "it is a shallow clone, which cannot be pushed from", "run `git fetch --unshallow` in it"
            )
        }
        guard let branch = try repository.headBranch() else {
            throw refuse("git.detached", "its HEAD is detached", "run `git switch \(settings.branch)` in it")
        }
        guard branch == settings.branch else {
            throw refuse(
                "git.branch", "it is on branch \(printable(branch)), not on \(settings.branch)",
                "run `git switch \(settings.branch)` in it, or change repository.branch")
        }
        return repository
    }

    /// The name of this program's own folder in a repository's `.git`.
    private static let stateName = "hermes-ops"

    /// Where this program keeps its own files in a repository.
    func state(_ repository: RepositoryHandle) -> FilePath { repository.gitDirectory.appending(Self.stateName) }

    /// A folder, not made yet, for files on their way into a commit: on the file system and mount of the work tree, so that they can be
    /// moved there. Nil where `.git` is no folder: no repository yet, or a linked work tree.
    ///
    /// - Parameter name: tells the callers of one repository apart. Whoever made the folder removes it.
    public static func stagingFolder(in repository: FilePath, named name: String) -> FilePath? {
        let git = repository.appending(".git")
        guard (try? FileStatus(at: git).kind) == .directory else { return nil }
        return git.appending(stateName).appending("staging-\(name)")
    }

    /// Runs a body alone with the open repository, everything healed before.
    func exclusively<Result>(
        _ cancellation: CancellationFlag, _ body: (RepositoryHandle, _ notes: [String]) throws -> Result
    ) throws -> Result {
        let state = state(try open())
        try FileSystem.makeDirectory(state)
        let lock = try patiently(cancellation) { try FileLock(state.appending("lock")) }
        return try withExtendedLifetime(lock) {
            // Opened under the lock: whoever held it may have changed what stands there.
            let repository = try open()
            var notes = try StaleLocks.heal(repository, branch: settings.branch).map {
                "removed the stale lock \($0) of a process that is gone"
            }
            if let note = try recover(repository) { notes.append(note) }
            return try body(repository, notes)
        }
    }

    /// Takes a lock; another run that has it is waited for.
    func patiently(_ cancellation: CancellationFlag, _ attempt: () throws -> FileLock?) throws -> FileLock {
        let deadline = SystemTime().uptime + patience
        while true {
            if let lock = try attempt() { return lock }
            guard SystemTime().uptime < deadline else {
                throw OperatorError(
                    "git.busy", doing: "locking the repository", subject: settings.path.printable,
                    reason: "another run works in it", advice: "let it end, then run again", exit: .skipped,
                    isTemporary: true)
            }
            try cancellation.check()
            usleep(50_000)
        }
    }

    /// Finishes or takes back a commit that was interrupted, brings back what a power cut took from the work tree, and sweeps temporary
    /// files.
    private func recover(_ repository: RepositoryHandle) throws -> String? {
        let state = state(repository)
        try sweep(repository)
        let head = try repository.target(of: reference)
        // A journal of another commit: the branch never moved, or somebody moved it on since. There is nothing to finish.
        let journal = try Journal.read(in: state).flatMap { $0.new == head ? $0 : nil }
        guard journal != nil || UnsyncedMark.isOfEarlierBoot(in: state) else {
            try Journal.remove(in: state)
            return nil
        }
        let folder = BackupFolder(repository: repository, name: Array(settings.folder.utf8))
        let new = try folder.listing(of: head)
        let old = try folder.listing(of: journal?.old)
        let present = try folder.remains(of: old, towards: new)
        let longestName = self.longestName
        if let journal, new.paths.contains(where: { PathRule.refusal(of: Array($0), longestName: longestName) != nil })
        {
            return try takeBack(journal, to: old, from: present, folder, repository)
        }
        if present == new, journal == nil {
            try UnsyncedMark.remove(in: state)
            try Journal.remove(in: state)
            return nil
        }
        let reader = LockedReader(try RepositoryHandle.open(settings.path))
        try folder.update(
            from: present, to: new, scratch: state.appending("incoming"),
            content: { .bytes(try reader.content(of: new[$0].blob)) },
            forEach: { count, body in for index in 0..<count { try body(index) } })
        try folder.writeIndex(of: new, keeping: folder.indexEntriesOutside())
        try UnsyncedMark.set(in: state)
        try Journal.remove(in: state)
        if let journal { return "finished the interrupted commit \(journal.new)" }
        var lost = 0
        mergePaths(present.paths, new.paths) { found, wanted in
            if let wanted, found.map({ present[$0] }) != new[wanted] { lost += 1 }
        }
        return "wrote \(lost) files again that were lost when the machine stopped"
    }

    /// What the file system of the work tree takes for a name, in bytes.
    var longestName: Int {
        let longest = settings.path.withPlatformString { pathconf($0, Int32(_PC_NAME_MAX)) }
        return longest > 0 ? min(longest, PathRule.longestName) : PathRule.longestName
    }

    /// Takes back a commit that cannot be checked out, which earlier versions of this program made. Nobody has it: no push came after it.
    /// The branch moves last, so that a kill in between leaves this to be done again.
    private func takeBack(
        _ journal: Journal, to old: FileListing, from present: FileListing, _ folder: BackupFolder,
        _ repository: RepositoryHandle
    ) throws -> String {
        let state = state(repository)
        let reader = LockedReader(try RepositoryHandle.open(settings.path))
        try folder.update(
            from: present, to: old, scratch: state.appending("incoming"),
            content: { .bytes(try reader.content(of: old[$0].blob)) },
            forEach: { count, body in for index in 0..<count { try body(index) } })
        try folder.writeIndex(of: old, keeping: folder.indexEntriesOutside())
        try UnsyncedMark.set(in: state)
        if let commit = journal.old {
            try repository.update(
                reference, from: journal.new, to: commit, identity: settings.identity,
                message: "reset: the commit cannot be checked out")
        } else {
            try repository.remove(reference, at: journal.new)
        }
        try Journal.remove(in: state)
        return "took back the commit \(journal.new), which holds names that no file can have"
    }

    private func sweep(_ repository: RepositoryHandle) throws {
        try FileSystem.removeTree(state(repository).appending("incoming"))
        try FileSystem.removeTree(settings.path.appending(RepositoryHandle.scratchName))
        let packs = repository.commonDirectory.appending("objects/pack")
        let information = repository.commonDirectory.appending("info")
        // Ours alone: packs on their way, and the temporary files of the journal and of the attributes (see ``AtomicFile``). A pack that
        // libgit2 was receiving can be another program's.
        let leftovers = [
            (packs, PackFile.temporaryPrefix), (packs, "pack_git2_"), (state(repository), PackFile.temporaryPrefix),
            (state(repository), ".journal."), (information, ".attributes."),
        ]
        for (folder, prefix) in leftovers where (try? FileStatus(at: folder)) != nil {
            for name in try DirectoryListing.names(at: folder) where name.starts(with: Array(prefix.utf8)) {
                let path = folder.pushing(FilePath(bytes: name))
                if prefix == "pack_git2_", StaleLocks.isHeld(path, workTree: settings.path) { continue }
                try FileSystem.removeTree(path)
            }
        }
    }
}
