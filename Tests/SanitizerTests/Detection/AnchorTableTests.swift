import TestSupport
import Testing

@testable import Sanitizer

/// The anchors that a scan finds are those that a search for each of them, place by place, finds.
@Suite struct AnchorTableTests {
    private struct Found: Hashable, Comparable, CustomStringConvertible {
        var start: Int
        var id: Int

        static func < (left: Found, right: Found) -> Bool { (left.start, left.id) < (right.start, right.id) }
        var description: String { "\(id)@\(start)" }
    }

    private static let anchors: [AnchorTable.Anchor] = [
        AnchorTable.Anchor(bytes: Array("token".utf8)),
        AnchorTable.Anchor(bytes: Array("key".utf8)),
        AnchorTable.Anchor(bytes: Array("ghp_".utf8), isCaseSensitive: true),
        AnchorTable.Anchor(bytes: Array("pw".utf8), endsWord: true),
        AnchorTable.Anchor(bytes: Array("sk".utf8), isCaseSensitive: true, followers: Array("-_".utf8)),
        AnchorTable.Anchor(bytes: Array("://".utf8)),
        AnchorTable.Anchor(bytes: Array("пароль".utf8)),
        AnchorTable.Anchor(bytes: Array("key=token".utf8)),
        AnchorTable.Anchor(bytes: Array("aaaa".utf8)),
    ]

    private func naive(_ text: [UInt8], _ anchors: [AnchorTable.Anchor] = anchors) -> [Found] {
        var found: [Found] = []
        for (id, anchor) in anchors.enumerated() {
            for start in text.indices where start + anchor.bytes.count <= text.count {
                let end = start + anchor.bytes.count
                let same = zip(text[start..<end], anchor.bytes).allSatisfy {
                    anchor.isCaseSensitive ? $0 == $1 : lowered($0) == lowered($1)
                }
                let next = end < text.count ? text[end] : 0
                guard same, !(anchor.endsWord && next.isLetter),
                    anchor.followers.isEmpty || anchor.followers.contains(where: { $0 | 0x20 == next | 0x20 })
                else { continue }
                found.append(Found(start: start, id: id))
            }
        }
        return found.sorted()
    }

    private func scanned(_ text: [UInt8]) -> [Found] { scanned(text, Self.anchors, Self.table(Self.anchors)) }

    private static func table(_ anchors: [AnchorTable.Anchor]) -> AnchorTable {
        AnchorTable(anchors) { slice in slice.reduce(0) { $0 + Int($1) } }
    }

    private func scanned(_ text: [UInt8], _ anchors: [AnchorTable.Anchor], _ table: AnchorTable) -> [Found] {
        text.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return [] }
            var found: [Found] = []
            var hits = table.hits(in: ByteText(base: base, count: buffer.count))
            while let hit = hits.next() {
                #expect(hit.end - hit.start == anchors[hit.id].bytes.count)
                found.append(Found(start: hit.start, id: hit.id))
            }
            return found.sorted()
        }
    }

    /// Texts made of the anchors' pieces, cut anywhere, so that anchors overlap, break off and stand at the very ends.
    @Test func everyAnchorIsFoundWhereItStands() {
        var random = SplitMix64(seed: 7)
        let pieces = [
            "token", "TOKEN", "key", "kEy=", "ghp_", "GHP_", "pw", "pwd", "pw:", "sk-", "sk_", "skx", "://", "пароль",
            "a", "aaaa", " ", "\n", "é",
        ]
        for _ in 0..<3000 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0...9, using: &random) {
                let piece = Array((pieces.randomElement(using: &random) ?? "").utf8)
                text += piece.prefix(Int.random(in: 1...8, using: &random))
            }
            #expect(scanned(text) == naive(text), "\(String(decoding: text, as: UTF8.self))")
        }
    }

    /// Long texts, in which places are looked up many at a time: every anchor at every place beside the edges of blocks and vectors.
    @Test func everyAnchorIsFoundInALongText() {
        for place in [0, 15, 16, 31, 4090, 4093, 4094, 4095, 4096, 4100, 8191, 9000, 9980] {
            for anchor in Self.anchors {
                var text = (0..<10_000).map { UInt8(ascii: "a") &+ UInt8($0 * $0 % 7) }
                for start in place..<(place + 5) {
                    text.replaceSubrange(start..<start + anchor.bytes.count, with: anchor.bytes)
                    #expect(
                        scanned(text) == naive(text), "\(String(decoding: anchor.bytes, as: UTF8.self)) at \(start)")
                }
            }
        }
    }

    @Test func anchorsAtTheEdgesOfATextAreFound() {
        for length in 0..<12 {
            for anchor in Self.anchors where anchor.followers.isEmpty {
                let text = Array(repeating: UInt8(ascii: "."), count: length) + anchor.bytes
                #expect(scanned(text).contains { $0.start == length && Self.anchors[$0.id].bytes == anchor.bytes })
            }
        }
    }

    /// So many anchors that they share hashes and groups, in texts made of their pieces, short ones and ones of many vectors.
    @Test func manyAnchorsAreFoundWhereTheyStand() {
        var random = SplitMix64(seed: 11)
        let bytes = Array("abcdeKEY019_-:=\"/ .é".utf8)
        func sample(_ lengths: ClosedRange<Int>) -> [UInt8] {
            (0..<Int.random(in: lengths, using: &random)).map { _ in bytes.randomElement(using: &random) ?? 0 }
        }
        let anchors = (0..<1500).map { number in
            AnchorTable.Anchor(
                bytes: sample(number % 3 == 0 ? 2...3 : 4...12), isCaseSensitive: number % 2 == 0,
                endsWord: number % 5 == 0, followers: number % 9 == 0 ? [] : Array("k_=".utf8))
        }.map { anchor in
            var anchor = anchor
            if anchor.bytes.count > 2 { anchor.followers = [] }
            return anchor
        }
        let table = Self.table(anchors)
        for round in 0..<150 {
            var text: [UInt8] = []
            while text.count < (round % 3 == 0 ? 400 : 40) {
                text +=
                    anchors.randomElement(using: &random)?.bytes.prefix(Int.random(in: 1...12, using: &random)) ?? []
                if Bool.random(using: &random) { text += sample(0...2) }
            }
            #expect(scanned(text, anchors, table) == naive(text, anchors))
        }
    }
}
