internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite struct CommandSocketTests {
    private let folder: TemporaryDirectory
    private let listener: FileDescriptor
    private let address: FilePath

    init() throws {
        folder = try TemporaryDirectory()
        address = folder.path.appending("socket")
        listener = try Self.listen(at: address)
    }

    private var runner: SocketCommandRunner { SocketCommandRunner(socket: address) }

    @Test func aCommandRunsAtTheOtherEnd() async throws {
        async let served: Void = serve(5)
        let good = try await runner.run("sh", ["-c", "echo out; echo err >&2"])
        #expect(good.isSuccess && good.output == Array("out\n".utf8) && good.errors == Array("err\n".utf8))
        #expect(try await runner.run("/bin/sh", ["-c", "exit 3"]).end == .exited(3))
        #expect(try await runner.run("/bin/sh", ["-c", "kill -9 $$"]).end == .signaled(9))
        #expect(
            try await runner.run("/usr/bin/env", [], environment: ["ONLY": "this"]).output == Array("ONLY=this\n".utf8))
        // Names and arguments are bytes, and the folder is the command's.
        let odd = folder.path.appending("a\nfolder")
        try FileSystem.makeDirectory(odd)
        let result = try await runner.run(
            "/bin/sh", [Array("-c".utf8), Array("pwd; printf %s \"$1\"".utf8), Array("sh".utf8), [0xFE, 0x0A, 0x22]],
            environment: nil, workingDirectory: odd, deadline: .seconds(30), limit: 1 << 20)
        #expect(result.output == odd.bytes + [0x0A, 0xFE, 0x0A, 0x22])
        try await served
    }

    @Test func itsFailuresAreTheOtherEnds() async throws {
        async let served: Void = serve(3)
        func type(_ body: () async throws -> CommandResult) async -> String? {
            await #expect(throws: OperatorError.self) { _ = try await body() }?.type
        }
        #expect(await type { try await runner.run("/nonexistent/program", []) } == "command-missing")
        #expect(
            await type { try await runner.run("/bin/sleep", ["60"], deadline: .milliseconds(200)) } == "command-timeout"
        )
        #expect(await type { try await runner.run("/bin/sh", ["-c", "yes | head -c 100000"], limit: 1000) } != nil)
        try await served
    }

    /// A drill that is killed leaves no command behind.
    @Test func toHangUpEndsTheCommand() async throws {
        let pid = folder.path.appending("pid")
        async let served: Void = serve(1)
        let task = Task { [runner] in
            try await runner.run("/bin/sh", ["-c", "echo $$ >\(pid.string); sleep 600"], deadline: .seconds(900))
        }
        try await eventually("the command") { (try? FileSystem.read(pid, limit: 100))?.last == 10 }
        let number = try #require(
            Int32(String(decoding: try FileSystem.read(pid, limit: 100).dropLast(), as: UTF8.self)))
        task.cancel()
        await #expect(throws: (any Error).self) { _ = try await task.value }
        try await served
        try await eventually("its end") { kill(number, 0) != 0 }
    }

    @Test func nobodyThereAndNoAnswerAreErrors() async throws {
        let nowhere = SocketCommandRunner(socket: folder.path.appending("none"))
        let missing = await #expect(throws: OperatorError.self) { _ = try await nowhere.run("/bin/true", []) }
        #expect(missing?.type == "command-service" && missing?.advice?.contains("units install") == true)
        let long = SocketCommandRunner(socket: FilePath("/" + String(repeating: "x", count: 108)))
        #expect(
            await #expect(throws: OperatorError.self) { _ = try await long.run("/bin/true", []) }?.reason.contains(
                "too long") == true)

        for answer in ["", "{}", "no JSON", #"{"output":"","errors":"","exited":0,"signaled":9}"#] {
            async let connection = accepted()
            async let result = runner.run("/bin/true", [])
            let other = try await connection
            try other.writeAll(answer.utf8)
            try other.close()
            do {
                _ = try await result
                Issue.record("\(answer) was taken for an answer")
            } catch let error as OperatorError {
                #expect(error.type == "command")
            }
        }
    }

    @Test func whatIsNoCommandIsNotRun() async throws {
        for text in [
            "", "\n", "{}\n", "GET / HTTP/1.1\r\n\r\n", #"{"program":1}"# + "\n",
            String(repeating: "[", count: 100_000) + "\n",
        ] {
            var ends: [Int32] = [0, 0]
            #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            let other = FileDescriptor(rawValue: ends[0])
            try other.writeAll(text.utf8)
            #expect(shutdown(ends[0], Int32(SHUT_WR)) == 0)
            let error = await #expect(throws: OperatorError.self) {
                try await CommandService.serve(FileDescriptor(rawValue: ends[1]))
            }
            #expect(error?.exit == .damagedInput, "\(text.prefix(20))")
            try other.close()
            close(ends[1])
        }
    }

    // MARK: The other end

    private func accepted() async throws -> FileDescriptor {
        try await offPool { [listener] in
            let connection = accept(listener.rawValue, nil, nil)
            guard connection >= 0 else { throw Errno(rawValue: errno) }
            return FileDescriptor(rawValue: connection)
        }
    }

    private func serve(_ count: Int) async throws {
        for _ in 0..<count {
            let connection = try await accepted()
            try await CommandService.serve(connection)
            try connection.close()
        }
    }

    private func eventually(_ what: String, _ condition: () -> Bool) async throws {
        for _ in 0..<3000 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("\(what) did not come")
    }

    private static func listen(at path: FilePath) throws -> FileDescriptor {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.string.utf8)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard socket >= 0, result == 0, Glibc.listen(socket, 8) == 0 else { throw Errno(rawValue: errno) }
        return FileDescriptor(rawValue: socket)
    }
}
