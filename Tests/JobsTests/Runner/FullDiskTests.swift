import Glibc
import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

/// A state directory on a file system of 1 MB.
@Suite(.enabled("mounting a small tmpfs needs root and a container that lets it", SmallDisk.isPossible))
struct FullDiskTests {
    private func withSmallDisk(_ body: (RunnerHarness) async throws -> Void) async throws {
        let harness = try await RunnerHarness("steps: [ sanitize, commit ]")
        try FileSystem.makeDirectory(harness.state)
        try #require(await SmallDisk.mount(at: harness.state))
        do { try await body(harness) } catch {
            try await SmallDisk.unmount(harness.state)
            throw error
        }
        try await SmallDisk.unmount(harness.state)
    }

    private static func fill(_ state: FilePath) throws {
        let file = try FileDescriptor.open(
            state.appending("ballast"), .writeOnly, options: .create, permissions: .ownerReadWrite)
        defer { try? file.close() }
        let block = [UInt8](repeating: 1, count: 4096)
        while (try? block.withUnsafeBytes { try file.write($0) }) != nil {}
    }

    @Test func aRunThatCannotBeRecordedDoesNotBegin() async throws {
        try await withSmallDisk { harness in
            _ = try await harness.runner(ScriptedFactory()).run("j")
            try Self.fill(harness.state)
            let factory = ScriptedFactory()
            let error = await #expect(throws: OperatorError.self) { try await harness.runner(factory).run("j") }
            #expect(error?.exit == .cannotWrite)
            #expect(factory.log.isEmpty)
            try FileSystem.removeTree(harness.state.appending("ballast"))
            #expect(try await harness.runner(factory).run("j").exit == .success)
            #expect(try harness.leftovers() == [])
        }
    }

    @Test func aDiskThatFillsUpInTheMiddleIsReported() async throws {
        try await withSmallDisk { harness in
            let factory = ScriptedFactory([
                "sanitize": { context in
                    try Self.fill(context.stateDirectory)
                    return StepOutcome()
                }
            ])
            let result = try await harness.runner(factory).run("j")
            #expect(factory.log == ["sanitize", "commit"])
            #expect(result.exit == .cannotWrite && result.error?.exit == .cannotWrite)
            try FileSystem.removeTree(harness.state.appending("ballast"))
            // The next run closes the record that could not be.
            #expect(try await harness.runner(ScriptedFactory()).run("j").exit == .success)
        }
    }
}

private enum SmallDisk {
    /// Whether this process may mount.
    @Sendable static func isPossible() async throws -> Bool {
        guard geteuid() == 0 else { return false }
        let folder = try TemporaryDirectory()
        guard try await mount(at: folder.path) else { return false }
        try await unmount(folder.path)
        return true
    }

    static func mount(at path: FilePath) async throws -> Bool {
        try await run("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "none", path.string])
    }

    static func unmount(_ path: FilePath) async throws {
        try #require(await run("umount", ["-l", path.string]))
    }

    private static func run(_ name: String, _ arguments: [String]) async throws -> Bool {
        try await Subprocess.run(
            .name(name), arguments: Arguments(arguments), output: .discarded, error: .discarded
        ).terminationStatus == .exited(0)
    }
}
