internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// kill -9 at random moments of a backup: the repository is whole, nothing with a secret stays behind, the next run needs no help.
@Suite struct KillTests {
    /// A few in every run of the tests; HERMES_OPS_STRESS=1 makes it hundreds, another number that many.
    static let rounds =
        ProcessInfo.processInfo.environment["HERMES_OPS_STRESS"].flatMap(Int.init).map { $0 > 1 ? $0 : 300 } ?? 12

    @Test(.timeLimit(.minutes(30)))
    func theRepositoryIsAlwaysAtAWholeCommit() async throws {
        let runner = try RunnerProgram()
        let fixture = try HermesHomeFixture(at: runner.home, seed: 11)
        for number in 0..<150 { try fixture.write("skills/many/note\(number).md", Array("note \(number)\n".utf8)) }
        try await runner.makeRemote()
        try runner.configure()
        var generator = SplitMix64(seed: 99)
        for round in 0..<Self.rounds {
            try fixture.write("skills/many/changing.md", Array("round \(round)\n".utf8))
            for number in 0..<60 {
                try fixture.write("skills/many/note\(number).md", Array("note \(number) \(round)\n".utf8))
            }
            try await killSomewhere(runner, after: Double.random(in: 0.02...1.2, using: &generator))
            // Killed while the repository was being made, there is none yet; the next run makes it.
            let made = try await runner.tool(
                "git", "-C", runner.repository.string, "rev-parse", "-q", "--verify", "HEAD")
            guard made.status == 0 else { continue }
            let check = try await runner.tool("git", "-C", runner.repository.string, "fsck", "--full")
            #expect(check.status == 0, "round \(round): \(check.errors)")
        }
        let last = try await runner("run", "backup")
        #expect(last.status == 0, "\(last.errors)\(last.output)")
        let dirt = try await runner.tool("git", "-C", runner.repository.string, "status", "--porcelain")
        #expect(dirt.output == "")
        let stored = try FileSystem.read(runner.stored.appending("skills/many/changing.md"), limit: 100)
        #expect(stored == Array("round \(Self.rounds - 1)\n".utf8))
        // Nothing of the killed runs is left: no staging, no temporary file, no secret.
        var leftovers: [String] = []
        for root in [runner.state, runner.repository] {
            try DirectoryWalk(root).run { entry in
                if entry.status.kind == .file {
                    let content = try FileSystem.read(root.pushing(FilePath(bytes: entry.path)), limit: 1 << 28)
                    for secret in fixture.secrets where content.contains(Array(secret.value.utf8)) {
                        leftovers.append("\(secret.name) in \(printable(entry.path))")
                    }
                }
                for place in ["staging/backup", ".git/hermes-ops/staging", ".git/hermes-ops/incoming"]
                where entry.path.starts(with: Array(place.utf8)) {
                    leftovers.append(printable(entry.path))
                }
                return .descend
            } failing: { _, error in
                throw error
            }
        }
        #expect(leftovers == [])
        let history = try await runner("history", "--json", "--limit", "1000")
        #expect(!history.output.contains("\"executing\""), "every killed run is closed")
    }

    /// `finalize`, which systemd runs after any death, takes away the copies of databases that a killed bundle left; a living one's stay.
    @Test func finalizeSweepsWhatAKilledBundleLeft() async throws {
        let runner = try RunnerProgram()
        _ = try HermesHomeFixture(at: runner.home, seed: 12)
        try runner.configure()
        let staging = runner.state.appending("bundle-staging")
        let me = ProcessIdentity.current
        let living = "bundle-\(me.pid)-\(me.startTime)-\(me.bootID)-00000000"
        for name in ["bundle-\(me.pid)-1-\(me.bootID)-00000000", living] {
            let folder = staging.appending(name)
            try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
            try FileSystem.replace(folder.appending("0.db"), with: Array("a row".utf8))
        }
        #expect(try await runner("finalize", "backup").status == 0)
        #expect(try DirectoryListing.names(at: staging) == [Array(living.utf8)])
    }

    private func killSomewhere(_ runner: RunnerProgram, after seconds: Double) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: RunnerProgram.path.string)
        process.arguments = ["run", "backup", "--quiet"]
        process.environment = runner.environment
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try await Task.sleep(for: .seconds(seconds))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
