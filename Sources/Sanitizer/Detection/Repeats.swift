internal import Glibc

/// What was found once is the same secret where it stands again close by, with nothing that names it: `token = 'x' | 'x'`, a command and
/// the line that it printed.
extension DetectionPass {
    /// How far from a finding its value is looked for.
    private static let repeatReach = 1024
    /// Shorter values, and values of plain words, stand elsewhere by chance.
    private static let repeatLengths = 12...200

    func scanRepeats() {
        let count = found.count
        for index in 0..<count {
            let range = found[index].range
            guard Self.repeatLengths.contains(range.count), ByteProfile(text, range).looksRandom else { continue }
            let rule = found[index].rule
            let end = min(text.count, range.upperBound + Self.repeatReach)
            var start = max(0, range.lowerBound - Self.repeatReach)
            while let place = place(of: range, in: start..<end) {
                if place != range.lowerBound { add(rule, place..<place + range.count) }
                start = place + range.count
            }
        }
    }

    /// The first place in `area` where the bytes of `range` stand.
    private func place(of range: Range<Int>, in area: Range<Int>) -> Int? {
        let length = range.count
        guard area.count >= length else { return nil }
        let wanted = text.base + range.lowerBound
        let last = area.upperBound - length
        var index = area.lowerBound
        while index <= last {
            guard let next = memchr(text.base + index, Int32(wanted[0]), last - index + 1) else { return nil }
            index = next.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: text.base)
            if memcmp(text.base + index, wanted, length) == 0 { return index }
            index += 1
        }
        return nil
    }
}
