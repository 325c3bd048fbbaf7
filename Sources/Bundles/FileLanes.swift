internal import Support
internal import SystemPackage

/// Hashes the files of a bundle, and writes them where there is an extractor, on several threads: making a file costs the kernel
/// more than anything else that happens to it. Files of one folder stay on one thread, because the kernel makes them one at a time.
///
/// ``begin(_:)``, ``data(_:at:)`` and ``end()`` are called by one thread, entry by entry.
final class FileLanes: @unchecked Sendable {
    // Unchecked: `free`, `queues`, `running`, `stop`, `isClosed` and `digests` are touched under the monitor alone; the rest belongs
    // to the calling thread.

    /// Work for a lane: the bytes of many small files, or of a part of a large one.
    private final class Batch {
        enum Step {
            case begin(TarEntry)
            case data(offset: Int64, range: Range<Int>)
            case end(number: Int)
        }

        static let length = 1 << 20
        static let stepLimit = 1024
        let block = Block(capacity: length)
        var steps: [Step] = []
        var isFull: Bool { block.count == block.capacity || steps.count >= Self.stepLimit }
    }

    private let monitor = Monitor()
    private var free: [Batch]
    private var queues: [[Batch]]
    private var running: Int
    private var stop: (any Error)?
    private var isClosed = false
    /// 32 bytes for each file, in the order of their numbers.
    private var digests: [UInt8] = []

    private let extractor: Extractor?
    private let cancellation: CancellationFlag
    private let zeros = [UInt8](repeating: 0, count: 1 << 18)
    private var open: [Batch?]
    private var lane = 0
    private var folder: ArraySlice<UInt8>?
    private let batchCount: Int
    /// Of the next file that begins.
    private(set) var number = 0

    init(_ extractor: Extractor?, _ cancellation: CancellationFlag) throws {
        self.extractor = extractor
        self.cancellation = cancellation
        let count = min(4, max(2, coreCount))
        batchCount = 4 * count + 4
        free = (0..<batchCount).map { _ in Batch() }
        queues = Array(repeating: [], count: count)
        open = Array(repeating: nil, count: count)
        running = 0
        for lane in 0..<count {
            do {
                monitor.locked { running += 1 }
                try startThread { [self] in run(lane) }
            } catch {
                monitor.locked { running -= 1 }
                cancel(error)
                throw error
            }
        }
    }

    /// Starts a file, which gets the next ``number``.
    func begin(_ entry: TarEntry) throws {
        let parent = entry.path[..<(entry.path.lastIndex(of: UInt8(ascii: "/")) ?? 0)]
        if parent != folder {
            folder = parent
            lane = monitor.locked { queues.indices.min { queues[$0].count < queues[$1].count } ?? 0 }
        }
        try append(.begin(entry))
    }

    func data(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var rest = bytes
        var offset = offset
        while !rest.isEmpty {
            let batch = try batch()
            let start = batch.block.count
            let count = batch.block.append(rest)
            batch.steps.append(.data(offset: offset, range: start..<start + count))
            submitIfFull(batch)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            offset += Int64(count)
        }
    }

    func end() throws {
        try append(.end(number: number))
        number += 1
    }

    /// Returns when every file that was ended is finished.
    func settle() throws {
        submitAll()
        try monitor.locked {
            while free.count < batchCount, stop == nil { monitor.wait() }
            if let stop { throw stop }
        }
    }

    /// The SHA-256 of a file that is finished.
    func sha256(_ number: Int) -> [UInt8] { monitor.locked { Array(digests[number * 32..<number * 32 + 32]) } }

    /// Returns when all files are finished and no thread is left.
    func finish() throws {
        submitAll()
        try monitor.locked {
            isClosed = true
            monitor.wakeAll()
            while running > 0 { monitor.wait() }
            if let stop { throw stop }
        }
    }

    /// Nothing is written any more when this returns.
    func cancel(_ error: any Error) {
        monitor.locked {
            if stop == nil { stop = error }
            monitor.wakeAll()
            while running > 0 { monitor.wait() }
        }
    }

    // MARK: - The calling thread

    private func append(_ step: Batch.Step) throws {
        let batch = try batch()
        batch.steps.append(step)
        submitIfFull(batch)
    }

    /// The lane's batch, with room.
    private func batch() throws -> Batch {
        if let batch = open[lane] { return batch }
        let batch: Batch = try monitor.locked {
            while true {
                if let stop { throw stop }
                if let batch = free.popLast() { return batch }
                monitor.wait()
            }
        }
        batch.block.count = 0
        batch.steps.removeAll(keepingCapacity: true)
        open[lane] = batch
        return batch
    }

    private func submitAll() {
        for lane in open.indices {
            guard let batch = open[lane].take() else { continue }
            monitor.locked {
                queues[lane].append(batch)
                monitor.wakeAll()
            }
        }
    }

    private func submitIfFull(_ batch: Batch) {
        guard batch.isFull else { return }
        open[lane] = nil
        monitor.locked {
            queues[lane].append(batch)
            monitor.wakeAll()
        }
    }

    // MARK: - The lanes

    /// A file on its way.
    private final class Current {
        let entry: TarEntry
        let file: FileDescriptor?
        var digest: Digest? = Digest(.sha256)
        var position: Int64 = 0

        init(_ entry: TarEntry, _ file: FileDescriptor?) {
            self.entry = entry
            self.file = file
        }

        deinit { file?.closeQuietly() }
    }

    private func run(_ lane: Int) {
        var current: Current?
        var finished: [(number: Int, sha256: [UInt8])] = []
        var failure: (any Error)?
        while failure == nil, let batch = next(lane) {
            failure = Result { for step in batch.steps { try take(step, batch.block, &current, &finished) } }.failure
            monitor.locked {
                for (number, sha256) in finished {
                    let missing = (number + 1) * sha256.count - digests.count
                    if missing > 0 { digests += repeatElement(0, count: missing) }
                    digests.replaceSubrange(number * sha256.count..<(number + 1) * sha256.count, with: sha256)
                }
                free.append(batch)
                if stop == nil { stop = failure }
                monitor.wakeAll()
            }
            finished.removeAll(keepingCapacity: true)
        }
        current = nil
        monitor.locked {
            running -= 1
            monitor.wakeAll()
        }
    }

    private func next(_ lane: Int) -> Batch? {
        monitor.locked {
            while stop == nil, queues[lane].isEmpty, !isClosed { monitor.wait() }
            return stop != nil || queues[lane].isEmpty ? nil : queues[lane].removeFirst()
        }
    }

    private func take(
        _ step: Batch.Step, _ block: Block, _ current: inout Current?,
        _ finished: inout [(number: Int, sha256: [UInt8])]
    ) throws {
        switch step {
        case .begin(let entry):
            current = Current(entry, try extractor?.create(entry))
        case .data(let offset, let range):
            guard let current else { return }
            let bytes = UnsafeRawBufferPointer(rebasing: block.bytes[range])
            try hashZeros(current, to: offset)
            current.digest?.update(bytes)
            current.position += Int64(bytes.count)
            if let file = current.file { try extractor?.write(bytes, to: file, at: offset) }
        case .end(let number):
            guard let ended = current.take() else { return }
            try hashZeros(ended, to: ended.entry.size)
            if let file = ended.file { try extractor?.finish(file, ended.entry) }
            let digest = ended.digest.take()
            if let sum = digest?.finish() { finished.append((number, sum)) }
        }
    }

    /// The holes of a sparse file are zeros.
    private func hashZeros(_ current: Current, to end: Int64) throws {
        while current.position < end {
            if let stop = monitor.locked({ stop }) { throw stop }
            // A few bytes of a bundle can stand for hours of zeros.
            try cancellation.check()
            let count = Int(min(end - current.position, Int64(zeros.count)))
            current.digest?.update(zeros[..<count])
            current.position += Int64(count)
        }
    }
}
