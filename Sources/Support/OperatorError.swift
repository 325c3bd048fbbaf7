internal import Glibc

/// How the program ends; the numbers are a contract that people script against (docs/formats.md, "Exit codes").
public enum ExitStatus: Int32, Sendable, Codable {
    case success = 0
    case failure = 1
    /// A secret would have left this machine in the clear, or `scan` found one.
    case refused = 10
    case usage = 64
    /// A bundle, manifest or repository fails its check.
    case damagedInput = 65
    /// A remote service is unavailable after all retries.
    case unavailable = 69
    /// Disk full, quota, read-only.
    case cannotWrite = 73
    /// The lock is held by a live run.
    case skipped = 75
    /// A credential is missing, refused, readable by others, or reaches further than it should.
    case credential = 77
    case configuration = 78
    case interrupted = 130
    case terminated = 143
}

/// An error as the operator reads it: what was being done, to what, what went wrong, what to do next.
///
/// It never holds a secret, a URL with credentials, or text from a remote that was not made printable.
public struct OperatorError: Error, Sendable, CustomStringConvertible {
    /// A stable slug (`[a-z0-9][a-z0-9._-]*`) that programs match on, as in the run record's `error.type`.
    public var type: String
    /// What was being done, as a present participle: "pushing to the remote".
    public var doing: String
    /// What it was done to: a path, a host, a name. Made printable with ``printable(_:limit:)`` where it came from outside.
    public var subject: String?
    /// What went wrong.
    public var reason: String
    /// What to do next, as an imperative sentence without its full stop.
    public var advice: String?
    public var exit: ExitStatus
    /// Whether the same call may succeed later without anybody's help.
    public var isTemporary: Bool
    /// How long a server asked to be left alone before the next attempt.
    public var retryAfter: Duration?

    public init(
        _ type: String, doing: String, subject: String? = nil, reason: String, advice: String? = nil,
        exit: ExitStatus = .failure, isTemporary: Bool = false, retryAfter: Duration? = nil
    ) {
        self.type = type
        self.doing = doing
        self.subject = subject
        self.reason = reason
        self.advice = advice
        self.exit = exit
        self.isTemporary = isTemporary
        self.retryAfter = retryAfter
    }

    /// One line: `doing subject: reason; advice`.
    public var description: String { line(subjectLimit: 1000) }

    /// The same for where room is short: the reason still shows behind a long path.
    public var summary: String { line(subjectLimit: 100) }

    private func line(subjectLimit: Int) -> String {
        var line = doing
        if let subject { line += " \(shortened(subject, to: subjectLimit))" }
        line += ": \(reason)"
        if let advice { line += "; \(advice)" }
        return line
    }
}

extension OperatorError {
    /// An error of the operating system.
    ///
    /// ENOSPC, EDQUOT and EROFS exit 73; EINTR-like and resource shortages count as temporary.
    public static func system(
        _ code: Int32, doing: String, subject: String? = nil, advice: String? = nil, exit: ExitStatus? = nil
    ) -> OperatorError {
        let cannotWrite: Set<Int32> = [ENOSPC, EDQUOT, EROFS]
        let temporary: Set<Int32> = [EAGAIN, EINTR, EBUSY, EMFILE, ENFILE, ENOMEM, ETIMEDOUT]
        var advice = advice
        if advice == nil, code == ENOSPC || code == EDQUOT { advice = "free some space, then run again" }
        return OperatorError(
            "system", doing: doing, subject: subject, reason: errorText(code), advice: advice,
            exit: exit ?? (cannotWrite.contains(code) ? .cannotWrite : .failure),
            isTemporary: temporary.contains(code))
    }

    /// The work was stopped by a signal or by its caller.
    public static func cancelled(doing: String) -> OperatorError {
        OperatorError("cancelled", doing: doing, reason: "stopped before it was done", exit: .terminated)
    }
}

/// The text of an errno, from the C library.
public func errorText(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}
