public import Dispatch

/// Runs a blocking call off the cooperative pool, which has only as many threads as the machine has cores.
///
/// The call itself is not interrupted by cancellation: it looks at a ``CancellationFlag`` where it can stop. When this returns, nothing
/// holds on to what the body holds any more but its callers.
public func offPool<Result: Sendable>(
    on queue: DispatchQueue = blockingQueue, _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    let call = BlockingCall(body)
    return try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: call.run()) }
    }
}

/// A body that is let go before its result goes out: the queue keeps its block a little longer, and a folder that is removed with its
/// last owner would still be there when the caller has gone on, or the process has ended.
private final class BlockingCall<Result: Sendable>: @unchecked Sendable {
    // Unchecked: made by one thread, and then run once by another.
    private var body: (@Sendable () throws -> Result)?

    init(_ body: @escaping @Sendable () throws -> Result) { self.body = body }

    func run() -> Swift.Result<Result, any Error> {
        guard let body = body.take() else { preconditionFailure("a call is run once") }
        return Swift.Result { try body() }
    }
}

/// The queue that ``offPool(on:_:)`` uses unless told otherwise; concurrent.
public let blockingQueue = DispatchQueue(label: "hermes-ops.blocking", attributes: .concurrent)
