internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// docs/disaster-recovery.md, part B, as a person types it.
@Suite struct DisasterRecoveryTests {
    /// The first block of commands below a heading.
    private static func commands(below heading: String) throws -> String {
        let path = TestServer.sourceRoot.appending("docs/disaster-recovery.md")
        let text = String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)
        let part = try #require(
            text.components(separatedBy: heading).last?.components(separatedBy: "```sh\n").dropFirst().first)
        return part.components(separatedBy: "```")[0]
    }

    /// Attributes of the home's own would change files on checkout, and a name can be two lines.
    @Test func theRepositoryAlonePassesItsCheck() async throws {
        let runner = try RunnerProgram()
        guard try await runner.tool("sh", "-c", "command -v jq").status == 0 else { return }
        try runner.makePlainHome()
        try runner.folder.write("home/.gitattributes", "* text eol=crlf\n*.md working-tree-encoding=UTF-16\n")
        try runner.folder.write("home/memories/two\nlines.md", "a\nb\n")
        try await runner.makeRemote()
        try runner.configure()
        let backup = try await runner("run", "backup")
        #expect(backup.status == 0, "\(backup.errors)")
        let commands = try Self.commands(below: "### 1. Fetch and check")
            .replacing("https://github.com/OWNER/REPOSITORY.git", with: runner.remote.string)
        let result = try await runner.tool("sh", "-c", "cd \"$1\"\n\(commands)", "sh", runner.folder.path.string)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("ALL RIGHT"), "\(result.output) \(result.errors)")
    }
}
