internal import Support
internal import SystemPackage

/// The objects that a remote lacks: those of the commits that it does not have, without what its own last commit holds.
struct Outgoing {
    private(set) var commits: [ObjectID] = []
    private(set) var trees: [ObjectID] = []
    /// Blobs with the path they stand at first.
    private(set) var blobs: [(path: [UInt8], id: ObjectID)] = []
    /// Paths of files and folders that a commit has and its first parent has not, where the content was met before.
    private(set) var names: [[UInt8]] = []

    init(from repository: RepositoryHandle, head: ObjectID, remote: ObjectID?) throws {
        var seen = Set<ObjectID>()
        if let remote { try Self.mark(repository.commit(remote).tree, repository, &seen) }
        for id in try repository.commits(of: head, without: remote) {
            commits.append(id)
            let commit = try repository.commit(id)
            let before = try commit.parents.first.map { try repository.commit($0).tree }
            try collect(commit.tree, before, [], repository, &seen)
        }
    }

    private static func mark(_ tree: ObjectID, _ repository: RepositoryHandle, _ seen: inout Set<ObjectID>) throws {
        guard seen.insert(tree).inserted else { return }
        for entry in try repository.tree(tree) {
            if entry.isTree { try mark(entry.id, repository, &seen) } else { seen.insert(entry.id) }
        }
    }

    private mutating func collect(
        _ tree: ObjectID, _ before: ObjectID?, _ path: [UInt8], _ repository: RepositoryHandle,
        _ seen: inout Set<ObjectID>
    ) throws {
        guard seen.insert(tree).inserted else { return }
        trees.append(tree)
        let old = Dictionary(try before.map(repository.tree)?.map { ($0.name, $0) } ?? []) { first, _ in first }
        for entry in try repository.tree(tree) where entry.mode != 0o160000 {
            let full = path + entry.name
            let counterpart = old[entry.name]
            if seen.contains(entry.id) {
                if counterpart == nil { names.append(full) }
            } else if entry.isTree {
                let folder = counterpart.flatMap { $0.isTree ? $0.id : nil }
                try collect(entry.id, folder, full + [UInt8(ascii: "/")], repository, &seen)
            } else {
                seen.insert(entry.id)
                blobs.append((full, entry.id))
            }
        }
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
            ids.map { id in PackFile.Object(id: id, type: type) { try reader.content(of: id) } }
        }
        let all = objects(commits, .commit) + objects(trees, .tree) + objects(blobs.map(\.id), .blob)
        let written = try PackFile.write(all, in: scratch, cancellation: cancellation)
        defer { try? FileSystem.removeTree(written.pack) }
        return try FileSystem.openRegular(written.pack)
    }

    /// The pack whose index lists these objects and no other: what else the repository holds is nobody's business.
    private func existingPack(_ repository: RepositoryHandle) throws -> FileDescriptor? {
        let folder = repository.commonDirectory.appending("objects/pack")
        let size = Int64(8 + 1024 + count * 28 + 40)
        for name in try DirectoryListing.names(at: folder) where name.suffix(4).elementsEqual(Array(".idx".utf8)) {
            let path = folder.pushing(FilePath(bytes: name))
            guard try FileStatus(at: path).size == size else { continue }
            let index = try FileSystem.read(path, limit: Int(size))
            guard index.starts(with: [0xFF, 0x74, 0x4F, 0x63, 0, 0, 0, 2]) else { continue }
            let start = 8 + 1024
            let listed = Set((0..<count).compactMap { ObjectID(index[(start + $0 * 20)..<(start + $0 * 20 + 20)]) })
            let wanted = commits + trees + blobs.map(\.id)
            guard listed.count == count, wanted.allSatisfy(listed.contains) else { continue }
            return try FileSystem.openRegular(folder.pushing(FilePath(bytes: name.dropLast(4) + Array(".pack".utf8))))
        }
        return nil
    }
}
