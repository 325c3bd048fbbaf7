internal import Support

/// The wait before another attempt: "full jitter", evenly drawn from zero up to the backoff, which doubles with each attempt up to
/// its maximum (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
struct RetryBackoff {
    let retry: JobDeclaration.Retry
    /// Draws from 0 to 1.
    let random: @Sendable () -> Double

    /// The wait after the attempt of that number failed; attempts count from 1. A server's own wish is obeyed up to a quarter of an hour.
    func wait(after attempt: Int, asked: Duration? = nil) -> Duration {
        var bound = retry.backoff
        for _ in 1..<max(1, min(attempt, 40)) where bound < retry.maxBackoff { bound = bound * 2 }
        let milliseconds = Double(min(bound, retry.maxBackoff).wholeMilliseconds)
        return max(.milliseconds(Int64(milliseconds * min(1, max(0, random())))), min(asked ?? .zero, .seconds(900)))
    }
}
