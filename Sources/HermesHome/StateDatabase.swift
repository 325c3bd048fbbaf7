public import Support
internal import SystemPackage

/// What state.db tells: the numbers of `hermes sessions stats` and those that a restore is compared by.
public struct StateDatabase: Sendable, Hashable {
    /// The one row of `schema_version`; 22 in Hermes Agent 0.19.0. Nil when the table is missing or empty.
    public var schemaVersion: Int64?
    /// Sessions that are not archived: "Total sessions" of `hermes sessions stats`.
    public var sessions: Int
    public var archivedSessions: Int
    /// Not archived, not ended, and heard of within 300 s, as Hermes' own web server counts.
    public var activeSessions: Int
    /// Of the sessions that are not archived.
    public var sessionsStartedLastDay: Int
    /// Sessions that are not archived by where they came from; a source is any short text.
    public var sessionsBySource: [String: Int]
    /// All rows of `messages`, inactive ones too: "Total messages" of `hermes sessions stats`.
    public var messages: Int
    public var messagesLastDay: Int
    /// MAX(messages.id); nil without messages.
    public var highestMessageID: Int64?
    /// The newest message's time.
    public var lastActivity: Timestamp?
    /// Bytes of state.db itself, the -wal not counted: "Database size" of `hermes sessions stats`.
    public var size: Int64
    /// Bytes of state.db-wal, 0 when there is none.
    public var logSize: Int64

    /// The schema that this program was written against. A newer one is read as far as its tables allow.
    public static let knownSchemaVersion: Int64 = 22

    /// Reads the counts of a home; nil when it has no state.db. Nothing of the home is changed.
    public static func read(_ home: HomeLayout, at now: Timestamp, cancellation: CancellationFlag? = nil)
        throws(HomeFailure) -> StateDatabase?
    {
        let path = home.stateDatabase
        guard let size = try HomeFile.status(path)?.size else { return nil }
        let logSize = try HomeFile.status(path.suffixed("-wal"))?.size ?? 0
        return try ReadOnlyDatabase.read(path, cancellation: cancellation) { database throws(HomeFailure) in
            try StateDatabase(database, size: size, logSize: logSize, at: now)
        }
    }

    private init(_ database: ReadOnlyDatabase, size: Int64, logSize: Int64, at now: Timestamp) throws(HomeFailure) {
        let sessionColumns = try database.columns(of: "sessions")
        let messageColumns = try database.columns(of: "messages")
        guard sessionColumns.contains("id"), messageColumns.contains("id") else {
            throw HomeFailure(.unsupported, "state.db has no tables sessions and messages")
        }
        self.size = size
        self.logSize = logSize
        schemaVersion = nil
        if try !database.columns(of: "schema_version").isEmpty {
            schemaVersion = try database.integer("SELECT MAX(version) FROM schema_version")
        }
        let seconds = Double(now.microseconds) / 1_000_000
        // Older homes have no archive.
        let live = sessionColumns.contains("archived") ? "COALESCE(archived, 0) = 0" : "1"
        var bySource: [String: Int] = [:]
        var total = 0
        for row in try database.rows("SELECT source, COUNT(*) FROM sessions WHERE \(live) GROUP BY source") {
            let count = Int(row[1].integer ?? 0)
            bySource[row[0].text ?? "unknown", default: 0] += count
            total += count
        }
        sessions = total
        sessionsBySource = bySource
        archivedSessions = Int(try database.integer("SELECT COUNT(*) FROM sessions") ?? 0) - total
        sessionsStartedLastDay = 0
        if sessionColumns.contains("started_at") {
            sessionsStartedLastDay = Int(
                try database.integer(
                    "SELECT COUNT(*) FROM sessions WHERE \(live) AND started_at > ?", [.real(seconds - 86_400)]) ?? 0)
        }
        messages = Int(try database.integer("SELECT COUNT(*) FROM messages") ?? 0)
        highestMessageID = try database.integer("SELECT MAX(id) FROM messages")
        messagesLastDay = 0
        activeSessions = 0
        if messageColumns.isSuperset(of: ["timestamp", "session_id"]) {
            let newest = try database.rows(
                "SELECT MAX(timestamp), TOTAL(timestamp > ?) FROM messages", [.real(seconds - 86_400)], limit: 1)
            lastActivity = newest.first?[0].real.flatMap(Timestamp.init(epochSeconds:))
            messagesLastDay = Int(newest.first?[1].real ?? 0)
            if sessionColumns.isSuperset(of: ["ended_at", "started_at"]) {
                activeSessions = Int(
                    try database.integer(
                        """
                        SELECT COUNT(*) FROM sessions s WHERE \(live) AND ended_at IS NULL AND ? < COALESCE(
                            (SELECT MAX(m.timestamp) FROM messages m WHERE m.session_id = s.id), started_at)
                        """, [.real(seconds - 300)]) ?? 0)
            }
        }
    }
}

extension Timestamp {
    /// Seconds since the epoch as Python's time.time() writes them; nil when they lie outside the years 1970 to 9999.
    init?(epochSeconds: Double) {
        guard epochSeconds >= 0, epochSeconds < 253_402_300_800 else { return nil }
        self.init(microseconds: Int64(epochSeconds * 1_000_000))
    }
}
