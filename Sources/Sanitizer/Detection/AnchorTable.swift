internal import CSieve

/// Finds every occurrence of many short byte strings in a text, faster than an automaton can: each string is known by its rarest three
/// or four bytes, and the bytes at every place of a text are looked up in a set of those, without one look waiting for the last.
///
/// Letters A to Z and a to z are the same, unless an anchor says otherwise. The set, ``hx_sieve``, finds the few places at which an
/// anchor may stand; there, up to eight bytes of each anchor of the place's bucket are compared, and then what is left of it.
final class AnchorTable: @unchecked Sendable {
    struct Anchor: Sendable {
        var bytes: [UInt8]
        /// The bytes count as they stand.
        var isCaseSensitive = false
        /// No letter follows.
        var endsWord = false
        /// The bytes that may follow an anchor of two bytes; empty for any.
        var followers: [UInt8] = []
    }

    /// One anchor under one of its grams.
    private struct Entry {
        /// Up to eight bytes of the anchor from the gram on, and which of their bits a text must have.
        var value: UInt64
        var mask: UInt64
        var id: Int32
        /// Where the gram stands in the anchor.
        var offset: Int32
        var length: Int32
    }

    /// All that a scan reads, filled by the initializer. Plain addresses, which nothing has to retain for each hit.
    private struct Tables {
        var sieve: OpaquePointer
        var entries: UnsafeMutablePointer<Entry>
        /// The first of a bucket's entries; the next bucket's is their end.
        var buckets: UnsafeMutablePointer<Int32>
        /// The anchors' bytes, one after the other; where each begins; and what else there is to know of each.
        var bytes: UnsafeMutablePointer<UInt8>
        var starts: UnsafeMutablePointer<Int32>
        var flags: UnsafeMutablePointer<UInt8>
    }

    private let tables: Tables

    /// `rarity` tells how rare four bytes are in texts, which are folded: the higher, the rarer.
    init(_ anchors: [Anchor], rarity: (ArraySlice<UInt8>) -> Int) {
        guard let sieve = hx_sieve_make() else { fatalError("no memory for the detector's anchors") }
        var entries: [(bucket: Int, entry: Entry)] = []
        var flat: [UInt8] = []
        var firsts: [Int32] = [0]
        var marks: [UInt8] = []
        for (id, anchor) in anchors.enumerated() {
            let bytes = anchor.isCaseSensitive ? anchor.bytes : anchor.bytes.map(lowered)
            precondition(bytes.count >= 2, "an anchor is too short")
            func add(_ gram: some Sequence<UInt8>, foldedAt folded: Int? = nil, offset: Int, isFour: Bool) {
                var entry = Entry(value: 0, mask: 0, id: Int32(id), offset: Int32(offset), length: Int32(bytes.count))
                for (index, byte) in gram.prefix(8).enumerated() {
                    let isFolded = index == folded || (byte.isLetter && !anchor.isCaseSensitive)
                    let mask: UInt8 = isFolded ? 0xDF : 0xFF
                    entry.value |= UInt64(byte & mask) << UInt64(8 * index)
                    entry.mask |= UInt64(mask) << UInt64(8 * index)
                }
                let bucket = hx_sieve_add(sieve, entry.value, entry.mask, isFour ? 1 : 0)
                entries.append((Int(bucket), entry))
            }
            flat += bytes
            firsts.append(Int32(flat.count))
            marks.append((anchor.isCaseSensitive ? 1 : 0) | (anchor.endsWord ? 2 : 0))
            if bytes.count == 2 {
                // With each byte that may follow, folded.
                var nexts = Set(anchor.followers.map { $0 | 0x20 })
                if nexts.isEmpty { nexts = Set((UInt8(0)...255).map { $0 | 0x20 }) }
                for next in nexts.sorted() where !(anchor.endsWord && next.isLetter) {
                    add(bytes + [next], foldedAt: 2, offset: 0, isFour: false)
                }
            } else if bytes.count == 3 {
                add(bytes, offset: 0, isFour: false)
            } else {
                // The first of the rarest: the more of the anchor follows, the more is compared at once.
                let folded = bytes.map { $0 | 0x20 }
                var (best, highest) = (0, rarity(folded[..<4]))
                for place in 1..<max(1, bytes.count - 3) where highest < Int.max {
                    let rarity = rarity(folded[place..<place + 4])
                    if rarity > highest { (best, highest) = (place, rarity) }
                }
                add(bytes[best...], offset: best, isFour: true)
            }
        }
        let (ordered, buckets) = Self.byBucket(entries)
        tables = Tables(
            sieve: sieve, entries: copied(ordered), buckets: copied(buckets), bytes: copied(flat),
            starts: copied(firsts), flags: copied(marks))
    }

    /// The entries bucket by bucket, each bucket's in the order they came, and where each bucket begins.
    private static func byBucket(_ entries: [(bucket: Int, entry: Entry)]) -> ([Entry], [Int32]) {
        var starts = [Int32](repeating: 0, count: Int(HX_SIEVE_BUCKETS) + 1)
        for entry in entries { starts[entry.bucket + 1] += 1 }
        for bucket in 1..<starts.count { starts[bucket] += starts[bucket - 1] }
        let ordered = entries.indices.sorted { (entries[$0].bucket, $0) < (entries[$1].bucket, $1) }
        return (ordered.map { entries[$0].entry }, starts)
    }

    deinit {
        hx_sieve_free(tables.sieve)
        tables.entries.deallocate()
        tables.buckets.deallocate()
        tables.bytes.deallocate()
        tables.starts.deallocate()
        tables.flags.deallocate()
    }

    /// An anchor in a text.
    struct Hit {
        /// Its place in the list that the table was made of.
        var id: Int
        var start: Int
        var end: Int
    }

    /// Goes through a text, hit by hit; anchors that do not overlap come in the order of the text.
    ///
    /// A cursor rather than a closure: its state is plain numbers, which nothing has to retain for each hit.
    struct Cursor: ~Copyable {
        /// Bytes that are sieved at once.
        private static let blockLength = Int(HX_SIEVE_BLOCK)

        private let table: AnchorTable
        private let tables: Tables
        private let text: ByteText
        /// What the sieve found in the block under way, which begins at `block`.
        private let finds: UnsafeMutablePointer<hx_find>
        private var block = 0
        private var count = 0
        private var used = 0
        /// The next place that has not been sieved.
        private var index = 0
        /// What is left of a bucket's entries, and the bytes at the place they are for.
        private var entry: Int32 = 0
        private var entryEnd: Int32 = 0
        private var word: UInt64 = 0
        private var place = 0

        fileprivate init(_ table: AnchorTable, _ text: ByteText) {
            self.table = table
            tables = table.tables
            self.text = text
            finds = .allocate(capacity: Int(HX_SIEVE_ROOM))
        }

        deinit { finds.deallocate() }

        mutating func next() -> Hit? {
            let tables = tables
            while true {
                while entry < entryEnd {
                    let found = tables.entries[Int(entry)]
                    entry &+= 1
                    guard word & found.mask == found.value else { continue }
                    let start = place &- Int(found.offset)
                    let end = start &+ Int(found.length)
                    if matches(found, start, end) { return Hit(id: Int(found.id), start: start, end: end) }
                }
                if used < count {
                    let find = finds[used]
                    used &+= 1
                    place = block &+ Int(find.offset)
                    word = text.eightBytes(at: place)
                    entry = tables.buckets[Int(find.bucket)]
                    entryEnd = tables.buckets[Int(find.bucket) &+ 1]
                } else if index < text.count {
                    block = index
                    let length = min(Self.blockLength, text.count &- block)
                    count = hx_sieve_places(tables.sieve, text.base + block, text.count &- block, length, finds)
                    index = block &+ length
                    used = 0
                } else {
                    return nil
                }
            }
        }

        /// Whether the whole anchor stands there, if the eight bytes from its gram on do.
        @inline(__always) private func matches(_ entry: Entry, _ start: Int, _ end: Int) -> Bool {
            let flags = tables.flags[Int(entry.id)]
            guard start >= 0, end <= text.count, flags & 2 == 0 || !text[end].isLetter else { return false }
            let compared = Int(entry.offset)..<min(Int(entry.offset) &+ 8, Int(entry.length))
            return matches(entry, start, 0..<compared.lowerBound)
                && matches(entry, start, compared.upperBound..<Int(entry.length))
        }

        /// Whether some of the anchor's bytes stand where they must if it begins at `start`.
        @inline(__always) private func matches(_ entry: Entry, _ start: Int, _ part: Range<Int>) -> Bool {
            let wanted = tables.bytes + Int(tables.starts[Int(entry.id)])
            let isFolded = tables.flags[Int(entry.id)] & 1 == 0
            for offset in part {
                let byte = text.base[start &+ offset]
                if (isFolded ? lowered(byte) : byte) != wanted[offset] { return false }
            }
            return true
        }
    }

    func hits(in text: ByteText) -> Cursor { Cursor(self, text) }
}

/// The elements in memory of their own, which whoever asked for it frees.
private func copied<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
    let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
    pointer.initialize(from: elements, count: elements.count)
    return pointer
}
