internal import CLinux
internal import Glibc
public import SystemPackage

/// Reading and writing files without surprises: nothing followed that was not asked for, nothing half-written.
public enum FileSystem {
    /// Reads a whole regular file of at most `limit` bytes. Symlinks are followed unless `followingLinks` is false; anything but a
    /// regular file is refused without blocking.
    public static func read(_ path: FilePath, limit: Int, followingLinks: Bool = true) throws -> [UInt8] {
        let (file, status) = try openRegularFile(path, followingLinks: followingLinks)
        defer { try? file.close() }
        return try read(file, expecting: Int(status.size), name: path, limit: limit)
    }

    /// Opens a regular file for reading: O_NONBLOCK so that a FIFO cannot hang the program, then a check of what it is.
    public static func openRegular(_ path: FilePath, followingLinks: Bool = true) throws -> FileDescriptor {
        try openRegularFile(path, followingLinks: followingLinks).file
    }

    private static func openRegularFile(_ path: FilePath, followingLinks: Bool) throws -> (
        file: FileDescriptor, status: FileStatus
    ) {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followingLinks ? 0 : O_NOFOLLOW)
        let raw = path.withPlatformString { hx_openat(AT_FDCWD, $0, flags, 0) }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "opening", subject: path.printable) }
        let file = FileDescriptor(rawValue: raw)
        do {
            let status = try FileStatus(of: file)
            guard status.kind == .file else {
                throw OperatorError(
                    "not-a-file", doing: "opening", subject: path.printable,
                    reason: "it is a \(status.kind.rawValue), not a file")
            }
            return (file, status)
        } catch {
            try? file.close()
            throw error
        }
    }

    /// Reads what is left of an open file, at most `limit` bytes of it.
    public static func read(_ file: FileDescriptor, name: FilePath, limit: Int) throws -> [UInt8] {
        let size = (try? FileStatus(of: file).size).map(Int.init) ?? 0
        return try read(file, expecting: size, name: name, limit: limit)
    }

    /// As ``read(_:name:limit:)``. A file of the expected size is read into place, with no copy; a longer one goes on piece by piece.
    private static func read(_ file: FileDescriptor, expecting size: Int, name: FilePath, limit: Int) throws -> [UInt8]
    {
        guard size <= limit else { throw tooLarge(name, limit) }
        var bytes: [UInt8] = []
        while true {
            // With room for one byte more, the end is seen where it was expected.
            let room = max(4096, size + 1 - bytes.count)
            let piece = try [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                let buffer = UnsafeMutableRawBufferPointer(buffer)
                do {
                    while count < room {
                        let length = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
                        if length == 0 { break }
                        count += length
                    }
                } catch let error as Errno {
                    throw OperatorError.system(error.rawValue, doing: "reading", subject: name.printable)
                }
            }
            if bytes.isEmpty { bytes = piece } else { bytes += piece }
            guard bytes.count <= limit else { throw tooLarge(name, limit) }
            if piece.count < room { return bytes }
        }
    }

    private static func tooLarge(_ path: FilePath, _ limit: Int) -> OperatorError {
        OperatorError(
            "too-large", doing: "reading", subject: path.printable, reason: "it is larger than \(limit) bytes")
    }

    /// Replaces a file as a whole: a temporary file beside it, fsync, rename, fsync of the folder. After a crash the path holds the
    /// old bytes or the new ones.
    public static func replace(
        _ path: FilePath, with bytes: some ContiguousBytesCollection, permissions: UInt32 = 0o600
    ) throws {
        let writer = try AtomicFile(path, permissions: permissions)
        do {
            try bytes.withUnsafeBytes { try writer.write($0) }
            try writer.commit()
        } catch {
            writer.discard()
            throw error
        }
    }

    /// fsync of a folder, so that a rename in it survives a power cut.
    public static func syncDirectory(_ path: FilePath) throws {
        let directory: FileDescriptor
        do {
            directory = try openDirectory(path)
        } catch {
            throw OperatorError.system(error.rawValue, doing: "opening the folder", subject: path.printable)
        }
        defer { directory.closeQuietly() }
        guard fsync(directory.rawValue) == 0 else {
            throw OperatorError.system(errno, doing: "syncing the folder", subject: path.printable)
        }
    }

    fileprivate static func openDirectory(_ path: FilePath) throws(Errno) -> FileDescriptor {
        let raw = path.withPlatformString { hx_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard raw >= 0 else { throw Errno(rawValue: errno) }
        return FileDescriptor(rawValue: raw)
    }

    /// Makes a folder and its missing parents with the given permissions (the umask does not widen or narrow the last one).
    public static func makeDirectory(_ path: FilePath, permissions: UInt32 = 0o700) throws {
        try makeDirectory(path, permissions: permissions, makingParents: true)
    }

    private static func makeDirectory(_ path: FilePath, permissions: UInt32, makingParents: Bool) throws {
        if path.withPlatformString({ mkdir($0, permissions) }) == 0 {
            guard path.withPlatformString({ chmod($0, permissions) }) == 0 else {
                throw OperatorError.system(errno, doing: "setting the mode of", subject: path.printable)
            }
            return
        }
        let code = errno
        switch code {
        case EEXIST:
            var status = stat()
            let leads = path.withPlatformString { stat($0, &status) } == 0
            guard leads, status.st_mode & S_IFMT == S_IFDIR else {
                throw OperatorError(
                    "not-a-directory", doing: "making the folder", subject: path.printable,
                    reason: leads ? "a file stands there" : "a symlink stands there that leads nowhere",
                    advice: "move it away, or name another folder", exit: .cannotWrite)
            }
        case ENOENT:
            let parent = path.removingLastComponent()
            // Some file systems (/proc) say so of every name, whether the parent is there or not.
            guard makingParents, parent != path, !parent.isEmpty else { fallthrough }
            try makeDirectory(parent, permissions: permissions)
            try makeDirectory(path, permissions: permissions, makingParents: false)
        default:
            var error = OperatorError.system(
                code, doing: "making the folder", subject: path.printable, exit: .cannotWrite)
            if code == ENOENT { error.reason = "no folder can be made here" }
            throw error
        }
    }

    /// Removes a file or a whole tree, symlinks not followed and other file systems not spared; what is not there is fine.
    public static func removeTree(_ path: FilePath) throws {
        try removeTree(path, below: FileDescriptor(rawValue: AT_FDCWD))
    }

    private static func removeTree(_ path: FilePath, below directory: FileDescriptor) throws {
        func unlink(_ flags: Int32) -> Int32 {
            path.withPlatformString { unlinkat(directory.rawValue, $0, flags) } == 0 ? 0 : errno
        }
        let failure = unlink(0)
        if failure == 0 || failure == ENOENT { return }
        guard failure == EISDIR || failure == EPERM else {
            throw OperatorError.system(failure, doing: "removing", subject: path.printable)
        }
        func open() -> Int32 {
            path.withPlatformString {
                hx_openat(directory.rawValue, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
            }
        }
        // A folder without the bits to read or to write is ours to remove all the same.
        var raw = open()
        if raw < 0, errno == EACCES, let status = try? FileStatus(at: path, below: directory),
            status.kind == .directory,
            path.withPlatformString({ fchmodat(directory.rawValue, $0, 0o700, 0) }) == 0
        {
            raw = open()
        }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "removing", subject: path.printable) }
        let inner = FileDescriptor(rawValue: raw)
        defer { try? inner.close() }
        _ = fchmod(raw, 0o700)
        for name in try DirectoryListing.names(in: inner) { try removeTree(FilePath(bytes: name), below: inner) }
        let last = unlink(AT_REMOVEDIR)
        guard last == 0 || last == ENOENT else {
            throw OperatorError.system(last, doing: "removing", subject: path.printable)
        }
    }

    /// Renames, replacing what is there.
    public static func rename(_ from: FilePath, to target: FilePath) throws {
        let result = from.withPlatformString { from in target.withPlatformString { Glibc.rename(from, $0) } }
        guard result == 0 else {
            throw OperatorError.system(errno, doing: "renaming", subject: "\(from.printable) to \(target.printable)")
        }
    }

    /// Renames to a name that nothing has: the error's ``OperatorError/subject`` is the new one.
    public static func renameNew(_ from: FilePath, to target: FilePath) throws {
        let result = from.withPlatformString { from in
            target.withPlatformString { hx_rename_new(AT_FDCWD, from, AT_FDCWD, $0) }
        }
        guard result == 0 else { throw OperatorError.system(errno, doing: "writing", subject: target.printable) }
    }

    /// Swaps two paths in one step (renameat2 with RENAME_EXCHANGE): at every instant each name holds one of the two. False where the
    /// file system does not do that, as NFS and most of FUSE do not.
    public static func exchange(_ one: FilePath, _ other: FilePath) throws -> Bool {
        let result = one.withPlatformString { one in other.withPlatformString { hx_rename_exchange(one, $0) } }
        if result == 0 { return true }
        guard [EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) else {
            throw OperatorError.system(errno, doing: "exchanging", subject: "\(one.printable) with \(other.printable)")
        }
        return false
    }

    /// Free bytes for this user on the file system that holds the path.
    public static func freeSpace(at path: FilePath) throws -> Int64 {
        var status = statvfs()
        guard path.withPlatformString({ statvfs($0, &status) }) == 0 else {
            throw OperatorError.system(errno, doing: "reading the free space at", subject: path.printable)
        }
        return Int64(clamping: Int128(status.f_bavail) * Int128(status.f_frsize))
    }
}

/// A file that appears under its name only when it is complete.
///
/// The temporary file stands in the same folder (``TemporaryName``, `.NAME.PID.RANDOM.tmp`), so that the rename cannot cross file systems.
public final class AtomicFile {
    public let path: FilePath
    public let descriptor: FileDescriptor
    /// Held open: one that is renamed meanwhile takes the temporary file with it, and it is still found.
    private let folder: FileDescriptor
    /// A name in the folder.
    private let temporary: String
    private var isOpen = true

    public init(_ path: FilePath, permissions: UInt32 = 0o600) throws {
        self.path = path
        temporary = TemporaryName.make(stem: Self.stem(of: path), suffix: Self.suffix)
        do {
            folder = try FileSystem.openDirectory(path.folder)
        } catch {
            throw OperatorError.system(error.rawValue, doing: "writing", subject: path.printable, exit: .cannotWrite)
        }
        let raw = hx_openat(folder.rawValue, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard raw >= 0 else {
            let code = errno
            folder.closeQuietly()
            throw OperatorError.system(code, doing: "writing", subject: path.printable, exit: .cannotWrite)
        }
        descriptor = FileDescriptor(rawValue: raw)
        guard fchmod(raw, permissions) == 0 else {
            let code = errno
            discard()
            throw OperatorError.system(code, doing: "setting the mode of", subject: path.printable)
        }
    }

    deinit { discard() }

    private static let suffix = "tmp"

    private static func stem(of path: FilePath) -> String {
        TemporaryName.stem(of: path.lastComponent?.string ?? "file")
    }

    /// Removes what processes that are gone left of this file.
    public static func sweep(_ path: FilePath) {
        TemporaryName.sweep(path.folder, suffix: suffix) { $0 == stem(of: path) }
    }

    /// Removes what processes that are gone left of files in a folder whose names are wanted.
    public static func sweep(in folder: FilePath, where isWanted: (_ name: String) -> Bool) {
        TemporaryName.sweep(folder, suffix: suffix, where: isWanted)
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try descriptor.writeAll(bytes)
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "writing", subject: path.printable)
        }
    }

    /// Makes the file durable and gives it its name. With `replacing` false an existing file is kept and an error thrown.
    public func commit(replacing: Bool = true) throws {
        guard fsync(descriptor.rawValue) == 0 else {
            throw OperatorError.system(errno, doing: "syncing", subject: path.printable)
        }
        let result = path.withPlatformString {
            replacing
                ? renameat(folder.rawValue, temporary, AT_FDCWD, $0)
                : hx_rename_new(folder.rawValue, temporary, AT_FDCWD, $0)
        }
        guard result == 0 else { throw OperatorError.system(errno, doing: "writing", subject: path.printable) }
        close()
        try FileSystem.syncDirectory(path.folder)
    }

    /// Removes the temporary file; nothing happens after ``commit(replacing:)``.
    public func discard() {
        guard isOpen else { return }
        _ = unlinkat(folder.rawValue, temporary, 0)
        close()
    }

    private func close() {
        isOpen = false
        descriptor.closeQuietly()
        folder.closeQuietly()
    }
}
