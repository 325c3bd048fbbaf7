public import Support
internal import Synchronization

/// A clock that stands still until a test moves it; `sleep` moves it at once by what was asked for.
public final class ManualTime: TimeSource {
    private struct State {
        var now: Timestamp
        var uptime: Duration = .zero
        var slept: [Duration] = []
    }

    private let state: Mutex<State>

    public init(_ now: Timestamp = Timestamp(seconds: 1_795_000_000)) { state = Mutex(State(now: now)) }

    public var now: Timestamp { state.withLock { $0.now } }
    public var uptime: Duration { state.withLock { $0.uptime } }

    /// Every sleep so far, in order.
    public var slept: [Duration] { state.withLock { $0.slept } }

    /// Time passes.
    public func advance(by duration: Duration) {
        state.withLock {
            $0.now = $0.now + duration
            $0.uptime += duration
        }
    }

    /// The wall clock jumps; the uptime does not.
    public func jump(to moment: Timestamp) { state.withLock { $0.now = moment } }

    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        state.withLock { $0.slept.append(duration) }
        advance(by: duration)
        await Task.yield()
    }
}
