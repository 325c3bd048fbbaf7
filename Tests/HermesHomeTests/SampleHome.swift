import HermesHome
import Support
import SystemPackage
import TestSupport

/// A home made without Hermes, with the tables of Hermes Agent 0.19.0 as far as they are read.
struct SampleHome {
    static let python = findProgram("python3") ?? "/usr/bin/python3"

    let folder: TemporaryDirectory
    var path: FilePath { folder.path }
    var layout: HomeLayout { HomeLayout(path) }

    init() throws { folder = try TemporaryDirectory() }

    static let schema = """
        import sqlite3, sys, time
        db = sqlite3.connect(sys.argv[1], isolation_level=None)
        db.execute('PRAGMA journal_mode=' + (sys.argv[2] if len(sys.argv) > 2 else 'wal'))
        db.executescript('''
        CREATE TABLE IF NOT EXISTS schema_version(version INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS sessions(id TEXT PRIMARY KEY, source TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL,
            archived INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE IF NOT EXISTS messages(id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, role TEXT, content TEXT,
            timestamp REAL NOT NULL);
        CREATE INDEX IF NOT EXISTS idx_messages_session ON messages(session_id, timestamp);
        ''')
        """

    /// Makes state.db with Python's SQLite; `script` goes on with `db` open and may leave it in any state.
    func makeStateDatabase(_ script: String, journal: String = "wal") async throws {
        let result = try await runProgram(
            Self.python, ["-c", Self.schema + "\n" + script, path.appending("state.db").string, journal])
        guard result.status == 0 else { throw OperatorError("python", doing: "making state.db", reason: result.errors) }
    }
}
