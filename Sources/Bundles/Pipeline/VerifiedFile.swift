internal import CLinux
internal import Glibc
internal import Support
internal import SystemPackage

/// A bundle's file while it is written: hashed, written in large pieces, and every piece read back from the disk and compared with
/// what was written, while the next ones are still being made.
final class VerifiedFile: ByteSink {
    private static let pieceLength = 2 << 20
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
        let disk = DiskFile(file, pieceLength: pieceLength)
        var offset: Int64 = 0
        var waiting: Block?
        func verifyWaiting() throws {
            guard let piece = waiting else { return }
            try disk.expect(piece, at: offset - Int64(piece.count))
            pieces.recycle(piece)
            waiting = nil
        }
        while let piece = try pieces.next() {
            try disk.write(piece, at: offset)
            try verifyWaiting()
            offset += Int64(piece.count)
            waiting = piece
        }
        guard fsync(file.descriptor.rawValue) == 0 else {
            throw OperatorError.system(errno, doing: "syncing", subject: file.path.printable)
        }
        try verifyWaiting()
        guard try FileStatus(of: file.descriptor).size == offset else { throw disk.mismatch }
    }
}

/// A file as the disk has it: written and read back past the page cache, which would only copy what nobody reads again. Where the
/// file system does not do that, it is told to write and then to forget.
private final class DiskFile {
    /// Such transfers start at a block of the disk, have whole blocks, and go to or come from a page of memory.
    private static let blockLength = 4096

    private let file: FileDescriptor
    private let name: String
    private var isDirect = true
    private let buffer: Block

    init(_ file: AtomicFile, pieceLength: Int) {
        self.file = file.descriptor
        name = file.path.printable
        buffer = Block(capacity: pieceLength)
    }

    func write(_ piece: Block, at offset: Int64) throws {
        var done = 0
        do {
            while done < piece.count {
                let rest = UnsafeRawBufferPointer(rebasing: piece.bytes[done...])
                let blocks = UnsafeRawBufferPointer(rebasing: rest.prefix(rest.count & -Self.blockLength))
                let place = offset + Int64(done)
                let isAligned = !blocks.isEmpty && place % Int64(Self.blockLength) == 0
                done +=
                    try (isAligned ? direct { try file.write(toAbsoluteOffset: place, blocks) } : nil)
                    ?? file.write(toAbsoluteOffset: place, rest)
            }
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "writing", subject: name)
        }
        // A hint, so that the disk has the piece by the time it is read back.
        hx_start_writeback(file.rawValue, offset, Int64(piece.count))
    }

    /// Reads a piece back and compares it.
    func expect(_ piece: Block, at offset: Int64) throws {
        buffer.count = 0
        do {
            while buffer.count < piece.count {
                let count = try read(at: offset + Int64(buffer.count))
                guard count > 0 else { throw mismatch }
                buffer.count += count
            }
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "reading back", subject: name)
        }
        guard memcmp(buffer.base, piece.base, piece.count) == 0 else { throw mismatch }
    }

    private func read(at offset: Int64) throws -> Int {
        if buffer.count % Self.blockLength == 0,
            let count = try direct({ try file.read(fromAbsoluteOffset: offset, into: buffer.room) })
        {
            return count
        }
        guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        posix_fadvise(file.rawValue, off_t(offset), off_t(buffer.room.count), POSIX_FADV_DONTNEED)
        return try file.read(fromAbsoluteOffset: offset, into: buffer.room)
    }

    /// Transfers past the page cache; nil where the file system does not do that.
    private func direct(_ transfer: () throws -> Int) throws -> Int? {
        guard isDirect, hx_set_direct(file.rawValue, 1) == 0 else { return nil }
        defer { _ = hx_set_direct(file.rawValue, 0) }
        do {
            return try transfer()
        } catch Errno.invalidArgument {
            isDirect = false
            return nil
        }
    }

    var mismatch: OperatorError {
        OperatorError(
            "bundle-verify", doing: "verifying the bundle", subject: name,
            reason: "what the disk gives back is not what was written", advice: "check the disk, then run again",
            isTemporary: true)
    }
}
