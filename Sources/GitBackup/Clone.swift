internal import Glibc
public import Support
internal import Synchronization
public import SystemPackage

extension BackupRepository {
    /// Makes the repository usable: creates it where there is none (from the remote's branch, if it has one, else empty), and heals
    /// what killed processes left. The network is asked only while there is no commit yet.
    public func prepare(_ access: RemoteAccess) async throws -> Preparation {
        try await offPoolCancellable { [self] cancellation in
            var origin = Preparation.Origin.existing
            if try needsRepository() {
                try FileSystem.makeDirectory(settings.path)
                let lock = try patiently(cancellation) { try FileLock(folder: settings.path) }
                try withExtendedLifetime(lock) {
                    // Another run may have made it meanwhile.
                    guard try needsRepository() else { return }
                    let repository = try RepositoryHandle.initialise(settings.path, branch: settings.branch)
                    if case .http(let url, _) = settings.remote { try? repository.addRemote("origin", url) }
                    origin = .initialised
                }
            }
            return try exclusively(cancellation) { repository, notes in
                try protectBytes(repository)
                if try repository.target(of: reference) == nil, !isItsOwnRemote,
                    let tip = try receive(repository, access, cancellation)
                {
                    try materialise(tip, repository, cancellation)
                    try UnsyncedMark.set(in: state(repository))
                    try repository.update(
                        reference, from: nil, to: tip, identity: settings.identity, message: "clone: from the remote")
                    try repository.setRemoteTracking(
                        "refs/remotes/origin/\(settings.branch)", to: tip, identity: settings.identity)
                    origin = .cloned
                }
                return Preparation(origin: origin, head: try repository.target(of: reference), notes: notes)
            }
        }
    }

    /// As where no remote is declared: there is nobody to ask for what is not here.
    private var isItsOwnRemote: Bool {
        if case .local(let path) = settings.remote { path == settings.path } else { false }
    }

    /// Clones the remote's branch, whole history, into a folder that is missing or empty; the commit that it holds.
    ///
    /// Files are written byte for byte as the commit has them: no attribute of the tree (line ends, filters) has a say.
    public func clone(into path: FilePath, _ access: RemoteAccess) async throws -> ObjectID {
        var settings = settings
        settings.path = path
        let clone = try BackupRepository(settings)
        guard try clone.needsRepository() else {
            throw OperatorError(
                "git.not-empty", doing: "cloning into", subject: path.printable, reason: "the folder is not empty",
                advice: "name a folder that is empty or not there yet")
        }
        let preparation = try await clone.prepare(access)
        guard let head = preparation.head else {
            throw OperatorError(
                "git.empty-remote", doing: "cloning", subject: settings.remote.label,
                reason: "it has no branch \(settings.branch)",
                advice: "push a backup first, or change repository.branch")
        }
        return head
    }

    /// Fetches the remote's branch with its history; nil if there is no such branch.
    private func receive(_ repository: RepositoryHandle, _ access: RemoteAccess, _ cancellation: CancellationFlag)
        throws
        -> ObjectID?
    {
        let conversation = try conversation(.uploadPack, access, cancellation)
        let advertisement = try conversation.advertisement()
        guard let tip = advertisement.target(of: reference) else { return nil }
        try repository.refresh()
        guard !repository.has(tip) else { return tip }
        guard advertisement.capabilities.contains("side-band-64k") else { throw PacketLine.broken }
        let words = ["side-band-64k", "ofs-delta", "no-progress"].filter(advertisement.capabilities.contains)
        let want = "want \(tip) \(words.joined(separator: " ")) agent=hermes-ops-runner\n"
        let body = GitRequestBody(
            head: PacketLine.encode(want) + PacketLine.flushBytes + PacketLine.encode("done\n"))
        let spool = try PackSpool(in: state(repository))
        let sideband = Mutex(Sideband())
        try conversation.request(body) { bytes in
            try sideband.withLock { try $0.take(bytes) { try spool.append($0) } }
        }
        if let fatal = sideband.withLock({ $0.fatal }) {
            throw OperatorError(
                "git.server", doing: "fetching from", subject: settings.remote.label,
                reason: ServerText.clean(fatal, token: access.token, limit: 300))
        }
        guard sideband.withLock({ $0.isEnded }) else {
            throw OperatorError(
                "git.cut", doing: "fetching from", subject: settings.remote.label,
                reason: "the answer ended within the pack", exit: .unavailable, isTemporary: true)
        }
        try repository.receivePack { append in try spool.read(append) }
        guard repository.has(tip) else {
            throw OperatorError(
                "git.damaged", doing: "fetching from", subject: settings.remote.label,
                reason: "the pack does not hold commit \(tip)", exit: .damagedInput)
        }
        return tip
    }

    /// Writes the whole tree of a commit to a work tree that holds nothing, or a part of the same, and its index.
    private func materialise(_ commit: ObjectID, _ repository: RepositoryHandle, _ cancellation: CancellationFlag)
        throws
    {
        var files: [(write: BackupFolder.Write, id: ObjectID)] = []
        try collect(repository.commit(commit).tree, [], repository, &files)
        let root = try ConfinedDirectory(settings.path)
        try BackupFolder.makeParents(of: files.lazy.map { $0.write.path[...] }, in: root)
        var entries: [IndexFile.Entry] = []
        for (write, id) in files {
            try cancellation.check()
            let content = try repository.read(id).content
            if try !isPresent(write, content, in: root) {
                try BackupFolder.write(write, at: write.path, in: root, content)
            }
            do {
                let stamp = IndexFile.Stamp(try root.status(write.path))
                entries.append(IndexFile.Entry(path: write.path, mode: write.kind.mode, id: id, stamp: stamp))
            } catch {
                throw OperatorError.system(error.rawValue, doing: "reading", subject: printable(write.path))
            }
        }
        try IndexFile.write(entries, in: repository.gitDirectory)
    }

    /// Whether a file stands there as it should. One that a killed clone left unfinished is taken away; anything else in the way is
    /// somebody's, and an error.
    private func isPresent(_ write: BackupFolder.Write, _ content: [UInt8], in root: ConfinedDirectory) throws -> Bool {
        guard let status = try? root.status(write.path) else { return false }
        switch (status.kind, write.kind) {
        case (.symlink, .symlink):
            if (try? root.readSymlink(write.path)) == content { return true }
        case (.file, .file), (.file, .executable):
            let file = try root.openForReading(write.path)
            defer { file.closeQuietly() }
            let found = try FileSystem.read(file, name: FilePath(bytes: write.path), limit: .max - 1)
            if found == content { return true }
            if BackupFolder.isUnwritten(found, of: content) {
                try root.withParent(write.path) { parent, name throws(Errno) in
                    guard name.withPlatformString({ unlinkat(parent, $0, 0) }) == 0 else {
                        throw Errno(rawValue: errno)
                    }
                }
                return false
            }
        default: break
        }
        throw OperatorError(
            "git.dirty", doing: "checking out into", subject: settings.path.printable,
            reason: "\(printable(write.path)) is in the way", advice: "move it away, then run again")
    }

    private func collect(
        _ tree: ObjectID, _ path: [UInt8], _ repository: RepositoryHandle,
        _ files: inout [(write: BackupFolder.Write, id: ObjectID)]
    ) throws {
        for entry in try repository.tree(tree) {
            let full = path + entry.name
            if let reason = PathRule.danger(of: full) {
                throw OperatorError(
                    "git.path", doing: "checking out", subject: printable(full), reason: reason, exit: .damagedInput)
            }
            if entry.isTree {
                try collect(entry.id, full + [UInt8(ascii: "/")], repository, &files)
            } else if let kind = BackupEntry.Kind(mode: entry.mode) {
                files.append((BackupFolder.Write(path: full, kind: kind), entry.id))
            }
        }
    }

    /// Tells stock git to leave the folder's bytes alone, whatever attributes a stored `.gitattributes` gives them.
    private func protectBytes(_ repository: RepositoryHandle) throws {
        let path = repository.commonDirectory.appending("info/attributes")
        // Unset; an encoding cannot be unset, only unspecified (gitattributes(5)).
        let line = "/\(settings.folder)/** -text -eol -filter -ident !working-tree-encoding"
        let known = (try? FileSystem.read(path, limit: 1 << 20)) ?? []
        guard !known.split(separator: 10).contains(where: { $0.elementsEqual(Array(line.utf8)) }) else { return }
        try FileSystem.makeDirectory(path.removingLastComponent())
        let start = known.isEmpty || known.last == 10 ? known : known + [10]
        try FileSystem.replace(path, with: start + Array((line + "\n").utf8), permissions: 0o644)
    }
}

/// A pack on its way in, in a file without a name.
private final class PackSpool: Sendable {
    /// In bytes. More is no history of a home's texts, but a server that does not end.
    private static let limit: Int64 = 16 << 30

    private let file: FileDescriptor
    private let length = Atomic<Int64>(0)

    init(in folder: FilePath) throws {
        let path = folder.appending(PackFile.temporaryPrefix + hex(randomBytes(8)))
        file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
        try FileSystem.removeTree(path)
    }

    deinit { file.closeQuietly() }

    func append(_ bytes: ArraySlice<UInt8>) throws {
        let length = length.add(Int64(bytes.count), ordering: .relaxed).newValue
        guard length <= Self.limit else {
            throw OperatorError(
                "git.too-large", doing: "spooling a pack", reason: "the server sends more than \(Self.limit) bytes",
                advice: "check that repository.remote is the backup's repository", exit: .damagedInput)
        }
        do {
            try file.writeAll(bytes)
        } catch let errno as Errno {
            throw OperatorError.system(errno.rawValue, doing: "spooling a pack")
        }
    }

    func read(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset: Int64 = 0
        while true {
            let count = try buffer.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: offset, into: $0) }
            if count == 0 { return }
            try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += Int64(count)
        }
    }
}
