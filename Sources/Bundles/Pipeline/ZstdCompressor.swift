internal import CZstd
internal import Support

/// Compresses on all cores: the input is cut into pieces, each becomes a zstd frame (RFC 8878) with its length and checksum.
/// Frames one after another are one zstd stream to every reader.
final class ZstdCompressor: ByteSink {
    /// Twice the window of level 3: what a cold start costs is under a hundredth of the size.
    static let pieceLength = 4 << 20

    private final class Job: @unchecked Sendable {
        // Unchecked: see Block.
        let input = Block(capacity: ZstdCompressor.pieceLength)
        let output = Block(capacity: ZSTD_compressBound(ZstdCompressor.pieceLength))
        let context: OpaquePointer

        init(_ level: Int32) throws {
            guard let context = ZSTD_createCCtx() else { throw Zstd.failure("no memory") }
            self.context = context
            try Zstd.check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))
            try Zstd.check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
        }

        deinit { ZSTD_freeCCtx(context) }
    }

    private let jobs: OrderedJobs<Job>
    private let mover: Stage
    private var current: Job
    private var isEmpty = true

    /// `sink` is called from another thread until ``finish()`` has returned.
    init(level: Int, sink: Transferred<any ByteSink>) throws {
        let jobs = try OrderedJobs(jobs: try (0..<jobsInFlight).map { _ in try Job(Int32(level)) }) { job in
            job.output.count = try Zstd.check(
                ZSTD_compress2(
                    job.context, job.output.base, job.output.capacity, job.input.base, job.input.count))
        }
        self.jobs = jobs
        current = try jobs.take()
        mover = try Stage {
            do {
                while let job = try jobs.next() {
                    try sink.value.write(job.output.bytes)
                    job.input.count = 0
                    jobs.recycle(job)
                }
            } catch {
                jobs.abort(error)
                throw error
            }
        }
    }

    deinit { jobs.abort(OperatorError.cancelled(doing: "compressing")) }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            rest = UnsafeRawBufferPointer(rebasing: rest[current.input.append(rest)...])
            if current.input.count == current.input.capacity {
                jobs.submit(current)
                isEmpty = false
                current = try jobs.take()
            }
        }
    }

    /// Nothing goes to the sink any more when this returns.
    func cancel() {
        jobs.abort(OperatorError.cancelled(doing: "compressing"))
        // What it failed with stands behind the error that led here.
        try? mover.join()
    }

    /// Compresses what is left, and returns when the sink has it all.
    func finish() throws {
        if isEmpty || current.input.count > 0 { jobs.submit(current) }
        jobs.close()
        try mover.join()
    }
}

/// libzstd's return codes.
enum Zstd {
    @discardableResult
    static func check(_ result: Int) throws -> Int {
        guard ZSTD_isError(result) == 0 else { throw failure(String(cString: ZSTD_getErrorName(result))) }
        return result
    }

    static func failure(_ reason: String) -> OperatorError {
        OperatorError("zstd", doing: "compressing", reason: reason)
    }
}
