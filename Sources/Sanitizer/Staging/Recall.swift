public import Support
internal import SystemPackage

/// What the repository's folder holds already: a word for each path with its content.
///
/// The words are hashes under a seed of this process. Should two fall together, which happens to a million files less than once in ten
/// million runs, then the commit finds that it lacks content, and fails.
public struct Baseline: Sendable {
    private var words: [Int] = []

    /// Nothing.
    public init() {}

    /// - Parameter blobs: the id of each path's content.
    public init(paths: PathList, blobs: [ObjectID]) {
        precondition(paths.count == blobs.count)
        words = paths.indices.map { Baseline.word(blobs[$0], paths[$0]) }
        words.sort()
    }

    /// Whether it holds that content at a path.
    func holds(_ blob: ObjectID, at path: ArraySlice<UInt8>) -> Bool {
        let word = Baseline.word(blob, path)
        var (low, high) = (0, words.count)
        while low < high {
            let middle = (low + high) / 2
            if words[middle] < word { low = middle + 1 } else { high = middle }
        }
        return low < words.count && words[low] == word
    }

    private static func word(_ blob: ObjectID, _ path: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        hasher.combine(blob)
        path.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}

/// From the stat cache to the records of a run, and back.
extension Sanitizer {
    struct Memory {
        let records: FileRecords
        /// For each file, whether its record comes from the cache. Content that is stored then is what the baseline holds.
        var isRemembered: [Bool]
        /// How many records the cache has.
        var count = 0
    }

    func recall(_ items: HomeItems, from cache: FilePath?, identity: [UInt8], _ baseline: Baseline) -> Memory {
        let nothing = Memory(
            records: FileRecords(count: items.count), isRemembered: Array(repeating: false, count: items.count))
        guard let cache, (try? FileStatus(at: cache)) != nil else { return nothing }
        var memory = nothing
        let order = StatCache.order(of: items.paths, options.fingerprintKey)
        var place = 0
        let count = StatCache.read(cache, identity: identity) { key, stamp, record in
            while place < order.count, order[place].key < key { place += 1 }
            guard place < order.count, order[place].key == key, items.stamp(order[place].index) == stamp else { return }
            memory.records[order[place].index] = record
        }
        guard let count else {
            return Memory(records: FileRecords(count: items.count), isRemembered: nothing.isRemembered)
        }
        memory.count = count
        for index in items.indices {
            let isHeld =
                switch memory.records[index] {
                case nil: false
                case .excluded: true
                case .kept(let kept): baseline.holds(kept.blob, at: items.paths[index])
                case .other(let record):
                    if case .stored(let stored) = record.outcome {
                        baseline.holds(stored.blob, at: stored.entry.path[...])
                    } else {
                        true
                    }
                }
            memory.isRemembered[index] = isHeld
            if !isHeld { memory.records[index] = nil }
        }
        return memory
    }

    func remember(
        _ items: HomeItems, _ memory: Memory, in cache: FilePath, identity: [UInt8], since started: Int64
    ) throws {
        var worthRemembering = StatCache.order(of: items.paths, options.fingerprintKey)
        worthRemembering.removeAll { _, index in
            switch memory.records[index] {
            case nil: return true
            case .kept, .excluded: break
            case .other(let record): if record.outcome == .vanished || record.changedWhileRead { return true }
            }
            return !memory.isRemembered[index] && !items.stamp(index).isSettled(at: started)
        }
        try StatCache.write(worthRemembering.count, to: cache, identity: identity) { place in
            let (key, index) = worthRemembering[place]
            guard let record = memory.records[index] else { throw StatCache.Damaged() }
            return (key, items.stamp(index), record)
        }
    }
}
