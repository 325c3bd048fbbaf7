internal import CSieve

/// Finds every occurrence of many short byte strings in a text, faster than an automaton can: each string is known by its rarest three
/// or four bytes, and the bytes at every place of a text are looked up in a set of those, without one look waiting for the last.
///
/// Letters A to Z and a to z are the same, unless an anchor says otherwise. The set stays in the first-level cache. What it lets
/// pass, wrongly in places since it holds hashes, is compared with up to eight bytes of the anchors of its hash, and then with each
/// whole anchor. Set and comparison write down every place and count only those that pass: a processor that had to guess which do
/// would be wrong too often.
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
        /// Up to eight bytes of the anchor from the gram on, folded, and which of them there are.
        var value: UInt64
        var mask: UInt64
        var id: Int32
        /// Where the gram stands in the anchor.
        var offset: Int32
        var length: Int32
    }

    /// The entries by a hash of their grams. Plain addresses, which nothing has to retain for each hit.
    private struct Buckets {
        /// The front, up to eight bytes, that all of a hash's entries share, as the highest bytes; 0, which no text has there, if there
        /// are no entries.
        var fronts: UnsafeMutablePointer<UInt64>
        /// What brings a text's eight bytes into the same place.
        var shifts: UnsafeMutablePointer<UInt8>
        /// The first of a hash's entries; the next hash's is their end.
        var starts: UnsafeMutablePointer<Int32>

        /// Adds the entries to `list`.
        init(_ groups: [[Entry]], _ list: inout [Entry]) {
            var fronts: [UInt64] = []
            var shifts: [UInt8] = []
            var starts = [Int32(list.count)]
            for group in groups {
                // Entries with nothing in common: every text passes, shifted out whole.
                let length =
                    group.map { min($0.mask.nonzeroBitCount, (group[0].value ^ $0.value).trailingZeroBitCount) / 8 * 8 }
                    .min() ?? 64
                fronts.append(group.isEmpty ? 0 : (group[0].value << UInt64(64 - length)))
                shifts.append(UInt8(64 - length))
                list += group
                starts.append(Int32(list.count))
            }
            self.fronts = copied(fronts)
            self.shifts = copied(shifts)
            self.starts = copied(starts)
        }

        /// 1 if the eight bytes at a place may begin one of a hash's entries.
        @inline(__always) func admit(_ word: UInt64, _ hash: Int) -> UInt16 {
            word << UInt64(shifts[hash]) == fronts[hash] ? 1 : 0
        }

        func deallocate() {
            fronts.deallocate()
            shifts.deallocate()
            starts.deallocate()
        }
    }

    /// All that a scan reads, filled by the initializer.
    private struct Tables {
        var sieve: OpaquePointer
        var threes: Buckets
        var fours: Buckets
        var entries: UnsafeMutablePointer<Entry>
        /// The anchors' bytes, one after the other; where each begins; and what else there is to know of each.
        var bytes: UnsafeMutablePointer<UInt8>
        var starts: UnsafeMutablePointer<Int32>
        var flags: UnsafeMutablePointer<UInt8>
    }

    private let tables: Tables

    private static let threeBits = 11
    private static let fourBits = 13
    /// Every byte's bit of the lower case.
    private static let folded: UInt64 = 0x2020_2020_2020_2020

    /// `rarity` tells how rare four bytes are in texts, which are folded: the higher, the rarer.
    init(_ anchors: [Anchor], rarity: (ArraySlice<UInt8>) -> Int) {
        var threes: [[Entry]] = Array(repeating: [], count: 1 << Self.threeBits)
        var fours: [[Entry]] = Array(repeating: [], count: 1 << Self.fourBits)
        guard let sieve = hx_sieve_make() else { fatalError("no memory for the detector's anchors") }
        var flat: [UInt8] = []
        var firsts: [Int32] = [0]
        var marks: [UInt8] = []
        for (id, anchor) in anchors.enumerated() {
            let bytes = anchor.isCaseSensitive ? anchor.bytes : anchor.bytes.map(lowered)
            let folded = anchor.bytes.map { $0 | 0x20 }
            precondition(bytes.count >= 2, "an anchor is too short")
            func add(_ gram: some Sequence<UInt8>, offset: Int, isFour: Bool) {
                var entry = Entry(
                    value: 0, mask: 0, id: Int32(id), offset: Int32(offset), length: Int32(bytes.count))
                for (index, byte) in gram.prefix(8).enumerated() {
                    entry.value |= UInt64(byte) << UInt64(8 * index)
                    entry.mask |= 0xFF << UInt64(8 * index)
                }
                hx_sieve_add(sieve, UInt32(truncatingIfNeeded: entry.value), isFour ? 1 : 0)
                if isFour {
                    fours[Self.fourHash(entry.value)].append(entry)
                } else {
                    threes[Self.threeHash(entry.value)].append(entry)
                }
            }
            flat += bytes
            firsts.append(Int32(flat.count))
            marks.append((anchor.isCaseSensitive ? 1 : 0) | (anchor.endsWord ? 2 : 0))
            if bytes.count == 2 {
                // With each byte that may follow, folded.
                var nexts = Set(anchor.followers.map { $0 | 0x20 })
                if nexts.isEmpty { nexts = Set((UInt8(0)...255).map { $0 | 0x20 }) }
                for next in nexts.sorted() where !(anchor.endsWord && next.isLetter) {
                    add(folded + [next], offset: 0, isFour: false)
                }
            } else if bytes.count == 3 {
                add(folded, offset: 0, isFour: false)
            } else {
                // The first of the rarest: the more of the anchor follows, the more is compared at once.
                let best =
                    (0...(bytes.count - 4)).max {
                        (rarity(folded[$0..<$0 + 4]), $1) < (rarity(folded[$1..<$1 + 4]), $0)
                    } ?? 0
                add(folded[best...], offset: best, isFour: true)
            }
        }
        var list: [Entry] = []
        tables = Tables(
            sieve: sieve, threes: Buckets(threes, &list), fours: Buckets(fours, &list), entries: copied(list),
            bytes: copied(flat), starts: copied(firsts), flags: copied(marks))
    }

    deinit {
        hx_sieve_free(tables.sieve)
        tables.threes.deallocate()
        tables.fours.deallocate()
        tables.entries.deallocate()
        tables.bytes.deallocate()
        tables.starts.deallocate()
        tables.flags.deallocate()
    }

    @inline(__always) private static func fourHash(_ word: UInt64) -> Int {
        hash(UInt32(truncatingIfNeeded: word), fourBits)
    }

    @inline(__always) private static func threeHash(_ word: UInt64) -> Int {
        hash(UInt32(truncatingIfNeeded: word) &<< 8, threeBits)
    }

    /// Knuth's, by the golden ratio.
    @inline(__always) private static func hash(_ word: UInt32, _ bits: Int) -> Int {
        Int(truncatingIfNeeded: (word &* 0x9E37_79B1) &>> UInt32(32 - bits))
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
        private static let blockLength = 4096
        /// Whether a place waits for its anchors of three bytes, of four; the rest of the number is the place.
        private static let isThree: UInt16 = 1 << 15
        private static let isFour: UInt16 = 1 << 14

        private let table: AnchorTable
        private let tables: Tables
        private let text: ByteText
        /// Of the block under way, counted from its start, the places that passed.
        private let places: UnsafeMutablePointer<UInt16>
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
        private var owesThree = false

        fileprivate init(_ table: AnchorTable, _ text: ByteText) {
            self.table = table
            tables = table.tables
            self.text = text
            places = .allocate(capacity: Self.blockLength + Int(HX_SIEVE_SLACK))
        }

        deinit { places.deallocate() }

        mutating func next() -> Hit? {
            let tables = tables
            while true {
                while entry < entryEnd {
                    let found = tables.entries[Int(entry)]
                    entry &+= 1
                    guard word & found.mask == found.value else { continue }
                    let start = place &- Int(found.offset)
                    let end = start &+ Int(found.length)
                    if matches(Int(found.id), start, end) {
                        return Hit(id: Int(found.id), start: start, end: end)
                    }
                }
                if owesThree {
                    owesThree = false
                    open(tables.threes, AnchorTable.threeHash(word))
                } else if used < count {
                    let passed = places[used]
                    used &+= 1
                    place = block &+ Int(passed & ~(Self.isThree | Self.isFour))
                    word = eight(at: place)
                    owesThree = passed & Self.isThree != 0
                    if passed & Self.isFour != 0 { open(tables.fours, AnchorTable.fourHash(word)) }
                } else if index < text.count {
                    sieve()
                } else {
                    return nil
                }
            }
        }

        @inline(__always) private mutating func open(_ buckets: Buckets, _ hash: Int) {
            entry = buckets.starts[hash]
            entryEnd = buckets.starts[hash &+ 1]
        }

        /// The eight bytes at a place, folded; what is beyond the text's end reads as zero.
        @inline(__always) private func eight(at place: Int) -> UInt64 {
            var word: UInt64 = 0
            if place &+ 8 <= text.count {
                word = UInt64(
                    littleEndian: UnsafeRawPointer(text.base).loadUnaligned(fromByteOffset: place, as: UInt64.self))
            } else {
                for offset in 0..<8 { word |= UInt64(text[place &+ offset]) << UInt64(8 &* offset) }
            }
            return word | AnchorTable.folded
        }

        /// Writes down the places of the next block at which an anchor may begin.
        private mutating func sieve() {
            let (threes, fours, places) = (tables.threes, tables.fours, places)
            block = index
            let length = min(Self.blockLength, text.count &- block)
            let candidates = hx_sieve_places(tables.sieve, text.base + block, text.count &- block, length, places)
            var passed = 0
            for number in 0..<candidates {
                let offset = places[number]
                let word = eight(at: block &+ Int(offset))
                let four = fours.admit(word, AnchorTable.fourHash(word))
                let three = threes.admit(word, AnchorTable.threeHash(word))
                places[passed] = offset | four &* Self.isFour | three &* Self.isThree
                passed &+= Int(four | three)
            }
            index = block &+ length
            count = passed
            used = 0
        }

        /// Whether the whole anchor stands there.
        private func matches(_ id: Int, _ start: Int, _ end: Int) -> Bool {
            let flags = tables.flags[id]
            guard start >= 0, end <= text.count, flags & 2 == 0 || !text[end].isLetter else { return false }
            let wanted = tables.bytes + Int(tables.starts[id])
            let isFolded = flags & 1 == 0
            for offset in 0..<(end &- start) {
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
