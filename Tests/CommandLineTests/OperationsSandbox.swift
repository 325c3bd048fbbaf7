internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The systemd sandbox of scripts/systemd-sandbox with the built program and a fake Telegram inside.
final class OperationsSandbox {
    private static let root = HermesHomeFixture.fixtures.removingLastComponent()
    private static let script = root.appending("scripts/systemd-sandbox").string
    /// Put together here so that no scanner takes it for a real one.
    static let token = "12345678:" + String(repeating: "a", count: 35)

    static let isPossible = system("bash '\(script)' check 2>/dev/null") == 0

    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    private let directory: TemporaryDirectory
    private let environment: [String: String]
    private(set) var port = 0

    /// - Parameter shown: further folders that are to be seen inside, each under its own name.
    init(showing shown: [FilePath] = []) throws {
        directory = try TemporaryDirectory()
        var binds = [
            "\(RunnerProgram.path):/usr/local/bin/hermes-ops-runner",
            "\(Self.root.appending("Tests/Servers")):/srv/servers",
        ]
        // The toolchain may lie in a folder that the sandbox hides.
        let maps = String(decoding: try FileSystem.read("/proc/self/maps", limit: 16 << 20), as: UTF8.self)
        let libraries = maps.split(separator: "\n").compactMap { line in
            line.contains("/libswift") ? line.firstIndex(of: "/").map { FilePath(String(line[$0...])) } : nil
        }
        for folder in Set(libraries.map { $0.removingLastComponent() }) { binds.append("\(folder):\(folder)") }
        for folder in shown { binds.append("\(folder):\(folder)") }
        environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SYSTEMD_SANDBOX_DIR": directory.path.appending("sandbox").string,
            "SYSTEMD_SANDBOX_BIND": binds.joined(separator: " "),
        ]
    }

    /// Boots it for the time of a body.
    func whileUp(_ body: () async throws -> Void) async throws {
        let up = try await command(["up"])
        try #require(up.status == 0, "\(up.errors)")
        do {
            try await body()
        } catch {
            _ = try await command(["down"])
            throw error
        }
        _ = try await command(["down"])
    }

    /// Runs a shell line inside.
    @discardableResult
    func run(_ place: Place, _ line: String) async throws -> Result {
        try await command([place == .root ? "sh" : "user", "bash", "-c", line])
    }

    /// Runs a shell line that must succeed; its output.
    @discardableResult
    func must(_ place: Place, _ line: String) async throws -> String {
        let result = try await run(place, line)
        #expect(result.status == 0, "\(place): \(line)\n\(result.output)\(result.errors)")
        return result.output
    }

    private func command(_ words: [String]) async throws -> Result {
        let result = try await SystemCommandRunner().run(
            "/bin/bash", [Self.script] + words, environment: environment, deadline: .seconds(60), limit: 16 << 20)
        return Result(
            status: result.status, output: String(decoding: result.output, as: UTF8.self),
            errors: String(decoding: result.errors, as: UTF8.self))
    }

    /// The fake Telegram, and at the address of the remote somebody who takes connections and never answers: a push hangs there.
    func startTelegram() async throws {
        try await must(
            .root,
            "systemd-run -q --unit=mute python3 -c 'import socket, time; s = socket.create_server((\"127.0.0.1\", 9)); time.sleep(1e6)'"
        )
        try await must(
            .root,
            "systemd-run -q --unit=telegram bash -c 'sleep infinity | python3 -B /srv/servers/fake_telegram.py --token \(Self.token) >/run/telegram.json'"
        )
        try await wait(.root, "the fake Telegram") { [self] in
            port = Int(try await run(.root, "cat /run/telegram.json").output.filter(\.isNumber)) ?? 0
            return port > 0
        }
    }

    /// What arrived, with whom it is about in its first line.
    func messages() async throws -> [String] {
        struct Message: Decodable { var text: String }
        let output = try await must(
            .root,
            "python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:\(port)/control/messages').read().decode())\""
        )
        return try JSONDecoder().decode([Message].self, from: Data(output.utf8)).map(\.text)
    }

    /// Home, repository, configuration, and drop-ins that lead messages to the fake.
    func configure(_ place: Place) async throws {
        try await must(
            place,
            """
            set -e
            umask 077
            mkdir -p ~/.hermes/memories \(place.configuration)/credentials
            echo calm >~/.hermes/SOUL.md
            printf 'model: x/y\\n_config_version: 33\\n' >~/.hermes/config.yaml
            echo Miso >~/.hermes/memories/MEMORY.md
            git init -q -b main ~/repository
            git -C ~/repository -c user.name=x -c user.email=x@y commit -q --allow-empty -m begin
            printf %s '\(Self.token)' >\(place.configuration)/credentials/telegram
            cat >\(place.configuration)/config.yaml <<Y
            version: 1
            instance: { id: \(place.id), label: \(place.id), hermesHome: ~/.hermes }
            credentials: { telegram: { systemd: telegram }, gone: { systemd: gone } }
            repository: { path: ~/repository, branch: main, remote: "https://127.0.0.1:9/none/none.git" }
            bundle: { recipients: [ age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p ] }
            stores: { local: { directory: ~/bundles } }
            notify: { telegram: { chat: "-1001", credential: telegram } }
            jobs:
              backup: { schedule: daily, timeout: 2m, steps: [ sanitize, commit ], onFailure: [ notify ] }
              snapshot: { schedule: "*-*-* *:*:0/3", timeout: 50s, steps: [ snapshot ] }
              hang: { timeout: 3s, retry: { attempts: 3, backoff: 1h, maxBackoff: 1h }, steps: [ push ] }
              killed: { timeout: 10m, retry: { attempts: 3, backoff: 1h, maxBackoff: 1h }, steps: [ push ] }
              stopped: { timeout: 10m, retry: { attempts: 3, backoff: 1h, maxBackoff: 1h }, steps: [ push ] }
              drill: { steps: [ { restore: { from: store, store: local, identity: gone } }, verify ] }
              tidy: { steps: [ sanitize ] }
            Y
            for unit in hermes-ops@ hermes-ops-alert@; do
              mkdir -p \(place.units)/$unit.service.d
              printf '[Service]\\nEnvironment=HERMES_OPS_TEST_LOOPBACK_HTTP=1 HERMES_OPS_TEST_TELEGRAM=http://127.0.0.1:\(port)\\n' \\
                >\(place.units)/$unit.service.d/90-test.conf
            done
            """)
    }

    /// The ledger's entries of a job, newest first.
    func history(_ place: Place, _ job: String) async throws -> [[String: Any]] {
        let output = try await must(place, "hermes-ops-runner history \(job) --json")
        return try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]] ?? []
    }

    func outcomes(_ place: Place, _ job: String) async throws -> [String] {
        try await history(place, job).compactMap { $0["outcome"] as? String }
    }

    func wait(_ place: Place, _ what: String, _ condition: () async throws -> Bool) async throws {
        for _ in 0..<75 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        Issue.record("\(place): waited in vain for \(what)")
    }
}
