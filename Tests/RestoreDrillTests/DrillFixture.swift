import Bundles
import Foundation
import GRDB
import GitBackup
import HTTP
import RestoreDrill
import Sanitizer
import Support
import SystemPackage
import TestSupport

/// A home with a real state.db, its repository with a bare remote beside it, and its bundle.
struct DrillFixture {
    let folder: TemporaryDirectory
    let fixture: HermesHomeFixture
    let identity = AgeIdentity.generate()
    let time = ManualTime(SystemTime().now)

    var home: FilePath { fixture.home }
    var remote: FilePath { folder.path.appending("remote.git") }
    var work: FilePath { folder.path.appending("work") }
    var drills: FilePath { folder.path.appending("drills") }
    static let instance = "vijay"
    static let stored = "hermes_persistent_backup"

    init() throws {
        folder = try TemporaryDirectory()
        fixture = try HermesHomeFixture(at: folder.path.appending("home"), extras: false)
        try Self.makeDatabase(fixture.home.appending("state.db"))
        // config.yaml of the fixture names a variable that the fixture's .env does not have.
        let environment = fixture.home.appending(".env")
        let text = try FileSystem.read(environment, limit: 1 << 20)
        try FileSystem.replace(environment, with: text + Array("\nFREE_API_KEY=unused-and-free\n".utf8))
    }

    /// Sessions and messages with full-text tables and triggers, as Hermes Agent 0.19 has them.
    static func makeDatabase(_ path: FilePath, sessions: Int = 12, messages: Int = 240) throws {
        let queue = try DatabaseQueue(path: path.string)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA journal_mode=wal")
            try db.execute(
                sql: """
                    CREATE TABLE schema_version (version INTEGER NOT NULL);
                    INSERT INTO schema_version VALUES (22);
                    CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT NOT NULL, started_at REAL NOT NULL,
                        ended_at REAL, archived INTEGER NOT NULL DEFAULT 0);
                    CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT,
                        session_id TEXT NOT NULL REFERENCES sessions(id), role TEXT, content TEXT, timestamp REAL NOT NULL);
                    CREATE TABLE gateway_routing (scope TEXT, session_key TEXT, entry_json TEXT, updated_at REAL);
                    INSERT INTO gateway_routing VALUES ('/root/.hermes/sessions', 'k', '{}', 1.0);
                    CREATE VIRTUAL TABLE messages_fts USING fts5(content);
                    CREATE TRIGGER messages_ai AFTER INSERT ON messages BEGIN
                        INSERT INTO messages_fts(rowid, content) VALUES (new.id, new.content); END;
                    CREATE TRIGGER messages_ad AFTER DELETE ON messages BEGIN
                        DELETE FROM messages_fts WHERE rowid = old.id; END;
                    """)
            for session in 0..<sessions {
                try db.execute(
                    sql: "INSERT INTO sessions VALUES (?, 'cli', ?, ?, ?)",
                    arguments: ["s\(session)", 1_790_000_000.0, 1_790_000_100.0, session == 0 ? 1 : 0])
            }
            for message in 0..<messages {
                try db.execute(
                    sql: "INSERT INTO messages (session_id, role, content, timestamp) VALUES (?, 'user', ?, ?)",
                    arguments: ["s\(message % sessions)", "word \(message) of a long talk", 1_790_000_000.0])
            }
        }
        try queue.close()
    }

    // MARK: - Backups

    func repository() throws -> BackupRepository {
        try BackupRepository(
            .init(
                path: work, remote: .local(remote), identity: Identity(name: "test", email: "test@host.invalid")))
    }

    func access() throws -> RemoteAccess { RemoteAccess(client: try HTTPClient(), token: nil) }

    func sanitizer() throws -> Sanitizer { try Self.shared.get() }

    /// Its rules take seconds to compile in a debug build.
    private static let shared = Result {
        try Sanitizer(
            SanitizerOptions(
                instance: instance, policy: .hermes(), fingerprintKey: Secret([UInt8](repeating: 7, count: 32))))
    }

    /// Sanitizes, commits and pushes.
    func backUp() async throws {
        try await Self.tool("git", ["init", "-q", "--bare", "-b", "main", remote.string])
        let staging = folder.path.appending("staging")
        let sanitizer = try sanitizer()
        let tree = try sanitizer.stage(home: home, into: staging)
        let repository = try repository()
        let access = try access()
        _ = try await repository.prepare(access)
        let entries = try tree.files.map { file in
            guard case .staged(let path) = file.source else {
                throw OperatorError("fixture", doing: "backing up", reason: "a file is not staged")
            }
            let kind: BackupEntry.Kind =
                switch file.kind {
                case .file: .file
                case .executable: .executable
                case .symlink: .symlink
                }
            return BackupEntry(path: file.path, kind: kind, blob: file.blob, source: .staged(path))
        }
        _ = try await repository.commit(BackupEntries(entries), at: time.now) { _ in "Back up\n" }
        _ = try await repository.push(access) { blob in try tree.gate.requireClean(blob.content, name: blob.path) }
        try Sanitizer.sweep(staging)
    }

    func repositorySource(local: Bool = false) throws -> RestoreSource {
        .repository(RepositoryOrigin(try repository(), access: try access(), isLocal: local))
    }

    /// Bundles the home with what the policy regards as regenerable left out.
    func bundle(_ name: String = "vijay.tar.zst.age", instance: String = DrillFixture.instance) throws -> FilePath {
        let policy = try Policy.hermes()
        let target = folder.path.appending(name)
        guard let recipient = try identity.recipient() else {
            throw OperatorError("fixture", doing: "bundling", reason: "no recipient")
        }
        let request = BundleRequest(
            instance: instance, home: home, recipients: [recipient], target: .file(target),
            staging: folder.path.appending("bundle-staging"), runnerVersion: "test"
        ) { path, status in
            if status.kind == .directory { return policy.pruning(path).map { .skip(reason: $0.reason) } ?? .include }
            let decision = policy.decision(for: path)
            return decision.action == .skip ? .skip(reason: decision.reason) : .include
        }
        _ = try BundleWriter.create(request, time: time)
        return target
    }

    func bundleSource(_ file: FilePath) -> RestoreSource { .bundle(BundleOrigin(file: file, identities: [identity])) }

    // MARK: - Tampering

    /// Changes the remote's newest commit: `body` gets the folder of a clone. With `mending` the manifest is brought into line.
    func tamper(mending: Bool = false, _ body: (FilePath) throws -> Void) async throws {
        let clone = folder.path.appending("clone-\(hex(randomBytes(4)))")
        try await Self.tool("git", ["clone", "-q", remote.string, clone.string])
        let tree = clone.appending(Self.stored)
        try body(tree)
        if mending { try Self.mend(tree) }
        try await Self.tool("git", ["-C", clone.string, "add", "-A"])
        try await Self.tool(
            "git",
            ["-C", clone.string, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "tampered"])
        try await Self.tool("git", ["-C", clone.string, "push", "-q", "origin", "main"])
    }

    /// Writes the sizes and hashes of the files as they are into the manifest.
    static func mend(_ tree: FilePath) throws {
        try edit(tree.appending("MANIFEST.json")) { manifest in
            var entries = manifest["entries"] as? [[String: Any]] ?? []
            for index in entries.indices {
                guard entries[index]["kind"] as? String == "file", let path = entries[index]["path"] as? String else {
                    continue
                }
                let bytes = try FileSystem.read(tree.pushing(FilePath(path)), limit: 1 << 24)
                entries[index]["size"] = bytes.count
                entries[index]["sha256"] = hex(Digest.of(bytes, .sha256))
            }
            manifest["entries"] = entries
        }
    }

    static func edit(_ file: FilePath, _ body: (inout [String: Any]) throws -> Void) throws {
        let data = Data(try FileSystem.read(file, limit: 1 << 24))
        var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
        try body(&object)
        try FileSystem.replace(
            file, with: Array(try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])))
    }

    /// Opens a bundle with stock tools, lets `body` change what is in it (the folder `INSTANCE`), mends the manifest's sizes, hashes
    /// and times, and closes it again with stock tools.
    func rebuild(_ bundle: FilePath, _ body: (FilePath) throws -> Void) async throws -> FilePath {
        guard let key = identity.text, let recipient = try identity.recipient()?.text else {
            throw OperatorError("fixture", doing: "rebuilding", reason: "no key")
        }
        let keyFile = folder.path.appending("rebuild-key.txt")
        try FileSystem.replace(keyFile, with: key.withUnsafeBytes { Array($0) } + [10])
        let place = folder.path.appending("rebuild-\(hex(randomBytes(4)))")
        try FileSystem.makeDirectory(place)
        let result = folder.path.appending("rebuilt-\(hex(randomBytes(4))).tar.zst.age")
        try await Self.tool(
            "sh",
            [
                "-c",
                "set -e; age -d -i '\(keyFile)' '\(bundle)' | zstd -dc > '\(place)/a.tar'; "
                    + "tar -tf '\(place)/a.tar' > '\(place)/list'; tar -C '\(place)' -xpf '\(place)/a.tar'",
            ])
        let root = place.appending(Self.instance)
        try body(root)
        try Self.edit(root.appending("manifest.json")) { manifest in
            var entries = manifest["entries"] as? [[String: Any]] ?? []
            for index in entries.indices {
                guard let path = entries[index]["path"] as? String else { continue }
                let status = try FileStatus(at: root.pushing(FilePath(path)))
                entries[index]["modified"] = Int64(clamping: status.modified)
                guard status.kind == .file else { continue }
                let bytes = try FileSystem.read(root.pushing(FilePath(path)), limit: 1 << 26)
                entries[index]["size"] = bytes.count
                entries[index]["sha256"] = hex(Digest.of(bytes, .sha256))
            }
            manifest["entries"] = entries
        }
        try await Self.tool(
            "sh",
            [
                "-c",
                "set -e; cd '\(place)'; tar --format=posix --no-recursion -cf b.tar -T list; "
                    + "zstd -q b.tar -o b.zst; age -r \(recipient) -o '\(result)' b.zst",
            ])
        return result
    }

    // MARK: - Running

    func drill(instance: String = DrillFixture.instance, gate: Bool = true) throws -> Drill {
        Drill(
            DrillSettings(
                instance: instance, liveHome: home, parent: drills,
                gate: gate ? try sanitizer().gate(home: home) : nil, time: time))
    }

    /// Restores and verifies; the part of the receipt.
    func run(
        _ source: RestoreSource, instance: String = DrillFixture.instance, maxAge: Duration? = nil,
        hermes: HermesTrial = HermesTrial(.off)
    ) async throws -> Receipt.Part {
        var isBundle = false
        if case .bundle = source { isBundle = true }
        let drill = try drill(instance: instance, gate: !isBundle)
        let restored = try await drill.restore(source)
        let part = try await drill.verify(restored, maxAge: maxAge, hermes: hermes)
        try restored.remove()
        return part
    }

    /// What is left in the folder that drills work in.
    func leftovers() -> [String] {
        ((try? DirectoryListing.names(at: drills)) ?? []).map { String(decoding: $0, as: UTF8.self) }
    }

    @discardableResult
    static func tool(_ name: String, _ arguments: [String]) async throws -> String {
        guard let program = findProgram(name) else {
            throw OperatorError("tool", doing: "looking for", subject: name, reason: "it is not installed")
        }
        let result = try await runProgram(
            program, arguments, environment: ["GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"])
        guard result.status == 0 else {
            throw OperatorError("tool", doing: "running \(name)", reason: "\(result.status): \(result.errors)")
        }
        return result.output
    }
}

extension Receipt.Part {
    var failed: Set<String> { Set(failures.map(\.name)) }
    func outcome(_ name: String) -> CheckOutcome? { checks.first { $0.name == name }?.outcome }
    func reason(_ name: String) -> String { checks.first { $0.name == name }?.reason ?? "" }
}
