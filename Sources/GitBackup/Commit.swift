public import Support
internal import SystemPackage

extension BackupRepository {
    /// What a commit changed in the folder, in files.
    public struct Counts: Sendable, Hashable {
        public var added = 0
        public var modified = 0
        public var removed = 0
        /// In the folder now.
        public var total = 0
        /// In the folder before.
        public var previous = 0
    }

    public struct CommitOutcome: Sendable {
        /// False: the folder is as the last commit has it, and no commit was made.
        public var changed: Bool
        /// The new commit, or the one that stands.
        public var commit: ObjectID?
        public var counts: Counts
        /// What was healed first, for people to read.
        public var notes: [String]
    }

    /// What a commit of these entries would change over a last one, or over none; writes nothing.
    public static func counts(of entries: [BackupEntry], over baseline: Baseline?) -> Counts {
        let baseline = baseline ?? Baseline(head: nil, files: [:])
        var counts = Counts(total: entries.count, previous: baseline.files.count)
        var kept = 0
        for entry in entries {
            guard let old = baseline.files[entry.path] else {
                counts.added += 1
                continue
            }
            kept += 1
            if old != StoredFile(kind: entry.kind, blob: entry.blob) { counts.modified += 1 }
        }
        counts.removed = baseline.files.count - kept
        return counts
    }

    /// Makes the entries the folder's whole content, as one commit on the branch; then work tree and index follow.
    ///
    /// Killed at any instant, the branch is at the old commit or the new one, and the next call finishes what was begun. Files that
    /// somebody changed in the folder are never overwritten: they end the call with an error that names them.
    ///
    /// - Parameters:
    ///   - entries: every file of the folder, in any order.
    ///   - message: the commit's message from what changes; its first line is the subject.
    public func commit(
        _ entries: [BackupEntry], at time: Timestamp, message: @escaping @Sendable (Counts) -> String
    ) async throws -> CommitOutcome {
        try await offPoolCancellable { [self] cancellation in
            try exclusively(cancellation) { repository, notes in
                try commit(entries, time, message, repository, notes, cancellation)
            }
        }
    }

    private func commit(
        _ entries: [BackupEntry], _ time: Timestamp, _ message: (Counts) -> String, _ repository: RepositoryHandle,
        _ notes: [String], _ cancellation: CancellationFlag
    ) throws -> CommitOutcome {
        for entry in entries {
            if let reason = PathRule.refusal(of: entry.path) {
                throw OperatorError(
                    "git.path", doing: "committing", subject: printable(entry.path), reason: reason,
                    advice: "leave it out of the backup with a rule")
            }
        }
        let folder = BackupFolder(repository: repository, name: Array(settings.folder.utf8))
        let head = try repository.target(of: reference)
        let old = try folder.listing(of: head)
        let clean = try folder.requireClean(old)
        let trees = try TreeObjects.build(entries)
        let root = try rootTree(over: head, holding: trees.last?.id, repository)
        let counts = Self.counts(of: entries, over: Baseline(head: head, files: old))
        if try head.map({ try repository.commit($0).tree == root.id }) ?? entries.isEmpty {
            return CommitOutcome(changed: false, commit: head, counts: counts, notes: notes)
        }
        reached(.begun)

        let content = commitContent(tree: root.id, parent: head, time, message(counts))
        let commitID = content.withUnsafeBytes { ObjectID(of: $0, type: "commit") }
        var objects = try newBlobs(entries, old, repository)
        for tree in trees + [root] where !repository.has(tree.id) {
            objects.append(PackFile.Object(id: tree.id, type: .tree) { tree.content })
        }
        objects.append(PackFile.Object(id: commitID, type: .commit) { content })
        try store(unique(objects), repository, cancellation)
        reached(.objectsWritten)
        try cancellation.check()

        let state = state(repository)
        try Journal(old: head, new: commitID).write(in: state)
        reached(.journalWritten)
        let subject = message(counts).prefix { $0 != "\n" }
        try repository.update(
            reference, from: head, to: commitID, identity: settings.identity, message: "commit: \(subject)")
        reached(.branchMoved)

        // From here on there is no way back, so a cancellation waits: the rest is short, and the journal guards it.
        let new = Dictionary(uniqueKeysWithValues: entries.map { ($0.path, StoredFile(kind: $0.kind, blob: $0.blob)) })
        try checkOut(entries, from: old, to: new, folder, scratch: state.appending("incoming"))
        reached(.treeWritten)
        try IndexFile.write(folder.index(of: new, keeping: clean.others), in: repository.gitDirectory)
        reached(.indexWritten)
        try UnsyncedMark.set(in: state)
        try Journal.remove(in: state)
        return CommitOutcome(changed: true, commit: commitID, counts: counts, notes: notes)
    }

    private func checkOut(
        _ entries: [BackupEntry], from old: BackupFolder.Listing, to new: BackupFolder.Listing, _ folder: BackupFolder,
        scratch: FilePath
    ) throws {
        let sources = Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0) })
        let never = CancellationFlag()
        // An entry that moved kind, or stands at a new path with old content, is written from the repository.
        let reader = LockedReader(try RepositoryHandle.open(settings.path))
        try folder.update(
            from: old, to: new, scratch: scratch,
            content: { write in
                guard let entry = sources[write.path] else { return .bytes([]) }
                return try entry.content ?? .bytes(reader.content(of: entry.blob))
            },
            forEach: { count, body in try inParallel(count, never, body) })
    }

    /// HEAD's root tree with the folder replaced; a folder without files is left out.
    private func rootTree(over head: ObjectID?, holding folder: ObjectID?, _ repository: RepositoryHandle) throws
        -> TreeObjects.Object
    {
        let name = Array(settings.folder.utf8)
        var entries = try head.map { try repository.tree(repository.commit($0).tree) } ?? []
        entries.removeAll { $0.name == name }
        if let folder { entries.append(TreeObjects.Entry(mode: TreeObjects.Entry.treeMode, name: name, id: folder)) }
        return TreeObjects.serialise(entries)
    }

    private func commitContent(tree: ObjectID, parent: ObjectID?, _ time: Timestamp, _ message: String) -> [UInt8] {
        let who = "\(settings.identity.name) <\(settings.identity.email)> \(max(0, time.seconds)) +0000"
        var text = "tree \(tree)\n"
        if let parent { text += "parent \(parent)\n" }
        text += "author \(who)\ncommitter \(who)\n\n"
        var body = String(String.UnicodeScalarView(message.unicodeScalars.filter { $0 != "\0" }))
        if !body.hasSuffix("\n") { body += "\n" }
        return Array((text + body).utf8)
    }

    private func newBlobs(_ entries: [BackupEntry], _ old: BackupFolder.Listing, _ repository: RepositoryHandle) throws
        -> [PackFile.Object]
    {
        try repository.refresh()
        return try entries.compactMap { entry in
            if old[entry.path]?.blob == entry.blob || repository.has(entry.blob) { return nil }
            guard let content = entry.content else {
                throw OperatorError(
                    "git.damaged", doing: "committing", subject: printable(entry.path),
                    reason: "it counts as unchanged, but the repository does not hold its content",
                    advice: "run again without the stat cache", exit: .damagedInput)
            }
            return PackFile.Object(id: entry.blob, type: .blob) { try content.read() }
        }
    }

    private func unique(_ objects: [PackFile.Object]) -> [PackFile.Object] {
        var seen = Set<ObjectID>()
        return objects.filter { seen.insert($0.id).inserted }
    }

    /// Few objects become loose files, many one pack.
    private func store(_ objects: [PackFile.Object], _ repository: RepositoryHandle, _ cancellation: CancellationFlag)
        throws
    {
        if objects.count < 50 {
            for object in objects {
                try cancellation.check()
                try repository.writeLoose(object.content(), type: object.type, id: object.id)
            }
        } else {
            let packs = repository.commonDirectory.appending("objects/pack")
            let written = try PackFile.write(objects, in: packs, cancellation: cancellation)
            reached(.packWritten)
            try PackFile.install(written, in: packs)
        }
        try repository.refresh()
        for object in objects where !repository.has(object.id) {
            throw OperatorError(
                "git.damaged", doing: "writing objects to", subject: settings.path.printable,
                reason: "object \(object.id) cannot be found after it was written", exit: .damagedInput)
        }
    }
}

extension BackupEntry {
    /// The content as its source has it; nothing where the last commit does.
    var content: BackupFolder.Content? {
        switch source {
        case .bytes(let bytes): .bytes(bytes)
        case .staged(let path): .staged(path)
        case .unchanged: nil
        }
    }
}
