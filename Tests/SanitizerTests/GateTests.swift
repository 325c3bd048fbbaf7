import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// The gate and what goes through it: manifests, names, limits.
struct GateTests {
    let folder: TemporaryDirectory
    let home: FilePath

    init() throws {
        folder = try TemporaryDirectory()
        home = folder.path.appending("home")
        try FileSystem.makeDirectory(home)
    }

    @Test("Words in names, key paths and reasons never end a run because of where the manifest puts them")
    func wordyManifest() throws {
        let names = [
            "skills/api-key-rotation/SKILL.md", "skills/password/SKILL.md", "skills/passwords and tokens.md",
            "skills/secret: none.md",
            "skills/the token is.md", "memories/password reset.md", "scripts/client_secret.sh", "notes/PIN.txt",
            "notes/login.md",
            "skills/\(hex(Digest.of(Array("x".utf8), .sha1)))/SKILL.md",
            "notes/6c1f9a52-3b7d-4a11-9e0f-0d2b8c7a6e55.md",
        ]
        for name in names { try folder.write("home/" + name, "text\n") }
        try folder.write(
            "home/config.yaml",
            "providers:\n  password:\n    api_key: \(secret(1))\n  secret:\n    token: \(secret(2))\n  the-password-is:\n    client_secret: \(secret(3))\n"
        )
        try folder.write("home/.env", "PASSWORD=\(secret(4))\nTOKEN=\(secret(5))\nAPI_KEY=\(secret(6))\n")
        let rules = [
            PolicyRule(
                path: "/notes/login.md", action: .exclude, reason: "the password is kept elsewhere", origin: "test")
        ]
        let staged = try Staged(makeSanitizer(rules: rules), home, in: folder)
        let manifest = try #require(staged.files[Array(Manifest.fileName.utf8)])
        #expect(
            try staged.tree.gate.hits(in: manifest, name: Array("hermes_persistent_backup/MANIFEST.json".utf8)).isEmpty)
        for name in names where name != "notes/login.md" { #expect(staged.text(name) == "text\n", "\(name)") }
        #expect(staged.exclusion("notes/login.md") != nil)
        for seed in 1...6 as ClosedRange<UInt64> {
            for bytes in staged.files.values { #expect(!bytes.holds(Array(secret(seed).utf8))) }
        }

        // What is no manifest of ours, or holds a secret in one of its texts, gets no leave.
        var forged = staged.tree.manifest
        forged.excluded[0].reason = "the token is ghp_" + secret(9, 36)
        #expect(try !staged.tree.gate.hits(in: forged.json(), name: Array(Manifest.fileName.utf8)).isEmpty)
        forged = staged.tree.manifest
        forged.excluded[0].reason = secret(4)
        #expect(try !staged.tree.gate.hits(in: forged.json(), name: Array(Manifest.fileName.utf8)).isEmpty)
        let padded = Array(#"{"password": "\#(secret(8))"}"#.utf8)
        #expect(try !staged.tree.gate.hits(in: padded, name: Array(Manifest.fileName.utf8)).isEmpty)
    }

    @Test("Secrets in the names of files reach neither manifest nor warnings nor the state directory")
    func namesInState() throws {
        let token = "ghp_" + secret(11, 36)
        let known = secret(12, 24)
        try folder.write("home/.env", "MY_TOKEN=\(known)\n")
        try folder.write("home/notes/\(token).md", "text\n")
        try folder.write("home/notes/\(known).md", "text\n")
        try folder.write("home/skills/\(known)/.env", "OTHER_PASSWORD=\(secret(13))\n")
        try folder.write("home/sessions/\(token).jsonl", "{}\n")
        let cache = folder.path.appending("cache")
        try settle()
        let sanitizer = try makeSanitizer()
        let staged = try Staged(sanitizer, home, in: folder, cache: cache)
        let state = try FileSystem.read(cache, limit: 1 << 20)
        for value in [token, known] {
            #expect(!state.holds(Array(value.utf8)))
            #expect(staged.files.allSatisfy { !$0.key.holds(Array(value.utf8)) && !$0.value.holds(Array(value.utf8)) })
            #expect(staged.tree.warnings.allSatisfy { !$0.contains(value) })
        }
        // They are remembered all the same.
        let again = try Staged(sanitizer, home, in: folder, baseline: staged.baseline, cache: cache)
        #expect(again.files.isEmpty && again.tree.unreadThanksToCache == 5)
    }

    private func settle() throws {
        try Staged.settle()
    }

    @Test("A second look catches what the first one missed; what never gets clean is left out")
    func independentPass() throws {
        let name = Array("notes/a.md".utf8)
        let text = Array("first=\(secret(21)) second=\(secret(22)) end\n".utf8)
        let key = Secret([UInt8](repeating: 7, count: 32))
        let looks = Counter()
        // Sees one value at a time, the second only at a later look.
        let gate = Gate(
            inspector: Inspector(known: nil, key: key) { bytes, name in
                guard !name.isEmpty else { return [] }
                let wanted = Array((looks.next() == 0 ? secret(21) : secret(22)).utf8)
                return Array(bytes).firstRange(of: wanted).map {
                    [Finding(rule: "test", range: $0, needsQuotes: false)]
                } ?? []
            })
        try folder.write("home/notes/a.md", String(decoding: text, as: UTF8.self))
        let written = Written()
        let processor = FileProcessor(
            gate: gate, reader: StableReader(home: try ConfinedDirectory(home)), homePath: home.bytes,
            maxFileSize: 1 << 20, key: key
        ) { _, gated in written.add(gated.bytes) }
        func item() throws -> HomeInventory.Item {
            HomeInventory.Item(
                path: name, status: try FileStatus(at: home.pushing(FilePath(bytes: name))),
                decision: try Policy.hermes().decision(for: Array("SOUL.md".utf8)))
        }
        let record = try processor.process(item())
        guard case .stored = record.outcome else {
            Issue.record("not stored: \(record)")
            return
        }
        let bytes = try #require(written.all.first)
        #expect(written.all.count == 1 && !bytes.holds(Array(secret(21).utf8)) && !bytes.holds(Array(secret(22).utf8)))

        // Something to find at every look.
        let endless = Gate(
            inspector: Inspector(known: nil, key: key) { bytes, name in
                name.isEmpty ? [] : [Finding(rule: "test", range: 0..<1, needsQuotes: false)]
            })
        let stubborn = FileProcessor(
            gate: endless, reader: processor.reader, homePath: home.bytes, maxFileSize: 1 << 20, key: key
        ) { _, gated in written.add(gated.bytes) }
        guard case .excluded = try stubborn.process(item()).outcome else {
            Issue.record("stored though never clean")
            return
        }
        #expect(written.all.count == 1)
    }

    @Test("A rule that gives up fails closed: the file is left out and told, the name too")
    func limits() throws {
        let key = Secret([UInt8](repeating: 7, count: 32))
        try folder.write("home/notes/a.md", "text\n")
        let name = Array("notes/a.md".utf8)
        for failsOnNames in [false, true] {
            let gate = Gate(
                inspector: Inspector(known: nil, key: key) { _, name in
                    if failsOnNames || !name.isEmpty {
                        throw OperatorError("rules.limit", doing: "matching a detector rule", reason: "match limit")
                    }
                    return []
                })
            let written = Written()
            let processor = FileProcessor(
                gate: gate, reader: StableReader(home: try ConfinedDirectory(home)), homePath: home.bytes,
                maxFileSize: 1 << 20,
                key: key
            ) { _, gated in written.add(gated.bytes) }
            let item = HomeInventory.Item(
                path: name, status: try FileStatus(at: home.pushing(FilePath(bytes: name))),
                decision: try Policy.hermes().decision(for: Array("SOUL.md".utf8)))
            guard case .excluded(let exclusion) = try processor.process(item).outcome else {
                Issue.record("stored though a rule gave up")
                return
            }
            #expect(exclusion.reason.contains("gave up"))
            #expect((exclusion.path == name) == !failsOnNames)
            #expect(written.all.isEmpty)
        }
    }
}
