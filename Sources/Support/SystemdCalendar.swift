internal import Synchronization
internal import SystemPackage

/// When a calendar expression elapses next.
public enum NextElapse: Sendable, Hashable {
    case at(Timestamp)
    /// The expression lies in the past.
    case never
    /// It could not be found out, and why.
    case unknown(String)
}

/// The first elapse of an expression strictly after a moment.
public typealias NextElapseFunction = @Sendable (_ expression: String, _ after: Timestamp) async -> NextElapse

/// systemd's own answer to OnCalendar expressions, through `systemd-analyze calendar`, which needs no running manager.
public final class SystemdCalendar: Sendable {
    /// Three outcomes: the third never passes for the first.
    public enum Validity: Sendable, Hashable {
        case valid
        case invalid(String)
        /// It could not be found out, and why.
        case unknown(String)
    }

    private struct Question: Hashable {
        var expression: String
        var after: Int64
    }

    private let commands: any CommandRunner
    private let environment: [String: String]
    private let answers = Mutex<[Question: NextElapse]>([:])

    /// - Parameter environment: the process's own; its TZ is the zone of expressions that name none.
    public init(
        commands: any CommandRunner = SystemCommandRunner(), environment: [String: String] = processEnvironment()
    ) {
        self.commands = commands
        self.environment = environment.merging(SystemdOutput.plainEnvironment) { $1 }
    }

    /// In this machine's time zone unless the expression names another; without a timer's random delay.
    public func nextElapse(_ expression: String, after moment: Timestamp) async -> NextElapse {
        let question = Question(expression: expression, after: moment.seconds)
        if let known = answers.withLock({ $0[question] }) { return known }
        let answer: NextElapse =
            switch await ask(["--base-time=@\(moment.seconds)", "--iterations=1", "--", expression]) {
            case .missing(let reason): .unknown(reason)
            case .refused(let reason): .unknown(reason)
            case .answer(let text): Self.parse(text)
            }
        answers.withLock { $0[question] = answer }
        return answer
    }

    /// Whether systemd takes an expression, and a timer of it would ever elapse: `*-02-30` is well formed.
    public func validity(of expression: String) async -> Validity {
        switch await ask(["--iterations=1", "--", expression]) {
        case .missing(let reason): .unknown(reason)
        case .refused(let reason): .invalid(reason)
        case .answer(let text): Self.parse(text) == .never ? .invalid("it never elapses") : .valid
        }
    }

    private enum Reply {
        case answer(String)
        case refused(String)
        case missing(String)
    }

    private func ask(_ arguments: [String]) async -> Reply {
        // A C string would end at the NUL, and something else be asked.
        guard arguments.allSatisfy({ !$0.utf8.contains(0) }) else { return .refused("it holds a NUL") }
        do {
            let result = try await commands.run(
                "systemd-analyze", ["calendar"] + arguments, environment: environment, limit: 65_536)
            if result.isSuccess { return .answer(String(decoding: result.output, as: UTF8.self)) }
            guard case .exited = result.end else { return .missing("systemd-analyze was killed") }
            let line = result.errors.prefix { $0 != 10 }
            return .refused(line.isEmpty ? "systemd refuses it" : printable(line, limit: 160))
        } catch {
            return .missing("systemd-analyze cannot be run here")
        }
    }

    /// Reads `Next elapse:`, or where the local time is not UTC the line `(in UTC):` below it.
    static func parse(_ text: String) -> NextElapse {
        var elapse: NextElapse = .unknown("systemd-analyze gave no next time")
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let label = line[..<colon]
            guard label.hasSuffix("Next elapse") || label.hasSuffix("(in UTC)") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            if value == "never" { return .never }
            if let moment = SystemdOutput.time(value) { elapse = .at(moment) }
        }
        return elapse
    }
}
