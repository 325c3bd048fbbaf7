import Glibc
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Units

@Suite struct UnitInstallerTests {
    private let root: TemporaryDirectory
    private let layout: UnitLayout
    private let runner = RecordingRunner()

    init() throws {
        root = try TemporaryDirectory()
        layout = UnitLayout(
            units: root.path.appending("units"), tmpfiles: root.path.appending("tmpfiles"),
            sysusers: root.path.appending("sysusers"), linger: root.path.appending("linger"))
    }

    private func installer(_ flavour: UnitFlavour) -> UnitInstaller {
        UnitInstaller(flavour: flavour, layout: layout, userName: "uma", environment: [:], commands: runner)
    }

    private func rendered(_ flavour: UnitFlavour, _ change: (inout UnitSettings) -> Void = { _ in }) throws
        -> RenderedUnits
    {
        var settings = flavour == .system ? ExampleSettings.vijay : ExampleSettings.bheem
        settings.stateDirectory = root.path.appending("state")
        for index in settings.jobs.indices { settings.jobs[index].writablePaths = [root.path.appending("repository")] }
        change(&settings)
        return try UnitRenderer.render(settings)
    }

    @Test func theFirstInstallationWritesEnablesAndRunsOnce() async throws {
        let report = try await installer(.system).install(try rendered(.system))
        #expect(report.started == ["backup", "restore-drill", "snapshot"])
        #expect(
            runner.commands == [
                "systemctl is-system-running", "systemctl daemon-reload",
                "systemd-sysusers \(layout.sysusers)/hermes-ops.conf",
                "systemd-tmpfiles --create \(layout.tmpfiles)/hermes-ops.conf",
                "systemctl show --property=Id --property=ActiveState --property=UnitFileState -- hermes-ops-seal.socket "
                    + "hermes-ops-backup.timer hermes-ops-restore-drill.timer hermes-ops-snapshot.timer",
                "systemctl enable --now --quiet hermes-ops-seal.socket hermes-ops-backup.timer hermes-ops-restore-drill.timer "
                    + "hermes-ops-snapshot.timer",
                "systemctl start --no-block hermes-ops@backup.service hermes-ops@restore-drill.service "
                    + "hermes-ops@snapshot.service",
            ])
        let template = layout.units.appending("hermes-ops@.service")
        #expect(try FileStatus(at: template).permissions == 0o644)
        #expect(try FileStatus(at: root.path.appending("state")).permissions == 0o700)
        #expect(try FileStatus(at: root.path.appending("repository")).kind == .directory)
        #expect(try DirectoryListing.names(at: layout.units).allSatisfy { !$0.starts(with: [UInt8(ascii: ".")]) })
    }

    @Test func theSecondInstallationChangesNothing() async throws {
        let units = try rendered(.system)
        _ = try await installer(.system).install(units)
        let before = try FileStatus(at: layout.units.appending("hermes-ops@.service"))
        runner.forget()
        #expect(try installer(.system).plan(units).isEmpty)
        let report = try await installer(.system).install(units)
        #expect(report.plan.isEmpty && report.started.isEmpty)
        #expect(!runner.commands.contains { $0.contains("daemon-reload") || $0.contains("start --no-block") })
        #expect(try FileStatus(at: layout.units.appending("hermes-ops@.service")) == before)
    }

    /// Killed, or refused, after the files were written: all files are as they should be, and nothing has run yet.
    @Test(arguments: ["systemctl daemon-reload", "systemctl start --no-block hermes-ops@tidy.service"])
    func anInterruptedInstallationIsFinished(_ refused: String) async throws {
        _ = try await installer(.system).install(try rendered(.system))
        let units = try rendered(.system) { $0.jobs[3].schedule = "weekly" }
        runner.answer(refused, .failed("Connection reset by peer\n"))
        await #expect(throws: OperatorError.self) { try await installer(.system).install(units) }
        #expect(try !installer(.system).plan(units).isEmpty)
        #expect(try installer(.system).plan(units).firstRuns == ["tidy"])
        #expect(try installer(.system).plan(units).diff.contains("interrupted"))
        runner.answer(refused, .succeeded(""))
        runner.forget()
        let report = try await installer(.system).install(units)
        #expect(report.started == ["tidy"])
        #expect(runner.commands.contains("systemctl daemon-reload"))
        #expect(runner.commands.contains("systemctl start --no-block hermes-ops@tidy.service"))
        #expect(try await installer(.system).install(units).plan.isEmpty)
        // The same for what is taken away.
        runner.answer("systemctl daemon-reload", .failed("Connection reset by peer\n"))
        await #expect(throws: OperatorError.self) { try await installer(.system).uninstall() }
        runner.answer("systemctl daemon-reload", .succeeded(""))
        runner.forget()
        _ = try await installer(.system).uninstall()
        #expect(runner.commands.contains("systemctl daemon-reload"))
        #expect(try DirectoryListing.names(at: layout.units).isEmpty)
    }

    /// One manager holds the units of one instance: those of another, its watchdog included, go only when somebody says so.
    @Test func anotherConfigurationsUnitsStay() async throws {
        _ = try await installer(.user).install(try rendered(.user))
        runner.forget()
        for change in [
            { $0.configuration = "/home/uma/other.yaml" }, { $0.instanceID = "second" },
        ] as [(inout UnitSettings) -> Void] {
            let other = try rendered(.user) {
                change(&$0)
                $0.jobs.removeFirst()
            }
            let error = await #expect(throws: OperatorError.self) { try await installer(.user).install(other) }
            #expect(error?.exit == .usage && error?.advice?.contains("--replace") == true)
            #expect(error?.reason.contains("config.yaml") == true || error?.reason.contains("(bheem)") == true)
        }
        #expect(runner.commands.isEmpty && exists(layout.units.appending("hermes-ops-backup.timer")))
        // The same one with another binary, state or jobs is the same.
        _ = try await installer(.user).install(
            try rendered(.user) {
                $0.binary = "/opt/hermes-ops-runner"
                $0.jobs.removeFirst()
            })
        #expect(!exists(layout.units.appending("hermes-ops-backup.timer")))
        let other = try rendered(.user) { $0.configuration = "/home/uma/other.yaml" }
        _ = try await installer(.user).install(other, replacing: true)
        _ = try await installer(.user).install(other)
    }

    @Test func whatSomebodyDisabledIsToldOf() async throws {
        let units = try rendered(.system)
        #expect(try await installer(.system).install(units).woken == [])
        #expect(try await installer(.system).asleep(of: units) == [])
        runner.putToSleep("hermes-ops-backup.timer")
        #expect(try await installer(.system).asleep(of: units) == ["hermes-ops-backup.timer"])
        #expect(try await installer(.system).install(units).woken == ["hermes-ops-backup.timer"])
    }

    /// A disk that is not mounted is not taken for an empty store.
    @Test func aStoreIsMadeOnlyWhereItsParentIs() async throws {
        let parent = root.path.appending("disk")
        let units = try rendered(.system) { $0.jobs[3].storePaths = [parent.appending("store")] }
        let report = try await installer(.system).install(units)
        #expect(!exists(parent))
        #expect(report.notices.contains { $0.contains("mount its disk") })
        try FileSystem.makeDirectory(parent)
        #expect(try await installer(.system).install(units).notices.allSatisfy { !$0.contains("mount its disk") })
        #expect(try FileStatus(at: parent.appending("store")).kind == .directory)
    }

    @Test func aChangedScheduleIsShownAndOnlyNewJobsRun() async throws {
        _ = try await installer(.system).install(try rendered(.system))
        runner.forget()
        let next = try rendered(.system) {
            $0.jobs[0].schedule = "*-*-* 04:00:00"
            $0.jobs[3].schedule = "weekly"
        }
        let plan = try installer(.system).plan(next)
        #expect(plan.diff.contains("-OnCalendar=*-*-* 03:15:00\n+OnCalendar=*-*-* 04:00:00\n"))
        let report = try await installer(.system).install(next)
        #expect(report.started == ["tidy"])
    }

    @Test func aRemovedJobGoesAndLocalDropInsStay() async throws {
        _ = try await installer(.user).install(try rendered(.user))
        let local = try root.write("units/hermes-ops@backup.service.d/10-mine.conf", "[Service]\nNice=5\n")
        let localTemplate = try root.write("units/hermes-ops@.service.d/10-mine.conf", "[Service]\nNice=6\n")
        let foreign = try root.write("units/hermes-ops-other.service", "[Service]\nExecStart=/bin/true\n")
        runner.forget()
        let report = try await installer(.user).install(try rendered(.user) { $0.jobs.removeFirst() })
        let removed = report.plan.changes.filter { $0.kind == .remove }.compactMap { $0.path.lastComponent?.string }
        #expect(removed.sorted() == ["50-hermes-ops.conf", "hermes-ops-backup.timer"])
        #expect(runner.commands.contains("systemctl --user disable --now --quiet hermes-ops-backup.timer"))
        #expect(runner.commands.contains("systemctl --user reset-failed -- hermes-ops@backup.service"))
        #expect(exists(local) && exists(localTemplate) && exists(foreign))
        #expect(!exists(layout.units.appending("hermes-ops-backup.timer")))

        let last = try await installer(.user).uninstall()
        #expect(last.plan.changes.allSatisfy { $0.kind == .remove })
        let names = try DirectoryListing.names(at: layout.units).map { String(decoding: $0, as: UTF8.self) }
        #expect(names == ["hermes-ops-other.service", "hermes-ops@.service.d", "hermes-ops@backup.service.d"])
        #expect(exists(root.path.appending("state")))
    }

    @Test func whatRootWroteForAnotherUserStays() async throws {
        let theirs = try #require(
            try UnitRenderer.render(ExampleSettings.bheem).rootFiles.first { $0.kind == .tmpfiles })
        let path = try root.write("tmpfiles/\(theirs.name)", theirs.contents)
        _ = try await installer(.system).install(try rendered(.system))
        _ = try await installer(.system).uninstall()
        #expect(exists(path))
        #expect(!exists(layout.tmpfiles.appending("hermes-ops.conf")))
    }

    @Test func maskedUnitsAreLeftAlone() async throws {
        try FileSystem.makeDirectory(layout.units)
        let timer = layout.units.appending("hermes-ops-backup.timer")
        #expect(timer.withPlatformString { symlink("/dev/null", $0) } == 0)
        let report = try await installer(.system).install(try rendered(.system))
        #expect(try FileStatus(at: timer).kind == .symlink)
        #expect(report.notices.contains { $0.contains("hermes-ops-backup.timer is masked") })
        #expect(!runner.commands.contains { $0.contains("enable") && $0.contains("hermes-ops-backup.timer") })
        #expect(!report.started.contains("backup"))
    }

    @Test func lingeringIsChecked() async throws {
        let report = try await installer(.user).install(try rendered(.user))
        #expect(report.notices.contains { $0.contains("loginctl enable-linger uma") })
        #expect(report.notices.contains { $0.contains("hermes-ops-bheem.conf") })
        try root.write("linger/uma", "")
        let second = try await installer(.user).install(try rendered(.user))
        #expect(!second.notices.contains { $0.contains("enable-linger") })
    }

    @Test func aDeadManagerIsFoundBeforeAnythingIsWritten() async throws {
        runner.answer(
            "systemctl --user is-system-running",
            .failed("Failed to connect to bus: No medium found\n"))
        let error = await #expect(throws: OperatorError.self) {
            try await installer(.user).install(try rendered(.user))
        }
        #expect(error?.description.contains("Failed to connect") == true)
        #expect(error?.advice?.contains("enable-linger uma") == true)
        #expect(!exists(layout.units) && !exists(root.path.appending("state")))
    }

    @Test func aRefusalOfSystemctlIsReported() async throws {
        runner.answer("systemctl daemon-reload", .failed("Access denied\n"))
        let error = await #expect(throws: OperatorError.self) {
            try await installer(.system).install(try rendered(.system))
        }
        #expect(error?.reason == "Access denied")
    }

    @Test func unknownIsNotInactive() async throws {
        let command =
            "systemctl show --timestamp=unix --property=Id --property=LoadState --property=ActiveState --property=UnitFileState "
            + "--property=Result --property=ExecMainStatus --property=LastTriggerUSec --property=NextElapseUSecRealtime "
            + "--property=ExecMainStartTimestamp -- hermes-ops-backup.timer hermes-ops@backup.service"
        runner.answer(command, .failed("Failed to connect to bus\n"))
        let dead = await installer(.system).status(of: ["backup"])
        #expect(dead == [UnitStatus(job: "backup", unknown: "Failed to connect to bus")])
        runner.answer(
            command,
            .succeeded(
                """
                Id=hermes-ops-backup.timer
                LoadState=loaded
                ActiveState=active
                UnitFileState=enabled
                LastTriggerUSec=
                NextElapseUSecRealtime=@1795417200

                Id=hermes-ops@backup.service
                LoadState=loaded
                ActiveState=failed
                Result=exit-code
                ExecMainStatus=243
                ExecMainStartTimestamp=@1795410000

                """))
        let status = try #require(await installer(.system).status(of: ["backup"]).first)
        #expect(status.timerActive == "active" && status.serviceExitStatus == 243 && status.lastTrigger == nil)
        #expect(status.nextElapse == Timestamp(seconds: 1_795_417_200) && status.unknown == nil)
        #expect(status.lastStart == Timestamp(seconds: 1_795_410_000))
    }

    private func exists(_ path: FilePath) -> Bool { (try? FileStatus(at: path)) != nil }
}

/// Writes down every command and answers as told; `running` and success otherwise.
final class RecordingRunner: CommandRunner {
    private struct State {
        var commands: [String] = []
        var answers: [String: CommandResult] = [:]
        var asleep: Set<String> = []
    }

    private let state = Mutex(State())

    var commands: [String] { state.withLock { $0.commands } }

    func putToSleep(_ unit: String) { state.withLock { _ = $0.asleep.insert(unit) } }

    func forget() { state.withLock { $0.commands = [] } }

    func answer(_ command: String, _ result: CommandResult) { state.withLock { $0.answers[command] = result } }

    func run(
        _ program: FilePath, _ arguments: [[UInt8]], environment: [String: String]?, workingDirectory: FilePath?,
        deadline: Duration, limit: Int
    ) async throws -> CommandResult {
        let line = ([program.string] + arguments.map { String(decoding: $0, as: UTF8.self) }).joined(separator: " ")
        return state.withLock { state in
            state.commands.append(line)
            if let answer = state.answers[line] { return answer }
            guard line.contains("show --property=Id --property=ActiveState --property=UnitFileState --") else {
                return .succeeded(line.contains("is-system-running") ? "running\n" : "")
            }
            let units = line.split(separator: " ").drop { $0 != "--" }.dropFirst()
            return .succeeded(
                units.map { unit in
                    let isAwake = !state.asleep.contains(String(unit))
                    return
                        "Id=\(unit)\nActiveState=\(isAwake ? "active" : "inactive")\nUnitFileState=\(isAwake ? "enabled" : "disabled")\n"
                }.joined(separator: "\n"))
        }
    }
}

extension CommandResult {
    static func succeeded(_ output: String) -> CommandResult {
        CommandResult(end: .exited(0), output: Array(output.utf8))
    }

    static func failed(_ errors: String) -> CommandResult {
        CommandResult(end: .exited(1), output: [], errors: Array(errors.utf8))
    }
}
