internal import Glibc
public import Support
internal import SystemPackage

/// Installs rendered units for one manager: shows first, writes each file whole, keeps local drop-ins, and does nothing the second
/// time.
public struct UnitInstaller: Sendable {
    public var flavour: UnitFlavour
    public var layout: UnitLayout
    /// The user whose manager it is.
    public var userName: String
    private let commands: any CommandRunner
    private let environment: [String: String]

    /// - Parameter environment: the process's own; XDG_RUNTIME_DIR is filled in for a user manager when it is missing, as it is
    ///   under `su` and cron.
    public init(
        flavour: UnitFlavour, layout: UnitLayout, userName: String, environment: [String: String],
        commands: any CommandRunner = SystemCommandRunner()
    ) {
        self.flavour = flavour
        self.layout = layout
        self.userName = userName
        self.commands = commands
        var environment = environment.merging(SystemdOutput.plainEnvironment) { $1 }
        if flavour == .user, environment["XDG_RUNTIME_DIR"] == nil {
            environment["XDG_RUNTIME_DIR"] = "/run/user/\(getuid())"
        }
        self.environment = environment
    }

    /// What was done, and what is left for a person to do.
    public struct Report: Sendable {
        public var plan: UnitPlan
        /// Timers and sockets that were there, but disabled or stopped, and are not any more.
        public var woken: [String]
        /// Jobs whose first run was started.
        public var started: [String]
        /// Sentences for the operator, each with the command that helps where there is one.
        public var notices: [String]
    }

    public func plan(_ rendered: RenderedUnits) throws -> UnitPlan {
        try UnitPlan.make(rendered, flavour: flavour, layout: layout)
    }

    /// Brings files, manager and timers to what was rendered.
    ///
    /// - Parameter replacing: also where the installed units are those of another instance or configuration. One manager holds the units
    ///   of one: the other's timers, its watchdog included, are removed.
    public func install(_ rendered: RenderedUnits, replacing: Bool = false) async throws -> Report {
        if !replacing, let other = try UnitOwner.other(than: rendered, in: layout) {
            throw OperatorError(
                "units.other", doing: "installing the units", reason: "those of \(other) are installed here",
                advice:
                    "their timers, their watchdog included, would be removed: with --replace they are; another user's manager can hold these",
                exit: .usage)
        }
        try await requireManager()
        let plan = try plan(rendered)
        let isChanging = plan.isUnfinished || plan.changes.contains { $0.kind != .masked }
        if isChanging { try UnfinishedInstallation(firstRuns: plan.firstRuns).write(layout) }
        for directory in plan.missingDirectories { try FileSystem.makeDirectory(directory) }
        try await retire(plan)
        try write(plan)
        if isChanging { try await systemctl(["daemon-reload"]) }
        if flavour == .system { try await prepareHandOver(rendered) }
        let masked = Set(plan.changes.filter { $0.kind == .masked }.compactMap { $0.path.lastComponent?.string })
        let timers = rendered.scheduledJobs.map(RenderedUnits.timer).filter { !masked.contains($0) }
        let sockets = rendered.sockets.filter { !masked.contains($0) }
        // A socket that listens keeps its old address and mode.
        let changed = plan.changes.filter { $0.kind == .change }.compactMap { $0.file?.name }.filter(sockets.contains)
        if !changed.isEmpty { try await systemctl(["stop"] + changed) }
        let asleep = try await asleep(of: rendered)
        if !(sockets + timers).isEmpty { try await systemctl(["enable", "--now", "--quiet"] + sockets + timers) }
        let services = plan.firstRuns.map(RenderedUnits.service)
        if !services.isEmpty { try await systemctl(["start", "--no-block"] + services) }
        if isChanging { try UnfinishedInstallation.remove(layout) }
        let added = Set(plan.changes.filter { $0.kind == .add }.compactMap { $0.file?.name })
        return Report(
            plan: plan, woken: asleep.filter { !added.contains($0) && !masked.contains($0) && !changed.contains($0) },
            started: plan.firstRuns, notices: notices(plan, rendered))
    }

    /// Stops and removes everything this program installed; records, state and local drop-ins stay.
    public func uninstall() async throws -> Report {
        try await requireManager()
        let plan = try UnitPlan.make(nil, flavour: flavour, layout: layout)
        if !plan.isEmpty { try UnfinishedInstallation(firstRuns: []).write(layout) }
        try await retire(plan)
        if !plan.isEmpty {
            try await systemctl(["daemon-reload"])
            try UnfinishedInstallation.remove(layout)
        }
        return Report(plan: plan, woken: [], started: [], notices: [])
    }

    // MARK: Steps

    /// A dead or absent manager is found before the first file is written.
    private func requireManager() async throws {
        let result = try await run(["systemctl"] + scope + ["is-system-running"])
        let state = Self.firstLine(result.output)
        guard !state.isEmpty, state != "offline", state != "unknown" else {
            throw OperatorError(
                "units.manager", doing: "asking the \(flavour.rawValue) manager of systemd",
                reason: result.errors.isEmpty ? "it does not run" : Self.firstLine(result.errors),
                advice: flavour == .user
                    ? "log in as \(userName), or as root: loginctl enable-linger \(userName)"
                    : "install the units on a machine that systemd runs")
        }
    }

    /// Disables the timers and sockets that go, then removes their files.
    private func retire(_ plan: UnitPlan) async throws {
        let leaving = plan.changes.filter { $0.kind == .remove }
        let enabled = leaving.compactMap { $0.path.lastComponent?.string }
            .filter { $0.hasSuffix(".timer") || $0.hasSuffix(".socket") }
        if !enabled.isEmpty { try await systemctl(["disable", "--now", "--quiet"] + enabled) }
        // What failed of a job that is gone would be told of for ever; that there is nothing of it to forget is no error.
        let services = leaving.compactMap { $0.path.removingLastComponent().lastComponent }
            .filter { $0.extension == "d" }.map(\.stem)
        if !services.isEmpty { _ = try await run(["systemctl"] + scope + ["reset-failed", "--"] + services) }
        for change in leaving {
            try FileSystem.removeTree(change.path)
            // The folder of drop-ins goes with the last of them; one that holds a local drop-in stays.
            let folder = change.path.removingLastComponent()
            if folder != layout.units, folder.extension == "d", folder.starts(with: layout.units) {
                _ = folder.withPlatformString { rmdir($0) }
            }
        }
    }

    private func write(_ plan: UnitPlan) throws {
        for change in plan.changes {
            guard let file = change.file else { continue }
            try FileSystem.makeDirectory(change.path.removingLastComponent(), permissions: 0o755)
            try FileSystem.replace(change.path, with: Array(file.contents.utf8), permissions: 0o644)
        }
    }

    /// Makes the group and the hand-over folders now, not at the next boot.
    private func prepareHandOver(_ rendered: RenderedUnits) async throws {
        for file in rendered.files {
            let path = layout.path(of: file).string
            switch file.kind {
            case .sysusers: try await check(["systemd-sysusers", path])
            case .tmpfiles: try await check(["systemd-tmpfiles", "--create", path])
            case .unit: break
            }
        }
    }

    private func notices(_ plan: UnitPlan, _ rendered: RenderedUnits) -> [String] {
        var notices: [String] = []
        if flavour == .user, (try? FileStatus(at: layout.linger.appending(userName))) == nil {
            notices.append(
                "\(userName) does not linger: nothing runs while that user is logged out. As root: loginctl enable-linger \(userName)"
            )
        }
        for change in plan.changes where change.kind == .masked {
            let name = change.path.lastComponent?.string ?? change.path.printable
            notices.append(
                "\(name) is masked and was left so: systemctl \((scope + ["unmask", name]).joined(separator: " "))")
        }
        for store in plan.unmountedStores {
            notices.append(
                "\(store.printable) was not made, because the folder it lies in is not there: mount its disk, or make that folder, and install again"
            )
        }
        for file in rendered.rootFiles {
            let path = layout.path(of: file)
            if (try? FileSystem.read(path, limit: 1 << 20)) != Array(file.contents.utf8) {
                notices.append("root must write \(path.printable), for the hand-over folder; `units render` prints it")
            }
        }
        return notices
    }

    // MARK: Commands

    private var scope: [String] { flavour == .user ? ["--user"] : [] }

    func run(_ command: [String], extra: [String: String] = [:]) async throws -> CommandResult {
        guard let name = command.first else { preconditionFailure("a command has a name") }
        return try await commands.run(
            FilePath(name), Array(command.dropFirst()), environment: environment.merging(extra) { $1 },
            deadline: .seconds(60), limit: 4 << 20)
    }

    static func firstLine(_ output: [UInt8]) -> String { printable(output.prefix { $0 != 10 }, limit: 300) }

    private func systemctl(_ arguments: [String]) async throws { try await check(["systemctl"] + scope + arguments) }

    private func check(_ command: [String]) async throws {
        let result = try await run(command)
        guard result.isSuccess else {
            let said = String(decoding: result.errors, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
            throw OperatorError(
                "units.command", doing: "running", subject: printable(command.joined(separator: " "), limit: 200),
                reason: said.isEmpty ? "it ended with code \(result.status)" : printable(said, limit: 500),
                advice: "see `journalctl \((scope + ["-b"]).joined(separator: " "))`, then install again")
        }
    }
}
