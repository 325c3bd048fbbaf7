internal import Support

/// From which value on something is worth a word. The defaults fit a small machine with one gateway.
public struct WatchdogThresholds: Sendable, Hashable, Codable {
    /// Less than this many free bytes, or than this fraction of the file system, on the home's disk; a quarter of either is critical.
    public var minFreeDiskBytes: Int64 = 2 << 30
    public var minFreeDiskFraction = 0.05
    /// Less than this many available bytes of memory.
    public var minFreeMemoryBytes: Int64 = 256 << 20
    /// Failures in a row after which a failing job is critical.
    public var failuresCritical = 3
    /// The same for one of Hermes' cron jobs.
    public var cronFailuresCritical = 3
    /// Seconds after which the gateway's own heartbeat counts as stopped; it beats every 60 s.
    public var gatewayHeartbeatSeconds = 300
    /// Seconds after which Hermes' scheduler counts as stopped: its own limit is 200 s.
    public var cronHeartbeatSeconds = 300
    /// Seconds by which a cron job may be overdue.
    public var cronOverdueSeconds = 900
    /// Seconds for which a platform may stay disconnected.
    public var platformSeconds = 900
    /// Restarts of the gateway's unit since it was last started by hand or at boot.
    public var gatewayRestarts = 5
    /// Seconds for which commits may wait for a push.
    public var unpushedSeconds = 93_600
    /// Bytes of state.db-wal: Hermes checkpoints far below it.
    public var walBytes: Int64 = 512 << 20
    /// Bytes by which state.db may grow in a day.
    public var growthPerDayBytes: Int64 = 1 << 30
    /// Seconds for which vanished cron jobs are reported.
    public var vanishedSeconds = 86_400

    public init() {}
}

/// What is kept between two looks: since when something is open, what was there before. Lives in `STATE/watchdog.json`.
public struct WatchdogMemory: Codable, Sendable, Hashable {
    struct Vanished: Codable, Sendable, Hashable {
        var name: SafeText
        var since: Timestamp
    }

    struct Size: Codable, Sendable, Hashable {
        var at: Timestamp
        var bytes: Int64
    }

    /// Warnings that were open at the last look.
    public internal(set) var open: [Warning] = []
    /// Raised in the last 24 hours or still open, newest first, at most 50.
    public internal(set) var alerts: [Alert] = []
    /// How many snapshots were made.
    public internal(set) var sequence = 0
    /// The rules that could not find out what is so at the last look, by their titles, and since when.
    var unchecked: [String: Timestamp]?
    var cronJobs: [String: SafeText]?
    var vanishedJobs: [String: Vanished] = [:]
    var sizes: [Size] = []

    public init() {}

    /// So many cron jobs are remembered, by their ids, and so many that vanished; the rest is not missed when it goes.
    static let jobLimit = 2048
    /// Of an id, in bytes. Hermes' own have twelve.
    static let idLimit = 256
    /// The largest file that is read, in bytes: more than the limits above allow.
    public static let sizeLimit = 32 << 20

    /// Reads the file.
    public init(decoding text: [UInt8]) throws {
        self = try TapeDecoder.decode(
            WatchdogMemory.self, from: text, .init(depth: 12, members: Self.jobLimit + 64))
    }

    /// Reads the file; one that is missing or damaged makes a fresh start, because only the times of open warnings are lost with it.
    public init(decodingOrFresh text: [UInt8]?) {
        self = text.flatMap { try? WatchdogMemory(decoding: $0) } ?? WatchdogMemory()
    }

    public func encoded() throws -> [UInt8] { try JSONText.encode(self) }
}
