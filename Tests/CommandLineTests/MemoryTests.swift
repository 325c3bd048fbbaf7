internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What a run needs of memory must not follow the size of the home: little is held for each file.
@Suite(.timeLimit(.minutes(3))) struct MemoryTests {
    /// The peak resident memory of a run of the backup, in bytes. A program between the two keeps the memory of this one out of it,
    /// which a process that comes straight from here would be charged with.
    private func peak(_ runner: RunnerProgram) async throws -> Int {
        let script = """
            import resource, subprocess, sys
            subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            """
        let result = try await runner.tool("python3", "-c", script, RunnerProgram.path.string, "run", "backup")
        try #require(result.status == 0, "\(result.errors)")
        return try #require(Int(result.output.trimmingCharacters(in: .newlines))) << 10
    }

    /// The peaks of a first run and of one over the unchanged home.
    private func peaks(files: Int) async throws -> [Int] {
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
        try await runner.makeRemote()
        try runner.configure()
        return [try await peak(runner), try await peak(runner)]
    }

    @Test func growsByLittleForEachFile() async throws {
        let many = 8_000
        let base = try await peaks(files: 100)
        let peaks = try await peaks(files: many)
        for (peak, base) in zip(peaks, base) {
            let each = (peak - base) / many
            #expect(each < 800, "\(each) bytes for each file: \(base) bytes without them, \(peak) with \(many)")
        }
    }
}
