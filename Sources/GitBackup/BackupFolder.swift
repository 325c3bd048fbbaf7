internal import Support
internal import SystemPackage

/// The backup folder in a work tree: what the commits say it holds, what it does hold, and the way from one to the other.
struct BackupFolder {
    let repository: RepositoryHandle
    /// One component below the top of the work tree.
    let name: [UInt8]

    /// Files by their path relative to the folder.
    typealias Listing = [[UInt8]: StoredFile]

    var prefix: [UInt8] { name + [UInt8(ascii: "/")] }
    var location: FilePath { repository.path.pushing(FilePath(bytes: name)) }

    // MARK: What commits hold

    /// The folder in a commit; nothing for no commit and for a commit without the folder.
    func listing(of commit: ObjectID?) throws -> Listing {
        guard let commit else { return [:] }
        let root = try repository.tree(repository.commit(commit).tree)
        guard let folder = root.first(where: { $0.name == name }) else { return [:] }
        guard folder.isTree else { throw foreign(name, "is not a folder") }
        var listing: Listing = [:]
        try collect(folder.id, [], &listing)
        return listing
    }

    private func collect(_ tree: ObjectID, _ path: [UInt8], _ listing: inout Listing) throws {
        for entry in try repository.tree(tree) {
            let full = path + entry.name
            if entry.isTree {
                try collect(entry.id, full + [UInt8(ascii: "/")], &listing)
            } else {
                guard let kind = BackupEntry.Kind(mode: entry.mode) else {
                    throw foreign(prefix + full, "is neither a file nor a symlink, but a submodule")
                }
                listing[full] = StoredFile(kind: kind, blob: entry.id)
            }
        }
    }

    private func foreign(_ path: [UInt8], _ reason: String) -> OperatorError {
        OperatorError(
            "git.foreign", doing: "reading the last commit of", subject: repository.path.printable,
            reason: "\(printable(path)) \(reason)", advice: "remove it with git and commit")
    }

    // MARK: Whether the work tree is clean

    /// What a clean check learned, for the index that follows.
    struct Clean {
        /// Of the files in the folder, by relative path.
        var stamps: [[UInt8]: IndexFile.Stamp] = [:]
        /// The index's entries outside the folder, kept as they are.
        var others: [IndexFile.Entry] = []
    }

    /// Holds index and work tree of the folder against the last commit. A difference is an error that names the first few files.
    func requireClean(_ committed: Listing) throws -> Clean {
        let (clean, differences) = try compare(committed)
        guard differences.isEmpty else { throw dirty(differences) }
        return clean
    }

    /// How many files of the folder differ from the last commit, in index or work tree.
    func differenceCount(_ committed: Listing) throws -> Int {
        let (_, differences) = try compare(committed)
        return Set(differences.map(\.path)).count
    }

    private func compare(_ committed: Listing) throws -> (Clean, [(path: [UInt8], what: String)]) {
        var clean = Clean()
        var differences: [(path: [UInt8], what: String)] = []
        var indexed: [[UInt8]: IndexFile.Entry] = [:]
        for entry in try repository.indexEntries() {
            guard entry.path.starts(with: prefix) else {
                if entry.path == name { differences.append((name, "staged")) }
                clean.others.append(entry)
                continue
            }
            let path = Array(entry.path.dropFirst(prefix.count))
            if entry.stage != 0 || committed[path]?.blob != entry.id || committed[path]?.kind.mode != entry.mode {
                differences.append((path, entry.stage != 0 ? "in conflict" : "staged"))
            }
            indexed[path] = entry
        }
        for path in committed.keys where indexed[path] == nil { differences.append((path, "staged for removal")) }
        let found = try inspect(committed, indexed, &clean.stamps)
        return (clean, differences + found)
    }

    private func inspect(
        _ committed: Listing, _ indexed: [[UInt8]: IndexFile.Entry], _ stamps: inout [[UInt8]: IndexFile.Stamp]
    ) throws -> [(path: [UInt8], what: String)] {
        var differences: [(path: [UInt8], what: String)] = []
        let written = try? FileStatus(at: repository.gitDirectory.appending("index")).modified
        try forEachFile { path, status in
            guard let expected = committed[path] else { return differences.append((path, "not committed")) }
            let stamp = IndexFile.Stamp(status)
            // As git does: a file as young as the index may have changed within the clock's grain, and is read.
            let isTrusted = indexed[path]?.stamp == stamp && status.modified < written ?? 0
            if try kind(of: status) != expected.kind
                || (!isTrusted && blob(path, status) != expected.blob)
            {
                differences.append((path, "changed"))
            }
            stamps[path] = stamp
        }
        for path in committed.keys where stamps[path] == nil && !differences.contains(where: { $0.path == path }) {
            differences.append((path, "missing"))
        }
        return differences
    }

    private func dirty(_ differences: [(path: [UInt8], what: String)]) -> OperatorError {
        let sorted = differences.sorted { $0.path.lexicographicallyPrecedes($1.path) }
        let shown = sorted.prefix(5).map { "\(printable($0.path, limit: 200)) (\($0.what))" }.joined(separator: ", ")
        let more = sorted.count > 5 ? " and \(sorted.count - 5) more" : ""
        return OperatorError(
            "git.dirty", doing: "checking the work tree of", subject: repository.path.printable,
            reason: "\(printable(name)) differs from the last commit: \(shown)\(more)",
            advice: "keep what you need elsewhere, then `git restore --staged --worktree` and `git clean` that folder")
    }

    /// Visits every file that is there, by relative path; nothing if there is no folder. Anything but a folder there is an error.
    private func forEachFile(_ body: ([UInt8], FileStatus) throws -> Void) throws {
        do {
            guard try FileStatus(at: location).kind == .directory else {
                throw dirty([(name, "not a folder")])
            }
        } catch let errno as Errno {
            if errno == .noSuchFileOrDirectory { return }
            throw OperatorError.system(errno.rawValue, doing: "reading", subject: location.printable)
        }
        try DirectoryWalk(location).run { entry in
            if entry.status.kind != .directory { try body(entry.path, entry.status) }
            return .descend
        } failing: { _, error in
            throw error
        }
    }

    private func kind(of status: FileStatus) -> BackupEntry.Kind? {
        switch status.kind {
        case .file: status.permissions & 0o100 != 0 ? .executable : .file
        case .symlink: .symlink
        default: nil
        }
    }

    private func blob(_ path: [UInt8], _ status: FileStatus) throws -> ObjectID? {
        try content(path, status)?.withUnsafeBytes { ObjectID(of: $0, type: "blob") }
    }

    /// What the work tree holds at a path; nil if it cannot be a blob.
    private func content(_ path: [UInt8], _ status: FileStatus) throws -> [UInt8]? {
        let folder = try ConfinedDirectory(location)
        do {
            switch status.kind {
            case .symlink:
                return try folder.readSymlink(path)
            case .file:
                let file = try folder.openForReading(path)
                defer { file.closeQuietly() }
                return try FileSystem.read(file, name: FilePath(bytes: path), limit: .max - 1)
            default:
                return nil
            }
        } catch let errno as Errno {
            throw OperatorError.system(errno.rawValue, doing: "reading", subject: printable(prefix + path))
        }
    }

    /// The folder's part of the index as the work tree stands, together with the rest.
    func index(of listing: Listing, keeping others: [IndexFile.Entry]) throws -> [IndexFile.Entry] {
        var entries = others
        entries.reserveCapacity(others.count + listing.count)
        try forEachFile { path, status in
            guard let stored = listing[path] else { return }
            entries.append(
                IndexFile.Entry(
                    path: prefix + path, mode: stored.kind.mode, id: stored.blob, stamp: IndexFile.Stamp(status)))
        }
        return entries
    }

    /// After an interrupted update or a power cut: the files that are as either commit has them, as a listing to update from. What a
    /// power cut made of a file counts as missing; a file that is anything else is somebody's, and an error.
    func remains(of old: Listing, towards new: Listing) throws -> Listing {
        var present: Listing = [:]
        var differences: [(path: [UInt8], what: String)] = []
        try forEachFile { path, status in
            guard let kind = kind(of: status), let content = try content(path, status) else {
                return differences.append((path, "not a file"))
            }
            let found = StoredFile(kind: kind, blob: content.withUnsafeBytes { ObjectID(of: $0, type: "blob") })
            let expected = [new[path], old[path]].compactMap(\.self)
            if expected.contains(found) {
                present[path] = found
            } else if let intended = try expected.first(where: {
                try kind == $0.kind && kind != .symlink
                    && Self.isUnwritten(content, of: repository.read($0.blob).content)
            }) {
                if new[path] == nil { present[path] = intended }
            } else {
                differences.append((path, "changed"))
            }
        }
        guard differences.isEmpty else { throw dirty(differences) }
        return present
    }

    /// Whether all that a file holds are bytes of what was to be written, each in its place, or zeros where the disk never got them.
    /// Nobody's work is lost with it.
    static func isUnwritten(_ content: [UInt8], of whole: [UInt8]) -> Bool {
        content.count <= whole.count && zip(content, whole).allSatisfy { $0 == $1 || $0 == 0 }
    }
}
