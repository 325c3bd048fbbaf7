internal import Support
internal import SystemPackage

/// Walks a home and writes it into an archive: every file as it is, every database as a snapshot, and the manifest at the end.
final class HomeCollector {
    /// A file up to this size is read whole before it is written, and read again if it changed meanwhile.
    private static let wholeLimit: Int64 = 1 << 20
    /// Larger ones come in pieces.
    private static let pieceLength = 1 << 20

    private let request: BundleRequest
    private let staging: BundleStaging
    private let copying: Set<[UInt8]>
    private let output: FileStatus
    private let tar: TarWriter
    private let progress: any ProgressReporter
    private let cancellation: CancellationFlag
    private let directory: ConfinedDirectory
    private let realHome: FilePath
    private let stagingStatus: FileStatus
    private let buffer = Block(capacity: Int(wholeLimit))
    private let zeros = Block(capacity: pieceLength)
    /// The home's path in the archive.
    private let homePath: [UInt8]
    private let manifest: ManifestDraft
    /// For what is in the home: the folder INSTANCE, the canary and the manifest have their room too.
    private var rules: EntryRules
    /// Files that belong to a database whose snapshot was taken.
    private var parts: Set<[UInt8]> = []
    /// Logs of databases that went into the bundle as they lie there: without them rows are missing, so no rule leaves them out.
    private var rawLogs: Set<[UInt8]> = []

    init(
        _ request: BundleRequest, staging: BundleStaging, copying: Set<[UInt8]>, output: FileStatus,
        manifest: BundleManifest, tar: TarWriter, _ progress: any ProgressReporter, _ cancellation: CancellationFlag
    ) throws {
        self.request = request
        homePath = Array("\(request.instance)/home".utf8)
        self.staging = staging
        self.copying = copying
        self.output = output
        self.manifest = ManifestDraft(manifest, spooling: staging.path)
        self.tar = tar
        self.progress = progress
        self.cancellation = cancellation
        let limits = BundleLimits()
        rules = EntryRules(
            BundleLimits(
                bytes: limits.bytes - BundleManifest.lengthLimit - Int64(BundleCanary.bytes.count),
                entries: limits.entries - 3))
        directory = try ConfinedDirectory(request.home)
        realHome = request.home.resolvingLinks
        stagingStatus = try FileStatus(at: staging.path)
        zeros.room.initializeMemory(as: UInt8.self, repeating: 0)
        zeros.count = zeros.capacity
    }

    /// Writes everything; returns the manifest without its entries.
    func run() throws -> BundleManifest {
        let root = try FileStatus(of: directory.descriptor)
        // The folder INSTANCE/ holds the home and is not part of it.
        try tar.begin(
            TarEntry(
                path: Array(request.instance.utf8), kind: .directory, permissions: 0o700, modified: manifest.created))
        _ = try writeDirectory([], root)
        try DirectoryWalk(request.home).run { entry in
            try cancellation.check()
            return try visit(entry)
        } failing: { path, error in
            manifest.warn(path, error.reason)
        }
        try writeCanary()
        try tar.settle()
        try manifest.takeDigests()
        try manifest.write(as: ownEntry(BundleManifest.fileName), to: tar)
        try tar.finish()
        return manifest.manifest
    }

    private func visit(_ entry: DirectoryWalk.Entry) throws -> DirectoryWalk.Decision {
        if entry.status.isSameFile(as: output) || entry.status.isSameFile(as: stagingStatus) { return .prune }
        if !rawLogs.contains(entry.path), case .skip(let reason) = request.decide(entry.path, entry.status) {
            manifest.skip(entry.path, reason)
            return .prune
        }
        // Before it is opened; ``begin(_:_:)`` asks again when all of it is known.
        let kind: TarEntry.Kind = entry.status.kind == .directory ? .directory : .file
        if let reason = EntryRules.refusal(self.entry(entry.path, kind, entry.status)) {
            manifest.warn(entry.path, "it is left out: \(reason)")
            return .prune
        }
        switch entry.status.kind {
        case .directory: if try !writeDirectory(entry.path, entry.status) { return .prune }
        case .symlink: try writeSymlink(entry.path, entry.status)
        case .file: try writeFile(entry.path)
        case .fifo, .socket, .device: manifest.skip(entry.path, "it is a \(entry.status.kind.rawValue)")
        }
        return .descend
    }

    // MARK: - Entries

    /// Returns whether there is room for it.
    private func writeDirectory(_ name: [UInt8], _ status: FileStatus) throws -> Bool {
        let item = entry(name, .directory, status)
        guard try begin(item, name) else { return false }
        try manifest.list(item)
        return true
    }

    private func writeSymlink(_ name: [UInt8], _ status: FileStatus) throws {
        let target: [UInt8]
        do {
            target = try directory.readSymlink(name)
        } catch {
            return manifest.warn(name, "the link cannot be read: \(errorText(error.rawValue))")
        }
        var item = entry(name, .symlink, status)
        item.target = target
        guard try begin(item, name) else { return }
        try manifest.list(item)
        if leadsOut(name, target) {
            manifest.warn(name, "it is a link out of the home, and what it leads to is not in the bundle")
        }
    }

    /// Whether a link says that it leads out of the home. What is there is not looked at: it may be on a file system that does not answer.
    private func leadsOut(_ name: [UInt8], _ target: [UInt8]) -> Bool {
        let target = FilePath(bytes: target)
        let path = target.isAbsolute ? target : FilePath(bytes: name).removingLastComponent().pushing(target)
        let normal = path.lexicallyNormalized()
        return normal.isAbsolute
            ? !normal.starts(with: request.home) && !normal.starts(with: realHome)
            : normal.components.first?.kind == .parentDirectory
    }

    private func writeFile(_ name: [UInt8]) throws {
        if parts.contains(name) { return manifest.skip(name, "it is in its database's snapshot") }
        for _ in 0..<8 {
            do {
                return try writeOpened(name)
            } catch is DatabaseSnapshot.Replaced {
                // A program that writes a new file and renames it: what stands there now is taken.
            }
        }
        throw DatabaseMoved(path: name)
    }

    /// Throws ``DatabaseSnapshot/Replaced``, with nothing written, where the path is another database's before this one's snapshot was
    /// taken.
    private func writeOpened(_ name: [UInt8]) throws {
        let file: FileDescriptor
        var status: FileStatus
        do {
            file = try directory.openForReading(name)
        } catch {
            if error == .noSuchFileOrDirectory { return }
            return manifest.warn(name, "it cannot be read: \(errorText(error.rawValue))")
        }
        defer { file.closeQuietly() }
        do {
            status = try FileStatus(of: file)
        } catch {
            return manifest.warn(name, "it cannot be read: \(errorText(error.rawValue))")
        }
        guard status.kind == .file else { return manifest.skip(name, "it is a \(status.kind.rawValue)") }
        if status.size <= Self.wholeLimit, status.blocks * 512 >= status.size {
            guard let grown = try writeWhole(name, file, status) else { return }
            status = grown
        }
        if try !isDatabase(name, file) || !writeDatabase(name, file, status) { try writeLarge(name, file, status) }
    }

    /// A file that fits the buffer: what is written is one state of it. One that outgrew it meanwhile is not written; its status is
    /// returned.
    private func writeWhole(_ name: [UInt8], _ file: FileDescriptor, _ first: FileStatus) throws -> FileStatus? {
        var isSteady = false
        var status = first
        for _ in 0..<4 where !isSteady {
            buffer.count = 0
            // Files of the kernel's own say that they are empty and are not.
            let room =
                status.size == 0
                ? buffer.room : UnsafeMutableRawBufferPointer(rebasing: buffer.room.prefix(Int(status.size)))
            do {
                buffer.count = try PositionedSource(file).fill(room)
            } catch let error as Errno {
                manifest.warn(name, "it cannot be read: \(errorText(error.rawValue))")
                return nil
            }
            let after = try FileStatus(of: file)
            if after.size > Self.wholeLimit { return after }
            isSteady = after.isSameContent(as: status) && buffer.count == after.size
            status = after
        }
        if buffer.count >= 512, DatabaseSnapshot.isDatabase(buffer.bytes), try writeDatabase(name, file, status) {
            return nil
        }
        if !isSteady { manifest.warn(name, "it changed while it was read") }
        var item = entry(name, .file, status)
        item.size = Int64(buffer.count)
        guard try begin(item, name) else { return nil }
        let tell = manifest.later(at: try manifest.list(item))
        try tar.write(whole: buffer.bytes) { tell(Digest.of($0, .sha256)) }
        progress.advance(item.size)
        try manifest.takeDigests()
        return nil
    }

    /// A large file, in pieces.
    private func writeLarge(_ name: [UInt8], _ file: FileDescriptor, _ status: FileStatus) throws {
        var item = entry(name, .file, status)
        item.size = status.size
        item.extents = status.blocks * 512 < status.size ? SparseMap.extents(of: file, size: status.size) : []
        guard try begin(item, name) else { return }
        var trouble: String?
        func read(_ room: UnsafeMutableRawBufferPointer, at position: Int64) throws -> Int? {
            guard trouble == nil else { return nil }
            do {
                let count = try file.read(fromAbsoluteOffset: position, into: room)
                if count > 0 { return count }
                trouble = "it became shorter while it was read; zeros stand for what was missing"
            } catch let error as Errno {
                trouble = "it cannot be read from byte \(position) on: \(errorText(error.rawValue))"
            }
            return nil
        }
        if item.extents.isEmpty {
            try pour(item) { room, position in
                if let count = try read(room, at: position) { return count }
                room.initializeMemory(as: UInt8.self, repeating: 0)
                return room.count
            }
        } else {
            try writeSparse(item, read)
        }
        if trouble == nil, try !FileStatus(of: file).isSameContent(as: status) {
            trouble = "it changed while it was read"
        }
        if let trouble { manifest.warn(name, trouble) }
    }

    /// All bytes of the current entry, hashed behind the one who reads them.
    private func pour(
        _ item: TarEntry, from read: (_ room: UnsafeMutableRawBufferPointer, _ position: Int64) throws -> Int
    ) throws {
        let digest = StreamDigest(of: item.size, finish: manifest.later(at: try manifest.list(item)))
        var position: Int64 = 0
        while position < item.size {
            try cancellation.check()
            let count = try tar.fill(
                upTo: Self.pieceLength, from: { try read($0, position) }, inspecting: { digest.update($0) })
            position += Int64(count)
            progress.advance(Int64(count))
        }
    }

    /// A file with holes. They are hashed and not written, so the bytes between them are hashed here too.
    private func writeSparse(
        _ item: TarEntry, _ read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int?
    ) throws {
        var digest = Digest(.sha256)
        var position: Int64 = 0
        pieces: for extent in item.extents {
            try writeZeros(extent.lowerBound - position, &digest)
            position = extent.lowerBound
            while position < extent.upperBound {
                try cancellation.check()
                let length = Int(min(Int64(Self.pieceLength), extent.upperBound - position))
                guard
                    let count = try read(UnsafeMutableRawBufferPointer(rebasing: buffer.whole.prefix(length)), position)
                else { break pieces }
                buffer.count = count
                digest.update(buffer.bytes)
                try tar.write(buffer.bytes)
                position += Int64(count)
                progress.advance(Int64(count))
            }
        }
        try writeZeros(item.size - position, &digest)
        try manifest.list(item, sha256: digest.finish())
    }

    private func writeZeros(_ count: Int64, _ digest: inout Digest) throws {
        var rest = count
        while rest > 0 {
            try cancellation.check()
            let piece = UnsafeRawBufferPointer(rebasing: zeros.bytes.prefix(Int(min(rest, Int64(zeros.count)))))
            digest.update(piece)
            try tar.write(piece)
            rest -= Int64(piece.count)
        }
    }

    // MARK: - Databases

    private func isDatabase(_ name: [UInt8], _ file: FileDescriptor) throws -> Bool {
        var start = [UInt8](repeating: 0, count: 16)
        do {
            let count = try start.withUnsafeMutableBytes { try PositionedSource(file).fill($0) }
            return count == start.count && start.withUnsafeBytes { DatabaseSnapshot.isDatabase($0) }
        } catch let error as Errno {
            manifest.warn(name, "whether it is a database could not be read: \(errorText(error.rawValue))")
            return false
        }
    }

    /// Writes a database's snapshot. False: SQLite cannot read it, and it goes into the bundle as any file, its log beside it.
    private func writeDatabase(_ name: [UInt8], _ file: FileDescriptor, _ status: FileStatus) throws -> Bool {
        let snapshot: DatabaseSnapshot
        let listed = ManifestDraft.listed(name)
        do {
            snapshot = try DatabaseSnapshot.take(
                FilePath(bytes: request.home.bytes + [UInt8(ascii: "/")] + name), file: file, name: listed,
                staging: staging.path, copying: copying.contains(name), cancellation)
        } catch let error as SQLiteConnection.Failure {
            let reason = "SQLite cannot read it: \(printable(error.reason, limit: 200))"
            manifest.warn(name, reason + "; it is bundled as it lies there")
            manifest.add(BundleManifest.Database(path: listed, copy: .raw, integrityCheck: [reason], rows: [:]))
            parts.insert(name + Array("-shm".utf8))
            for suffix in ["-wal", "-journal"] { rawLogs.insert(name + Array(suffix.utf8)) }
            return false
        }
        for suffix in ["-wal", "-shm", "-journal"] { parts.insert(name + Array(suffix.utf8)) }
        var item = entry(name, .file, status)
        item.size = snapshot.size
        guard try begin(item, name) else { return true }
        try pour(item) { room, _ in
            do {
                let count = try snapshot.source.read(into: room)
                if count > 0 { return count }
            } catch is Errno {
                // SQLite finds out what it can still read of it, when it is copied first.
            }
            throw DatabaseMoved(path: name)
        }
        let database = try snapshot.describe(cancellation)
        guard snapshot.isUnchanged() else { throw DatabaseMoved(path: name) }
        if snapshot.mayBeUnfinished {
            manifest.warn(
                name, "it was locked all the time, and has no journal: what its writer had begun may be in it, in part")
        }
        if !database.isSound {
            manifest.warn(name, "its integrity check failed: \(database.integrityCheck.first ?? "no answer")")
        }
        manifest.add(database)
        return true
    }

    // MARK: - What stands in the archive

    /// Begins an entry of the home. False: there is no room for it in a bundle, which is listed.
    private func begin(_ item: TarEntry, _ name: [UInt8]) throws -> Bool {
        if let reason = rules.admit(item) {
            manifest.warn(name, "it is left out: \(reason)")
            return false
        }
        try tar.begin(item)
        return true
    }

    /// `name`: below the home; empty for the home itself.
    private func entry(_ name: [UInt8], _ kind: TarEntry.Kind, _ status: FileStatus) -> TarEntry {
        var path = homePath
        if !name.isEmpty {
            path.append(UInt8(ascii: "/"))
            path += name
        }
        return TarEntry(
            path: path, kind: kind, permissions: status.permissions, modified: status.modified, owner: status.owner,
            group: status.group)
    }

    /// A file of the bundle's own, beside the home.
    private func ownEntry(_ name: String) -> TarEntry {
        TarEntry(
            path: Array("\(request.instance)/\(name)".utf8), kind: .file, permissions: 0o600,
            modified: manifest.created)
    }

    private func writeCanary() throws {
        let bytes = BundleCanary.bytes
        var item = ownEntry(BundleCanary.name)
        item.size = Int64(bytes.count)
        try tar.begin(item)
        try bytes.withUnsafeBytes { try tar.write($0) }
        try manifest.list(item, sha256: Digest.of(bytes, .sha256))
    }
}

extension FileStatus {
    fileprivate func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}
