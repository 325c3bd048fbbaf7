internal import TestSupport
internal import Testing

@testable internal import Sanitizer

@Suite struct AhoCorasickTests {
    struct Hit: Hashable, Comparable, CustomStringConvertible {
        var end: Int
        var pattern: Int
        var description: String { "\(pattern)@\(end)" }
        static func < (left: Hit, right: Hit) -> Bool { (left.end, left.pattern) < (right.end, right.pattern) }
    }

    /// What the automaton must find, by looking at each place.
    func naive(_ patterns: [[UInt8]], _ text: [UInt8], folding: Bool) -> [Hit] {
        func fold(_ bytes: some Collection<UInt8>) -> [UInt8] {
            bytes.map { folding && (65...90).contains($0) ? $0 | 32 : $0 }
        }
        var hits: [Hit] = []
        let text = fold(text)
        for (id, pattern) in patterns.enumerated() where !pattern.isEmpty && pattern.count <= text.count {
            let pattern = fold(pattern)
            for start in 0...(text.count - pattern.count) where Array(text[start..<(start + pattern.count)]) == pattern
            {
                hits.append(Hit(end: start + pattern.count, pattern: id))
            }
        }
        return hits.sorted()
    }

    @Test func findsOverlappingNestedAndEqualPatterns() {
        let patterns = ["he", "she", "his", "hers", "he", ""].map { Array($0.utf8) }
        var hits: [Hit] = []
        Array("ushers".utf8).withUnsafeBytes { bytes in
            AhoCorasick(patterns).scan(bytes) { hits.append(Hit(end: $1, pattern: $0)) }
        }
        #expect(hits.map(\.end) == [4, 4, 4, 6])
        #expect(hits.first?.pattern == 1, "the longest first")
        #expect(Set(hits.map(\.pattern)) == [0, 1, 3, 4])
    }

    @Test func agreesWithANaiveSearchWholeAndInChunks() {
        var random = SeededGenerator(seed: 7)
        for round in 0..<300 {
            let alphabet: [UInt8] =
                round % 3 == 0 ? Array("aAbB".utf8) : round % 3 == 1 ? Array("ab".utf8) : Array(0...255)
            func string(_ limit: Int) -> [UInt8] {
                (0..<Int.random(in: 0...limit, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            }
            let patterns = (0..<Int.random(in: 0...12, using: &random)).map { _ in string(5) }
            let text = string(300)
            let folding = Bool.random(using: &random)
            let automaton = AhoCorasick(patterns, foldingASCIICase: folding)
            var whole: [Hit] = []
            var pieces: [Hit] = []
            text.withUnsafeBytes { bytes in
                automaton.scan(bytes) { whole.append(Hit(end: $1, pattern: $0)) }
                var state = AhoCorasick.State()
                var start = 0
                while start < bytes.count {
                    let end = min(bytes.count, start + Int.random(in: 1...7, using: &random))
                    automaton.scan(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), from: &state) {
                        pieces.append(Hit(end: start + $1, pattern: $0))
                    }
                    start = end
                }
            }
            #expect(whole.sorted() == naive(patterns, text, folding: folding))
            #expect(pieces == whole)
        }
    }

    @Test func takesPatternsOfEveryByte() {
        let every = (0...255).map { [UInt8($0)] } + [Array(0...255)]
        var hits: [Hit] = []
        Array(UInt8(0)...255).withUnsafeBytes { bytes in
            AhoCorasick(every).scan(bytes) { hits.append(Hit(end: $1, pattern: $0)) }
        }
        #expect(hits.count == 257)
        #expect(hits.contains(Hit(end: 256, pattern: 256)))
    }
}
