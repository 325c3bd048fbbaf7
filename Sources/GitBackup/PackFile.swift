internal import CLinux
internal import Dispatch
internal import Glibc
internal import Support
internal import Synchronization
internal import SystemPackage

/// Writes a pack of whole, undeltified objects on all cores (gitformat-pack(5), version 2), and its index.
///
/// Git's own time goes into thousands of loose files and a search for deltas that sanitized homes do not reward.
struct PackFile {
    enum ObjectType: UInt8 {
        case commit = 1
        case tree = 2
        case blob = 3

        var name: String { ["", "commit", "tree", "blob"][Int(rawValue)] }
    }

    struct Object: Sendable {
        var id: ObjectID
        var type: ObjectType
    }

    /// A finished pack, not yet under its name.
    struct Written {
        var pack: FilePath
        /// SHA-1 over the pack, its last 20 bytes; names the file.
        var checksum: ObjectID
        var entries: [IndexEntry]
    }

    struct IndexEntry {
        var id: ObjectID
        var crc: UInt32
        var offset: UInt64
    }

    static let temporaryPrefix = "tmp_pack_hermes-"
    /// A staged file beyond this many bytes goes into the pack in pieces.
    static let largest = 4 << 20

    /// What the workers append to, one at a time. The order of objects in a pack is free.
    private struct Output: ~Copyable {
        let file: FileDescriptor
        var offset: UInt64 = 0
        var entries: [IndexEntry] = []
        var digest = Digest(.sha1)
        var failure: (any Error)?

        /// Appends whole objects, with their offsets from the first byte.
        mutating func append(_ bytes: [UInt8], _ objects: [IndexEntry]) throws {
            guard failure == nil else { throw CancellationError() }
            for entry in objects {
                entries.append(IndexEntry(id: entry.id, crc: entry.crc, offset: entry.offset + offset))
            }
            try append(bytes)
        }

        /// Appends one object from a file, which is never in memory as a whole.
        mutating func append(
            _ object: Object, from path: FilePath, _ cancellation: CancellationFlag
        ) throws {
            guard failure == nil else { throw CancellationError() }
            let source = try FileSystem.openRegular(path, followingLinks: false)
            defer { source.closeQuietly() }
            let size = Int(try FileStatus(of: source).size)
            var entry = IndexEntry(id: object.id, crc: 0, offset: offset)
            var content = Digest(.sha1)
            content.update(Array("\(object.type.name) \(size)\0".utf8))
            var out: [UInt8] = []
            PackFile.appendHeader(object.type, size, to: &out)
            let deflater = try Deflater()
            try deflater.begin()
            var isLast = false
            var piece = [UInt8](repeating: 0, count: 1 << 20)
            while !isLast {
                try cancellation.check()
                let count = try piece.withUnsafeMutableBytes { try source.read(into: $0) }
                isLast = count == 0
                content.update(piece[..<count])
                try piece[..<count].withUnsafeBytes { try deflater.append($0, isLast: isLast, to: &out) }
                entry.crc = out.withUnsafeBytes { Deflater.crc32($0, after: entry.crc) }
                try append(out)
                out.removeAll(keepingCapacity: true)
            }
            guard ObjectID(content.finish()) == object.id else { throw PackFile.changed(object) }
            entries.append(entry)
        }

        mutating func append(_ bytes: [UInt8]) throws {
            try file.writeAll(bytes)
            digest.update(bytes)
            // The disk works while the rest is compressed: the sync at the end then finds little to do.
            hx_start_writeback(file.rawValue, Int64(offset), Int64(bytes.count))
            offset += UInt64(bytes.count)
        }

        /// Appends the checksum over everything before it.
        mutating func seal() throws -> ObjectID {
            var whole = Digest(.sha1)
            swap(&whole, &digest)
            let checksum = whole.finish()
            try append(checksum)
            guard let id = ObjectID(checksum) else { preconditionFailure("SHA-1 has 20 bytes") }
            return id
        }
    }

    /// Writes the pack to a temporary file in a folder. Every object's content is held against its id.
    ///
    /// - Parameter content: brings the content of the object with that index; called once for each, on any thread.
    static func write(
        _ objects: [Object], in folder: FilePath, cancellation: CancellationFlag,
        content: @Sendable (Int) throws -> BackupFolder.Content
    ) throws -> Written {
        let path = folder.appending(temporaryPrefix + hex(randomBytes(8)))
        let file = try create(path)
        defer { file.closeQuietly() }
        do {
            let next = Atomic<Int>(0)
            let output = Mutex(Output(file: file))
            try output.withLock { output in
                output.entries.reserveCapacity(objects.count)
                try output.append(Array("PACK".utf8) + bigEndian(2) + bigEndian(UInt32(objects.count)))
            }
            let workers = max(1, min(objects.count, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
            DispatchQueue.concurrentPerform(iterations: workers) { _ in
                do {
                    try work(objects, content, next, output, cancellation)
                } catch {
                    output.withLock { $0.failure = $0.failure ?? error }
                    next.store(objects.count, ordering: .relaxed)
                }
            }
            return try output.withLock { output in
                if let failure = output.failure { throw failure }
                output.entries.sort { $0.id < $1.id }
                return Written(pack: path, checksum: try output.seal(), entries: output.entries)
            }
        } catch {
            _ = path.withPlatformString { unlink($0) }
            if let errno = error as? Errno {
                throw OperatorError.system(errno.rawValue, doing: "writing", subject: path.printable)
            }
            throw error
        }
    }

    private static func work(
        _ objects: [Object], _ content: @Sendable (Int) throws -> BackupFolder.Content,
        _ next: borrowing Atomic<Int>, _ output: borrowing Mutex<Output>, _ cancellation: CancellationFlag
    ) throws {
        let deflater = try Deflater()
        var buffer: [UInt8] = []
        var entries: [IndexEntry] = []
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < objects.count else { break }
            try cancellation.check()
            let object = objects[index]
            let content = try content(index)
            if let path = try content.fileBeyond(largest) {
                try output.withLock { try $0.append(object, from: path, cancellation) }
                continue
            }
            try content.read().withUnsafeBytes { bytes in
                guard ObjectID(of: bytes, type: object.type.name) == object.id else { throw changed(object) }
                let start = buffer.count
                appendHeader(object.type, bytes.count, to: &buffer)
                try deflater.append(bytes, to: &buffer)
                let crc = buffer.withUnsafeBytes { Deflater.crc32(UnsafeRawBufferPointer(rebasing: $0[start...])) }
                entries.append(IndexEntry(id: object.id, crc: crc, offset: UInt64(start)))
            }
            if buffer.count >= 1 << 20 {
                try output.withLock { try $0.append(buffer, entries) }
                buffer.removeAll(keepingCapacity: true)
                entries.removeAll(keepingCapacity: true)
            }
        }
        if !buffer.isEmpty { try output.withLock { try $0.append(buffer, entries) } }
    }

    private static func changed(_ object: Object) -> OperatorError {
        OperatorError(
            "git.content", doing: "packing", subject: object.id.description,
            reason: "the content is not what was announced: it changed under the reader")
    }

    /// Type and size: four bits of the size in the first byte, seven in each that follows.
    private static func appendHeader(_ type: ObjectType, _ size: Int, to out: inout [UInt8]) {
        var byte = type.rawValue << 4 | UInt8(size & 15)
        var rest = size >> 4
        while rest > 0 {
            out.append(byte | 0x80)
            byte = UInt8(rest & 0x7F)
            rest >>= 7
        }
        out.append(byte)
    }

    /// Makes the pack durable and gives it and its index their names; git sees the pack once the index is there.
    static func install(_ written: Written, in folder: FilePath) throws {
        let index = folder.appending(temporaryPrefix + hex(randomBytes(8)))
        do {
            try sync(written.pack)
            let file = try create(index)
            defer { file.closeQuietly() }
            try file.writeAll(indexContent(written))
            guard fchmod(file.rawValue, 0o444) == 0, fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            _ = written.pack.withPlatformString { chmod($0, 0o444) }
            try FileSystem.rename(written.pack, to: folder.appending("pack-\(written.checksum).pack"))
            try FileSystem.rename(index, to: folder.appending("pack-\(written.checksum).idx"))
            try FileSystem.syncDirectory(folder)
        } catch let errno as Errno {
            throw OperatorError.system(errno.rawValue, doing: "writing", subject: index.printable)
        }
    }

    /// The pack's index, version 2.
    private static func indexContent(_ written: Written) -> [UInt8] {
        var out: [UInt8] = [0xFF, 0x74, 0x4F, 0x63] + bigEndian(2)
        out.reserveCapacity(8 + 1024 + 40 + 28 * written.entries.count)
        var counts = [UInt32](repeating: 0, count: 256)
        for entry in written.entries { counts[Int(entry.id.firstByte)] += 1 }
        var sum: UInt32 = 0
        for count in counts {
            sum += count
            out += bigEndian(sum)
        }
        for entry in written.entries { out += entry.id.bytes }
        for entry in written.entries { out += bigEndian(entry.crc) }
        var large: [UInt64] = []
        for entry in written.entries {
            if entry.offset < 1 << 31 {
                out += bigEndian(UInt32(entry.offset))
            } else {
                out += bigEndian(0x8000_0000 | UInt32(large.count))
                large.append(entry.offset)
            }
        }
        for offset in large {
            out += bigEndian(UInt32(offset >> 32)) + bigEndian(UInt32(truncatingIfNeeded: offset))
        }
        out += written.checksum.bytes
        out += Digest.of(out, .sha1)
        return out
    }

    private static func create(_ path: FilePath) throws -> FileDescriptor {
        let raw = path.withPlatformString {
            hx_openat(AT_FDCWD, $0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "writing", subject: path.printable) }
        return FileDescriptor(rawValue: raw)
    }

    private static func sync(_ path: FilePath) throws {
        let file = try FileSystem.openRegular(path)
        defer { file.closeQuietly() }
        guard fsync(file.rawValue) == 0 else {
            throw OperatorError.system(errno, doing: "syncing", subject: path.printable)
        }
    }
}

/// Four bytes, most significant first.
func bigEndian(_ value: UInt32) -> [UInt8] {
    [
        UInt8(truncatingIfNeeded: value >> 24), UInt8(truncatingIfNeeded: value >> 16),
        UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value),
    ]
}
