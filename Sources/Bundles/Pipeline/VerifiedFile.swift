internal import CLinux
internal import Glibc
internal import Support
internal import SystemPackage

/// A bundle's file while it is written: hashed, written in large pieces, and every piece read back from the disk and compared with
/// what was written, while the next ones are still being made.
final class VerifiedFile: ByteSink {
    private static let pieceLength = 4 << 20
    /// One is filled, one is written, one waits until the disk has it, one is spare.
    private static let pieceCount = 4

    private let pieces: OrderedJobs<Block>
    private let disk: Stage
    private var current: Block
    private var digest: Digest? = Digest(.sha256)
    private var size: Int64 = 0

    /// The file is written from another thread until ``finish()`` or ``cancel()`` has returned.
    init(_ file: AtomicFile) throws {
        let pieces = try OrderedJobs(jobs: (0..<Self.pieceCount).map { _ in Block(capacity: Self.pieceLength) })
        self.pieces = pieces
        current = try pieces.take()
        let target = Transferred(file)
        disk = try Stage {
            do {
                try Self.store(pieces, in: target.value)
            } catch {
                pieces.abort(error)
                throw error
            }
        }
    }

    deinit { pieces.abort(OperatorError.cancelled(doing: "writing the bundle")) }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        digest?.update(bytes)
        size += Int64(bytes.count)
        var rest = bytes
        while !rest.isEmpty {
            rest = UnsafeRawBufferPointer(rebasing: rest[current.append(rest)...])
            if current.count == current.capacity {
                pieces.submit(current)
                current = try pieces.take()
                current.count = 0
            }
        }
    }

    /// Returns when all is on the disk and was found there.
    func finish() throws -> (size: Int64, sha256: [UInt8]) {
        if current.count > 0 { pieces.submit(current) }
        pieces.close()
        try disk.join()
        let finished = digest.take()
        return (size, finished?.finish() ?? [])
    }

    /// Nothing is written any more when this returns.
    func cancel() {
        pieces.abort(OperatorError.cancelled(doing: "writing the bundle"))
        // What it failed with stands behind the error that led here.
        try? disk.join()
    }

    private static func store(_ pieces: OrderedJobs<Block>, in file: AtomicFile) throws {
        let name = file.path.printable
        let reader = ReadBack(file, pieceLength: pieceLength)
        var offset: Int64 = 0
        var waiting: Block?
        func verifyWaiting() throws {
            guard let piece = waiting else { return }
            try reader.expect(piece, at: offset - Int64(piece.count))
            pieces.recycle(piece)
            waiting = nil
        }
        while let piece = try pieces.next() {
            do {
                try file.descriptor.writeAll(toAbsoluteOffset: offset, piece.bytes)
            } catch let error as Errno {
                throw OperatorError.system(error.rawValue, doing: "writing", subject: name)
            }
            // A hint, so that the disk has the piece by the time it is read back.
            hx_start_writeback(file.descriptor.rawValue, offset, Int64(piece.count))
            try verifyWaiting()
            offset += Int64(piece.count)
            waiting = piece
        }
        guard fsync(file.descriptor.rawValue) == 0 else {
            throw OperatorError.system(errno, doing: "syncing", subject: name)
        }
        try verifyWaiting()
        guard try FileStatus(of: file.descriptor).size == offset else { throw ReadBack.mismatch(name) }
    }
}

/// Reads a file as the disk has it: past the page cache, or where the file system does not do that, after it was told to forget.
private final class ReadBack {
    private let file: FileDescriptor
    private let name: String
    private var isDirect = true
    private let buffer: Block

    init(_ file: AtomicFile, pieceLength: Int) {
        self.file = file.descriptor
        name = file.path.printable
        buffer = Block(capacity: pieceLength)
    }

    func expect(_ piece: Block, at offset: Int64) throws {
        buffer.count = 0
        do {
            while buffer.count < piece.count {
                let count = try read(at: offset + Int64(buffer.count))
                guard count > 0 else { throw Self.mismatch(name) }
                buffer.count += count
            }
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "reading back", subject: name)
        }
        guard memcmp(buffer.base, piece.base, piece.count) == 0 else { throw Self.mismatch(name) }
    }

    private func read(at offset: Int64) throws -> Int {
        // Such reads start at a block of the disk and go to a page of memory.
        if isDirect, buffer.count % 4096 == 0, hx_set_direct(file.rawValue, 1) == 0 {
            defer { _ = hx_set_direct(file.rawValue, 0) }
            do {
                return try file.read(fromAbsoluteOffset: offset, into: buffer.room)
            } catch Errno.invalidArgument {
                // Not on this file system.
            }
        }
        isDirect = false
        guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        posix_fadvise(file.rawValue, off_t(offset), off_t(buffer.room.count), POSIX_FADV_DONTNEED)
        return try file.read(fromAbsoluteOffset: offset, into: buffer.room)
    }

    static func mismatch(_ name: String) -> OperatorError {
        OperatorError(
            "bundle-verify", doing: "verifying the bundle", subject: name,
            reason: "what the disk gives back is not what was written", advice: "check the disk, then run again",
            isTemporary: true)
    }
}
