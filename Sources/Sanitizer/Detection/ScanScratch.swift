/// What a scan works with and the next one uses again: room for the matches of patterns, and what names said.
///
/// Unchecked: one scan has it at a time.
final class ScanScratch: @unchecked Sendable {
    let matches: Pattern.Scratch
    /// The weight of names read before, by a hash of their bytes: the same few names stand on most lines.
    private let names: UnsafeMutablePointer<(hash: UInt64, name: KeyName)>
    private static let nameCount = 2048

    init() throws {
        matches = try Pattern.Scratch()
        names = .allocate(capacity: Self.nameCount)
        names.initialize(repeating: (0, KeyName()), count: Self.nameCount)
    }

    deinit { names.deallocate() }

    /// What the name in `range` is, read anew only if another took its place since.
    func name(_ text: ByteText, _ range: Range<Int>, _ lexicon: NameLexicon) -> KeyName {
        var hash = WordTable.seed
        var index = range.lowerBound
        while index < range.upperBound {
            WordTable.mix(&hash, text[index])
            index &+= 1
        }
        let slot = Int(truncatingIfNeeded: hash ^ (hash >> 32)) & (Self.nameCount - 1)
        if names[slot].hash == hash { return names[slot].name }
        let name = lexicon.read(text, range)
        names[slot] = (hash, name)
        return name
    }
}
