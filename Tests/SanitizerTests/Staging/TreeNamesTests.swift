import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// Names in the tree: those that collide, are too long, or are secrets; and what an earlier tree held.
struct TreeNamesTests {
    private let folder: TemporaryDirectory
    private let home: FilePath

    init() throws {
        folder = try TemporaryDirectory()
        home = folder.path.appending("home")
        try FileSystem.makeDirectory(home)
    }

    private func write(_ path: String, _ text: String) throws { try folder.write("home/" + path, text) }

    @Test("Folders that collide with the tree's own files, or with files that get other names, make way")
    func collidingFolders() throws {
        let value = secret(31)
        try write("auth.json", "{\"token\": \"\(value)\"}")
        try write("CANARY/x.md", "x\n")
        try write("CANARY/.env", "A=\n")
        try write("CANARY.2/y.md", "y\n")
        try write("MANIFEST.json/z.md", "z\n")
        try write("skills/a/.env", "A_TOKEN=\n")
        try write("skills/a/.env.template/t.md", "t\n")
        try write("skills/a/\(value)/f.md", "f\n")
        try write("skills/a/" + Base64.encoded(Array(value.utf8)), "g\n")
        let staged = try Staged(makeSanitizer(), home, in: folder)
        let paths = Set(staged.tree.files.map { String(decoding: $0.path, as: UTF8.self) })
        #expect(
            paths.isSuperset(of: [
                "CANARY", "CANARY.3/x.md", "CANARY.3/.env.template", "CANARY.2/y.md", "MANIFEST.json.2/z.md",
                "skills/a/.env.template/t.md", "skills/a/.env.template.2",
            ]), "\(paths.sorted())")
        #expect(staged.entry("CANARY.3/x.md")?.original == Array("CANARY/x.md".utf8))
        #expect(paths.count == staged.tree.files.count && !paths.contains { $0.contains(value) })
        // No name is both a file's and a folder's.
        for path in paths {
            #expect(!paths.contains { $0.hasPrefix(path + "/") }, "\(path)")
        }
        #expect(paths.contains { $0.hasPrefix("skills/a/REDACTED_") && $0.hasSuffix("/f.md") })
    }

    @Test("Names that no file system takes are left out, or shortened where they get a number")
    func longNames() throws {
        let value = secret(32)
        try write("auth.json", "{\"token\": \"\(value)\"}")
        let long = String(repeating: "q", count: 246)
        try write("skills/a/\(long).env", "A=\n")
        try write("skills/b/" + String(repeating: "r", count: 210) + value, "x\n")
        try write("skills/c/" + long + "X", "x\n")
        try write("skills/c/" + long + "X.env", "A=\n")
        let name = String(repeating: "t", count: 242)
        try write("skills/d/\(name).env", "A=\n")
        try write("skills/d/\(name).env.template", "mine\n")
        let staged = try Staged(makeSanitizer(), home, in: folder)
        for file in staged.tree.files { #expect(PathRule.refusal(of: file.path) == nil) }
        #expect(staged.exclusion("skills/a/\(long).env")?.reason.contains("longer than 255 bytes") == true)
        #expect(staged.text("skills/c/\(long)X") == "x\n" && staged.text("skills/d/\(name).env.template") == "mine\n")
        #expect(staged.text("skills/d/\(name).env.templa.2") == "A=\n")
        #expect(staged.tree.warnings.count { $0.contains("longer than 255 bytes") } >= 2)
    }

    @Test("A symlink whose name is a secret has no trace of it in the manifest")
    func secretLinkName() throws {
        let value = secret(33)
        try write("auth.json", "{\"token\": \"\(value)\"}")
        try write("skills/a/SKILL.md", "x\n")
        try #require(home.pushing("skills/a").appending(value).withPlatformString { symlink("SKILL.md", $0) } == 0)
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.tree.manifest.entries.count { $0.kind == .symlink && $0.original == nil } == 1)
    }

    @Test("What an earlier tree held in the clear is told once a value or a rule covers it")
    func withheld() throws {
        let value = secret(34)
        for name in ["a", "b", "c"] { try write("notes/\(name).md", "note \(name == "a" ? value : name)\n") }
        let first = try Staged(makeSanitizer(), home, in: folder)
        let paths = PathList(first.tree.files.map(\.path))
        #expect(first.tree.withheld(from: paths).isEmpty)
        try write("auth.json", "{\"token\": \"\(value)\"}")
        let rule = PolicyRule(path: "/notes/b.md", action: .exclude, reason: "private", origin: "test")
        let second = try Staged(makeSanitizer(rules: [rule]), home, in: folder).tree
        let withheld = second.withheld(from: paths)
        #expect(withheld.map(\.path) == [Array("notes/a.md".utf8), Array("notes/b.md".utf8)])
        #expect(withheld.map(\.isByRule) == [false, true])
        #expect(try second.exposes(Array("note \(value)\n".utf8), at: withheld[0].path) == "notes/a.md")
        #expect(try second.exposes(Array("note b\n".utf8), at: withheld[1].path) == nil)
        #expect(second.forgettingManifest().withheld(from: paths).isEmpty)
    }
}
