import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// `plan`, `explain`, `scan` and `--policy content`.
struct PlanTests {
    let folder: TemporaryDirectory
    let fixture: HermesHomeFixture

    init() throws {
        folder = try TemporaryDirectory()
        fixture = try HermesHomeFixture(at: folder.path.appending("home"), seed: 43)
    }

    private func tree(_ path: FilePath) throws -> [[UInt8]: Int128] {
        var out: [[UInt8]: Int128] = [:]
        try DirectoryWalk(path).run { entry in
            out[entry.path] = entry.status.modified
            return .descend
        } failing: { _, error in
            throw error
        }
        return out
    }

    @Test("A plan is what the run then does, and touches nothing")
    func plan() throws {
        let before = try tree(folder.path)
        let plan = try makeSanitizer().plan(home: fixture.home)
        #expect(try tree(folder.path) == before)
        let staged = try Staged(makeSanitizer(), fixture.home, in: folder)
        #expect(plan.manifest == staged.tree.manifest && plan.failures.isEmpty)
        let actions = Dictionary(plan.files.map { ($0.path, $0) }) { first, _ in first }
        func action(_ path: String) -> PolicyAction? { actions[Array(path.utf8)]?.action }
        #expect(action("SOUL.md") == .keep && action("config.yaml") == .redact && action("auth.json") == .exclude)
        #expect(action("logs/") == .skip && action("workspace-pipe") == .skip)
        #expect(actions.values.allSatisfy { !$0.reason.isEmpty && !$0.rule.isEmpty })
        #expect(plan.total(.exclude).files == plan.manifest.excluded.count)
        for secret in fixture.secrets {
            #expect(
                plan.files.allSatisfy { !$0.path.holds(Array(secret.value.utf8)) && !$0.reason.contains(secret.value) })
        }
    }

    @Test("An explanation names rule, origin and detectors, and no value")
    func explain() throws {
        let sanitizer = try makeSanitizer(rules: [
            PolicyRule(path: "skills/private/**", action: .exclude, reason: "by choice", origin: "config.yaml:12")
        ])
        func explain(_ path: String) throws -> PathExplanation {
            try sanitizer.explain(Array(path.utf8), home: fixture.home)
        }
        let memory = try explain("memories/MEMORY.md")
        #expect(memory.action == .redact && !memory.redactions.isEmpty && memory.origin.contains("built-in policy"))
        #expect(try explain("SOUL.md").action == .keep)
        #expect(try explain("auth.json").action == .exclude)
        #expect(try explain("logs/agent.log").action == .skip)
        let own = try explain("skills/private/not-there.md")
        #expect(own.action == .exclude && own.origin == "config.yaml:12" && own.reason.hasPrefix("by choice"))
        #expect(try explain("never-heard-of.xyz").rule == "unclassified")
    }

    @Test("A scan names places, rules and fingerprints of files and trees")
    func scan() throws {
        let token = "ghp_" + String(repeating: "aB3dE5fG7", count: 4)
        try folder.write("tree/deep/a.txt", "line\n  token \(token)\n")
        try folder.write("tree/clean.md", "nothing here\n")
        let hits = try makeSanitizer().scan([folder.path.appending("tree")])
        let hit = try #require(hits.first)
        #expect(hits.count == 1 && hit.line == 2 && hit.column == 9 && hit.path.hasSuffix("tree/deep/a.txt"))
        #expect(!hit.description.contains(token) && hit.fingerprint.utf8.count == 8)
        #expect(try makeSanitizer().scan([folder.path.appending("tree").appending("clean.md")]).isEmpty)
        try folder.write("tree/deep/x.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 1, 2, 3])
        let unread = try #require(try makeSanitizer().scan([folder.path.appending("tree")]).last)
        #expect(unread.unread == "xz content cannot be looked into" && unread.path.hasSuffix("x.xz") && unread.isUnread)
        #expect(throws: OperatorError.self) { try makeSanitizer().scan([folder.path.appending("missing")]) }
    }

    @Test("--policy content: every file stands alone and is kept, redacted by what it holds")
    func contentPolicy() throws {
        let home = folder.path.appending("plain")
        try FileSystem.makeDirectory(home)
        let word = "plum-Orbit-92-vex"
        let token = "ghp_" + String(repeating: "aB3dE5fG7", count: 4)
        try folder.write("plain/.env", "A_PASSWORD=\(word)\n# note\n")
        try folder.write("plain/logs/agent.log", "said \(word) once, and \(token)\n")
        try folder.write("plain/cache/unknown.xyz", "text\n")
        try FileSystem.replace(home.appending("image.png"), with: [0x89, 0x50, 0x4E, 0x47, 0, 1, 2, 3, 0xFF])
        let staged = try Staged(makeSanitizer(content: true), home, in: folder)
        #expect(staged.text("cache/unknown.xyz") == "text\n" && staged.files[Array("image.png".utf8)]?.count == 9)
        let log = try #require(staged.text("logs/agent.log"))
        // Nothing is harvested: the word is a secret beside its name alone.
        #expect(log.contains(word) && !log.contains(token) && log.contains("«redacted:"))
        let env = try #require(staged.text(".env"))
        #expect(!env.contains(word) && env.hasPrefix("A_PASSWORD=") && env.hasSuffix("\n# note\n"))
    }
}
