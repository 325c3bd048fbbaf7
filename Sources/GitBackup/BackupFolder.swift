internal import Support
internal import SystemPackage

/// The backup folder in a work tree: what the commits say it holds, what it does hold, and the way from one to the other.
struct BackupFolder {
    let repository: RepositoryHandle
    /// One component below the top of the work tree.
    let name: [UInt8]

    var prefix: [UInt8] { name + [UInt8(ascii: "/")] }
    var location: FilePath { repository.path.pushing(FilePath(bytes: name)) }

    // MARK: What commits hold

    /// The folder in a commit; nothing for no commit and for a commit without the folder.
    func listing(of commit: ObjectID?) throws -> FileListing {
        guard let commit else { return FileListing() }
        let root = try repository.tree(repository.commit(commit).tree)
        guard let folder = root.first(where: { $0.name == name }) else { return FileListing() }
        guard folder.isTree else { throw foreign(name, "is not a folder") }
        var paths = PathList()
        var files: [StoredFile] = []
        try collect(folder.id, [], &paths, &files)
        return FileListing(paths: paths, files: files)
    }

    private func collect(_ tree: ObjectID, _ path: [UInt8], _ paths: inout PathList, _ files: inout [StoredFile]) throws
    {
        try repository.visit(tree) { entry in
            let full = path + entry.name
            if entry.isTree {
                try collect(entry.id, full + [UInt8(ascii: "/")], &paths, &files)
            } else {
                guard let kind = BackupEntry.Kind(mode: entry.mode) else {
                    throw foreign(prefix + full, "is neither a file nor a symlink, but a submodule")
                }
                paths.append(full)
                files.append(StoredFile(kind: kind, blob: entry.id))
            }
        }
    }

    private func foreign(_ path: [UInt8], _ reason: String) -> OperatorError {
        OperatorError(
            "git.foreign", doing: "reading the last commit of", subject: repository.path.printable,
            reason: "\(printable(path)) \(reason)", advice: "remove it with git and commit")
    }

    // MARK: Whether the work tree is clean

    /// Holds index and work tree of the folder against the last commit. A difference is an error that names the first few files.
    ///
    /// - Returns: the index's entries outside the folder.
    func requireClean(_ committed: FileListing) throws -> [IndexFile.Entry] {
        let (others, differences) = try compare(committed)
        guard differences.isEmpty else { throw dirty(differences) }
        return others
    }

    /// How many files of the folder differ from the last commit, in index or work tree.
    func differenceCount(_ committed: FileListing) throws -> Int {
        let (_, differences) = try compare(committed)
        return Set(differences.map(\.path)).count
    }

    private func compare(_ committed: FileListing) throws -> ([IndexFile.Entry], [(path: [UInt8], what: String)]) {
        var others: [IndexFile.Entry] = []
        var differences: [(path: [UInt8], what: String)] = []
        var stamps = [IndexFile.Stamp?](repeating: nil, count: committed.count)
        var next = 0
        try repository.visitIndex { entry in
            guard entry.path.starts(with: prefix) else {
                if entry.path == name { differences.append((name, "staged")) }
                others.append(entry)
                return
            }
            let path = entry.path.dropFirst(prefix.count)
            let place = committed.paths.index(of: path, hint: next)
            if let place {
                stamps[place] = entry.stamp
                next = place + 1
            }
            let expected = place.map { committed[$0] }
            if entry.stage != 0 || expected?.blob != entry.id || expected?.kind.mode != entry.mode {
                differences.append((Array(path), entry.stage != 0 ? "in conflict" : "staged"))
            }
        }
        for index in committed.indices where stamps[index] == nil {
            differences.append((Array(committed.paths[index]), "staged for removal"))
        }
        return (others, differences + (try inspect(committed, stamps)))
    }

    /// - Parameter stamps: what the index knows of the committed files.
    private func inspect(_ committed: FileListing, _ stamps: [IndexFile.Stamp?]) throws -> [(
        path: [UInt8], what: String
    )] {
        var differences: [(path: [UInt8], what: String)] = []
        var isFound = [Bool](repeating: false, count: committed.count)
        var next = 0
        let written = try? FileStatus(at: repository.gitDirectory.appending("index")).modified
        try forEachFile { path, status in
            guard let place = committed.paths.index(of: path, hint: next) else {
                return differences.append((path, "not committed"))
            }
            next = place + 1
            isFound[place] = true
            // As git does: a file as young as the index may have changed within the clock's grain, and is read.
            let isTrusted = stamps[place] == IndexFile.Stamp(status) && status.modified < written ?? 0
            if try kind(of: status) != committed[place].kind
                || (!isTrusted && blob(path, status) != committed[place].blob)
            {
                differences.append((path, "changed"))
            }
        }
        for index in committed.indices where !isFound[index] {
            differences.append((Array(committed.paths[index]), "missing"))
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

    /// The id of what the work tree holds at a path as a blob; nil if it cannot be one.
    private func blob(_ path: [UInt8], _ status: FileStatus) throws -> ObjectID? {
        guard status.kind == .file else {
            return try content(path, status)?.withUnsafeBytes { ObjectID(of: $0, type: "blob") }
        }
        return try read(path) { file in
            let size = Int(try FileStatus(of: file).size)
            var digest = Digest(.sha1)
            digest.update(Array("blob \(size)\0".utf8))
            var piece = [UInt8](repeating: 0, count: min(size + 1, 1 << 18))
            while true {
                let count = try piece.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return ObjectID(digest.finish()) }
                digest.update(piece[..<count])
            }
        }
    }

    /// What the work tree holds at a path; nil if it cannot be a blob.
    private func content(_ path: [UInt8], _ status: FileStatus) throws -> [UInt8]? {
        switch status.kind {
        case .symlink:
            do {
                return try ConfinedDirectory(location).readSymlink(path)
            } catch let errno as Errno {
                throw OperatorError.system(errno.rawValue, doing: "reading", subject: printable(prefix + path))
            }
        case .file:
            return try read(path) { try FileSystem.read($0, name: FilePath(bytes: path), limit: .max - 1) }
        default:
            return nil
        }
    }

    private func read<Result>(_ path: [UInt8], _ body: (FileDescriptor) throws -> Result) throws -> Result {
        do {
            let file = try ConfinedDirectory(location).openForReading(path)
            defer { file.closeQuietly() }
            return try body(file)
        } catch let errno as Errno {
            throw OperatorError.system(errno.rawValue, doing: "reading", subject: printable(prefix + path))
        }
    }

    /// Writes the index: the folder's part as the work tree stands, together with the rest.
    func writeIndex(of listing: FileListing, keeping others: [IndexFile.Entry]) throws {
        var stamps = [IndexFile.Stamp?](repeating: nil, count: listing.count)
        var next = 0
        try forEachFile { path, status in
            guard let place = listing.paths.index(of: path, hint: next) else { return }
            next = place + 1
            stamps[place] = IndexFile.Stamp(status)
        }
        let present = listing.indices.lazy.filter { stamps[$0] != nil }
        // One name's files stand together in the index, whatever else is in it.
        let first = others.firstIndex { prefix.lexicographicallyPrecedes($0.path) } ?? others.count
        try IndexFile.write(
            count: others.count + present.count,
            isExtended: others.contains(where: \.isExtended), in: repository.gitDirectory
        ) { write in
            for entry in others[..<first] { try write(entry) }
            for index in present {
                guard let stamp = stamps[index] else { continue }
                try write(
                    IndexFile.Entry(
                        path: prefix + listing.paths[index], mode: listing[index].kind.mode, id: listing[index].blob,
                        stamp: stamp))
            }
            for entry in others[first...] { try write(entry) }
        }
    }

    /// The index's entries of other folders.
    func indexEntriesOutside() throws -> [IndexFile.Entry] {
        var others: [IndexFile.Entry] = []
        try repository.visitIndex { if !$0.path.starts(with: prefix) { others.append($0) } }
        return others
    }

    /// After an interrupted update or a power cut: the files that are as either commit has them, as a listing to update from. What a
    /// power cut made of a file counts as missing; a file that is anything else is somebody's, and an error.
    func remains(of old: FileListing, towards new: FileListing) throws -> FileListing {
        var paths = PathList()
        var files: [StoredFile] = []
        var differences: [(path: [UInt8], what: String)] = []
        try forEachFile { path, status in
            guard let kind = kind(of: status), let content = try content(path, status) else {
                return differences.append((path, "not a file"))
            }
            let found = StoredFile(kind: kind, blob: content.withUnsafeBytes { ObjectID(of: $0, type: "blob") })
            let expected = [new[path], old[path]].compactMap(\.self)
            if expected.contains(found) {
                paths.append(path)
                files.append(found)
            } else if let intended = try expected.first(where: {
                try kind == $0.kind && kind != .symlink
                    && Self.isUnwritten(content, of: repository.read($0.blob).content)
            }) {
                if new[path] == nil {
                    paths.append(path)
                    files.append(intended)
                }
            } else {
                differences.append((path, "changed"))
            }
        }
        guard differences.isEmpty else { throw dirty(differences) }
        return FileListing(paths: paths, files: files)
    }

    /// Whether all that a file holds are bytes of what was to be written, each in its place, or zeros where the disk never got them.
    /// Nobody's work is lost with it.
    static func isUnwritten(_ content: [UInt8], of whole: [UInt8]) -> Bool {
        content.count <= whole.count && zip(content, whole).allSatisfy { $0 == $1 || $0 == 0 }
    }
}
