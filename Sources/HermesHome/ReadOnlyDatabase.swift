internal import GRDBSQLite
internal import Glibc
internal import Support
internal import SystemPackage

/// An SQLite file of a home, read as it stands while Hermes writes it, and left as it was: no byte, no mtime, no -wal, no -shm.
///
/// How (measured with SQLite 3.40, see the tests; a plain `mode=ro` creates a missing -wal and -shm and writes into a -shm):
/// - a -shm is there (a process has the file open, or died with it): `mode=ro` with `readonly_shm=1`, which maps it read-only and, when
///   nobody else holds it, reads the -wal into private memory;
/// - a -wal with content but no -shm: a private copy of both, verified unchanged;
/// - neither: `immutable=1`, verified unchanged afterwards;
/// - a rollback journal (journal_mode=DELETE, as Hermes uses on NFS): the same open makes no file; a hot journal cannot be read.
///
/// A -wal with content is what SQLite goes by, whatever mode the file's header names.
final class ReadOnlyDatabase {
    private let handle: OpaquePointer
    private let copy: PrivateCopy?

    /// Runs a body over the database at a path; nil when there is no such file.
    ///
    /// A write that got in between is met by trying again. `body` may run more than once. `cancellation` ends queries and copies.
    static func read<Value>(
        _ path: FilePath, cancellation: CancellationFlag? = nil,
        _ body: (ReadOnlyDatabase) throws(HomeFailure) -> Value
    ) throws(HomeFailure) -> Value? {
        PrivateCopy.sweepOnce
        var last = HomeFailure(.timeout, "\(path.printable): it kept changing while it was read")
        for attempt in 0..<5 {
            if cancellation?.isCancelled == true { break }
            if attempt > 0 { usleep(20_000) }
            guard let before = try State(path) else { return nil }
            do throws(HomeFailure) {
                let database = try ReadOnlyDatabase(path, before, cancellation)
                let value = try body(database)
                // immutable=1 and the copy look away from other processes; there a change means that the answer may be torn.
                let isGuarded = before.access == .sharedMemory || before.access == .plain
                let after = isGuarded ? before : try State(path)
                guard after == before else { continue }
                return value
            } catch {
                last = error
                // What failed over a file that changed meanwhile says nothing about the file.
                if (try State(path)) == before, error.reason != .timeout { throw error }
            }
        }
        throw last
    }

    private enum Access { case sharedMemory, copy, immutable, plain }

    /// The files that decide how to open the database.
    private struct State: Equatable {
        var database: FileStatus
        var log: FileStatus?
        var access: Access

        init?(_ path: FilePath) throws(HomeFailure) {
            guard let database = try HomeFile.status(path) else { return nil }
            guard database.kind == .file else {
                throw HomeFailure(.badOutput, "\(path.printable): it is a \(database.kind.rawValue), not a file")
            }
            self.database = database
            guard let file = try HomeFile.open(path) else { return nil }
            defer { file.closeQuietly() }
            let header: [UInt8]
            do {
                header = try [UInt8](unsafeUninitializedCapacity: 100) { buffer, count in
                    count = try file.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
                }
            } catch {
                throw HomeFailure(.badOutput, "\(path.printable): it cannot be read")
            }
            guard header.starts(with: Array("SQLite format 3\0".utf8)), header.count == 100 else {
                throw HomeFailure(.badOutput, "\(path.printable): it is not an SQLite database")
            }
            for suffix in ["-wal", "-shm", "-journal"] {
                guard let side = try HomeFile.status(path.suffixed(suffix)), side.kind != .file else { continue }
                // SQLite would open it, and wait for a FIFO.
                throw HomeFailure(
                    .badOutput, "\(path.suffixed(suffix).printable): it is a \(side.kind.rawValue), not a file")
            }
            log = try HomeFile.status(path.suffixed("-wal"))
            // Bytes 18 and 19 are the file format versions: 2 means write-ahead log.
            let hasLog = (log?.size ?? 0) > 0
            guard header[18] == 2 || header[19] == 2 || hasLog else {
                access = .plain
                return
            }
            if try HomeFile.status(path.suffixed("-shm"))?.kind == .file {
                access = .sharedMemory
            } else {
                access = hasLog ? .copy : .immutable
            }
        }
    }

    private init(_ path: FilePath, _ state: State, _ cancellation: CancellationFlag?) throws(HomeFailure) {
        var target = path
        var copy: PrivateCopy?
        if state.access == .copy {
            let made = try PrivateCopy(of: path, cancellation: cancellation)
            copy = made
            target = made.database
        }
        let options =
            switch state.access {
            case .sharedMemory, .plain: "mode=ro&readonly_shm=1"
            case .immutable: "mode=ro&immutable=1"
            case .copy: "mode=rw"
            }
        LiveDatabases.leaveOwnersAlone()
        var opened: OpaquePointer?
        let flags =
            (state.access == .copy ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_URI
            | SQLITE_OPEN_NOMUTEX
        let status = sqlite3_open_v2("file:\(Self.escaped(target))?\(options)", &opened, flags, nil)
        guard let opened, status == SQLITE_OK else {
            if let opened { sqlite3_close_v2(opened) }
            throw Self.failure(status, path)
        }
        handle = opened
        self.copy = copy
        steps.initialize(to: Steps(cancellation: cancellation))
        // No value that is asked for is long: a row may say a gigabyte of text is a name. Other columns may be as long as they like.
        sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 20)
        // A file may carry a schema of its own making: no function of ours runs from it.
        try run("PRAGMA trusted_schema=OFF")
        try run("PRAGMA query_only=ON")
        try run("PRAGMA temp_store=MEMORY")
        let timeout = sqlite3_busy_timeout(handle, 500)
        guard timeout == SQLITE_OK else { throw Self.failure(timeout, path) }
        // All queries of one reading see one state of the database; closing ends the transaction.
        try run("BEGIN")
        // No query over a home takes longer than a few seconds; a damaged file may send SQLite in circles.
        sqlite3_progress_handler(
            handle, 100_000,
            { context in
                guard let steps = context?.assumingMemoryBound(to: Steps.self) else { return 0 }
                steps.pointee.count += 1
                return steps.pointee.count > 20_000 || steps.pointee.cancellation?.isCancelled == true ? 1 : 0
            }, steps)
    }

    /// How far queries have gone, and whether anybody still waits for them.
    private struct Steps {
        var count = 0
        var cancellation: CancellationFlag?
    }

    private let steps = UnsafeMutablePointer<Steps>.allocate(capacity: 1)

    deinit {
        // Every statement is finalized where it is made, so that this cannot fail.
        sqlite3_close_v2(handle)
        steps.deinitialize(count: 1)
        steps.deallocate()
    }

    enum Value: Hashable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        case blob(Int)

        var integer: Int64? {
            switch self {
            case .integer(let value): value
            case .real(let value): Int64(exactly: value.rounded(.down))
            default: nil
            }
        }

        var real: Double? {
            switch self {
            case .integer(let value): Double(value)
            case .real(let value): value
            default: nil
            }
        }

        var text: String? {
            if case .text(let value) = self { value } else { nil }
        }
    }

    /// The rows of a query, at most `limit`.
    func rows(_ sql: String, _ parameters: [Value] = [], limit: Int = 10_000) throws(HomeFailure) -> [[Value]] {
        var statement: OpaquePointer?
        let prepared = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
        guard prepared == SQLITE_OK, let statement else { throw Self.failure(prepared, message) }
        defer { sqlite3_finalize(statement) }
        for (index, parameter) in parameters.enumerated() {
            let position = Int32(index + 1)
            let bound =
                switch parameter {
                case .null, .blob: sqlite3_bind_null(statement, position)
                case .integer(let value): sqlite3_bind_int64(statement, position, value)
                case .real(let value): sqlite3_bind_double(statement, position, value)
                case .text(let value):
                    sqlite3_bind_text(
                        statement, position, value, -1, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
                }
            guard bound == SQLITE_OK else { throw Self.failure(bound, message) }
        }
        var rows: [[Value]] = []
        while rows.count < limit {
            let status = sqlite3_step(statement)
            if status == SQLITE_DONE { break }
            guard status == SQLITE_ROW else { throw Self.failure(status, message) }
            rows.append((0..<sqlite3_column_count(statement)).map { Self.column(statement, $0) })
        }
        return rows
    }

    /// The single integer of a query; nil for NULL or no row.
    func integer(_ sql: String, _ parameters: [Value] = []) throws(HomeFailure) -> Int64? {
        try rows(sql, parameters, limit: 1).first?.first?.integer
    }

    /// The columns of a table; empty when there is no such table.
    func columns(of table: String) throws(HomeFailure) -> Set<String> {
        Set(try rows("SELECT name FROM pragma_table_info(?)", [.text(table)]).compactMap { $0.first?.text })
    }

    private func run(_ sql: String) throws(HomeFailure) { _ = try rows(sql) }

    private var message: String { String(cString: sqlite3_errmsg(handle)) }

    private static func column(_ statement: OpaquePointer, _ index: Int32) -> Value {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: .integer(sqlite3_column_int64(statement, index))
        case SQLITE_FLOAT: .real(sqlite3_column_double(statement, index))
        case SQLITE_TEXT: sqlite3_column_text(statement, index).map { .text(String(cString: $0)) } ?? .null
        case SQLITE_BLOB: .blob(Int(sqlite3_column_bytes(statement, index)))
        default: .null
        }
    }

    private static func failure(_ status: Int32, _ path: FilePath) -> HomeFailure {
        failure(status, "\(path.printable): \(String(cString: sqlite3_errstr(status)))")
    }

    /// SQLite's messages name tables and columns, never what is in them.
    private static func failure(_ status: Int32, _ detail: String) -> HomeFailure {
        let reason: HomeFailure.Reason =
            switch status & 0xFF {
            case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_INTERRUPT, SQLITE_PROTOCOL: .timeout
            case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_IOERR, SQLITE_FORMAT: .badOutput
            case SQLITE_PERM, SQLITE_AUTH: .permission
            case SQLITE_ERROR, SQLITE_TOOBIG: .unsupported
            default: .internal
            }
        return HomeFailure(reason, printable(detail, limit: 200))
    }

    /// A path as it stands in an SQLite URI, byte for byte.
    private static func escaped(_ path: FilePath) -> String {
        var out = ""
        for byte in path.bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "%" + hex([byte])
            }
        }
        return out
    }
}

extension FilePath {
    /// The path with something appended to its last component.
    func suffixed(_ suffix: String) -> FilePath { FilePath(bytes: bytes + Array(suffix.utf8)) }
}
