internal import Bundles
internal import Sanitizer
internal import Support

/// What a backup says is in it, whichever kind it is: the yardstick of a drill's checks.
struct Expectations: Sendable {
    struct Entry: Sendable {
        /// Relative to the home, components joined with `/`.
        var path: [UInt8]
        var kind: FileStatus.Kind
        /// Permission bits without set-id and sticky bits, which are not restored; nil where the source does not keep them.
        var permissions: UInt32?
        var size: Int64 = 0
        /// Lower-case hexadecimal; nil for what has no content.
        var sha256: String?
        var linkTarget: [UInt8]?
    }

    struct Database: Sendable {
        /// Relative to the home.
        var path: [UInt8]
        /// Whether it was sound when it was taken.
        var wasSound: Bool
        var rowCounts: [String: Int64]
    }

    var instance: String
    /// The home itself is not among them.
    var entries: [Entry]
    /// Permission bits of the home itself.
    var homePermissions: UInt32 = 0o700
    var databases: [Database] = []
    /// By jobs.json, relative to the home; nil where the source does not say.
    var cronJobs: [String: [String]]?
    /// Number of SKILL.md files; nil where the source does not say.
    var skills: Int?
    /// Entries by memory file, relative to the home; nil where the source does not say.
    var memories: [String: Int]?
    /// What a person has to give again.
    var secretsToProvide: [Manifest.Needed] = []
}

extension Expectations {
    /// From the manifest of a sanitized tree. The canary is checked where it lies and does not become part of the home.
    init(_ manifest: Manifest) {
        instance = manifest.instance
        entries = manifest.entries.filter { $0.path != Canary.path }.map { entry in
            Entry(
                path: entry.path, kind: entry.kind == .symlink ? .symlink : .file,
                permissions: entry.kind == .symlink ? nil : entry.mode & 0o777, size: entry.size, sha256: entry.sha256,
                linkTarget: entry.target)
        }
        cronJobs = Dictionary(manifest.counts.cronJobs.map { ($0.file, $0.ids) }) { first, _ in first }
        skills = manifest.counts.skills
        memories = Dictionary(manifest.counts.memories.map { ($0.file, $0.entries) }) { first, _ in first }
        secretsToProvide = manifest.secretsToProvide
    }

    /// From the manifest of a bundle: what stands below its folder `home`.
    init(_ manifest: BundleManifest) {
        let top = Array("home/".utf8)
        instance = manifest.instance
        entries = []
        for entry in manifest.entries {
            if entry.path.bytes == Array("home".utf8) { homePermissions = entry.permissions & 0o777 }
            guard entry.path.bytes.starts(with: top) else { continue }
            let kind: FileStatus.Kind =
                switch entry.kind {
                case .file: .file
                case .directory: .directory
                case .symlink: .symlink
                }
            entries.append(
                Entry(
                    path: Array(entry.path.bytes.dropFirst(top.count)), kind: kind,
                    permissions: kind == .symlink ? nil : entry.permissions & 0o777, size: entry.size ?? 0,
                    sha256: entry.sha256, linkTarget: entry.target?.bytes))
        }
        databases = manifest.databases.compactMap { database in
            guard database.path.bytes.starts(with: top) else { return nil }
            return Database(
                path: Array(database.path.bytes.dropFirst(top.count)), wasSound: database.isSound,
                rowCounts: database.rows)
        }
    }

    /// The same with another backup laid over it: what both name is as the other has it.
    func overlaid(by other: Expectations) -> Expectations {
        var merged = other
        let named = Set(other.entries.map(\.path))
        merged.entries += entries.filter { !named.contains($0.path) }
        // The bundle holds the values; only what neither carries is still to be given.
        merged.secretsToProvide = []
        return merged
    }
}
