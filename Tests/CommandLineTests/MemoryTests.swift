internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What a run needs of memory must not follow the size of the home: little is held for each file.
@Suite(.timeLimit(.minutes(3))) struct MemoryTests {
    /// The peak resident memory of a command, in bytes. A program between the two keeps the memory of this one out of it,
    /// which a process that comes straight from here would be charged with.
    private func peak(_ runner: RunnerProgram, _ arguments: String...) async throws -> Int {
        let script = """
            import resource, subprocess, sys
            subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            """
        let result = try await runner.run("python3", ["-c", script, RunnerProgram.path.string] + arguments)
        try #require(result.status == 0, "\(result.errors)")
        return try #require(Int(result.output.trimmingCharacters(in: .newlines))) << 10
    }

    private func site(files: Int) throws -> RunnerProgram {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        for first in stride(from: 0, to: files, by: 200) {
            let notes = runner.home.appending("skills/s\(first)/notes")
            try FileManager.default.createDirectory(atPath: notes.string, withIntermediateDirectories: true)
            for number in first..<min(first + 200, files) {
                let file = try FileDescriptor.open(
                    notes.appending("note-\(number).md"), .writeOnly, options: .create, permissions: .ownerReadWrite)
                defer { file.closeQuietly() }
                try file.writeAll("\(number)\n".utf8)
            }
        }
        return runner
    }

    private func expectGrowth(
        below limit: Int, from few: Int, to many: Int, _ peaks: (RunnerProgram) async throws -> [Int]
    ) async throws {
        let base = try await peaks(try site(files: few))
        for (peak, base) in zip(try await peaks(try site(files: many)), base) {
            let each = (peak - base) / (many - few)
            #expect(each < limit, "\(each) bytes for each file: \(base) bytes with \(few), \(peak) with \(many)")
        }
    }

    /// A first backup, and one of the unchanged home.
    @Test func aBackupGrowsByLittleForEachFile() async throws {
        try await expectGrowth(below: 800, from: 100, to: 8_000) { runner in
            try await runner.makeRemote()
            try runner.configure()
            return [try await peak(runner, "run", "backup"), try await peak(runner, "run", "backup")]
        }
    }

    /// The smaller one fills all buffers.
    @Test func aBundleGrowsByLittleForEachFile() async throws {
        try await expectGrowth(below: 700, from: 8_000, to: 36_000) { runner in
            let names = ["key.txt", "b.age"].map { runner.folder.path.appending($0).string }
            _ = try await runner("keys", "generate", "-o", names[0])
            let recipient = try await runner("keys", "recipient", names[0])
            try runner.configure(
                extra: "bundle: { recipients: [ \(recipient.output.trimmingCharacters(in: .newlines)) ] }")
            return [
                try await peak(runner, "bundle", "create", "-q", "-o", names[1]),
                try await peak(runner, "bundle", "verify", "-q", names[1], "-i", names[0]),
            ]
        }
    }
}
