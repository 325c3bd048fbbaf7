internal import Jobs
internal import Support

/// SIGINT, SIGTERM and SIGHUP end long work: its task is cancelled, it cleans up, and the process exits with 130, or with 143 for the
/// last two.
enum Interruption {
    static let signals = SignalCancellation()

    static func run<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        do {
            return try await signals.run(body)
        } catch let error where signals.received != nil {
            guard error is CancellationError || (error as? OperatorError)?.type == "cancelled" else { throw error }
            var stopped = OperatorError.cancelled(doing: doing)
            stopped.exit = signals.received == 2 ? .interrupted : .terminated
            throw stopped
        }
    }
}
