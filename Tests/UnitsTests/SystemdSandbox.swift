import Glibc
import Support
import SystemPackage
import TestSupport

@testable import Units

/// A real systemd with a lingering user, from scripts/systemd-sandbox.
struct SystemdSandbox {
    /// Whether one can be made here; `scripts/systemd-sandbox check` says why not.
    static let isPossible: Bool = {
        let script = UnitRendererTests.repository.appending("scripts").appending("systemd-sandbox").string
        return system("bash '\(script)' check") == 0
    }()

    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    private let directory: TemporaryDirectory
    private let runner = SystemCommandRunner()
    private let script = UnitRendererTests.repository.appending("scripts").appending("systemd-sandbox").string
    private let environment: [String: String]

    init() throws {
        directory = try TemporaryDirectory()
        let build = try Self.programFolder()
        let standIn = UnitRendererTests.repository.appending("Tests").appending("Servers").appending("stand-in-runner")
        var binds = [
            "\(build.appending("UnitsProbe")):/usr/local/bin/units-probe",
            "\(standIn):/usr/local/bin/hermes-ops-runner",
        ]
        // The toolchain may lie in a folder that the sandbox hides.
        for folder in try Self.libraryFolders() { binds.append("\(folder):\(folder)") }
        environment = [
            "SYSTEMD_SANDBOX_DIR": directory.path.appending("sandbox").string,
            "SYSTEMD_SANDBOX_BIND": binds.joined(separator: " "),
        ]
    }

    /// Boots it for the time of a body.
    func whileUp(_ body: () async throws -> Void) async throws {
        let up = try await command(["up"])
        guard up.status == 0 else {
            throw OperatorError("sandbox", doing: "booting the systemd sandbox", reason: up.errors)
        }
        do {
            try await body()
        } catch {
            _ = try await command(["down"])
            throw error
        }
        _ = try await command(["down"])
    }

    /// Runs a shell line inside, as root or as the user.
    @discardableResult
    func shell(_ flavour: UnitFlavour, _ line: String) async throws -> Result {
        try await command([flavour == .system ? "sh" : "user", "bash", "-c", line])
    }

    private func command(_ words: [String]) async throws -> Result {
        let result = try await runner.run(
            "bash", [script] + words, environment: processEnvironment().merging(environment) { $1 },
            deadline: .seconds(60))
        return Result(
            status: result.status, output: String(decoding: result.output, as: UTF8.self),
            errors: String(decoding: result.errors, as: UTF8.self))
    }

    private static func programFolder() throws -> FilePath {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        guard count > 0 else { throw OperatorError.system(errno, doing: "finding the build folder") }
        return FilePath(String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
            .removingLastComponent()
    }

    private static func libraryFolders() throws -> Set<FilePath> {
        let maps = String(decoding: try FileSystem.read("/proc/self/maps", limit: 16 << 20), as: UTF8.self)
        let libraries = maps.split(separator: "\n").compactMap { line in
            line.contains("/libswift") ? line.firstIndex(of: "/").map { FilePath(String(line[$0...])) } : nil
        }
        return Set(libraries.map { $0.removingLastComponent() })
    }
}
