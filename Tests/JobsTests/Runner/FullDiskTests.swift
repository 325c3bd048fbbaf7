import Glibc
import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

/// A state directory on a file system of 1 MB.
@Suite(.enabled(if: geteuid() == 0, "mounting a small tmpfs needs root")) struct FullDiskTests {
    private func withSmallDisk(_ body: (RunnerHarness) async throws -> Void) async throws {
        let harness = try await RunnerHarness("steps: [ sanitize, commit ]")
        try FileSystem.makeDirectory(harness.state)
        let mount = try await Subprocess.run(
            .name("mount"), arguments: ["-t", "tmpfs", "-o", "size=1m,mode=0700", "none", harness.state.string],
            output: .discarded,
            error: .string(limit: 4096))
        guard mount.terminationStatus == .exited(0) else {
            // A container without the right to mount: nothing can be shown here.
            print("skipped: mount said \(mount.standardError)")
            return
        }
        do { try await body(harness) } catch {
            _ = try await Subprocess.run(.name("umount"), arguments: ["-l", harness.state.string], output: .discarded)
            throw error
        }
        _ = try await Subprocess.run(.name("umount"), arguments: ["-l", harness.state.string], output: .discarded)
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
