internal import Subprocess
public import SystemPackage

/// What a command left behind.
public struct CommandResult: Sendable {
    public enum End: Sendable, Equatable {
        case exited(Int32)
        case signaled(Int32)
    }

    public var end: End
    /// At most the limit's bytes of it.
    public var output: [UInt8]
    public var errors: [UInt8]

    public var isSuccess: Bool { end == .exited(0) }

    /// The exit code; 128 plus the number for a signal, as a shell says it.
    public var status: Int32 {
        switch end {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }

    public init(end: End, output: [UInt8], errors: [UInt8] = []) {
        self.end = end
        self.output = output
        self.errors = errors
    }
}

/// Runs other programs; tests bring their own.
public protocol CommandRunner: Sendable {
    /// Runs a program without a shell and waits for it, its standard input empty. Throws an ``OperatorError`` of type
    /// `command-missing` if it is not there, of type `command-timeout` (temporary) if it did not end in time.
    ///
    /// - Parameters:
    ///   - program: a path, or a bare name that is looked up in PATH.
    ///   - arguments: as bytes; never a secret, which every user could read in /proc.
    ///   - environment: the whole environment; nil passes this process's on.
    ///   - deadline: after it the program and its whole session are ended, and an error is thrown.
    ///   - limit: bytes of output, and of errors, above which the call fails.
    func run(
        _ program: FilePath, _ arguments: [[UInt8]], environment: [String: String]?, workingDirectory: FilePath?,
        deadline: Duration, limit: Int
    ) async throws -> CommandResult
}

extension CommandRunner {
    /// ``run(_:_:environment:workingDirectory:deadline:limit:)`` with text arguments, here, in 30 s and 1 MiB.
    public func run(
        _ program: FilePath, _ arguments: [String], environment: [String: String]? = nil,
        deadline: Duration = .seconds(30),
        limit: Int = 1 << 20
    ) async throws -> CommandResult {
        try await run(
            program, arguments.map { Array($0.utf8) }, environment: environment, workingDirectory: nil,
            deadline: deadline,
            limit: limit)
    }
}

/// The real thing, by swift-subprocess: in a session of its own, which is ended as a whole at the deadline or on cancellation.
public struct SystemCommandRunner: CommandRunner {
    public init() {}

    public func run(
        _ program: FilePath, _ arguments: [[UInt8]], environment: [String: String]?, workingDirectory: FilePath?,
        deadline: Duration, limit: Int
    ) async throws -> CommandResult {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(2)),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero),
        ]
        var custom: [Environment.Key: String] = [:]
        for (name, value) in environment ?? [:] { custom[.init(rawValue: name) ?? "_"] = value }
        let settings = (options: options, environment: environment == nil ? Environment.inherit : .custom(custom))
        return try await withThrowingTaskGroup(of: CommandResult?.self) { group in
            group.addTask {
                // The library takes byte arguments as C strings, terminator included.
                let result = try await Subprocess.run(
                    program.components.count == 1 && !program.isAbsolute ? .name(program.string) : .path(program),
                    arguments: Arguments(arguments.map { $0 + [0] }), environment: settings.environment,
                    workingDirectory: workingDirectory, platformOptions: settings.options,
                    output: .bytes(limit: limit), error: .bytes(limit: limit))
                let end: CommandResult.End =
                    switch result.terminationStatus {
                    case .exited(let code): .exited(code)
                    case .signaled(let signal): .signaled(signal)
                    }
                return CommandResult(end: end, output: result.standardOutput, errors: result.standardError)
            }
            group.addTask {
                try await Task.sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            do {
                if let first = try await group.next(), let result = first { return result }
            } catch let error as SubprocessError {
                try Task.checkCancellation()
                throw OperatorError(
                    error.code == .executableNotFound ? "command-missing" : "command", doing: "running",
                    subject: program.printable, reason: printable("\(error)", limit: 200))
            }
            throw OperatorError(
                "command-timeout", doing: "running", subject: program.printable,
                reason: "it did not end within \(deadline)", isTemporary: true)
        }
    }
}
