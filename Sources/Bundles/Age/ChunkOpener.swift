internal import Glibc
internal import Support

/// Opens a payload: reads ahead on a thread of its own, opens chunks on all cores, hands the plaintext on in order, and only what
/// is authentic. What follows the first bad chunk is never seen.
final class ChunkOpener: ByteSource {
    private let jobs: OrderedJobs<ChunkJob>
    private var current: ChunkJob?
    private var position = 0
    private var isAtEnd = false

    init(key: Secret, source: Transferred<any ByteSource>) throws {
        let jobs = try OrderedJobs(
            jobs: (0..<jobsInFlight).map { _ in ChunkJob(input: AgeChunk.sealedLength, output: AgeChunk.length) }
        ) { Self.open($0, key: key) }
        self.jobs = jobs
        _ = try Stage {
            do {
                try Self.readAhead(source.value, jobs)
                jobs.close()
            } catch {
                jobs.close(error)
            }
        }
    }

    deinit { jobs.abort(OperatorError.cancelled(doing: "decrypting")) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let rest = try peek() else { return 0 }
        let count = min(rest.count, buffer.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
        skip(count)
        return count
    }

    /// The plaintext at hand, not empty; nil at the end. It is valid until the next call.
    func peek() throws -> UnsafeRawBufferPointer? {
        while !isAtEnd {
            if let job = current {
                if position < job.output.count {
                    return UnsafeRawBufferPointer(rebasing: job.output.bytes[position...])
                }
                if let failure = job.failure {
                    jobs.abort(failure)
                    throw failure
                }
                current = nil
                jobs.recycle(job)
            }
            current = try jobs.next()
            position = 0
            isAtEnd = current == nil
        }
        return nil
    }

    func skip(_ count: Int) { position += count }

    private static func readAhead(_ source: any ByteSource, _ jobs: OrderedJobs<ChunkJob>) throws {
        var counter: UInt64 = 0
        var carried: UInt8?
        while true {
            let job = try jobs.take()
            job.input.count = 0
            if let carried {
                job.input.base.storeBytes(of: carried, as: UInt8.self)
                job.input.count = 1
            }
            job.input.count += try source.fill(job.input.room)
            carried = nil
            if job.input.count == job.input.capacity {
                // One byte more tells whether this job holds the last chunk.
                var next: UInt8 = 0
                if try withUnsafeMutableBytes(of: &next, { try source.fill($0) }) == 1 { carried = next }
            }
            job.counter = counter
            job.isEnd = carried == nil
            counter += UInt64(AgeChunk.perJob)
            let isEnd = job.isEnd
            jobs.submit(job)
            if isEnd { return }
        }
    }

    private static func open(_ job: ChunkJob, key: Secret) {
        job.output.count = 0
        job.failure = nil
        var start = 0
        repeat {
            let count = min(AgeChunk.sealedLength, job.input.count - start)
            let sealed = UnsafeRawBufferPointer(rebasing: job.input.bytes[start..<start + count])
            let counter = job.counter + UInt64(start / AgeChunk.sealedLength)
            start += count
            let isLast = job.isEnd && start == job.input.count
            func isOpened(asLast: Bool) -> Bool {
                AgeCipher.open(
                    sealed, into: job.output.base + job.output.count,
                    nonce: AgeChunk.nonce(counter, isLast: asLast), key: key)
            }
            if isOpened(asLast: isLast) {
                job.output.count += count - AgeCipher.tagLength
                if isLast, count == AgeCipher.tagLength, counter > 0 {
                    job.failure = AgeFailure.payload.error("its last chunk is empty, which no writer makes")
                }
            } else if count == AgeChunk.sealedLength, isOpened(asLast: !isLast) {
                // An authentic chunk in the wrong place: the file was cut after it, or something was added to it.
                job.output.count += AgeChunk.length
                job.failure = AgeFailure.payload.error(isLast ? "it is cut off" : "there is something after its end")
            } else {
                job.failure = AgeFailure.payload.error(
                    count < AgeCipher.tagLength ? "it is cut off" : "a chunk is damaged or not where it belongs")
            }
        } while job.failure == nil && start < job.input.count
    }
}
