internal import Support
internal import SystemPackage

/// A folder of this process for private copies of databases, 0700. What a process that died left behind is swept by the next one;
/// only folders of processes that are gone are touched.
final class BundleStaging {
    let path: FilePath
    private static let prefix = "bundle-"

    init(_ parent: FilePath) throws {
        try FileSystem.makeDirectory(parent)
        try Self.sweep(parent)
        let me = ProcessIdentity.current
        path = parent.appending("\(Self.prefix)\(me.pid)-\(me.startTime)-\(me.bootID)-\(hex(randomBytes(4)))")
        try FileSystem.makeDirectory(path)
    }

    /// Removes what processes that are gone left in a folder for such folders.
    static func sweep(_ parent: FilePath) throws {
        for name in try DirectoryListing.names(at: parent) {
            guard let owner = owner(String(decoding: name, as: UTF8.self)), !owner.isAlive else { continue }
            try FileSystem.removeTree(parent.pushing(FilePath(bytes: name)))
        }
    }

    /// Removing it is not worth an error: the next run sweeps.
    func remove() { try? FileSystem.removeTree(path) }

    private static func owner(_ name: String) -> ProcessIdentity? {
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: "-")
        guard parts.count == 4, let pid = Int32(parts[0]), let startTime = UInt64(parts[1]) else { return nil }
        return ProcessIdentity(pid: pid, startTime: startTime, bootID: String(parts[2]))
    }
}
