internal import Support
internal import SystemPackage

/// The objects that a remote lacks: those of the commits that it does not have, without what its own last commit holds.
struct Outgoing {
    private(set) var commits: [ObjectID] = []
    private(set) var trees: [ObjectID] = []
    private(set) var blobs: [ObjectID] = []
    /// Where each blob stands at first.
    private(set) var paths = PathList()
    /// For each commit, how many blobs and names the commits until it have.
    private(set) var ends: [(blobs: Int, names: Int)] = []
    /// Paths of files and folders that a commit has and its first parent has not, where the content was met before.
    private(set) var names = PathList()

    init(from repository: RepositoryHandle, head: ObjectID, remote: ObjectID?) throws {
        var seen = Set<ObjectID>()
        if let remote { try Self.mark(repository.commit(remote).tree, repository, &seen) }
        for id in try repository.commits(of: head, without: remote) {
            commits.append(id)
            let commit = try repository.commit(id)
            let before = try commit.parents.first.map { try repository.commit($0).tree }
            try collect(commit.tree, before, [], repository, &seen)
            ends.append((blobs.count, names.count))
        }
    }

    private static func mark(_ tree: ObjectID, _ repository: RepositoryHandle, _ seen: inout Set<ObjectID>) throws {
        guard seen.insert(tree).inserted else { return }
        try repository.visit(tree) { entry in
            if entry.isTree { try mark(entry.id, repository, &seen) } else { seen.insert(entry.id) }
        }
    }

    private mutating func collect(
        _ tree: ObjectID, _ before: ObjectID?, _ path: [UInt8], _ repository: RepositoryHandle,
        _ seen: inout Set<ObjectID>
    ) throws {
        guard seen.insert(tree).inserted else { return }
        trees.append(tree)
        let old = try before.map { try Folder($0, repository) } ?? Folder()
        try repository.visit(tree) { entry in
            guard entry.mode != 0o160000 else { return }
            let full = path + entry.name
            if seen.contains(entry.id) {
                if !old.has(entry.name) { names.append(full) }
            } else if entry.isTree {
                try collect(entry.id, old.folder(entry.name), full + [UInt8(ascii: "/")], repository, &seen)
            } else {
                seen.insert(entry.id)
                blobs.append(entry.id)
                paths.append(full)
            }
        }
    }

    /// The names in a tree that was there before.
    private struct Folder {
        /// Sorted as git sorts them, a folder's name with a slash at its end.
        private var names = PathList()
        private var ids: [ObjectID] = []

        init() {}

        init(_ tree: ObjectID, _ repository: RepositoryHandle) throws {
            try repository.visit(tree) { entry in
                names.append(entry.isTree ? entry.name + [UInt8(ascii: "/")] : entry.name)
                ids.append(entry.id)
            }
        }

        func has(_ name: [UInt8]) -> Bool { names.index(of: name) != nil || folder(name) != nil }
        func folder(_ name: [UInt8]) -> ObjectID? { names.index(of: name + [UInt8(ascii: "/")]).map { ids[$0] } }
    }

    var count: Int { commits.count + trees.count + blobs.count }

    /// An open file with exactly these objects as a pack: the one that the commit wrote, if it is alone, else a new one that has no
    /// name any more.
    func pack(_ repository: RepositoryHandle, scratch: FilePath, cancellation: CancellationFlag) throws
        -> FileDescriptor
    {
        if let existing = try existingPack(repository) { return existing }
        let reader = LockedReader(try RepositoryHandle.open(repository.path))
        func objects(_ ids: [ObjectID], _ type: PackFile.ObjectType) -> [PackFile.Object] {
            ids.map { PackFile.Object(id: $0, type: type) }
        }
        let all = objects(commits, .commit) + objects(trees, .tree) + objects(blobs, .blob)
        let written = try PackFile.write(all, in: scratch, cancellation: cancellation) {
            .bytes(try reader.content(of: all[$0].id))
        }
        defer { try? FileSystem.removeTree(written.pack) }
        return try FileSystem.openRegular(written.pack)
    }

    /// The pack whose index lists these objects and no other: what else the repository holds is nobody's business.
    private func existingPack(_ repository: RepositoryHandle) throws -> FileDescriptor? {
        let folder = repository.commonDirectory.appending("objects/pack")
        let size = Int64(8 + 1024 + count * 28 + 40)
        var wanted: [ObjectID]?
        for name in try DirectoryListing.names(at: folder) where name.suffix(4).elementsEqual(Array(".idx".utf8)) {
            let path = folder.pushing(FilePath(bytes: name))
            guard try FileStatus(at: path).size == size else { continue }
            let sorted = wanted ?? (commits + trees + blobs).sorted()
            wanted = sorted
            guard try Self.lists(sorted, path) else { continue }
            return try FileSystem.openRegular(folder.pushing(FilePath(bytes: name.dropLast(4) + Array(".pack".utf8))))
        }
        return nil
    }

    /// Whether a pack's index of version 2 lists exactly these sorted ids.
    private static func lists(_ ids: [ObjectID], _ path: FilePath) throws -> Bool {
        let file = try FileSystem.openRegular(path)
        defer { file.closeQuietly() }
        var reader = HashingReader(file, length: 8 + 1024 + ids.count * 20, .sha1)
        guard try reader.bytes(8) == [0xFF, 0x74, 0x4F, 0x63, 0, 0, 0, 2] else { return false }
        try reader.skip(1024)
        for id in ids where try reader.next(20, { ObjectID($0) }) != id { return false }
        return true
    }
}
