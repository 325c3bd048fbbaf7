internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What a drill says to the network: to the declared remote, and to nobody else. In a namespace of its own, packet by packet.
@Suite(.timeLimit(.minutes(5))) struct DrillNetworkTests {
    static let isPossible = geteuid() == 0 && system("unshare -n ip tuntap add out mode tun 2>/dev/null") == 0

    private struct Report: Decodable {
        struct Run: Decodable {
            var code: Int32
            var output: String
            var errors: String
            var connections: [String]
            var tokenRequests: [String]
            var gateways: [String]
        }
        var git: String
        var control: [String]
        var runs: [Run]
    }

    @Test(.enabled(if: isPossible, "needs root, ip(8) and /dev/net/tun"))
    func onlyTheDeclaredRemoteIsAsked() async throws {
        let runner = try RunnerProgram()
        let folder = runner.folder
        _ = try HermesHomeFixture(at: runner.home, seed: 33, extras: false)
        let environment = runner.home.appending(".env")
        try FileSystem.replace(
            environment,
            with: try FileSystem.read(environment, limit: 1 << 20) + Array("\nFREE_API_KEY=unused-and-free\n".utf8))
        // Tokens that are long expired, and where they could be refreshed.
        try folder.write(
            "home/auth.json.in",
            """
            {"version": 1, "active_provider": "nous", "providers": {"nous": {"portal_base_url": "http://127.0.0.1:@TOKENS@",
             "inference_base_url": "http://127.0.0.1:@TOKENS@/v1", "client_id": "hermes-cli", "access_token": "expired",
             "refresh_token": "once-only", "expires_at": "2026-01-01T00:00:00+00:00"}}}
            """)
        try folder.write(
            "home/google_token.json.in",
            """
            {"token": "expired", "refresh_token": "once-only", "token_uri": "http://127.0.0.1:@TOKENS@/token", "client_id": "x",
             "client_secret": "y", "expiry": "2026-01-01T00:00:00Z"}
            """)
        let token = ["namespace", "token"].joined(separator: "-")
        try folder.write("token", token + "\n")
        try folder.write("tokens.json", #"{"\#(token)": {"backup.git": "rw"}}"#)
        try folder.write("api.json", #"{"/api/v1/version": {"status": 404, "body": {}}}"#)
        _ = try await runner.tool(
            "git", "init", "-q", "--bare", "-b", "main", folder.path.pushing("repositories/backup.git").string)
        let key = folder.path.appending("key.txt").string
        let made = try await runner("keys", "generate", "-o", key)
        let hermes = RealHermes.installed.map { "hermes: { command: \($0.program) }" } ?? ""
        try folder.write(
            "config.in",
            """
            version: 1
            instance: { id: vijay, label: Vijay, hermesHome: \(runner.home) }
            credentials: { push: { file: \(folder.path.appending("token")) }, drill-key: { file: \(key) } }
            network: { caFile: \(folder.path.appending("ca.pem")) }
            repository: { path: \(runner.repository), remote: "https://127.0.0.1:@GIT@/backup.git", credential: push }
            bundle: { recipients: [ \(made.output.trimmingCharacters(in: .whitespacesAndNewlines)) ] }
            stores: { local: { directory: \(folder.path.appending("store")) } }
            \(hermes)
            jobs:
              backup: { steps: [ sanitize, commit, push ] }
              emergency-bundle: { steps: [ bundle, { upload: { store: local } } ] }
              drill-remote: { steps: [ { restore: { from: repository } }, { verify: { hermes: auto } } ] }
              drill-work-tree: { steps: [ { restore: { from: repository, local: true } }, { verify: { hermes: auto } } ] }
              drill-store: { steps: [ { restore: { from: store, store: local, identity: drill-key } }, { verify: { hermes: auto } } ] }
            """)
        let script = try #require(
            Bundle.module.path(forResource: "drill_namespace", ofType: "py", inDirectory: "Resources"))
        let program = RunnerProgram.path.string
        func run(_ words: String...) -> [String] { ["--", program] + words }
        let server = HermesHomeFixture.fixtures.removingLastComponent().pushing("Tests/Servers/git_server.py")
        let unsealed = [
            "--", "unshare", "-m", "sh", "-c",
            """
            mount --make-rprivate / && mount --bind /bin/false "$(command -v unshare)" &&
            exec "$0" drill --json --job drill-store
            """, program,
        ]
        let result = try await runner.run(
            "unshare",
            ["-n", "python3", "-B", script, server.string, folder.path.string] + run("run", "backup")
                + run("run", "emergency-bundle") + run("drill", "--json", "--job", "drill-remote")
                + run("drill", "--json", "--job", "drill-work-tree") + run("drill", "--json", "--job", "drill-store")
                + run(
                    "restore", "--from", "store", "--identity", "drill-key", "--into",
                    folder.path.appending("back").string)
                + unsealed)
        try #require(result.status == 0, "\(result.errors)")
        let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
        #expect(report.control == ["tcp 2001:db8:1::7 443", "udp 203.0.113.7 53"])
        for (number, run) in report.runs.enumerated() {
            #expect(run.code == 0, "\(number): \(run.output.suffix(3000))\(run.errors)")
            #expect(run.tokenRequests == [] && run.gateways == [], "\(number)")
            // The backup's push and the drill from the remote; everything else keeps silent.
            // Without namespaces Hermes asks for updates, by a proxy that is not there.
            let wanted = [0: [report.git], 2: [report.git], 6: RealHermes.installed == nil ? [] : ["tcp 127.0.0.1 1"]]
            #expect(run.connections == wanted[number] ?? [], "\(number): \(run.connections)")
        }
        guard RealHermes.installed != nil else { return }
        // The receipt says how it was run.
        let plain = try JSONDecoder().decode(Drilled.self, from: Data(report.runs[6].output.utf8))
        #expect(plain.drills[0].reason("hermes").hasPrefix("run without namespaces"), "\(plain)")
        for run in report.runs[2...4] {
            let receipt = try JSONDecoder().decode(Drilled.self, from: Data(run.output.utf8))
            let check = receipt.drills[0].checks.last
            // Without a reason: had it been run without namespaces, that would stand there.
            #expect(check?.name == "hermes" && check?.outcome == "passed" && check?.reason == nil, "\(receipt)")
        }
    }
}
