internal import Glibc

/// How much a run of letters looks like words: the mean log probability of its letter pairs, learnt from a list of words.
///
/// English words score about -2.6 and 99 in 100 of them above -3.7; letters drawn at random about -4.8.
final class LetterModel: @unchecked Sendable {
    // Filled by the initializer and only read afterwards.
    private let pairs: UnsafeMutablePointer<Float>
    private static let width = 27
    /// Below this, letters are no word.
    static let threshold: Float = -3.7

    init(words: [String]) {
        var counts = [Float](repeating: 0.3, count: Self.width * Self.width)
        for word in words {
            var last = 26
            for byte in word.utf8 where byte.isLetter {
                let letter = Int(lowered(byte)) - 97
                counts[last * Self.width + letter] += 1
                last = letter
            }
            counts[last * Self.width + 26] += 1
        }
        for row in 0..<Self.width {
            var total: Float = 0
            for column in 0..<Self.width { total += counts[row * Self.width + column] }
            for column in 0..<Self.width {
                counts[row * Self.width + column] = logf(counts[row * Self.width + column] / total)
            }
        }
        pairs = .allocate(capacity: counts.count)
        pairs.initialize(from: counts, count: counts.count)
    }

    deinit { pairs.deallocate() }

    /// The score of a run of ASCII letters, in both cases.
    func score(_ text: ByteText, _ range: Range<Int>) -> Float {
        var last = 26
        var sum: Float = 0
        for index in range {
            let letter = Int(lowered(text[index])) - 97
            guard letter >= 0, letter < 26 else { continue }
            sum += pairs[last * Self.width + letter]
            last = letter
        }
        sum += pairs[last * Self.width + 26]
        return sum / Float(range.count + 1)
    }
}
