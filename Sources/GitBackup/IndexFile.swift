internal import CLinux
internal import Glibc
internal import Support
internal import SystemPackage

/// Git's index as a file (gitformat-index(5)), read and written an entry at a time.
///
/// libgit2 would hold it in memory twice, and its writer would hash again every file that is as young as the index before it, which
/// after a first backup is the whole home.
enum IndexFile {
    /// What the index keeps of lstat(2), each number cut to 32 bits.
    struct Stamp: Hashable {
        var changedSeconds: UInt32
        var changedNanoseconds: UInt32
        var modifiedSeconds: UInt32
        var modifiedNanoseconds: UInt32
        var device: UInt32
        var inode: UInt32
        var owner: UInt32
        var group: UInt32
        var size: UInt32
    }

    struct Entry {
        /// Relative to the work tree.
        var path: [UInt8]
        var mode: UInt32
        var id: ObjectID
        var stamp: Stamp
        /// Assume-valid bit, extended bit, stage; the length of the name is computed when it is written.
        var flags: UInt16 = 0
        /// Intent-to-add and skip-worktree bits.
        var extendedFlags: UInt16 = 0

        var stage: UInt16 { flags >> 12 & 3 }
        var isExtended: Bool { storedExtendedFlags != 0 }
        fileprivate var storedExtendedFlags: UInt16 { extendedFlags & (1 << 13 | 1 << 14) }
    }

    /// Replaces the index with these entries, which may be in any order.
    static func write(_ entries: [Entry], in gitDirectory: FilePath) throws {
        let sorted = entries.sorted {
            $0.path == $1.path ? $0.stage < $1.stage : $0.path.lexicographicallyPrecedes($1.path)
        }
        try write(count: sorted.count, isExtended: sorted.contains(where: \.isExtended), in: gitDirectory) { write in
            for entry in sorted { try write(entry) }
        }
    }

    /// Replaces the index as git does: `index.lock` first, which keeps others out, then a rename. Durable when it returns.
    ///
    /// - Parameters:
    ///   - isExtended: whether an entry has extended flags.
    ///   - body: hands over that many entries, sorted by path and stage.
    static func write(
        count: Int, isExtended: Bool, in gitDirectory: FilePath, _ body: ((Entry) throws -> Void) throws -> Void
    ) throws {
        let lock = gitDirectory.appending("index.lock")
        let raw = lock.withPlatformString {
            hx_openat(AT_FDCWD, $0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
        }
        guard raw >= 0 else {
            if errno == EEXIST { throw StaleLocks.held(lock) }
            throw OperatorError.system(errno, doing: "locking", subject: lock.printable)
        }
        let file = FileDescriptor(rawValue: raw)
        defer { file.closeQuietly() }
        do {
            var digest = Digest(.sha1)
            var out = Array("DIRC".utf8) + bigEndian(isExtended ? 3 : 2) + bigEndian(UInt32(count))
            func drain() throws {
                digest.update(out)
                try file.writeAll(out)
                out.removeAll(keepingCapacity: true)
            }
            try body { entry in
                append(entry, to: &out)
                if out.count > 1 << 18 { try drain() }
            }
            try drain()
            var whole = Digest(.sha1)
            swap(&whole, &digest)
            try file.writeAll(whole.finish())
            guard fsync(raw) == 0 else { throw Errno(rawValue: errno) }
            try FileSystem.rename(lock, to: gitDirectory.appending("index"))
            try FileSystem.syncDirectory(gitDirectory)
        } catch {
            _ = lock.withPlatformString { unlink($0) }
            if let errno = error as? Errno {
                throw OperatorError.system(errno.rawValue, doing: "writing", subject: lock.printable)
            }
            throw error
        }
    }

    private static func append(_ entry: Entry, to out: inout [UInt8]) {
        let start = out.count
        let stamp = entry.stamp
        for word in [
            stamp.changedSeconds, stamp.changedNanoseconds, stamp.modifiedSeconds, stamp.modifiedNanoseconds,
            stamp.device, stamp.inode, entry.mode, stamp.owner, stamp.group, stamp.size,
        ] { out += bigEndian(word) }
        out += entry.id.bytes
        let extended = entry.storedExtendedFlags
        var flags = entry.flags & 0xB000 | UInt16(min(entry.path.count, 0xFFF))
        if extended != 0 { flags |= 0x4000 }
        out += [UInt8(flags >> 8), UInt8(flags & 0xFF)]
        if extended != 0 { out += [UInt8(extended >> 8), UInt8(extended & 0xFF)] }
        out += entry.path
        // One to eight NULs, so that each entry's length is a multiple of eight.
        out += repeatElement(0, count: 8 - (out.count - start) % 8)
    }
}

extension IndexFile.Stamp {
    /// Of a file that lstat(2) told of.
    init(_ status: FileStatus) {
        func split(_ nanoseconds: Int128) -> (UInt32, UInt32) {
            let time = timespec(nanoseconds: nanoseconds)
            return (UInt32(truncatingIfNeeded: time.tv_sec), UInt32(time.tv_nsec))
        }
        (changedSeconds, changedNanoseconds) = split(status.changed)
        (modifiedSeconds, modifiedNanoseconds) = split(status.modified)
        device = UInt32(truncatingIfNeeded: status.device)
        inode = UInt32(truncatingIfNeeded: status.inode)
        owner = status.owner
        group = status.group
        size = UInt32(truncatingIfNeeded: status.size)
    }
}
