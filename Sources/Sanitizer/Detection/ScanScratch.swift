/// What a scan works with and the next one uses again: room for the matches of patterns, and what names said.
///
/// Unchecked: one scan has it at a time.
final class ScanScratch: @unchecked Sendable {
    let matches: Pattern.Scratch
    /// The weight of names read before, by a hash of their bytes: the same few names stand on most lines.
    private let names: UnsafeMutablePointer<(hash: UInt64, name: KeyName)>
    private static let nameCount = 8192

    init() throws {
        matches = try Pattern.Scratch()
        names = .allocate(capacity: Self.nameCount)
        names.initialize(repeating: (0, KeyName()), count: Self.nameCount)
    }

    deinit { names.deallocate() }

    /// What the name in `range` is, read anew only if another took its place since.
    func name(_ text: ByteText, _ range: Range<Int>, _ lexicon: NameLexicon) -> KeyName {
        let hash = Self.hash(text, range)
        let slot = Int(truncatingIfNeeded: hash) & (Self.nameCount - 1)
        if names[slot].hash == hash { return names[slot].name }
        let name = lexicon.read(text, range)
        names[slot] = (hash, name)
        return name
    }

    /// A hash of the bytes in `range`, eight at a time. Two names that share one would cost a wrong judgement.
    private static func hash(_ text: ByteText, _ range: Range<Int>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            var word = text.eightBytes(at: index)
            let beyond = index &+ 8 &- range.upperBound
            if beyond > 0 { word &= UInt64.max >> UInt64(8 &* beyond) }
            // Multiplied by the golden ratio; the upper half, which all bits reach, is brought down.
            hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
            index &+= 8
        }
        return hash
    }
}
