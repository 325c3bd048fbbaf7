/// A set of lower-case words, each with flags; looked up by bytes without allocating.
final class WordTable: @unchecked Sendable {
    // Filled by the initializer and only read afterwards: no bounds checks and no counting of references in a scan's inner loops.
    private let slots: UnsafeMutablePointer<(hash: UInt64, flags: UInt32)>
    private let mask: Int
    /// No word here has more bytes.
    private let longest: Int
    /// By the low five bits of its first byte, which are the same in both cases: a bit for each length of a word, modulo 64. Most words
    /// of a text are known by these to be none of ours.
    private let lengths: UnsafeMutablePointer<UInt64>

    init(_ words: [(word: String, flags: UInt32)]) {
        var capacity = 64
        while capacity < words.count * 4 { capacity *= 2 }
        mask = capacity - 1
        longest = words.lazy.map(\.word.utf8.count).max() ?? 0
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: (0, 0), count: capacity)
        lengths = .allocate(capacity: 32)
        lengths.initialize(repeating: 0, count: 32)
        for (word, flags) in words {
            guard let first = word.utf8.first else { continue }
            lengths[Int(first & 31)] |= 1 << UInt64(word.utf8.count & 63)
            var hash = Self.seed
            for byte in word.utf8 { Self.mix(&hash, byte) }
            var slot = Int(truncatingIfNeeded: hash ^ (hash >> 29)) & mask
            while slots[slot].hash != 0, slots[slot].hash != hash { slot = (slot + 1) & mask }
            slots[slot] = (hash, slots[slot].flags | flags)
        }
    }

    deinit {
        slots.deallocate()
        lengths.deallocate()
    }

    // FNV-1a, 64 bits. The words are ours and few: a collision with a word of the text costs one wrong judgement at most.
    static let seed: UInt64 = 0xcbf2_9ce4_8422_2325
    @inline(__always) static func mix(_ hash: inout UInt64, _ byte: UInt8) {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    /// The flags of a word by its hash; 0 when it is not here.
    @inline(__always) func flags(hash: UInt64) -> UInt32 {
        var slot = Int(truncatingIfNeeded: hash ^ (hash >> 29)) & mask
        while slots[slot].hash != 0 {
            if slots[slot].hash == hash { return slots[slot].flags }
            slot = (slot &+ 1) & mask
        }
        return 0
    }

    /// The flags of the bytes in `range`, letters lowered.
    func flags(_ text: ByteText, _ range: Range<Int>) -> UInt32 {
        guard range.count <= longest,
            lengths[Int(text[range.lowerBound] & 31)] >> UInt64(range.count & 63) & 1 != 0
        else { return 0 }
        var hash = Self.seed
        var index = range.lowerBound
        while index < range.upperBound {
            Self.mix(&hash, lowered(text[index]))
            index &+= 1
        }
        return flags(hash: hash)
    }
}
