internal import Glibc
internal import Subprocess
public import SystemPackage

/// The stock `git` command, as the judge of what we wrote: no configuration but the repository's own.
public enum Git {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }
    }

    public struct Output: Sendable {
        public var isSuccess: Bool
        public var text: String
        public var errors: String
    }

    /// Runs git and gives what it printed, whatever its status.
    public static func output(
        _ arguments: [String], in folder: FilePath? = nil, environment: [String: String] = [:]
    ) async throws -> Output {
        var values: [Subprocess.Environment.Key: String] = [
            "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin", "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_AUTHOR_NAME": "tester",
            "GIT_AUTHOR_EMAIL": "tester@example.test", "GIT_COMMITTER_NAME": "tester",
            "GIT_COMMITTER_EMAIL": "tester@example.test",
        ]
        for (name, value) in environment {
            if let key = Subprocess.Environment.Key(rawValue: name) { values[key] = value }
        }
        let result = try await Subprocess.run(
            .name("git"), arguments: Arguments(arguments), environment: .custom(values),
            workingDirectory: folder, output: .bytes(limit: 64 << 20), error: .string(limit: 1 << 20))
        return Output(
            isSuccess: result.terminationStatus.isSuccess,
            text: String(decoding: result.standardOutput, as: UTF8.self), errors: result.standardError)
    }

    /// Runs git, which must succeed, and gives what it printed without the last line break.
    @discardableResult
    public static func run(
        _ arguments: [String], in folder: FilePath? = nil, environment: [String: String] = [:]
    ) async throws -> String {
        let output = try await output(arguments, in: folder, environment: environment)
        guard output.isSuccess else {
            throw Failure(description: "git \(arguments.joined(separator: " ")): \(output.errors)")
        }
        return output.text.hasSuffix("\n") ? String(output.text.dropLast()) : output.text
    }
}
