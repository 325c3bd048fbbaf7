internal import Glibc
internal import Support
internal import SystemPackage

/// Writes a bundle's entries below a folder and nowhere else: names are resolved with openat2(2) beneath it, symlinks are never
/// followed, nothing that exists is opened. Folders are private until all is complete, so what is in them is too.
///
/// Files may be made by several threads at once, everything else by one.
final class Extractor: @unchecked Sendable {
    // Unchecked: `directories` belongs to the thread that takes the archive apart.
    private let root: ConfinedDirectory
    private var directories: [TarEntry] = []

    init(_ folder: FilePath) throws { root = try ConfinedDirectory(folder) }

    func directory(_ entry: TarEntry) throws {
        try attempt(entry) { () throws(Errno) in try root.makeDirectory(entry.path, permissions: 0o700) }
        directories.append(entry)
    }

    func symlink(_ entry: TarEntry) throws {
        try attempt(entry) { () throws(Errno) in
            try root.makeSymlink(entry.path, to: entry.target)
            try root.withParent(entry.path) { parent, name throws(Errno) in
                let times = Self.times(entry.modified)
                let status = name.withPlatformString { utimensat(parent, $0, times, AT_SYMLINK_NOFOLLOW) }
                guard status == 0 else { throw Errno(rawValue: errno) }
            }
        }
    }

    /// Makes a file, which its caller closes.
    func create(_ entry: TarEntry) throws -> FileDescriptor {
        var opened: FileDescriptor?
        try attempt(entry) { () throws(Errno) in
            let file = try root.create(entry.path, permissions: entry.permissions & 0o777)
            // Holes stay holes.
            guard entry.extents == [0..<entry.size] || ftruncate(file.rawValue, off_t(entry.size)) == 0 else {
                let code = errno
                file.closeQuietly()
                throw Errno(rawValue: code)
            }
            opened = file
        }
        guard let opened else { throw OperatorError.system(EIO, doing: "restoring", subject: printable(entry.path)) }
        return opened
    }

    func write(_ bytes: UnsafeRawBufferPointer, to file: FileDescriptor, at offset: Int64) throws {
        do {
            try file.writeAll(toAbsoluteOffset: offset, bytes)
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "writing a restored file")
        }
    }

    func finish(_ file: FileDescriptor, _ entry: TarEntry) throws {
        try attempt(entry) { () throws(Errno) in
            guard futimens(file.rawValue, Self.times(entry.modified)) == 0 else { throw Errno(rawValue: errno) }
            // The mode that it was made with, less the umask: mostly the right one already.
            let permissions = try FileStatus(of: file).permissions
            guard permissions == entry.permissions & 0o777 || fchmod(file.rawValue, entry.permissions & 0o777) == 0
            else { throw Errno(rawValue: errno) }
        }
    }

    /// Modes and times of folders, the innermost first: what is written into a folder changes its time.
    func finish() throws {
        for entry in directories.reversed() {
            try attempt(entry) { () throws(Errno) in
                let folder = try root.openDirectory(entry.path)
                defer { folder.closeQuietly() }
                guard futimens(folder.rawValue, Self.times(entry.modified)) == 0,
                    fchmod(folder.rawValue, entry.permissions & 0o777) == 0
                else { throw Errno(rawValue: errno) }
            }
        }
    }

    private static func times(_ nanoseconds: Int128) -> [timespec] {
        [timespec](repeating: timespec(nanoseconds: nanoseconds), count: 2)
    }

    private func attempt(_ entry: TarEntry, _ body: () throws(Errno) -> Void) throws {
        do {
            try body()
        } catch {
            throw OperatorError.system(error.rawValue, doing: "restoring", subject: printable(entry.path))
        }
    }
}
