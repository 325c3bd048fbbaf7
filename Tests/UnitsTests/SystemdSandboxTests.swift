import Support
import SystemPackage
import TestSupport
import Testing

@testable import Units

/// The units under a real systemd, in both managers, with a stand-in for the runner that tries what it should not.
@Suite(
    .enabled(
        if: SystemdSandbox.isPossible,
        "scripts/systemd-sandbox check says what is missing: root, namespaces or a package"))
struct SystemdSandboxTests {
    @Test func unitsDoWhatTheySay() async throws {
        let sandbox = try SystemdSandbox()
        try await sandbox.whileUp {
            try await sandbox.shell(
                .system,
                """
                mkdir -p /root/.hermes /root/.ssh /etc/hermes-ops /home/other/secret /root/secret
                echo x >/root/.hermes/file; echo planted >/etc/hermes-ops/push; chmod 700 /root /home/other
                systemd-run --quiet --unit=listener /usr/bin/python3 -m http.server --bind 127.0.0.1 8099
                """)
            try await sandbox.shell(
                .user,
                "mkdir -p ~/.hermes ~/.ssh ~/.config/hermes-ops; echo x >~/.hermes/file; echo planted >~/.config/hermes-ops/push"
            )
            for flavour in [UnitFlavour.system, .user] { try await Site(sandbox, flavour).check() }
        }
    }
}

/// One manager of the sandbox and what is checked in it.
private struct Site {
    let sandbox: SystemdSandbox
    let flavour: UnitFlavour
    let state: String
    let systemctl: String

    init(_ sandbox: SystemdSandbox, _ flavour: UnitFlavour) {
        self.sandbox = sandbox
        self.flavour = flavour
        state = flavour == .system ? "/var/lib/hermes-ops" : "/home/uma/.local/state/hermes-ops"
        systemctl = flavour == .system ? "systemctl" : "systemctl --user"
    }

    func check() async throws {
        try await installation()
        try await analysis()
        try await deaths()
        try await credential()
        try await hardening()
        try await catchUp()
        try await removal()
    }

    private func installation() async throws {
        let first = try await probe("install")
        #expect(first.contains("started: tick missed online"), "\(flavour): \(first)")
        #expect(!first.contains("enable-linger"), "\(first)")
        let second = try await probe("install")
        #expect(second.hasPrefix("changes: 0\nstarted: \n"), "\(flavour): \(second)")
        #expect(try await probe("plan") == "")
        // The first runs of the installation, then the timer's.
        try await waitUntil("the timer fires") { try await lines("runs").count { $0.hasPrefix("tick ") } >= 3 }
        #expect(try await lines("runs").contains { $0.hasPrefix("missed ") })
        #expect(try await lines("runs").contains { $0.hasPrefix("tick ") && $0.hasSuffix(" hermes-ops-tick.timer") })
        let status = try await probe("status")
        #expect(status.contains("missed: loaded enabled inactive success next 20"), "\(flavour): \(status)")
    }

    private func analysis() async throws {
        let names =
            "hermes-ops@{tick,missed,online,snapshot,credential,sealed,wide}.service hermes-ops-alert@wide.service hermes-ops-seal@x.service"
        let verify = try await shell(
            "systemd-analyze \(flavour == .user ? "--user " : "")verify --man=no \(names) hermes-ops-{tick,missed,online}.timer hermes-ops.slice hermes-ops-seal.socket"
        )
        #expect(verify.status == 0 && verify.errors.isEmpty && verify.output.isEmpty, "\(flavour): \(verify.errors)")
        guard flavour == .system else { return }
        let scored =
            "hermes-ops@{tick,missed,online,snapshot,credential,sealed,wide}.service hermes-ops-alert@wide.service hermes-ops-seal@x.service"
        let security = try await shell(
            "for u in \(scored); do systemd-analyze security --no-pager $u | tail -n 1; done")
        let scores = security.output.split(separator: "\n").compactMap { line in
            line.split(separator: " ").lazy.compactMap { Double($0) }.first
        }
        #expect(scores.count == 9, "\(security.output)")
        #expect(scores.allSatisfy { $0 <= 2.0 }, "\(security.output)")
    }

    private func deaths() async throws {
        // A failure raises the alert once, with the failed run's id.
        #expect(try await shell("\(systemctl) start hermes-ops@fail.service").status != 0)
        let run = try #require(try await lines("runs").last { $0.hasPrefix("fail ") }).split(separator: " ")[1]
        try await waitUntil("the alert") { try await lines("alerts").contains("fail exit-code 1 \(run) planted") }
        #expect(try await lines("finalized").contains("fail exit-code exited 1 \(run)"))
        #expect(try await result("alert")["connect"] == "yes")

        // A deliberate skip is no failure.
        #expect(try await shell("\(systemctl) start hermes-ops@skip.service").status == 0)
        #expect(try await lines("finalized").contains { $0.hasPrefix("skip success exited 75 ") })

        // kill -9
        try await shell("\(systemctl) start --no-block hermes-ops@killed.service")
        try await waitUntil("the job to be killed runs") {
            try await lines("runs").contains { $0.hasPrefix("killed ") }
        }
        try await shell("kill -9 $(\(systemctl) show --property=MainPID --value hermes-ops@killed.service)")
        try await waitUntil("finalize after SIGKILL") {
            try await lines("finalized").contains { $0.hasPrefix("killed signal killed KILL ") }
        }
        try await waitUntil("the alert after SIGKILL") {
            try await lines("alerts").contains { $0.hasPrefix("killed signal KILL ") }
        }

        // A timeout, shortened by a local drop-in, which a further installation keeps.
        let folder = flavour == .system ? "/etc/systemd/system" : "~/.config/systemd/user"
        try await shell(
            "printf '[Service]\\nTimeoutStartSec=1s\\n' >\(folder)/hermes-ops@hang.service.d/90-local.conf; \(systemctl) daemon-reload"
        )
        _ = try await probe("install")
        #expect(try await shell("\(systemctl) start hermes-ops@hang.service").status != 0)
        #expect(try await lines("finalized").contains { $0.hasPrefix("hang timeout ") })
        try await waitUntil("the alert after a timeout") {
            try await lines("alerts").contains { $0.hasPrefix("hang timeout ") }
        }
        #expect(try await lines("alerts").count == 3)
        // What one alert leaves in memory the next one finds, whatever becomes of the disk.
        try await waitUntil("the alerts' memory") { try await result("alert")["told"] == "3" }
    }

    private func credential() async throws {
        // One that is missing is there and empty: what can do without it is done, and the rest says what is missing.
        #expect(try await shell("\(systemctl) start hermes-ops@credential.service").status == 0)
        #expect(try await result("credential")["empty-credential"] == "yes")
    }

    private func hardening() async throws {
        for job in ["wide", "online", "snapshot", "sealed"] {
            #expect(try await shell("\(systemctl) start hermes-ops@\(job).service").status == 0, "\(flavour) \(job)")
        }
        let denied = [
            "write-home", "write-user-home", "see-ssh", "read-other", "write-etc", "write-usr", "namespaces", "mount",
            "write-run", "start-unit", "set-uid-file", "connect", "export", "repository", "credential",
        ]
        let granted = ["read-home", "write-state", "write-temporary", "boot-id", "other-process", "core"]
        func expect(_ job: String, also: [String]) async throws {
            let found = try await result(job)
            for key in granted + also { #expect(found[key] == "yes", "\(flavour) \(job) \(key)") }
            for key in denied where !also.contains(key) { #expect(found[key] == "no", "\(flavour) \(job) \(key)") }
        }
        try await expect("wide", also: [])
        try await expect("online", also: ["connect", "repository", "credential"])
        try await expect("snapshot", also: ["export", "bus", "start-unit"])
        // A job that runs the hermes command makes no namespaces itself. What does it for the job sees neither the home nor the job's
        // records.
        try await expect("sealed", also: [])
        let seal = try await result("drills/seal")
        for key in ["write-temporary", "boot-id", "core", "namespaces"] {
            #expect(seal[key] == "yes", "\(flavour) seal \(key)")
        }
        for key in denied + ["read-home", "write-state"] where key != "namespaces" {
            #expect(seal[key] == "no", "\(flavour) seal \(key)")
        }
        // What the jobs wrote to their own /tmp and /dev/shm, and nowhere else.
        let left = try await shell(
            "ls -d /dev/shm/hermes-ops-new /tmp/new /etc/new /usr/new ~/new ~/.hermes/new 2>/dev/null")
        #expect(left.output.isEmpty, "\(flavour): \(left.output)")
        let export = try await sandbox.shell(
            .system, "stat -c '%a %U:%G' /var/lib/hermes-ops-exports/*/ /var/lib/hermes-ops-exports/*/snapshot.json")
        #expect(export.output.contains("2750 root:hermes-ops\n2750 root:hermes-ops") == false)
        #expect(
            export.output.contains(flavour == .system ? "640 root:hermes-ops" : "640 uma:hermes-ops"),
            "\(export.output)")
    }

    /// The machine was off at midnight: the timer's stamp is two days old.
    private func catchUp() async throws {
        let stamp =
            (flavour == .system ? "/var/lib/systemd/timers" : "~/.local/share/systemd/timers")
            + "/stamp-hermes-ops-missed.timer"
        let before = try await lines("runs").count { $0.hasPrefix("missed ") }
        let moved = try await shell(
            "\(systemctl) stop hermes-ops-missed.timer && touch -d '2 days ago' \(stamp) && \(systemctl) start hermes-ops-missed.timer"
        )
        #expect(moved.status == 0, "\(moved.errors)")
        try await waitUntil("the missed run") {
            try await lines("runs").count { $0.hasPrefix("missed ") } == before + 1
        }
    }

    private func removal() async throws {
        let report = try await probe("uninstall")
        #expect(report.hasPrefix("changes: "), "\(report)")
        #expect(try await shell("\(systemctl) list-timers --all --no-legend 'hermes-ops*'").output.isEmpty)
        let folder = flavour == .system ? "/etc/systemd/system" : "~/.config/systemd/user"
        let left = try await shell(
            "cd \(folder) && find . -name '*hermes-ops*' -type f -o -path '*hermes-ops*' -type f")
        #expect(left.output == "./hermes-ops@hang.service.d/90-local.conf\n", "\(left.output)")
        #expect(try await lines("runs").isEmpty == false)
    }

    // MARK: Means

    @discardableResult
    private func shell(_ line: String) async throws -> SystemdSandbox.Result { try await sandbox.shell(flavour, line) }

    private func probe(_ command: String) async throws -> String {
        let result = try await shell("/usr/local/bin/units-probe \(command) \(flavour.rawValue)")
        #expect(result.status == 0, "\(flavour) \(command): \(result.output)\(result.errors)")
        return result.output
    }

    private func lines(_ file: String) async throws -> [String] {
        try await shell("cat \(state)/\(file)").output.split(separator: "\n").map(String.init)
    }

    private func result(_ job: String) async throws -> [String: String] {
        try await lines("\(job).result").reduce(into: [:]) { found, line in
            let parts = line.split(separator: "=")
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
        }
    }

    private func waitUntil(_ what: String, _ condition: () async throws -> Bool) async throws {
        for _ in 0..<100 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("\(flavour): waited in vain: \(what)")
    }
}
