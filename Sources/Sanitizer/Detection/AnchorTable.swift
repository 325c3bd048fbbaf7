/// Finds every occurrence of many short byte strings in a text, faster than an automaton can: each string is known by its rarest three
/// or four bytes, and a text's every four bytes are looked up in a small set of those, without one look waiting for the last.
///
/// Letters A to Z and a to z are the same, unless an anchor says otherwise. Sets of 16 KiB stay in the first-level cache; what a set
/// answers wrongly (1 in 100, since it holds hashes) is settled by comparing bytes.
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
        var gram: UInt32
        var id: Int32
        /// Where the gram stands in the anchor.
        var offset: Int32
        var next: Int32
    }

    // Everything below is filled by the initializer and only read afterwards.
    private let threes: UnsafeMutablePointer<UInt64>
    private let fours: UnsafeMutablePointer<UInt64>
    private let heads: UnsafeMutablePointer<Int32>
    private let entries: UnsafeMutablePointer<Entry>
    private let bytes: UnsafeMutablePointer<UInt8>
    private let starts: UnsafeMutablePointer<Int32>
    private let flags: UnsafeMutablePointer<UInt8>

    private static let setBits = 18
    private static let headBits = 14
    private static let mark3: UInt32 = 0x8000_0000

    init(_ anchors: [Anchor], commonness: (ArraySlice<UInt8>) -> Float) {
        let words = 1 << (Self.setBits - 6)
        threes = .allocate(capacity: words)
        threes.initialize(repeating: 0, count: words)
        fours = .allocate(capacity: words)
        fours.initialize(repeating: 0, count: words)
        heads = .allocate(capacity: 1 << Self.headBits)
        heads.initialize(repeating: -1, count: 1 << Self.headBits)

        func gram(_ slice: ArraySlice<UInt8>) -> UInt32 {
            var value: UInt32 = 0
            for (index, byte) in slice.enumerated() { value |= UInt32(byte | 0x20) << UInt32(8 * index) }
            return value
        }
        var list: [Entry] = []
        var flat: [UInt8] = []
        var firsts: [Int32] = [0]
        var marks: [UInt8] = []
        for (id, anchor) in anchors.enumerated() {
            let bytes = anchor.isCaseSensitive ? anchor.bytes : anchor.bytes.map(lowered)
            precondition(bytes.count >= 2, "an anchor is too short")
            flat += bytes
            firsts.append(Int32(flat.count))
            marks.append((anchor.isCaseSensitive ? 1 : 0) | (anchor.endsWord ? 2 : 0))
            if bytes.count == 2 {
                // With each byte that may follow, folded.
                var nexts = Set(anchor.followers.map { $0 | 0x20 })
                if nexts.isEmpty { nexts = Set((UInt8(0)...255).map { $0 | 0x20 }) }
                for next in nexts.sorted() where !(anchor.endsWord && next.isLetter) {
                    list.append(Entry(gram: gram((bytes + [next])[...]), id: Int32(id), offset: 0, next: 0))
                }
            } else if bytes.count == 3 {
                list.append(Entry(gram: gram(bytes[...]), id: Int32(id), offset: 0, next: 0))
            } else {
                let places = 0...(bytes.count - 4)
                let best = places.min { commonness(bytes[$0..<$0 + 4]) < commonness(bytes[$1..<$1 + 4]) } ?? 0
                list.append(
                    Entry(gram: gram(bytes[best..<best + 4]), id: Int32(id), offset: Int32(best), next: -2))
            }
        }
        // Chains in the order of the anchors' ids.
        for index in list.indices.reversed() {
            let isFour = list[index].next == -2
            let gram = list[index].gram
            let hash = Self.hash(gram)
            let set = isFour ? fours : threes
            set[Int(hash >> (32 - Self.setBits + 6))] |= 1 << UInt64((hash >> (32 - Self.setBits)) & 63)
            let head = Int((isFour ? hash : hash ^ Self.mark3) >> (32 - Self.headBits))
            list[index].next = heads[head]
            heads[head] = Int32(index)
        }
        entries = .allocate(capacity: max(1, list.count))
        entries.initialize(from: list, count: list.count)
        self.bytes = .allocate(capacity: max(1, flat.count))
        self.bytes.initialize(from: flat, count: flat.count)
        starts = .allocate(capacity: firsts.count)
        starts.initialize(from: firsts, count: firsts.count)
        flags = .allocate(capacity: max(1, marks.count))
        flags.initialize(from: marks, count: marks.count)
    }

    deinit {
        threes.deallocate()
        fours.deallocate()
        heads.deallocate()
        entries.deallocate()
        bytes.deallocate()
        starts.deallocate()
        flags.deallocate()
    }

    @inline(__always) private static func hash(_ gram: UInt32) -> UInt32 { gram &* 0x9E37_79B1 }

    @inline(__always) private static func holds(_ set: UnsafeMutablePointer<UInt64>, _ hash: UInt32) -> Bool {
        set[Int(hash >> UInt32(32 - setBits + 6))] &>> UInt64((hash >> UInt32(32 - setBits)) & 63) & 1 != 0
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
    struct Cursor {
        private let table: AnchorTable
        private let text: ByteText
        /// The next place that has not been looked at.
        private var index = 0
        /// The first of the four places under way, their bytes and the four after them, and which of them are left.
        private var block = 0
        private var eight: UInt64 = 0
        private var left: UInt64 = 0
        /// What is left of a chain of entries, the gram that they should have, and where it stands.
        private var entry: Int32 = -1
        private var gram: UInt32 = 0
        private var place = 0
        /// Whether the place's three bytes are still to be looked up.
        private var owesThree = false

        fileprivate init(_ table: AnchorTable, _ text: ByteText) {
            self.table = table
            self.text = text
        }

        mutating func next() -> Hit? {
            let table = table
            while true {
                while entry >= 0 {
                    let found = table.entries[Int(entry)]
                    entry = found.next
                    guard found.gram == gram else { continue }
                    let start = place &- Int(found.offset)
                    let end = start &+ table.length(of: Int(found.id))
                    if table.matches(text, Int(found.id), start, end) {
                        return Hit(id: Int(found.id), start: start, end: end)
                    }
                }
                if owesThree {
                    owesThree = false
                    gram &= 0x00FF_FFFF
                    let hash = AnchorTable.hash(gram)
                    if AnchorTable.holds(table.threes, hash) { entry = table.head(hash ^ AnchorTable.mark3) }
                } else if left != 0 {
                    let lane = left.trailingZeroBitCount
                    left &= left &- 1
                    place = block &+ lane
                    gram = UInt32(truncatingIfNeeded: eight &>> UInt64(8 &* lane))
                    owesThree = true
                    let hash = AnchorTable.hash(gram)
                    if AnchorTable.holds(table.fours, hash) { entry = table.head(hash) }
                } else if !advance(table) {
                    return nil
                }
            }
        }

        /// Goes on to the next four places of which one may begin an anchor; false at the end of the text.
        @inline(__always)
        private mutating func advance(_ table: AnchorTable) -> Bool {
            let base = UnsafeRawPointer(text.base)
            let threes = table.threes
            let fours = table.fours
            let count = text.count
            var index = index
            defer { self.index = index }
            // Four places at a time, with one branch for all of them.
            while index &+ 8 <= count {
                let bytes =
                    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                    | 0x2020_2020_2020_2020
                let hits =
                    AnchorTable.bit(fours, threes, UInt32(truncatingIfNeeded: bytes))
                    | AnchorTable.bit(fours, threes, UInt32(truncatingIfNeeded: bytes &>> 8)) &<< 1
                    | AnchorTable.bit(fours, threes, UInt32(truncatingIfNeeded: bytes &>> 16)) &<< 2
                    | AnchorTable.bit(fours, threes, UInt32(truncatingIfNeeded: bytes &>> 24)) &<< 3
                if hits != 0 {
                    block = index
                    eight = bytes
                    left = hits
                    index &+= 4
                    return true
                }
                index &+= 4
            }
            guard index < count else { return false }
            // The text's last bytes; what is beyond reads as zero.
            var word: UInt64 = 0
            for offset in 0..<8 { word |= UInt64(text[index &+ offset]) << UInt64(8 &* offset) }
            block = index
            eight = word | 0x2020_2020_2020_2020
            left = 0b1111
            index &+= 4
            return true
        }
    }

    func hits(in text: ByteText) -> Cursor { Cursor(self, text) }

    @inline(__always)
    private static func bit(
        _ fours: UnsafeMutablePointer<UInt64>, _ threes: UnsafeMutablePointer<UInt64>, _ word: UInt32
    ) -> UInt64 {
        let four = hash(word)
        let three = hash(word & 0x00FF_FFFF)
        return
            (fours[Int(four >> UInt32(32 - setBits + 6))] &>> UInt64(four >> UInt32(32 - setBits))
            | threes[Int(three >> UInt32(32 - setBits + 6))] &>> UInt64(three >> UInt32(32 - setBits))) & 1
    }

    @inline(__always) private func head(_ hash: UInt32) -> Int32 { heads[Int(hash >> UInt32(32 - Self.headBits))] }

    private func length(of id: Int) -> Int { Int(starts[id + 1] - starts[id]) }

    @inline(never)
    private func matches(_ text: ByteText, _ id: Int, _ start: Int, _ end: Int) -> Bool {
        let flags = flags[id]
        guard start >= 0, end <= text.count, flags & 2 == 0 || !text[end].isLetter else { return false }
        let wanted = bytes + Int(starts[id])
        var offset = 0
        let length = end &- start
        if flags & 1 != 0 {
            while offset < length {
                if text.base[start &+ offset] != wanted[offset] { return false }
                offset &+= 1
            }
        } else {
            while offset < length {
                if lowered(text.base[start &+ offset]) != wanted[offset] { return false }
                offset &+= 1
            }
        }
        return true
    }
}
