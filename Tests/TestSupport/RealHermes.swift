internal import Glibc
internal import Subprocess
internal import Support
public import SystemPackage

/// Runs a program for a test and waits for it.
public func runProgram(
    _ path: FilePath, _ arguments: [String], environment: [String: String] = [:], in folder: FilePath? = nil
) async throws -> (status: Int32, output: String, errors: String) {
    var all = environment
    if all["PATH"] == nil { all["PATH"] = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin" }
    let result = try await run(
        .path(path), arguments: Arguments(arguments),
        environment: .custom(Dictionary(uniqueKeysWithValues: all.map { (Environment.Key(stringLiteral: $0), $1) })),
        workingDirectory: folder, output: .string(limit: 64 << 20), error: .string(limit: 64 << 20))
    let status: Int32 =
        switch result.terminationStatus {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    return (status, result.standardOutput, result.standardError)
}

/// A program found in PATH.
public func findProgram(_ name: String) -> FilePath? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { FilePath(String($0)).appending(name) }
        .first { $0.withPlatformString { access($0, X_OK) } == 0 }
}

/// The real Hermes Agent, where HERMES_BIN or PATH has one; always run sealed off in folders of the test.
public struct RealHermes: Sendable {
    public let program: FilePath
    /// The Python that Hermes is installed in, from the program's first line.
    public let python: FilePath

    /// Nil where there is no Hermes Agent; a test then says that it was skipped.
    public static let installed: RealHermes? = {
        let named = getenv("HERMES_BIN").map { FilePath(platformString: $0) }
        guard let program = named ?? findProgram("hermes"),
            let text = try? FileSystem.read(program, limit: 1 << 20),
            let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first, line.hasPrefix("#!")
        else { return nil }
        return RealHermes(program: program, python: FilePath(String(line.dropFirst(2).split(separator: " ")[0])))
    }()

    /// What `hermes` prints for a home; `userHome` takes its HOME.
    public func run(_ arguments: [String], home: FilePath, userHome: FilePath) async throws -> String {
        try await runProgram(program, arguments, environment: Self.environment(home, userHome)).output
    }

    /// Runs Python with Hermes' own modules at hand.
    @discardableResult
    public func python(_ script: String, _ arguments: [String] = [], home: FilePath, userHome: FilePath) async throws
        -> String
    {
        let result = try await runProgram(
            python, ["-c", script] + arguments, environment: Self.environment(home, userHome))
        guard result.status == 0 else {
            throw OperatorError("python", doing: "running Hermes' Python", reason: result.errors)
        }
        return result.output
    }

    private static func environment(_ home: FilePath, _ userHome: FilePath) -> [String: String] {
        [
            "HERMES_HOME": home.string, "HOME": userHome.string, "XDG_STATE_HOME": userHome.string + "/state",
            "XDG_CONFIG_HOME": userHome.string + "/config", "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1",
            "COLUMNS": "200",
            "LANG": "C.UTF-8",
        ]
    }
}
