import Glibc
import HTTP
import Support
import SystemPackage
import TestSupport

@testable import GitBackup

extension BackupRepository {
    /// Commits entries in any order.
    func commit(
        _ entries: [BackupEntry], at time: Timestamp, message: @escaping @Sendable (Counts) -> String
    ) async throws -> CommitOutcome {
        try await commit(BackupEntries(entries), at: time, message: message)
    }
}

/// A repository to back up into, its remote a bare repository beside it.
struct Fixture {
    let folder: TemporaryDirectory
    let settings: BackupRepository.Settings
    let repository: BackupRepository

    var work: FilePath { folder.path.appending("work") }
    var remote: FilePath { folder.path.appending("remote.git") }

    static let time = Timestamp(seconds: 1_795_000_000)
    static let identity = Identity(name: "hermes-ops-runner", email: "bheem@host.test")

    init(remote: String? = nil) async throws {
        folder = try TemporaryDirectory()
        let bare = folder.path.appending("remote.git")
        try await Git.run(["init", "-q", "--bare", "-b", "main", bare.string])
        settings = BackupRepository.Settings(
            path: folder.path.appending("work"), remote: try RemoteAddress(remote ?? bare.string),
            identity: Self.identity)
        repository = try BackupRepository(settings)
    }

    /// For remotes that are folders.
    static func access() throws -> RemoteAccess { RemoteAccess(client: try HTTPClient(), token: nil) }

    /// Prepares the repository and commits files of that content.
    @discardableResult
    func commit(_ files: [String: String], in repository: BackupRepository? = nil) async throws
        -> BackupRepository.CommitOutcome
    {
        let repository = repository ?? self.repository
        _ = try await repository.prepare(Self.access())
        return try await repository.commit(Self.entries(files), at: Self.time) { "Back up: \($0.added) added" }
    }

    static func entries(_ files: [String: String]) -> [BackupEntry] {
        files.map { entry($0.key, $0.value) }
    }

    static func entry(_ path: String, _ content: String, _ kind: BackupEntry.Kind = .file) -> BackupEntry {
        entry(Array(path.utf8), Array(content.utf8), kind)
    }

    static func entry(_ path: [UInt8], _ content: [UInt8], _ kind: BackupEntry.Kind = .file) -> BackupEntry {
        BackupEntry(path: path, kind: kind, blob: blob(content), source: .bytes(content))
    }

    static func blob(_ content: [UInt8]) -> ObjectID { content.withUnsafeBytes { ObjectID(of: $0, type: "blob") } }

    /// Files enough for a pack.
    static func many(_ count: Int = 120, _ salt: String = "") -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: (0..<count).map { ("d\($0 % 7)/file\($0)", "content \($0) \(salt)\n") })
    }

    func git(_ arguments: String...) async throws -> String { try await Git.run(arguments, in: work) }

    /// A file of the folder as a power cut leaves it: nothing after the first bytes but zeros, or nothing at all, and the same time.
    func lose(_ name: String, after kept: Int, zeros: Int = 0) throws {
        let path = work.appending("hermes_persistent_backup").appending(name)
        let time = try FileStatus(at: path).modified
        let file = try FileDescriptor.open(path, .writeOnly)
        defer { try? file.close() }
        guard ftruncate(file.rawValue, off_t(kept)) == 0, ftruncate(file.rawValue, off_t(kept + zeros)) == 0 else {
            throw Errno(rawValue: errno)
        }
        let stamp = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        guard futimens(file.rawValue, [stamp, stamp]) == 0 else { throw Errno(rawValue: errno) }
    }

    /// The machine was started again since the last commit, as far as the repository can know.
    func restart() throws {
        try FileSystem.replace(
            work.appending(".git/hermes-ops/written"), with: Array("00000000000000000000000000000000\n".utf8))
    }

    /// The repository is whole for stock git, at a whole commit, and its work tree clean.
    func requireSound() async throws {
        let check = try await Git.output(["fsck", "--full", "--strict", "--no-dangling"], in: work)
        guard check.isSuccess, check.errors.isEmpty else { throw Git.Failure(description: check.errors + check.text) }
        let status = try await git("status", "--porcelain", "--ignored")
        guard status.isEmpty else { throw Git.Failure(description: "not clean: \(status)") }
    }

    /// Runs a body that must fail with an operator error.
    static func failure(_ body: () async throws -> Void) async -> OperatorError? {
        do {
            try await body()
        } catch let error as OperatorError {
            return error
        } catch {
            return nil
        }
        return nil
    }
}
