internal import Dispatch
internal import Glibc
internal import Synchronization

/// SIGINT and SIGTERM as the cancellation of a task. The first one cancels; the second one ends the process at once, with 128 and
/// the signal's number, after `beforeExit`.
public final class SignalCancellation: Sendable {
    private struct State {
        var received: Int32?
        var cancel: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    // Made and activated in init, cancelled in deinit, never touched in between.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]
    private let beforeExit: @Sendable () -> Void

    /// Takes over the two signals for the rest of the process's life.
    public init(beforeExit: @escaping @Sendable () -> Void = {}) {
        self.beforeExit = beforeExit
        let queue = DispatchQueue(label: "hermes-ops.signals")
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for (source, number) in zip(sources, [SIGINT, SIGTERM]) {
            source.setEventHandler { [weak self] in self?.handle(number) }
            source.activate()
        }
    }

    deinit { for source in sources { source.cancel() } }

    /// The first signal that came, or nil.
    public var received: Int32? { state.withLock { $0.received } }

    /// Runs a body in a task that the first signal cancels.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = Task { try await body() }
        let isLate = state.withLock { state in
            state.cancel = { task.cancel() }
            return state.received != nil
        }
        if isLate { task.cancel() }
        defer { state.withLock { $0.cancel = nil } }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func handle(_ number: Int32) {
        let (isFirst, cancel) = state.withLock { state in
            defer { if state.received == nil { state.received = number } }
            return (state.received == nil, state.cancel)
        }
        if isFirst {
            cancel?()
        } else {
            beforeExit()
            _exit(128 + number)
        }
    }
}
