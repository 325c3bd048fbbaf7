import TestSupport
import Testing

@testable import Sanitizer

/// What reads eight bytes at a time says what a look at each byte does.
@Suite struct ByteTextTests {
    private static let words: [StaticString] = ["y", "and", " e ", "passw", "://", "wi-fi", "é", "aab"]

    @Test func wordsAreFoundWhereTheyFirstStand() {
        var random = SplitMix64(seed: 3)
        let pieces = [
            "AND", "and", " e ", "a", "aa", "aab", "b", "Wi-Fi", "://", "é", "PASSW", "pass", " ", "y", "@", "`",
        ]
        for _ in 0..<4000 {
            let text = Array(
                (0..<Int.random(in: 0...14, using: &random)).map { _ in
                    pieces.randomElement(using: &random) ?? ""
                }.joined().utf8)
            let lower = Int.random(in: 0...(text.count + 2), using: &random)
            let range = lower..<Int.random(in: lower...(text.count + 3), using: &random)
            text.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                let bytes = ByteText(base: base, count: buffer.count)
                for word in Self.words {
                    let length = word.utf8CodeUnitCount
                    let first = range.first {
                        $0 + length <= min(range.upperBound, text.count) && bytes.has(word, at: $0)
                    }
                    #expect(bytes.find(word, in: range) == first, "\(word) in \(range) of \(text)")
                }
                #expect(bytes.hasDigit(in: range) == false)
            }
        }
    }

    @Test func digitsAreSeenAmongAllBytes() {
        for length in [1, 7, 8, 9, 20] {
            for place in 0..<length {
                for byte in UInt8.min...UInt8.max {
                    var text = [UInt8](repeating: UInt8(ascii: "/"), count: length)
                    text[place] = byte
                    text.withUnsafeBufferPointer { buffer in
                        guard let base = buffer.baseAddress else { return }
                        let bytes = ByteText(base: base, count: length)
                        #expect(bytes.hasDigit(in: 0..<length + 2) == byte.isDigit)
                        #expect(!bytes.hasDigit(in: place + 1..<length + 1))
                    }
                }
            }
        }
    }
}
