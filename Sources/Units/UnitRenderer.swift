internal import Support
public import SystemPackage

/// Where a rendered file belongs.
public enum UnitFileKind: String, Sendable {
    /// In the manager's unit folder, at the path relative to it.
    case unit
    /// In /etc/tmpfiles.d.
    case tmpfiles
    /// In /etc/sysusers.d.
    case sysusers
}

/// One rendered file.
public struct UnitFile: Sendable, Hashable {
    public var kind: UnitFileKind
    /// Relative to the folder of its kind: `hermes-ops@backup.service.d/50-hermes-ops.conf`.
    public var name: String
    public var contents: String
}

/// All files for one set of declared jobs.
public struct RenderedUnits: Sendable {
    public var flavour: UnitFlavour
    /// The files to install, sorted by name.
    public var files: [UnitFile]
    /// Files that only root can install for a user's instance: the hand-over folder's declaration. Empty in the system flavour,
    /// where ``files`` holds them.
    public var rootFiles: [UnitFile]
    /// Sockets to enable.
    public var sockets: [String]
    /// Names of the jobs that have a timer, in the order of the declaration.
    public var scheduledJobs: [String]
    /// Folders that must exist before the first run: what is missing could not be made inside the sandbox.
    public var requiredDirectories: [FilePath]
    /// Stores' folders: made as well, but not their parents, so that a disk that is not mounted is not taken for an empty store.
    public var storeDirectories: [FilePath]

    public static func timer(of job: String) -> String { "hermes-ops-\(job).timer" }
    public static func service(of job: String) -> String { "hermes-ops@\(job).service" }
}

/// Writes the units: one service template, a drop-in for each job that needs more than the template gives, one timer for each
/// scheduled job, the alert template, a slice, and the declaration of the hand-over folders.
///
/// The template is as tight as the manager enforces (systemd.exec(5); what a user manager ignores without PrivateUsers= was found
/// by experiment on systemd 252), and a drop-in opens exactly what its job declares.
public enum UnitRenderer {
    /// The first line of every file made here; a file without it is somebody else's.
    public static let marker =
        "# Made by hermes-ops-runner; `hermes-ops-runner units install` writes it anew. Change it in a drop-in of your own."

    /// So much longer than the job's own limit is systemd's, so that the runner ends first and says why.
    public static let timeoutMargin: Duration = .seconds(60)

    public static func render(_ settings: UnitSettings) throws -> RenderedUnits {
        try check(settings)
        var files = [
            UnitFile(kind: .unit, name: "hermes-ops@.service", contents: try serviceTemplate(settings)),
            UnitFile(kind: .unit, name: "hermes-ops-alert@.service", contents: try alertTemplate(settings)),
            UnitFile(kind: .unit, name: "hermes-ops.slice", contents: slice),
        ]
        for job in settings.jobs {
            let dropIn = try dropIn(job, settings)
            files.append(
                UnitFile(
                    kind: .unit, name: "\(RenderedUnits.service(of: job.name)).d/50-hermes-ops.conf", contents: dropIn))
            if let schedule = job.schedule {
                files.append(
                    UnitFile(
                        kind: .unit, name: RenderedUnits.timer(of: job.name), contents: timer(job, schedule: schedule)))
            }
        }
        let isSealing = settings.jobs.contains(where: \.runsHermes)
        if isSealing {
            files += [
                UnitFile(kind: .unit, name: sealSocket, contents: sealSocketUnit),
                UnitFile(kind: .unit, name: "hermes-ops-seal@.service", contents: try sealTemplate(settings)),
            ]
        }
        let shared = try handOver(settings)
        if settings.flavour == .system { files += shared }
        let required = [settings.stateDirectory] + settings.jobs.flatMap(\.writablePaths)
        return RenderedUnits(
            flavour: settings.flavour, files: files.sorted { $0.name < $1.name },
            rootFiles: settings.flavour == .user ? shared : [],
            sockets: isSealing ? [sealSocket] : [],
            scheduledJobs: settings.jobs.filter { $0.schedule != nil }.map(\.name),
            requiredDirectories: required.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
                .filter { !$0.starts(with: ExportDirectory.parent) },
            storeDirectories: Set(settings.jobs.flatMap(\.storePaths)).sorted { $0.string < $1.string })
    }

    // MARK: The service

    private static func serviceTemplate(_ settings: UnitSettings) throws -> String {
        let options = try globalOptions(settings)
        let sandbox = HardeningOptions(settings)
        let binary = try UnitSyntax.argument(settings.binary)
        var lines = [
            marker, "[Unit]", "Description=Hermes Ops job %i (\(settings.instanceID))",
            "OnFailure=hermes-ops-alert@%i.service",
            "# A timer keeps the unit loaded, so every start counts: the default of 5 in 10 s would refuse a sixth good run.",
            "StartLimitIntervalSec=10s", "StartLimitBurst=100", "",
            "[Service]", "Type=oneshot",
            "ExecStart=\(binary) run %i \(options)",
            "# Runs after any death, SIGKILL and timeout included, and closes the run's record.",
            "ExecStopPost=\(binary) finalize %i \(options)",
            "# 75: the lock is held by a live run, a deliberate skip.",
            "SuccessExitStatus=75",
            "# The job's drop-in says how long it may take. SIGTERM goes to the runner alone, which cleans up and records it.",
            "TimeoutStartSec=infinity", "TimeoutStopSec=90s", "KillMode=mixed",
        ]
        lines += try commonLines(settings)
        lines += [""] + (try sandbox.jobLines(settings))
        lines += [""] + sandbox.networkBan
        lines += ["RestrictNamespaces=yes"]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func alertTemplate(_ settings: UnitSettings) throws -> String {
        let sandbox = HardeningOptions(settings)
        // It has no OnFailure= of its own: an alert about an alert would need the same way out.
        var lines = [
            marker, "[Unit]", "Description=Alert about the Hermes Ops job %i (\(settings.instanceID))",
            "StartLimitIntervalSec=10s", "StartLimitBurst=100",
        ]
        lines += sandbox.waitForNetwork
        lines += [
            "", "[Service]", "Type=oneshot",
            "ExecStart=\(try UnitSyntax.argument(settings.binary)) notify alert %i \(try globalOptions(settings))",
            "TimeoutStartSec=5min", "KillMode=mixed",
            "# What was told while the disk was full or read-only: a folder in memory that outlives the unit.",
            "RuntimeDirectory=hermes-ops-alert", "RuntimeDirectoryMode=0700", "RuntimeDirectoryPreserve=yes",
            "BindPaths=-%t/hermes-ops-alert",
        ]
        lines += try commonLines(settings)
        lines += try credentials(settings.alertCredentials, settings)
        lines += [""] + (try sandbox.jobLines(settings))
        lines += [""] + sandbox.addressFamilies(.full) + sandbox.nameService + ["RestrictNamespaces=yes"]
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: The seal

    private static let sealSocket = "hermes-ops-seal.socket"
    private static let sealAddress = "%t/hermes-ops/seal.socket"

    private static let sealSocketUnit = """
        \(marker)
        [Unit]
        Description=Seal of the hermes command that Hermes Ops drills run

        [Socket]
        ListenStream=\(sealAddress)
        SocketMode=0600
        DirectoryMode=0755
        # Each command is a process of its own, which ends when the drill hangs up.
        Accept=yes
        MaxConnections=16
        RemoveOnStop=yes

        [Install]
        WantedBy=sockets.target

        """

    /// Runs the hermes command for drills: a job that needs the network must not make namespaces, and what runs in them needs neither
    /// the network nor the job's credentials.
    private static func sealTemplate(_ settings: UnitSettings) throws -> String {
        var lines = [
            marker, "[Unit]", "Description=Sealed hermes command of a Hermes Ops drill (\(settings.instanceID))",
            "CollectMode=inactive-or-failed", "",
            "[Service]", "ExecStart=\(try UnitSyntax.argument(settings.binary)) seal", "StandardInput=socket",
            "StandardOutput=journal", "StandardError=journal", "SyslogLevel=notice",
            "# Not a line for each command; what goes wrong is said.", "LogLevelMax=notice",
            "# Drills set limits of their own. What the command started ends with it.", "RuntimeMaxSec=15min",
            "TimeoutStopSec=5s", "KillMode=mixed",
        ]
        lines += try commonLines(settings)
        lines += [""] + (try HardeningOptions(settings).sealLines(settings))
        return lines.joined(separator: "\n") + "\n"
    }

    /// What a job has beyond the template. Every job has one, for its time limit.
    private static func dropIn(_ job: JobUnit, _ settings: UnitSettings) throws -> String {
        let sandbox = HardeningOptions(settings)
        var lines = [marker]
        if job.network == .full, !sandbox.waitForNetwork.isEmpty { lines += ["[Unit]"] + sandbox.waitForNetwork + [""] }
        lines.append("[Service]")
        lines.append("TimeoutStartSec=" + (job.timeout.map { UnitSyntax.span($0 + timeoutMargin) } ?? "infinity"))
        lines += try credentials(job.credentials, settings)
        lines += try sandbox.writable(job.writablePaths + job.storePaths)
        lines += try sandbox.readable(job.readOnlyPaths)
        lines += sandbox.networkGrant(job.network)
        if job.asksManager { lines += sandbox.managerGrant }
        if job.runsHermes { lines += sandbox.sealGrant(sealAddress) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func globalOptions(_ settings: UnitSettings) throws -> String {
        "--config \(try UnitSyntax.argument(settings.configuration)) --state-dir \(try UnitSyntax.argument(settings.stateDirectory))"
    }

    private static func commonLines(_ settings: UnitSettings) throws -> [String] {
        [
            "Slice=hermes-ops.slice", "# A home hidden from the job cannot be its working directory.",
            "WorkingDirectory=/",
            "Environment=" + UnitSyntax.value("HOME=" + (try UnitSyntax.text(settings.userHome))) + " LANG=C.UTF-8",
            "# Swift's thread pool asks for priorities that the sandbox denies, and would complain in the journal at each start.",
            "Environment=LIBDISPATCH_LOG=NO",
            "UMask=0077", "LimitCORE=0", "Nice=10", "IOSchedulingClass=best-effort", "IOSchedulingPriority=7",
            "OOMScoreAdjust=300",
        ]
    }

    private static func credentials(_ credentials: [UnitCredential], _ settings: UnitSettings) throws -> [String] {
        let sorted = credentials.sorted { $0.name < $1.name }
        let loads = try sorted.map { credential in
            guard !(credential.isEncrypted && settings.flavour == .user) else {
                throw OperatorError(
                    "units.credential", doing: "writing a user unit for the credential", subject: credential.name,
                    reason: "a user manager cannot open encrypted credentials before systemd 257",
                    advice: "name a plain file of mode 0600", exit: .configuration)
            }
            return (credential.isEncrypted ? "LoadCredentialEncrypted=" : "LoadCredential=") + credential.name + ":"
                + (try UnitSyntax.bare(credential.source))
        }
        // One that is missing must not stop what can do without it: the job gets an empty line for it, the least that systemd
        // takes, and says what is missing where it needs it.
        return loads + sorted.map { "SetCredential=\($0.name):\\n" }
    }

    // MARK: Timers, slice, hand-over

    private static func timer(_ job: JobUnit, schedule: String) -> String {
        var lines = [
            marker, "[Unit]", "Description=Schedule of the Hermes Ops job \(job.name)", "", "[Timer]",
            "OnCalendar=\(schedule.doubling("%"))",
        ]
        if job.randomizedDelay > .zero {
            lines += [
                "RandomizedDelaySec=\(UnitSyntax.span(job.randomizedDelay))",
                "# The same delay each time; else the next run moves at every reload.", "FixedRandomDelay=yes",
            ]
        }
        lines += [
            "AccuracySec=1s", "# A run missed while the machine was off is made up for.", "Persistent=yes",
            "Unit=\(RenderedUnits.service(of: job.name))", "", "[Install]", "WantedBy=timers.target",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static let slice = """
        \(marker)
        [Unit]
        Description=Hermes Ops jobs

        [Slice]
        # Backups give way to what the machine is for.
        CPUWeight=30
        IOWeight=30
        MemoryHigh=60%
        TasksMax=512

        """

    private static func handOver(_ settings: UnitSettings) throws -> [UnitFile] {
        guard !settings.exports.isEmpty else { return [] }
        var lines = [marker, "d \(ExportDirectory.parent) 0755 root root -"]
        for export in settings.exports.sorted(by: { $0.instanceID < $1.instanceID }) {
            lines.append("d \(export.path) 2750 \(export.userName) hermes-ops -")
        }
        let name = settings.flavour == .system ? "hermes-ops.conf" : "hermes-ops-\(settings.instanceID).conf"
        return [
            UnitFile(kind: .sysusers, name: "hermes-ops.conf", contents: marker + "\ng hermes-ops -\n"),
            UnitFile(kind: .tmpfiles, name: name, contents: lines.joined(separator: "\n") + "\n"),
        ]
    }

    // MARK: Checks

    private static func check(_ settings: UnitSettings) throws {
        func refuse(_ what: String, _ text: String, _ reason: String) -> OperatorError {
            OperatorError(
                "units.name", doing: "writing units for the \(what)", subject: printable(text), reason: reason,
                exit: .configuration)
        }
        func isName(_ text: String, _ extra: String) -> Bool {
            guard let first = text.utf8.first, !text.isEmpty, text.utf8.count <= 64 else { return false }
            func isPlain(_ byte: UInt8) -> Bool {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
            return (isPlain(first) || (first == UInt8(ascii: "_") && extra.contains("_")))
                && text.utf8.allSatisfy { isPlain($0) || extra.utf8.contains($0) }
        }
        guard isName(settings.instanceID, "-") else {
            throw refuse("instance", settings.instanceID, "it is not a plain name")
        }
        for user in [settings.userName] + settings.exports.map(\.userName) where !isName(user, "_-.") {
            throw refuse("user", user, "it is not a plain user name")
        }
        for export in settings.exports where !isName(export.instanceID, "-") {
            throw refuse("export", export.instanceID, "it is not a plain name")
        }
        var seen: Set<String> = []
        for job in settings.jobs {
            guard isName(job.name, "._-") else { throw refuse("job", job.name, "it is not a plain name") }
            guard seen.insert(job.name).inserted else { throw refuse("job", job.name, "it is declared twice") }
            if let schedule = job.schedule,
                schedule.isEmpty || schedule.unicodeScalars.contains(where: { $0.value < 0x20 })
            {
                throw refuse("schedule", schedule, "it is empty or holds a line break")
            }
        }
        for credential in settings.alertCredentials + settings.jobs.flatMap(\.credentials)
        where !isName(credential.name.lowercased(), "._-") {
            throw refuse("credential", credential.name, "it is not a plain name")
        }
    }
}
