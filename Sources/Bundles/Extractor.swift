internal import Glibc
internal import Support
internal import SystemPackage

/// Writes a bundle's entries below a folder and nowhere else: names are resolved with openat2(2) beneath it, symlinks are never
/// followed, nothing that exists is opened. Files and folders are private until they are complete.
final class Extractor: BundleVisitor {
    private let root: ConfinedDirectory
    private var file: FileDescriptor?
    private var directories: [TarEntry] = []

    init(_ folder: FilePath) throws { root = try ConfinedDirectory(folder) }

    deinit { file?.closeQuietly() }

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

    func beginFile(_ entry: TarEntry) throws {
        try attempt(entry) { () throws(Errno) in
            let file = try root.create(entry.path, permissions: 0o600)
            self.file = file
            // Holes stay holes.
            guard entry.extents == [0..<entry.size] || ftruncate(file.rawValue, off_t(entry.size)) == 0 else {
                throw Errno(rawValue: errno)
            }
        }
    }

    func data(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        guard let file else { return }
        do {
            try file.writeAll(toAbsoluteOffset: offset, bytes)
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "writing a restored file")
        }
    }

    func endFile(_ entry: TarEntry) throws {
        guard let file = file.take() else { return }
        defer { file.closeQuietly() }
        try attempt(entry) { () throws(Errno) in try Self.finish(file, entry) }
    }

    /// Modes and times of folders, the innermost first: what is written into a folder changes its time.
    func finish() throws {
        for entry in directories.reversed() {
            try attempt(entry) { () throws(Errno) in
                let folder = try root.openDirectory(entry.path)
                defer { folder.closeQuietly() }
                try Self.finish(folder, entry)
            }
        }
    }

    private static func finish(_ file: FileDescriptor, _ entry: TarEntry) throws(Errno) {
        guard futimens(file.rawValue, times(entry.modified)) == 0, fchmod(file.rawValue, entry.permissions & 0o777) == 0
        else { throw Errno(rawValue: errno) }
    }

    private static func times(_ nanoseconds: Int64) -> [timespec] {
        let seconds = nanoseconds.flooredQuotient(by: 1_000_000_000)
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds - seconds * 1_000_000_000))
        return [time, time]
    }

    private func attempt(_ entry: TarEntry, _ body: () throws(Errno) -> Void) throws {
        do {
            try body()
        } catch {
            throw OperatorError.system(error.rawValue, doing: "restoring", subject: printable(entry.path))
        }
    }
}
