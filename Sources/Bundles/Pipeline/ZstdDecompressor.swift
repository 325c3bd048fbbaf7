internal import CZstd
internal import Support

/// Decompresses a zstd stream on a thread of its own, ahead of its reader.
final class ZstdDecompressor: ByteSource {
    /// The largest window that is accepted, as a power of two: 128 MiB, what the zstd command accepts too.
    private static let windowLog: Int32 = 27
    private static let blockLength = 1 << 20

    private let jobs: OrderedJobs<Block>
    private var current: Block?
    private var position = 0
    private var isAtEnd = false

    /// `limit`: the most that may come out; more is an error, so that a small file cannot fill the disk.
    init(_ source: Transferred<AgeDecryptor>, limit: Int64) throws {
        let jobs = try OrderedJobs(jobs: (0..<6).map { _ in Block(capacity: Self.blockLength) })
        self.jobs = jobs
        _ = try Stage {
            do {
                try Self.decompress(source.value, into: jobs, limit: limit)
                jobs.close()
            } catch {
                jobs.close(error)
            }
        }
    }

    deinit { jobs.abort(OperatorError.cancelled(doing: "decompressing")) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let rest = try peek() else { return 0 }
        let count = min(rest.count, buffer.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
        skip(count)
        return count
    }

    /// The bytes at hand, not empty; nil at the end. They are valid until the next call.
    func peek() throws -> UnsafeRawBufferPointer? {
        while !isAtEnd {
            if let block = current {
                if position < block.count { return UnsafeRawBufferPointer(rebasing: block.bytes[position...]) }
                current = nil
                jobs.recycle(block)
            }
            current = try jobs.next()
            position = 0
            isAtEnd = current == nil
        }
        return nil
    }

    func skip(_ count: Int) { position += count }

    private static func decompress(_ source: AgeDecryptor, into jobs: OrderedJobs<Block>, limit: Int64) throws {
        guard let context = ZSTD_createDCtx() else { throw Zstd.failure("no memory") }
        defer { ZSTD_freeDCtx(context) }
        try Zstd.check(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLog))
        var total: Int64 = 0
        var isInFrame = true
        var block = try jobs.take()
        block.count = 0
        func pass() throws {
            total += Int64(block.count)
            guard total <= limit else { throw BundleDamage.error("it holds more than \(limit) bytes") }
            jobs.submit(block)
            block = try jobs.take()
            block.count = 0
        }
        while let bytes = try source.peek() {
            var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            // A full block may leave bytes of the frame inside the context. After the frame's end nothing waits there, and the
            // call would begin another frame.
            while input.pos < input.size || isInFrame && block.count == block.capacity {
                if block.count == block.capacity { try pass() }
                var output = ZSTD_outBuffer(dst: block.base, size: block.capacity, pos: block.count)
                let rest = ZSTD_decompressStream(context, &output, &input)
                guard ZSTD_isError(rest) == 0 else {
                    throw BundleDamage.error("its compression is damaged (\(String(cString: ZSTD_getErrorName(rest))))")
                }
                block.count = output.pos
                isInFrame = rest != 0
            }
            source.skip(bytes.count)
        }
        guard !isInFrame else { throw BundleDamage.error("its compressed data ends too early") }
        if block.count > 0 { try pass() }
    }
}
