internal import Support

/// The values harvested from a home, and the search for all of them, in every form, in one pass.
///
/// Wu and Manber's multi-pattern search ("A fast algorithm for multi-pattern searching", 1994) with blocks of three bytes and a window
/// of eight: it skips about five bytes at a step, and its tables stay small for thousands of values, where an automaton's would not.
/// Every copy of a value, the tables of their beginnings included, is in locked memory.
final class KnownValues: Sendable {
    /// The shortest value, and form of one, that is searched for, in bytes.
    static let shortest = 8

    struct Match {
        var range: Range<Int>
        /// Which value it is.
        var value: Int
    }

    private struct Pattern {
        let bytes: UnsafeRawBufferPointer
        let value: Int32
        let kind: EncodedForms.Kind
        /// The value is a number: digits next to it make another number.
        let isNumber: Bool
        /// It is the value itself, which a title or a log may cut short.
        let isValue: Bool
    }

    /// How much of a long value counts as the value, where it was cut short: a job's name of the first 50 characters of its prompt, a
    /// line of a log that ends in the middle.
    private static let shortestPart = 16

    private let arena = LockedArena()
    // The patterns and tables are written in init and only read after it.
    nonisolated(unsafe) private let patterns: [Pattern]
    nonisolated(unsafe) private let starts: UnsafeRawBufferPointer
    private let startMask: UInt64
    private let shifts: [UInt8]
    private let shiftBits: UInt32
    private let fingerprints: [String]
    /// The length of the longest value, in bytes; at most what is sensible to look back for.
    private let longest: Int
    /// How many blanks stand in one of them at most; at most what a passphrase has.
    private let blanks: Int
    /// BLAKE2b over the sorted set, under the caller's key: equal sets have equal identities.
    let identity: [UInt8]

    var count: Int { fingerprints.count }

    /// - Parameter key: the key of the fingerprints.
    init(_ values: Set<[UInt8]>, key: Secret) throws {
        let sorted = values.filter { $0.count >= KnownValues.shortest }.sorted { $0.lexicographicallyPrecedes($1) }
        var all: [UInt8] = []
        for value in sorted {
            all += withUnsafeBytes(of: UInt32(value.count).littleEndian) { Array($0) }
            all += value
        }
        identity = all.withUnsafeBytes { keyedHash($0, key: key, length: 32) }
        wipe(&all)
        fingerprints = sorted.map { Fingerprint.of($0, key: key) }
        longest = min(sorted.map(\.count).max() ?? 0, 4096)
        blanks = min(sorted.map { value in value.count { $0 == 0x20 } }.max() ?? 0, 8)

        var patterns: [Pattern] = []
        for (index, value) in sorted.enumerated() {
            let isNumber = value.allSatisfy { (48...57).contains($0) }
            for form in EncodedForms.of(value) where form.bytes.count >= KnownValues.shortest {
                patterns.append(
                    Pattern(
                        bytes: try arena.add(form.bytes), value: Int32(index), kind: form.kind,
                        isNumber: isNumber && form.bytes == value, isValue: form.bytes == value))
            }
        }
        // Patterns of one beginning stand together; the table tells where they start.
        patterns.sort { left, right in
            let (a, b) = (KnownValues.head(left.bytes), KnownValues.head(right.bytes))
            if a != b { return a < b }
            return left.bytes.lexicographicallyPrecedes(right.bytes)
        }
        self.patterns = patterns

        let slots = KnownValues.powerOfTwo(atLeast: max(16, patterns.count * 3))
        let mask = UInt64(slots - 1)
        startMask = mask
        var table = [UInt8](repeating: 0, count: slots * 16)
        table.withUnsafeMutableBytes { table in
            for (index, pattern) in patterns.enumerated() {
                let head = KnownValues.head(pattern.bytes)
                if index > 0, KnownValues.head(patterns[index - 1].bytes) == head { continue }
                var slot = KnownValues.hash(head) & mask
                while table.loadUnaligned(fromByteOffset: Int(slot) * 16 + 8, as: UInt32.self) != 0 {
                    slot = (slot + 1) & mask
                }
                table.storeBytes(of: head, toByteOffset: Int(slot) * 16, as: UInt64.self)
                table.storeBytes(of: UInt32(index + 1), toByteOffset: Int(slot) * 16 + 8, as: UInt32.self)
            }
        }
        starts = try arena.add(table)
        wipe(&table)

        let wanted = UInt32(KnownValues.powerOfTwo(atLeast: max(1 << 15, patterns.count * 48)).trailingZeroBitCount)
        let bits = min(wanted, 22)
        shiftBits = bits
        var shifts = [UInt8](repeating: UInt8(KnownValues.shortest - 2), count: 1 << Int(shiftBits))
        for pattern in patterns {
            for end in 3...KnownValues.shortest {
                let block =
                    UInt32(pattern.bytes[end - 3]) | UInt32(pattern.bytes[end - 2]) << 8 | UInt32(
                        pattern.bytes[end - 1]) << 16
                let slot = Int(KnownValues.block(block, bits: bits))
                shifts[slot] = min(shifts[slot], UInt8(KnownValues.shortest - end))
            }
        }
        self.shifts = shifts
    }

    func fingerprint(of value: Int) -> String { fingerprints[value] }

    /// Every place where a value stands, in any form, wrapped over lines and behind escapes of single characters too; they may overlap.
    func matches(in bytes: UnsafeRawBufferPointer) -> [Match] {
        guard !patterns.isEmpty else { return [] }
        var found = plainMatches(in: bytes)
        func look(_ reading: Unfolding) {
            for match in reading.bytes.withUnsafeBytes(plainMatches) {
                found.append(Match(range: reading.source(of: match.range), value: match.value))
            }
        }
        Unfolding.broken(in: bytes, blanks: blanks, overlap: longest * 8, look)
        Unfolding.unescaped(in: bytes, overlap: longest * 8, look)
        return found
    }

    private func plainMatches(in bytes: UnsafeRawBufferPointer) -> [Match] {
        var found: [Match] = []
        guard !patterns.isEmpty, bytes.count >= KnownValues.shortest, let base = bytes.baseAddress else { return found }
        let count = bytes.count
        let bits = shiftBits
        shifts.withUnsafeBufferPointer { shifts in
            // `end` is one past the window.
            var end = KnownValues.shortest
            while end <= count {
                // The four bytes before the window's end; the lowest is not in the block.
                let block = base.loadUnaligned(fromByteOffset: end - 4, as: UInt32.self).littleEndian >> 8
                let shift = shifts[Int(KnownValues.block(block, bits: bits))]
                if shift > 0 {
                    end += Int(shift)
                    continue
                }
                let start = end - KnownValues.shortest
                let head = base.loadUnaligned(fromByteOffset: start, as: UInt64.self)
                if let index = firstPattern(head) { collect(from: index, head, at: start, bytes, &found) }
                end += 1
            }
        }
        return found
    }

    private func firstPattern(_ head: UInt64) -> Int? {
        var slot = KnownValues.hash(head) & startMask
        while true {
            let index = starts.loadUnaligned(fromByteOffset: Int(slot) * 16 + 8, as: UInt32.self)
            if index == 0 { return nil }
            if starts.loadUnaligned(fromByteOffset: Int(slot) * 16, as: UInt64.self) == head { return Int(index) - 1 }
            slot = (slot + 1) & startMask
        }
    }

    private func collect(
        from first: Int, _ head: UInt64, at start: Int, _ bytes: UnsafeRawBufferPointer, _ found: inout [Match]
    ) {
        var index = first
        while index < patterns.count, KnownValues.head(patterns[index].bytes) == head {
            let pattern = patterns[index]
            index += 1
            let end = start + pattern.bytes.count
            guard end <= bytes.count, UnsafeRawBufferPointer(rebasing: bytes[start..<end]).elementsEqual(pattern.bytes)
            else {
                if pattern.isValue, let cut = cutShort(pattern.bytes, at: start, bytes) {
                    found.append(Match(range: cut, value: Int(pattern.value)))
                }
                continue
            }
            if pattern.isNumber {
                let before = start > 0 ? bytes[start - 1] : 0
                let after = end < bytes.count ? bytes[end] : 0
                if (48...57).contains(before) || (48...57).contains(after) { continue }
            }
            found.append(Match(range: reach(pattern, start, end, bytes), value: Int(pattern.value)))
        }
    }

    /// The beginning of a long value that ends with a word's end.
    private func cutShort(_ value: UnsafeRawBufferPointer, at start: Int, _ bytes: UnsafeRawBufferPointer) -> Range<
        Int
    >? {
        // What all tokens of a kind begin with is no secret: the header of a JWT.
        let least = value.starts(with: "eyJ".utf8) ? 64 : KnownValues.shortestPart
        guard value.count >= least + 8 else { return nil }
        var length = KnownValues.shortest
        while length < value.count, start + length < bytes.count, bytes[start + length] == value[length] { length += 1 }
        guard length >= least else { return nil }
        let end = start + length
        if end < bytes.count, EncodedForms.isWord(bytes[end]) { return nil }
        return start..<end
    }

    /// Base64 characters at the match's edges hold bits of the value too.
    private func reach(_ pattern: Pattern, _ start: Int, _ end: Int, _ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        guard pattern.kind != .plain else { return start..<end }
        var (start, end) = (start, end)
        if pattern.kind == .base64After, start > 0, EncodedForms.isBase64(bytes[start - 1]) { start -= 1 }
        if end < bytes.count, EncodedForms.isBase64(bytes[end]) { end += 1 }
        while end < bytes.count, bytes[end] == UInt8(ascii: "=") { end += 1 }
        return start..<end
    }

    // MARK: Tables

    private static func head(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
    }

    @inline(__always)
    private static func hash(_ head: UInt64) -> UInt64 {
        (head &* 0x9E37_79B9_7F4A_7C15) >> 20
    }

    @inline(__always)
    private static func block(_ block: UInt32, bits: UInt32) -> UInt32 {
        ((block & 0xFF_FFFF) &* 0x9E37_79B1) >> (32 &- bits)
    }

    private static func powerOfTwo(atLeast count: Int) -> Int {
        var power = 1
        while power < count { power *= 2 }
        return power
    }
}
