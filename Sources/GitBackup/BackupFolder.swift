internal import CLinux
internal import Glibc
internal import Support
internal import SystemPackage

/// The backup folder in a work tree: what the commits say it holds, what it does hold, and the way from one to the other.
struct BackupFolder {
    let repository: RepositoryHandle
    /// One component below the top of the work tree.
    let name: [UInt8]

    /// Files by their path relative to the folder.
    typealias Listing = [[UInt8]: StoredFile]

    private var prefix: [UInt8] { name + [UInt8(ascii: "/")] }
    private var location: FilePath { repository.path.pushing(FilePath(bytes: name)) }

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
        for (path, status) in try files() {
            guard let expected = committed[path] else {
                differences.append((path, "not committed"))
                continue
            }
            let stamp = IndexFile.Stamp(status)
            // As git does: a file as young as the index may have changed within the clock's grain, and is read.
            let isTrusted = indexed[path]?.stamp == stamp && status.modified < written ?? 0
            if try kind(of: status) != expected.kind
                || (!isTrusted && content(path, status) != expected.blob)
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

    /// Every file that is there, by relative path; nothing if there is no folder. Anything but a folder there is an error.
    private func files() throws -> [([UInt8], FileStatus)] {
        do {
            guard try FileStatus(at: location).kind == .directory else {
                throw dirty([(name, "not a folder")])
            }
        } catch let errno as Errno {
            if errno == .noSuchFileOrDirectory { return [] }
            throw OperatorError.system(errno.rawValue, doing: "reading", subject: location.printable)
        }
        var files: [([UInt8], FileStatus)] = []
        try DirectoryWalk(location).run { entry in
            if entry.status.kind != .directory { files.append((entry.path, entry.status)) }
            return .descend
        } failing: { _, error in
            throw error
        }
        return files
    }

    private func kind(of status: FileStatus) -> BackupEntry.Kind? {
        switch status.kind {
        case .file: status.permissions & 0o100 != 0 ? .executable : .file
        case .symlink: .symlink
        default: nil
        }
    }

    /// The blob id of what the work tree holds at a path; nil if it cannot be one.
    private func content(_ path: [UInt8], _ status: FileStatus) throws -> ObjectID? {
        let folder = try ConfinedDirectory(location)
        do {
            switch status.kind {
            case .symlink:
                return try folder.readSymlink(path).withUnsafeBytes { ObjectID(of: $0, type: "blob") }
            case .file:
                let file = try folder.openForReading(path)
                defer { file.closeQuietly() }
                let bytes = try FileSystem.read(file, name: FilePath(bytes: path), limit: .max - 1)
                return bytes.withUnsafeBytes { ObjectID(of: $0, type: "blob") }
            default:
                return nil
            }
        } catch let errno as Errno {
            throw OperatorError.system(errno.rawValue, doing: "reading", subject: printable(prefix + path))
        }
    }

    // MARK: From one commit to the next

    /// What is to be written into the folder.
    struct Write: Sendable {
        var path: [UInt8]
        var kind: BackupEntry.Kind
    }

    /// Brings the work tree from one listing to the other. Each file changes in one rename; a first folder appears as a whole.
    ///
    /// - Parameter forEach: calls its body with every index, in any order and on any thread.
    func update(
        from old: Listing, to new: Listing, scratch: FilePath,
        content: @escaping @Sendable (Write) throws -> [UInt8],
        forEach: (Int, @Sendable (Int) throws -> Void) throws -> Void
    ) throws {
        let writes = new.filter { old[$0.key] != $0.value }.map { Write(path: $0.key, kind: $0.value.kind) }
            .sorted { $0.path.lexicographicallyPrecedes($1.path) }
        try FileSystem.removeTree(scratch)
        try FileSystem.makeDirectory(scratch)
        let isFirst = old.isEmpty && (try? FileStatus(at: location)) == nil
        if isFirst {
            guard !new.isEmpty else { return }
            let incoming = scratch.appending("folder")
            try makeFolder(incoming)
            try fill(incoming, writes, content: content, forEach: forEach)
            try FileSystem.rename(incoming, to: location)
            try FileSystem.syncDirectory(repository.path)
        } else {
            if (try? FileStatus(at: location)) == nil, !writes.isEmpty { try makeFolder(location) }
            try remove(old.keys.filter { new[$0] == nil })
            try replace(writes, scratch: scratch, content: content, forEach: forEach)
            // An empty folder goes; one that somebody put something into stays.
            if new.isEmpty { _ = location.withPlatformString { rmdir($0) } }
        }
        try FileSystem.removeTree(scratch)
    }

    /// A folder as git makes them, the umask deciding who may read.
    private func makeFolder(_ path: FilePath) throws {
        guard path.withPlatformString({ mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
            throw OperatorError.system(errno, doing: "making the folder", subject: path.printable)
        }
    }

    private func remove(_ paths: [[UInt8]]) throws {
        guard !paths.isEmpty else { return }
        let folder = try ConfinedDirectory(location)
        for path in paths {
            do {
                try folder.withParent(path) { parent, name throws(Errno) in
                    let result = name.withPlatformString { unlinkat(parent, $0, 0) }
                    if result != 0, errno != ENOENT { throw Errno(rawValue: errno) }
                }
                // Folders that are empty now go too; git knows none.
                var rest = path
                while let slash = rest.lastIndex(of: UInt8(ascii: "/")) {
                    rest = Array(rest[..<slash])
                    var isGone = false
                    try folder.withParent(rest) { parent, name throws(Errno) in
                        isGone = name.withPlatformString { unlinkat(parent, $0, AT_REMOVEDIR) } == 0
                    }
                    if !isGone { break }
                }
            } catch  where error == .noSuchFileOrDirectory {
                continue
            } catch {
                throw OperatorError.system(error.rawValue, doing: "removing", subject: printable(prefix + path))
            }
        }
    }

    private func fill(
        _ root: FilePath, _ writes: [Write], content: @escaping @Sendable (Write) throws -> [UInt8],
        forEach: (Int, @Sendable (Int) throws -> Void) throws -> Void
    ) throws {
        let folder = try ConfinedDirectory(root)
        try Self.makeParents(of: writes, in: folder)
        try forEach(writes.count) { index in
            try Self.write(writes[index], at: writes[index].path, in: folder, content(writes[index]))
        }
    }

    private func replace(
        _ writes: [Write], scratch: FilePath, content: @escaping @Sendable (Write) throws -> [UInt8],
        forEach: (Int, @Sendable (Int) throws -> Void) throws -> Void
    ) throws {
        guard !writes.isEmpty else { return }
        let folder = try ConfinedDirectory(location)
        let incoming = try ConfinedDirectory(scratch)
        try Self.makeParents(of: writes, in: folder)
        try forEach(writes.count) { index in
            let write = writes[index]
            let temporary = Array(String(index).utf8)
            try Self.write(write, at: temporary, in: incoming, content(write))
            do {
                try folder.withParent(write.path) { parent, name throws(Errno) in
                    // An empty folder may stand where a file is to be.
                    _ = name.withPlatformString { unlinkat(parent, $0, AT_REMOVEDIR) }
                    let result = FilePath(bytes: temporary).withPlatformString { from in
                        name.withPlatformString { renameat(incoming.descriptor.rawValue, from, parent, $0) }
                    }
                    guard result == 0 else { throw Errno(rawValue: errno) }
                }
            } catch let errno as Errno {
                throw OperatorError.system(errno.rawValue, doing: "writing", subject: printable(write.path))
            }
        }
    }

    static func makeParents(of writes: [Write], in folder: ConfinedDirectory) throws {
        var known = Set<[UInt8]>()
        for write in writes {
            for (offset, byte) in write.path.enumerated() where byte == UInt8(ascii: "/") {
                let parent = Array(write.path[..<offset])
                guard known.insert(parent).inserted else { continue }
                do {
                    try folder.makeDirectory(parent, permissions: 0o777)
                } catch {
                    throw OperatorError.system(error.rawValue, doing: "making the folder", subject: printable(parent))
                }
            }
        }
    }

    /// Writes one file or symlink that is not there yet, below a folder.
    static func write(_ write: Write, at path: [UInt8], in folder: ConfinedDirectory, _ content: [UInt8]) throws {
        do {
            if write.kind == .symlink {
                try folder.makeSymlink(path, to: content)
            } else {
                let file = try folder.create(path, permissions: write.kind == .executable ? 0o777 : 0o666)
                defer { file.closeQuietly() }
                try file.writeAll(content)
            }
        } catch let errno as Errno {
            throw OperatorError.system(errno.rawValue, doing: "writing", subject: printable(write.path))
        }
    }

    /// The folder's part of the index as the work tree stands, together with the rest.
    func index(of listing: Listing, keeping others: [IndexFile.Entry]) throws -> [IndexFile.Entry] {
        var entries = others
        entries.reserveCapacity(others.count + listing.count)
        for (path, status) in try files() {
            guard let stored = listing[path] else { continue }
            entries.append(
                IndexFile.Entry(
                    path: prefix + path, mode: stored.kind.mode, id: stored.blob, stamp: IndexFile.Stamp(status)))
        }
        return entries
    }

    /// After an interrupted update: the files that are not yet as the new commit has them, as a listing to update from. A file that
    /// neither commit holds is an error.
    func remains(of old: Listing, towards new: Listing) throws -> Listing {
        var present: Listing = [:]
        var differences: [(path: [UInt8], what: String)] = []
        for (path, status) in try files() {
            guard let kind = kind(of: status), let id = try content(path, status) else {
                differences.append((path, "not a file"))
                continue
            }
            let found = StoredFile(kind: kind, blob: id)
            if found == new[path] || found == old[path] {
                present[path] = found
            } else {
                differences.append((path, "changed"))
            }
        }
        guard differences.isEmpty else { throw dirty(differences) }
        return present
    }
}
