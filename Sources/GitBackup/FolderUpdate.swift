internal import Glibc
internal import Support
internal import SystemPackage

/// From one commit to the next, in the work tree.
extension BackupFolder {
    /// What is to be written into the folder.
    struct Write: Sendable {
        var path: [UInt8]
        var kind: BackupEntry.Kind

        var name: FilePath { FilePath(bytes: path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]) }
    }

    /// Where a write's bytes are.
    enum Content {
        case bytes([UInt8])
        /// A file that nobody needs any more: it is moved to its place if it can be, else copied.
        case staged(FilePath)

        /// The file that holds it, if that is larger than so many bytes.
        func fileBeyond(_ size: Int) throws -> FilePath? {
            guard case .staged(let path) = self, try FileStatus(at: path).size > size else { return nil }
            return path
        }

        func read() throws -> [UInt8] {
            switch self {
            case .bytes(let bytes): bytes
            case .staged(let path): try FileSystem.read(path, limit: .max - 1, followingLinks: false)
            }
        }
    }

    /// Brings the work tree from one listing to the other. Each file changes in one rename; a first folder appears as a whole.
    ///
    /// Nothing of it is synced: see ``UnsyncedMark``.
    ///
    /// - Parameters:
    ///   - content: brings the content of the file with that index in the new listing.
    ///   - forEach: calls its body with every index, in any order and on any thread.
    func update(
        from old: FileListing, to new: FileListing, scratch: FilePath,
        content: @escaping @Sendable (Int) throws -> Content,
        forEach: (Int, @Sendable (Int) throws -> Void) throws -> Void
    ) throws {
        var writes: [Int] = []
        var removals: [Int] = []
        mergePaths(old.paths, new.paths) { before, now in
            if let now {
                if before.map({ old[$0] }) != new[now] { writes.append(now) }
            } else if let before {
                removals.append(before)
            }
        }
        try FileSystem.removeTree(scratch)
        try FileSystem.makeDirectory(scratch)
        let incoming = scratch.appending("folder")
        try makeFolder(incoming)
        if old.isEmpty, (try? FileStatus(at: location)) == nil {
            if !writes.isEmpty {
                try write(writes, of: new, into: incoming, scratch: scratch, content, forEach)
                try FileSystem.rename(incoming, to: location)
            }
        } else {
            if (try? FileStatus(at: location)) == nil, !writes.isEmpty { try makeFolder(location) }
            try remove(removals.map { Array(old.paths[$0]) })
            if !writes.isEmpty { try write(writes, of: new, into: location, scratch: scratch, content, forEach) }
            // An empty folder goes; one that somebody put something into stays.
            if new.isEmpty { _ = location.withPlatformString { rmdir($0) } }
        }
        try FileSystem.removeTree(scratch)
    }

    /// A path without its last component; empty for a file of the folder itself.
    private static func parent(of path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
    }

    /// A folder as git makes them, the umask deciding who may read.
    private func makeFolder(_ path: FilePath) throws {
        guard path.withPlatformString({ mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
            throw OperatorError.system(errno, doing: "making the folder", subject: path.printable)
        }
    }

    private func remove(_ paths: [[UInt8]]) throws {
        guard !paths.isEmpty else { return }
        let folder = try ConfinedDirectory(location)
        for path in paths {
            do {
                try folder.withParent(path) { parent, name throws(Errno) in
                    let result = name.withPlatformString { unlinkat(parent, $0, 0) }
                    if result != 0, errno != ENOENT { throw Errno(rawValue: errno) }
                }
                // Folders that are empty now go too; git knows none.
                var rest = path
                while let slash = rest.lastIndex(of: UInt8(ascii: "/")) {
                    rest = Array(rest[..<slash])
                    var isGone = false
                    try folder.withParent(rest) { parent, name throws(Errno) in
                        isGone = name.withPlatformString { unlinkat(parent, $0, AT_REMOVEDIR) } == 0
                    }
                    if !isGone { break }
                }
            } catch  where error == .noSuchFileOrDirectory {
                continue
            } catch {
                throw OperatorError.system(error.rawValue, doing: "removing", subject: printable(prefix + path))
            }
        }
    }

    /// Writes files below a folder, those that stand together in one folder by one thread.
    private func write(
        _ writes: [Int], of listing: FileListing, into root: FilePath, scratch: FilePath,
        _ content: @escaping @Sendable (Int) throws -> Content,
        _ forEach: (Int, @Sendable (Int) throws -> Void) throws -> Void
    ) throws {
        let folder = try ConfinedDirectory(root)
        let temporary = try ConfinedDirectory(scratch)
        try Self.makeParents(of: writes.lazy.map { listing.paths[$0] }, in: folder)
        // The folder in the scratch place tells what the umask leaves. Where new files get their folder's group, they are made there.
        let mask = try FileStatus(at: scratch.appending("folder")).permissions & 0o777
        let canMove = try FileStatus(of: folder.descriptor).permissions & S_ISGID == 0
        var starts: [Int] = []
        var last: [UInt8]?
        for position in writes.indices {
            let parent = Array(Self.parent(of: listing.paths[writes[position]]))
            if parent != last { starts.append(position) }
            last = parent
        }
        let (places, groups) = (writes, starts)
        try forEach(groups.count) { number in
            let places = places[groups[number]..<(number + 1 < groups.count ? groups[number + 1] : places.count)]
            let path = Array(Self.parent(of: listing.paths[places[places.startIndex]]))
            let inner = path.isEmpty ? nil : try Self.open(path, below: folder)
            defer { inner?.closeQuietly() }
            let parent = inner ?? folder.descriptor
            for place in places {
                let write = Write(path: Array(listing.paths[place]), kind: listing[place].kind)
                let content = try content(place)
                do {
                    if canMove, case .staged(let file) = content, write.kind != .symlink,
                        try Self.move(file, to: write.name, in: parent, mode: write.kind.permissions & mask)
                    {
                        continue
                    }
                    let name = Array(String(number).utf8)
                    try Self.write(write, at: name, in: temporary, content.read())
                    try Self.rename(FilePath(bytes: name), in: temporary.descriptor, to: write.name, in: parent)
                } catch let errno as Errno {
                    throw OperatorError.system(errno.rawValue, doing: "writing", subject: printable(write.path))
                }
            }
        }
    }

    private static func open(_ path: [UInt8], below folder: ConfinedDirectory) throws -> FileDescriptor {
        do {
            return try folder.openDirectory(path)
        } catch {
            throw OperatorError.system(error.rawValue, doing: "opening the folder", subject: printable(path))
        }
    }

    /// Moves a file of this user's to its place, with the mode it is to have there; false if only a copy will do.
    private static func move(_ file: FilePath, to name: FilePath, in parent: FileDescriptor, mode: UInt32)
        throws(Errno) -> Bool
    {
        let status = try FileStatus(at: file)
        guard status.kind == .file, status.links == 1, status.owner == geteuid() else { return false }
        if status.permissions != mode, file.withPlatformString({ chmod($0, mode) }) != 0 {
            throw Errno(rawValue: errno)
        }
        do {
            try rename(file, in: FileDescriptor(rawValue: AT_FDCWD), to: name, in: parent)
        } catch {
            // Another file system, or another mount of the same.
            guard error == .improperLink else { throw error }
            return false
        }
        return true
    }

    /// Replaces what has that name, if it is no folder with something in it.
    private static func rename(
        _ from: FilePath, in source: FileDescriptor, to name: FilePath, in parent: FileDescriptor
    ) throws(Errno) {
        func attempt() -> Bool {
            from.withPlatformString { from in
                name.withPlatformString { renameat(source.rawValue, from, parent.rawValue, $0) }
            } == 0
        }
        if attempt() { return }
        // An empty folder may stand where a file is to be.
        guard errno == EISDIR, name.withPlatformString({ unlinkat(parent.rawValue, $0, AT_REMOVEDIR) }) == 0, attempt()
        else { throw Errno(rawValue: errno) }
    }

    /// - Parameter paths: sorted, so that those below one folder stand together.
    static func makeParents(of paths: some Sequence<ArraySlice<UInt8>>, in folder: ConfinedDirectory) throws {
        var last: ArraySlice<UInt8> = []
        for path in paths {
            defer { last = path }
            for slash in path.indices where path[slash] == UInt8(ascii: "/") && !last.starts(with: path[...slash]) {
                let parent = Array(path[..<slash])
                do {
                    try folder.makeDirectory(parent, permissions: 0o777)
                } catch {
                    throw OperatorError.system(error.rawValue, doing: "making the folder", subject: printable(parent))
                }
            }
        }
    }

    /// Writes one file or symlink that is not there yet, below a folder.
    static func write(_ write: Write, at path: [UInt8], in folder: ConfinedDirectory, _ content: [UInt8]) throws {
        do {
            if write.kind == .symlink {
                try folder.makeSymlink(path, to: content)
            } else {
                let file = try folder.create(path, permissions: write.kind.permissions)
                defer { file.closeQuietly() }
                try file.writeAll(content)
            }
        } catch let errno as Errno {
            throw OperatorError.system(errno.rawValue, doing: "writing", subject: printable(write.path))
        }
    }
}
