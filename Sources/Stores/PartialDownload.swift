internal import CLinux
internal import Glibc
public import Support
public import SystemPackage

/// A file on its way back from a store: `.NAME.KEY.part` beside its target, where NAME is the item's ``StoredItem/localName`` and KEY
/// tells item and content, so that what is gone on with can only be the same bytes. It gets its name when the whole of it has the right checksums.
public final class PartialDownload {
    /// How many bytes are there.
    public private(set) var offset: Int64
    private let item: StoredItem
    private let target: FilePath
    private let part: FilePath
    private let descriptor: FileDescriptor

    /// Opens what an earlier call left, or a new file. A target that exists is an error, and so is too little space.
    public init(of item: StoredItem, into target: FilePath) throws {
        if try FileStatus.ifThere(at: target) != nil {
            throw OperatorError(
                "exists", doing: "writing", subject: target.printable, reason: "a file stands there already",
                advice: "name another one", exit: .cannotWrite)
        }
        self.item = item
        self.target = target
        let content = "\(item.id)|\(item.size)|\(item.properties.sha256)"
        let key = hex(Digest.of(Array(content.utf8), .sha256).prefix(8))
        part = target.folder.appending(".\(item.localName).\(key).part")
        let raw = part.withPlatformString {
            hx_openat(AT_FDCWD, $0, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "writing", subject: part.printable) }
        descriptor = FileDescriptor(rawValue: raw)
        offset = 0
        guard flock(raw, LOCK_EX | LOCK_NB) == 0, FileStatus.isName(part, of: descriptor) else {
            throw OperatorError(
                "busy", doing: "writing", subject: part.printable, reason: "another process is downloading it",
                exit: .skipped, isTemporary: true)
        }
        guard let status = try? FileStatus(of: descriptor), status.kind == .file, status.owner == geteuid() else {
            throw OperatorError(
                "not-ours", doing: "writing", subject: part.printable, reason: "it is not this user's own file")
        }
        if status.size > item.size { try restart() } else { offset = status.size }
        let free = try FileSystem.freeSpace(at: target.folder)
        guard free >= item.size - offset else {
            throw OperatorError.system(
                ENOSPC, doing: "downloading \(item.size - offset) bytes to", subject: target.printable)
        }
    }

    deinit { descriptor.closeUnlocked() }

    /// Removes what interrupted calls left in a folder that nothing else uses and nobody came back for, and that no process has locked.
    public static func sweep(_ folder: FilePath, olderThan age: Duration, now: Timestamp) {
        for name in (try? DirectoryListing.names(at: folder)) ?? [] {
            let path = folder.pushing(FilePath(bytes: name))
            guard let status = try? FileStatus(at: path), status.kind == .file,
                now - Timestamp(nanoseconds: status.modified) > age, let lock = try? FileLock(file: path)
            else { continue }
            withExtendedLifetime(lock) { _ = path.withPlatformString { unlink($0) } }
        }
    }

    /// Takes the bytes that follow. More than the item has is an error.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard offset + Int64(bytes.count) <= item.size else {
            throw OperatorError(
                "damaged", doing: "downloading", subject: printable(item.name, limit: 200),
                reason: "more bytes came than the store says it has", exit: .damagedInput)
        }
        do {
            try descriptor.writeAll(toAbsoluteOffset: offset, bytes)
        } catch let error as Errno {
            // A full disk gets its space back: what is there can be fetched again.
            if error == .noSpace || error == .diskQuotaExceeded { discard() }
            throw OperatorError.system(error.rawValue, doing: "writing", subject: part.printable)
        }
        offset += Int64(bytes.count)
    }

    /// Forgets what is there.
    public func restart() throws {
        guard ftruncate(descriptor.rawValue, 0) == 0 else {
            throw OperatorError.system(errno, doing: "truncating", subject: part.printable)
        }
        offset = 0
    }

    /// Reads the whole back, compares it with what was put into the store, and gives it its name. It blocks.
    ///
    /// Where the bytes are wrong, the part is removed and the error exits 65; its type is `damaged`. The bytes of an earlier call may be
    /// the wrong ones: another attempt may do better.
    public func finish(cancellation: CancellationFlag) throws {
        let measured = try FileMeasure(of: descriptor, name: part, cancellation: cancellation)
        guard measured.size == item.size, measured.checksums.confirm(item.properties.checksums) == .equal else {
            discard()
            throw OperatorError(
                "damaged", doing: "downloading", subject: printable(item.name, limit: 200),
                reason: "its bytes are not those that were put into the store (SHA-256 differs)",
                advice: "take an older bundle", exit: .damagedInput)
        }
        guard fsync(descriptor.rawValue) == 0 else {
            throw OperatorError.system(errno, doing: "syncing", subject: part.printable)
        }
        try FileSystem.renameNew(part, to: target)
        try FileSystem.syncDirectory(target.folder)
    }

    /// Removes what is there: another download of the item starts anew, even while this object still stands.
    public func discard() { _ = part.withPlatformString { unlink($0) } }
}
