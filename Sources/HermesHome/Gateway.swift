internal import Glibc
public import Support
internal import SystemPackage

/// What a home tells about its gateway: the process that listens to Telegram and the others and runs the cron jobs.
public struct Gateway: Sendable, Hashable {
    public enum Liveness: Sendable, Hashable {
        /// That very process runs: pid, start time and command line agree, or it holds the lock.
        case running(pid: Int32)
        /// No process is left of what the files name, or there never was one. gateway_state.json may still say "running".
        case stopped
        /// It could not be found out: /proc hides other users' processes, or a file could not be read.
        case unknown(HomeFailure)
    }

    public struct Platform: Sendable, Hashable {
        public var name: String
        /// `connecting`, `connected`, `disconnected`, `retrying`, `paused`, `fatal`, or what a newer Hermes writes.
        public var state: String
        public var updated: Timestamp?
    }

    public var liveness: Liveness
    /// `gateway_state` as the gateway last wrote it: starting, running, degraded, draining, stopped, startup_failed. It outlives the
    /// process and does not mean that anything runs.
    public var reportedState: String?
    public var activeAgents: Int?
    public var platforms: [Platform]
    /// The newest `updated_at` of gateway_state.json; it stands still while the gateway is idle.
    public var updated: Timestamp?
    /// state/gateway.heartbeat of that process, where the Hermes version writes one.
    public var heartbeat: Timestamp?
    /// gateway_state.json could not be read; what it would have told is missing above.
    public var failure: HomeFailure?

    /// A gateway that could not be looked at.
    public static func unobserved(_ failure: HomeFailure) -> Gateway {
        Gateway(liveness: .unknown(failure), platforms: [], failure: failure)
    }

    /// Reads the gateway's files. Nothing is locked, removed or written; no process is asked anything.
    public static func read(_ home: HomeLayout) -> Gateway { read(home, processes: "/proc") }

    static func read(_ home: HomeLayout, processes: FilePath) -> Gateway {
        var gateway = Gateway(liveness: .stopped, platforms: [])
        var state: JSONValue?
        do throws(HomeFailure) {
            state = try record(home.gatewayState)
        } catch {
            gateway.failure = error
        }
        if let state {
            gateway.reportedState = state["gateway_state"]?.string
            gateway.activeAgents = state["active_agents"]?.integer.map { Int(clamping: max(0, $0)) }
            gateway.updated = state["updated_at"]?.moment
            gateway.platforms = (state["platforms"]?.object ?? [:]).map { name, value in
                Platform(name: name, state: value["state"]?.string ?? "unknown", updated: value["updated_at"]?.moment)
            }.sorted { $0.name < $1.name }
        }
        gateway.liveness = GatewayProcess(home, state: state, processes: processes).liveness
        if case .running(let pid) = gateway.liveness,
            let beat = try? record(home.path.pushing("state/gateway.heartbeat")),
            beat["pid"]?.integer.map({ $0 == Int64(pid) }) ?? true
        {
            gateway.heartbeat = beat["updated_at"]?.moment
        }
        return gateway
    }

    /// A small JSON object of the gateway's; nil when there is none. A bare number is a pid, as old versions wrote it.
    static func record(_ path: FilePath) throws(HomeFailure) -> JSONValue? {
        guard let text = try HomeFile.read(path, limit: 1 << 20) else { return nil }
        if text.allSatisfy({ $0 <= 0x20 }) { return nil }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw HomeFailure(.badOutput, "\(path.lastComponent?.string ?? ""): not JSON: \(error)")
        }
        if case .integer = value { return .object(["pid": value]) }
        guard value.object != nil else {
            throw HomeFailure(.badOutput, "\(path.lastComponent?.string ?? ""): not an object")
        }
        return value
    }
}

/// What a command line tells of its process.
public enum HermesCommandLine {
    /// Whether it is Hermes' own: the command with any subcommand, or the gateway under one of its other names.
    public static func isHermes(_ arguments: [String]) -> Bool {
        let words = arguments.map { $0.lowercased() }
        return isGatewayScript(words) || isCommand(words)
    }

    /// Whether it is `gateway run` (or `restart`, which runs it in the same process where no service manager is), as
    /// `gateway/status.py` tells it: the profile selector may stand anywhere.
    static func runsGateway(_ arguments: [String]) -> Bool {
        let words = arguments.map { $0.lowercased() }
        if isGatewayScript(words) { return true }
        guard isCommand(words) else { return false }
        var rest: [String] = []
        var isValue = false
        for word in words {
            if isValue {
                isValue = false
            } else if word == "--profile" || word == "-p" {
                isValue = true
            } else if !word.hasPrefix("--profile=") && !word.hasPrefix("-p=") {
                rest.append(word)
            }
        }
        guard let index = rest.firstIndex(of: "gateway") else { return false }
        let command = rest[(index + 1)...].first
        // A bare `gateway` runs it.
        return command == nil || command == "run" || command == "restart"
    }

    private static func isNamed(_ name: String, _ word: String) -> Bool { word == name || word.hasSuffix("/" + name) }

    private static func isGatewayScript(_ words: [String]) -> Bool {
        words.contains { isNamed("gateway/run.py", $0) || isNamed("hermes-gateway", $0) }
    }

    private static func isCommand(_ words: [String]) -> Bool {
        words.contains {
            $0.contains("hermes_cli.main") || $0.contains("hermes_cli/main.py") || isNamed("hermes", $0)
        }
    }
}

/// Whether the process that a home's files name still runs.
struct GatewayProcess {
    var home: HomeLayout
    var state: JSONValue?
    var processes: FilePath

    init(_ home: HomeLayout, state: JSONValue?, processes: FilePath) {
        self.home = home
        self.state = state
        self.processes = processes
    }

    var liveness: Gateway.Liveness {
        var unknown: HomeFailure?
        // The lock's holder is the gateway, whatever the records say. Where /proc/locks is closed off the records have to do: the lock's
        // own file is one of them.
        if let pid = (try? lockHolder()) ?? nil { return .running(pid: pid) }
        var records: [JSONValue] = state.map { [$0] } ?? []
        for path in [home.gatewayRecord, home.gatewayLock] {
            do throws(HomeFailure) {
                if let record = try Gateway.record(path) { records.append(record) }
            } catch  where error.reason == .badOutput {
                // A torn record names nobody.
            } catch {
                unknown = error
            }
        }
        for record in records {
            guard let number = record["pid"]?.integer, let pid = Int32(exactly: number), pid > 0 else { continue }
            switch isGateway(pid, startTime: record["start_time"]?.integer) {
            case .some(true): return .running(pid: pid)
            case .some(false): continue
            case nil: unknown = HomeFailure(.permission, "process \(pid) cannot be seen")
            }
        }
        return unknown.map { .unknown($0) } ?? .stopped
    }

    /// The process that holds flock(2) on gateway.lock, read from /proc/locks: trying the lock would take it for a moment, and a gateway
    /// that starts in that moment would refuse to.
    private func lockHolder() throws(HomeFailure) -> Int32? {
        guard let status = try HomeFile.status(home.gatewayLock) else { return nil }
        guard let table = try HomeFile.read(processes.appending("locks"), limit: 8 << 20) else {
            throw HomeFailure(.unsupported, "/proc/locks is not there")
        }
        for line in String(decoding: table, as: UTF8.self).split(separator: "\n") {
            // `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`; a waiting process has `->` after the number.
            let fields = line.split(separator: " ")
            guard fields.count >= 6, fields[1] == "FLOCK", let pid = Int32(fields[4]), pid > 0 else { continue }
            let place = fields[5].split(separator: ":")
            guard place.count == 3, UInt64(place[2]) == status.inode else { continue }
            // The device is left out: overlay and btrfs report another one here than stat(2) does. Instead the holder must have this very
            // file open, or where that cannot be seen be a gateway by its command line.
            // A restore takes the lock itself.
            if pid != getpid(), hasOpen(status, pid) ?? (isGateway(pid, startTime: nil) == true) { return pid }
        }
        return nil
    }

    /// Whether a process has a file open; nil when that cannot be seen.
    private func hasOpen(_ file: FileStatus, _ pid: Int32) -> Bool? {
        let folder = processes.appending(String(pid)).appending("fd")
        guard let names = try? DirectoryListing.names(at: folder) else { return nil }
        return names.contains { name in
            let status = try? FileStatus(following: FilePath(bytes: folder.bytes + [UInt8(ascii: "/")] + name))
            return status?.inode == file.inode && status?.device == file.device
        }
    }

    /// Whether a process is a Hermes gateway, and the very one of a record if its start time is known; nil when that cannot be seen.
    private func isGateway(_ pid: Int32, startTime: Int64?) -> Bool? {
        let folder = processes.appending(String(pid))
        do throws(HomeFailure) {
            guard let stat = try HomeFile.read(folder.appending("stat"), limit: 4096),
                let close = stat.lastIndex(of: UInt8(ascii: ")"))
            else { return false }
            let fields = stat[(close + 1)...].split(separator: UInt8(ascii: " ")).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard fields.count > 19, fields[0] != "Z" else { return false }
            if let startTime, Int64(fields[19]) != startTime { return false }
            guard let command = try HomeFile.read(folder.appending("cmdline"), limit: 4 << 20), !command.isEmpty else {
                return false
            }
            return HermesCommandLine.runsGateway(
                command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
        } catch  where error.reason == .notFound || error.detail.contains(errorText(ESRCH)) {
            return false
        } catch {
            return nil
        }
    }
}

extension JSONValue {
    /// A time as Hermes writes it: ISO text, or seconds since the epoch.
    fileprivate var moment: Timestamp? {
        string.flatMap { Timestamp(pythonISO: $0) } ?? number.flatMap { Timestamp(epochSeconds: $0) }
    }
}
