import Foundation
import Glibc
import Sanitizer
import Support
import SystemPackage
import TestSupport
import Testing

@testable import RestoreDrill

@Suite struct RestoreTargetTests {
    @Test func insideAboveEqualAndSymlinkedAreRefused() throws {
        let folder = try TemporaryDirectory()
        let home = folder.path.pushing("a/home")
        try FileSystem.makeDirectory(home)
        let link = folder.path.appending("link")
        #expect(symlink(home.string, link.string) == 0)
        let good = folder.path.pushing("b/c")
        for bad in [
            home, home.appending("x"), home.pushing("x/y/z"), folder.path.appending("a"), folder.path, "/",
            link, link.appending("x"), folder.path.pushing("a/../a/home"), folder.path.pushing("x/.hermes/d"),
            folder.path.pushing("profiles/p"),
        ] {
            let error = #expect(throws: OperatorError.self, "\(bad)") {
                try RestoreTarget.check(bad, awayFrom: home)
            }
            #expect(error?.exit == .usage)
            #expect(throws: OperatorError.self) { try RestoreTarget.check(bad, awayFrom: link) }
        }
        try RestoreTarget.check(good, awayFrom: home)
        try RestoreTarget.check(folder.path.pushing("a/home2"), awayFrom: home)
        try RestoreTarget.check(good, awayFrom: folder.path.appending("missing"))
    }
}

@Suite struct DrillFolderTests {
    @Test func onlyMarkedFoldersOfDeadProcessesAreSwept() throws {
        let parent = try TemporaryDirectory()
        let mine = try DrillFolder(below: parent.path)
        func make(_ name: String, _ identity: ProcessIdentity?) throws -> FilePath {
            let path = parent.path.appending(name)
            try FileSystem.makeDirectory(path.appending("inner"))
            if let identity {
                try FileSystem.replace(
                    path.appending(DrillFolder.markerName), with: Array(try JSONEncoder().encode(identity)))
            }
            return path
        }
        let me = ProcessIdentity.current
        let dead = try make("drill-dead", ProcessIdentity(pid: me.pid, startTime: me.startTime + 1, bootID: me.bootID))
        let earlier = try make("drill-boot", ProcessIdentity(pid: me.pid, startTime: me.startTime, bootID: "0"))
        let unmarked = try make("drill-unmarked", nil)
        let other = try make("home", ProcessIdentity(pid: 1, startTime: 1, bootID: "0"))
        let swept = try DrillFolder.sweep(below: parent.path)
        #expect(Set(swept) == [dead, earlier])
        for path in [mine.path, unmarked, other] { #expect(try FileStatus(at: path).kind == .directory) }
        #expect(try FileStatus(at: mine.path).permissions == 0o700)
        _ = try DrillFolder.sweep(below: parent.path, includingOwn: true)
        #expect((try? FileStatus(at: mine.path)) == nil)
        #expect(try DrillFolder.sweep(below: parent.path.appending("missing")).isEmpty)
    }
}

@Suite struct ReceiptTests {
    private func receipt(_ outcome: CheckOutcome = .passed) -> Receipt {
        // A manifest's own type, whose members are made by decoding.
        let json = Data(#"[{"kind": "environment", "name": "TOKEN", "file": ".env"}]"#.utf8)
        let secrets = (try? JSONDecoder().decode([Manifest.Needed].self, from: json)) ?? []
        let part = Receipt.Part(
            source: "repository", outcome: outcome,
            origins: [
                .init(
                    type: "repository", identity: String(repeating: "a", count: 40), instance: "vijay",
                    takenAt: Timestamp(seconds: 1_790_000_000), manifestSHA256: String(repeating: "b", count: 64))
            ], rpoSeconds: 3600, rtoMs: 1234,
            phases: [.init(name: "fetch", source: "repository", durationMs: 1000)],
            checks: [CheckResult(.manifest, .failed("a | pipe\nand `code`"), durationMs: 5)], counts: .init(),
            secretsToProvide: secrets)
        return Receipt(
            runId: String(repeating: "0", count: 32), instance: "vijay", startedAt: Timestamp(seconds: 1_790_003_600),
            finishedAt: Timestamp(seconds: 1_790_003_700), drills: [part], runnerVersion: "1")
    }

    @Test func signedReceiptVerifiesAndEveryChangeIsSeen() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path.appending("receipt.key")
        let signer = try ReceiptSigner(keyFile: file)
        #expect(try FileStatus(at: file).permissions == 0o600)
        #expect(try ReceiptSigner(keyFile: file).publicKey == signer.publicKey)
        let text = try signer.sign(receipt())
        let signed = try SignedReceipt(verifying: text, expected: signer.publicKey)
        #expect(signed.receipt == receipt())
        var other = signer.publicKey
        other[0] ^= 1
        #expect(throws: OperatorError.self) { try SignedReceipt(verifying: text, expected: other) }
        var random = SeededGenerator(seed: 4)
        var seen = 0
        for _ in 0..<300 {
            var changed = text
            let place = Int.random(in: 0..<changed.count, using: &random)
            changed[place] ^= UInt8.random(in: 1...127, using: &random)
            // White space between the members is not signed.
            guard let verified = try? SignedReceipt(verifying: changed, expected: signer.publicKey) else {
                seen += 1
                continue
            }
            #expect(verified.receipt == receipt())
        }
        #expect(seen > 200)
        let edited = String(decoding: text, as: UTF8.self).replacing(
            #""rpoSeconds" : 3600"#, with: #""rpoSeconds" : 36"#)
        #expect(edited.utf8.count == text.count - 2)
        let error = #expect(throws: OperatorError.self) { try SignedReceipt(verifying: Array(edited.utf8)) }
        #expect(error?.exit == .damagedInput)
    }

    @Test func markdownCannotBeBrokenByWhatItShows() {
        let page = receipt(.failed).markdown
        #expect(page.contains("| manifest | failed |"))
        #expect(page.contains(#"a \| pipe"#))
        #expect(!page.contains("pipe\nand"))
        #expect(page.contains("TOKEN in .env"))
    }

    @Test func outcomeIsTheWorstOfItsParts() {
        func result(_ name: CheckName, _ finding: CheckFinding) -> CheckResult {
            CheckResult(name, finding, durationMs: 0)
        }
        let passed = result(.manifest, .passed())
        #expect(Receipt.judge([passed], required: [.manifest]) == .passed)
        #expect(Receipt.judge([passed], required: [.manifest, .hermes]) == .unknown)
        #expect(Receipt.judge([passed, result(.hermes, .skipped("x"))], required: [.hermes]) == .unknown)
        #expect(Receipt.judge([passed, result(.hermes, .skipped("x"))], required: []) == .passed)
        #expect(Receipt.judge([passed, result(.cron, .unknown("x"))], required: []) == .unknown)
        #expect(Receipt.judge([result(.cron, .unknown("x")), result(.modes, .failed("x"))], required: []) == .failed)
        #expect(receipt(.unknown).outcome == .unknown)
    }
}

@Suite struct HermesTextTests {
    @Test func numbersAreReadByTheirLabels() {
        #expect(HermesCheck.number(after: "Total messages:", in: "Total sessions: 11\nTotal messages: 1,516\n") == 1516)
        #expect(HermesCheck.number(after: "Total messages:", in: "nothing") == nil)
        #expect(HermesCheck.number(after: "Total messages:", in: "Total messages: none") == nil)
    }

    @Test func cronJobsAreCounted() {
        let text = """
            ┌──┐
              3f9a1c2b4d5e [active]
                Name:      Morning
              a1b2c3d4e5f6 [paused]
                Name:      0123456789ab [not a job]
            """
        #expect(HermesCheck.jobCount(text) == 2)
        #expect(HermesCheck.jobCount("No scheduled jobs.\n") == 0)
    }

    @Test func skillsAreSummed() {
        #expect(HermesCheck.skillCount("a\n2 hub-installed, 75 builtin, 3 local — 80 enabled, 0 disabled\n") == 80)
        #expect(HermesCheck.skillCount("none") == nil)
        #expect(HermesCheck.skillCount("hub-installed") == nil)
    }
}

@Suite struct EnvironmentMergeTests {
    private func merge(_ text: String, _ wanted: [String], _ values: [(name: String, value: String)] = []) -> String {
        String(decoding: EnvironmentMerge.merge(Array(text.utf8), wanted: wanted, values: values).text, as: UTF8.self)
    }

    @Test func whatStandsThereStays() {
        #expect(merge("A=1\nB=two\n", ["A", "B"]) == "A=1\nB=two\n")
        let merged = merge("export A=1\n# C=\nE=", ["A", "C", "D", "E"])
        #expect(merged.hasPrefix("export A=1\n# C=\nE=\n"))
        #expect(merged.hasSuffix("# D=\n"))
        #expect(merged.components(separatedBy: "C=").count == 2)
        #expect(merge("A=1\n", ["A", "X"], [("X", "it's a\\b"), ("A", "other")]).hasSuffix("X='it\\'s a\\\\b'\n"))
        #expect(!merge("A=1\n", ["A"], [("A", "other")]).contains("other"))
    }

    @Test func liveValuesAreFoundWhereVariablesStand() {
        let found = EnvironmentMerge.values(
            of: Array("m: {k: \"${V1}\", h: [\"Bearer ${V2}\", \"${V3}:${V4}@x\"], p: plain, q: \"${V5}\"}\n".utf8),
            in: Array("m: {k: abc, h: [Bearer def, \"u:p@x\"], p: other, q: \"${OWN}\"}\n".utf8))
        #expect(found.map(\.name) == ["V1", "V2", "V3", "V4"])
        #expect(found.map(\.value) == ["abc", "def", "u", "p"])
        #expect(EnvironmentMerge.match("Bearer ${X}", "Basic abc").isEmpty)
        #expect(EnvironmentMerge.match("${X}-tail", "abc-other").isEmpty)
    }
}

@Suite struct ConfigReferenceTests {
    @Test func referencesAreNamesInBraces() {
        #expect(ConfigCheck.references(in: "a ${B} $C ${D-x} ${} ${E_1}${F") == ["B", "E_1"])
        #expect(PayloadChecks.hasFrontMatter(Array("---\nname: x\n---\ntext".utf8)))
        #expect(PayloadChecks.hasFrontMatter(Array("---\r\nname: x\r\n---\r\n".utf8)))
        #expect(!PayloadChecks.hasFrontMatter(Array("---\nname: x\n".utf8)))
        #expect(!PayloadChecks.hasFrontMatter([]))
        #expect(ModesCheck.isSecret(Array("profiles/coder/mcp-tokens/x.json".utf8)))
        #expect(!ModesCheck.isSecret(Array("skills/config.yaml".utf8)))
    }
}
