import Testing

@testable import Notify

@Suite struct TelegramTextTests {
    @Test(arguments: 0..<60 as Range<UInt64>) func piecesFitAndJoinToTheWhole(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet: [Character] = ["a", " ", "\n", "ß", "🔴", "👩‍👩‍👧‍👦", "1️⃣", "e\u{301}", "\r\n"]
        let text = String(
            (0..<Int.random(in: 0...400, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
        let limit = Int.random(in: 12...64, using: &random)
        let pieces = TelegramText.pieces(of: text, limit: limit)
        #expect(pieces.joined() == text)
        #expect(pieces.allSatisfy { $0.utf16.count <= limit && !$0.isEmpty })
        // No character is torn: the pieces have as many as the text.
        #expect(pieces.map(\.count).reduce(0, +) == text.count)
    }

    @Test func aCharacterLongerThanAMessageIsCutBetweenScalars() {
        let monster = "e" + String(repeating: "\u{301}", count: 10000)
        let pieces = TelegramText.pieces(of: monster)
        #expect(pieces.map(\.unicodeScalars.count).reduce(0, +) == 10001)
        #expect(pieces.allSatisfy { $0.utf16.count <= 4096 })
    }

    @Test func aPieceEndsAfterALineWhereOneEnds() {
        let text = String(repeating: "x", count: 90) + "\n" + String(repeating: "y", count: 90)
        #expect(TelegramText.pieces(of: text, limit: 100).map(\.count) == [91, 90])
    }

    @Test func emojiCountTwice() {
        #expect(TelegramText.pieces(of: String(repeating: "🔴", count: 2048)).count == 1)
        #expect(TelegramText.pieces(of: String(repeating: "🔴", count: 2049)).count == 2)
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
