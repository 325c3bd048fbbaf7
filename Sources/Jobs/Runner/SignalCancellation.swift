internal import Dispatch
internal import Glibc
internal import Synchronization

/// Where the signal handler writes the signal's number; set before the handler is.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// SIGINT, SIGTERM and SIGHUP as the cancellation of a task. The first one cancels; the second one ends the process at once, with 128 and
/// the signal's number, after `beforeExit`.
public final class SignalCancellation: Sendable {
    private struct State {
        var received: Int32?
        var cancel: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    // Made and activated in init, cancelled in deinit, never touched in between.
    nonisolated(unsafe) private var source: (any DispatchSourceRead)?
    private let beforeExit: @Sendable () -> Void

    /// Takes over the signals for the rest of the process's life.
    public init(beforeExit: @escaping @Sendable () -> Void = {}) {
        self.beforeExit = beforeExit
        // A pipe and not a signal source of Dispatch: that one needs SIG_IGN, which loses what comes before it listens and which
        // every child process inherits.
        var ends: [Int32] = [-1, -1]
        // Without a pipe the signals keep their default: the process ends, and the next start closes the record.
        guard pipe(&ends) == 0 else { return }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        signalPipe = ends[1]
        let reader = ends[0]
        let source = DispatchSource.makeReadSource(
            fileDescriptor: reader, queue: DispatchQueue(label: "hermes-ops.signals"))
        source.setEventHandler { [weak self] in
            var number: UInt8 = 0
            while read(reader, &number, 1) == 1 { self?.handle(Int32(number)) }
        }
        source.activate()
        self.source = source
        for number in [SIGINT, SIGTERM, SIGHUP] {
            // nohup(1) has asked for a terminal's end to be nothing.
            var before = sigaction()
            if number == SIGHUP, sigaction(number, nil, &before) == 0,
                unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self)
                    == unsafeBitCast(SIG_IGN, to: Int.self)
            {
                continue
            }
            signal(number) { number in
                // Only what signal-safety(7) allows.
                let error = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(signalPipe, &byte, 1)
                errno = error
            }
        }
    }

    deinit { source?.cancel() }

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
