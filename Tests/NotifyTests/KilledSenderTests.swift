import Glibc
import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Notify

/// kill -9 at random moments: nothing that was noted is lost, and what arrives twice says so.
@Suite struct KilledSenderTests {
    @Test func killedSendersLoseNothing() async throws {
        let machine = try Machine()
        let rounds = getenv("HERMES_OPS_STRESS") == nil ? 12 : 200
        let probe = try TestPrograms.folder().appending("NotifyProbe")
        var random = SeededGenerator(seed: 20_261_123)
        let file = AlertBookFile(directory: machine.book.removingLastComponent())
        var round = 0
        // On a busy machine a sender may be killed before it noted anything: then there are more of them.
        while round < rounds || (round < 10 * rounds && file.peek()?.conditions.count ?? 0 <= rounds) {
            defer { round += 1 }
            let wait = Duration.milliseconds(Int.random(in: 30...500, using: &random))
            _ = try await Subprocess.run(
                .path(probe),
                arguments: [
                    machine.directory.path.string, machine.fake.base, FakeTelegram.token, "\(round * 100)", "100",
                ],
                input: .none, output: .discarded, error: .discarded
            ) { execution in
                try await Task.sleep(for: wait)
                try? execution.send(signal: .kill)
            }
        }
        let last = await machine.notifier.flush()
        #expect(last.waiting == 0)
        let noted = try await file.update { $0.conditions.values.map(\.title.name) }.result
        #expect(noted.count > rounds)
        var first: [String: Int] = [:]
        var repeated: [String: Int] = [:]
        for message in try await machine.fake.messages() {
            if message.text.contains("(may be repeated)") {
                repeated[message.head, default: 0] += 1
            } else {
                first[message.head, default: 0] += 1
            }
        }
        for job in noted {
            let head = "🔴 x: \(job) failed"
            #expect(first[head, default: 0] + repeated[head, default: 0] >= 1, "\(job) was lost")
        }
        // Each kill leaves one message in doubt at most, and what arrives again says so.
        #expect(first.values.allSatisfy { $0 == 1 } && repeated.values.reduce(0, +) <= round)
        // No temporary file outlives the next writer by name: the book is the only one besides the locks.
        let names = try DirectoryListing.names(at: machine.book.removingLastComponent()).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(names.filter { !$0.hasSuffix(".tmp") } == ["alerts.json", "alerts.lock", "sending.lock"])
        #expect(!names.contains { $0.hasSuffix(".tmp") }, "\(names)")
    }
}

enum TestPrograms {
    /// The folder of the built programs: that of this test program.
    static func folder() throws -> FilePath {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        guard count > 0 else { throw OperatorError.system(errno, doing: "finding the build folder") }
        return FilePath(String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
            .removingLastComponent()
    }
}
