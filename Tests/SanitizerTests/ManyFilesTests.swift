import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// What is held in few bytes, and what is written in pieces, is what a plain list of everything would be.
@Suite("Many files")
struct ManyFilesTests {
    private let folder: TemporaryDirectory
    private let key = Secret([UInt8](repeating: 7, count: 32))

    init() throws { folder = try TemporaryDirectory() }

    private func entry(_ number: Int, path: String? = nil) -> Manifest.Entry {
        Manifest.Entry(
            path: Array((path ?? "notes/file \(number) with \"quotes\".md").utf8), original: nil, kind: .file,
            mode: 0o644, size: 12, sha256: hex(Digest.of(Array("\(number)".utf8), .sha256)), target: nil, action: .keep,
            rule: "notes", redactions: [])
    }

    private func manifest(_ entries: [Manifest.Entry]) -> Manifest {
        Manifest(
            instance: "test", policy: String(repeating: "a", count: 64), entries: entries,
            excluded: [.init(path: Array("x".utf8), rule: "r", reason: "left out", findings: [])], irregular: [],
            skipped: [], secretsToProvide: [], counts: Manifest.Counts(), totals: Manifest.Totals())
    }

    private func gate() throws -> Gate { try makeSanitizer().gate(home: nil) }

    @Test("A manifest written in pieces is the manifest, and each piece goes through the gate")
    func pieces() throws {
        let gate = try gate()
        for count in [0, 1, 9000] {
            let manifest = manifest((0..<count).map { entry(10_000 + $0) })
            var written: [UInt8] = []
            var pieces = 0
            try gate.pass(manifest, excluded: manifest.excluded, entries: manifest.entries) {
                written += $0.bytes
                pieces += 1
            }
            #expect(try written == manifest.json() && Manifest(json: written) == manifest)
            #expect(pieces == (count < 10 ? 1 : 2))
        }
        // The list of exclusions may be the long one, and a piece may hold the end of one list and the beginning of the other.
        var excluding = manifest((0..<6000).map { entry($0) })
        excluding.excluded = (10_000..<22_000).map {
            .init(
                path: Array("pictures/\($0).png".utf8), rule: "unclassified", reason: "left out: not text", findings: []
            )
        }
        var pieces: [[UInt8]] = []
        try gate.pass(excluding, excluded: excluding.excluded, entries: excluding.entries) { pieces.append($0.bytes) }
        #expect(pieces.count == 3 && Array(pieces.joined()) == excluding.json())
        #expect(pieces.count { $0.firstRange(of: Array("\n\"entries\": [".utf8)) != nil } == 1)

        // Names whose words read like a secret beside its name together with the manifest's own are none by themselves, in any piece.
        var tricky = manifest((0..<9000).map { entry(10_000 + $0) })
        for place in [3, 8800] {
            tricky.entries[place].path = Array("notes/file \(10_000 + place) a/password".utf8)
        }
        var written: [UInt8] = []
        try gate.pass(tricky, excluded: tricky.excluded, entries: tricky.entries) { written += $0.bytes }
        #expect(written == tricky.json())
    }

    @Test("A secret in any piece of a manifest is refused, and told with its line")
    func refusedPieces() throws {
        let gate = try gate()
        for place in [1, 8500] {
            var manifest = manifest((0..<9000).map { entry(10_000 + $0) })
            manifest.entries[place].path = Array("notes/file \(10_000 + place) ghp_\(secret(3, 36))".utf8)
            let line = manifest.json().split(separator: 10, omittingEmptySubsequences: false).firstIndex {
                $0.firstRange(of: Array("ghp_".utf8)) != nil
            }
            var written: [UInt8] = []
            let error = #expect(throws: OperatorError.self) {
                try gate.pass(manifest, excluded: manifest.excluded, entries: manifest.entries) { written += $0.bytes }
            }
            #expect(error?.type == "secret-found" && !written.holds(Array("ghp_".utf8)))
            let number = try #require(line) + 1
            #expect(error?.reason.contains("MANIFEST.json:\(number):") == true, "\(error?.reason ?? "")")
        }
    }

    @Test("Records come back as they were put in, the plain ones and the others")
    func records() throws {
        let status = try FileStatus(at: folder.write("file", "text"))
        let decision = try Policy.hermes().decision(for: Array("notes/a.md".utf8))
        var random = SplitMix64(seed: 8)
        let records = FileRecords(count: 200)
        var model: [Int: FileRecord] = [:]
        var kept = 0
        func item(_ index: Int) -> HomeInventory.Item {
            HomeInventory.Item(path: Array("notes/\(index).md".utf8), status: status, decision: decision)
        }
        for round in 0..<1000 {
            let index = Int.random(in: 0..<200, using: &random)
            var stored = FileRecord.Stored(
                entry: entry(round, path: "notes/\(index).md"), blob: gitBlobID(Array("\(round)".utf8)))
            stored.entry.mode = status.permissions
            stored.entry.rule = decision.rule
            var record = FileRecord(outcome: .stored(stored))
            switch Int.random(in: 0..<12, using: &random) {
            case 0: stored.entry.path += [0x61]
            case 1: stored.entry.original = [0x62]
            case 2: stored.entry.mode ^= 0o100
            case 3: stored.entry.sha256 = stored.entry.sha256.uppercased()
            case 4: stored.entry.action = .redact
            case 5: stored.memories = 0
            case 6: record.changedWhileRead = true
            case 7: stored.needed = [.init(kind: .environment, name: "A", file: ".env", location: nil)]
            case 8: stored.entry.rule += "x"
            default: kept += 1
            }
            record.outcome = .stored(stored)
            records[index] = FileRecords.Record(record, of: item(index))
            model[index] = record
            if round % 9 == 0 {
                records[index] = nil
                model[index] = nil
            }
        }
        #expect(kept > 100)
        for index in 0..<40 {
            let exclusion = Manifest.Exclusion(
                path: Array("notes/\(index).md".utf8) + (index % 5 == 0 ? [0x61] : []),
                rule: index % 7 == 0 ? "other" : decision.rule, reason: "reason \(index % 3)", findings: [])
            let record = FileRecord(outcome: .excluded(exclusion), changedWhileRead: index % 11 == 0)
            records[index] = FileRecords.Record(record, of: item(index))
            model[index] = record
        }
        for index in 0..<200 { #expect(records[index]?.whole(of: item(index)) == model[index]) }
        let forms = (0..<200).compactMap { records[$0] }
        #expect(forms.contains { if case .kept = $0 { true } else { false } })
        #expect(forms.contains { if case .other = $0 { true } else { false } })
        #expect(forms.count { if case .excluded = $0 { true } else { false } } > 20)
    }

    @Test("Files that want a name that is taken get numbers; the program's own names come first")
    func names() throws {
        for name in [
            "CANARY", "CANARY.2", "CANARY.2.2", "MANIFEST.json", "a/.env.template", "a/.env.template.3", "a.b",
        ] {
            try folder.write("home/" + name, "text of \(name)\n", permissions: 0o600)
        }
        try folder.write("home/a/.env", "NAME=\n", permissions: 0o600)
        let staged = try Staged(makeSanitizer(content: false), folder.path.appending("home"), in: folder)
        let text = { (name: String) in staged.text(name)?.split(separator: "\n").first.map(String.init) }
        #expect(text("CANARY.2") == "text of CANARY")
        #expect(text("CANARY.2.2") == "text of CANARY.2")
        #expect(text("CANARY.2.2.2") == "text of CANARY.2.2")
        #expect(text("MANIFEST.json.2") == "text of MANIFEST.json")
        #expect(staged.files[Canary.path] == Canary.bytes)
        #expect(staged.entry("CANARY.2")?.original == Canary.path)
        #expect(staged.tree.files.paths.isSorted)
        #expect(try Manifest(json: staged.files[Array(Manifest.fileName.utf8)] ?? []) == staged.tree.manifest)
    }
}
