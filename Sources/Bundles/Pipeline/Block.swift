internal import CSodium
internal import Glibc

/// A buffer of fixed capacity that may hold plaintext: left out of core dumps, wiped when freed. It is too large to be locked
/// under the usual limits; keys are (see `Secret`).
final class Block: @unchecked Sendable {
    // Unchecked: a block belongs to one stage of a pipeline at a time, and `OrderedJobs` hands it on under a lock.
    let base: UnsafeMutableRawPointer
    let capacity: Int
    /// Bytes that it holds, from the start. Whoever fills it sets this.
    var count = 0 { didSet { used = max(used, count) } }
    /// So much was ever filled: the rest has no memory yet, and is not given any only to be wiped.
    private var used = 0

    init(capacity: Int) {
        self.capacity = capacity
        let page = 4096
        base = UnsafeMutableRawPointer.allocate(byteCount: (capacity + page - 1) / page * page, alignment: page)
        // A hint: where the kernel refuses, core dumps are off for the whole process anyway.
        _ = madvise(base, capacity, MADV_DONTDUMP)
    }

    deinit {
        sodium_memzero(base, used)
        base.deallocate()
    }

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
