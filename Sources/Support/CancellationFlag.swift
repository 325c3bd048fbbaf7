internal import Synchronization

/// A flag that blocking loops look at: set when the surrounding task is cancelled.
public final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    public init() {}

    public var isCancelled: Bool { flag.load(ordering: .relaxed) }

    public func cancel() { flag.store(true, ordering: .relaxed) }

    /// Throws `CancellationError` once the flag is set.
    public func check() throws {
        if isCancelled { throw CancellationError() }
    }
}

/// Runs a blocking body off the cooperative pool with a flag that follows the task's cancellation.
public func offPoolCancellable<Result: Sendable>(
    _ body: @escaping @Sendable (CancellationFlag) throws -> Result
) async throws -> Result {
    let flag = CancellationFlag()
    return try await withTaskCancellationHandler {
        try await offPool { try body(flag) }
    } onCancel: {
        flag.cancel()
    }
}
