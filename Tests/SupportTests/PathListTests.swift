import Support
import SystemPackage
import TestSupport
import Testing

@Suite("Many paths and large files in little memory")
struct PathListTests {
    /// Paths that share beginnings, where orders differ most.
    private func randomPaths(_ random: inout SplitMix64) -> [[UInt8]] {
        (0..<Int.random(in: 0..<60, using: &random)).map { _ in
            (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                [0x2E, 0x2F, 0x30, 0x61, 0x80, 0xFF].randomElement(using: &random) ?? 0
            }
        }
    }

    @Test("A list is as an array of arrays: order, look-ups, reordering")
    func asArrays() {
        var random = SplitMix64(seed: 4)
        for _ in 0..<300 {
            let plain = randomPaths(&random)
            let list = PathList(plain)
            #expect(list.map(Array.init) == plain && list.count == plain.count)
            let sorted = plain.sorted { $0.lexicographicallyPrecedes($1) }
            #expect(list.sortedIndices().map { plain[$0] } == sorted)
            #expect(list.reordered(list.sortedIndices()).map(Array.init) == sorted)
            #expect(list.isSorted == (sorted == plain && Set(plain).count == plain.count))
            let unique = Set(plain).sorted { $0.lexicographicallyPrecedes($1) }
            let known = PathList(unique)
            #expect(known.isSorted)
            for path in plain + randomPaths(&random) {
                let expected = unique.firstIndex(of: path)
                #expect(known.index(of: path) == expected)
                #expect(known.index(of: path, hint: Int.random(in: 0...unique.count, using: &random)) == expected)
            }
        }
    }

    @Test("Merging visits each path of two lists once, in order")
    func merging() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<300 {
            let sides = (0..<2).map { _ in Set(randomPaths(&random)).sorted { $0.lexicographicallyPrecedes($1) } }
            var visited: [[UInt8]] = []
            mergePaths(PathList(sides[0]), PathList(sides[1])) { left, right in
                let paths = [left.map { sides[0][$0] }, right.map { sides[1][$0] }]
                let path = paths.compactMap(\.self)[0]
                #expect((paths[0] != nil) == sides[0].contains(path) && (paths[1] != nil) == sides[1].contains(path))
                #expect(paths.compactMap(\.self).allSatisfy { $0 == path })
                visited.append(path)
            }
            #expect(visited == Set(sides[0] + sides[1]).sorted { $0.lexicographicallyPrecedes($1) })
        }
    }

    @Test("A reader in pieces hands out the file's bytes and the digest of all of them")
    func reader() throws {
        let folder = try TemporaryDirectory()
        var random = SplitMix64(seed: 6)
        let bytes = (0..<700_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let path = try folder.write("file", bytes)
        for limit in [10, 5000, 400_000] {
            let file = try FileSystem.openRegular(path)
            defer { file.closeQuietly() }
            var reader = HashingReader(file, length: 600_000, .sha1)
            var place = 0
            while place < 550_000 {
                let count = Int.random(in: 0...min(limit, 600_000 - place), using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: try reader.skip(count)
                case 1: #expect(try reader.bytes(count) == Array(bytes[place..<(place + count)]))
                default: #expect(try reader.next(count) { $0.elementsEqual(bytes[place..<(place + count)]) })
                }
                place += count
                #expect(reader.remaining == 600_000 - place)
            }
            let end = try #require(bytes[place...].firstIndex(of: 7))
            #expect(try reader.bytes(upTo: 7) == Array(bytes[place..<end]))
            var isShort = false
            do { _ = try reader.bytes(100_000) } catch is HashingReader.UnexpectedEnd { isShort = true }
            #expect(isShort)
            let digest = try reader.finish()
            #expect(digest == Digest.of(Array(bytes[..<600_000]), .sha1))
        }
    }
}
