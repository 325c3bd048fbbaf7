public import Dispatch

/// Runs a blocking call off the cooperative pool, which has only as many threads as the machine has cores.
///
/// The call itself is not interrupted by cancellation: it looks at a ``CancellationFlag`` where it can stop.
public func offPool<Result: Sendable>(
    on queue: DispatchQueue = blockingQueue, _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// The queue that ``offPool(on:_:)`` uses unless told otherwise; concurrent.
public let blockingQueue = DispatchQueue(label: "hermes-ops.blocking", attributes: .concurrent)
