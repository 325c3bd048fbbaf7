internal import CLinux
internal import Glibc
public import SystemPackage

/// What lstat(2) tells about a file.
public struct FileStatus: Sendable, Hashable {
    public enum Kind: String, Sendable, Codable {
        case file, directory, symlink, fifo, socket, device
    }

    public var device: UInt64
    public var inode: UInt64
    public var kind: Kind
    /// The permission bits, set-id and sticky bits included: `mode & 0o7777`.
    public var permissions: UInt32
    public var links: UInt64
    public var owner: UInt32
    public var group: UInt32
    /// In bytes.
    public var size: Int64
    /// In 512-byte blocks; less than `size / 512` means that the file is sparse.
    public var blocks: Int64
    /// Nanoseconds since the epoch: 128 bits, because a file system may keep any 64-bit number of seconds.
    public var modified: Int128
    /// Nanoseconds since the epoch: the inode's change time, which nobody can set.
    public var changed: Int128

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            default: .device
            }
        permissions = status.st_mode & 0o7777
        links = UInt64(status.st_nlink)
        owner = status.st_uid
        group = status.st_gid
        size = Int64(status.st_size)
        blocks = Int64(status.st_blocks)
        modified = status.st_mtim.nanoseconds
        changed = status.st_ctim.nanoseconds
    }

    /// The status of the file behind a descriptor.
    public init(of file: FileDescriptor) throws(Errno) {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        self.init(status)
    }

    /// Whether the path is a name of the open file. Between its opening and its locking another process may have renamed it, and a
    /// lock on what has another name by now guards nothing.
    public static func isName(_ path: FilePath, of file: FileDescriptor) -> Bool {
        guard let named = try? FileStatus(at: path), let open = try? FileStatus(of: file) else { return false }
        return named.device == open.device && named.inode == open.inode
    }

    /// The status of the path itself, a symlink not followed.
    public init(at path: FilePath) throws(Errno) {
        try self.init(at: path, below: FileDescriptor(rawValue: AT_FDCWD))
    }

    /// The status of what stands at a path, a symlink not followed; nil if nothing does. That it cannot be found out is an error.
    public static func ifThere(at path: FilePath) throws -> FileStatus? {
        do throws(Errno) {
            return try FileStatus(at: path)
        } catch .noSuchFileOrDirectory {
            return nil
        } catch {
            throw OperatorError.system(error.rawValue, doing: "looking at", subject: path.printable)
        }
    }

    /// The status of a path relative to a directory's descriptor, its last component not followed.
    public init(at path: FilePath, below directory: FileDescriptor) throws(Errno) {
        var status = stat()
        let result = path.withPlatformString { fstatat(directory.rawValue, $0, &status, AT_SYMLINK_NOFOLLOW) }
        guard result == 0 else { throw Errno(rawValue: errno) }
        self.init(status)
    }

    /// The status of a name (bytes) in a directory; of a symlink itself, if not of what it leads to.
    public init(of name: [UInt8], in directory: FileDescriptor, followingLinks: Bool = false) throws(Errno) {
        var status = stat()
        let flags = followingLinks ? 0 : AT_SYMLINK_NOFOLLOW
        let result = withTerminated(name) { fstatat(directory.rawValue, $0, &status, flags) }
        guard result == 0 else { throw Errno(rawValue: errno) }
        self.init(status)
    }

    /// Whether two statuses tell of the same, unchanged file.
    public func isSameContent(as other: FileStatus) -> Bool {
        device == other.device && inode == other.inode && size == other.size && modified == other.modified
            && changed == other.changed
    }
}

/// Runs a body with bytes as C takes a name or a path: with a NUL behind them. One inside them ends it.
func withTerminated<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(byteCount: bytes.count + 1, alignment: 1) { buffer in
        buffer.copyBytes(from: bytes)
        buffer[bytes.count] = 0
        return buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
    }
}

extension FilePath {
    /// The path's bytes as the kernel takes them.
    public var bytes: [UInt8] {
        withPlatformString { UnsafeBufferPointer(start: $0, count: strlen($0)).map(UInt8.init(bitPattern:)) }
    }

    /// A path from bytes, which are not necessarily UTF-8. A NUL ends it.
    public init(bytes: some Sequence<UInt8>) {
        var terminated = Array(bytes)
        terminated.append(0)
        self = terminated.withUnsafeBytes {
            FilePath(platformString: $0.assumingMemoryBound(to: CChar.self).baseAddress!)
        }
    }

    /// The folder that a path stands in; `.` for a bare name.
    public var folder: FilePath {
        let parent = removingLastComponent()
        return parent.isEmpty ? "." : parent
    }

    /// The path as people can read it on a terminal.
    public var printable: String { Support.printable(bytes) }
}
