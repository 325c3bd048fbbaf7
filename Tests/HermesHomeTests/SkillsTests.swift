import Glibc
import HermesHome
import Support
import SystemPackage
import TestSupport
import Testing

@Suite struct SkillsTests {
    private func read(_ home: SampleHome, _ settings: HomeSettings = HomeSettings()) throws -> Skills {
        try Skills.read(home.layout, settings: settings, userHome: home.path)
    }

    private func skill(_ name: String, _ more: String = "") -> String { "---\nname: \(name)\n\(more)\n---\ntext\n" }

    @Test func originsAndStates() throws {
        let home = try SampleHome()
        #expect(try read(home).skills.isEmpty)
        try home.folder.write("skills/house/tidy/SKILL.md", skill("tidy"))
        try home.folder.write("skills/bought/SKILL.md", skill("bought"))
        try home.folder.write("skills/mine/SKILL.md", "no front matter at all")
        try home.folder.write("skills/.bundled_manifest", "tidy:0123\nother:4567\nbare\n")
        try home.folder.write("skills/.hub/lock.json", #"{"installed":{"bought":{"source":"x"}}}"#)
        let settings = try HomeSettings(parsing: Array("skills:\n  disabled: [mine, nothing]\n".utf8))
        let skills = try read(home, settings)
        #expect(skills.skills.map(\.name).sorted() == ["bought", "mine", "tidy"])
        #expect(Skill.Origin.allCases.map { skills.count(of: $0) } == [1, 1, 1])
        #expect(skills.enabled == 2)
    }

    @Test func whatHermesPassesOver() throws {
        let home = try SampleHome()
        try home.folder.write("skills/a/SKILL.md", skill("same"))
        try home.folder.write("skills/b/SKILL.md", skill("same"))
        for folder in ["references", "templates", "assets", "scripts"] {
            try home.folder.write("skills/a/\(folder)/old/SKILL.md", skill("old-\(folder)"))
        }
        try home.folder.write("skills/scripts/real/SKILL.md", skill("real"))
        for folder in [".archive", "node_modules", ".git", "venv"] {
            try home.folder.write("skills/\(folder)/x/SKILL.md", skill("x-\(folder)"))
        }
        try home.folder.write("skills/mac/SKILL.md", skill("mac", "platforms: [macos]"))
        try home.folder.write("skills/both/SKILL.md", skill("both", "platforms: [macos, Linux]"))
        try home.folder.write("skills/board/SKILL.md", skill("board", "environments: [kanban]"))
        try home.folder.write("skills/number/SKILL.md", skill("12"))
        try home.folder.write("skills/bytes/SKILL.md", [0xFF, 0xFE])
        try home.folder.write("skills/broken/SKILL.md", "---\nname: still here\nbad: [\n---\n")
        try home.folder.write("skills/long/SKILL.md", skill(String(repeating: "n", count: 70)))
        let skills = try read(home)
        #expect(
            Set(skills.skills.map(\.name)) == ["same", "real", "both", "still here", String(repeating: "n", count: 64)])
        #expect(skills.archived == 1)
        let kanban = try HomeSettings(parsing: Array("toolsets: [kanban]".utf8))
        #expect(try read(home, kanban).skills.contains { $0.name == "board" })
    }

    @Test func symlinksAreFollowedAndLoopsEnd() throws {
        let home = try SampleHome()
        let elsewhere = try TemporaryDirectory()
        try elsewhere.write("shared/SKILL.md", skill("shared"))
        try home.folder.write("skills/a/SKILL.md", skill("a"))
        func link(_ name: String, _ target: FilePath) {
            let made = target.withPlatformString { target in
                home.path.pushing(FilePath(name)).withPlatformString { symlink(target, $0) }
            }
            #expect(made == 0)
        }
        link("skills/linked", elsewhere.path)
        link("skills/a/loop", home.path.appending("skills"))
        #expect(Set(try read(home).skills.map(\.name)) == ["a", "shared"])
        let settings = try HomeSettings(
            parsing: Array("skills:\n  external_dirs: [\(elsewhere.path.string), nowhere]\n".utf8))
        #expect(try read(home, settings).skills.count == 2)
    }

    @Test func settingsWithTheirDefaults() throws {
        let plain = try HomeSettings(parsing: [])
        #expect(plain == HomeSettings())
        #expect(plain.redactsSecrets && !plain.redactsPersonalData && plain.approvals == .smart)
        let text = """
            _config_version: 33
            security: {redact_secrets: off}
            privacy: {redact_pii: "true"}
            approvals: {mode: off}
            """
        let set = try HomeSettings(parsing: Array(text.utf8))
        #expect(!set.redactsSecrets && set.redactsPersonalData && set.approvals == .off && set.version == 33)
        #expect(throws: HomeFailure.self) { try HomeSettings(parsing: Array("a: [".utf8)) }
        #expect(throws: HomeFailure.self) { try HomeSettings(parsing: Array("- list".utf8)) }
    }

    @Test func exposedCredentialsAreFound() throws {
        let home = try SampleHome()
        try home.folder.write(".env", "x", permissions: 0o600)
        try home.folder.write("auth.json", "x", permissions: 0o640)
        try home.folder.write("mcp-tokens/a.json", "x", permissions: 0o604)
        try home.folder.write("profiles/coder/.env", "x", permissions: 0o644)
        try home.folder.write("README", "x", permissions: 0o644)
        let credentials = try CredentialFiles.read(home.layout)
        #expect(credentials.files.count == 4)
        #expect(
            credentials.exposed.map(\.path.string).sorted() == [
                "auth.json", "mcp-tokens/a.json", "profiles/coder/.env",
            ])
    }
}
