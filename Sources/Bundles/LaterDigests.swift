internal import Synchronization

/// SHA-256 digests of files, with their places in the manifest, as other threads find them.
final class LaterDigests: Sendable {
    private let found = Mutex<[(place: Int, sha256: [UInt8])]>([])

    func add(_ sha256: [UInt8], at place: Int) { found.withLock { $0.append((place, sha256)) } }

    /// Those that came since the last time.
    func take() -> [(place: Int, sha256: [UInt8])] {
        found.withLock { found in
            defer { found = [] }
            return found
        }
    }
}
