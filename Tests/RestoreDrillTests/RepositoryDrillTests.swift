import Foundation
import GitBackup
import Sanitizer
import Support
import SystemPackage
import TestSupport
import Testing

@testable import RestoreDrill

@Suite struct RepositoryDrillTests {
    @Test(arguments: [false, true])
    func goodBackupPassesAndNothingIsTouched(local: Bool) async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        let before = try TreeFingerprint(fixture.home)
        let work = try TreeFingerprint(fixture.work)
        fixture.time.advance(by: .seconds(3600))
        let part = try await fixture.run(try fixture.repositorySource(local: local))
        #expect(part.failed.isEmpty, "\(part.checks)")
        #expect(part.outcome == .passed, "\(part.checks)")
        #expect(part.checks.map(\.name) == CheckName.allCases.map(\.rawValue))
        #expect(part.outcome("no-secrets") == .passed)
        #expect(part.outcome("self-test") == .passed)
        #expect(part.outcome("databases") == .skipped)
        #expect(part.rpoSeconds.map { (3595...3605).contains($0) } == true)
        #expect(part.secretsToProvide.contains { $0.name == "auth.json" })
        #expect(part.counts.cronJobs.map { $0 > 0 } == true)
        #expect(part.counts.files > 5)
        #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
        #expect(try TreeFingerprint(fixture.work).differences(from: work).isEmpty)
        #expect(fixture.leftovers().isEmpty)
    }

    struct Damage: CustomTestStringConvertible, Sendable {
        var name: String
        var failing: Set<String>
        var exit: Support.ExitStatus
        var mending = true
        var body: @Sendable (FilePath) throws -> Void
        var testDescription: String { name }
    }

    static func append(_ text: String, to path: String) -> @Sendable (FilePath) throws -> Void {
        { tree in
            let file = tree.pushing(FilePath(path))
            try FileSystem.replace(file, with: try FileSystem.read(file, limit: 1 << 20) + Array(text.utf8))
        }
    }

    static let damages: [Damage] = [
        Damage(name: "a missing file", failing: ["manifest"], exit: .damagedInput, mending: false) {
            try FileSystem.removeTree($0.appending("SOUL.md"))
        },
        Damage(name: "one changed byte", failing: ["manifest"], exit: .damagedInput, mending: false) { tree in
            let file = tree.appending("SOUL.md")
            var bytes = try FileSystem.read(file, limit: 1 << 20)
            bytes[3] ^= 1
            try FileSystem.replace(file, with: bytes)
        },
        Damage(name: "a file more", failing: ["manifest"], exit: .damagedInput, mending: false) {
            try FileSystem.replace($0.appending("extra.md"), with: Array("more\n".utf8))
        },
        Damage(name: "a changed canary", failing: ["canary"], exit: .damagedInput, mending: false) {
            try FileSystem.replace($0.appending("CANARY"), with: Array("tweet\n".utf8))
        },
        Damage(
            name: "a secret left", failing: ["no-secrets"], exit: .failure,
            body: append("\nuse " + "ghp" + "_" + "x7Kq2mVb9TzLw4Rn8YcJd3HsPf6GaE1uQ0Xi" + " for it\n", to: "SOUL.md")),
        Damage(name: "a job less", failing: ["cron"], exit: .failure) { tree in
            try DrillFixture.edit(tree.pushing(FilePath("cron/jobs.json"))) { object in
                object["jobs"] = Array((object["jobs"] as? [Any] ?? []).dropLast())
            }
        },
        Damage(
            name: "jobs that do not parse", failing: ["cron"], exit: .failure, body: append("}", to: "cron/jobs.json")),
        Damage(name: "a wrong mode", failing: ["modes"], exit: .failure) { tree in
            try DrillFixture.edit(tree.appending("MANIFEST.json")) { object in
                var entries = object["entries"] as? [[String: Any]] ?? []
                for index in entries.indices where entries[index]["path"] as? String == "config.yaml" {
                    entries[index]["mode"] = "0644"
                }
                object["entries"] = entries
            }
        },
        Damage(
            name: "a variable that nobody provides", failing: ["config"], exit: .failure,
            body: append("\nnobody: ${NOBODY_PROVIDES_THIS}\n", to: "config.yaml")),
        Damage(
            name: "a config that does not parse", failing: ["config"], exit: .failure,
            body: append("\n\t: [\n", to: "config.yaml")),
        Damage(
            name: "a memory more", failing: ["memories"], exit: .failure,
            body: append("\n§\nnot counted\n", to: "memories/MEMORY.md")),
    ]

    @Test(arguments: damages)
    func damageFailsItsCheckAlone(damage: Damage) async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        try await fixture.tamper(mending: damage.mending, damage.body)
        let before = try TreeFingerprint(fixture.home)
        let part = try await fixture.run(try fixture.repositorySource())
        #expect(part.failed == damage.failing, "\(part.failures)")
        #expect(part.outcome == .failed)
        #expect(part.error?.exit == damage.exit)
        #expect(try TreeFingerprint(fixture.home).differences(from: before).isEmpty)
        #expect(fixture.leftovers().isEmpty)
    }

    @Test func backupOfAnotherInstanceFailsTheManifest() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        let part = try await fixture.run(try fixture.repositorySource(), instance: "bheem")
        #expect(part.failed == ["manifest"])
        #expect(part.reason("manifest").contains("vijay"))
    }

    @Test func oldBackupFailsFreshness() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        fixture.time.advance(by: .seconds(3 * 86_400))
        let part = try await fixture.run(try fixture.repositorySource(), maxAge: .seconds(86_400))
        #expect(part.failed == ["freshness"])
        #expect(part.error?.exit == .failure)
    }

    @Test(arguments: ["newer", "none", "garbage"])
    func unreadableManifestIsDamage(kind: String) async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        try await fixture.tamper { tree in
            let file = tree.appending("MANIFEST.json")
            switch kind {
            case "newer": try DrillFixture.edit(file) { $0["formatVersion"] = 99 }
            case "none": try FileSystem.removeTree(file)
            default: try FileSystem.replace(file, with: Array("{".utf8))
            }
        }
        let error = await #expect(throws: OperatorError.self) {
            _ = try await fixture.run(try fixture.repositorySource())
        }
        #expect(error?.exit == .damagedInput)
        #expect(fixture.leftovers().isEmpty)
        if let error {
            let part = Drill.notRestored(error, source: "repository")
            #expect(part.failed == ["manifest"])
            #expect(part.error?.exit == .damagedInput)
        }
    }

    @Test func withoutAScannerTheDrillIsUnknown() async throws {
        let fixture = try DrillFixture()
        try await fixture.backUp()
        let drill = try fixture.drill(gate: false)
        let restored = try await drill.restore(try fixture.repositorySource())
        let part = try await drill.verify(restored, hermes: HermesTrial(.required))
        #expect(part.outcome("no-secrets") == .unknown)
        #expect(part.outcome("hermes") == .unknown)
        #expect(part.outcome == .unknown)
        #expect(part.error != nil)
    }
}
