internal import HermesHome
internal import Support
public import SystemPackage

extension Warning {
    /// The command that helps with this warning, for a person to read and run; nil where no single command does.
    ///
    /// - Parameters:
    ///   - jobs: the declared ones: the command names the one that the warning is about.
    ///   - configuration: the file that they are declared in; nil where it is not known, as of another instance.
    ///   - options: what this program must be told to work on this instance, such as ` --config FILE`; empty for the usual places.
    ///   - credentialFiles: the files of its credentials: those that others can read are looked for among them and in the home, and named.
    public func command(
        for instance: InstanceReference, jobs: [ObservedJob], configuration: FilePath? = nil, options: String = "",
        credentialFiles: [FilePath] = []
    ) -> String? {
        let code = code.rawValue
        if code == "credential-modes", let command = HelpfulCommands.closing(instance, credentialFiles) {
            return command
        }
        let concerned =
            jobs.first { job in
                ["failed", "late", "timer", "age", "hung", "service"].contains {
                    Finding.fingerprint(instance.id, code: code, key: Finding.key($0, job)) == fingerprint
                }
            } ?? jobs.first { $0.role == HelpfulCommands.role(of: code) }
        return HelpfulCommands.command(
            code: code, instance: instance, job: concerned?.name, configuration: configuration
        ).map { $0.hasPrefix("hermes-ops-runner ") ? $0 + options : $0 }
    }
}

extension FilePath {
    /// A path as one word of a shell's command line, for commands that are shown.
    public var shellWord: String { HelpfulCommands.shellWord(self) }
}

/// One command per code. They are shown, never run.
enum HelpfulCommands {
    /// The job that a code is about where its warning names none.
    static func role(of code: String) -> ObservedJob.Role? {
        if code.hasPrefix("backup-") || code.hasPrefix("repository-") || code.hasPrefix("payload-") { return .backup }
        if code.hasPrefix("bundle-") { return .drive }
        return code.hasPrefix("drill-") ? .restoreDrill : nil
    }

    /// - Parameter job: the name of the job that it is about, where it is about one.
    static func command(
        code: String, instance: InstanceReference, job: String? = nil, configuration: FilePath? = nil
    ) -> String? {
        let systemctl = instance.scope == .user ? "systemctl --user" : "systemctl"
        let journal = instance.scope == .user ? "journalctl --user" : "journalctl"
        let home = instance.hermesHome?.rawValue ?? "HERMES_HOME"
        switch code {
        case "gateway-down", "gateway-not-running": return "\(systemctl) restart hermes-gateway.service"
        case "gateway-unresponsive", "gateway-heartbeat-stale", "cron-stopped", "cron-overdue",
            "cron-heartbeat-unknown":
            return "\(systemctl) restart hermes-gateway.service"
        case "gateway-degraded", "gateway-restarting", "gateway-startup-failed":
            return "\(journal) -u hermes-gateway.service -n 100"
        case "platform-failed", "platform-disconnected": return "hermes gateway status"
        case "linger-off": return "loginctl enable-linger \(instance.user.rawValue)"
        case "dashboard-exposed", "public-listener": return "ss -ltnp"
        case "home-missing": return "hermes-ops-runner validate"
        case "cron-failed", "cron-delivery-failed": return "hermes cron runs"
        case "cron-prompt-lost", "cron-vanished", "cron-unreadable":
            return "hermes-ops-runner restore --from repository --into DIR"
        case "database-damaged": return "hermes sessions repair --check-only"
        case "database-wal-large", "database-grows": return "hermes sessions optimize"
        case "config-broken": return "hermes config check"
        case "redaction-off": return "hermes config set security.redact_secrets true"
        case "approvals-off": return "hermes config set approvals.mode smart"
        case "credential-modes": return "hermes-ops-runner doctor"
        case "notifications-off", "repository-no-remote", "bundle-unencrypted":
            return editing(instance, configuration)
        case "credential-missing": return "hermes-ops-runner validate"
        case "backup-never", "backup-late", "backup-stale", "repository-missing", "repository-dirty",
            "repository-unpushed":
            return "hermes-ops-runner run \(job ?? "backup")"
        case "backup-failed", "job-failed", "upload-failed", "drill-failed", "bundle-never", "bundle-late",
            "bundle-stale":
            return "hermes-ops-runner history" + (job.map { " \($0)" } ?? "")
        case "job-late", "timer-down": return "\(systemctl) list-timers 'hermes-ops-*'"
        case "timer-disabled":
            return instance.scope == .user
                ? "hermes-ops-runner units install --user" : "hermes-ops-runner units install"
        case "service-missing", "service-broken":
            return instance.scope == .user
                ? "hermes-ops-runner units install --user" : "hermes-ops-runner units install"
        case "service-masked": return "\(systemctl) unmask hermes-ops@\(Slug(making: job ?? "JOB")).service"
        case "job-hung": return "\(systemctl) stop hermes-ops@\(Slug(making: job ?? "JOB")).service"
        case "not-checked": return "hermes-ops-runner doctor"
        case "timer-masked": return "\(systemctl) unmask \(ObservedJob.timerUnit(of: job ?? "JOB"))"
        case "payload-forbidden": return "hermes-ops-runner plan \(job ?? "backup")"
        case "drill-never", "drill-overdue": return "hermes-ops-runner drill" + (job.map { " --job \($0)" } ?? "")
        case "disk-full": return "du -xh --max-depth=2 \(home) | sort -h | tail -20"
        case "clock-wrong": return "timedatectl"
        case "memory-full": return "systemd-cgtop -m -n 1"
        case "notifications-failing", "notifications-untested": return "hermes-ops-runner notify test"
        case "snapshot-missing", "snapshot-stale", "snapshot-future", "snapshot-invalid", "snapshot-unreadable":
            return "\(systemctl) status 'hermes-ops-*.timer'"
        default: return nil
        }
    }

    /// What opens the configuration, for gaps that only a line in it closes.
    static func editing(_ instance: InstanceReference, _ configuration: FilePath? = nil) -> String {
        guard let configuration else {
            return instance.scope == .user
                ? "editor ~/.config/hermes-ops/config.yaml" : "editor /etc/hermes-ops/config.yaml"
        }
        return "editor " + shellWord(configuration)
    }

    /// A path as one word of a shell's command line.
    static func shellWord(_ path: FilePath) -> String {
        let text = path.string
        let isPlain = text.utf8.allSatisfy { byte in
            byte > 127 || (48...57).contains(byte) || (65...90).contains(byte & ~32) || "/._-+,@".utf8.contains(byte)
        }
        return isPlain ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
    }

    /// What closes the credential files that others can read, each by its name; nil where none is found. Names that a terminal would not
    /// show as they are are left out.
    static func closing(_ instance: InstanceReference, _ more: [FilePath]) -> String? {
        guard let home = instance.hermesHome.map({ FilePath($0.rawValue) }) else { return nil }
        let inside = ((try? CredentialFiles.read(HomeLayout(home)))?.exposed ?? []).map { home.pushing($0.path) }
        let outside = more.filter { path in
            (try? FileStatus(following: path)).map { $0.kind == .file && $0.permissions & 0o077 != 0 } ?? false
        }
        let named = (inside + outside.filter { !inside.contains($0) }).filter { printable($0.bytes) == $0.string }
        // The rest is named once these are closed.
        return named.isEmpty ? nil : "chmod go= " + named.prefix(20).map(shellWord).joined(separator: " ")
    }
}
