internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A whole backup against `git http-backend` behind TLS, with per-token rights, hooks and faults.
@Suite(.timeLimit(.minutes(5))) struct RemoteTests {
    private static let token = ["push", "token", "for", "this", "test"].joined(separator: "-")

    private func site() async throws -> (RunnerProgram, GitServer) {
        let runner = try RunnerProgram()
        let server = try GitServer()
        try runner.makePlainHome()
        try await server.makeRepository("backup.git")
        try server.setTokens(#"{"\#(Self.token)": {"backup.git": "rw"}}"#)
        try server.setAPI(#"{"/api/v1/version": {"status": 404, "body": {}}}"#)
        try runner.folder.write("token", Self.token + "\n")
        try runner.configure(
            extra: """
                credentials: { push: { file: \(runner.folder.path.appending("token").string) } }
                network: { caFile: \(server.authority.string) }
                """,
            repository:
                "repository: { path: \(runner.repository.string), remote: \(server.url("backup.git")), credential: push }"
        )
        return (runner, server)
    }

    private func remoteHead(_ runner: RunnerProgram, _ server: GitServer) async throws -> String {
        try await runner.tool("git", "-C", server.path("backup.git").string, "rev-parse", "-q", "--verify", "main")
            .output
            .trimmingCharacters(in: .newlines)
    }

    private func hook(_ server: GitServer, _ script: String) throws {
        try FileSystem.replace(
            server.path("backup.git").pushing("hooks/pre-receive"), with: Array("#!/bin/sh\n\(script)\n".utf8),
            permissions: 0o755)
    }

    @Test func pushesWithItsTokenAlone() async throws {
        let (runner, server) = try await site()
        let result = try await runner("run", "backup", "--verbose")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try await remoteHead(runner, server) == (try await runner.head()))
        let state = try await runner.tool("grep", "-raF", Self.token, runner.state.string, runner.repository.string)
        #expect(state.status == 1, "the token stands in \(state.output)")
        #expect(!(result.output + result.errors).contains(Self.token))
    }

    @Test func refusalsAreNeverASuccess() async throws {
        let (runner, server) = try await site()
        try hook(server, "echo 'no pushes on Sundays' >&2; exit 1")
        let declined = try await runner("run", "backup")
        #expect(declined.status == 1, "\(declined.errors)")
        #expect(declined.output.contains("no pushes on Sundays") || declined.errors.contains("no pushes on Sundays"))
        #expect(try await remoteHead(runner, server) == "")

        try hook(
            server,
            "echo 'remote: error: GH013: Repository rule violations found' >&2; echo 'Push cannot contain secrets' >&2; exit 1"
        )
        #expect(try await runner("run", "backup").status == 10)

        try FileSystem.removeTree(server.path("backup.git").pushing("hooks/pre-receive"))
        try server.setTokens(#"{"\#(Self.token)": {"backup.git": "r"}}"#)
        let reader = try await runner("run", "backup", "--json")
        #expect(reader.status == 77, "\(reader.errors)")
        try server.setTokens("{}")
        #expect(try await runner("run", "backup").status == 77)
        #expect(try await remoteHead(runner, server) == "")

        try server.setTokens(#"{"\#(Self.token)": {"backup.git": "rw"}}"#)
        #expect(try await runner("run", "backup").status == 0)
        #expect(try await remoteHead(runner, server) == (try await runner.head()))
    }

    @Test func aLostAnswerIsLookedUpAndAnOutageIsSixtyNine() async throws {
        let (runner, server) = try await site()
        try server.setFault(#"{"on": "post", "kind": "cut-answer"}"#)
        let lost = try await runner("run", "backup")
        #expect(lost.status == 0, "\(lost.errors)")
        #expect(try await remoteHead(runner, server) == (try await runner.head()))
        try runner.folder.write("home/SOUL.md", "You are calmer.\n")
        try server.setFault(#"{"on": "refs", "kind": "status", "status": 503, "times": 50}"#)
        let down = try await runner("run", "backup")
        #expect(down.status == 69, "\(down.errors)")
        try server.setFault(nil)
        #expect(try await runner("run", "backup").status == 0)
        #expect(try await remoteHead(runner, server) == (try await runner.head()))
    }

    @Test func aRedirectIsRefusedWithoutTheToken() async throws {
        let (runner, server) = try await site()
        try server.setFault(
            #"{"on": "refs", "kind": "redirect", "to": "https://localhost:\#(server.port("other"))", "times": 5}"#)
        let result = try await runner("run", "backup")
        #expect(result.status != 0)
        let log = String(
            decoding: try FileSystem.read(server.folder.path.appending("log.jsonl"), limit: 1 << 20), as: UTF8.self)
        for line in log.split(separator: "\n") where line.contains("\"port\": \(server.port("other"))") {
            Issue.record("the other origin was asked: \(line)")
        }
    }
}
