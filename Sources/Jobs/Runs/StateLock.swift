internal import Glibc
internal import Support
internal import SystemPackage

/// Short locks within the state directory, `STATE/locks/NAME.lock`.
enum StateLock {
    static func path(_ stateDirectory: FilePath, _ name: String) throws -> FilePath {
        let folder = stateDirectory.appending("locks")
        try FileSystem.makeDirectory(folder)
        return folder.appending("\(name).lock")
    }

    /// Takes a lock that others hold for moments only; waits at most 20 seconds, blocking the thread.
    static func wait(_ stateDirectory: FilePath, _ name: String) throws -> FileLock {
        let path = try path(stateDirectory, name)
        for _ in 0..<1000 {
            if let lock = try FileLock(path) { return lock }
            usleep(20_000)
        }
        throw OperatorError(
            "locked", doing: "waiting for the lock", subject: path.printable,
            reason: "another process has held it for 20 seconds",
            isTemporary: true)
    }
}
