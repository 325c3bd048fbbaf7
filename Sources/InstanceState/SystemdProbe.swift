internal import Glibc
internal import HermesHome
internal import Support
internal import SystemPackage

/// Asks a systemd manager about units, all at once, and keeps "it does not answer" apart from "it is down".
struct SystemdProbe: Sendable {
    /// Whose manager.
    enum Manager: Sendable, Hashable {
        case system
        /// This process's own user's.
        case user
        /// Another user's, asked as root by runuser(1). `--machine=USER@.host` would start her manager and change what it measures.
        case otherUser(name: String, id: UInt32)
    }

    let commands: any CommandRunner
    let manager: Manager
    let time: any TimeSource
    var limit = Duration.seconds(5)

    struct Answer: Sendable {
        var units: [UnitName: [String: String]] = [:]
        var timers: [UnitName: (last: Timestamp?, next: Timestamp?)] = [:]
        var probe: Probe
    }

    private static let properties = [
        "Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "NRestarts", "StateChangeTimestamp",
        "LastTriggerUSec", "NextElapseUSecRealtime",
    ]

    /// What the manager says of the given units; every failure to ask is in the answer's probe.
    func ask(_ units: [UnitName]) async -> Answer {
        let start = time.uptime
        do {
            let show = try await run(
                ["show", "--timestamp=unix"] + Self.properties.map { "--property=\($0)" } + ["--"]
                    + units.map(\.rawValue))
            guard case .exited(0) = show.end else { throw Self.failure(show.errors) }
            let blocks = SystemdOutput.blocks(show.output)
            guard !blocks.isEmpty || units.isEmpty else { throw HomeFailure(.badOutput, "systemctl said nothing") }
            var answer = Answer(probe: .ok(at: time.now, took: time.uptime - start))
            // A unit is answered for under the name it was asked by, or under the one that it is an alias of: the order tells.
            for (index, unit) in units.enumerated() {
                answer.units[unit] =
                    blocks.first { $0["Id"] == unit.rawValue } ?? (blocks.count == units.count ? blocks[index] : nil)
            }
            // The times of a timer that counts from its last run are known to list-timers only.
            if let list = try? await run(["list-timers", "--all", "--no-pager", "--output=json"]),
                list.end == .exited(0)
            {
                answer.timers = Self.timers(list.output)
            }
            return answer
        } catch {
            let (reason, _) = Probing.reason(error)
            return Answer(probe: .failed(reason, at: time.now, took: time.uptime - start))
        }
    }

    /// systemd's version number; nil when systemctl is not there.
    func version() async -> Int? {
        guard let result = try? await commands.run("systemctl", ["--version"], environment: nil, deadline: limit),
            result.isSuccess
        else { return nil }
        let words = String(decoding: result.output.prefix(200), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        return words.count > 1 ? Int(words[1].prefix { $0.isNumber }) : nil
    }

    private func run(_ arguments: [String]) async throws -> CommandResult {
        var environment = SystemdOutput.plainEnvironment
        environment["PATH"] = Self.path
        environment["TZ"] = "UTC"
        for name in ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        let program: FilePath
        var words: [String]
        switch manager {
        case .system: (program, words) = ("systemctl", [])
        case .user:
            // A job of a timer has it; a cron job or a bare ssh session may not.
            if environment["XDG_RUNTIME_DIR"] == nil { environment["XDG_RUNTIME_DIR"] = "/run/user/\(getuid())" }
            (program, words) = ("systemctl", ["--user"])
        case .otherUser(let name, let id):
            program = "runuser"
            words = ["-u", name, "--", "env", "XDG_RUNTIME_DIR=/run/user/\(id)", "systemctl", "--user"]
            environment["XDG_RUNTIME_DIR"] = nil
            environment["DBUS_SESSION_BUS_ADDRESS"] = nil
        }
        words += arguments
        return try await commands.run(program, words, environment: environment, deadline: limit, limit: 4 << 20)
    }

    private static var path: String { getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin" }

    /// Why systemctl could not ask, from its message: "unknown", never "down".
    static func failure(_ errors: [UInt8]) -> HomeFailure {
        let text = String(decoding: errors.prefix(2000), as: UTF8.self).lowercased()
        let reason: Probe.Reason =
            if text.contains("xdg_runtime_dir") || text.contains("no medium found")
                || text.contains("dbus_session_bus_address")
            {
                .noBus
            } else if text.contains("permission denied") || text.contains("access denied")
                || text.contains("not permitted")
            {
                .permission
            } else if text.contains("not been booted with systemd") || text.contains("failed to connect") {
                .managerDown
            } else if text.contains("timed out") || text.contains("timeout") {
                .timeout
            } else if text.contains("unknown option") || text.contains("unrecognized option")
                || text.contains("invalid option")
            {
                .unsupported
            } else {
                .badOutput
            }
        return HomeFailure(reason, printable(errors.prefix { $0 != 10 }, limit: 200))
    }

    /// `list-timers --output=json`: `next` and `last` in microseconds since the epoch, 0 for never.
    static func timers(_ output: [UInt8]) -> [UnitName: (last: Timestamp?, next: Timestamp?)] {
        guard let list = try? JSONValue(parsing: output).array else { return [:] }
        var timers: [UnitName: (last: Timestamp?, next: Timestamp?)] = [:]
        func moment(_ value: JSONValue?) -> Timestamp? {
            guard let microseconds = value?.integer, microseconds > 0, microseconds < 253_402_300_800_000_000 else {
                return nil
            }
            return Timestamp(microseconds: microseconds)
        }
        for entry in list {
            guard let unit = entry["unit"]?.string.flatMap(UnitName.init(rawValue:)) else { continue }
            timers[unit] = (moment(entry["last"]), moment(entry["next"]))
        }
        return timers
    }
}

extension SystemdProbe.Answer {
    /// A unit's state as the snapshot tells it.
    func state(of unit: UnitName, _ scope: Scope) -> UnitState {
        guard probe.isOk else { return .unknown(unit, scope, probe) }
        guard let block = units[unit], let load = block["LoadState"].flatMap(UnitState.Load.init(rawValue:)),
            let active = block["ActiveState"].flatMap(UnitState.Active.init(rawValue:))
        else { return .unknown(unit, scope, .failed(.badOutput, at: probe.observedAt)) }
        var state = UnitState(unit: unit, scope: scope, probe: probe, health: .unknown, load: load, active: active)
        state.sub = block["SubState"].flatMap(SubState.init(rawValue:))
        state.enabled =
            load == .notFound ? .notFound : block["UnitFileState"].flatMap(UnitState.Enabled.init(rawValue:))
        state.result = block["Result"].flatMap(UnitState.Result.init(rawValue:))
        state.since = block["StateChangeTimestamp"].flatMap { SystemdOutput.time($0) }
        state.restarts = block["NRestarts"].flatMap { Int($0) }.map { Count($0) }
        state.health = Self.health(state)
        return state
    }

    /// A job's timer as the snapshot tells it: under its role, or under its own name where an earlier job has the role.
    func timer(of job: ObservedJob, _ scope: Scope, isFirst: Bool = true) -> TimerState {
        let unit = job.timerUnit
        let block = units[unit] ?? [:]
        return TimerState(
            name: Slug(making: job.role == .other || !isFirst ? job.name : job.role.rawValue),
            unit: state(of: unit, scope),
            triggers: job.serviceUnit,
            schedule: SafeText(showing: job.schedule ?? "no schedule"), persistent: job.isPersistent,
            lastTriggerAt: timers[unit]?.last ?? block["LastTriggerUSec"].flatMap { SystemdOutput.time($0) },
            nextAt: timers[unit]?.next ?? block["NextElapseUSecRealtime"].flatMap { SystemdOutput.time($0) },
            maxDelaySeconds: job.maxDelay.map { Count($0.components.seconds) })
    }

    static func health(_ state: UnitState) -> Health {
        switch (state.load, state.active) {
        case (.notFound, _), (.masked, _): .disabled
        case (_, .active): .up
        // `activating (auto-restart)` is a service that keeps falling over.
        case (_, .activating), (_, .reloading), (_, .deactivating), (_, .maintenance): .degraded
        case (_, .failed): .down
        case (.badSetting, _), (.error, _): .down
        case (_, .inactive): state.enabled == .disabled ? .disabled : .down
        case (_, nil): .unknown
        }
    }
}
