import Support
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

@Suite("Git's index", .timeLimit(.minutes(1)))
struct IndexFileTests {
    private func read(_ path: FilePath) throws -> [IndexFile.Entry] {
        var entries: [IndexFile.Entry] = []
        try IndexFile.read(path) { entries.append($0) }
        return entries
    }

    @Test("Every version of stock git's is read, flags and long names too, and ours reads back", arguments: [2, 3, 4])
    func versions(version: Int) async throws {
        let folder = try TemporaryDirectory()
        let work = folder.path.appending("work")
        try await Git.run(["init", "-q", work.string])
        let long = (0..<22).map { _ in String(repeating: "d", count: 195) }.joined(separator: "/")
        var names = ["a", "a/b", "a-b", "ab", "bc/d", "bc/de", "bc/f/g", "x"].map { $0 + "/file" }
        for name in names { try folder.write("work/" + name, name, permissions: 0o644) }
        try await Git.run(["add", "-A"], in: work)
        let blob = try await Git.run(["hash-object", "-w", "a/file"], in: work)
        // Longer than twelve bits can tell, and than any path of a file may be.
        names.append(long)
        try await Git.run(["update-index", "--add", "--cacheinfo", "100755,\(blob),\(long)"], in: work)
        if version == 3 { try await Git.run(["update-index", "--skip-worktree", "x/file"], in: work) }
        try await Git.run(["update-index", "--index-version", "\(version)"], in: work)
        let index = work.appending(".git/index")
        let bytes = try FileSystem.read(index, limit: 1 << 20)
        try #require(bytes[7] == version)
        let entries = try read(index)
        #expect(entries.map(\.path) == names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
        let listed = try await Git.run(["ls-files", "-s"], in: work).split(separator: "\n").map(String.init)
        #expect(
            entries.map { entry in
                let mode = String(entry.mode, radix: 8)
                return "\(mode) \(entry.id) \(entry.stage)\t\(String(decoding: entry.path, as: UTF8.self))"
            } == listed)
        for entry in entries where entry.path != Array(long.utf8) {
            let file = work.pushing(FilePath(bytes: entry.path))
            #expect(try entry.stamp == IndexFile.Stamp(FileStatus(at: file)))
        }
        #expect(entries.filter(\.isExtended).map(\.path) == (version == 3 ? [Array("x/file".utf8)] : []))

        try IndexFile.write(entries.shuffled(), in: work.appending(".git"))
        let again = try read(index)
        #expect(again.map(\.path) == entries.map(\.path) && again.map(\.stamp) == entries.map(\.stamp))
        #expect(try await Git.run(["ls-files", "-s"], in: work).split(separator: "\n").map(String.init) == listed)
        #expect(try await Git.run(["ls-files", "-t", "x/file"], in: work) == (version == 3 ? "S" : "H") + " x/file")
    }

    @Test("A damaged index is told, wherever the damage is; none at all is empty")
    func damage() async throws {
        let folder = try TemporaryDirectory()
        try await Git.run(["init", "-q", folder.path.string])
        for name in ["a", "b/c"] { try folder.write(name, name, permissions: 0o644) }
        try await Git.run(["add", "-A"], in: folder.path)
        let bytes = try FileSystem.read(folder.path.appending(".git/index"), limit: 1 << 20)
        let copy = folder.path.appending("copy")
        #expect(try read(copy).isEmpty)
        for place in bytes.indices {
            var broken = bytes
            broken[place] ^= 0x41
            try FileSystem.replace(copy, with: broken)
            #expect(throws: IndexFile.Unreadable.self, "byte \(place)") { try read(copy) }
            try FileSystem.replace(copy, with: Array(bytes[..<place]))
            #expect(throws: IndexFile.Unreadable.self, "cut at \(place)") { try read(copy) }
        }
    }
}
