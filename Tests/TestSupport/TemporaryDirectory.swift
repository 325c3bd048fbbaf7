internal import Glibc
internal import Support
public import SystemPackage

/// A folder that lives as long as this object; kept when HERMES_OPS_KEEP_TEMPORARY is set.
public final class TemporaryDirectory: Sendable {
    public let path: FilePath
    private let isOwned: Bool

    public init() throws {
        let parent = getenv("TMPDIR").map { FilePath(platformString: $0) } ?? "/tmp"
        path = parent.appending("hermes-ops-test-\(hex(randomBytes(8)))")
        isOwned = true
        try FileSystem.makeDirectory(path)
    }

    /// The folder of another process; it is not removed here.
    public init(adopting path: FilePath) {
        self.path = path
        isOwned = false
    }

    deinit {
        if isOwned, getenv("HERMES_OPS_KEEP_TEMPORARY") == nil { try? FileSystem.removeTree(path) }
    }

    /// Writes a file below the folder, making the folders on the way.
    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8], permissions: UInt32 = 0o600) throws -> FilePath {
        let target = path.pushing(FilePath(name))
        try FileSystem.makeDirectory(target.removingLastComponent())
        try FileSystem.replace(target, with: bytes, permissions: permissions)
        return target
    }

    /// Writes a text file below the folder, making the folders on the way.
    @discardableResult
    public func write(_ name: String, _ text: String, permissions: UInt32 = 0o600) throws -> FilePath {
        try write(name, Array(text.utf8), permissions: permissions)
    }
}
