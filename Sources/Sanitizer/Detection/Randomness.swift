internal import Glibc

/// How a run of bytes is made: the classes in it and how evenly they are used.
struct ByteProfile {
    private(set) var length = 0
    private(set) var digits = 0
    private(set) var upper = 0
    private(set) var lower = 0
    private(set) var hexLetters = 0
    private(set) var symbols = 0
    private(set) var high = 0
    /// Changes between letters, digits and cases: words have few, random strings many.
    private(set) var changes = 0
    private let text: ByteText
    private let start: Int

    init(_ text: ByteText, _ range: Range<Int>) {
        self.text = text
        start = range.lowerBound
        length = range.count
        var last = UInt8(0)
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = text[index]
            index &+= 1
            var kind: UInt8
            if byte.isLower {
                lower &+= 1
                kind = 3
            } else if byte.isDigit {
                digits &+= 1
                kind = 1
            } else if byte.isUpper {
                upper &+= 1
                kind = 2
            } else if byte >= 0x80 {
                high &+= 1
                kind = 4
            } else {
                symbols &+= 1
                // Words and numbers joined by hyphens and the like are no more mixed for it.
                kind = byte == 45 || byte == 46 || byte == 95 || byte == 47 ? 0 : 5
            }
            if byte.isHex, kind != 1 { hexLetters &+= 1 }
            // An upper-case letter before a lower-case one is how words begin.
            if last != 0, kind != last, !(last == 2 && kind == 3) { changes &+= 1 }
            last = kind
        }
    }

    /// Different bytes.
    var distinct: Int { spread.distinct }

    /// Whether there are two different bytes at the most, as in a mask.
    var isOfTwoBytes: Bool {
        let first = text[start]
        var second = first
        for index in start..<(start + length) where text[index] != first {
            if second == first { second = text[index] } else if text[index] != second { return false }
        }
        return true
    }

    /// Shannon's entropy in bits a byte.
    var entropy: Double { spread.entropy }

    /// Counted when asked for: most values are judged without.
    private var spread: (distinct: Int, entropy: Double) {
        guard length > 0 else { return (0, 0) }
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 256) { counts in
            counts.initialize(repeating: 0)
            guard let counts = counts.baseAddress else { return (0, 0) }
            for index in start..<(start + length) { counts[Int(text[index])] &+= 1 }
            // H = log n - (sum of c log c) / n, each byte's count taken when it comes up first.
            var distinct = 0
            var sum = 0.0
            for index in start..<(start + length) {
                let slot = Int(text[index])
                let count = counts[slot]
                guard count > 0 else { continue }
                counts[slot] = 0
                distinct &+= 1
                switch count {
                case 1: break
                case 2: sum += 2
                case 3: sum += 4.754_887_502_163_468
                case 4: sum += 8
                default: sum += Double(count) * log2(Double(count))
                }
            }
            return (distinct, max(0, log2(Double(length)) - sum / Double(length)))
        }
    }

    var letters: Int { upper + lower }
    var isHex: Bool { length > 0 && digits + hexLetters == length && (upper == 0 || lower == 0) }
    var isNumber: Bool { length > 0 && digits == length }

    /// Whether this looks drawn at random: long enough, letters and digits mixed, no words of one case in a row.
    var looksRandom: Bool {
        guard length >= 12, high == 0, symbols * 4 <= length, digits > 0 || (upper > 1 && lower > 1) else {
            return false
        }
        if isNumber { return false }
        if isHex { return length >= 20 && entropy >= 2.8 }
        guard changes * 8 >= length || (digits * 10 >= length && length >= 16) else { return false }
        // The entropy of a random string grows with its length; half of what the length allows is well above words.
        let possible = log2(Double(min(length, 62)))
        return entropy >= min(3.2, possible * 0.8)
    }
}
