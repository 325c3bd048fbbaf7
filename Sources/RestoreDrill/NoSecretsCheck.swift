internal import Sanitizer
internal import Support
internal import SystemPackage

/// `no-secrets`: the scanner finds nothing in what came out of the repository, file names and symlinks included.
enum NoSecretsCheck {
    /// - Parameter aside: the folder with the manifest and the canary, which are public too.
    static func run(
        _ home: FilePath, aside: FilePath, gate: Gate?, cancellation: CancellationFlag
    ) throws -> CheckFinding {
        guard let gate else { return .unknown("there is no scanner to look with") }
        var hits: [GateHit] = []
        var files: Int64 = 0
        for root in [home, aside] {
            let folder = try ConfinedDirectory(root)
            try DirectoryWalk(root).run { entry in
                try cancellation.check()
                switch entry.status.kind {
                case .file:
                    let file = try folder.openForReading(entry.path)
                    defer { file.closeQuietly() }
                    let bytes = try FileSystem.read(file, name: FilePath(bytes: entry.path), limit: 1 << 30)
                    hits += try gate.hits(in: bytes, name: entry.path)
                    files += 1
                case .symlink: hits += try gate.hits(in: try folder.readSymlink(entry.path), name: entry.path)
                default: break
                }
                return .descend
            } failing: { _, error in
                throw error
            }
        }
        return .judging(hits.map(\.description), ["files": files])
    }
}
