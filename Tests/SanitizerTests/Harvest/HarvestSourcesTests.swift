import Foundation
import Glibc
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// Which files the harvest reads, and when it reads them again.
struct HarvestSourcesTests {
    private let folder: TemporaryDirectory
    private let home: FilePath
    private let value = "Olden-Kq8vT-" + "pLw7"

    init() throws {
        folder = try TemporaryDirectory()
        home = folder.path.appending("home")
        try FileSystem.makeDirectory(home)
        try folder.write("home/memories/MEMORY.md", "\(value) is nice\n")
    }

    private func link(_ path: String, to target: String) throws {
        let place = home.pushing(FilePath(path))
        try FileSystem.makeDirectory(place.removingLastComponent())
        try #require(place.withPlatformString { symlink(target, $0) } == 0)
    }

    private func memory(_ staged: Staged) -> String { staged.text("memories/MEMORY.md") ?? "" }

    @Test(
        "Credentials behind a link are learnt, in the home and out of it, and through links to links",
        arguments: [
            (".env", "env", "ROUTER=@"), ("auth.json", "auth", #"{"token": "@"}"#),
            ("config.yaml", "c.yaml", "passwords:\n  router: @\n"), ("profiles/work/.env", "e", "ROUTER=@"),
            ("plugins/p/prod.env.bak", "e", "ROUTER=@"), ("cache/bws_cache.json", "b.json", #"{"token": "@"}"#),
        ])
    func links(_ name: String, _ target: String, _ content: String) throws {
        try folder.write("outside/\(target)", content.replacingOccurrences(of: "@", with: value))
        for first in [folder.path.pushing("outside").appending(target).string, folder.path.appending("hop").string] {
            try link(name, to: first)
            if first.hasSuffix("hop") {
                try #require(folder.path.appending("hop").withPlatformString { symlink("outside/" + target, $0) } == 0)
            }
            #expect(!memory(try Staged(makeSanitizer(), home, in: folder)).contains(value), "\(name)")
            try FileSystem.removeTree(home.pushing(FilePath(name)))
        }
    }

    @Test("Folders of credentials, and profiles, behind a link are looked through; loops end")
    func folders() throws {
        for (name, file) in [
            ("auth", "deep/token.json"), ("mcp-tokens", "x.json"), ("platforms", "whatsapp/s.json"),
            ("profiles/work", "auth.json"), ("profiles", "work/auth.json"),
        ] {
            let outside = folder.path.appending("outside")
            try FileSystem.removeTree(outside)
            try folder.write("outside/\(file)", #"{"token": "\#(value)"}"#)
            try #require(outside.appending("loop").withPlatformString { symlink(outside.string, $0) } == 0)
            try link(name, to: outside.string)
            let staged = try Staged(makeSanitizer(), home, in: folder)
            #expect(!memory(staged).isEmpty && !memory(staged).contains(value), "\(name)")
            #expect(!staged.tree.files.contains { String(decoding: $0.path, as: UTF8.self).contains("token.json") })
            try FileSystem.removeTree(home.appending(String(name.prefix { $0 != "/" })))
        }
        #expect(memory(try Staged(makeSanitizer(), home, in: folder)).contains(value))
    }

    @Test("A link that leads nowhere is told; one to what cannot be read ends the run")
    func unreadable() throws {
        try link(".env", to: "/nowhere/at-all")
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.tree.warnings.contains { $0.hasPrefix(".env is a link that leads nowhere") })
        try FileSystem.removeTree(home.appending(".env"))
        // A name longer than a component may be cannot be looked at by anybody.
        try link(".env", to: "/" + String(repeating: "n", count: 300))
        #expect(throws: OperatorError.self) { try Staged(makeSanitizer(), home, in: folder) }
    }

    @Test("A credential file too large to learn from is told")
    func large() throws {
        try folder.write("home/auth.json", #"{"a": "\#(String(repeating: "word ", count: 2_000_000))"}"#)
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.tree.warnings.contains { $0.hasPrefix("auth.json is larger than 8 MiB") })
    }

    @Test("A config.yaml that does not parse is left out with a warning, and its values are looked for all the same")
    func brokenConfig() throws {
        try folder.write("home/config.yaml", "model: x\npasswords:\n  router: \(value)\nbroken: [1, 2\n\t- x: {\n")
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.files[Array("config.yaml".utf8)] == nil)
        #expect(staged.exclusion("config.yaml")?.reason.contains("no YAML") == true)
        #expect(staged.tree.warnings.contains { $0.hasPrefix("config.yaml is no YAML") })
        #expect(!memory(staged).contains(value))
        for text in ["", "# only a comment\n", "model: x\n"] {
            try folder.write("home/config.yaml", text)
            #expect(try Staged(makeSanitizer(), home, in: folder).text("config.yaml") == text)
        }
    }

    @Test(
        "Environment files by any of their names become templates, and are learnt from",
        arguments: [
            ".env_backup", "env", "scripts/.env-2025", "scripts/prod.env.bak", ".env~", "skills/a/app.env.old",
            "scripts/env",
        ])
    func dotenvNames(_ name: String) throws {
        try folder.write("home/\(name)", "# Kim's printer: \(value)x2\nROUTER=\(value)\n")
        try folder.write("home/memories/USER.md", "\(value)x2 is nice\n")
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.files[Array(name.utf8)] == nil)
        let template = try #require(staged.text(name + ".template"))
        #expect(template.contains("ROUTER=\n") && !template.contains(value))
        #expect(!memory(staged).contains(value) && staged.text("memories/USER.md")?.contains(value) == false)
    }

    @Test("A program called env stays one; examples stay examples")
    func noDotenv() throws {
        try folder.write("home/scripts/env", "#!/bin/sh\nexec env A=1 \"$@\"\n")
        try folder.write("home/scripts/.env_example", "A_TOKEN=\n")
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.text("scripts/env")?.hasPrefix("#!/bin/sh") == true)
        #expect(staged.text("scripts/.env_example") == "A_TOKEN=\n")
    }

    // MARK: While a home is read

    /// Runs a body before a home's files are read, which is after its credentials were, or after each of them.
    private struct Interference: ProgressReporter {
        var before: @Sendable () -> Void = {}
        var after: @Sendable () -> Void = {}
        func begin(_ phase: String, total: Int64?) { before() }
        func advance(_ amount: Int64) { after() }
        func end() {}
    }

    @Test("A secret that is stored while the home is read, and written into a note, does not get through")
    func storedMeanwhile() throws {
        try folder.write("home/.env", "A=1\n")
        try folder.write("home/notes/z.md", "nothing\n")
        try folder.write("home/memories/MEMORY.md", "nothing\n")
        let (folder, value) = (folder, value)
        let isDone = Mutex(false)
        let staging = folder.path.appending("staging")
        let tree = try makeSanitizer(workers: 1).stage(
            home: home, into: staging,
            progress: Interference(after: {
                isDone.withLock { isDone in
                    guard !isDone else { return }
                    isDone = true
                    _ = try? folder.write("home/.env", "A=1\nNEWDOOR=\(value)\n")
                    _ = try? folder.write("home/notes/z.md", "\(value) is nice\n")
                }
            }))
        for file in tree.files {
            guard case .staged(let path) = file.source else { continue }
            #expect(try !FileSystem.read(path, limit: 1 << 20).holds(Array(value.utf8)), "\(printable(file.path))")
        }
        #expect(try tree.gate.hits(in: Array("x \(value)".utf8), name: []).count == 1)
        // A new file of the kind makes the gate stale, too.
        usleep(1_200_000)
        #expect(!(try makeSanitizer().stage(home: home, into: staging)).isGateStale)
        let later = try makeSanitizer().stage(home: home, into: staging)
        try folder.write("home/plugins/p/.env", "B=\(value)9\n")
        #expect(later.isGateStale)
    }

    @Test("Secrets that come at every attempt, and stand in a note at once, end the run as something a retry helps")
    func storedAgainAndAgain() throws {
        try folder.write("home/notes/a.md", "nothing\n")
        try folder.write("home/notes/z.md", "nothing\n")
        let (folder, value) = (folder, value)
        let counter = Counter()
        let error = #expect(throws: OperatorError.self) {
            try makeSanitizer(workers: 1).stage(
                home: home, into: folder.path.appending("staging"),
                progress: Interference(before: {
                    let new = "\(value)-\(counter.next())"
                    _ = try? folder.write("home/.env", "NEWDOOR=\(new)\n")
                    _ = try? folder.write("home/notes/z.md", "\(new) is nice\n")
                }))
        }
        #expect(error?.type == "credentials-changed" && error?.isTemporary == true)
    }
}
