internal import Glibc

/// A buffer of fixed capacity that may hold plaintext: left out of core dumps, and given back to the kernel when freed, which hands
/// its memory to nobody before it is wiped (mmap(2)). It is too large to be locked under the usual limits; keys are (see `Secret`).
final class Block: @unchecked Sendable {
    // Unchecked: a block belongs to one stage of a pipeline at a time, and `OrderedJobs` hands it on under a lock.
    let base: UnsafeMutableRawPointer
    let capacity: Int
    /// Bytes that it holds, from the start. Whoever fills it sets this.
    var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        let start = mmap(nil, max(1, capacity), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let start, start != MAP_FAILED else { fatalError("no memory for a buffer of \(capacity) bytes") }
        base = start
        // A hint: where the kernel refuses, core dumps are off for the whole process anyway.
        _ = madvise(base, capacity, MADV_DONTDUMP)
    }

    deinit { munmap(base, max(1, capacity)) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
    /// All of it, whatever it holds.
    var whole: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: base, count: capacity) }
    var room: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count)
    }

    /// Appends as much as fits; returns how much that was.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken = min(bytes.count, capacity - count)
        if taken > 0, let source = bytes.baseAddress { memcpy(base + count, source, taken) }
        count += taken
        return taken
    }
}
