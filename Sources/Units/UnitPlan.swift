internal import Support
public import SystemPackage

/// What an installation would change, found without changing anything.
public struct UnitPlan: Sendable {
    public enum Kind: String, Sendable {
        case add, change, remove
        /// A symlink stands there, as `systemctl mask` makes: it is left alone.
        case masked
    }

    public struct Change: Sendable {
        public var path: FilePath
        public var kind: Kind
        /// A unified diff; of a masked file the line that says so.
        public var diff: String
        var file: UnitFile?
    }

    /// In the order of the paths; files that are right already are not here.
    public var changes: [Change]
    /// Folders that the first run needs and that are not there.
    public var missingDirectories: [FilePath]
    /// Stores' folders that cannot be made because their parents are not there.
    public var unmountedStores: [FilePath]
    /// Jobs whose timer is new: each is run once at the end, because a persistent timer starts nothing for the time before it.
    public var firstRuns: [String]
    /// An earlier installation was interrupted: what its files said may be right already, but the manager may not know it yet.
    public var isUnfinished: Bool

    public var isEmpty: Bool {
        changes.allSatisfy { $0.kind == .masked } && missingDirectories.isEmpty && !isUnfinished
    }

    /// All diffs, one after the other.
    public var diff: String {
        changes.map(\.diff).joined()
            + (isUnfinished ? "# an earlier installation was interrupted, and would be finished\n" : "")
    }
}

extension UnitPlan {
    /// Compares the rendered files with what is there. Nil for `rendered` means that all of this program's files go.
    static func make(_ rendered: RenderedUnits?, flavour: UnitFlavour, layout: UnitLayout) throws -> UnitPlan {
        var changes: [Change] = []
        var wanted: Set<FilePath> = []
        for file in rendered?.files ?? [] {
            let path = layout.path(of: file)
            wanted.insert(path)
            if (try? FileStatus(at: path))?.kind == .symlink {
                changes.append(
                    Change(path: path, kind: .masked, diff: "# \(path.printable) is a symlink (masked): left alone\n"))
                continue
            }
            let old = try current(path)
            guard old != file.contents else { continue }
            let name = path.printable
            let diff = UnifiedDiff.text(old: old, new: file.contents, oldName: name, newName: name)
            changes.append(Change(path: path, kind: old == nil ? .add : .change, diff: diff, file: file))
        }
        for path in try ownFiles(flavour, layout) where !wanted.contains(path) {
            let name = path.printable
            let diff = UnifiedDiff.text(old: try current(path), new: nil, oldName: name, newName: name)
            changes.append(Change(path: path, kind: .remove, diff: diff))
        }
        changes.sort { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
        let added = Set(changes.filter { $0.kind == .add }.compactMap { $0.file?.name })
        let masked = Set(changes.filter { $0.kind == .masked }.compactMap { $0.path.lastComponent?.string })
        let unfinished = UnfinishedInstallation.read(layout)
        let firstRuns = (rendered?.scheduledJobs ?? []).filter { job in
            let timer = RenderedUnits.timer(of: job)
            return added.contains(timer) || (unfinished?.firstRuns.contains(job) == true && !masked.contains(timer))
        }
        let missing = (rendered?.requiredDirectories ?? []).filter { !exists($0) }
        let stores = (rendered?.storeDirectories ?? []).filter { !exists($0) }
        return UnitPlan(
            changes: changes, missingDirectories: missing + stores.filter { exists($0.removingLastComponent()) },
            unmountedStores: stores.filter { !exists($0.removingLastComponent()) }, firstRuns: firstRuns,
            isUnfinished: unfinished != nil)
    }

    /// The files that this program made earlier: by name and by their first line, so that local drop-ins are never among them.
    private static func ownFiles(_ flavour: UnitFlavour, _ layout: UnitLayout) throws -> [FilePath] {
        var found: [FilePath] = []
        func look(_ folder: FilePath, nested: Bool) throws {
            guard exists(folder) else { return }
            for bytes in try DirectoryListing.names(at: folder)
            where bytes.starts(with: Array("hermes-ops".utf8)) || nested {
                let path = folder.appending(FilePath(bytes: bytes).string)
                guard let status = try? FileStatus(at: path) else { continue }
                if status.kind == .file, try current(path)?.hasPrefix(UnitRenderer.marker + "\n") == true {
                    found.append(path)
                } else if status.kind == .directory, !nested, bytes.suffix(2).elementsEqual(Array(".d".utf8)) {
                    try look(path, nested: true)
                }
            }
        }
        try look(layout.units, nested: false)
        if flavour == .system {
            // By their exact names: the folders also hold what root wrote for the instances of other users.
            for folder in [layout.tmpfiles, layout.sysusers] {
                let path = folder.appending("hermes-ops.conf")
                if try current(path)?.hasPrefix(UnitRenderer.marker + "\n") == true { found.append(path) }
            }
        }
        return found
    }

    private static func current(_ path: FilePath) throws -> String? {
        guard exists(path) else { return nil }
        return String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)
    }

    private static func exists(_ path: FilePath) -> Bool { (try? FileStatus(at: path)) != nil }
}

/// A mark among the units from the first file that changes to the last command: an installation that is killed in between is known by
/// the next one, which finds all files as they should be.
struct UnfinishedInstallation {
    /// Jobs that still have to be run once.
    var firstRuns: [String]

    private static func path(_ layout: UnitLayout) -> FilePath { layout.units.appending(".hermes-ops-unfinished") }

    static func read(_ layout: UnitLayout) -> UnfinishedInstallation? {
        guard let text = try? FileSystem.read(path(layout), limit: 1 << 20, followingLinks: false) else { return nil }
        let names = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        return UnfinishedInstallation(firstRuns: names)
    }

    func write(_ layout: UnitLayout) throws {
        try FileSystem.makeDirectory(layout.units, permissions: 0o755)
        try FileSystem.replace(
            Self.path(layout), with: Array(firstRuns.map { $0 + "\n" }.joined().utf8), permissions: 0o644)
    }

    static func remove(_ layout: UnitLayout) throws { try FileSystem.removeTree(path(layout)) }
}
