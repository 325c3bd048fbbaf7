internal import GRDBSQLite
internal import Glibc
internal import Support
internal import SystemPackage

/// One connection to an SQLite file. Used from one thread at a time.
final class SQLiteConnection {
    enum Access: String {
        /// The file cannot change: no locks, no look at -wal and -shm.
        case immutable = "mode=ro&immutable=1"
        /// Reads through -wal and -shm without writing to them: neither is created, and -shm keeps its content and time. Without
        /// them, under the locks of a rollback journal.
        case readOnlySharedMemory = "mode=ro&readonly_shm=1"
        case readWrite = "mode=rw"
    }

    struct Failure: Error {
        let code: Int32
        let reason: String

        /// The errno for what failed in writing, or for want of memory; nil for everything else.
        var writing: Int32? {
            // SQLITE_IOERR_WRITE, _FSYNC and _TRUNCATE, macros that Swift does not see.
            let failedWrites = [3, 4, 6].map { SQLITE_IOERR | $0 << 8 }
            if code & 0xff == SQLITE_FULL { return ENOSPC }
            if code & 0xff == SQLITE_NOMEM { return ENOMEM }
            return failedWrites.contains(code) ? EIO : nil
        }
    }

    /// What the busy handler looks at.
    private final class Patience {
        let milliseconds: Int
        let cancellation: CancellationFlag
        init(_ patience: Duration, _ cancellation: CancellationFlag) {
            milliseconds = Int(patience / .milliseconds(1))
            self.cancellation = cancellation
        }
    }

    let handle: OpaquePointer
    private let patience: Patience

    /// `patience`: how long a lock of somebody else is waited for.
    init(
        _ path: FilePath, _ access: Access, patience: Duration = .seconds(10), _ cancellation: CancellationFlag
    ) throws {
        LiveDatabases.leaveOwnersAlone()
        self.patience = Patience(patience, cancellation)
        var handle: OpaquePointer?
        let flags =
            (access == .readWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY)
            | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let status = sqlite3_open_v2(Self.uri(path, access), &handle, flags, nil)
        guard status == SQLITE_OK, let handle else {
            let failure = Failure(code: status, reason: String(cString: sqlite3_errstr(status)))
            sqlite3_close_v2(handle)
            throw failure
        }
        self.handle = handle
        // Asked again each millisecond: SQLite's own handler soon waits for a hundred, and never meets the moment between two
        // transactions of a writer that does not pause.
        sqlite3_busy_handler(
            handle,
            { context, asked in
                guard let context else { return 0 }
                let patience = Unmanaged<Patience>.fromOpaque(context).takeUnretainedValue()
                guard Int(asked) < patience.milliseconds, !patience.cancellation.isCancelled else { return 0 }
                usleep(1000)
                return 1
            }, Unmanaged.passUnretained(self.patience).toOpaque())
    }

    deinit { sqlite3_close_v2(handle) }

    /// Ends what another thread is doing with this connection.
    func interrupt() { sqlite3_interrupt(handle) }

    /// Runs a statement and hands each row to `row`: a text value by column, nil for NULL.
    func query(_ sql: String, row: (_ column: (Int32) -> String?) -> Void = { _ in }) throws {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(handle, sql, -1, &statement, nil))
        defer { sqlite3_finalize(statement) }
        while true {
            let status = sqlite3_step(statement)
            if status == SQLITE_DONE { return }
            guard status == SQLITE_ROW else { return try check(status) }
            row { column in sqlite3_column_text(statement, column).map { String(cString: $0) } }
        }
    }

    /// The first value of the first row as a number.
    func number(_ sql: String) throws -> Int64? {
        var number: Int64?
        try query(sql) { column in if number == nil { number = column(0).flatMap { Int64($0) } } }
        return number
    }

    func check(_ status: Int32) throws {
        guard status == SQLITE_OK else { throw Failure(code: status, reason: String(cString: sqlite3_errmsg(handle))) }
    }

    /// Copies the whole database into another. This connection is in a read transaction, so that no writer makes it begin anew.
    /// Between steps of some MiB cancellation ends it.
    func backup(to target: SQLiteConnection, _ cancellation: CancellationFlag) throws {
        guard let backup = sqlite3_backup_init(target.handle, "main", handle, "main") else {
            throw Failure(code: sqlite3_errcode(target.handle), reason: String(cString: sqlite3_errmsg(target.handle)))
        }
        var status = SQLITE_OK
        while status == SQLITE_OK, !cancellation.isCancelled { status = sqlite3_backup_step(backup, 4096) }
        let end = sqlite3_backup_finish(backup)
        try cancellation.check()
        guard status == SQLITE_DONE, end == SQLITE_OK else {
            throw Failure(code: status, reason: String(cString: sqlite3_errstr(status)))
        }
    }

    /// A file: URI; every byte that is not plain is percent-encoded, so that a path need not be UTF-8.
    private static func uri(_ path: FilePath, _ access: Access) -> String {
        var text = "file:"
        for byte in path.bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%" + hex([byte])
            }
        }
        return text + "?" + access.rawValue
    }
}
