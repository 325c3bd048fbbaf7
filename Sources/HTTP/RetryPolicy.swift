public import Support

/// How often a temporary failure is tried again, and after which wait.
public struct RetryPolicy: Sendable {
    /// All attempts, the first included.
    public var attempts: Int
    /// The ceiling of the first wait; it doubles with each attempt.
    public var backoff: Duration
    public var maxBackoff: Duration
    /// A server's Retry-After is obeyed up to here.
    public var maxRetryAfter: Duration

    public init(
        attempts: Int = 6, backoff: Duration = .seconds(1), maxBackoff: Duration = .seconds(64),
        maxRetryAfter: Duration = .seconds(900)
    ) {
        self.attempts = attempts
        self.backoff = backoff
        self.maxBackoff = maxBackoff
        self.maxRetryAfter = maxRetryAfter
    }

    /// The wait after a failed attempt (1 is the first): half to whole of the doubled backoff, and not less than the server asked.
    ///
    /// - Parameter random: a number in 0..<1.
    public func wait(afterAttempt attempt: Int, retryAfter: Duration? = nil, random: Double) -> Duration {
        let doubled = backoff * (1 << min(max(attempt - 1, 0), 30))
        let jittered = min(doubled, maxBackoff) * (0.5 + random / 2)
        return max(jittered, min(retryAfter ?? .zero, maxRetryAfter))
    }

    /// Runs a body until it succeeds, fails for good (an error that is not temporary, or is no ``OperatorError``), is cancelled, or
    /// the attempts are used up; then its last error is thrown.
    public func run<Result>(
        time: any TimeSource = SystemTime(), random: @Sendable () -> Double = { Double.random(in: 0..<1) },
        _ body: (_ attempt: Int) async throws -> Result
    ) async throws -> Result {
        var attempt = 1
        while true {
            let failure: OperatorError
            do {
                return try await body(attempt)
            } catch let error as OperatorError {
                failure = error
            }
            guard failure.isTemporary, attempt < attempts else { throw failure }
            try await time.sleep(for: wait(afterAttempt: attempt, retryAfter: failure.retryAfter, random: random()))
            attempt += 1
        }
    }
}
