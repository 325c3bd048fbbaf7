internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A home with a real state.db, a git server with its backup, a folder with its bundle, and the program that drills both.
struct DrillSite {
    var runner: RunnerProgram
    let server: GitServer
    let fixture: HermesHomeFixture
    /// What `keys generate` printed.
    let recipient: String
    static let token = ["drill", "token", "for", "this", "test"].joined(separator: "-")

    var home: FilePath { runner.home }
    var store: FilePath { runner.folder.path.appending("store") }
    var key: FilePath { runner.folder.path.appending("key.txt") }
    var drills: FilePath { runner.state.appending("drills") }

    /// With its first backup and bundle, unless those are not wanted.
    init(backups: Bool = true) async throws {
        runner = try RunnerProgram()
        server = try GitServer()
        fixture = try HermesHomeFixture(at: runner.home, seed: 21, extras: false)
        let environment = runner.home.appending(".env")
        // config.yaml of the fixture names it.
        try FileSystem.replace(
            environment,
            with: try FileSystem.read(environment, limit: 1 << 20) + Array("\nFREE_API_KEY=unused-and-free\n".utf8))
        try await server.makeRepository("backup.git")
        try server.setTokens(#"{"\#(Self.token)": {"backup.git": "rw"}}"#)
        try server.setAPI(#"{"/api/v1/version": {"status": 404, "body": {}}}"#)
        try runner.folder.write("token", Self.token + "\n")
        let made = try await runner("keys", "generate", "-o", runner.folder.path.appending("key.txt").string)
        recipient = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        try await tool("database", home.appending("state.db").string)
        try configure()
        guard backups else { return }
        for job in ["backup", "emergency-bundle"] {
            let result = try await runner("run", job, "--quiet")
            try #require(result.status == 0, "\(job): \(result.errors)")
        }
    }

    static let standardJobs = """
          restore-drill:
            steps:
              - restore: { from: repository }
              - verify
              - restore: { from: store, store: local, identity: drill-key }
              - verify
          drill-repository: { steps: [ { restore: { from: repository } }, verify ] }
          drill-work-tree: { steps: [ { restore: { from: repository, local: true } }, verify ] }
          drill-store: { steps: [ { restore: { from: store, store: local, identity: drill-key } }, verify ] }
          drill-both: { steps: [ { restore: { from: both, store: local, identity: drill-key } }, verify ] }
          drill-reminder: { steps: [ { remind: { drill: restore-drill, maxAge: 92d } } ] }
        """

    /// Writes the configuration; `jobs` stand beside the backup and the bundle.
    func configure(jobs: String = DrillSite.standardJobs, instance: String = "vijay", extra: String = "") throws {
        try runner.folder.write(
            "config.yaml",
            """
            version: 1
            instance: { id: \(instance), label: Vijay / root, hermesHome: \(home) }
            credentials:
              push: { file: \(runner.folder.path.appending("token")) }
              drill-key: { file: \(key) }
              other-key: { file: \(runner.folder.path.appending("other.txt")) }
            network: { caFile: \(server.authority) }
            repository: { path: \(runner.repository), remote: "\(server.url("backup.git"))", credential: push }
            bundle: { recipients: [ \(recipient) ] }
            stores: { local: { directory: \(store) } }
            \(extra)
            jobs:
              backup: { steps: [ sanitize, commit, push ] }
              emergency-bundle: { steps: [ bundle, { upload: { store: local } } ] }
            \(jobs)

            """)
    }

    @discardableResult
    func tool(_ arguments: String...) async throws -> String {
        let script = try #require(
            Bundle.module.path(forResource: "drill_tool", ofType: "py", inDirectory: "Resources"))
        let result = try await runProgram("/usr/bin/env", ["python3", "-B", script] + arguments)
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return result.output
    }

    /// A job's drill: the exit code and the receipt.
    func drill(_ job: String, _ options: String...) async throws -> (status: Int32, receipt: Drilled, errors: String) {
        let result = try await runner.run(RunnerProgram.path, ["drill", "--json", "--job", job] + options)
        let data = Data(result.output.utf8)
        let receipt = try? JSONDecoder().decode(Drilled.self, from: data)
        return (
            result.status, try #require(receipt, "\(result.status): \(result.output)\(result.errors)"), result.errors
        )
    }

    /// The bundles in the store, the newest last.
    func bundles() throws -> [FilePath] {
        try DirectoryListing.names(at: store).map { store.appending(FilePath(bytes: $0).components) }
            .filter { $0.string.hasSuffix(".age") }
    }

    /// Changes the newest commit of the remote, and takes the change back afterwards.
    func tampering(_ kind: String, _ body: () async throws -> Void) async throws {
        let remote = server.path("backup.git").string
        let before = try await git("-C", remote, "rev-parse", "main")
        let clone = runner.folder.path.appending("clone-\(kind)")
        try await git("clone", "-q", remote, clone.string)
        try await tool("spoil-tree", clone.appending("hermes_persistent_backup").string, kind)
        try await git("-C", clone.string, "add", "-A")
        try await git("-C", clone.string, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", kind)
        try await git("-C", clone.string, "push", "-q", "origin", "main")
        try await body()
        try await git("-C", remote, "update-ref", "refs/heads/main", before)
    }

    @discardableResult
    func git(_ arguments: String...) async throws -> String {
        let result = try await runner.run("git", arguments)
        try #require(result.status == 0, "git \(arguments): \(result.errors)")
        return result.output.trimmingCharacters(in: .newlines)
    }

    /// What is left in the folder that drills work in. One that was killed before it could mark its folder leaves that empty, and it is
    /// swept a minute later.
    func leftovers() -> [String] {
        let names = ((try? DirectoryListing.names(at: drills)) ?? []).map { String(decoding: $0, as: UTF8.self) }
        return names.filter { name in
            let inner = (try? DirectoryListing.names(at: drills.appending(name))) ?? []
            return !inner.allSatisfy { String(decoding: $0, as: UTF8.self).hasSuffix(".tmp") }
        }
    }

    /// What a reader of the home must leave alone, change times of the inodes included.
    func homeState() throws -> HomeState {
        var changed: [String: Int128] = [".": try FileStatus(at: home).changed]
        try DirectoryWalk(home).run { entry in
            changed[printable(entry.path)] = entry.status.changed
            return .descend
        } failing: { _, error in
            throw error
        }
        return HomeState(tree: try TreeFingerprint(home), changed: changed)
    }

    struct HomeState: Equatable {
        var tree: TreeFingerprint
        var changed: [String: Int128]
    }
}

/// What a receipt says, as any reader of its JSON finds it.
struct Drilled: Decodable {
    struct Check: Decodable {
        var name: String
        var outcome: String
        var reason: String?
    }

    struct Part: Decodable {
        var source: String
        var outcome: String
        var checks: [Check]
        var rtoMs: Int
        var rpoSeconds: Int?
        var counts: [String: Int]

        func names(_ outcome: String) -> [String] { checks.filter { $0.outcome == outcome }.map(\.name) }
        func reason(_ name: String) -> String { checks.first { $0.name == name }?.reason ?? "" }
    }

    var outcome: String
    var plannedDrills: Int
    var drills: [Part]

    /// `CHECK of SOURCE` of everything that failed.
    var failed: [String] { drills.flatMap { part in part.names("failed").map { "\($0) of \(part.source)" } } }
}
