import Foundation
import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

struct StagingTests {
    private let folder: TemporaryDirectory
    private let home: FilePath
    private let cache: FilePath

    init() throws {
        folder = try TemporaryDirectory()
        home = folder.path.appending("home")
        cache = folder.path.appending("cache")
        try FileSystem.makeDirectory(home)
    }

    private func write(_ path: String, _ text: String, age: Int = 100) throws {
        let file = try folder.write("home/" + path, text)
        try setAge(file, age)
    }

    /// Sets a file's modification time back, and waits until its change time counts as settled where `age` is above 0.
    private func setAge(_ file: FilePath, _ age: Int) throws {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = timespec(tv_sec: now.tv_sec - age, tv_nsec: 0)
        let result = [time, time].withUnsafeBufferPointer { times in
            file.withPlatformString { utimensat(AT_FDCWD, $0, times.baseAddress, 0) }
        }
        try #require(result == 0)
    }

    private func settle() { usleep(1_200_000) }

    @Test("An unchanged home is not read again; one edit is one file and the manifest")
    func statCache() throws {
        for index in 0..<20 { try write("notes/n\(index).md", "note \(index)\n") }
        try write("memories/MEMORY.md", "one\n§\ntwo\n")
        try write(".env", "A_TOKEN=abcdef123456\n")
        settle()
        let sanitizer = try makeSanitizer()
        let first = try Staged(sanitizer, home, in: folder, cache: cache)
        let second = try Staged(sanitizer, home, in: folder, baseline: first.baseline, cache: cache)
        #expect(second.files.isEmpty)
        #expect(second.tree.unreadThanksToCache == 22)
        #expect(second.tree.manifest == first.tree.manifest)

        try write("memories/MEMORY.md", "one\n§\nTWO\n")
        let third = try Staged(sanitizer, home, in: folder, baseline: second.baseline, cache: cache)
        #expect(Set(third.files.keys) == [Array("memories/MEMORY.md".utf8), Array(Manifest.fileName.utf8)])

        // A baseline that lost a file gets it again.
        var poor = third.baseline
        poor[Array("notes/n3.md".utf8)] = nil
        poor[Array("notes/n4.md".utf8)] = ObjectID.none
        settle()
        let fourth = try Staged(sanitizer, home, in: folder, baseline: poor, cache: cache)
        #expect(fourth.text("notes/n3.md") == "note 3\n" && fourth.text("notes/n4.md") == "note 4\n")

        // Void when the harvested values, the policy, the key or the options change.
        try write("notes/n5.md", "holds abcdef654321 by chance\n")
        settle()
        let fifth = try Staged(sanitizer, home, in: folder, baseline: fourth.baseline, cache: cache)
        try write(".env", "A_TOKEN=abcdef654321\n")
        let sixth = try Staged(sanitizer, home, in: folder, baseline: fifth.baseline, cache: cache)
        #expect(
            sixth.entry("notes/n5.md") == nil
                && sixth.exclusion("notes/n5.md")?.findings.first?.rule == KnownValues.rule)
        for other in [
            try makeSanitizer(rules: [PolicyRule(path: "zzz", action: .skip, reason: "", origin: "")]),
            try makeSanitizer(maxFileSize: 999),
            try makeSanitizer(key: 8), try makeSanitizer(known: ["another-credential-9"]),
        ] {
            #expect(
                try Staged(other, home, in: folder, baseline: sixth.baseline, cache: cache).tree.unreadThanksToCache
                    == 0)
        }
        let status = try FileStatus(at: cache)
        #expect(status.permissions == 0o600)
    }

    @Test(
        "A rule of the instance leaves files out; their secrets are looked for in the others all the same",
        arguments: [
            ("profiles/**", PolicyAction.exclude), ("profiles/**", .skip), ("profiles", .skip), (".env", .exclude),
            (".env", .skip), (".env", .keep), (".env", .redact), ("*", .skip),
        ])
    func ownRulesDoNotEndTheHarvest(_ path: String, _ action: PolicyAction) throws {
        let value = "Zq81" + "mmPPw0vRt5kk"
        try write("profiles/coder/.env", "CODER_API_KEY=\(value)\nCODER_MODE=on\n")
        try write("memories/n.md", "note \(value)\n")
        let rules = [
            PolicyRule(path: path, action: action, reason: "by choice", origin: "config.yaml:7"),
            PolicyRule(path: "memories/**", action: .keep, reason: "by choice", origin: "config.yaml:8"),
        ]
        let staged = try Staged(makeSanitizer(rules: rules), home, in: folder)
        let note = try #require(staged.text("memories/n.md"))
        #expect(note.hasPrefix("note «redacted:") && !note.contains(value), "\(note)")
        // A template is one whatever the rule says.
        if action == .keep || action == .redact {
            #expect(!staged.tree.manifest.secretsToProvide.isEmpty)
            #expect(!staged.files.values.contains { $0.holds(Array("CODER_MODE=on".utf8)) })
        }
        #expect(!staged.files.values.contains { $0.holds(Array(value.utf8)) })
    }

    @Test("A racy edit is seen: same size, same second, modification time put back")
    func racyEdits() throws {
        let sanitizer = try makeSanitizer()
        try write("notes/a.md", "version 1\n", age: 0)
        let first = try Staged(sanitizer, home, in: folder, cache: cache)
        // In place, so that the inode stays.
        let file = try FileDescriptor.open(home.appending("notes/a.md"), .writeOnly)
        _ = try file.writeAll(Array("version 2\n".utf8))
        try file.close()
        let second = try Staged(sanitizer, home, in: folder, baseline: first.baseline, cache: cache)
        #expect(second.text("notes/a.md") == "version 2\n")

        // Long after, with the old modification time: the change time tells.
        settle()
        let third = try Staged(sanitizer, home, in: folder, baseline: second.baseline, cache: cache)
        let before = try FileStatus(at: home.appending("notes/a.md"))
        let again = try FileDescriptor.open(home.appending("notes/a.md"), .writeOnly)
        _ = try again.writeAll(Array("version 3\n".utf8))
        try again.close()
        let time = timespec(tv_sec: Int(before.modified / 1_000_000_000), tv_nsec: Int(before.modified % 1_000_000_000))
        _ = [time, time].withUnsafeBufferPointer { times in
            home.appending("notes/a.md").withPlatformString { utimensat(AT_FDCWD, $0, times.baseAddress, 0) }
        }
        #expect(try FileStatus(at: home.appending("notes/a.md")).modified == before.modified)
        let fourth = try Staged(sanitizer, home, in: folder, baseline: third.baseline, cache: cache)
        #expect(fourth.text("notes/a.md") == "version 3\n")
    }

    @Test("A damaged cache is as none")
    func damagedCache() throws {
        try write("notes/a.md", "text\n")
        settle()
        let sanitizer = try makeSanitizer()
        let first = try Staged(sanitizer, home, in: folder, cache: cache)
        let bytes = try FileSystem.read(cache, limit: 1 << 20)
        var random = SplitMix64(seed: 3)
        for _ in 0..<40 {
            var broken = bytes
            broken[Int.random(in: 0..<broken.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            if Bool.random(using: &random) { broken.removeLast(Int.random(in: 1..<broken.count, using: &random)) }
            try FileSystem.replace(cache, with: broken)
            #expect(StatCache.read(cache, identity: Array(bytes[24..<56])) { _, _, _ in } == nil)
        }
        #expect(
            try Staged(sanitizer, home, in: folder, baseline: first.baseline, cache: cache).text("notes/a.md")
                == "text\n")
    }

    @Test("A sparse file of 2 GB is recorded and never read; a FIFO does not hang; what git cannot hold is listed")
    func oddFiles() throws {
        let sparse = home.appending("skills-dump.bin")
        let file = try FileDescriptor.open(sparse, .writeOnly, options: .create, permissions: .ownerReadWrite)
        try #require(ftruncate(file.rawValue, 2 << 30) == 0)
        try file.close()
        try write("skills/.GIT/config", "x\n")
        try write("skills/.gitmodules", "[submodule]\n")
        try write("skills/.gitattributes", "* text=auto\n")
        // Deeper than any path may be long: made step by step, as one call cannot name it.
        var deep = try FileDescriptor.open(home.appending("skills"), .readOnly)
        for _ in 0..<80 {
            let name = String(repeating: "d", count: 60)
            try #require(mkdirat(deep.rawValue, name, 0o700) == 0)
            let next = FileDescriptor(rawValue: openat(deep.rawValue, name, O_RDONLY | O_DIRECTORY))
            try deep.close()
            deep = next
        }
        let bottom = FileDescriptor(rawValue: openat(deep.rawValue, "note.md", O_WRONLY | O_CREAT, 0o600))
        try deep.close()
        try bottom.close()
        try write("skills/big.md", String(repeating: "word ", count: 300_000))
        try write("unknown-big.md", String(repeating: "word ", count: 300_000))
        let fifo = home.appending("skills/pipe")
        try #require(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.exclusion("skills-dump.bin")?.reason.contains("larger than maxFileSize") == true)
        #expect(
            staged.exclusion("skills/.GIT/config")?.reason == "git cannot hold it: git keeps the name .git for itself")
        #expect(
            staged.exclusion("skills/.gitmodules")?.reason == "git cannot hold it: git obeys a file named .gitmodules")
        #expect(staged.text("skills/.gitattributes") == "* text=auto\n")
        #expect(staged.tree.warnings.contains { $0.hasPrefix("skills/.gitmodules was left out: git cannot hold it") })
        let tooLong = staged.tree.manifest.excluded.filter { $0.reason.contains("longer than 3840 bytes") }
        #expect(tooLong.count == 1 && tooLong.allSatisfy { $0.path.count > 3840 && $0.path.count < 4096 })
        #expect(staged.tree.warnings.contains { $0.count < 220 && $0.contains("…") && $0.contains("longer than 3840") })
        #expect(staged.exclusion("unknown-big.md")?.reason.contains("no rule names it") == true)
        #expect(staged.text("skills/big.md")?.utf8.count == 1_500_000)
        #expect(staged.tree.manifest.irregular.map(\.kind) == [.fifo])
    }

    @Test("A file that the policy keeps and that cannot be read fails the run by name; one that it excludes does not")
    func unreadable() throws {
        try write("auth.json", "{}")
        try write("SOUL.md", "soul\n")
        try write("skills/a/SKILL.md", "skill\n")
        try write("strange.txt", "text\n")
        func close(_ path: String) throws {
            try #require(home.pushing(FilePath(path)).withPlatformString { chmod($0, 0) } == 0)
        }
        try close("SOUL.md")
        try close("skills/a/SKILL.md")
        let error = #expect(throws: OperatorError.self) {
            try asNobody { _ = try Staged(makeSanitizer(workers: 1), home, in: folder) }
        }
        #expect(
            error?.exit == .failure && error?.description.contains("SOUL.md") == true
                && error?.description.contains("SKILL.md") == true)
        _ = home.appending("SOUL.md").withPlatformString { chmod($0, 0o644) }
        _ = home.pushing("skills/a/SKILL.md").withPlatformString { chmod($0, 0o644) }
        try close("strange.txt")
        try asNobody {
            let staged = try Staged(makeSanitizer(workers: 1), home, in: folder)
            #expect(staged.exclusion("strange.txt")?.reason == "no rule names it, and it cannot be read")
        }
        // Secrets that cannot be learnt would not be found elsewhere.
        try close("auth.json")
        let harvest = #expect(throws: OperatorError.self) {
            try asNobody { _ = try Staged(makeSanitizer(workers: 1), home, in: folder) }
        }
        #expect(harvest?.description.contains("auth.json") == true)
    }

    /// Runs a body with the file rights of nobody, on this thread alone, where the tests run as root.
    private func asNobody(_ body: () throws -> Void) throws {
        for path in [folder.path, home, home.appending("skills"), home.pushing("skills/a")] {
            _ = path.withPlatformString { chmod($0, 0o777) }
        }
        for path in ["auth.json", "SOUL.md", "skills/a/SKILL.md", "strange.txt"] {
            let file = home.pushing(FilePath(path))
            if let status = try? FileStatus(at: file), status.permissions != 0 {
                _ = file.withPlatformString { chmod($0, 0o644) }
            }
        }
        try FileSystem.removeTree(folder.path.appending("staging"))
        guard geteuid() == 0 else { return try body() }
        // setfsuid(2), which the C library's module does not show to Swift: it changes this thread alone.
        let symbol = try #require(dlsym(nil, "setfsuid"))
        let setfsuid = unsafeBitCast(symbol, to: (@convention(c) (UInt32) -> Int32).self)
        _ = setfsuid(65534)
        defer {
            _ = setfsuid(0)
            try? FileSystem.removeTree(folder.path.appending("staging"))
        }
        try body()
    }

    @Test("A file that changes at every attempt to read it is told; it is read whole all the same")
    func changing() async throws {
        // Large enough that the kernel's clock ticks while it is read.
        let size = 24 << 20
        try write("memories/MEMORY.md", String(repeating: "line\n", count: size / 5))
        let path = home.pushing("memories/MEMORY.md")
        let flag = CancellationFlag()
        let writer = Thread {
            var turn = 0
            while !flag.isCancelled {
                guard let file = try? FileDescriptor.open(path, .writeOnly) else { break }
                // In place and by one byte, so that size and inode stay.
                _ = try? file.writeAll(toAbsoluteOffset: 0, [UInt8(97 + turn % 26)])
                try? file.close()
                turn += 1
            }
        }
        writer.start()
        let reader = StableReader(home: try ConfinedDirectory(home))
        let name = Array("memories/MEMORY.md".utf8)
        var wasUnstable = false
        for _ in 0..<40 where !wasUnstable {
            let content = try reader.read(name, limit: 1 << 30)
            #expect(content.bytes.count == size / 5 * 5)
            wasUnstable = !content.isStable
        }
        flag.cancel()
        while writer.isExecuting { usleep(1000) }
        #expect(wasUnstable)
        #expect(try reader.read(name, limit: 1 << 30).isStable)
        try FileSystem.removeTree(path)
        #expect(throws: StableReader.Failure.self) { try reader.read(name, limit: 1 << 30) }
    }

    @Test("Cancellation ends the work")
    func cancellation() throws {
        for index in 0..<50 { try write("notes/n\(index).md", "note\n") }
        let flag = CancellationFlag()
        flag.cancel()
        #expect(throws: CancellationError.self) {
            try makeSanitizer().stage(home: home, into: folder.path.appending("staging"), cancellation: flag)
        }
        try Sanitizer.sweep(folder.path.appending("staging"))
        #expect(try DirectoryListing.names(at: folder.path).contains(Array("staging".utf8)) == false)
    }

    @Test("Names that collide with the tree's own, and templates with files, make way")
    func collisions() throws {
        try write("MANIFEST.json", "{}")
        try write("CANARY", "mine\n")
        try write(".env", "A_TOKEN=abcdef123456\n")
        try write(".env.template", "A_TOKEN=\n")
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.text("MANIFEST.json.2") == "{}" && staged.text("CANARY.2") == "mine\n")
        #expect(staged.entry("MANIFEST.json.2")?.original == Array("MANIFEST.json".utf8))
        #expect(staged.text(".env.template") == "A_TOKEN=\n" && staged.text(".env.template.2") == "A_TOKEN=\n")
        #expect(staged.entry(".env.template.2")?.original == Array(".env".utf8))
    }

    @Test("A home that is empty, missing, or a file")
    func strangeHomes() throws {
        let staged = try Staged(makeSanitizer(), home, in: folder)
        #expect(staged.tree.files.map(\.path) == [Canary.path, Array(Manifest.fileName.utf8)])
        #expect(throws: OperatorError.self) {
            try Staged(makeSanitizer(), folder.path.appending("missing"), in: folder)
        }
        let file = try folder.write("file", "x")
        #expect(throws: OperatorError.self) { try Staged(makeSanitizer(), file, in: folder) }
    }

    @Test("A tree is written out with modes and links, and only into an empty folder")
    func writesOut() throws {
        try write("scripts/run.sh", "#!/bin/sh\n")
        _ = home.pushing("scripts/run.sh").withPlatformString { chmod($0, 0o755) }
        _ = home.appending("scripts").appending("link").withPlatformString { symlink("run.sh", $0) }
        let staged = try Staged(makeSanitizer(), home, in: folder)
        let out = folder.path.appending("out")
        try staged.tree.write(into: out)
        #expect(try FileStatus(at: out.pushing("scripts/run.sh")).permissions == 0o700)
        #expect(try FileStatus(at: out.pushing("scripts/link")).kind == .symlink)
        #expect(
            try Manifest(json: FileSystem.read(out.appending(Manifest.fileName), limit: 1 << 20))
                == staged.tree.manifest)
        #expect(throws: OperatorError.self) { try staged.tree.write(into: out) }
    }
}
