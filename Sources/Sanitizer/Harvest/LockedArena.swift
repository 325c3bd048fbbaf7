internal import CSodium
internal import Support

/// Secret bytes of many sizes in few allocations of locked, guarded memory that is left out of core dumps and wiped when freed.
///
/// `Secret` takes pages of its own for each value; a home can hold thousands. Filled by one thread, then only read.
final class LockedArena: @unchecked Sendable {
    private static let chunkSize = 1 << 16
    private var chunks: [UnsafeMutableRawPointer] = []
    private var room = 0
    private var next: UnsafeMutableRawPointer?

    deinit {
        for chunk in chunks { sodium_free(chunk) }
    }

    /// Copies bytes in; they stay where they are for the arena's lifetime.
    func add(_ bytes: some Collection<UInt8>) throws -> UnsafeRawBufferPointer {
        let count = bytes.count
        if count > room {
            sodiumReady()
            let size = max(LockedArena.chunkSize, count)
            guard let chunk = sodium_malloc(size) else {
                throw OperatorError(
                    "locked-memory", doing: "holding the home's secrets", reason: "no locked memory is left",
                    advice: "raise LimitMEMLOCK= in the unit (ulimit -l)")
            }
            chunks.append(chunk)
            next = chunk
            room = size
        }
        guard let start = next else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let copy = UnsafeMutableRawBufferPointer(start: start, count: count)
        copy.copyBytes(from: bytes)
        next = start + count
        room -= count
        return UnsafeRawBufferPointer(copy)
    }
}
