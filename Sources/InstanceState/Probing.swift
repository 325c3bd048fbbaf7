internal import HermesHome
internal import Support
internal import Synchronization
internal import SystemPackage

/// What a probe brought: a value, or why there is none; and how it went.
struct Observation<Value: Sendable>: Sendable {
    var value: Value?
    var probe: Probe
    var detail: String?
}

/// Runs probes, each with a time limit and a failure of its own.
struct Probing: Sendable {
    let time: any TimeSource
    /// A home on a dead network disk must not hold the rest up.
    var limit = Duration.seconds(5)

    /// Runs a blocking body on a thread of its own: the limit holds whatever a stranger's file makes it do. At the limit the answer is
    /// `timeout`, and the body is left to end by itself; it looks at the flag where it can stop.
    func blocking<Value: Sendable>(_ body: @escaping @Sendable (CancellationFlag) throws -> Value?) async
        -> Observation<Value>
    {
        await asynchronous {
            let flag = CancellationFlag()
            return try await withTaskCancellationHandler {
                try await onOwnThread { try body(flag) }
            } onCancel: {
                flag.cancel()
            }
        }
    }

    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value?) async -> Observation<Value> {
        await blocking { _ in try body() }
    }

    /// Nil from the body means that there is nothing to observe: `skipped`, not configured.
    func asynchronous<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value?) async -> Observation<
        Value
    > {
        let start = time.uptime
        let limit = limit
        let result = await withFirstResult {
            do {
                return Result<Value?, any Error>.success(try await body())
            } catch {
                return .failure(error)
            }
        } orAfter: {
            try? await Task.sleep(for: limit)
            return .failure(HomeFailure(.timeout, "it took longer than \(limit)"))
        }
        let took = time.uptime - start
        switch result {
        case .success(let value?): return Observation(value: value, probe: .ok(at: time.now, took: took))
        case .success(nil): return Observation(value: nil, probe: .skipped(.notConfigured, at: time.now))
        case .failure(let error):
            let (reason, detail) = Self.reason(error)
            let probe: Probe =
                reason == .notConfigured ? .skipped(reason, at: time.now) : .failed(reason, at: time.now, took: took)
            return Observation(value: nil, probe: probe, detail: detail)
        }
    }

    static func reason(_ error: any Error) -> (Probe.Reason, String) {
        switch error {
        case let failure as HomeFailure: return (failure.reason, failure.detail)
        case let error as OperatorError:
            let reason: Probe.Reason =
                switch error.type {
                case "command-timeout": .timeout
                case "command-missing": .notFound
                default: .internal
                }
            return (reason, error.description)
        case let code as Errno:
            return (HomeFailure(code, at: "").reason, errorText(code.rawValue))
        default: return (.internal, "\(type(of: error))")
        }
    }
}

/// The first of two results. The loser is cancelled but not waited for, as a task group would: a blocked system call ends when it ends.
private func withFirstResult<Value: Sendable>(
    _ first: @escaping @Sendable () async -> Value, orAfter second: @escaping @Sendable () async -> Value
) async -> Value {
    let race = Race<Value>()
    return await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            race.begin(continuation, [Task { race.finish(await first()) }, Task { race.finish(await second()) }])
        }
    } onCancel: {
        race.cancel()
    }
}

private final class Race<Value: Sendable>: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Value, Never>?
        var result: Value?
        var tasks: [Task<Void, Never>] = []
        var isCancelled = false
    }

    private let state = Mutex(State())

    func begin(_ continuation: CheckedContinuation<Value, Never>, _ tasks: [Task<Void, Never>]) {
        let result: Value? = state.withLock { state in
            state.tasks = tasks
            if state.isCancelled { for task in tasks { task.cancel() } }
            if state.result == nil { state.continuation = continuation }
            return state.result
        }
        if let result { continuation.resume(returning: result) }
    }

    func finish(_ value: Value) {
        let waiting: CheckedContinuation<Value, Never>? = state.withLock { state in
            guard state.result == nil else { return nil }
            state.result = value
            for task in state.tasks { task.cancel() }
            defer { state.continuation = nil }
            return state.continuation
        }
        waiting?.resume(returning: value)
    }

    func cancel() {
        state.withLock { state in
            state.isCancelled = true
            for task in state.tasks { task.cancel() }
        }
    }
}
