internal import Support
internal import SystemPackage

/// Which step from one commit to the next was under way: written before the branch moves, removed when work tree and index follow.
struct Journal: Equatable {
    var old: ObjectID?
    var new: ObjectID

    private static let heading = "hermes-ops-runner commit 1"

    static func path(in state: FilePath) -> FilePath { state.appending("journal") }

    /// The journal of an interrupted commit; nil if there is none. A broken one counts as none: it is written whole or not at all.
    static func read(in state: FilePath) throws -> Journal? {
        let path = path(in: state)
        guard (try? FileStatus(at: path)) != nil else { return nil }
        let lines = String(decoding: try FileSystem.read(path, limit: 4096), as: UTF8.self).split(separator: "\n")
        guard lines.count == 3, lines[0] == heading, let new = ObjectID(hex: lines[2]) else { return nil }
        return Journal(old: ObjectID(hex: lines[1]), new: new)
    }

    func write(in state: FilePath) throws {
        let text = "\(Self.heading)\n\(old?.description ?? "-")\n\(new)\n"
        try FileSystem.replace(Self.path(in: state), with: Array(text.utf8))
    }

    /// A journal that comes back after a power cut does no harm: what it tells of is looked through once more.
    static func remove(in state: FilePath) throws { try FileSystem.removeTree(path(in: state)) }
}
