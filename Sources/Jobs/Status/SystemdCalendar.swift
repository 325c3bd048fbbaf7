internal import Foundation
internal import Subprocess
public import Support
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

/// systemd's own answer to calendar expressions, through `systemd-analyze calendar`.
public final class SystemdCalendar: Sendable {
    private struct Question: Hashable {
        var expression: String
        var after: Int64
    }

    private let answers = Mutex<[Question: NextElapse]>([:])

    public init() {}

    public func nextElapse(_ expression: String, after moment: Timestamp) async -> NextElapse {
        let question = Question(expression: expression, after: moment.seconds)
        if let known = answers.withLock({ $0[question] }) { return known }
        let answer: NextElapse
        switch await Self.ask(["--base-time=@\(moment.seconds)", "--iterations=1", "--", expression]) {
        case .missing(let reason): answer = .unknown(reason)
        case .refused(let reason): answer = .unknown(reason)
        case .answer(let text): answer = Self.parse(text)
        }
        answers.withLock { $0[question] = answer }
        return answer
    }

    /// What is wrong with an expression, or nil: it is right, or systemd-analyze is not there.
    public func problem(with expression: String) async -> String? {
        guard case .refused(let reason) = await Self.ask(["--iterations=1", "--", expression]) else { return nil }
        return reason
    }

    private enum Reply {
        case answer(String)
        case refused(String)
        case missing(String)
    }

    private static func ask(_ arguments: [String]) async -> Reply {
        do {
            let result = try await Subprocess.run(
                .name("systemd-analyze"), arguments: Arguments(["calendar"] + arguments),
                environment: .inherit.updating(["LC_ALL": "C", "SYSTEMD_COLORS": "0"]), output: .string(limit: 65_536),
                error: .string(limit: 65_536))
            if case .exited(0) = result.terminationStatus { return .answer(result.standardOutput) }
            let line = result.standardError.split(separator: "\n").first.map(String.init) ?? "systemd refuses it"
            return .refused(printable(line, limit: 160))
        } catch {
            return .missing("systemd-analyze cannot be run here")
        }
    }

    /// Reads `Next elapse:`, or where the local time is not UTC the line `(in UTC):` below it.
    static func parse(_ text: String) -> NextElapse {
        var elapse: NextElapse = .unknown("systemd-analyze gave no next time")
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if line.contains("Next elapse:"), words.last == "never" { return .never }
            guard line.contains("Next elapse:") || line.contains("(in UTC):"), words.last == "UTC", words.count >= 3,
                let moment = Timestamp("\(words[words.count - 3])T\(words[words.count - 2])Z")
            else { continue }
            elapse = .at(moment)
        }
        return elapse
    }
}
