internal import CLinux
internal import Glibc
internal import Support
internal import Synchronization
internal import SystemPackage

/// A bundle's file while it is written: hashed, written in large pieces, and every piece read back from the disk and compared with
/// what was written, while the next ones are still being made.
final class VerifiedFile: ByteSink {
    private static let pieceLength = 2 << 20
    /// One is filled, one is written, one is read back, one is spare.
    private static let pieceCount = 4

    private final class Piece: @unchecked Sendable {
        // Unchecked: see Block.
        let block = Block(capacity: VerifiedFile.pieceLength)
        var offset: Int64 = 0
    }

    private let disk: DiskFile
    private let pieces: OrderedJobs<Piece>
    private let reader: Stage
    private var current: Piece
    private var digest: Digest? = Digest(.sha256)
    private var size: Int64 = 0

    /// The file is written from other threads until ``finish()`` or ``cancel()`` has returned.
    init(_ file: AtomicFile) throws {
        let disk = DiskFile(file)
        let pieces = try OrderedJobs(jobs: (0..<Self.pieceCount).map { _ in Piece() }) { piece in
            try disk.write(piece.block.bytes, at: piece.offset)
        }
        (self.disk, self.pieces) = (disk, pieces)
        current = try pieces.take()
        reader = try Stage {
            do {
                let buffer = Block(capacity: Self.pieceLength)
                while let piece = try pieces.next() {
                    try disk.expect(piece.block.bytes, at: piece.offset, buffer)
                    pieces.recycle(piece)
                }
            } catch {
                pieces.abort(error)
                throw error
            }
        }
    }

    deinit { pieces.abort(OperatorError.cancelled(doing: "writing the bundle")) }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        digest?.update(bytes)
        var rest = bytes
        while !rest.isEmpty {
            let count = current.block.append(rest)
            size += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if current.block.room.isEmpty {
                pieces.submit(current)
                current = try pieces.take()
                current.block.count = 0
                current.offset = size
            }
        }
    }

    /// Returns when all is on the disk and was found there.
    func finish() throws -> (size: Int64, sha256: [UInt8]) {
        try pieces.settle()
        // The last one, which has no whole blocks.
        disk.usePageCache()
        pieces.submit(current)
        pieces.close()
        try reader.join()
        try disk.expect(size: size)
        let finished = digest.take()
        return (size, finished?.finish() ?? [])
    }

    /// Nothing is written any more when this returns.
    func cancel() {
        pieces.cancel(OperatorError.cancelled(doing: "writing the bundle"))
        // What it failed with stands behind the error that led here.
        try? reader.join()
    }
}

/// A file as the disk has it: written and read back past the page cache, which would only copy what nobody reads again. Where the
/// file system does not do that, it is told to write and then to forget. Several threads may use it at once.
private final class DiskFile: Sendable {
    private let file: FileDescriptor
    private let name: String
    /// Set for whole pieces: such transfers start at a block of the disk, have whole blocks, and go to or come from a page of memory.
    private let isDirect: Atomic<Bool>

    init(_ file: AtomicFile) {
        self.file = file.descriptor
        name = file.path.printable
        isDirect = Atomic(hx_set_direct(file.descriptor.rawValue, 1) == 0)
    }

    /// From now on transfers may have any place and length.
    func usePageCache() {
        isDirect.store(false, ordering: .sequentiallyConsistent)
        _ = hx_set_direct(file.rawValue, 0)
    }

    func write(_ piece: UnsafeRawBufferPointer, at offset: Int64) throws {
        var done = 0
        do {
            while done < piece.count {
                let rest = UnsafeRawBufferPointer(rebasing: piece[done...])
                done += try transfer { try file.write(toAbsoluteOffset: offset + Int64(done), rest) }
            }
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "writing", subject: name)
        }
        // A hint, so that the disk has the piece by the time it is read back.
        hx_start_writeback(file.rawValue, offset, Int64(piece.count))
    }

    /// Reads a piece back, into a buffer that it fits, and compares it.
    func expect(_ piece: UnsafeRawBufferPointer, at offset: Int64, _ buffer: Block) throws {
        buffer.count = 0
        do {
            if !isDirect.load(ordering: .sequentiallyConsistent) {
                guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
                posix_fadvise(file.rawValue, off_t(offset), off_t(piece.count), POSIX_FADV_DONTNEED)
            }
            while buffer.count < piece.count {
                let room = UnsafeMutableRawBufferPointer(rebasing: buffer.whole[buffer.count..<piece.count])
                let count = try transfer {
                    try file.read(fromAbsoluteOffset: offset + Int64(buffer.count), into: room)
                }
                guard count > 0 else { throw mismatch }
                buffer.count += count
            }
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "reading back", subject: name)
        }
        let isSame = piece.baseAddress.map { memcmp(buffer.base, $0, piece.count) == 0 } ?? true
        guard isSame else { throw mismatch }
    }

    /// Some file systems find out only now that they do no direct transfers, or none of this kind.
    private func transfer(_ body: () throws -> Int) throws -> Int {
        do {
            return try body()
        } catch Errno.invalidArgument {
            usePageCache()
            return try body()
        }
    }

    func expect(size: Int64) throws {
        guard try FileStatus(of: file).size == size else { throw mismatch }
    }

    private var mismatch: OperatorError {
        OperatorError(
            "bundle-verify", doing: "verifying the bundle", subject: name,
            reason: "what the disk gives back is not what was written", advice: "check the disk, then run again",
            isTemporary: true)
    }
}
