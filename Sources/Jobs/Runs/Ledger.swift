internal import Foundation
internal import GRDB
internal import Glibc
public import Support
public import SystemPackage

/// The index over the run records: `STATE/ledger.sqlite`, SQLite in WAL mode, its schema's version in `user_version`.
///
/// A damaged file is set aside as `ledger.sqlite.damaged-TIME` and made anew from the records; a file of a newer program is an
/// error and stays as it is.
public final class Ledger: Sendable {
    /// The file's schema; migrations lead to it from every older one.
    static let schemaVersion = 2

    public let path: FilePath
    private let runs: RunStore
    private let queue: DatabaseQueue
    /// What had to be done to open it, for the log: empty as a rule.
    public let repairs: [String]

    /// Opens the ledger of a state directory, and makes or mends it as needed.
    public init(stateDirectory: FilePath, runs: RunStore, time: any TimeSource) throws {
        self.runs = runs
        path = stateDirectory.appending("ledger.sqlite")
        do {
            (queue, repairs) = try Self.openOrMend(path, stateDirectory, runs, now: time.now)
        } catch let error as DatabaseError {
            throw Self.operatorError(error, path)
        } catch let error as NewerVersion {
            throw OperatorError(
                "ledger-newer", doing: "opening the ledger", subject: path.printable,
                reason:
                    "its version \(error.version) is of a newer program than this one, which knows \(Self.schemaVersion)",
                advice: "install the newer program again; the run records below runs/ are unharmed",
                exit: .damagedInput)
        }
    }

    private static func openOrMend(
        _ path: FilePath, _ stateDirectory: FilePath, _ runs: RunStore, now: Timestamp
    ) throws -> (DatabaseQueue, repairs: [String]) {
        do {
            return (try open(path, runs), [])
        } catch let error as DatabaseError where isDamage(error) {
            let lock = try StateLock.wait(stateDirectory, "ledger")
            defer { withExtendedLifetime(lock) {} }
            // Another process may have mended it while this one waited.
            if let mended = try? open(path, runs) { return (mended, []) }
            let aside = try setAside(path, at: now)
            let note = "the ledger was damaged: it lies as \(aside) and was made anew from the run records"
            return (try open(path, runs), [note])
        }
    }

    /// Makes the index anew from the records and returns how many it holds.
    @discardableResult
    public func rebuild() throws -> Int { try Self.rethrowing { try queue.write { try Self.fill($0, from: runs) } } }

    // MARK: - Writing

    /// Enters a run, or brings its row up to date.
    func put(_ record: RunRecord, warnings: [String] = []) throws {
        try Self.rethrowing { try queue.write { try Self.put(record, warnings: warnings, in: $0) } }
    }

    /// Removes the rows of runs.
    func remove(_ runs: [String]) throws {
        try Self.rethrowing {
            try queue.write { db in
                for run in runs { try db.execute(sql: "DELETE FROM runs WHERE run_id = ?", arguments: [run]) }
            }
        }
    }

    private static func put(_ record: RunRecord, warnings: [String], in db: Database) throws {
        let arguments: StatementArguments = [
            record.runId, record.job.name, record.job.kind.rawValue, record.state.rawValue, record.outcome?.rawValue,
            record.dryRun ?? false, record.trigger.type.rawValue, record.startedAt.microseconds,
            record.finishedAt?.microseconds, record.durationMs, record.exit?.code, record.error?.type,
            record.error?.message,
            record.error?.step, record.effects?.changed, record.effects?.bytes, warnings.count,
        ]
        try db.execute(
            sql: """
                INSERT INTO runs (run_id, job, kind, state, outcome, dry_run, trigger_type, started_at, finished_at, duration_ms,
                  exit_code, error_type, error_message, error_step, changed, bytes, warnings)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (run_id) DO UPDATE SET state = excluded.state, outcome = excluded.outcome,
                  finished_at = excluded.finished_at, duration_ms = excluded.duration_ms, exit_code = excluded.exit_code,
                  error_type = excluded.error_type, error_message = excluded.error_message, error_step = excluded.error_step,
                  changed = excluded.changed, bytes = excluded.bytes, warnings = excluded.warnings
                """, arguments: arguments)
    }

    // MARK: - Reading

    /// The newest runs first, of one job or of all. Dry runs are among them.
    public func history(job: String? = nil, limit: Int = 50) throws -> [LedgerEntry] {
        try select("(? IS NULL OR job = ?1) ORDER BY sequence DESC LIMIT ?2", [job, limit])
    }

    /// The newest real run of a job that is no skip (a start that found the lock taken tells nothing about the job).
    func lastRun(of job: String, finished: Bool) throws -> LedgerEntry? {
        let state = finished ? "AND state = 'finished'" : ""
        return try select(
            "job = ? AND NOT dry_run AND (outcome IS NULL OR outcome <> 'skip') \(state) ORDER BY sequence DESC LIMIT 1",
            [job]
        ).first
    }

    func lastSuccess(of job: String) throws -> LedgerEntry? {
        try select("job = ? AND NOT dry_run AND outcome = 'success' ORDER BY sequence DESC LIMIT 1", [job]).first
    }

    /// How many runs went wrong since the last success.
    func failures(of job: String, after sequence: Int64) throws -> Int {
        try Self.rethrowing {
            try queue.read { db in
                try Int.fetchOne(
                    db,
                    sql: """
                        SELECT count(*) FROM runs WHERE job = ? AND NOT dry_run AND sequence > ?
                          AND outcome IN ('failure', 'error', 'timeout', 'unknown')
                        """, arguments: [job, sequence]) ?? 0
            }
        }
    }

    /// The rows whose runs are not known to have ended.
    func open(job: String) throws -> [LedgerEntry] { try select("job = ? AND state <> 'finished'", [job]) }

    /// Every finished run of a job, newest first, for the retention.
    func finished(job: String) throws -> [LedgerEntry] {
        try select("job = ? AND state = 'finished' ORDER BY sequence DESC", [job])
    }

    /// Every finished run of all jobs that began before a moment, newest first.
    func finished(before moment: Timestamp) throws -> [LedgerEntry] {
        try select("state = 'finished' AND started_at < ? ORDER BY sequence DESC", [moment.microseconds])
    }

    private func select(_ condition: String, _ arguments: StatementArguments) throws -> [LedgerEntry] {
        try Self.rethrowing {
            try queue.read { db in
                try Row.fetchAll(
                    db, sql: "SELECT \(LedgerEntry.columns) FROM runs WHERE \(condition)", arguments: arguments
                ).compactMap(LedgerEntry.init)
            }
        }
    }

    // MARK: - Opening and mending

    private static func open(_ path: FilePath, _ runs: RunStore) throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(15)
        configuration.label = "ledger"
        let queue = try DatabaseQueue(path: path.string, configuration: configuration)
        try queue.writeWithoutTransaction { db in
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else { throw DatabaseError(resultCode: .SQLITE_IOERR, message: "no WAL mode") }
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
            try migrate(db, runs)
            // Damage shows now and not in the middle of a run: of pages, of values (the table is STRICT), of the table's columns.
            guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "it does not pass SQLite's quick_check")
            }
            try db.execute(sql: "SELECT \(LedgerEntry.columns) FROM runs LIMIT 1")
        }
        return queue
    }

    /// Tables that are made, in a new file or an empty one, are filled in the same transaction: nobody sees the history gone.
    private static func migrate(_ db: Database, _ runs: RunStore) throws {
        try db.inTransaction(.immediate) {
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            guard version <= schemaVersion else { throw NewerVersion(version: version) }
            if version < schemaVersion {
                // It is an index: what an older program put there is made anew too.
                try db.execute(
                    sql: """
                        DROP TABLE IF EXISTS runs;
                        CREATE TABLE runs (
                          sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                          run_id TEXT NOT NULL UNIQUE,
                          job TEXT NOT NULL,
                          kind TEXT NOT NULL,
                          state TEXT NOT NULL,
                          outcome TEXT,
                          dry_run INTEGER NOT NULL,
                          trigger_type TEXT NOT NULL,
                          started_at INTEGER NOT NULL,
                          finished_at INTEGER,
                          duration_ms INTEGER,
                          exit_code INTEGER,
                          error_type TEXT,
                          error_message TEXT,
                          error_step TEXT,
                          changed INTEGER,
                          bytes INTEGER,
                          warnings INTEGER NOT NULL
                        ) STRICT;
                        CREATE INDEX runs_by_job ON runs (job, sequence);
                        """)
                try fill(db, from: runs)
            }
            try db.execute(sql: "PRAGMA user_version = \(schemaVersion)")
            return .commit
        }
    }

    private struct NewerVersion: Error {
        let version: Int
    }

    /// Replaces all rows by what the records say, oldest first.
    @discardableResult
    private static func fill(_ db: Database, from runs: RunStore) throws -> Int {
        let records = try runs.runs().compactMap { try? runs.read($0) }
            .sorted { ($0.startedAt, $0.runId) < ($1.startedAt, $1.runId) }
        try db.execute(sql: "DELETE FROM runs")
        for record in records { try put(record, warnings: runs.warnings(of: record.runId), in: db) }
        return records.count
    }

    private static func setAside(_ path: FilePath, at moment: Timestamp) throws -> String {
        let name = "ledger.sqlite.damaged-\(moment.compact)"
        try FileSystem.rename(path, to: path.removingLastComponent().appending(name))
        // They belong to the file that is gone; beside a new one they would spoil it.
        for suffix in ["-wal", "-shm"] {
            try FileSystem.removeTree(path.removingLastComponent().appending("ledger.sqlite\(suffix)"))
        }
        return name
    }

    private static func isDamage(_ error: DatabaseError) -> Bool {
        error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
            // A table or column that is missing although the version says it is there.
            || error.resultCode == .SQLITE_ERROR
    }

    private static func rethrowing<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw operatorError(error, nil)
        } catch let error as RowDecodingError {
            throw operatorError(DatabaseError(resultCode: .SQLITE_MISMATCH, message: "\(type(of: error))"), nil)
        }
    }

    private static func operatorError(_ error: DatabaseError, _ path: FilePath?) -> OperatorError {
        let noRoom: [ResultCode] = [.SQLITE_FULL, .SQLITE_READONLY, .SQLITE_IOERR, .SQLITE_CANTOPEN]
        return OperatorError(
            "ledger", doing: "using the ledger", subject: path?.printable,
            reason: printable(error.message ?? "SQLite error \(error.resultCode.rawValue)", limit: 120),
            advice: "free space or mend the folder's mode; `history --rebuild` makes the ledger anew",
            exit: noRoom.contains(error.resultCode) ? .cannotWrite : .failure,
            isTemporary: error.resultCode == .SQLITE_BUSY)
    }
}

/// A row of the ledger.
public struct LedgerEntry: Sendable, Hashable, Codable {
    public var sequence: Int64
    public var runId: String
    public var job: String
    public var kind: JobKind
    public var state: RunRecord.State
    public var outcome: RunOutcome?
    public var dryRun: Bool
    public var trigger: RunRecord.Trigger.Kind
    public var startedAt: Timestamp
    public var finishedAt: Timestamp?
    public var durationMs: Int64?
    public var exitCode: Int?
    public var errorType: String?
    public var errorMessage: String?
    public var errorStep: String?
    public var changed: Bool?
    public var bytes: Int64?
    /// How many warnings the run left.
    public var warnings: Int
}

extension LedgerEntry {
    /// What ``init(_:)`` reads.
    fileprivate static let columns = """
        sequence, run_id, job, kind, state, outcome, dry_run, trigger_type, started_at, finished_at, duration_ms, exit_code, error_type,
        error_message, error_step, changed, bytes, warnings
        """

    /// Nil for a row that no version of this program wrote; throws `RowDecodingError` for a value of another type.
    fileprivate init?(_ row: Row) throws {
        guard let kind = JobKind(rawValue: try row.decode(forColumn: "kind")),
            let state = RunRecord.State(rawValue: try row.decode(forColumn: "state")),
            let trigger = RunRecord.Trigger.Kind(rawValue: try row.decode(forColumn: "trigger_type"))
        else { return nil }
        sequence = try row.decode(forColumn: "sequence")
        runId = try row.decode(forColumn: "run_id")
        job = try row.decode(forColumn: "job")
        self.kind = kind
        self.state = state
        self.trigger = trigger
        outcome = try row.decode(String?.self, forColumn: "outcome").flatMap(RunOutcome.init)
        dryRun = try row.decode(forColumn: "dry_run")
        startedAt = Timestamp(microseconds: try row.decode(forColumn: "started_at"))
        finishedAt = try row.decode(Int64?.self, forColumn: "finished_at").map(Timestamp.init(microseconds:))
        durationMs = try row.decode(forColumn: "duration_ms")
        exitCode = try row.decode(forColumn: "exit_code")
        errorType = try row.decode(forColumn: "error_type")
        errorMessage = try row.decode(forColumn: "error_message")
        errorStep = try row.decode(forColumn: "error_step")
        changed = try row.decode(forColumn: "changed")
        bytes = try row.decode(forColumn: "bytes")
        warnings = try row.decode(forColumn: "warnings")
    }
}
