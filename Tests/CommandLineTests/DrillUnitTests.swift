internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A drill that may use the network under a real systemd, in both managers, within the sandbox that its own units make: the real
/// hermes command too, in the seal's unit and its namespaces.
@Suite(
    .timeLimit(.minutes(5)),
    .enabled(
        if: OperationsSandbox.isPossible,
        "scripts/systemd-sandbox check says what is missing: root, namespaces or a package"),
    .enabled(if: RealHermes.installed != nil, "the real Hermes Agent is not installed")
)
struct DrillUnitTests {
    @Test func theDrillWorksInItsSandbox() async throws {
        let hermes = try #require(RealHermes.installed)
        let peers = hermes.program.removingLastComponent().removingLastComponent()
        let sandbox = try OperationsSandbox(showing: [peers] + pythons(of: hermes))
        try await sandbox.whileUp {
            // Python may lie in root's home, which uma's jobs look into here.
            try await sandbox.must(.root, "chmod 711 /root")
            for place in [Place.root, .uma] {
                // Where Hermes' own installer puts it: inside the home.
                try await sandbox.must(place, "umask 077; mkdir -p ~/.hermes/hermes-agent/venv")
                try await sandbox.must(.root, "mount --bind '\(peers)' \(place.home)/.hermes/hermes-agent/venv")
                try await configure(sandbox, place, hermes)
                try await drill(sandbox, place)
                try await withoutSeal(sandbox, place)
                try await killed(sandbox, place)
            }
        }
    }

    /// Where Hermes' Python really lies, if not among the system's own.
    private func pythons(of hermes: RealHermes) throws -> [FilePath] {
        guard let real = hermes.python.withPlatformString({ realpath($0, nil) }) else { return [] }
        defer { free(real) }
        let prefix = FilePath(platformString: real).removingLastComponent().removingLastComponent()
        return prefix == "/usr" ? [] : [prefix]
    }

    private func configure(_ sandbox: OperationsSandbox, _ place: Place, _ hermes: RealHermes) async throws {
        try await sandbox.must(
            place,
            """
            set -e
            umask 077
            mkdir -p ~/.hermes/memories ~/.hermes/skills/weather ~/bundles ~/.local/bin \(place.configuration)/credentials
            ln -s ~/.hermes/hermes-agent/venv/bin/hermes ~/.local/bin/hermes
            echo calm >~/.hermes/SOUL.md
            printf 'model: x/y\\n_config_version: 33\\n' >~/.hermes/config.yaml
            printf 'OPENROUTER_API_KEY=sk-or-%s\\n' "$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n')" >~/.hermes/.env
            echo Miso >~/.hermes/memories/MEMORY.md
            printf -- '---\\nname: weather\\ndescription: sky\\n---\\nLook up.\\n' >~/.hermes/skills/weather/SKILL.md
            HERMES_HOME=~/.hermes PYTHONDONTWRITEBYTECODE=1 '\(hermes.python)' - <<'P'
            from hermes_state import SessionDB
            db = SessionDB()
            for s in range(7):
                db.create_session(f"s{s}", source="cli")
                for m in range(3):
                    db.append_message(f"s{s}", role="user", content=f"message {m} of session {s}")
            db.close()
            P
            git init -q --bare -b main ~/remote.git
            printf %s '\(OperationsSandbox.token)' >\(place.configuration)/credentials/telegram
            key=$(hermes-ops-runner keys generate -o \(place.configuration)/credentials/drill-key 2>/dev/null)
            cat >\(place.configuration)/config.yaml <<Y
            version: 1
            instance: { id: \(place.id), label: \(place.id), hermesHome: ~/.hermes }
            credentials: { drill-key: { systemd: drill-key }, telegram: { systemd: telegram } }
            notify: { telegram: { chat: "-1001", credential: telegram } }
            repository: { path: ~/repository, branch: main, remote: \(place.home)/remote.git }
            bundle: { recipients: [ $key ] }
            stores: { local: { directory: ~/bundles } }
            jobs:
              backup: { steps: [ sanitize, commit, push ] }
              emergency-bundle: { steps: [ bundle, { upload: { store: local } } ] }
              restore-drill:
                steps:
                  - restore: { from: repository }
                  - verify: { hermes: required }
                  - restore: { from: store, store: local, identity: drill-key }
                  - verify: { hermes: required }
                onSuccess: [ notify ]
            Y
            """)
        try await sandbox.must(place, "hermes-ops-runner units install")
        for job in ["backup", "emergency-bundle"] { try await start(sandbox, place, job) }
    }

    private func start(_ sandbox: OperationsSandbox, _ place: Place, _ job: String) async throws {
        let result = try await sandbox.run(place, "systemctl \(place.flag) start hermes-ops@\(job).service")
        guard result.status != 0 else { return }
        let journal = try await sandbox.run(
            .root, "journalctl --no-pager -o cat -n 60 | cut -c1-600")
        Issue.record("\(place): \(job): \(result.errors)\(journal.output)")
    }

    private func drill(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        let before = try await sandbox.must(place, Self.fingerprint)
        try await start(sandbox, place, "restore-drill")
        #expect(try await sandbox.must(place, Self.fingerprint) == before)
        let text = try await sandbox.must(place, "cat \(place.state)/runs/*/receipt.json")
        let receipt = try JSONDecoder().decode(Drilled.self, from: Data(text.utf8))
        #expect(receipt.outcome == "passed" && receipt.drills.map(\.source) == ["repository", "store"], "\(receipt)")
        for part in receipt.drills {
            let check = part.checks.last
            // A reason would say that there were no namespaces.
            #expect(check?.name == "hermes" && check?.outcome == "passed" && check?.reason == nil, "\(place): \(part)")
        }
        #expect(receipt.drills.last?.counts["sessions"] == 7 && receipt.drills.last?.counts["messages"] == 21)
        #expect(try await sandbox.must(place, "ls -A \(place.state)/drills") == "")
        let network = "systemctl \(place.flag) show -p RestrictAddressFamilies --value hermes-ops@restore-drill.service"
        #expect(try await sandbox.must(place, network).contains("AF_INET"))
        guard place == .root else { return }
        for unit in ["hermes-ops@restore-drill.service", "hermes-ops-seal@x.service"] {
            let line = try await sandbox.must(place, "systemd-analyze security --no-pager \(unit) | tail -n 1")
            #expect(line.split(separator: " ").lazy.compactMap { Double($0) }.first ?? 10 <= 2.0, "\(line)")
        }
    }

    /// Where the seal cannot be reached the hermes command is not run, and its check is not passed.
    private func withoutSeal(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await sandbox.must(
            place, "systemctl \(place.flag) stop hermes-ops-seal.socket; rm \(place.state)/runs/*/receipt.json")
        #expect(
            try await sandbox.run(place, "systemctl \(place.flag) start hermes-ops@restore-drill.service").status != 0)
        let text = try await sandbox.must(place, "cat \(place.state)/runs/*/receipt.json")
        let receipt = try JSONDecoder().decode(Drilled.self, from: Data(text.utf8))
        #expect(receipt.drills.allSatisfy { $0.checks.last?.outcome == "unknown" }, "\(receipt)")
        #expect(receipt.drills.last?.reason("hermes").contains("units install") == true, "\(receipt)")
        #expect(
            try await sandbox.run(place, "hermes-ops-runner doctor --json").output.contains(
                "drills cannot run the hermes command"))
        // An installation mends it.
        try await sandbox.must(place, "hermes-ops-runner units install")
        #expect(try await sandbox.must(place, "systemctl \(place.flag) is-active hermes-ops-seal.socket") == "active\n")
    }

    /// kill -9 in the middle: what stops after the unit takes the restored home away.
    private func killed(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        let unit = "hermes-ops@restore-drill.service"
        try await sandbox.must(place, "systemctl \(place.flag) start --no-block \(unit)")
        try await sandbox.must(
            place,
            """
            for i in $(seq 3000); do ls -d \(place.state)/drills/*/home/SOUL.md >/dev/null 2>&1 && break; sleep 0.01; done
            ls -d \(place.state)/drills/*/home/SOUL.md
            kill -9 $(systemctl \(place.flag) show -p MainPID --value \(unit))
            """)
        try await sandbox.wait(place, "the record of the killed drill") {
            try await sandbox.history(place, "restore-drill").first?["state"] as? String == "finished"
        }
        #expect(try await sandbox.must(place, "ls -A \(place.state)/drills") == "")
    }

    private static let fingerprint =
        "cd ~/.hermes && find . -path ./hermes-agent -prune -o -printf '%p %m %s %i %T@ %C@\\n' | sort && sha256sum SOUL.md .env state.db"
}
