internal import GRDB
internal import Sanitizer
internal import Support
internal import SystemPackage

/// What a restore from the repository takes over from the home that it replaces: everything that the backup left out as secret, private
/// or not to be looked into (credentials, conversations, databases, large files), links, and every live value that the repository has a
/// placeholder for.
///
/// The old home is read and left as it is.
struct CarryOver {
    /// Paths that were taken over from the old home.
    private(set) var carried: [String] = []
    /// Files that stay as they were live, because the backup's copy has placeholders; that copy stands beside as `NAME.from-backup`.
    private(set) var keptLive: [String] = []
    /// `NAME in FILE`: names that were added without a value.
    private(set) var empty: [String] = []
    /// What of the old home is not in the new one, a folder that is missing as a whole in one line.
    private(set) var left: [String] = []
    private(set) var warnings: [String] = []

    private let old: FilePath
    private let new: FilePath
    private let manifest: [[UInt8]: Manifest.Entry]
    private let needed: [Manifest.Needed]
    private let policy: Policy
    /// Paths that the backup lists as left out.
    private let excluded: Set<[UInt8]>

    init(
        old: FilePath, new: FilePath, manifest: Manifest, policy: Policy, scratch: FilePath,
        cancellation: CancellationFlag
    ) throws {
        self.old = old
        self.new = new
        self.manifest = Dictionary(manifest.entries.map { ($0.path, $0) }) { first, _ in first }
        self.policy = policy
        excluded = Set(manifest.excluded.map(\.path))
        needed = manifest.secretsToProvide
        try copyExcluded(cancellation)
        try keepLive(manifest)
        try mergeEnvironments(manifest)
        left = try Self.missing(from: new, of: old, cancellation)
    }

    /// What of an old home is not in a new one, by its topmost path.
    static func missing(from new: FilePath, of old: FilePath, _ cancellation: CancellationFlag) throws -> [String] {
        var missing: [String] = []
        try DirectoryWalk(old).run { entry in
            try cancellation.check()
            guard try !ConfigCheck.exists(path(new, entry.path)) else { return .descend }
            let isFolder = entry.status.kind == .directory
            missing.append(printable(entry.path, limit: 200) + (isFolder ? "/" : ""))
            return isFolder ? .prune : .descend
        } failing: { path, error in
            missing.append("\(printable(path, limit: 200)) (\(error.reason))")
        }
        return missing.sorted()
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

    // MARK: - What the repository does not hold

    private mutating func copyExcluded(_ cancellation: CancellationFlag) throws {
        let from = try ConfinedDirectory(old)
        let into = try ConfinedDirectory(new)
        var made: Set<[UInt8]> = []
        var taken: [[UInt8]] = []
        let policy = policy
        let target = new
        let belongs = belongs
        try DirectoryWalk(old).run { entry in
            try cancellation.check()
            if entry.status.kind == .directory {
                return policy.pruning(entry.path) == nil ? .descend : .prune
            }
            guard entry.status.kind == .file || entry.status.kind == .symlink,
                belongs(entry),
                try !ConfigCheck.exists(Self.path(target, entry.path))
            else { return .descend }
            try Self.makeParents(of: entry.path, like: from, in: into, &made)
            try TreeCopy.copy(entry, from: from, into: into)
            taken.append(entry.path)
            return .descend
        } failing: { _, error in
            throw error
        }
        // Logs after the databases that they belong to.
        for name in taken where Self.database(ofLog: name) == nil {
            carried.append(printable(name))
            let file = Self.path(new, name)
            if try FileStatus(at: file).kind == .file, try DatabaseCheck.isDatabase(DatabaseCheck.head(of: file)) {
                settle(name)
            }
        }
    }

    /// Whether the backup leaves it out because it is secret, private or not to be looked into, or because it is a link, which costs
    /// nothing; a database's log goes with it.
    private func belongs(_ entry: DirectoryWalk.Entry) -> Bool {
        func isLeftOut(_ path: [UInt8]) -> Bool {
            let decision = policy.decision(for: path)
            return decision.action == .exclude || decision.isDotenv || excluded.contains(path)
                || decision.action != .skip && entry.status.kind == .symlink
        }
        if let database = Self.database(ofLog: entry.path) {
            return isLeftOut(database) && (try? ConfigCheck.exists(Self.path(old, database))) == true
        }
        return isLeftOut(entry.path)
    }

    /// The database that a write-ahead log or a rollback journal belongs to.
    private static func database(ofLog path: [UInt8]) -> [UInt8]? {
        for suffix in ["-wal", "-journal"] where path.count > suffix.utf8.count {
            let (stem, end) = (path.dropLast(suffix.utf8.count), path.suffix(suffix.utf8.count))
            if Array(end) == Array(suffix.utf8) { return Array(stem) }
        }
        return nil
    }

    /// Takes a copied database's log into it or rolls its journal back, so that the new home begins without one, and looks whether the
    /// database is sound: it was taken from a home that is replaced for a reason.
    private mutating func settle(_ name: [UInt8]) {
        do {
            let queue = try DatabaseQueue(path: Self.path(new, name).string)
            defer { try? queue.close() }
            let answer = try queue.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
                return try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "no answer"
            }
            guard answer != "ok" else { return }
            warnings.append(
                "\(printable(name)) was taken over from the old home and is damaged (\(printable(answer, limit: 120))); a bundle may "
                    + "hold it whole: `hermes-ops-runner bundle open`")
        } catch {
            let reason = (error as? DatabaseError)?.message ?? "it does not open"
            warnings.append(
                "\(printable(name)) was taken over from the old home as it is and cannot be used (\(printable(reason, limit: 120))); a "
                    + "bundle may hold it whole: `hermes-ops-runner bundle open`")
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
            guard case let live = entry.original ?? entry.path,
                case let decision = policy.decision(for: live), !decision.isConfiguration, !decision.isDotenv
            else { continue }
            guard try ConfigCheck.exists(Self.path(old, live)) else { continue }
            guard try Self.isRegular(Self.path(old, live)) else {
                warnings.append(
                    "\(printable(live)) was no plain file in the old home; the new one has placeholders in it")
                continue
            }
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
        for entry in manifest.entries where entry.kind == .file && policy.decision(for: entry.path).isConfiguration {
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
                let missing = Set(names + (values[file] ?? []).map(\.name)).subtracting(assigned).sorted()
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
