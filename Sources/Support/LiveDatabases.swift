internal import GRDBSQLite
internal import Glibc

/// SQLite's ways with a live home.
public enum LiveDatabases {
    /// As root SQLite gives a -wal, -shm or -journal the owner of its database as it opens them, read-only or not: a change to a home that
    /// is only read, and to files that somebody else chose. From the first call on it leaves owners alone, in the whole process
    /// (sqlite3_vfs, xSetSystemCall).
    public static func leaveOwnersAlone() { _ = isDone }

    private static let isDone: Bool = {
        let nothing: @convention(c) (Int32, uid_t, gid_t) -> Int32 = { _, _, _ in 0 }
        guard let system = sqlite3_vfs_find(nil), let set = system.pointee.xSetSystemCall else { return false }
        return set(system, "fchown", unsafeBitCast(nothing, to: sqlite3_syscall_ptr.self)) == SQLITE_OK
    }()
}
