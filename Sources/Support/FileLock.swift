internal import CLinux
internal import Glibc
public import SystemPackage

/// An exclusive flock(2) that dies with its process and so cannot go stale. The file says who holds it, for people to read; the
/// file itself stays behind.
public final class FileLock {
    private let descriptor: FileDescriptor

    /// Takes the lock, or returns nil if another process holds it.
    public convenience init?(_ path: FilePath) throws {
        try self.init(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        let me = ProcessIdentity.current
        let text = #"{"pid":\#(me.pid),"startTime":\#(me.startTime),"bootId":"\#(me.bootID)"}"# + "\n"
        // What the file says is for people: if it cannot be written the lock holds all the same.
        if ftruncate(descriptor.rawValue, 0) == 0 {
            _ = try? descriptor.writeAll(toAbsoluteOffset: 0, text.utf8)
        }
    }

    /// Takes a lock on a folder itself, for what makes the place where a lock's file would be; nil if another process holds it.
    public convenience init?(folder: FilePath) throws { try self.init(folder, O_RDONLY | O_DIRECTORY) }

    /// Takes a lock on a file that is there, and leaves it as it is; nil if another process holds it.
    public convenience init?(file: FilePath) throws { try self.init(file, O_RDONLY | O_NOFOLLOW) }

    private init?(_ path: FilePath, _ flags: Int32) throws {
        let raw = path.withPlatformString { hx_openat(AT_FDCWD, $0, flags | O_CLOEXEC, 0o600) }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "opening the lock", subject: path.printable) }
        let file = FileDescriptor(rawValue: raw)
        while flock(raw, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            try? file.close()
            if code == EWOULDBLOCK { return nil }
            throw OperatorError.system(code, doing: "locking", subject: path.printable)
        }
        // Only now: an object that has all it needs is deinitialised when its init fails, and would close a descriptor twice, the
        // second time perhaps somebody else's.
        descriptor = file
    }

    deinit { descriptor.closeUnlocked() }
}

extension FileDescriptor {
    /// Closes a descriptor under whose flock(2) something was done, the lock given up first: a process that is being started holds a
    /// copy of the descriptor until its exec, and closing alone would leave it the lock.
    public func closeUnlocked() {
        _ = flock(rawValue, LOCK_UN)
        closeQuietly()
    }
}
