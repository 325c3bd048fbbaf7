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

@Suite struct MountTableTests {
    @Test func placesAreToldByFileSystem() throws {
        let table = MountTable(
            parsing: Array(
                """
                20 1 8:1 / / rw - ext4 /dev/a rw
                21 20 8:2 / /data rw shared:1 - ext4 /dev/b rw
                22 20 8:1 /root/.hermes/skills /mnt/my\\040skills rw - ext4 /dev/a rw
                23 21 8:2 /h /root/.hermes/volume rw - ext4 /dev/b rw

                """.utf8))
        let home = try #require(table.place(of: "/root/.hermes"))
        let bound = try #require(table.place(of: "/mnt/my skills/drills/x"))
        #expect(bound.isInside(home))
        #expect(!home.isInside(bound))
        #expect(try #require(table.place(of: "/")).path.isEmpty)
        #expect(home.isInside(try #require(table.place(of: "/root"))))
        #expect(try !#require(table.place(of: "/root/.hermes2")).isInside(home))
        #expect(try !#require(table.place(of: "/data/root/.hermes/x")).isInside(home))
        let volume = try #require(table.place(of: "/root/.hermes/volume/a"))
        #expect(volume.isInside(try #require(table.place(of: "/data/h"))))
        #expect(table.isMountPoint("/mnt/my skills") && !table.isMountPoint("/mnt"))
        #expect(try MountTable().place(of: "/") != nil)
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
        // Killed while it wrote its marker, a while ago and just now.
        let begun = try ["old", "new"].map { name in
            let path = parent.path.appending("drill-\(name)")
            try FileSystem.makeDirectory(path)
            try FileSystem.replace(path.appending(".\(DrillFolder.markerName).7.abc.tmp"), with: [1])
            return path
        }
        let past = [timespec(tv_sec: 1_790_000_000, tv_nsec: 0), timespec(tv_sec: 1_790_000_000, tv_nsec: 0)]
        #expect(begun[0].withPlatformString { utimensat(AT_FDCWD, $0, past, 0) } == 0)
        let other = try make("home", ProcessIdentity(pid: 1, startTime: 1, bootID: "0"))
        // A link leads to what is somebody's, whatever stands in it; what another user made is theirs.
        let outside = try TemporaryDirectory()
        let marker = Array(try JSONEncoder().encode(ProcessIdentity(pid: 1, startTime: 1, bootID: "0")))
        try FileSystem.replace(outside.path.appending(DrillFolder.markerName), with: marker)
        try outside.write("kept", "kept")
        #expect(symlink(outside.path.string, parent.path.appending("drill-link").string) == 0)
        if geteuid() == 0 {
            let foreign = try make("drill-foreign", ProcessIdentity(pid: 1, startTime: 1, bootID: "0"))
            #expect(chown(foreign.string, 65534, 65534) == 0)
        }
        let swept = try DrillFolder.sweep(below: parent.path)
        #expect(try FileStatus(at: outside.path.appending("kept")).kind == .file)
        #expect(Set(swept) == [dead, earlier, begun[0]])
        for path in [mine.path, unmarked, other, begun[1]] { #expect(try FileStatus(at: path).kind == .directory) }
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
            finishedAt: Timestamp(seconds: 1_790_003_700), plannedDrills: 1,
            drills: [part], runnerVersion: "1")
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

    @Test func aKeyThatIsNamedTwiceIsRefused() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path.appending("receipt.key")
        let text = String(decoding: try ReceiptSigner(keyFile: file).sign(receipt(.failed)), as: UTF8.self)
        for line in [#"  "outcome" : "passed","#, #"  "outcome" : "failed","#] {
            for edited in [
                text.replacing("{\n  \"", with: "{\n\(line)\n  \""),
                text.replacing("\n  \"plan", with: "\n\(line)\n  \"plan"),
            ] {
                #expect(edited != text)
                let error = #expect(throws: OperatorError.self) { try SignedReceipt(verifying: Array(edited.utf8)) }
                #expect(error?.exit == .damagedInput)
            }
        }
        // White space is nobody's business.
        _ = try SignedReceipt(verifying: Array(text.replacing("\n", with: "\r\n  ").utf8))
        #expect(chmod(file.string, 0o644) == 0)
        let error = #expect(throws: OperatorError.self) { try ReceiptSigner(keyFile: file) }
        #expect(error?.exit == .credential)
    }

    @Test func whatWasNotDrilledIsNotPassed() {
        var one = receipt()
        #expect(one.outcome == .passed)
        one = Receipt(
            runId: one.runId, instance: one.instance, startedAt: one.startedAt, finishedAt: one.finishedAt,
            plannedDrills: 2, drills: one.drills, runnerVersion: "1")
        #expect(one.outcome == .unknown)
        #expect(one.markdown.contains("Only 1 of the 2 restores"))
        let missing = OperatorError("no-bundle", doing: "looking for the bundle", reason: "there is none")
        let part = Drill.notRestored(missing, source: "store")
        #expect(part.outcome == .unknown && part.failures.isEmpty)
        #expect(part.checks.first?.reason?.contains("there is none") == true)
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
        #expect(HermesCheck.jobCount("Traceback (most recent call last):\n") == nil)
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
        #expect(merge("A=1\n", ["A", "X"], [("X", "it's a\\b"), ("A", "other")]).hasSuffix("X=\"it's a\\\\b\"\n"))
        #expect(!merge("A=1\n", ["A"], [("A", "other")]).contains("other"))
        #expect(merge("A=1\r\nB=2\r\n", ["C"]).hasSuffix("B=2\r\n\r\n# Added by hermes-ops-runner restore\r\n# C=\r\n"))
        // A variable of ours that has no value, or an older one than the live config.yaml.
        let name = "HERMES_OPS_M_K"
        #expect(merge("\(name)=\n", [name], [(name, "v1")]).hasSuffix("\(name)=v1\n"))
        #expect(merge("\(name)=old\nB=2", [name], [(name, "v1")]).hasSuffix("\(name)=v1\n"))
        #expect(merge("\(name)=old\n\(name)=v1\n", [name], [(name, "v1")]) == "\(name)=old\n\(name)=v1\n")
    }

    @Test func liveValuesAreFoundWhereVariablesStand() {
        let found = LiveValues.find(
            of: Array("m: {k: \"${V1}\", h: [\"Bearer ${V2}\", \"${V3}:${V4}@x\"], p: plain, q: \"${V5}\"}\n".utf8),
            in: Array("m: {k: abc, h: [Bearer def, \"u:p@x\"], p: other, q: \"${OWN}\"}\n".utf8))
        #expect(found.map(\.name) == ["V1", "V2", "V3", "V4"])
        #expect(found.map(\.value) == ["abc", "def", "u", "p"])
        #expect(LiveValues.match("Bearer ${X}", "Basic abc").isEmpty)
        #expect(LiveValues.match("${X}-tail", "abc-other").isEmpty)
        #expect(LiveValues.match("${X}${Y}", "abc").isEmpty)
        // What is no variable's name would be a line of a dotenv file.
        for name in ["A:-x", "A\nB", "", "1A", "A B"] {
            #expect(LiveValues.match("${\(name)}", "abc").isEmpty, "\(name)")
        }
    }

    @Test func aValueNeverGetsTheNameOfAnother() {
        func find(_ restored: String, _ live: String) -> [String] {
            LiveValues.find(of: Array(restored.utf8), in: Array(live.utf8)).map { "\($0.name)=\($0.value)" }
        }
        let backup = "p: [{name: a, key: \"${A}\"}, {name: b, key: \"${B}\"}]\n"
        #expect(find(backup, "p: [{name: new, key: n}, {name: a, key: x}, {name: b, key: y}]\n") == ["A=x", "B=y"])
        #expect(find(backup, "p: [{name: b, key: y}]\n") == ["B=y"])
        #expect(find(backup, "p: [{name: a, key: x}, {name: a, key: z}]\n") == [])
        // Without names only lists that are the same otherwise.
        #expect(find("a: [--token, \"${T}\"]\n", "a: [--token, s]\n") == ["T=s"])
        #expect(find("a: [--token, \"${T}\"]\n", "a: [--verbose, s]\n") == [])
        #expect(find("a: [--token, \"${T}\"]\n", "a: [-v, --token, s]\n") == [])
        #expect(find("h: [{url: u1, key: \"${A}\"}]\n", "h: [{url: u2, key: s}]\n") == [])
    }

    /// Both of Hermes' readers get back what was written.
    @Test(
        .enabled(if: RealHermes.installed != nil, "the real Hermes Agent is not installed"))
    func hermesReadsTheValuesBack() async throws {
        let hermes = try #require(RealHermes.installed)
        let folder = try TemporaryDirectory()
        let values = [
            "plain", "with space", "it's", "a\"b", "back\\slash", "trailing\\", "#hash", "x#y z", " edge ", "tab\there",
            "ünï",
            "a=b==", "p@ss:w%rd!$x",
        ]
        let pairs = values.enumerated().map { (name: "HERMES_OPS_V\($0)", value: $1) }
        let text = EnvironmentMerge.merge(Array("KEPT='1'\r\nexport E=2".utf8), wanted: [], values: pairs).text
        try folder.write("home/.env", text)
        try FileSystem.makeDirectory(folder.path.appending("user"))
        let output = try await hermes.python(
            """
            import json, os, sys
            from dotenv import dotenv_values
            from hermes_cli.config import load_env
            print(json.dumps([dict(dotenv_values(os.environ["HERMES_HOME"] + "/.env")), load_env()]))
            """, home: folder.path.appending("home"), userHome: folder.path.appending("user"))
        let line = try #require(output.split(separator: "\n").last)
        let readers = try JSONDecoder().decode([[String: String]].self, from: Data(line.utf8))
        #expect(readers.count == 2)
        for reader in readers {
            for pair in pairs { #expect(reader[pair.name] == pair.value, "\(pair.name)") }
            #expect(reader["KEPT"] == "1")
            #expect(reader["E"] == "2")
        }
    }
}

@Suite struct ConfigReferenceTests {
    @Test func referencesAreNamesInBraces() {
        #expect(ConfigCheck.references(in: "${${A}${") == ["A"])
        #expect(ConfigCheck.references(in: "a ${B} $C ${D-x} ${} ${E_1}${F") == ["B", "E_1"])
        #expect(PayloadChecks.hasFrontMatter(Array("---\nname: x\n---\ntext".utf8)))
        #expect(PayloadChecks.hasFrontMatter(Array("---\r\nname: x\r\n---\r\n".utf8)))
        #expect(!PayloadChecks.hasFrontMatter(Array("---\nname: x\n".utf8)))
        #expect(!PayloadChecks.hasFrontMatter([]))
        #expect(ModesCheck.isSecret(Array("profiles/coder/mcp-tokens/x.json".utf8)))
        #expect(!ModesCheck.isSecret(Array("skills/config.yaml".utf8)))
    }
}
