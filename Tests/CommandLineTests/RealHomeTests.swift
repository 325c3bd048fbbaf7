internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A home that the real Hermes Agent made, while it is written to.
@Suite struct RealHomeTests {
    /// The peers' Python, from scripts/bootstrap.
    static let python: FilePath? = {
        guard let peers = ProcessInfo.processInfo.environment["HERMES_OPS_PEERS"] else { return nil }
        let python = FilePath(peers).appending("bin").appending("python")
        return access(python.string, X_OK) == 0 ? python : nil
    }()

    @Test(.enabled(if: python != nil, "needs hermes-agent: scripts/bootstrap test, and scripts/test sets HERMES_OPS_PEERS"))
    func isBackedUpWithoutASecret() async throws {
        let python = try #require(Self.python)
        let runner = try RunnerProgram()
        let plants = runner.folder.path.appending("plants.json")
        let script = try #require(Bundle.module.path(forResource: "make_real_home", ofType: "py", inDirectory: "Resources"))
        let maker = Process()
        maker.executableURL = URL(fileURLWithPath: python.string)
        maker.arguments = [script, plants.string, "--hold"]
        var environment = runner.environment
        environment["HERMES_HOME"] = runner.home.string
        maker.environment = environment
        let input = Pipe()
        let output = Pipe()
        maker.standardInput = input
        maker.standardOutput = output
        maker.standardError = FileHandle.nullDevice
        try maker.run()
        defer {
            try? input.fileHandleForWriting.close()
            maker.waitUntilExit()
        }
        _ = try output.fileHandleForReading.read(upToCount: 6)
        try await runner.makeRemote()
        try runner.configure()
        let result = try await runner("run", "backup")
        #expect(result.status == 0, "\(result.errors)")
        let values = try JSONDecoder().decode([[String: String]].self, from: Data(FileSystem.read(plants, limit: 1 << 20)))
            .compactMap { $0["value"] }
        #expect(values.count > 15)
        let objects = try await runner.tool(
            "git", "-C", runner.repository.string, "cat-file", "--batch", "--batch-all-objects", "--unordered")
        for value in values {
            for form in [value, Data(value.utf8).base64EncodedString(), hex(value.utf8)] {
                #expect(!objects.output.utf8.contains(form.utf8), "a planted value is in the repository")
                #expect(!(result.output + result.errors).utf8.contains(form.utf8))
            }
        }
        // Hermes itself takes the sanitized settings.
        let copy = runner.folder.path.appending("copy")
        _ = try await runner.tool("cp", "-r", runner.stored.string, copy.string)
        var checked = runner
        checked.environment["HERMES_HOME"] = copy.string
        let hermes = python.removingLastComponent().appending("hermes")
        let check = try await checked.tool(hermes.string, "config", "check")
        #expect(check.output.contains("Config version"))
        #expect(!(check.output + check.errors).contains("Failed to parse"))
        // Nothing changed but the database, which is not in it: no commit.
        let head = try await runner.head()
        #expect(try await runner("run", "backup").status == 0)
        #expect(try await runner.head() == head)
    }
}
