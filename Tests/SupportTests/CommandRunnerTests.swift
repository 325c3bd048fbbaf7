internal import Support
internal import SystemPackage
internal import Testing

@Suite struct CommandRunnerTests {
    let runner = SystemCommandRunner()

    @Test func tellsHowAProgramEnded() async throws {
        let good = try await runner.run("sh", ["-c", "echo out; echo err >&2"])
        #expect(good.isSuccess)
        #expect(good.output == Array("out\n".utf8))
        #expect(good.errors == Array("err\n".utf8))
        #expect(try await runner.run("/bin/sh", ["-c", "exit 3"]).end == .exited(3))
        #expect(try await runner.run("/bin/sh", ["-c", "kill -9 $$"]).end == .signaled(9))
    }

    @Test func givesExactlyTheEnvironmentItIsTold() async throws {
        let result = try await runner.run("/usr/bin/env", [], environment: ["ONLY": "this"])
        #expect(result.output == Array("ONLY=this\n".utf8))
    }

    @Test func endsAProgramThatIgnoresItsDeadline() async throws {
        let error = await #expect(throws: OperatorError.self) {
            try await runner.run("/bin/sh", ["-c", "trap '' TERM; sleep 60 & wait"], deadline: .milliseconds(300))
        }
        #expect(error?.type == "command-timeout")
    }

    @Test func failsOnTooMuchOutputAndOnWhatIsNotThere() async throws {
        await #expect(throws: OperatorError.self) {
            try await runner.run("/bin/sh", ["-c", "yes | head -c 100000"], limit: 1000)
        }
        for name in ["/nonexistent/program", "hermes-ops-no-such-command"] {
            let error = await #expect(throws: OperatorError.self) { try await runner.run(FilePath(name), []) }
            #expect(error?.type == "command-missing")
        }
    }
}
