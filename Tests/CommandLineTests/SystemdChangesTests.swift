internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The real program under a real systemd, in both managers, when something around it changes: the configuration, the machine's boot,
/// what kills a run, whether the user lingers.
@Suite(
    .timeLimit(.minutes(3)),
    .enabled(
        if: OperationsSandbox.isPossible,
        "scripts/systemd-sandbox check says what is missing: root, namespaces or a package")
)
struct SystemdChangesTests {
    @Test func changesAreFollowedAndHardDeathsAreRecorded() async throws {
        let sandbox = try OperationsSandbox()
        try await sandbox.whileUp {
            try await sandbox.startTelegram()
            for place in [Place.root, .uma] {
                try await sandbox.configure(place)
                try await sandbox.must(place, "hermes-ops-runner units install")
                try await wholeCgroupKilled(sandbox, place)
                try await hangs(sandbox, place)
                try await stoppedByHand(sandbox, place)
                try await rebootInBetween(sandbox, place)
                try await changedConfiguration(sandbox, place)
            }
            try await userWhoDoesNotLinger(sandbox)
        }
    }

    private func messages(_ sandbox: OperationsSandbox, _ place: Place, _ job: String) async throws -> [String] {
        try await sandbox.messages().filter { $0.contains(" \(place.id): \(job) ") }
    }

    private func startAndWait(_ sandbox: OperationsSandbox, _ place: Place, _ job: String) async throws {
        let before = try await sandbox.history(place, job).count
        try await sandbox.must(place, "systemctl \(place.flag) start --no-block hermes-ops@\(job).service")
        try await sandbox.wait(place, "\(job) to run") {
            let runs = try await sandbox.history(place, job)
            return runs.count > before && runs.first?["state"] as? String == "executing"
        }
    }

    /// As the kernel does when memory ends, or a person does with `systemctl kill`.
    private func wholeCgroupKilled(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await startAndWait(sandbox, place, "killed")
        try await sandbox.must(
            place, "systemctl \(place.flag) kill --kill-whom=all --signal=KILL hermes-ops@killed.service")
        try await sandbox.wait(place, "the record of what was killed") {
            try await sandbox.outcomes(place, "killed") == ["failure"]
        }
        try await sandbox.wait(place, "the message about it") {
            try await messages(sandbox, place, "killed").count == 1
        }
    }

    /// A job whose own limit is far away: systemd's ends it, and it closes its record in order, but as what it was.
    private func hangs(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await sandbox.must(
            place,
            """
            mkdir -p \(place.units)/hermes-ops@hang.service.d
            printf '[Service]\\nTimeoutStartSec=4s\\n' >\(place.units)/hermes-ops@hang.service.d/90-mine.conf
            sed -i 's/hang: { timeout: 3s/hang: { timeout: 10m/' \(place.configuration)/config.yaml
            systemctl \(place.flag) daemon-reload
            """)
        try await startAndWait(sandbox, place, "hang")
        try await sandbox.wait(place, "the record of what hung") {
            try await sandbox.outcomes(place, "hang") == ["timeout"]
        }
        try await sandbox.wait(place, "the message about it") {
            try await messages(sandbox, place, "hang").count == 1
        }
        #expect(try await messages(sandbox, place, "hang").first?.contains("ran out of time") == true)
    }

    /// `systemctl stop` is no failure: nobody is told of one, then or when it works again.
    private func stoppedByHand(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await startAndWait(sandbox, place, "stopped")
        try await sandbox.must(place, "systemctl \(place.flag) stop hermes-ops@stopped.service")
        try await sandbox.wait(place, "the record of what was stopped") {
            try await sandbox.outcomes(place, "stopped") == ["cancellation"]
        }
        try await sandbox.wait(place, "the end of its alert unit") {
            let unit = "hermes-ops-alert@stopped.service"
            let state = try await sandbox.run(place, "systemctl \(place.flag) show -p ActiveState --value \(unit)")
            return state.output == "inactive\n"
        }
        #expect(try await messages(sandbox, place, "stopped") == [])
    }

    /// A run that was under way when the power went: nothing closed its record, and its boot is over.
    private func rebootInBetween(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await sandbox.must(
            place,
            "(hermes-ops-runner run killed >/dev/null 2>&1 & echo $! >\(place.state)/pid; wait) & sleep 0.1")
        try await sandbox.wait(place, "a run by hand") {
            try await sandbox.history(place, "killed").first?["state"] as? String == "executing"
        }
        // What it noted of its boot is made another boot's.
        try await sandbox.must(
            place,
            """
            kill -9 $(cat \(place.state)/pid)
            boot=$(tr -d - </proc/sys/kernel/random/boot_id)
            grep -rl --exclude='*.db*' $boot \(place.state) | xargs sed -i s/$boot/0123456789abcdef0123456789abcdef/
            """)
        try await startAndWait(sandbox, place, "killed")
        let runs = try await sandbox.history(place, "killed")
        #expect(runs.map { $0["state"] as? String } == ["executing", "finished", "finished"])
        #expect(runs.dropFirst().map { $0["outcome"] as? String } == ["unknown", "failure"])
        let id = try #require(runs.dropFirst().first?["runId"] as? String)
        let shown = try await sandbox.must(place, "hermes-ops-runner show \(id)")
        #expect(shown.contains("the machine went down during the run"), "\(shown)")
        try await sandbox.must(place, "systemctl \(place.flag) stop hermes-ops@killed.service")
    }

    private func changedConfiguration(_ sandbox: OperationsSandbox, _ place: Place) async throws {
        try await sandbox.must(
            place,
            """
            mkdir -p \(place.units)/hermes-ops@snapshot.service.d
            printf '[Service]\\nNice=11\\n' >\(place.units)/hermes-ops@snapshot.service.d/90-mine.conf
            sed -i -e 's/schedule: daily/schedule: weekly/' -e '/^  snapshot:/d' -e '/^  tidy:/d' \(place.configuration)/config.yaml
            """)
        let diff = try await sandbox.run(place, "hermes-ops-runner units diff --exit-code")
        #expect(diff.status == 1)
        #expect(diff.output.contains("-OnCalendar=daily\n+OnCalendar=weekly\n"), "\(diff.output)")
        let report = try await sandbox.must(place, "hermes-ops-runner units install")
        #expect(report.contains("remove: \(place.units)/hermes-ops-snapshot.timer\n"), "\(report)")
        #expect(!report.contains("started:"), "\(report)")
        let timers = try await sandbox.must(
            place, "systemctl \(place.flag) list-timers --all --no-legend 'hermes-ops*'")
        #expect(timers.split(separator: "\n").count == 1 && timers.contains("hermes-ops-backup.timer"), "\(timers)")
        let calendar = try await sandbox.must(
            place, "systemctl \(place.flag) show -p TimersCalendar --value hermes-ops-backup.timer")
        #expect(calendar.contains("OnCalendar=Mon *-*-* 00:00:00"), "\(calendar)")
        #expect(try await sandbox.must(place, "hermes-ops-runner units install") == "nothing to change\n")
        try await sandbox.must(place, "ls \(place.units)/hermes-ops@snapshot.service.d/90-mine.conf")
        let jobs = try await sandbox.must(place, "hermes-ops-runner units status --json")
        let states = try JSONSerialization.jsonObject(with: Data(jobs.utf8)) as? [[String: Any]]
        #expect(states?.first { $0["job"] as? String == "backup" }?["timerActive"] as? String == "active")
    }

    private func userWhoDoesNotLinger(_ sandbox: OperationsSandbox) async throws {
        // A session keeps her manager alive for the moment; it would end with it.
        try await sandbox.must(
            .root,
            "systemd-run -q --unit=session -p PAMName=login -p User=uma sleep infinity; loginctl disable-linger uma"
        )
        let reminded = try await sandbox.must(.uma, "hermes-ops-runner units install")
        #expect(reminded.contains("loginctl enable-linger uma"), "\(reminded)")
        let doctor = try await sandbox.run(.uma, "hermes-ops-runner doctor --offline")
        #expect(doctor.status == 1)
        #expect(doctor.output.contains("→ loginctl enable-linger uma"), "\(doctor.output)")
        // Without session and lingering there is no manager to ask.
        try await sandbox.must(.root, "systemctl stop session user@1001.service")
        let alone = try await sandbox.run(.uma, "hermes-ops-runner units install")
        #expect(alone.status != 0 && alone.errors.contains("loginctl enable-linger uma"), "\(alone.errors)")
        let unknown = try await sandbox.run(.uma, "hermes-ops-runner units status")
        #expect(unknown.status == 69, "\(unknown.errors)")
        #expect(unknown.output.contains("unknown") && !unknown.output.contains("inactive"), "\(unknown.output)")
        let parts = try await sandbox.run(.uma, "hermes-ops-runner doctor --offline")
        #expect(parts.output.contains("unknown  Timers are enabled: "), "\(parts.output)")
    }
}
