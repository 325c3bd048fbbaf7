public import Support
internal import SystemPackage

/// What the repository's folder holds already.
public struct Baseline: Sendable {
    private let paths: PathList
    private let blobs: [ObjectID]

    public init() { self.init(paths: PathList(), blobs: []) }

    /// - Parameters:
    ///   - paths: sorted.
    ///   - blobs: the id of each path's content.
    public init(paths: PathList, blobs: [ObjectID]) {
        precondition(paths.count == blobs.count)
        self.paths = paths
        self.blobs = blobs
    }

    func blob(at path: [UInt8]) -> ObjectID? { paths.index(of: path).map { blobs[$0] } }

    /// Whether it holds that content at a path. `next` is where the path may be: just behind the one that was asked for before.
    fileprivate func holds(_ blob: ObjectID, at path: ArraySlice<UInt8>, _ next: inout Int) -> Bool {
        guard let index = paths.index(of: path, hint: next) else { return false }
        next = index + 1
        return blobs[index] == blob
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
        var next = 0
        for index in items.indices {
            let isHeld =
                switch memory.records[index] {
                case nil: false
                case .kept(let kept): baseline.holds(kept.blob, at: items.paths[index], &next)
                case .other(let record):
                    if case .stored(let stored) = record.outcome {
                        baseline.blob(at: stored.entry.path) == stored.blob
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
        let worthRemembering = StatCache.order(of: items.paths, options.fingerprintKey).filter { _, index in
            switch memory.records[index] {
            case nil: return false
            case .kept: break
            case .other(let record): if record.outcome == .vanished || record.changedWhileRead { return false }
            }
            return memory.isRemembered[index] || items.stamp(index).isSettled(at: started)
        }
        try StatCache.write(worthRemembering.count, to: cache, identity: identity) { place in
            let (key, index) = worthRemembering[place]
            guard let record = memory.records[index] else { throw StatCache.Damaged() }
            return (key, items.stamp(index), record)
        }
    }
}
