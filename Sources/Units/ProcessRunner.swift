internal import Subprocess
internal import Support
internal import SystemPackage

/// What a command left behind.
public struct ProcessResult: Sendable {
    /// The exit code; 128 plus the number for a signal.
    public var status: Int32
    public var output: String
    public var errors: String

    public init(status: Int32, output: String = "", errors: String = "") {
        self.status = status
        self.output = output
        self.errors = errors
    }
}

/// Runs systemd's own commands; tests bring their own.
public protocol ProcessRunner: Sendable {
    /// Runs a command found in PATH to its end. Throws an ``OperatorError`` of type `command-missing` if it is not there, and of
    /// type `command-timeout` (temporary) if it did not end in time.
    func run(_ command: [String], environment: [String: String]) async throws -> ProcessResult
}

/// Runs commands on this machine, each for at most `limit`.
public struct SystemProcessRunner: ProcessRunner {
    public var limit: Duration

    public init(limit: Duration = .seconds(60)) { self.limit = limit }

    public func run(_ command: [String], environment: [String: String]) async throws -> ProcessResult {
        guard let name = command.first else { preconditionFailure("a command has a name") }
        let arguments = Arguments(Array(command.dropFirst()))
        var updates: [Environment.Key: String?] = ["LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"]
        for (key, value) in environment {
            if let key = Environment.Key(rawValue: key) { updates[key] = value }
        }
        let settings = Environment.inherit.updating(updates)
        var platform = PlatformOptions()
        platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(2))]
        let options = platform
        let limit = limit
        return try await withThrowingTaskGroup(of: ProcessResult?.self) { group in
            group.addTask {
                do {
                    let result = try await Subprocess.run(
                        .name(name), arguments: arguments, environment: settings, platformOptions: options,
                        output: .string(limit: 4 << 20), error: .string(limit: 1 << 20))
                    let status: Int32 =
                        switch result.terminationStatus {
                        case .exited(let code): code
                        case .signaled(let signal): 128 + signal
                        }
                    return ProcessResult(
                        status: status, output: result.standardOutput, errors: result.standardError)
                } catch let error as SubprocessError {
                    throw OperatorError(
                        error.code == .executableNotFound ? "command-missing" : "command", doing: "running",
                        subject: name,
                        reason: printable("\(error)", limit: 300))
                }
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else {
                throw OperatorError(
                    "command-timeout", doing: "running", subject: name,
                    reason: "no answer within \(UnitSyntax.span(limit))",
                    isTemporary: true)
            }
            return result
        }
    }
}
