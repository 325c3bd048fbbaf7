internal import Support
public import SystemPackage

/// Everything about a tree that a reader may not change: names, kinds, modes, owners, sizes, inodes, mtimes and bytes.
public struct TreeFingerprint: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public var status: String
        public var digest: String
    }

    public private(set) var entries: [String: Entry] = [:]

    public init(_ root: FilePath) throws {
        func describe(_ path: FilePath, _ status: FileStatus) throws -> Entry {
            let content = status.kind == .file ? hex(Digest.of(try FileSystem.read(path, limit: 1 << 30), .sha256)) : ""
            return Entry(
                status:
                    "\(status.kind) \(status.permissions) \(status.owner) \(status.size) \(status.inode) \(status.modified)",
                digest: content)
        }
        entries["."] = try describe(root, FileStatus(following: root))
        try DirectoryWalk(root).run { entry in
            entries[printable(entry.path)] = try describe(root.pushing(FilePath(bytes: entry.path)), entry.status)
            return .descend
        } failing: { _, error in
            throw error
        }
    }

    /// The names whose entry differs, with both sides: what an expectation shows.
    public func differences(from other: TreeFingerprint) -> [String] {
        Set(entries.keys).union(other.entries.keys).sorted().filter { entries[$0] != other.entries[$0] }.map {
            "\($0): \(entries[$0].map(\.status) ?? "-") / \(other.entries[$0].map(\.status) ?? "-")"
        }
    }
}
