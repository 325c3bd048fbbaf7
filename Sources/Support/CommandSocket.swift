internal import Foundation
internal import Glibc
internal import Synchronization
public import SystemPackage

/// Runs commands in another process, at whose Unix socket a ``CommandService`` answers: in that process's sandbox instead of this
/// one's. One connection carries one command; to close it is to end the command.
public struct SocketCommandRunner: CommandRunner {
    private let socket: FilePath

    /// - Parameter socket: a path of at most 107 bytes (unix(7)).
    public init(socket: FilePath) { self.socket = socket }

    /// As ``CommandRunner`` says; a nil environment passes the service's own on, and a bare name is looked up in the service's PATH.
    public func run(
        _ program: FilePath, _ arguments: [[UInt8]], environment: [String: String]?, workingDirectory: FilePath?,
        deadline: Duration, limit: Int
    ) async throws -> CommandResult {
        let call = CommandCall(
            program: Data(program.bytes), arguments: arguments.map { Data($0) }, environment: environment,
            workingDirectory: workingDirectory.map { Data($0.bytes) }, milliseconds: deadline.wholeMilliseconds,
            limit: limit)
        let connection = try SocketConnection(to: socket)
        let text = try await withTaskCancellationHandler {
            try await offPool {
                // The service keeps the deadline; this one is for a service that hangs.
                try connection.waitAtMost(deadline + .seconds(30))
                try connection.send(call.line)
                return try connection.read(until: .end, limit: limit * 3 + (1 << 16))
            }
        } onCancel: {
            connection.hangUp()
        }
        try Task.checkCancellation()
        guard let reply = try? JSONDecoder().decode(CommandReply.self, from: Data(text)) else {
            throw OperatorError(
                "command", doing: "running", subject: program.printable,
                reason: "what runs commands at \(socket.printable) ended without an answer",
                advice: "its unit's journal says why")
        }
        return try reply.result(of: program)
    }
}

/// The other end of a ``SocketCommandRunner``: runs what a connection asks for, and answers.
public enum CommandService {
    /// Serves one connection: one command. Returns when the answer is sent or the other end hung up, which ends the command.
    ///
    /// - Parameter connection: a connected stream socket, as systemd hands it over with `Accept=yes`; not closed.
    public static func serve(_ connection: FileDescriptor, runner: any CommandRunner = SystemCommandRunner())
        async throws
    {
        let socket = SocketConnection(adopting: connection)
        let line = try await offPool { try socket.read(until: .newline, limit: 4 << 20) }
        guard let call = try? JSONDecoder().decode(CommandCall.self, from: Data(line)) else {
            throw OperatorError(
                "command-call", doing: "reading what to run from the socket", reason: "it is not a command",
                exit: .damagedInput)
        }
        let reply = try await withThrowingTaskGroup(of: CommandReply?.self) { group in
            group.addTask { await CommandReply(carryingOut: call, by: runner) }
            group.addTask {
                try await offPoolCancellable { flag in
                    while !flag.isCancelled, !socket.isHungUp(after: .milliseconds(200)) {}
                }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let reply else { return }
        try await offPool { try socket.send(reply.line) }
    }
}

/// What a connection asks for: one line of JSON.
private struct CommandCall: Codable, Sendable {
    var program: Data
    var arguments: [Data]
    var environment: [String: String]?
    var workingDirectory: Data?
    var milliseconds: Int64
    var limit: Int

    var line: [UInt8] { (try? JSONEncoder().encode(self)).map { Array($0) + [UInt8(ascii: "\n")] } ?? [] }
}

/// The answer: JSON to the end of the stream.
private struct CommandReply: Codable, Sendable {
    struct Failure: Codable {
        var type: String
        var reason: String
        var isTemporary: Bool
    }

    var failure: Failure?
    var exited: Int32?
    var signaled: Int32?
    var output = Data()
    var errors = Data()

    init(carryingOut call: CommandCall, by runner: any CommandRunner) async {
        do {
            let result = try await runner.run(
                FilePath(bytes: Array(call.program)), call.arguments.map { Array($0) }, environment: call.environment,
                workingDirectory: call.workingDirectory.map { FilePath(bytes: Array($0)) },
                deadline: .milliseconds(call.milliseconds), limit: call.limit)
            switch result.end {
            case .exited(let code): exited = code
            case .signaled(let signal): signaled = signal
            }
            output = Data(result.output)
            errors = Data(result.errors)
        } catch let error as OperatorError {
            failure = Failure(type: error.type, reason: error.reason, isTemporary: error.isTemporary)
        } catch {
            failure = Failure(type: "command", reason: printable("\(error)", limit: 200), isTemporary: false)
        }
    }

    var line: [UInt8] { (try? JSONEncoder().encode(self)).map { Array($0) } ?? [] }

    func result(of program: FilePath) throws -> CommandResult {
        if let failure {
            throw OperatorError(
                failure.type, doing: "running", subject: program.printable, reason: printable(failure.reason),
                isTemporary: failure.isTemporary)
        }
        let end: CommandResult.End
        switch (exited, signaled) {
        case (let code?, nil): end = .exited(code)
        case (nil, let signal?): end = .signaled(signal)
        default:
            throw OperatorError(
                "command", doing: "running", subject: program.printable, reason: "the answer does not say how it ended")
        }
        return CommandResult(end: end, output: Array(output), errors: Array(errors))
    }
}

/// A connected stream socket, which any thread may hang up.
private final class SocketConnection: Sendable {
    enum Terminator { case newline, end }

    private let socket: Int32
    /// Closed with the last reference, so that a late ``hangUp()`` cannot meet another file of the same number.
    private let isOwned: Bool

    init(adopting connection: FileDescriptor) {
        socket = connection.rawValue
        isOwned = false
    }

    init(to path: FilePath) throws {
        func failure(_ reason: String) -> OperatorError {
            OperatorError(
                "command-service", doing: "reaching what runs commands at", subject: path.printable, reason: reason,
                advice: "run `hermes-ops-runner units install`, which enables its socket", isTemporary: true)
        }
        var address = sockaddr_un()
        let bytes = path.bytes
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw failure("the path is too long") }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        socket = Glibc.socket(AF_UNIX, kind, 0)
        isOwned = true
        guard socket >= 0 else { throw failure(errorText(errno)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw failure(errorText(errno)) }
    }

    deinit { if isOwned, socket >= 0 { close(socket) } }

    func hangUp() { _ = shutdown(socket, Int32(SHUT_RDWR)) }

    /// Ends every later read that gets nothing for so long.
    func waitAtMost(_ time: Duration) throws {
        var limit = timeval(tv_sec: Int(time.components.seconds), tv_usec: 0)
        guard setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0 else {
            throw OperatorError.system(errno, doing: "limiting the wait at a socket")
        }
    }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count >= 0 else {
                if errno == EINTR { continue }
                // The other end says no more: the reader finds that out.
                if errno == EPIPE { return }
                throw OperatorError.system(errno, doing: "writing to the socket of a command")
            }
            rest = rest.dropFirst(count)
        }
    }

    func read(until terminator: Terminator, limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count >= 0 else {
                if errno == EINTR { continue }
                if errno == ECONNRESET { return bytes }
                let isLate = errno == EAGAIN
                throw isLate
                    ? OperatorError(
                        "command-timeout", doing: "waiting for a command", reason: "nothing came in time",
                        isTemporary: true)
                    : OperatorError.system(errno, doing: "reading from the socket of a command")
            }
            bytes += buffer[..<count]
            guard bytes.count <= limit else {
                throw OperatorError(
                    "command", doing: "reading from the socket of a command", reason: "it is longer than \(limit) bytes"
                )
            }
            if count == 0 { return bytes }
            if terminator == .newline, bytes.last == UInt8(ascii: "\n") { return bytes }
        }
    }

    /// Waits so long at most and says whether the other end, which has nothing more to say, is gone.
    func isHungUp(after time: Duration) -> Bool {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, Int32(time.wholeMilliseconds)) > 0
    }
}
