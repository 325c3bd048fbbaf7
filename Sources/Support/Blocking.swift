public import Dispatch
internal import Glibc

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

/// The same on a thread of its own, for what may take the processor for as long as it likes: the queue's threads are those of the
/// cooperative pool, and as many busy ones as there are cores would hold up timers and cancellation too.
public func onOwnThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    let call = BlockingCall(body)
    return try await withCheckedThrowingContinuation { continuation in
        let work = ThreadWork { continuation.resume(with: call.run()) }
        // A machine that has no thread left may still have one in the queue.
        if !work.start() { blockingQueue.async { work.body() } }
    }
}

private final class ThreadWork: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    /// Starts a thread that nobody joins; false if there is none to be had.
    func start() -> Bool {
        let held = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<ThreadWork>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, held.toOpaque())
        if code == 0 { pthread_detach(thread) } else { held.release() }
        return code == 0
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
