internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Drills from outside, against a git server and a folder as a store: a good backup passes, and each kind of damage fails its own
/// check, by name, with its exit code.
@Suite(.timeLimit(.minutes(10))) struct DrillTests {
    @Test func goodBackupsPassAndTheReceiptCanBeChecked() async throws {
        let site = try await DrillSite()
        let runner = site.runner
        let before = try site.homeState()
        let page = runner.folder.path.appending("receipt page.md")
        let (status, receipt, errors) = try await site.drill("restore-drill", "--markdown", page.string)
        #expect(status == 0, "\(errors)")
        #expect(receipt.outcome == "passed" && receipt.plannedDrills == 2)
        #expect(receipt.drills.map(\.source) == ["repository", "store"])
        #expect(receipt.drills.allSatisfy { $0.names("unknown").isEmpty && $0.names("failed").isEmpty })
        #expect(receipt.drills[0].names("skipped") == ["databases", "agreement", "hermes"])
        #expect(receipt.drills[1].names("skipped") == ["no-secrets", "agreement", "hermes"])
        #expect(receipt.drills[1].counts["sessions"] == 12 && receipt.drills[1].counts["messages"] == 240)
        #expect(receipt.drills.allSatisfy { ($0.rpoSeconds ?? -1) >= 0 && $0.rtoMs > 0 })
        for job in ["drill-work-tree", "drill-both"] {
            let (status, receipt, errors) = try await site.drill(job)
            #expect(status == 0 && receipt.outcome == "passed", "\(job): \(receipt) \(errors)")
        }
        let run = try await runner("run", "restore-drill")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("verify: repository passed"), "\(run.output)")
        #expect(try site.homeState() == before)
        #expect(site.leftovers() == [])
        try await receipts(site, page)
    }

    /// `drill verify-receipt`, here and on a machine that knows nothing.
    private func receipts(_ site: DrillSite, _ page: FilePath) async throws {
        let runner = site.runner
        let text = String(decoding: try FileSystem.read(page, limit: 1 << 20), as: UTF8.self)
        #expect(text.hasPrefix("# Restore drill of vijay: passed\n") && text.contains("| self-test | passed |"))
        let found = try await runner.tool(
            "grep", "-rlF", "--include=receipt.json", #""plannedDrills" : 2"#, runner.state.string)
        let path = try #require(found.output.split(separator: "\n").first.map(String.init))
        let own = try await runner("drill", "verify-receipt", path, "--json")
        #expect(own.status == 0, "\(own.errors)")
        let key = try #require(try own.json()["publicKey"] as? String)
        #expect(try own.json()["keyIsKnown"] as? Bool == true)
        var elsewhere = runner
        elsewhere.environment["HERMES_OPS_STATE"] = runner.folder.path.appending("elsewhere").string
        let stranger = try await elsewhere("drill", "verify-receipt", path)
        #expect(stranger.status == 0 && stranger.output.contains("which nobody vouched for"), "\(stranger.errors)")
        #expect(try await elsewhere("drill", "verify-receipt", path, "--public-key", key).status == 0)
        let other = String(key.reversed())
        #expect(try await elsewhere("drill", "verify-receipt", path, "--public-key", other).status == 65)
        #expect(try await elsewhere("drill", "verify-receipt", path, "--public-key", "abc").status == 64)
        let original = String(decoding: try FileSystem.read(FilePath(path), limit: 1 << 20), as: UTF8.self)
        for (old, new) in [
            (#""outcome" : "skipped""#, #""outcome" : "passed""#), (#""messages" : 240"#, #""messages" : 241"#),
            ("{\n", "{\n  \"outcome\" : \"passed\",\n"), (#""vijay""#, #""bheem""#), ("\"signature\"", "\"signatur\""),
        ] {
            let edited = original.replacing(old, with: new)
            try #require(edited != original, "\(old)")
            let file = try runner.folder.write("edited.json", edited)
            let result = try await elsewhere("drill", "verify-receipt", file.string)
            #expect(result.status == 65 && result.output.isEmpty, "\(old): \(result.errors)")
        }
        #expect(try await runner("drill", "verify-receipt", runner.folder.path.appending("none").string).status != 0)
        // No value of a secret in what is given away.
        for secret in site.fixture.secrets where secret.value.utf8.count >= 8 {
            #expect(!(original + text).contains(secret.value), "\(secret.name)")
        }
    }

    @Test func damageInTheRepositoryFailsItsCheckAlone() async throws {
        let site = try await DrillSite()
        let before = try site.homeState()
        for (kind, check, status) in [
            ("missing", "manifest", 65), ("byte", "manifest", 65), ("more", "manifest", 65), ("canary", "canary", 65),
            ("secret", "no-secrets", 1), ("job", "cron", 1), ("mode", "modes", 1), ("variable", "config", 1),
            ("memory", "memories", 1),
        ] {
            try await site.tampering(kind) {
                let drill = try await site.drill("drill-repository")
                #expect(drill.receipt.failed == ["\(check) of repository"], "\(kind): \(drill.receipt)")
                #expect(drill.receipt.outcome == "failed")
                #expect(drill.status == Int32(status), "\(kind): \(drill.errors)")
                #expect(drill.errors.contains(check), "\(kind): \(drill.errors)")
            }
        }
        for (kind, words) in [
            ("no-manifest", "has no MANIFEST.json"), ("newer", "99"), ("garbage", "MANIFEST.json"),
            ("link", "is not a folder"),
        ] {
            try await site.tampering(kind) {
                let drill = try await site.drill("drill-repository")
                #expect(drill.receipt.failed == ["manifest of repository"], "\(kind): \(drill.receipt)")
                #expect(drill.receipt.drills[0].names("skipped").count == 12)
                #expect(drill.status == 65 && drill.errors.contains(words), "\(kind): \(drill.errors)")
                // The real restore will not have it either.
                let target = site.runner.folder.path.appending("restored")
                let restore = try await site.runner("restore", "--from", "repository", "--into", target.string)
                #expect(restore.status == 65 && restore.errors.contains(words), "\(kind): \(restore.errors)")
                #expect((try? FileStatus(at: target)) == nil)
            }
        }
        let good = try await site.drill("drill-repository")
        #expect(good.status == 0, "\(good.errors)")
        #expect(try site.homeState() == before)
        #expect(site.leftovers() == [])
    }

    @Test func damageInABundleFailsItsCheckAlone() async throws {
        let site = try await DrillSite()
        let runner = site.runner
        let bundle = try #require(try site.bundles().last)
        let file = runner.folder.path.appending("spoilt.tar.zst.age")
        try site.configure(
            jobs: """
                  drill-file: { steps: [ { restore: { from: file, file: \(file), identity: drill-key } }, { verify: { maxAge: 30d } } ] }
                """)
        for (kind, check, status) in [
            ("row", "databases", 65), ("byte", "manifest", 65), ("missing", "manifest", 65), ("old", "freshness", 1),
        ] {
            try await site.tool("spoil-bundle", bundle.string, site.key.string, file.string, kind)
            let drill = try await site.drill("drill-file")
            #expect(drill.receipt.failed == ["\(check) of file"], "\(kind): \(drill.receipt)")
            #expect(drill.status == Int32(status) && drill.errors.contains(check), "\(kind): \(drill.errors)")
        }
        // The tool does no harm by itself.
        try await site.tool("spoil-bundle", bundle.string, site.key.string, file.string, "nothing")
        let whole = try await site.drill("drill-file")
        #expect(whole.status == 0, "\(whole.receipt)\(whole.errors)")
        // Bytes of the encrypted file: its middle, its end; and its header, where damage cannot be told from a file for somebody else.
        let bytes = try FileSystem.read(bundle, limit: 1 << 26)
        for (place, outcome) in [(bytes.count / 2, "failed"), (bytes.count - 20, "failed"), (60, "unknown")] {
            var changed = bytes
            // The header stays one: a letter of its base64 for another.
            changed[place] = outcome == "unknown" ? (bytes[place] == 65 ? 66 : 65) : bytes[place] ^ 4
            try FileSystem.replace(file, with: changed)
            let drill = try await site.drill("drill-file")
            #expect(drill.status == 65, "\(place): \(drill)")
            #expect(drill.receipt.drills[0].names(outcome) == ["manifest"], "\(place): \(drill)")
            #expect(drill.receipt.outcome == outcome)
        }
        try FileSystem.replace(file, with: Array(bytes.dropLast(1000)))
        let cut = try await site.drill("drill-file")
        #expect(cut.status == 65 && cut.receipt.failed == ["manifest of file"], "\(cut)")
        // In a store the checksum that was noted at the upload tells; one that is short is not even tried.
        try site.configure()
        try FileSystem.replace(bundle, with: bytes.indices.map { $0 == 60 ? (bytes[$0] == 65 ? 66 : 65) : bytes[$0] })
        let header = try await site.drill("drill-store")
        #expect(header.status == 65 && header.receipt.failed == ["manifest of store"], "\(header)")
        try FileSystem.replace(bundle, with: Array(bytes.dropLast(1000)))
        let short = try await site.drill("drill-store")
        #expect(short.status == 1 && short.receipt.outcome == "unknown", "\(short)")
        #expect(short.receipt.drills[0].reason("manifest").contains("is verified"))
        #expect(site.leftovers() == [])
    }

    @Test func whatTheHomeItselfHasWrongIsNamed() async throws {
        let site = try await DrillSite(backups: false)
        let runner = site.runner
        #expect(chmod(site.home.appending(".env").string, 0o644) == 0)
        #expect(try await runner("run", "emergency-bundle", "--quiet").status == 0)
        let modes = try await site.drill("drill-store")
        #expect(modes.status == 1 && modes.receipt.failed == ["modes of store"], "\(modes)")
        #expect(modes.receipt.drills[0].reason("modes").contains(".env has mode 0644"))
        #expect(chmod(site.home.appending(".env").string, 0o600) == 0)
        try await site.tool("spoil-page", site.home.appending("state.db").string)
        _ = try await runner("run", "emergency-bundle", "--quiet")
        let page = try await site.drill("drill-store")
        #expect(page.status == 65 && page.receipt.failed == ["databases of store"], "\(page)")
        // A bundle of another instance, taken by its name.
        try site.configure(instance: "bheem")
        try FileSystem.removeTree(site.home.appending("state.db"))
        try await site.tool("database", site.home.appending("state.db").string)
        #expect(try await runner("run", "emergency-bundle", "--quiet").status == 0)
        let name = try #require(
            try site.bundles().compactMap { $0.lastComponent?.string }.first { $0.hasPrefix("bheem") })
        try site.configure(
            jobs: """
                  drill-named: { steps: [ { restore: { from: store, store: local, bundle: \(name), identity: drill-key } }, verify ] }
                """)
        let stranger = try await site.drill("drill-named")
        #expect(stranger.status == 65 && stranger.receipt.failed == ["manifest of store"], "\(stranger)")
        #expect(stranger.receipt.drills[0].reason("manifest").contains("of instance bheem, not of vijay"))
        #expect(site.leftovers() == [])
    }
}
