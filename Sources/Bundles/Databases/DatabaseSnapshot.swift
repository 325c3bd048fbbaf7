internal import GRDBSQLite
internal import Glibc
internal import Support
internal import SystemPackage

/// One consistent state of a live SQLite file, taken without a trace: nothing is created beside it, nothing in it, in its -wal or
/// its -shm is written, no time changes.
///
/// How, by what lies there (all seen with SQLite 3.40; a plain `mode=ro` open leaves a new -wal and -shm behind):
/// - WAL mode, no -wal: nobody has it open. `immutable=1`, the file itself is the snapshot, and that it did not change is checked.
/// - WAL mode, -wal and -shm: a read transaction through `readonly_shm=1` pins one state, which is copied.
/// - WAL mode, -wal without -shm, or a hot rollback journal: recovery would have to write, so a private copy is recovered.
/// - rollback mode: a read transaction keeps writers off while the file itself is read.
///
/// A -wal with content makes it WAL mode whatever the file's header says: SQLite goes by the -wal as soon as there is one.
final class DatabaseSnapshot {
    /// The state's bytes.
    let source: any ByteSource
    let size: Int64
    private let description: Description
    /// The live file and what it was, when it is read itself.
    private let watched: (file: FileDescriptor, before: FileStatus)?
    private let connection: SQLiteConnection

    /// What the manifest will say of the state, found out on a thread of its own while its bytes are read.
    private final class Description: @unchecked Sendable {
        // Unchecked: `database` is written before the stage ends and read after it was waited for.
        var database: BundleManifest.Database?
        var stage: Stage?
    }

    private static let attempts = 8
    /// How long a database that somebody has locked is waited for in all; then it is copied without SQLite's locks.
    static let patience = Duration.seconds(10)

    /// `connection` sees the state; it keeps its locks until ``describe(_:)`` has returned.
    private init(
        _ source: any ByteSource, size: Int64, _ connection: SQLiteConnection, _ name: BundlePath,
        watched: (FileDescriptor, FileStatus)? = nil, mayBeUnfinished: Bool = false
    ) throws {
        self.mayBeUnfinished = mayBeUnfinished
        self.source = source
        self.size = size
        self.watched = watched
        let description = Description()
        self.description = description
        self.connection = connection
        let shared = Transferred(connection)
        description.stage = try Stage { description.database = Self.describe(shared.value, name) }
    }

    deinit {
        let connection = connection
        connection.interrupt()
        // Again and again: what is interrupted is one statement.
        try? description.stage?.join { connection.interrupt() }
    }

    /// What the manifest says of the state. Cancellation ends the check.
    func describe(_ cancellation: CancellationFlag) throws -> BundleManifest.Database {
        try description.stage?.join { [connection] in if cancellation.isCancelled { connection.interrupt() } }
        try cancellation.check()
        guard let database = description.database else {
            throw OperatorError("database", doing: "checking a database", reason: "the check did not end")
        }
        return database
    }

    /// Whether what was read is still what lies there, asked after ``describe(_:)``. False: it changed under the reading and cannot be
    /// used.
    func isUnchanged() -> Bool {
        guard let watched else { return true }
        return (try? FileStatus(of: watched.file))?.isSameContent(as: watched.before) == true
    }

    /// Whether a file starts as an SQLite database does.
    static func isDatabase(_ start: UnsafeRawBufferPointer) -> Bool {
        start.starts(with: Array("SQLite format 3\0".utf8))
    }

    /// Whether its writer never gave up its lock and keeps no journal: what it had begun and not ended may be in the state.
    let mayBeUnfinished: Bool

    /// Takes a snapshot. `file` is the open database; `name` its path relative to the home; `copying` makes a copy first in every
    /// case. Throws `SQLiteConnection.Failure` when SQLite cannot read it, ``Replaced`` when the path is another file's by now, and an
    /// ``OperatorError`` when no copy can be made.
    static func take(
        _ path: FilePath, file: FileDescriptor, name: BundlePath, staging: FilePath, copying: Bool,
        patience: Duration = patience, _ cancellation: CancellationFlag
    ) throws -> DatabaseSnapshot {
        var failure: any Error = SQLiteConnection.Failure(code: SQLITE_BUSY, reason: "it never stood still")
        let deadline = ContinuousClock.now + patience
        for attempt in 0..<attempts {
            try cancellation.check()
            do {
                try requireReadableLogs(path)
                // The last attempts do without SQLite's own locks, for a -shm that cannot be used as it lies there, and for a lock
                // that is not given up.
                let left = ContinuousClock.now.duration(to: deadline)
                let way: Way =
                    attempt >= attempts - 2 || left <= .zero
                    ? .privately : copying || attempt > 2 ? .copied : .inPlace
                if let snapshot = try once(
                    path, file: file, name: name, staging: staging, way, patience: max(left, .zero), cancellation)
                {
                    return snapshot
                }
            } catch let error as Errno {
                guard FileStatus.isName(path, of: file) else { throw Replaced() }
                throw SQLiteConnection.Failure(code: SQLITE_IOERR, reason: errorText(error.rawValue))
            } catch let error as SQLiteConnection.Failure {
                try cancellation.check()
                guard FileStatus.isName(path, of: file) else { throw Replaced() }
                if let code = error.writing {
                    // The database itself is only ever read.
                    throw OperatorError.system(
                        code, doing: "copying the database \(name) to", subject: staging.printable, exit: .cannotWrite)
                }
                failure = error
                // What a second look may mend: somebody recovers, checkpoints or has just gone.
                let passing = [SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL, SQLITE_READONLY, SQLITE_CANTOPEN]
                guard passing.contains(error.code & 0xff) else { throw error }
            }
            usleep(UInt32(20_000 << min(attempt, 4)))
        }
        throw failure
    }

    /// The path leads to another file than the one that is read.
    struct Replaced: Error {}

    /// SQLite takes a log that it cannot open for one that is not there, and waits for a FIFO.
    private static func requireReadableLogs(_ path: FilePath) throws {
        for suffix in ["-wal", "-shm", "-journal"] {
            let side = FilePath(bytes: path.bytes + suffix.utf8)
            guard let status = try status(ofLog: side) else { continue }
            guard status.kind == .file else {
                throw SQLiteConnection.Failure(
                    code: SQLITE_PERM, reason: "its \(suffix) is a \(status.kind.rawValue), not a file")
            }
            // Without its -shm it is recovered from a copy.
            if suffix != "-shm" { try openLog(side)?.closeQuietly() }
        }
    }

    /// Nil where there is none, and can be none, for want of room in its name.
    private static func status(ofLog path: FilePath) throws -> FileStatus? {
        do throws(Errno) {
            return try FileStatus(at: path)
        } catch .noSuchFileOrDirectory, .fileNameTooLong, .notDirectory {
            return nil
        } catch {
            throw SQLiteConnection.Failure(
                code: SQLITE_PERM,
                reason: "\(printable(path.lastComponent?.string ?? "its log")): \(errorText(error.rawValue))")
        }
    }

    /// Nil where there is none.
    private static func openLog(_ path: FilePath) throws -> FileDescriptor? {
        do {
            return try FileSystem.openRegular(path, followingLinks: false)
        } catch let error as OperatorError {
            guard try status(ofLog: path) != nil else { return nil }
            throw SQLiteConnection.Failure(
                code: SQLITE_PERM, reason: "\(printable(path.lastComponent?.string ?? "its log")): \(error.reason)")
        }
    }

    private enum Way { case inPlace, copied, privately }

    private static func once(
        _ path: FilePath, file: FileDescriptor, name: BundlePath, staging: FilePath, _ way: Way,
        patience: Duration, _ cancellation: CancellationFlag
    ) throws -> DatabaseSnapshot? {
        func length(_ suffix: String) -> Int64? {
            (try? FileStatus(at: FilePath(bytes: path.bytes + suffix.utf8)))?.size
        }
        let before = try FileStatus(of: file)
        var version: UInt8 = 0
        _ = try withUnsafeMutableBytes(of: &version) { try file.read(fromAbsoluteOffset: 18, into: $0) }
        let wal = length("-wal")
        let isWAL = version == 2 || (wal ?? 0) > 0
        func recovered() throws -> DatabaseSnapshot? {
            try privateCopy(path, file, before, name, staging, isLocked: patience <= .zero, cancellation)
        }
        func open(_ access: SQLiteConnection.Access) throws -> SQLiteConnection {
            let connection = try pinned(try SQLiteConnection(path, access, patience: patience, cancellation))
            // What SQLite opened is what is read here.
            guard FileStatus.isName(path, of: file) else { throw Replaced() }
            return connection
        }
        if way == .privately { return try recovered() }
        let connection: SQLiteConnection
        if isWAL, let wal {
            if length("-shm") != nil {
                return try copy(try open(.readOnlySharedMemory), name, staging, cancellation)
            }
            if wal > 0 { return try recovered() }
            connection = try open(.immutable)
        } else if isWAL {
            connection = try open(.immutable)
        } else {
            do {
                // Should a -wal appear just now, the missing -shm is not made either.
                connection = try open(.readOnlySharedMemory)
            } catch let error as SQLiteConnection.Failure where error.code == readOnlyRollback {
                return try recovered()
            }
        }
        // Under a rollback journal's lock the file stands still from here on, and may have moved until here.
        let steady = isWAL ? before : try FileStatus(of: file)
        if way == .copied {
            let snapshot = try copy(connection, name, staging, cancellation)
            // The check reads the live file too.
            _ = try snapshot.describe(cancellation)
            return try FileStatus(of: file).isSameContent(as: steady) ? snapshot : nil
        }
        // The pages that the connection sees are the file: it is read as it lies there.
        let pages = try connection.number("PRAGMA page_count") ?? 0
        let size = pages * (try connection.number("PRAGMA page_size") ?? 0)
        let now = try FileStatus(of: file)
        guard now.isSameContent(as: steady), size == now.size else { return nil }
        return try DatabaseSnapshot(
            PositionedSource(file), size: size, connection, name, watched: (file, steady))
    }

    /// SQLITE_READONLY_ROLLBACK, a macro that Swift does not see: a journal has to be rolled back first.
    private static let readOnlyRollback = SQLITE_READONLY | 3 << 8

    /// Starts a read transaction, which stays at one state until the connection closes.
    private static func pinned(_ connection: SQLiteConnection) throws -> SQLiteConnection {
        try connection.query("BEGIN")
        try connection.query("SELECT count(*) FROM sqlite_schema")
        return connection
    }

    /// Copies the state that a connection is pinned to, which tells of each page that cannot be read. (`sqlite3_serialize` does not: it
    /// puts zeros in its place.)
    private static func copy(
        _ connection: SQLiteConnection, _ name: BundlePath, _ staging: FilePath, _ cancellation: CancellationFlag
    ) throws -> DatabaseSnapshot {
        let temporary = staging.appending("\(hex(randomBytes(8))).db")
        // Made here: SQLite does not say why it cannot make a file, and what it says is what it says of a database that it cannot open.
        let file = try create(temporary)
        let source = FileSource(file, name: "a database's copy")
        let target = try SQLiteConnection(temporary, .readWrite, cancellation)
        // From here on the copy has no name: it goes when this process goes, whatever ends it.
        _ = temporary.withPlatformString { unlink($0) }
        try target.query("PRAGMA journal_mode=OFF")
        try target.query("PRAGMA synchronous=OFF")
        try connection.backup(to: target, cancellation)
        return try DatabaseSnapshot(source, size: try FileStatus(of: file).size, connection, name)
    }

    /// A new file in the staging folder.
    private static func create(_ path: FilePath) throws -> FileDescriptor {
        do {
            return try FileDescriptor.open(
                path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
        } catch let error as Errno {
            throw writing(error, to: path)
        }
    }

    private static func writing(_ error: Errno, to path: FilePath) -> OperatorError {
        .system(error.rawValue, doing: "copying a database to", subject: path.printable, exit: .cannotWrite)
    }

    /// Copies the file and its logs, sees that none of them changed meanwhile, and recovers the copy.
    private static func privateCopy(
        _ path: FilePath, _ file: FileDescriptor, _ before: FileStatus, _ name: BundlePath, _ staging: FilePath,
        isLocked: Bool, _ cancellation: CancellationFlag
    ) throws -> DatabaseSnapshot? {
        let temporary = staging.appending("\(hex(randomBytes(8))).db")
        let copies = ["", "-wal", "-shm", "-journal"].map { FilePath(bytes: temporary.bytes + $0.utf8) }
        defer { for copy in copies { _ = copy.withPlatformString { unlink($0) } } }
        var logs: [(suffix: String, file: FileDescriptor, before: FileStatus)] = []
        defer { for log in logs { log.file.closeQuietly() } }
        for suffix in ["-wal", "-journal"] {
            guard let file = try openLog(FilePath(bytes: path.bytes + suffix.utf8)) else { continue }
            logs.append((suffix, file, try FileStatus(of: file)))
        }
        guard FileStatus.isName(path, of: file) else { throw Replaced() }
        try copyBytes(of: file, to: temporary, cancellation)
        for log in logs {
            try copyBytes(of: log.file, to: FilePath(bytes: temporary.bytes + log.suffix.utf8), cancellation)
        }
        guard try FileStatus(of: file).isSameContent(as: before) else { return nil }
        for log in logs { guard try FileStatus(of: log.file).isSameContent(as: log.before) else { return nil } }
        do {
            let connection = try SQLiteConnection(temporary, .readWrite, cancellation)
            try connection.query("SELECT count(*) FROM sqlite_schema")
            try connection.query("PRAGMA wal_checkpoint(TRUNCATE)")
        }
        // Recovered and closed, it has no log any more.
        let connection = try SQLiteConnection(temporary, .immutable, cancellation)
        try connection.query("SELECT count(*) FROM sqlite_schema")
        let copy = try FileSystem.openRegular(temporary)
        return try DatabaseSnapshot(
            FileSource(copy, name: "a database's copy"), size: try FileStatus(of: copy).size, connection, name,
            mayBeUnfinished: isLocked && logs.isEmpty)
    }

    /// Throws `Errno` where the file cannot be read.
    private static func copyBytes(of file: FileDescriptor, to path: FilePath, _ cancellation: CancellationFlag) throws {
        let target = try create(path)
        defer { target.closeQuietly() }
        let block = Block(capacity: 1 << 20)
        let source = PositionedSource(file)
        while true {
            try cancellation.check()
            block.count = try source.fill(block.whole)
            if block.count == 0 { return }
            do {
                try target.writeAll(block.bytes)
            } catch let error as Errno {
                throw writing(error, to: path)
            }
        }
    }

    /// What cannot be found out is a complaint.
    private static func describe(_ connection: SQLiteConnection, _ name: BundlePath) -> BundleManifest.Database {
        var complaints: [String] = []
        @discardableResult func attempt<Value>(_ body: () throws -> Value?) -> Value? {
            do {
                return try body()
            } catch {
                let reason = (error as? SQLiteConnection.Failure)?.reason ?? "it could not be checked"
                complaints.append(printable(reason, limit: 200))
                return nil
            }
        }
        attempt {
            try connection.query("PRAGMA integrity_check(10)") { complaints.append(printable($0(0) ?? "", limit: 200)) }
        }
        var tables: [String] = []
        attempt {
            try connection.query(
                """
                SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
                AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                """
            ) { if let name = $0(0) { tables.append(name) } }
        }
        var rows: [String: Int64] = [:]
        for table in tables {
            // A virtual table whose module is not there cannot be counted; that is no fault of the database.
            rows[table] = try? connection.number(
                "SELECT count(*) FROM \"\(table.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
            )
        }
        let version =
            tables.contains("schema_version") ? try? connection.number("SELECT max(version) FROM schema_version") : nil
        return BundleManifest.Database(
            path: name, copy: .snapshot, userVersion: attempt { try connection.number("PRAGMA user_version") },
            schemaVersion: version, integrityCheck: complaints, rows: rows)
    }
}

/// An open file from its start, the descriptor's own position left alone.
final class PositionedSource: ByteSource {
    private let file: FileDescriptor
    private var position: Int64 = 0

    init(_ file: FileDescriptor) { self.file = file }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try file.read(fromAbsoluteOffset: position, into: buffer)
        position += Int64(count)
        return count
    }
}
