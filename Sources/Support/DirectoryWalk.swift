internal import CLinux
internal import Glibc
public import SystemPackage

/// Names of a folder's entries as bytes.
public enum DirectoryListing {
    /// The names in the folder behind a descriptor, sorted by byte, without `.` and `..`. The descriptor stays open.
    public static func names(in directory: FileDescriptor) throws -> [[UInt8]] {
        let duplicate = fcntl(directory.rawValue, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0, let stream = fdopendir(duplicate) else {
            throw OperatorError.system(errno, doing: "listing a folder")
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw OperatorError.system(errno, doing: "listing a folder") }
                break
            }
            guard let name = hx_dirent_name(entry) else { continue }
            let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
            if bytes.elementsEqual([46]) || bytes.elementsEqual([46, 46]) { continue }
            names.append(Array(bytes))
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        return names
    }

    /// The names in a folder at a path; the path may be a symlink to one.
    public static func names(at path: FilePath) throws -> [[UInt8]] {
        let raw = path.withPlatformString { hx_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "listing", subject: path.printable) }
        let directory = FileDescriptor(rawValue: raw)
        defer { try? directory.close() }
        return try names(in: directory)
    }
}

/// A walk over a tree that follows no symlink, opens no FIFO and never leaves the root's descriptor.
///
/// The order is by path bytes within each folder, a folder before what is in it.
public struct DirectoryWalk {
    public struct Entry: Sendable {
        /// Relative to the root, components joined with `/`; bytes as the kernel gives them.
        public let path: [UInt8]
        public let status: FileStatus
    }

    public enum Decision: Sendable {
        case descend, prune
    }

    private let root: FileDescriptor

    /// Opens the root folder, a symlink at its last component followed: HERMES_HOME itself may be one.
    public init(_ path: FilePath) throws {
        let raw = path.withPlatformString { hx_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "opening the folder", subject: path.printable) }
        root = FileDescriptor(rawValue: raw)
    }

    /// The root folder's descriptor, open for the lifetime of `body`.
    public consuming func run(
        visiting visit: (Entry) throws -> Decision,
        failing fail: (_ path: [UInt8], _ error: OperatorError) throws -> Void
    ) throws {
        defer { try? root.close() }
        try walk(root, prefix: [], visit, fail)
    }

    private func walk(
        _ directory: FileDescriptor, prefix: [UInt8], _ visit: (Entry) throws -> Decision,
        _ fail: ([UInt8], OperatorError) throws -> Void
    ) throws {
        let names: [[UInt8]]
        do {
            names = try DirectoryListing.names(in: directory)
        } catch let error as OperatorError {
            return try fail(prefix, error)
        }
        for name in names {
            let path = prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
            let status: FileStatus
            do {
                status = try FileStatus(of: name, in: directory)
            } catch {
                // A file that vanished between the listing and now was never there.
                if error == .noSuchFileOrDirectory { continue }
                try fail(path, .system(error.rawValue, doing: "reading", subject: printable(path)))
                continue
            }
            guard case .descend = try visit(Entry(path: path, status: status)), status.kind == .directory else {
                continue
            }
            let raw = withTerminated(name) {
                hx_openat(directory.rawValue, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
            }
            guard raw >= 0 else {
                let code = errno
                if code != ENOENT {
                    try fail(path, .system(code, doing: "opening the folder", subject: printable(path)))
                }
                continue
            }
            let inner = FileDescriptor(rawValue: raw)
            defer { try? inner.close() }
            try walk(inner, prefix: path, visit, fail)
        }
    }
}

/// A folder that names are resolved below and never above: openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS.
public final class ConfinedDirectory: Sendable {
    public let descriptor: FileDescriptor

    /// Opens a folder; a symlink at its last component is followed.
    public init(_ path: FilePath) throws {
        let raw = path.withPlatformString { hx_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "opening the folder", subject: path.printable) }
        descriptor = FileDescriptor(rawValue: raw)
    }

    deinit { try? descriptor.close() }

    /// Opens a file for reading without following a symlink anywhere on the way and without blocking on a FIFO.
    public func openForReading(_ path: [UInt8]) throws(Errno) -> FileDescriptor {
        try open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0)
    }

    /// Opens what a path leads to, symlinks followed wherever they lead, for reading and without blocking on a FIFO. For files that are
    /// looked at and never handed on.
    public func openFollowingLinks(_ path: [UInt8]) throws(Errno) -> FileDescriptor {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let raw = withTerminated(path) { hx_openat(descriptor.rawValue, $0, flags, 0) }
        guard raw >= 0 else { throw Errno(rawValue: errno) }
        return FileDescriptor(rawValue: raw)
    }

    /// The status of what a path leads to, symlinks followed wherever they lead; of the folder itself for an empty path.
    public func statusFollowingLinks(_ path: [UInt8]) throws(Errno) -> FileStatus {
        if path.isEmpty { return try FileStatus(of: descriptor) }
        return try FileStatus(of: path, in: descriptor, followingLinks: true)
    }

    /// Opens a folder below.
    public func openDirectory(_ path: [UInt8]) throws(Errno) -> FileDescriptor {
        try open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0)
    }

    /// Makes a new file; one that exists is an error.
    public func create(_ path: [UInt8], permissions: UInt32) throws(Errno) -> FileDescriptor {
        try open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, permissions)
    }

    /// Makes one folder; its parent exists. A folder that exists already is fine, anything else is not.
    public func makeDirectory(_ path: [UInt8], permissions: UInt32) throws(Errno) {
        var exists = false
        try withParent(path) { parent, name throws(Errno) in
            guard name.withPlatformString({ mkdirat(parent, $0, permissions) }) != 0 else { return }
            guard errno == EEXIST else { throw Errno(rawValue: errno) }
            exists = true
        }
        if exists { try openDirectory(path).closeQuietly() }
    }

    /// Makes a symlink with that text, which is not looked at.
    public func makeSymlink(_ path: [UInt8], to target: [UInt8]) throws(Errno) {
        try withParent(path) { parent, name throws(Errno) in
            // Not by way of a FilePath, which takes a slash at the end for nothing.
            let result = withTerminated(target) { target in
                name.withPlatformString { symlinkat(target, parent, $0) }
            }
            guard result == 0 else { throw Errno(rawValue: errno) }
        }
    }

    /// The text of a symlink below.
    public func readSymlink(_ path: [UInt8]) throws(Errno) -> [UInt8] {
        var target: [UInt8] = []
        try withParent(path) { parent, name throws(Errno) in
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            let count = name.withPlatformString { name in
                buffer.withUnsafeMutableBufferPointer { readlinkat(parent, name, $0.baseAddress!, $0.count) }
            }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            target = buffer[..<count].map(UInt8.init(bitPattern:))
        }
        return target
    }

    /// The status of a path below, its last component not followed.
    public func status(_ path: [UInt8]) throws(Errno) -> FileStatus {
        var status: FileStatus?
        try withParent(path) { parent, name throws(Errno) in
            status = try FileStatus(at: name, below: FileDescriptor(rawValue: parent))
        }
        guard let status else { throw .noSuchFileOrDirectory }
        return status
    }

    /// Runs a body with the descriptor of the folder that holds a path, and the path's last component.
    public func withParent(_ path: [UInt8], _ body: (_ parent: Int32, _ name: FilePath) throws(Errno) -> Void)
        throws(Errno)
    {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else {
            guard !path.isEmpty, path != [46], path != [46, 46] else { throw .invalidArgument }
            return try body(descriptor.rawValue, FilePath(bytes: path))
        }
        let name = Array(path[(slash + 1)...])
        guard !name.isEmpty, name != [46], name != [46, 46] else { throw .invalidArgument }
        let parent = try openDirectory(Array(path[..<slash]))
        defer { parent.closeQuietly() }
        try body(parent.rawValue, FilePath(bytes: name))
    }

    private func open(_ path: [UInt8], _ flags: Int32, _ permissions: UInt32) throws(Errno) -> FileDescriptor {
        while true {
            let raw = withTerminated(path) {
                hx_openat2_beneath(descriptor.rawValue, $0, flags, permissions)
            }
            if raw >= 0 { return FileDescriptor(rawValue: raw) }
            // EAGAIN: a rename elsewhere raced with the resolution (openat2(2)).
            guard errno == EAGAIN || errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }
}

extension FileDescriptor {
    /// Closes a descriptor whose close cannot lose data.
    public func closeQuietly() { try? close() }
}
