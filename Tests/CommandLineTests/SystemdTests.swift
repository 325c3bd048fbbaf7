internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The real program under a real systemd, in both managers: units installed by itself, timers, deaths, messages.
@Suite(
    .timeLimit(.minutes(3)),
    .enabled(
        if: OperationsSandbox.isPossible,
        "scripts/systemd-sandbox check says what is missing: root, namespaces or a package")
)
struct SystemdTests {
    @Test func jobsRunByThemselvesAndSayWhatIsWrong() async throws {
        let sandbox = try OperationsSandbox()
        try await sandbox.whileUp {
            try await sandbox.startTelegram()
            for place in [Place.root, .uma] { try await sandbox.configure(place) }
            // Root makes the hand-over folder of uma's instance from what uma renders.
            try await sandbox.must(.uma, "hermes-ops-runner units render --user --into /tmp/rendered")
            try await sandbox.must(
                .root,
                """
                install -D -m 644 -t /etc/sysusers.d /tmp/rendered/sysusers.d/*.conf && systemd-sysusers &&
                install -D -m 644 -t /etc/tmpfiles.d /tmp/rendered/tmpfiles.d/*.conf && systemd-tmpfiles --create /etc/tmpfiles.d/hermes-ops-bheem.conf
                """)
            for place in [Place.root, .uma] {
                try await installation(sandbox, place)
                try await deaths(sandbox, place)
                try await hardening(sandbox, place)
            }
            let fleet = try await sandbox.must(.root, "hermes-ops-runner fleet --json")
            let rollup = try JSONSerialization.jsonObject(with: Data(fleet.utf8)) as? [String: Any]
            let sources = (rollup?["instances"] as? [[String: Any]])?.map { $0["source"] as? [String: Any] }
            #expect(sources?.map { $0?["state"] as? String } == ["ok", "ok"], "\(fleet.prefix(600))")
            #expect(try await sandbox.run(.root, "hermes-ops-runner parity").status == 1)
            for place in [Place.root, .uma] { try await removal(sandbox, place) }
        }
    }

    private func installation(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        let report = try await sandbox.must(place, "hermes-ops-runner units install")
        #expect(report.contains("started: backup\n") && report.contains("started: snapshot\n"), "\(report)")
        #expect(!report.contains("enable-linger"), "\(report)")
        #expect(try await sandbox.must(place, "hermes-ops-runner units install") == "nothing to change\n")
        #expect(try await sandbox.run(place, "hermes-ops-runner units diff --exit-code").status == 0)
        // The first run of the backup, and the timer's runs of the snapshot.
        try await sandbox.wait(place, "the first backup") {
            try await sandbox.outcomes(place, "backup") == ["success"]
        }
        try await sandbox.wait(place, "the timer") {
            try await sandbox.history(place, "snapshot").contains {
                $0["trigger"] as? String == "timer" && $0["outcome"] as? String == "success"
            }
        }
        let mode = try await sandbox.must(.root, "stat -c '%a %U:%G' \(place.exports)/snapshot.json")
        #expect(mode == "640 \(place.user):hermes-ops\n")
        let verify = try await sandbox.run(
            place,
            "systemd-analyze \(place.flag) verify --man=no hermes-ops@{backup,snapshot,hang,drill}.service hermes-ops-{backup,snapshot}.timer hermes-ops-alert@backup.service"
        )
        #expect(verify.output + verify.errors == "")
        guard place == .root else { return }
        for job in ["backup", "snapshot", "hang", "drill"] {
            let line = try await sandbox.must(
                place, "systemd-analyze security --no-pager hermes-ops@\(job).service | tail -n 1")
            let score = line.split(separator: " ").lazy.compactMap { Double($0) }.first
            #expect(score ?? 10 <= 2.0, "\(line)")
        }
    }

    private func deaths(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        func start(_ job: String) async throws -> Int32 {
            try await sandbox.run(place, "systemctl \(place.flag) start hermes-ops@\(job).service").status
        }
        func messages(_ job: String) async throws -> [String] {
            try await sandbox.messages().filter { $0.contains(" \(place.id): \(job) ") }
        }
        // Two failures are one message, and so is the recovery; the run and the alert unit do not both tell.
        try await sandbox.must(place, "mv ~/.hermes ~/.away")
        for _ in 0..<2 { #expect(try await start("backup") != 0) }
        try await sandbox.must(place, "mv ~/.away ~/.hermes")
        #expect(try await start("backup") == 0)
        try await Task.sleep(for: .seconds(1))
        #expect(try await messages("backup").map { $0.prefix(1) } == ["🔴", "🟢"])
        // A job that hangs is ended by its own limit, and says so.
        #expect(try await start("hang") != 0)
        #expect(try await sandbox.outcomes(place, "hang") == ["timeout"])
        // kill -9: the record is closed, the alert unit tells.
        try await sandbox.must(place, "systemctl \(place.flag) start --no-block hermes-ops@killed.service")
        try await sandbox.wait(place, "the job to be killed") {
            try await sandbox.history(place, "killed").contains { $0["state"] as? String == "executing" }
        }
        try await sandbox.must(
            place, "kill -9 $(systemctl \(place.flag) show -p MainPID --value hermes-ops@killed.service)")
        try await sandbox.wait(place, "the record of the killed run") {
            try await sandbox.history(place, "killed").first?["state"] as? String == "finished"
        }
        // A credential that is not there.
        #expect(try await start("drill") != 0)
        for (job, words) in [("hang", "ran out of time"), ("killed", "killed by"), ("drill", "gone")] {
            try await sandbox.wait(place, "the alert of \(job)") { try await !messages(job).isEmpty }
            let told = try await messages(job)
            #expect(told.count == 1 && told[0].contains(words), "\(place.id) \(job): \(told)")
        }
        // The machine was off at midnight.
        let before = try await sandbox.history(place, "backup").count
        try await sandbox.must(
            place,
            "systemctl \(place.flag) stop hermes-ops-backup.timer; touch -d '2 days ago' \(place.stamps)/stamp-hermes-ops-backup.timer; systemctl \(place.flag) start hermes-ops-backup.timer"
        )
        try await sandbox.wait(place, "the missed run") {
            try await sandbox.history(place, "backup").count == before + 1
        }
    }

    /// What a job of these very units cannot do.
    private func hardening(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await sandbox.must(
            place,
            """
            cat >\(place.state)/probe.sh <<'X'
            exec >\(place.state)/probe 2>/dev/null
            touch ~/.hermes/new ~/new /etc/new /usr/new
            cat /home/uma/.hermes/SOUL.md /root/.hermes/SOUL.md
            python3 -c "import socket; socket.create_connection(('127.0.0.1', \(sandbox.port)), 2); print('connected')"
            echo end
            X
            mkdir -p \(place.units)/hermes-ops@tidy.service.d
            printf '[Service]\\nExecStart=\\nExecStart=/bin/sh \(place.state)/probe.sh\\n' \\
              >\(place.units)/hermes-ops@tidy.service.d/90-probe.conf
            systemctl \(place.flag) daemon-reload
            systemctl \(place.flag) start hermes-ops@tidy.service
            """)
        // Its own home's one line, nobody else's; no connection.
        #expect(try await sandbox.must(place, "cat \(place.state)/probe") == "calm\nend\n")
        let left = try await sandbox.must(
            place, "ls -d ~/.hermes/new ~/new /etc/new /usr/new 2>/dev/null; true")
        #expect(left == "")
    }

    private func removal(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await sandbox.must(place, "hermes-ops-runner units uninstall")
        let timers = try await sandbox.must(
            place, "systemctl \(place.flag) list-timers --all --no-legend 'hermes-ops*'")
        #expect(timers == "")
        #expect(try await !sandbox.history(place, "backup").isEmpty)
        // Local drop-ins stay.
        #expect(try await sandbox.run(place, "ls \(place.units)/hermes-ops@tidy.service.d/90-probe.conf").status == 0)
    }
}

/// A user with a manager, in the sandbox.
enum Place: Sendable {
    case root, uma

    var user: String { self == .root ? "root" : "uma" }
    var id: String { self == .root ? "vijay" : "bheem" }
    var flag: String { self == .root ? "" : "--user" }
    var home: String { self == .root ? "/root" : "/home/uma" }
    var configuration: String { self == .root ? "/etc/hermes-ops" : "/home/uma/.config/hermes-ops" }
    var state: String { self == .root ? "/var/lib/hermes-ops" : "/home/uma/.local/state/hermes-ops" }
    var units: String { self == .root ? "/etc/systemd/system" : "/home/uma/.config/systemd/user" }
    var stamps: String { self == .root ? "/var/lib/systemd/timers" : "/home/uma/.local/share/systemd/timers" }
    var exports: String { "/var/lib/hermes-ops-exports/\(id)" }
}
