internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import Jobs
internal import Notify
internal import Support
internal import SystemPackage
internal import Units

struct UnitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "units", abstract: "systemd units for the declared jobs.",
        discussion: """
            A service template, a timer for each scheduled job, an alert unit, a slice and the hand-over folder. Root's go to the \
            system manager, everybody else's to the user's own. Local drop-ins are kept.
            """,
        subcommands: [Render.self, Install.self, Uninstall.self, Diff.self, Status.self])

    struct Target: ParsableArguments {
        @Flag(help: "Units of the user's own manager; the default for everybody but root.")
        var user = false

        @Option(help: ArgumentHelp("The installed program.", discussion: "Default: this one.", valueName: "file"))
        var binary: String?
    }

    /// All that the subcommands share.
    private struct Site {
        let session: Session
        let configuration: Configuration
        let wiring: UnitWiring
        let rendered: RenderedUnits
        let installer: UnitInstaller

        init(_ options: GlobalOptions, _ target: Target) async throws {
            session = Session(options)
            configuration = try await session.configuration(askingSystemd: true)
            let flavour: UnitFlavour = target.user || session.user != 0 ? .user : .system
            wiring = UnitWiring(
                session: session, configuration: configuration, flavour: flavour,
                binary: try target.binary.map { FilePath($0) } ?? Self.program())
            rendered = try UnitRenderer.render(wiring.settings())
            installer = Self.installer(session, flavour)
        }

        static func installer(_ session: Session, _ flavour: UnitFlavour) -> UnitInstaller {
            UnitInstaller(
                flavour: flavour,
                layout: flavour == .system
                    ? .system : .user(home: session.locations.home, environment: session.environment),
                userName: session.userName, environment: session.environment)
        }

        private static func program() throws -> FilePath {
            var path = [CChar](repeating: 0, count: 4096)
            let count = readlink("/proc/self/exe", &path, path.count - 1)
            guard count > 0 else { throw OperatorError.system(errno, doing: "finding this program") }
            return FilePath(bytes: path[..<count].map { UInt8(bitPattern: $0) })
        }
    }

    /// A change as `--json` shows it.
    private struct Change: Encodable {
        var path: String
        var kind: String
        var diff: String

        init(_ change: UnitPlan.Change) {
            path = change.path.printable
            kind = change.kind.rawValue
            diff = change.diff
        }
    }

    private struct Report: Encodable {
        var changes: [Change]
        /// Timers and sockets that were disabled or stopped.
        var woken: [String]
        var started: [String]
        var notices: [String]
    }

    struct Render: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the units, or write them below a folder.",
            discussion: "With --user this includes what only root can install, for the hand-over folder.")

        @OptionGroup var options: GlobalOptions
        @OptionGroup var target: Target

        @Option(help: ArgumentHelp("Write the files there instead of printing them.", valueName: "folder"))
        var into: String?

        private struct File: Encodable {
            var kind: String
            var name: String
            var contents: String
        }

        func run() async throws {
            let site = try await Site(options, target)
            let files = site.rendered.files + site.rendered.rootFiles
            if let into {
                for file in files {
                    let path = FilePath(into).appending(Self.folder(file.kind)).pushing(FilePath(file.name))
                    try FileSystem.makeDirectory(path.removingLastComponent(), permissions: 0o755)
                    try FileSystem.replace(path, with: Array(file.contents.utf8), permissions: 0o644)
                }
                guard options.json else {
                    return site.session.console.note("\(HumanUnits.count(files.count, "file")) written")
                }
            }
            let shown = files.map { File(kind: $0.kind.rawValue, name: $0.name, contents: $0.contents) }
            try site.session.console.show(shown) {
                files.map { "# \(Self.folder($0.kind))/\($0.name)\n\($0.contents)" }.joined(separator: "\n")
            }
        }

        private static func folder(_ kind: UnitFileKind) -> String {
            switch kind {
            case .unit: "units"
            case .tmpfiles: "tmpfiles.d"
            case .sysusers: "sysusers.d"
            }
        }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Install the units, enable the timers, and run each new job once.",
            discussion: """
                Shows what it changes. A second time it changes nothing. Units of another instance or configuration are left alone \
                unless told otherwise: a manager holds the units of one.
                """)

        @OptionGroup var options: GlobalOptions
        @OptionGroup var target: Target

        @Flag(help: "Also where the units of another instance or configuration are installed, which are removed.")
        var replace = false

        func run() async throws {
            let site = try await Site(options, target)
            try site.session.requireOwnState()
            let plan = try site.installer.plan(site.rendered)
            if !options.json, !options.quiet { try site.session.console.write(plan.diff) }
            let result = try await site.installer.install(site.rendered, replacing: replace)
            // From now on a job that never runs is late.
            try SeenJobs.note(
                site.configuration.jobs, stateDirectory: site.session.stateDirectory, now: SystemTime().now)
            await site.session.noteGoodConfiguration(site.configuration)
            // Nobody is reminded of jobs that are no longer declared.
            await site.session.silentNotifier(AlertChannel(site.configuration)).forgetJobs(
                except: Set(site.configuration.jobs.map(\.name)))
            let report = Report(
                changes: result.plan.changes.map(Change.init), woken: result.woken, started: result.started,
                notices: site.wiring.notices + result.notices)
            try site.session.console.show(report) {
                UnitsCommand.text(report, isEmpty: result.plan.isEmpty && result.woken.isEmpty)
            }
        }
    }

    struct Uninstall: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop and remove what `units install` made; records, state and local drop-ins stay.")

        @OptionGroup var options: GlobalOptions
        @OptionGroup var target: Target

        func run() async throws {
            // A configuration that is broken or gone must not keep the units alive.
            let session = Session(options)
            let installer = Site.installer(session, target.user || session.user != 0 ? .user : .system)
            let result = try await installer.uninstall()
            let report = Report(
                changes: result.plan.changes.map(Change.init), woken: [], started: [], notices: result.notices)
            try session.console.show(report) { UnitsCommand.text(report, isEmpty: result.plan.isEmpty) }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what `units install` would change.")

        @OptionGroup var options: GlobalOptions
        @OptionGroup var target: Target

        @Flag(help: "Exit with 1 if there is a difference.")
        var exitCode = false

        func run() async throws {
            let site = try await Site(options, target)
            let plan = try site.installer.plan(site.rendered)
            let added = Set(plan.changes.filter { $0.kind == .add }.compactMap { $0.path.lastComponent?.string })
            // A manager that cannot be asked has nothing enabled that a difference could be seen in.
            let asleep = ((try? await site.installer.asleep(of: site.rendered)) ?? []).filter { !added.contains($0) }
            try site.session.console.show(
                Report(
                    changes: plan.changes.map(Change.init), woken: asleep, started: plan.firstRuns,
                    notices: site.wiring.notices)
            ) {
                plan.diff + asleep.map { "# \($0) is disabled or stopped, and would be enabled and started\n" }.joined()
            }
            if exitCode, !plan.isEmpty || !asleep.isEmpty { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what systemd says of each job's timer and service.",
            discussion: "A manager that does not answer makes them unknown, never inactive; the exit code is 69 then.")

        @OptionGroup var options: GlobalOptions
        @OptionGroup var target: Target

        func run() async throws {
            let site = try await Site(options, target)
            let units = await site.installer.status(of: site.configuration.jobs.map(\.name))
            try site.session.console.show(units) {
                var table = TextTable("JOB", "TIMER", "ENABLED", "SERVICE", "LAST RESULT", "LAST START", "NEXT START")
                for unit in units {
                    let schedule = site.configuration.job(named: unit.job)?.schedule
                    let timer =
                        schedule == nil ? "none" : unit.timerLoad == "loaded" ? unit.timerActive : unit.timerLoad
                    table.add(
                        unit.job, unit.unknown == nil ? timer ?? "unknown" : "unknown",
                        unit.timerEnabled.flatMap { $0.isEmpty ? nil : $0 } ?? "-", unit.serviceActive ?? "unknown",
                        unit.serviceResult ?? "-", (unit.lastStart ?? unit.lastTrigger)?.description ?? "-",
                        unit.nextElapse?.description ?? "-")
                }
                let unknown = Set(units.compactMap(\.unknown)).sorted().map { "unknown: \(printable($0))\n" }
                return table.render() + unknown.joined()
            }
            if units.contains(where: { $0.unknown != nil }) { throw ExitCode(ExitStatus.unavailable.rawValue) }
        }
    }

    private static func text(_ report: Report, isEmpty: Bool) -> String {
        var text = isEmpty ? "nothing to change\n" : ""
        for change in report.changes { text += "\(change.kind): \(change.path)\n" }
        for unit in report.woken { text += "enabled and started: \(unit)\n" }
        for job in report.started { text += "started: \(job)\n" }
        for notice in report.notices { text += "note: \(printable(notice))\n" }
        return text
    }
}
