internal import CGit2
internal import Glibc
internal import Support
internal import SystemPackage

/// An open repository: the one place where libgit2's handles live. Used by one thread at a time.
final class RepositoryHandle {
    private let repository: OpaquePointer
    private let database: OpaquePointer
    let path: FilePath
    /// The repository's own folder: `.git`, or elsewhere for a linked work tree.
    let gitDirectory: FilePath
    /// Where objects and branches are: the same, but for a linked work tree.
    let commonDirectory: FilePath

    private init(_ repository: OpaquePointer, _ database: OpaquePointer, _ path: FilePath) {
        self.repository = repository
        self.database = database
        self.path = path
        gitDirectory = FilePath(platformString: git_repository_path(repository))
        commonDirectory = FilePath(platformString: git_repository_commondir(repository))
    }

    deinit {
        git_odb_free(database)
        git_repository_free(repository)
    }

    /// Opens the repository whose work tree is exactly this folder; those above are not searched for.
    static func open(_ path: FilePath) throws -> RepositoryHandle {
        try GitLibrary.start()
        var repository: OpaquePointer?
        let code = path.withPlatformString {
            git_repository_open_ext(&repository, $0, UInt32(GIT_REPOSITORY_OPEN_NO_SEARCH.rawValue), nil)
        }
        guard code == 0, let repository else { throw openFailure(code, path) }
        return try wrap(repository, path)
    }

    /// Where a repository is made before it gets its place: in the work tree, so that a rename can move it.
    static let scratchName = ".hermes-ops-init"

    /// Makes a new repository with that branch as HEAD, its branch without a commit. Killed at any moment, it leaves a whole `.git` or
    /// none.
    static func initialise(_ path: FilePath, branch: String) throws -> RepositoryHandle {
        try GitLibrary.start()
        if (try? FileStatus(at: path.appending(".git"))) != nil {
            // Half-made by something else: completed in place, so that nothing in it is lost.
            try makeRepository(path, branch: branch)
        } else {
            let scratch = path.appending(scratchName)
            try FileSystem.makeDirectory(path)
            try FileSystem.removeTree(scratch)
            try makeRepository(scratch, branch: branch)
            try FileSystem.rename(scratch.appending(".git"), to: path.appending(".git"))
            try FileSystem.removeTree(scratch)
        }
        return try open(path)
    }

    private static func makeRepository(_ path: FilePath, branch: String) throws {
        var options = git_repository_init_options()
        try GitLibrary.check(
            git_repository_init_options_init(&options, UInt32(GIT_REPOSITORY_INIT_OPTIONS_VERSION)),
            "making a repository")
        options.flags = UInt32(GIT_REPOSITORY_INIT_MKPATH.rawValue)
        var repository: OpaquePointer?
        let code = branch.withCString { branch in
            options.initial_head = branch
            return path.withPlatformString { git_repository_init_ext(&repository, $0, &options) }
        }
        guard code == 0, let repository else {
            throw GitLibrary.error(doing: "making a repository at", subject: path.printable)
        }
        git_repository_free(repository)
    }

    private static func wrap(_ repository: OpaquePointer, _ path: FilePath) throws -> RepositoryHandle {
        var database: OpaquePointer?
        guard git_repository_odb(&database, repository) == 0, let database else {
            git_repository_free(repository)
            throw GitLibrary.error(
                "git.damaged", doing: "opening the objects of", subject: path.printable, exit: .damagedInput)
        }
        return RepositoryHandle(repository, database, path)
    }

    private static func openFailure(_ code: Int32, _ path: FilePath) -> OperatorError {
        // libgit2 1.5 says "not found" of some that it refuses for their owner.
        let owners = [path, path.appending(".git")].compactMap { try? FileStatus(at: $0).owner }
        if code == GIT_EOWNER.rawValue || owners.contains(where: { $0 != geteuid() }) {
            return OperatorError(
                "git.owner", doing: "opening the repository", subject: path.printable,
                reason: "it belongs to another user",
                advice: "run as its owner, or give the folder to this user (chown -R)", exit: .configuration)
        }
        if code == GIT_ENOTFOUND.rawValue {
            return OperatorError(
                "git.not-a-repository", doing: "opening the repository", subject: path.printable,
                reason: "this folder is not a git repository",
                advice: "let repository.path name a repository's top folder, or one that is empty or not there yet",
                exit: .configuration)
        }
        if let refusal = unsupported(GitLibrary.lastMessage, path) { return refusal }
        return GitLibrary.error(
            "git.damaged", doing: "opening the repository", subject: path.printable,
            advice: "check the repository with `git fsck`, or move it away: the next run clones the remote anew",
            exit: .damagedInput)
    }

    /// The refusal of a whole repository that uses something of git's that libgit2 cannot read; nil if its words tell of something else.
    private static func unsupported(_ message: String, _ path: FilePath) -> OperatorError? {
        let reason: String
        let advice: String
        let fresh = "let repository.path name a plain clone, or a folder that is not there yet: the next run makes one"
        if message.hasSuffix("extensions.objectformat") {
            reason = "it names its objects by SHA-256, and this program can work with SHA-1 alone"
            advice = fresh
        } else if message.hasSuffix("extensions.worktreeconfig") {
            reason = "it has the setting extensions.worktreeConfig, which this program cannot work with"
            advice = "run `git config --unset extensions.worktreeConfig` in it, or \(fresh)"
        } else if message.hasSuffix("extension: 'link'") {
            reason = "its index is split, which this program cannot work with"
            advice = "run `git config core.splitIndex false` and `git update-index --no-split-index` in it"
        } else if message.hasSuffix("extension: 'sdir'") {
            reason = "its index is sparse, which this program cannot work with"
            advice = "run `git sparse-checkout disable` in it"
        } else if message.hasPrefix("unsupported") {
            reason = "it uses something that this program cannot work with (\(message))"
            advice = fresh
        } else {
            return nil
        }
        return OperatorError(
            "git.unsupported", doing: "opening the repository", subject: path.printable, reason: reason, advice: advice,
            exit: .configuration)
    }

    // MARK: State

    var isBare: Bool { git_repository_is_bare(repository) == 1 }
    var isShallow: Bool { git_repository_is_shallow(repository) == 1 }

    /// What git is in the middle of, as its users call it; nil for nothing.
    var operationInProgress: String? {
        switch git_repository_state_t(rawValue: UInt32(max(0, git_repository_state(repository)))) {
        case GIT_REPOSITORY_STATE_NONE: nil
        case GIT_REPOSITORY_STATE_MERGE: "a merge"
        case GIT_REPOSITORY_STATE_REVERT, GIT_REPOSITORY_STATE_REVERT_SEQUENCE: "a revert"
        case GIT_REPOSITORY_STATE_CHERRYPICK, GIT_REPOSITORY_STATE_CHERRYPICK_SEQUENCE: "a cherry-pick"
        case GIT_REPOSITORY_STATE_BISECT: "a bisection"
        default: "a rebase or the application of a mailbox"
        }
    }

    /// The branch that HEAD names, without `refs/heads/`; nil if HEAD is detached.
    func headBranch() throws -> String? {
        var head: OpaquePointer?
        let code = git_reference_lookup(&head, repository, "HEAD")
        guard code == 0, let head else {
            throw GitLibrary.error(
                "git.damaged", doing: "reading HEAD of", subject: path.printable,
                advice:
                    "write `ref: refs/heads/BRANCH` with the branch's name into \(gitDirectory.appending("HEAD").printable), or move the repository away: the next run clones the remote anew",
                exit: .damagedInput)
        }
        defer { git_reference_free(head) }
        guard let target = git_reference_symbolic_target(head) else { return nil }
        let name = String(cString: target)
        return name.hasPrefix("refs/heads/") ? String(name.dropFirst(11)) : nil
    }

    /// The commit that a reference names; nil if there is no such reference.
    func target(of reference: String) throws -> ObjectID? {
        var id = git_oid()
        let code = git_reference_name_to_id(&id, repository, reference)
        if code == GIT_ENOTFOUND.rawValue { return nil }
        try damaged(
            code, "reading \(reference) of",
            advice:
                "write the id of its last good commit, the second word of the last line of \(commonDirectory.printable)/logs/\(reference), into \(commonDirectory.printable)/\(reference), or move the repository away: the next run clones the remote anew"
        )
        return ObjectID(id)
    }

    /// Sets a reference, if it still has the expected target (nil: if it is not there yet); durable when it returns.
    func update(_ reference: String, from old: ObjectID?, to new: ObjectID, identity: Identity, message: String) throws
    {
        try GitLibrary.check(
            git_repository_set_ident(repository, identity.name, identity.email), "setting the identity")
        var id = new.oid
        var created: OpaquePointer?
        let code: Int32
        if let old {
            var expected = old.oid
            code = git_reference_create_matching(&created, repository, reference, &id, 1, &expected, message)
        } else {
            code = git_reference_create(&created, repository, reference, &id, 0, message)
        }
        guard code == 0 else {
            let moved = code == GIT_EMODIFIED.rawValue || code == GIT_EEXISTS.rawValue
            throw GitLibrary.error(
                moved ? "git.moved" : "git.failure", doing: "updating", subject: printable(reference),
                advice: moved ? "something else committed meanwhile; run again" : nil, isTemporary: moved)
        }
        git_reference_free(created)
    }

    /// Removes a reference, if it still names that commit.
    func remove(_ reference: String, at id: ObjectID) throws {
        guard try target(of: reference) == id else { return }
        try GitLibrary.check(
            git_reference_remove(repository, reference), "removing the branch", printable(reference))
    }

    /// Records where the remote's branch stood when it was last seen.
    func setRemoteTracking(_ reference: String, to new: ObjectID, identity: Identity) throws {
        try GitLibrary.check(
            git_repository_set_ident(repository, identity.name, identity.email), "setting the identity")
        var id = new.oid
        var created: OpaquePointer?
        try GitLibrary.check(
            git_reference_create(&created, repository, reference, &id, 1, "hermes-ops-runner: push"), "updating",
            printable(reference))
        git_reference_free(created)
    }

    func addRemote(_ name: String, _ url: String) throws {
        var remote: OpaquePointer?
        try GitLibrary.check(git_remote_create(&remote, repository, name, url), "naming the remote")
        git_remote_free(remote)
    }

    // MARK: Objects

    func has(_ id: ObjectID) -> Bool {
        var oid = id.oid
        // Without a look at the disk for each object that is not there: ``refresh()`` does that once.
        return git_odb_exists_ext(database, &oid, UInt32(GIT_ODB_LOOKUP_NO_REFRESH.rawValue)) == 1
    }

    /// Looks at the disk again: new packs were written behind libgit2's back.
    func refresh() throws {
        try GitLibrary.check(git_odb_refresh(database), "rereading the objects of", path.printable)
    }

    /// Larger objects are not read into memory: a few bytes of a pack can stand for any number.
    private static let objectLimit = 256 << 20

    /// Type and content of an object.
    func read(_ id: ObjectID) throws -> (type: PackFile.ObjectType, content: [UInt8]) {
        var oid = id.oid
        var object: OpaquePointer?
        var size = 0
        var kind = GIT_OBJECT_INVALID
        guard git_odb_read_header(&size, &kind, database, &oid) == 0 else { throw missing(id) }
        guard size <= Self.objectLimit else {
            throw OperatorError(
                "git.too-large", doing: "reading object \(id) of", subject: path.printable,
                reason: "it has \(size) bytes; this program reads at most \(Self.objectLimit)",
                advice: "give the backup a repository of its own", exit: .damagedInput)
        }
        guard git_odb_read(&object, database, &oid) == 0, let object else { throw missing(id) }
        defer { git_odb_object_free(object) }
        guard let type = PackFile.ObjectType(rawValue: UInt8(max(0, git_odb_object_type(object).rawValue))) else {
            throw missing(id)
        }
        let bytes = UnsafeRawBufferPointer(start: git_odb_object_data(object), count: git_odb_object_size(object))
        return (type, Array(bytes))
    }

    private func missing(_ id: ObjectID) -> OperatorError {
        GitLibrary.error(
            "git.damaged", doing: "reading object \(id) of", subject: path.printable,
            advice: "check the repository with `git fsck`, or move it away: the next run clones the remote anew",
            exit: .damagedInput)
    }

    /// Writes one loose object, durably, and holds its id against the expected one.
    func writeLoose(_ content: [UInt8], type: PackFile.ObjectType, id: ObjectID) throws {
        var oid = git_oid()
        let code = content.withUnsafeBytes {
            git_odb_write(&oid, database, $0.baseAddress, $0.count, git_object_t(rawValue: Int32(type.rawValue)))
        }
        try GitLibrary.check(code, "writing an object to", path.printable)
        guard ObjectID(oid) == id else {
            throw OperatorError(
                "git.content", doing: "writing an object to", subject: path.printable,
                reason: "the content is not what was announced: it changed under the reader")
        }
    }

    /// The entries of one tree.
    func tree(_ id: ObjectID) throws -> [TreeObjects.Entry] {
        var entries: [TreeObjects.Entry] = []
        try visit(id) { entries.append($0) }
        return entries
    }

    /// Visits the entries of one tree, which may be many, in git's order.
    func visit(_ id: ObjectID, _ body: (TreeObjects.Entry) throws -> Void) throws {
        var oid = id.oid
        var tree: OpaquePointer?
        guard git_tree_lookup(&tree, repository, &oid) == 0, let tree else { throw missing(id) }
        defer { git_tree_free(tree) }
        for index in 0..<git_tree_entrycount(tree) {
            guard let entry = git_tree_entry_byindex(tree, index), let name = git_tree_entry_name(entry),
                let id = git_tree_entry_id(entry)
            else { throw missing(id) }
            let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
            try body(
                TreeObjects.Entry(
                    mode: UInt32(git_tree_entry_filemode_raw(entry).rawValue), name: Array(bytes),
                    id: ObjectID(id.pointee)))
        }
    }

    /// The root tree and the parents of a commit.
    func commit(_ id: ObjectID) throws -> (tree: ObjectID, parents: [ObjectID]) {
        var oid = id.oid
        var commit: OpaquePointer?
        guard git_commit_lookup(&commit, repository, &oid) == 0, let commit else { throw missing(id) }
        defer { git_commit_free(commit) }
        guard let tree = git_commit_tree_id(commit) else { throw missing(id) }
        let parents = (0..<git_commit_parentcount(commit)).compactMap { index in
            git_commit_parent_id(commit, index).map { ObjectID($0.pointee) }
        }
        return (ObjectID(tree.pointee), parents)
    }

    /// When a commit was made.
    func time(of id: ObjectID) throws -> Timestamp {
        var oid = id.oid
        var commit: OpaquePointer?
        guard git_commit_lookup(&commit, repository, &oid) == 0, let commit else { throw missing(id) }
        defer { git_commit_free(commit) }
        return Timestamp(seconds: git_commit_time(commit))
    }

    /// Whether `ancestor` is `id` or one of its ancestors; false too if this repository does not know it.
    func descends(_ id: ObjectID, from ancestor: ObjectID) throws -> Bool {
        if id == ancestor { return true }
        guard has(ancestor) else { return false }
        var (one, other) = (id.oid, ancestor.oid)
        let code = git_graph_descendant_of(repository, &one, &other)
        try damaged(code, "walking the history of")
        return code == 1
    }

    /// The commits that are reachable from `tip` and not from `excluded`, oldest first.
    func commits(of tip: ObjectID, without excluded: ObjectID?) throws -> [ObjectID] {
        var walk: OpaquePointer?
        try GitLibrary.check(git_revwalk_new(&walk, repository), "walking the history of", path.printable)
        defer { git_revwalk_free(walk) }
        try GitLibrary.check(
            git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL.rawValue | GIT_SORT_REVERSE.rawValue),
            "walking the history of")
        var oid = tip.oid
        try damaged(git_revwalk_push(walk, &oid), "walking the history of")
        if let excluded {
            var oid = excluded.oid
            try damaged(git_revwalk_hide(walk, &oid), "walking the history of")
        }
        var commits: [ObjectID] = []
        while true {
            let code = git_revwalk_next(&oid, walk)
            if code == GIT_ITEROVER.rawValue { return commits }
            try damaged(code, "walking the history of")
            commits.append(ObjectID(oid))
        }
    }

    private func damaged(_ code: Int32, _ doing: String, advice: String? = nil) throws {
        guard code >= 0 else {
            throw GitLibrary.error(
                "git.damaged", doing: doing, subject: path.printable,
                advice: advice
                    ?? "look at it with `git fsck`, or move the repository away: the next run clones the remote anew",
                exit: .damagedInput)
        }
    }

    // MARK: Index

    /// Visits the entries of the index as it stands on disk.
    func visitIndex(_ body: (IndexFile.Entry) throws -> Void) throws {
        do {
            try IndexFile.read(gitDirectory.appending("index"), body)
        } catch let error as IndexFile.Unreadable {
            if case .needs(let name) = error, let refusal = Self.unsupported("unsupported extension: '\(name)'", path) {
                throw refusal
            }
            throw OperatorError(
                "git.damaged", doing: "reading the index of", subject: path.printable,
                reason: "the file .git/index is damaged or cannot be read",
                advice: "restore it with `git read-tree HEAD`", exit: .damagedInput)
        }
    }

    // MARK: Packs from elsewhere

    /// Takes a pack that comes in pieces, verifies and indexes it.
    func receivePack(_ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
        let folder = commonDirectory.appending("objects/pack")
        var indexer: OpaquePointer?
        let code = folder.withPlatformString { git_indexer_new(&indexer, $0, 0, database, nil) }
        try GitLibrary.check(code, "receiving a pack into", path.printable)
        defer { git_indexer_free(indexer) }
        var progress = git_indexer_progress()
        try body { bytes in
            let code = git_indexer_append(indexer, bytes.baseAddress, bytes.count, &progress)
            guard code == 0 else {
                throw GitLibrary.error(
                    "git.damaged", doing: "receiving a pack into", subject: self.path.printable, exit: .damagedInput)
            }
        }
        guard git_indexer_commit(indexer, &progress) == 0 else {
            throw GitLibrary.error(
                "git.damaged", doing: "indexing the pack received into", subject: path.printable, exit: .damagedInput)
        }
        try refresh()
    }
}

extension ObjectID {
    init(_ oid: git_oid) {
        guard let id = withUnsafeBytes(of: oid, { ObjectID($0) }) else { preconditionFailure("a git_oid has 20 bytes") }
        self = id
    }

    var oid: git_oid {
        var oid = git_oid()
        withUnsafeMutableBytes(of: &oid) { $0.copyBytes(from: bytes) }
        return oid
    }
}
