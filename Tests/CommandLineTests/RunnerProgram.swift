internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The built program, run as a person would: in folders of the test's own, with nothing of this machine's configuration.
struct RunnerProgram {
    /// HERMES_OPS_RUNNER_BINARY, else the binary beside the test bundle.
    static let path: FilePath = {
        if let named = ProcessInfo.processInfo.environment["HERMES_OPS_RUNNER_BINARY"] { return FilePath(named) }
        let bundle = FilePath(Bundle.module.bundlePath)
        return bundle.removingLastComponent().appending("hermes-ops-runner")
    }()

    let folder: TemporaryDirectory
    var environment: [String: String]

    init() throws {
        folder = try TemporaryDirectory()
        environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "HOME": folder.path.appending("user").string,
            "HERMES_OPS_CONFIG": folder.path.appending("config.yaml").string,
            "HERMES_OPS_STATE": folder.path.appending("state").string, "SWIFT_BACKTRACE": "enable=no",
            "LANG": "C.UTF-8",
        ]
        try FileSystem.makeDirectory(folder.path.appending("user"))
    }

    var home: FilePath { folder.path.appending("home") }
    var repository: FilePath { folder.path.appending("repository") }
    var remote: FilePath { folder.path.appending("remote.git") }
    var state: FilePath { folder.path.appending("state") }
    var stored: FilePath { repository.appending("hermes_persistent_backup") }

    struct Result {
        var status: Int32
        var output: String
        var errors: String

        func json() throws -> [String: Any] {
            let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
            return object as? [String: Any] ?? [:]
        }
    }

    func callAsFunction(_ arguments: String...) async throws -> Result {
        try await run(Self.path, arguments)
    }

    func callAsFunction(_ arguments: [String]) async throws -> Result { try await run(Self.path, arguments) }

    /// Another program in the same surroundings.
    func tool(_ name: String, _ arguments: String...) async throws -> Result {
        try await run(FilePath(name), arguments)
    }

    func run(_ program: FilePath, _ arguments: [String]) async throws -> Result {
        var environment = environment
        environment["GIT_CONFIG_GLOBAL"] = "/dev/null"
        environment["GIT_CONFIG_SYSTEM"] = "/dev/null"
        let result = try await SystemCommandRunner().run(
            program, arguments, environment: environment, deadline: .seconds(180), limit: 64 << 20)
        return Result(
            status: result.status, output: String(decoding: result.output, as: UTF8.self),
            errors: String(decoding: result.errors, as: UTF8.self))
    }

    /// A configuration for a backup into a repository with a bare one beside it as its remote.
    func configure(extra: String = "", repository: String? = nil) throws {
        let text = """
            version: 1
            instance: { id: vijay, label: Vijay / root, hermesHome: \(home.string) }
            \(repository ?? "repository: { path: \(self.repository.string), remote: \(remote.string), branch: main }")
            \(extra)
            jobs:
              backup:
                schedule: "*-*-* 03:15:00"
                steps: [ sanitize, commit, push ]

            """
        try folder.write("config.yaml", text)
    }

    func makeRemote() async throws {
        _ = try await tool("git", "init", "-q", "--bare", "-b", "main", remote.string)
    }

    /// A small home without secrets.
    func makePlainHome() throws {
        try folder.write("home/SOUL.md", "You are calm.\n")
        try folder.write("home/config.yaml", "model: x/y\n_config_version: 33\n")
        try folder.write("home/memories/MEMORY.md", "The cat is called Miso.")
        try folder.write("home/skills/weather/SKILL.md", "---\nname: weather\ndescription: sky\n---\nLook up.\n")
    }

    /// A C library for LD_PRELOAD, compiled.
    func library(_ source: String) async throws -> String {
        try folder.write("preload.c", source)
        let path = folder.path.appending("preload.so").string
        let compiled = try await tool(
            "cc", "-shared", "-fPIC", "-O1", "-o", path, folder.path.appending("preload.c").string, "-ldl")
        try #require(compiled.status == 0, "\(compiled.errors)")
        return path
    }

    func head() async throws -> String {
        try await tool("git", "-C", repository.string, "rev-parse", "HEAD").output.trimmingCharacters(in: .newlines)
    }
}

extension Collection<UInt8> {
    /// Whether other bytes stand somewhere in these.
    func contains(_ other: some Collection<UInt8>) -> Bool { Array(self).firstRange(of: Array(other)) != nil }
}
