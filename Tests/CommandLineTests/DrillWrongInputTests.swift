internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What cannot be restored: the answer is `unknown` and never `passed`, with the reason, the exit code, and nothing left behind.
@Suite(.timeLimit(.minutes(10))) struct DrillWrongInputTests {
    /// The drill could not look: one part, its manifest unknown, everything else skipped.
    private func expectUnknown(
        _ site: DrillSite, _ job: String, _ status: Int32, _ words: String, location: SourceLocation = #_sourceLocation
    ) async throws {
        let drill = try await site.drill(job)
        #expect(drill.status == status, "\(job): \(drill)", sourceLocation: location)
        #expect(drill.receipt.outcome == "unknown" && drill.receipt.drills.count == 1, sourceLocation: location)
        let part = try #require(drill.receipt.drills.first)
        #expect(part.names("unknown") == ["manifest"] && part.names("skipped").count == 12, sourceLocation: location)
        #expect(part.reason("manifest").contains(words), "\(part.reason("manifest"))", sourceLocation: location)
        #expect(drill.errors.contains(words), "\(drill.errors)", sourceLocation: location)
        #expect(site.leftovers() == [], sourceLocation: location)
    }

    @Test func thereIsNothingToRestore() async throws {
        let site = try await DrillSite(backups: false)
        let target = site.runner.folder.path.appending("restored")
        for (source, job, status, words) in [
            ("repository", "drill-repository", 1, "it has no branch main"),
            ("store", "drill-store", 1, "holds no bundle of vijay"),
        ] {
            let drill = try await site.drill(job)
            #expect(drill.status == Int32(status) && drill.receipt.outcome != "passed", "\(job): \(drill)")
            #expect(drill.errors.contains(words), "\(job): \(drill.errors)")
            let restore = try await site.runner(
                "restore", "--from", source, "--into", target.string, "--identity", "drill-key")
            #expect(restore.status == Int32(status) && restore.errors.contains(words), "\(restore.errors)")
            #expect((try? FileStatus(at: target)) == nil)
        }
        let tree = try await site.drill("drill-work-tree")
        #expect(tree.status == 65 && tree.receipt.outcome == "failed", "\(tree)")
        let beside = try DirectoryListing.names(at: site.runner.folder.path)
        #expect(!beside.contains { $0.starts(with: Array(".hermes-ops".utf8)) })
        #expect(site.leftovers() == [])
    }

    @Test func whatGuardsItDoesNotOpen() async throws {
        let site = try await DrillSite()
        let before = try site.homeState()
        let jobs = """
              wrong-key: { steps: [ { restore: { from: store, store: local, identity: other-key } }, verify ] }
              drill-repository: { steps: [ { restore: { from: repository } }, verify ] }
            """
        try site.configure(jobs: jobs)
        // The key is missing, is readable by others, is no key, is somebody else's.
        let other = site.runner.folder.path.appending("other.txt")
        try await expectUnknown(site, "wrong-key", 77, "other-key")
        _ = try await site.runner("keys", "generate", "-o", other.string)
        try await expectUnknown(site, "wrong-key", 65, "identit")
        let target = site.runner.folder.path.appending("restored")
        let restore = try await site.runner(
            "restore", "--from", "store", "--into", target.string, "--identity", other.string)
        #expect(restore.status == 65 && (try? FileStatus(at: target)) == nil, "\(restore.errors)")
        #expect(chmod(other.string, 0o644) == 0)
        try await expectUnknown(site, "wrong-key", 77, "other-key")
        // The remote's token does nothing any more; then the remote is away.
        try site.server.setTokens("{}")
        try await expectUnknown(site, "drill-repository", 77, "refuses the token")
        try site.server.setTokens(#"{"\#(DrillSite.token)": {"backup.git": "rw"}}"#)
        try site.server.setFault(#"{"on": "refs", "kind": "status", "status": 503, "times": 50}"#)
        try await expectUnknown(site, "drill-repository", 69, "503")
        try site.server.setFault(nil)
        #expect(try await site.drill("drill-repository").status == 0)
        #expect(try site.homeState() == before)
    }

    /// The second half cannot be looked at: the receipt of the first does not pass for the whole.
    @Test func halfADrillIsUnknown() async throws {
        let site = try await DrillSite()
        try FileSystem.removeTree(site.store)
        let drill = try await site.drill("restore-drill")
        #expect(drill.status == 78, "\(drill.errors)")
        #expect(drill.receipt.drills.map(\.outcome) == ["passed", "unknown"])
        #expect(drill.receipt.outcome == "unknown")
        let reminder = try await site.runner("run", "drill-reminder")
        #expect(reminder.output.contains("the last restore drill failed"), "\(reminder.output)")
    }

    /// The newest bundle lost its end in the store: the one before it is taken, and that is said.
    @Test func aDamagedNewestBundleIsToldOf() async throws {
        let site = try await DrillSite()
        func bundles() throws -> [String] {
            try DirectoryListing.names(at: site.store).map { String(decoding: $0, as: UTF8.self) }
                .filter { $0.hasSuffix(".age") }
        }
        let first = try bundles()
        let second = try await site.runner("run", "emergency-bundle", "--quiet")
        #expect(second.status == 0, "\(second.errors)")
        let newest = try #require(try bundles().first { !first.contains($0) })
        #expect(truncate(site.store.appending(newest).string, 1000) == 0)
        let drill = try await site.drill("drill-store")
        #expect(drill.status == 0 && drill.receipt.outcome == "passed", "\(drill)")
        #expect(drill.errors.contains("\(newest) in") && drill.errors.contains("passed over"), "\(drill.errors)")
        // By its name it is damaged.
        let target = site.runner.folder.path.appending("restored")
        let named = try await site.runner(
            "restore", "--from", "store", "--bundle", newest, "--into", target.string, "--identity", "drill-key")
        #expect(named.status == 65, "\(named.errors)")
    }

    @Test func aHermesThatIsMissingIsUnknownWhereItIsRequired() async throws {
        var site = try await DrillSite()
        site.runner.environment["PATH"] = "/usr/bin:/bin"
        guard findProgram("hermes") == nil || findProgram("hermes")?.string.hasPrefix("/usr/bin") == false else {
            return
        }
        for (wish, outcome, status) in [("auto", "skipped", 0), ("required", "unknown", 1)] {
            try site.configure(
                jobs: """
                      drill-hermes: { steps: [ { restore: { from: repository } }, { verify: { hermes: \(wish) } } ] }
                    """)
            let drill = try await site.drill("drill-hermes")
            #expect(drill.status == Int32(status), "\(drill)")
            #expect(drill.receipt.drills[0].names(outcome).contains("hermes"))
            #expect(drill.receipt.drills[0].reason("hermes") == "there is no hermes command on this machine")
            #expect(drill.receipt.outcome == (status == 0 ? "passed" : "unknown"))
        }
        // One that is broken, and one that says something else than what is there.
        for (script, outcome, status) in [
            ("exit 1", "unknown", 1),
            ("echo Hermes Agent v9.9; echo Config version: 99; echo opens cleanly", "failed", 1),
        ] {
            let program = try site.runner.folder.write("bin/hermes", "#!/bin/sh\n\(script)\n", permissions: 0o755)
            try site.configure(
                jobs: """
                      drill-hermes: { steps: [ { restore: { from: store, store: local, identity: drill-key } }, { verify: { hermes: auto } } ] }
                    """, extra: "hermes: { command: \(program) }")
            let drill = try await site.drill("drill-hermes")
            #expect(drill.status == Int32(status), "\(drill)")
            #expect(drill.receipt.drills[0].names(outcome) == ["hermes"], "\(drill)")
        }
        #expect(site.leftovers() == [])
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, to mount"))
    func aFullDiskInTheMiddle() async throws {
        let site = try await DrillSite()
        let before = try site.homeState()
        try FileSystem.makeDirectory(site.drills)
        for (job, size) in [
            ("drill-repository", "40k"), ("drill-store", "30k"), ("drill-store", "200k"), ("drill-both", "260k"),
            ("drill-work-tree", "60k"),
        ] {
            let result = try await site.runner.tool(
                "unshare", "-m", "sh", "-c",
                """
                mount --make-rprivate / && mount -t tmpfs -o size=\(size) none "$1" && "$2" drill --json --job \(job)
                code=$?
                [ -z "$(ls -A "$1")" ] || { ls -lAR "$1" >&2; exit 99; }
                exit $code
                """, "sh", site.drills.string, RunnerProgram.path.string)
            #expect(result.status == 73, "\(job) \(size): \(result.output)\(result.errors)")
            #expect(result.errors.contains("No space left"), "\(job) \(size): \(result.errors)")
            let receipt = try JSONDecoder().decode(Drilled.self, from: Data(result.output.utf8))
            #expect(receipt.outcome == "unknown", "\(job) \(size)")
        }
        #expect(try site.homeState() == before)
    }

    /// A download from Drive that breaks off is gone on with; one that is refused leaves nothing.
    @Test func aDownloadThatBreaksOff() async throws {
        var site = try await DrillSite()
        let folder = site.runner.folder
        let drive = try TestServer("fake_drive.py", ["--state", folder.path.appending("drive").string])
        let root = "http://127.0.0.1:\(drive.numbers["port"] ?? 0)"
        site.runner.environment["HERMES_OPS_TEST_DRIVE"] = root
        site.runner.environment["HERMES_OPS_TEST_LOOPBACK_HTTP"] = "1"
        let secret = ["client", "secret"].joined(separator: "-")
        try folder.write(
            "drive.json",
            #"{"refresh_token": "refresh-token", "client_id": "client-id", "client_secret": "\#(secret)"}"#)
        let path = folder.path.appending("config.yaml")
        let text = String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)
        try folder.write(
            "config.yaml",
            text.replacing("credentials:\n", with: "credentials:\n  drive: { file: \(folder.path)/drive.json }\n")
                .replacing("stores: {", with: "stores: { far: { drive: { folder: folder0, credential: drive } },")
                .replacing("upload: { store: local }", with: "upload: { store: far }")
                .replacing("store: local, identity", with: "store: far, identity"))
        let up = try await site.runner("run", "emergency-bundle", "--quiet")
        #expect(up.status == 0, "\(up.errors)")
        func order(_ faults: String) async throws {
            let script =
                "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), {'Content-Type': 'application/json'}))"
            #expect(
                try await site.runner.tool("python3", "-c", script, root + "/control/faults", faults).status == 0)
        }
        try await order(#"[{"on": "download", "do": "cut", "after": 5000, "times": 2}]"#)
        let resumed = try await site.drill("drill-store")
        #expect(resumed.status == 0 && resumed.receipt.outcome == "passed", "\(resumed)")
        try await order(#"[{"on": "download", "do": "status", "status": 404, "times": 500}]"#)
        let gone = try await site.drill("drill-store")
        #expect(gone.status != 0 && gone.receipt.outcome == "unknown", "\(gone)")
        #expect(gone.receipt.drills[0].names("unknown") == ["manifest"])
        #expect(site.leftovers() == [])
    }
}
