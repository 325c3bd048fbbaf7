internal import Support
internal import Synchronization

/// A request to stop that is made once and heard by all who listen, those who come late included.
final class StopRequest: Sendable {
    private struct State {
        var isRequested = false
        var listeners: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    var isRequested: Bool { state.withLock { $0.isRequested } }

    func request() {
        let listeners = state.withLock { state in
            state.isRequested = true
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { listener() }
    }

    /// For what is done after the run's work: a signal that comes meanwhile ends it too, one that ended the work does not.
    var forWhatComesAfter: StopRequest { isRequested ? StopRequest() : self }

    func listen(_ listener: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if !state.isRequested { state.listeners.append(listener) }
            return state.isRequested
        }
        if isLate { listener() }
    }
}

/// Why work was told to stop.
enum StopReason: Sendable {
    case cancelled, timeout
}

/// How bounded work ended.
enum BoundedEnd<Value: Sendable>: Sendable {
    /// By itself; `stopped` when it had been told to stop before.
    case finished(Result<Value, any Error>, stopped: StopReason?)
    /// Not at all: it was told to stop and still runs after the grace.
    case abandoned(StopReason)

    var stopReason: StopReason? {
        switch self {
        case .finished(_, let stopped): stopped
        case .abandoned(let reason): reason
        }
    }
}

private enum BoundedEvent<Value: Sendable>: Sendable {
    case finished(Result<Value, any Error>)
    case stop(StopReason)
    case graceOver
}

/// Runs work until it ends, or `limit` is over, or `stop` is requested; then cancels it and waits for `grace` at most.
///
/// The work is an unstructured task on purpose: a blocking call into C may never come back, and no structured child can be left
/// behind. The caller must not be cancelled itself (see ``JobRunner``).
func bounded<Value: Sendable>(
    _ stop: StopRequest, limit: Duration?, grace: Duration, time: any TimeSource,
    _ work: @escaping @Sendable () async throws -> Value
) async -> BoundedEnd<Value> {
    let (events, sink) = AsyncStream.makeStream(of: BoundedEvent<Value>.self)
    let task = Task {
        do { sink.yield(.finished(.success(try await work()))) } catch { sink.yield(.finished(.failure(error))) }
    }
    var timers: [Task<Void, Never>] = []
    defer { for timer in timers { timer.cancel() } }
    func after(_ duration: Duration, _ event: BoundedEvent<Value>) {
        timers.append(Task { if (try? await time.sleep(for: duration)) != nil { sink.yield(event) } })
    }
    if let limit { after(max(.zero, limit), .stop(.timeout)) }
    stop.listen { sink.yield(.stop(.cancelled)) }
    var reason: StopReason?
    for await event in events {
        switch event {
        case .finished(let result):
            return .finished(result, stopped: reason)
        case .stop(let why):
            guard reason == nil else { continue }
            reason = why
            task.cancel()
            after(grace, .graceOver)
        case .graceOver:
            return .abandoned(reason ?? .cancelled)
        }
    }
    return .abandoned(reason ?? .cancelled)
}
