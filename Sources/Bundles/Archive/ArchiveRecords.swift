internal import Support

/// What an archive held, for the comparison with its manifest: about a hundred bytes for each entry, so that memory stays small however
/// many there are.
struct ArchiveRecords {
    struct Record {
        var modified: Int128
        var size: Int64
        /// Of a file: its number in the lanes, for its digest.
        var number: Int32
        var permissions: UInt16
        var kind: TarEntry.Kind
        /// Whether the manifest named it.
        var isListed = false
    }

    /// Half of a path's SHA-256: nobody can make two paths with the same one.
    private struct Key: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ path: some Sequence<UInt8>) {
            let sum = Digest.of(Array(path), .sha256)
            func word(_ range: Range<Int>) -> UInt64 { sum[range].reduce(0) { $0 << 8 | UInt64($1) } }
            (high, low) = (word(0..<8), word(8..<16))
        }
    }

    private var places: [Key: Int32] = [:]
    private var records: [Record] = []
    private var targets: [Int: [UInt8]] = [:]
    /// The folder that the last entry was in: mostly the next one is in it too.
    private var folder: ArraySlice<UInt8>?
    private(set) var unlisted = 0

    /// `path`: relative to the folder INSTANCE. Says why there can be no such entry; nil if it was added.
    mutating func add(_ path: ArraySlice<UInt8>, _ entry: TarEntry, number: Int) -> String? {
        let parent = path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
        if !parent.isEmpty, parent != folder {
            guard self[parent]?.kind == .directory else { return "is in no folder of the bundle" }
            folder = parent
        }
        let place = Int32(records.count)
        guard places.updateValue(place, forKey: Key(path)) == nil else { return "is there twice" }
        records.append(
            Record(
                modified: entry.modified, size: entry.size, number: Int32(number),
                permissions: UInt16(entry.permissions), kind: entry.kind))
        if entry.kind == .symlink { targets[Int(place)] = entry.target }
        unlisted += 1
        return nil
    }

    subscript(path: some Sequence<UInt8>) -> Record? { places[Key(path)].map { records[Int($0)] } }

    /// The record of an entry that the manifest names, and a symlink's text. Nil: there is none, or it was named before.
    mutating func list(_ path: BundlePath) -> (record: Record, target: [UInt8])? {
        guard let place = places[Key(path.bytes)].map(Int.init), !records[place].isListed else { return nil }
        records[place].isListed = true
        unlisted -= 1
        return (records[place], targets[place] ?? [])
    }
}
