internal import GRDB
internal import Sanitizer
internal import Support
internal import SystemPackage

/// What a restore from the repository takes over from the home that it replaces: everything that the repository leaves out on purpose
/// (credentials, conversations, databases), and every live value that the repository has a placeholder for.
///
/// The old home is read and left as it is.
struct CarryOver {
    /// Paths that were taken over from the old home.
    private(set) var carried: [String] = []
    /// Files that stay as they were live, because the backup's copy has placeholders; that copy stands beside as `NAME.from-backup`.
    private(set) var keptLive: [String] = []
    /// `NAME in FILE`: names that were added without a value.
    private(set) var empty: [String] = []
    /// Top-level names of the old home that are not in the new one.
    private(set) var left: [String] = []
    private(set) var warnings: [String] = []

    private let old: FilePath
    private let new: FilePath
    private let manifest: [[UInt8]: Manifest.Entry]
    private let needed: [Manifest.Needed]
    private let policy: Policy

    init(
        old: FilePath, new: FilePath, manifest: Manifest, policy: Policy, scratch: FilePath,
        cancellation: CancellationFlag
    ) throws {
        self.old = old
        self.new = new
        self.manifest = Dictionary(manifest.entries.map { ($0.path, $0) }) { first, _ in first }
        self.policy = policy
        needed = manifest.secretsToProvide
        try copyExcluded(cancellation)
        try keepLive(manifest)
        try mergeEnvironments(manifest)
        left = try Self.names(old).filter { try !ConfigCheck.exists(Self.path(new, $0)) }.map {
            printable($0, limit: 200)
        }
    }

    static func path(_ root: FilePath, _ name: [UInt8]) -> FilePath {
        FilePath(bytes: root.bytes + [UInt8(ascii: "/")] + name)
    }

    private static func isRegular(_ path: FilePath) throws -> Bool {
        do throws(Errno) {
            return try FileStatus(at: path).kind == .file
        } catch {
            throw OperatorError.system(error.rawValue, doing: "looking at", subject: path.printable)
        }
    }

    private static func names(_ folder: FilePath) throws -> [[UInt8]] { try DirectoryListing.names(at: folder) }

    // MARK: - What the repository does not hold

    private mutating func copyExcluded(_ cancellation: CancellationFlag) throws {
        let from = try ConfinedDirectory(old)
        let into = try ConfinedDirectory(new)
        var made: Set<[UInt8]> = []
        var taken: [[UInt8]] = []
        let policy = policy
        let target = new
        try DirectoryWalk(old).run { entry in
            try cancellation.check()
            if entry.status.kind == .directory {
                return policy.pruning(entry.path) == nil ? .descend : .prune
            }
            guard entry.status.kind == .file || entry.status.kind == .symlink, Self.belongs(entry.path, policy),
                try !ConfigCheck.exists(Self.path(target, entry.path))
            else { return .descend }
            try Self.makeParents(of: entry.path, like: from, in: into, &made)
            try TreeCopy.copy(entry, from: from, into: into)
            taken.append(entry.path)
            return .descend
        } failing: { _, error in
            throw error
        }
        for name in taken {
            if Self.isLog(name) {
                try settle(Array(name.dropLast(4)))
            } else {
                carried.append(printable(name))
            }
        }
    }

    /// Whether the policy keeps a path out of the repository because it is secret or private; a database's log goes with it.
    private static func belongs(_ path: [UInt8], _ policy: Policy) -> Bool {
        let decision = policy.decision(for: path)
        if decision.action == .exclude || decision.rule == "dotenv" { return true }
        return isLog(path) && policy.decision(for: Array(path.dropLast(4))).action == .exclude
    }

    private static func isLog(_ path: [UInt8]) -> Bool { path.suffix(4).elementsEqual("-wal".utf8) }

    /// Takes a copied database's log into it, so that the new home begins without one.
    private mutating func settle(_ name: [UInt8]) throws {
        let database = Self.path(new, name)
        do {
            let queue = try DatabaseQueue(path: database.string)
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
            try queue.close()
        } catch is DatabaseError {
            warnings.append(
                "\(printable(name)): its write-ahead log could not be taken in; both were copied as they are")
        }
    }

    private static func makeParents(
        of path: [UInt8], like from: ConfinedDirectory, in into: ConfinedDirectory, _ made: inout Set<[UInt8]>
    ) throws {
        for end in path.indices where path[end] == UInt8(ascii: "/") {
            let parent = Array(path[..<end])
            guard made.insert(parent).inserted else { continue }
            do throws(Errno) {
                try into.makeDirectory(parent, permissions: 0o700)
            } catch {
                throw OperatorError.system(error.rawValue, doing: "making the folder", subject: printable(parent))
            }
        }
    }

    // MARK: - Placeholders

    /// Files that the repository holds with markers in place of secrets: the live ones stay.
    private mutating func keepLive(_ manifest: Manifest) throws {
        let from = try ConfinedDirectory(old)
        for entry in manifest.entries where entry.kind == .file && !entry.redactions.isEmpty {
            // config.yaml has variables in their place, whose values go to .env.
            guard entry.rule != "config", entry.rule != "dotenv" else { continue }
            let live = entry.original ?? entry.path
            guard try ConfigCheck.exists(Self.path(old, live)) else { continue }
            let restored = Self.path(new, entry.path)
            let beside = Self.path(new, entry.path + Array(".from-backup".utf8))
            try FileSystem.rename(restored, to: beside)
            let bytes: [UInt8]
            let permissions: UInt32
            do throws(Errno) {
                permissions = try from.status(live).permissions
            } catch {
                throw OperatorError.system(error.rawValue, doing: "reading", subject: printable(live))
            }
            bytes = try FileSystem.read(Self.path(old, live), limit: 1 << 30)
            try FileSystem.makeDirectory(Self.path(new, live).removingLastComponent())
            try FileSystem.replace(Self.path(new, live), with: bytes, permissions: permissions & 0o777)
            keptLive.append(printable(live))
        }
    }

    /// Dotenv files: the live one stays, with the missing names as empty commented lines; values that stood in the old config.yaml
    /// where the new one has variables go into it.
    private mutating func mergeEnvironments(_ manifest: Manifest) throws {
        var values: [String: [(name: String, value: String)]] = [:]
        for entry in manifest.entries where entry.rule == "config" && entry.kind == .file {
            let live = Self.path(old, entry.path)
            guard try ConfigCheck.exists(live) else { continue }
            let found = LiveValues.find(
                of: try FileSystem.read(Self.path(new, entry.path), limit: 64 << 20),
                in: try FileSystem.read(live, limit: 64 << 20))
            let file = String(decoding: entry.path.dropLast("config.yaml".utf8.count), as: UTF8.self) + ".env"
            values[file, default: []] += found
        }
        let files = Set(needed.filter { $0.kind != .file }.map(\.place)).union(values.filter { !$0.value.isEmpty }.keys)
        for file in files.sorted() {
            let path = Self.path(new, Array(file.utf8))
            let exists = try ConfigCheck.exists(path)
            let names = needed.filter { $0.kind != .file && $0.place == file }.map(\.name)
            guard exists || !(values[file] ?? []).isEmpty else {
                empty += names.map { "\($0) in \(file)" }
                continue
            }
            guard try !exists || Self.isRegular(path) else {
                // What a symlink leads to lies outside, and is not this program's to write.
                let assigned = try ConfigCheck.environmentNames(path)
                let missing = (names + (values[file] ?? []).map(\.name)).filter { !assigned.contains($0) }
                empty += missing.map { "\($0) in \(file)" }
                if !missing.isEmpty {
                    warnings.append(
                        "\(printable(file)) is no plain file and stays as it is; it lacks \(missing.joined(separator: ", "))"
                    )
                }
                continue
            }
            var existing = exists ? try FileSystem.read(path, limit: 16 << 20, followingLinks: false) : []
            defer { wipe(&existing) }
            var merged = EnvironmentMerge.merge(existing, wanted: names, values: values[file] ?? [])
            defer { wipe(&merged.text) }
            let permissions = exists ? (try? FileStatus(at: path).permissions) ?? 0o600 : 0o600
            try FileSystem.replace(path, with: merged.text, permissions: permissions & 0o777)
            empty += merged.added.map { "\($0) in \(file)" }
        }
    }
}
