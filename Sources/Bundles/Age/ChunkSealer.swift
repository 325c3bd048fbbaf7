internal import Glibc
internal import Support

/// The shape of an age payload: chunks of 64 KiB, each sealed by itself.
enum AgeChunk {
    static let length = 65536
    static let sealedLength = length + AgeCipher.tagLength
    /// Chunks that one job seals or opens: 1 MiB.
    static let perJob = 16
    static let nonceLength = 16

    /// 11 bytes of big-endian counter and the mark of the last chunk. 2^64 chunks are more than any file has.
    static func nonce(_ counter: UInt64, isLast: Bool) -> [UInt8] {
        [0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: counter >> UInt64(56 - 8 * $0)) } + [isLast ? 1 : 0]
    }
}

/// Chunks on their way through one job of a sealer or an opener.
final class ChunkJob: @unchecked Sendable {
    // Unchecked: see Block.
    let input: Block
    let output: Block
    /// The number of the first chunk.
    var counter: UInt64 = 0
    /// Whether the payload ends with this job.
    var isEnd = false
    /// What is wrong with the chunk after those in the output.
    var failure: OperatorError?

    init(input: Int, output: Int) {
        self.input = Block(capacity: input * AgeChunk.perJob)
        self.output = Block(capacity: output * AgeChunk.perJob)
    }
}

/// Seals a payload on all cores and writes the chunks in order to a sink, which another thread calls.
final class ChunkSealer: ByteSink {
    private let jobs: OrderedJobs<ChunkJob>
    private let writer: Stage
    private var current: ChunkJob
    private var counter: UInt64 = 0

    init(key: Secret, sink: Transferred<any ByteSink>) throws {
        let jobs = try OrderedJobs(
            jobs: (0..<jobsInFlight).map { _ in ChunkJob(input: AgeChunk.length, output: AgeChunk.sealedLength) }
        ) { job in
            job.output.count = 0
            var start = 0
            repeat {
                let count = min(AgeChunk.length, job.input.count - start)
                let isLast = job.isEnd && start + count == job.input.count
                AgeCipher.seal(
                    UnsafeRawBufferPointer(rebasing: job.input.bytes[start..<start + count]),
                    into: job.output.base + job.output.count,
                    nonce: AgeChunk.nonce(job.counter + UInt64(start / AgeChunk.length), isLast: isLast), key: key)
                job.output.count += count + AgeCipher.tagLength
                start += count
            } while start < job.input.count
        }
        self.jobs = jobs
        current = try jobs.take()
        writer = try Stage {
            do {
                while let job = try jobs.next() {
                    try sink.value.write(job.output.bytes)
                    jobs.recycle(job)
                }
            } catch {
                jobs.abort(error)
                throw error
            }
        }
    }

    deinit { jobs.abort(OperatorError.cancelled(doing: "encrypting")) }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            // A full job is submitted only when more comes: the last one carries the mark of the end.
            if current.input.count == current.input.capacity { try submit(isEnd: false) }
            rest = UnsafeRawBufferPointer(rebasing: rest[current.input.append(rest)...])
        }
    }

    /// Seals what is left, and returns when the sink has it all.
    func finish() throws {
        current.counter = counter
        current.isEnd = true
        jobs.submit(current)
        jobs.close()
        try writer.join()
    }

    /// Nothing goes to the sink any more when this returns.
    func cancel() {
        jobs.abort(OperatorError.cancelled(doing: "encrypting"))
        // What it failed with stands behind the error that led here.
        try? writer.join()
    }

    private func submit(isEnd: Bool) throws {
        current.counter = counter
        current.isEnd = isEnd
        counter += UInt64(AgeChunk.perJob)
        jobs.submit(current)
        current = try jobs.take()
        current.input.count = 0
    }
}
