public import Support
internal import SystemPackage

/// One job of Hermes' own scheduler, from cron/jobs.json.
public struct CronJob: Sendable, Hashable {
    public enum LastStatus: String, Sendable {
        case ok, error
        /// It ran, and what it said did not arrive.
        case deliveryFailed = "delivery_failed"
        case never
        case unknown
    }

    public var id: String
    /// What others may call it by: its name, or its id where the name may tell of the prompt or of a secret (``CronJobName``).
    public var name: String
    /// As `hermes cron list` shows it: `every 120m`, `0 9 * * *`.
    public var schedule: String
    public var isEnabled: Bool
    /// It runs once and then deletes itself.
    public var isOneShot: Bool
    /// `scheduled`, `paused`, `completed`, `error`, or what a newer Hermes writes.
    public var state: String
    public var nextRun: Timestamp?
    public var lastRun: Timestamp?
    public var lastStatus: LastStatus
    /// The prompt is the job's name: what is left of a job whose prompt an update lost (issues #52144, #82990 of Hermes Agent).
    public var promptLooksLost: Bool
}

/// All jobs of a home, in the file's order: what `hermes cron list --all` lists.
public struct CronJobs: Sendable, Hashable {
    public var jobs: [CronJob]
    /// Entries that are no job at all.
    public var malformed: Int
    /// From cron/ticker_heartbeat: when the scheduler last looked. Stale after 200 s.
    public var heartbeat: Timestamp?
    /// Why there is no heartbeat although there is a file for it; the jobs are known all the same.
    public var heartbeatFailure: HomeFailure?

    public var enabled: Int { jobs.count { $0.isEnabled } }
    public var failing: Int {
        jobs.count { $0.isEnabled && ($0.lastStatus == .error || $0.lastStatus == .deliveryFailed) }
    }

    /// Reads cron/jobs.json; a home without one has no jobs. A byte order mark, a bare list and raw control characters are taken as
    /// Hermes takes them.
    public static func read(_ home: HomeLayout) throws(HomeFailure) -> CronJobs {
        var found = CronJobs(jobs: [], malformed: 0)
        do throws(HomeFailure) {
            found.heartbeat = try home.cronHeartbeat()
        } catch {
            found.heartbeatFailure = error
        }
        guard let text = try HomeFile.read(home.cronJobs, limit: 32 << 20) else { return found }
        let entries = try entries(in: text)
        let secrets = CronJobName.secrets(of: home)
        found.jobs = entries.compactMap { CronJob($0, secrets: secrets) }
        found.malformed = entries.count - found.jobs.count
        return found
    }

    /// The ids of the jobs in a cron/jobs.json, as ``read(_:)`` finds them; nil for what is none.
    public static func ids(in text: [UInt8]) -> [String]? {
        (try? entries(in: text))?.compactMap { CronJob($0)?.id }
    }

    private static func entries(in text: [UInt8]) throws(HomeFailure) -> [JSONValue] {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: text, allowingControlCharacters: true)
        } catch {
            throw HomeFailure(.badOutput, "cron/jobs.json is not JSON: \(error)")
        }
        switch document {
        case .array(let list): return list
        case .object(let members):
            guard let list = (members["jobs"] ?? .array([])).array else {
                throw HomeFailure(.badOutput, "cron/jobs.json: \"jobs\" is not a list")
            }
            return list
        default: throw HomeFailure(.badOutput, "cron/jobs.json is neither an object nor a list")
        }
    }
}

extension CronJob {
    init?(_ json: JSONValue, secrets: [[UInt8]] = []) {
        guard json.object != nil else { return nil }
        id = json["id"]?.string ?? "?"
        let given = json["name"]?.string ?? "(unnamed)"
        let prompt = json["prompt"]?.string ?? ""
        name = CronJobName.isPlain(given, prompt: prompt, secrets: secrets) ? given : CronJobName.identifier(id)
        let plan = json["schedule"]
        schedule =
            json["schedule_display"]?.string ?? plan?["display"]?.string ?? plan?["expr"]?.string ?? plan?["value"]?
            .string
            ?? plan?["run_at"]?.string ?? "?"
        // As Hermes' `job.get("enabled", True)`: a key that is absent means yes, a null no.
        isEnabled =
            switch json["enabled"] {
            case .bool(let flag): flag
            case .null, .integer(0), .string(""): false
            default: true
            }
        isOneShot = plan?["kind"]?.string == "once" || json["repeat"]?["times"]?.integer != nil
        state = json["state"]?.string ?? (isEnabled ? "scheduled" : "paused")
        nextRun = json["next_run_at"]?.string.flatMap { Timestamp(pythonISO: $0) }
        lastRun = json["last_run_at"]?.string.flatMap { Timestamp(pythonISO: $0) }
        let deliveryFailed = !(json["last_delivery_error"]?.string ?? "").isEmpty
        lastStatus =
            switch json["last_status"] {
            case nil, .null?: lastRun == nil ? .never : .unknown
            case .string("ok")?: deliveryFailed ? .deliveryFailed : .ok
            case .string("error")?: .error
            default: .unknown
            }
        promptLooksLost =
            !prompt.isEmpty && prompt == given && json["script"]?.string == nil && json["skill"]?.string == nil
    }
}

extension HomeLayout {
    /// When Hermes' scheduler last looked at its jobs (cron/ticker_heartbeat, seconds since the epoch); nil when it never did.
    func cronHeartbeat() throws(HomeFailure) -> Timestamp? {
        guard let text = try HomeFile.read(path.pushing("cron/ticker_heartbeat"), limit: 4096) else { return nil }
        let digits = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
        // `nan`, `inf` and what lies before Hermes was written are numbers too, but no times.
        guard let seconds = digits.flatMap({ Double($0) }), seconds > 1e9, let moment = Timestamp(epochSeconds: seconds)
        else { throw HomeFailure(.badOutput, "cron/ticker_heartbeat holds no time") }
        return moment
    }
}

extension Timestamp {
    /// What Python's datetime.isoformat() writes; without an offset it counts as UTC.
    init?(pythonISO text: String) {
        if let moment = Timestamp(text) {
            self = moment
        } else if let moment = Timestamp(text + "Z") {
            self = moment
        } else {
            return nil
        }
    }
}
