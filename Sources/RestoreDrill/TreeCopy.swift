internal import Glibc
internal import Support
internal import SystemPackage

/// Copies files, folders and symlinks into a private place: no symlink followed, modes kept, nothing that exists overwritten.
enum TreeCopy {
    /// Copies what `choose` takes; a folder that it does not take is not entered. FIFOs, sockets and devices are left out.
    static func copy(
        _ source: FilePath, into target: FilePath, cancellation: CancellationFlag,
        choosing choose: (DirectoryWalk.Entry) throws -> Bool = { _ in true }
    ) throws {
        try FileSystem.makeDirectory(target)
        let from = try ConfinedDirectory(source)
        let into = try ConfinedDirectory(target)
        var folders: [(path: [UInt8], permissions: UInt32)] = []
        try DirectoryWalk(source).run { entry in
            try cancellation.check()
            guard try choose(entry) else { return .prune }
            if entry.status.kind == .directory { folders.append((entry.path, entry.status.permissions)) }
            try copy(entry, from: from, into: into)
            return .descend
        } failing: { path, error in
            throw error
        }
        // The innermost first: a folder that is not writable takes nothing more.
        for folder in folders.reversed() {
            try attempt(folder.path) { () throws(Errno) in
                let opened = try into.openDirectory(folder.path)
                defer { opened.closeQuietly() }
                guard fchmod(opened.rawValue, folder.permissions) == 0 else { throw Errno(rawValue: errno) }
            }
        }
    }

    /// Copies one entry whose parent folder is there already.
    static func copy(_ entry: DirectoryWalk.Entry, from: ConfinedDirectory, into: ConfinedDirectory) throws {
        switch entry.status.kind {
        case .directory:
            try attempt(entry.path) { () throws(Errno) in try into.makeDirectory(entry.path, permissions: 0o700) }
        case .symlink:
            try attempt(entry.path) { () throws(Errno) in
                try into.makeSymlink(entry.path, to: try from.readSymlink(entry.path))
            }
        case .file: try copyFile(entry.path, from: from, into: into)
        case .fifo, .socket, .device: break
        }
    }

    private static func copyFile(_ path: [UInt8], from: ConfinedDirectory, into: ConfinedDirectory) throws {
        try attempt(path) { () throws(Errno) in
            let input = try from.openForReading(path)
            defer { input.closeQuietly() }
            let status = try FileStatus(of: input)
            let output = try into.create(path, permissions: 0o600)
            defer { output.closeQuietly() }
            try copyBytes(from: input, to: output)
            let times = [timespec](repeating: timespec(nanoseconds: status.modified), count: 2)
            guard fchmod(output.rawValue, status.permissions & 0o777) == 0, futimens(output.rawValue, times) == 0 else {
                throw Errno(rawValue: errno)
            }
        }
    }

    /// Copies what is left of one open file into another.
    static func copyBytes(from input: FileDescriptor, to output: FileDescriptor) throws(Errno) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(input.rawValue, buffer.baseAddress, buffer.count)
            if count == 0 { return }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            var written = 0
            while written < count {
                let step = Glibc.write(output.rawValue, buffer.baseAddress! + written, count - written)
                guard step > 0 else {
                    if errno == EINTR { continue }
                    throw Errno(rawValue: errno)
                }
                written += step
            }
        }
    }

    private static func attempt(_ path: [UInt8], _ body: () throws(Errno) -> Void) throws {
        do throws(Errno) {
            try body()
        } catch {
            throw OperatorError.system(error.rawValue, doing: "copying", subject: printable(path))
        }
    }
}
