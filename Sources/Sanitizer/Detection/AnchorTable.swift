/// Finds every occurrence of many short byte strings in a text, faster than an automaton can: each string is known by its rarest three
/// or four bytes, and a text's every four bytes are looked up in a small set of those, without one look waiting for the last.
///
/// Letters A to Z and a to z are the same, unless an anchor says otherwise. Sets of 16 KiB stay in the first-level cache. What they
/// let pass, wrongly in places since they hold hashes, goes through a second sieve that knows two bytes more, and then bytes are
/// compared. Both sieves write down every place and count only those that pass: a processor that had to guess which do would be
/// wrong too often.
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
        /// The next of its chain, or -1.
        var next: Int32
    }

    // Everything below is filled by the initializer and only read afterwards.
    private let threes: UnsafeMutablePointer<UInt64>
    private let fours: UnsafeMutablePointer<UInt64>
    /// By a hash of four bytes, a bit for each class of the two that follow.
    private let followers: UnsafeMutablePointer<UInt8>
    private let threeHeads: UnsafeMutablePointer<Int32>
    private let fourHeads: UnsafeMutablePointer<Int32>
    private let entries: UnsafeMutablePointer<Entry>
    private let bytes: UnsafeMutablePointer<UInt8>
    private let starts: UnsafeMutablePointer<Int32>
    private let flags: UnsafeMutablePointer<UInt8>

    private static let setBits = 17
    private static let followerBits = 16
    private static let threeHeadBits = 11
    private static let fourHeadBits = 13
    /// Every byte's bit of the lower case.
    private static let folded: UInt64 = 0x2020_2020_2020_2020

    init(_ anchors: [Anchor], commonness: (ArraySlice<UInt8>) -> Float) {
        func filled<Element>(_ count: Int, _ value: Element) -> UnsafeMutablePointer<Element> {
            let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(1, count))
            pointer.initialize(repeating: value, count: count)
            return pointer
        }
        threes = filled(1 << (Self.setBits - 6), 0)
        fours = filled(1 << (Self.setBits - 6), 0)
        followers = filled(1 << Self.followerBits, 0)
        threeHeads = filled(1 << Self.threeHeadBits, -1)
        fourHeads = filled(1 << Self.fourHeadBits, -1)

        var list: [(entry: Entry, isFour: Bool)] = []
        var flat: [UInt8] = []
        var firsts: [Int32] = [0]
        var marks: [UInt8] = []
        for (id, anchor) in anchors.enumerated() {
            let bytes = anchor.isCaseSensitive ? anchor.bytes : anchor.bytes.map(lowered)
            precondition(bytes.count >= 2, "an anchor is too short")
            func add(_ bytes: ArraySlice<UInt8>, offset: Int, isFour: Bool) {
                var value: UInt64 = 0
                var mask: UInt64 = 0
                for (index, byte) in bytes.prefix(8).enumerated() {
                    value |= UInt64(byte | 0x20) << UInt64(8 * index)
                    mask |= 0xFF << UInt64(8 * index)
                }
                let length = Int32(anchor.bytes.count)
                list.append(
                    (
                        Entry(value: value, mask: mask, id: Int32(id), offset: Int32(offset), length: length, next: -1),
                        isFour
                    )
                )
            }
            flat += bytes
            firsts.append(Int32(flat.count))
            marks.append((anchor.isCaseSensitive ? 1 : 0) | (anchor.endsWord ? 2 : 0))
            if bytes.count == 2 {
                // With each byte that may follow, folded.
                var nexts = Set(anchor.followers.map { $0 | 0x20 })
                if nexts.isEmpty { nexts = Set((UInt8(0)...255).map { $0 | 0x20 }) }
                for next in nexts.sorted() where !(anchor.endsWord && next.isLetter) {
                    add((bytes + [next])[...], offset: 0, isFour: false)
                }
            } else if bytes.count == 3 {
                add(bytes[...], offset: 0, isFour: false)
            } else {
                let places = 0...(bytes.count - 4)
                let best = places.min { commonness(bytes[$0..<$0 + 4]) < commonness(bytes[$1..<$1 + 4]) } ?? 0
                add(bytes[best...], offset: best, isFour: true)
            }
        }
        // Chains in the order of the anchors' ids.
        for index in list.indices.reversed() {
            let entry = list[index].entry
            let isFour = list[index].isFour
            let hash = isFour ? Self.fourHash(entry.value) : Self.threeHash(entry.value)
            let set = isFour ? fours : threes
            set[Int(hash >> (32 - Self.setBits + 6))] |= 1 << UInt64((hash >> (32 - Self.setBits)) & 63)
            let (heads, headBits) = isFour ? (fourHeads, Self.fourHeadBits) : (threeHeads, Self.threeHeadBits)
            let head = Int(hash >> (32 - headBits))
            list[index].entry.next = heads[head]
            heads[head] = Int32(index)
            guard isFour else { continue }
            let follower = Int(hash >> UInt32(32 - Self.followerBits))
            switch entry.mask >> 32 & 0xFFFF {
            case 0: followers[follower] = 0xFF
            case 0xFF:
                // The sixth byte may be any.
                for byte in UInt64(0)...255 {
                    followers[follower] |= 1 << Self.followerClass(entry.value | (byte | 0x20) << 40)
                }
            default: followers[follower] |= 1 << Self.followerClass(entry.value)
            }
        }
        entries = .allocate(capacity: max(1, list.count))
        entries.initialize(from: list.map(\.entry), count: list.count)
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
        followers.deallocate()
        threeHeads.deallocate()
        fourHeads.deallocate()
        entries.deallocate()
        bytes.deallocate()
        starts.deallocate()
        flags.deallocate()
    }

    @inline(__always) private static func fourHash(_ word: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: word) &* 0x9E37_79B1
    }

    @inline(__always) private static func threeHash(_ word: UInt64) -> UInt32 {
        (UInt32(truncatingIfNeeded: word) & 0x00FF_FFFF) &* 0x9E37_79B1
    }

    /// Of the fifth and sixth byte, a number below 8.
    @inline(__always) private static func followerClass(_ word: UInt64) -> UInt8 {
        let two = UInt32(truncatingIfNeeded: word &>> 32) & 0xFFFF
        return UInt8(truncatingIfNeeded: (two &* 0x9E37_79B1) &>> 29)
    }

    /// 1 if the set may hold a hash, in the lowest bit.
    @inline(__always) private static func bit(_ set: UnsafeMutablePointer<UInt64>, _ hash: UInt32) -> UInt64 {
        set[Int(hash &>> UInt32(32 - setBits + 6))] &>> UInt64((hash &>> UInt32(32 - setBits)) & 63)
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
        private static let blockLength = 2048

        private let table: AnchorTable
        private let text: ByteText
        /// Of the block under way, counted from its start, the places that passed the sieves.
        private let places: UnsafeMutablePointer<UInt16>
        private var block = 0
        private var count = 0
        private var used = 0
        /// The next place that has not been sieved.
        private var index = 0
        /// What is left of a chain of entries, the bytes at the place it is for, and whether those of three bytes come next.
        private var entry: Int32 = -1
        private var word: UInt64 = 0
        private var place = 0
        private var owesThree = false

        fileprivate init(_ table: AnchorTable, _ text: ByteText) {
            self.table = table
            self.text = text
            places = .allocate(capacity: Self.blockLength + 4)
        }

        deinit { places.deallocate() }

        mutating func next() -> Hit? {
            let table = table
            while true {
                while entry >= 0 {
                    let found = table.entries[Int(entry)]
                    entry = found.next
                    guard word & found.mask == found.value else { continue }
                    let start = place &- Int(found.offset)
                    let end = start &+ Int(found.length)
                    if table.matches(text, Int(found.id), start, end) {
                        return Hit(id: Int(found.id), start: start, end: end)
                    }
                }
                if owesThree {
                    owesThree = false
                    let hash = AnchorTable.threeHash(word)
                    if AnchorTable.bit(table.threes, hash) & 1 != 0 {
                        entry = table.threeHeads[Int(hash &>> UInt32(32 - AnchorTable.threeHeadBits))]
                    }
                } else if used < count {
                    place = block &+ Int(places[used])
                    used &+= 1
                    word = eight(at: place)
                    owesThree = true
                    let hash = AnchorTable.fourHash(word)
                    entry = table.fourHeads[Int(hash &>> UInt32(32 - AnchorTable.fourHeadBits))]
                } else if index < text.count {
                    sieve(table)
                } else {
                    return nil
                }
            }
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
        private mutating func sieve(_ table: AnchorTable) {
            let base = UnsafeRawPointer(text.base)
            let (threes, fours, followers, places) = (table.threes, table.fours, table.followers, places)
            let start = index
            let end = min(start &+ Self.blockLength, text.count)
            var count = 0
            // Four places at a time.
            var index = start
            while index < end, index &+ 8 <= text.count {
                let word =
                    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                    | AnchorTable.folded
                let offset = index &- start
                for lane in 0..<4 {
                    let bytes = word &>> UInt64(8 &* lane)
                    let hit =
                        AnchorTable.bit(fours, AnchorTable.fourHash(bytes))
                        | AnchorTable.bit(threes, AnchorTable.threeHash(bytes))
                    places[count] = UInt16(truncatingIfNeeded: offset &+ lane)
                    count &+= Int(truncatingIfNeeded: hit & 1)
                }
                index &+= 4
            }
            var passed = 0
            for number in 0..<count {
                let offset = places[number]
                let word = eight(at: start &+ Int(offset))
                let hash = AnchorTable.fourHash(word)
                let four =
                    followers[Int(hash &>> UInt32(32 - AnchorTable.followerBits))]
                    &>> AnchorTable.followerClass(word)
                let hit = UInt64(four) | AnchorTable.bit(threes, AnchorTable.threeHash(word))
                places[passed] = offset
                passed &+= Int(truncatingIfNeeded: hit & 1)
            }
            // The text's last bytes are few.
            while index < end {
                places[passed] = UInt16(truncatingIfNeeded: index &- start)
                passed &+= 1
                index &+= 1
            }
            self.index = index
            block = start
            self.count = passed
            used = 0
        }
    }

    func hits(in text: ByteText) -> Cursor { Cursor(self, text) }

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
