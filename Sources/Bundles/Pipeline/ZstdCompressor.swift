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
        var inspections: [(bytes: Range<Int>, body: Inspection)] = []
        /// Those that are to be called in order, of all jobs.
        var orderedInspections: [(bytes: Range<Int>, body: Inspection)] = []
        let frame: ZstdFrame
        var search = ZstdFrame.Search.ofLevel

        init(_ level: Int) throws { frame = try ZstdFrame(level: level) }

        /// Nothing was put into it, not even a body for no bytes.
        var isEmpty: Bool { input.count == 0 && inspections.isEmpty && orderedInspections.isEmpty }

        func inspect(_ inspections: inout [(bytes: Range<Int>, body: Inspection)]) {
            for (range, body) in inspections { body(UnsafeRawBufferPointer(rebasing: input.bytes[range])) }
            inspections.removeAll(keepingCapacity: true)
        }
    }

    private let jobs: OrderedJobs<Job>
    private let mover: Stage
    private let choice: SearchChoice
    private var current: Job
    private var isEmpty = true

    /// `sink` is called from another thread until ``finish()`` has returned.
    init(level: Int, sink: Transferred<any ByteSink>) throws {
        let jobs = try OrderedJobs(jobs: try (0..<jobsInFlight).map { _ in try Job(level) }) { job in
            job.inspect(&job.inspections)
            job.output.count = try job.frame.compress(job.input.bytes, into: job.output.whole, job.search)
        }
        self.jobs = jobs
        choice = try SearchChoice(level: level)
        current = try jobs.take()
        mover = try Stage {
            do {
                while let job = try jobs.next() {
                    job.inspect(&job.orderedInspections)
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
            if current.input.room.isEmpty { try next() }
        }
    }

    /// Bytes that fit a piece are looked at by the thread that compresses them.
    func write(_ bytes: UnsafeRawBufferPointer, inspecting body: @escaping Inspection) throws {
        guard bytes.count <= current.input.capacity else {
            try write(bytes)
            return body(bytes)
        }
        if bytes.count > current.input.room.count { try next() }
        let start = current.input.count
        _ = current.input.append(bytes)
        current.inspections.append((start..<current.input.count, body))
        if current.input.room.isEmpty { try next() }
    }

    func fill(
        upTo limit: Int, from read: (UnsafeMutableRawBufferPointer) throws -> Int,
        inspecting body: @escaping Inspection
    ) throws -> Int {
        let start = current.input.count
        let count = try read(UnsafeMutableRawBufferPointer(rebasing: current.input.room.prefix(limit)))
        current.input.count += count
        current.orderedInspections.append((start..<start + count, body))
        if current.input.room.isEmpty { try next() }
        return count
    }

    func settle() throws {
        if !current.isEmpty { try next() }
        try jobs.settle()
    }

    private func next() throws {
        try submit()
        current = try jobs.take()
    }

    private func submit() throws {
        current.search = try choice.search(for: current.input.bytes)
        jobs.submit(current)
        isEmpty = false
    }

    /// Nothing goes to the sink any more when this returns.
    func cancel() {
        jobs.abort(OperatorError.cancelled(doing: "compressing"))
        // What it failed with stands behind the error that led here.
        try? mover.join()
    }

    /// Compresses what is left, and returns when the sink has it all.
    func finish() throws {
        if isEmpty || !current.isEmpty { try submit() }
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
