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
    public static func counts(of files: FileListing, over baseline: Baseline?) -> Counts {
        let old = baseline?.files ?? FileListing()
        var counts = Counts(total: files.count, previous: old.count)
        mergePaths(old.paths, files.paths) { before, now in
            switch (before, now) {
            case (nil, _): counts.added += 1
            case (_, nil): counts.removed += 1
            case (let before?, let now?): if old[before] != files[now] { counts.modified += 1 }
            }
        }
        return counts
    }

    /// Makes the entries the folder's whole content, as one commit on the branch; then work tree and index follow.
    ///
    /// Killed at any instant, the branch is at the old commit or the new one, and the next call finishes what was begun. Files that
    /// somebody changed in the folder are never overwritten: they end the call with an error that names them.
    ///
    /// - Parameters:
    ///   - entries: every file of the folder.
    ///   - message: the commit's message from what changes; its first line is the subject.
    public func commit(
        _ entries: BackupEntries, at time: Timestamp, message: @escaping @Sendable (Counts) -> String
    ) async throws -> CommitOutcome {
        try await offPoolCancellable { [self] cancellation in
            try exclusively(cancellation) { repository, notes in
                try commit(entries, time, message, repository, notes, cancellation)
            }
        }
    }

    private func commit(
        _ entries: BackupEntries, _ time: Timestamp, _ message: (Counts) -> String, _ repository: RepositoryHandle,
        _ notes: [String], _ cancellation: CancellationFlag
    ) throws -> CommitOutcome {
        let new = entries.listing
        // Before anything moves: what cannot be checked out must not be committed.
        let longestName = self.longestName
        for path in new.paths {
            if let reason = PathRule.refusal(of: Array(path), longestName: longestName) {
                throw OperatorError(
                    "git.path", doing: "committing", subject: printable(Array(path)), reason: reason,
                    advice: "leave it out of the backup with a rule")
            }
        }
        let folder = BackupFolder(repository: repository, name: Array(settings.folder.utf8))
        let head = try repository.target(of: reference)
        let old = try folder.listing(of: head)
        let others = try folder.requireClean(old)
        let root = try rootTree(over: head, holding: TreeObjects.build(new) { _ in }, repository)
        let counts = Self.counts(of: new, over: Baseline(head: head, files: old))
        if try head.map({ try repository.commit($0).tree == root.id }) ?? new.isEmpty {
            return CommitOutcome(changed: false, commit: head, counts: counts, notes: notes)
        }
        reached(.begun)

        let content = commitContent(tree: root.id, parent: head, time, message(counts))
        let commitID = content.withUnsafeBytes { ObjectID(of: $0, type: "commit") }
        let commit = (object: PackFile.Object(id: commitID, type: .commit), content: content)
        try store(newObjects(entries, over: old, root, commit, repository), repository, cancellation)
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
        // An entry that moved kind, or stands at a new path with old content, is written from the repository.
        let reader = LockedReader(try RepositoryHandle.open(settings.path))
        let never = CancellationFlag()
        try folder.update(
            from: old, to: new, scratch: state.appending("incoming"),
            content: { try entries.content($0) ?? .bytes(reader.content(of: new[$0].blob)) },
            forEach: { count, body in try inParallel(count, never, body) })
        reached(.treeWritten)
        try folder.writeIndex(of: new, keeping: others)
        reached(.indexWritten)
        try UnsyncedMark.set(in: state)
        try Journal.remove(in: state)
        return CommitOutcome(changed: true, commit: commitID, counts: counts, notes: notes)
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

    /// Objects that the repository lacks, each once: blobs first, then trees, then the commit.
    private struct NewObjects: Sendable {
        var objects: [PackFile.Object] = []
        /// Where the blobs are: indices of the entries.
        var blobs: [Int] = []
        /// Of the other objects.
        var contents: [[UInt8]] = []
        let entries: BackupEntries

        func content(_ index: Int) -> BackupFolder.Content {
            guard index < blobs.count else { return .bytes(contents[index - blobs.count]) }
            return entries.content(blobs[index]) ?? .bytes([])
        }
    }

    private func newObjects(
        _ entries: BackupEntries, over old: FileListing, _ root: TreeObjects.Object,
        _ commit: (object: PackFile.Object, content: [UInt8]), _ repository: RepositoryHandle
    ) throws -> NewObjects {
        try repository.refresh()
        var new = NewObjects(entries: entries)
        var seen = Set<ObjectID>()
        let listing = entries.listing
        try mergePaths(old.paths, listing.paths) { before, now in
            guard let now else { return }
            let id = listing[now].blob
            if before.map({ old[$0].blob }) == id || repository.has(id) { return }
            guard entries.content(now) != nil else {
                throw OperatorError(
                    "git.damaged", doing: "committing", subject: printable(Array(listing.paths[now])),
                    reason: "it counts as unchanged, but the repository does not hold its content",
                    advice: "run again without the stat cache", exit: .damagedInput)
            }
            guard seen.insert(id).inserted else { return }
            new.blobs.append(now)
            new.objects.append(PackFile.Object(id: id, type: .blob))
        }
        func add(_ object: PackFile.Object, _ content: [UInt8]) {
            new.objects.append(object)
            new.contents.append(content)
        }
        func add(_ tree: TreeObjects.Object) {
            guard !repository.has(tree.id), seen.insert(tree.id).inserted else { return }
            add(PackFile.Object(id: tree.id, type: .tree), tree.content)
        }
        try TreeObjects.build(listing, add)
        add(root)
        add(commit.object, commit.content)
        return new
    }

    /// Few objects become loose files; many, or large ones, one pack, which the push sends as it stands.
    private func store(_ new: NewObjects, _ repository: RepositoryHandle, _ cancellation: CancellationFlag) throws {
        let objects = new.objects
        let isLoose =
            try objects.count < 50
            && new.blobs.indices.allSatisfy {
                try new.content($0).fileBeyond(PackFile.largest) == nil
            }
        if isLoose {
            for index in objects.indices {
                try cancellation.check()
                try repository.writeLoose(new.content(index).read(), type: objects[index].type, id: objects[index].id)
            }
        } else {
            let packs = repository.commonDirectory.appending("objects/pack")
            let written = try PackFile.write(objects, in: packs, cancellation: cancellation) { new.content($0) }
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
