internal import Support

/// What tells a file and its content from others without reading it.
struct FileStamp: Sendable, Hashable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    /// Nanoseconds since the epoch.
    var modified: Int64
    var changed: Int64
    /// `mode & 0o7777`
    var permissions: UInt32

    init(_ status: FileStatus) {
        device = status.device
        inode = status.inode
        size = status.size
        permissions = status.permissions
        // Far times fall together; the change time, which nobody can set, still tells of a change.
        modified = Int64(clamping: status.modified)
        changed = Int64(clamping: status.changed)
    }

    init(device: UInt64, inode: UInt64, size: Int64, modified: Int64, changed: Int64, permissions: UInt32) {
        self.device = device
        self.inode = inode
        self.size = size
        self.modified = modified
        self.changed = changed
        self.permissions = permissions
    }

    /// Whether a file read at `moment` (nanoseconds of the wall clock) shows any later change in its times.
    func isSettled(at moment: Int64) -> Bool { max(modified, changed) < moment - StatCache.settling }
}
