internal import Glibc
internal import Support

/// A thread of its own for one stage of a pipeline: not libdispatch's, which starts only about as many at once as there are cores
/// and so lets stages that wait hold up those that work.
final class Stage: @unchecked Sendable {
    // Unchecked: all mutable state is touched under the monitor alone.
    private let monitor = Monitor()
    private var isDone = false
    private var failure: (any Error)?

    init(_ body: @escaping @Sendable () throws -> Void) throws {
        try startThread { [self] in
            let result = Result { try body() }.failure
            monitor.locked {
                failure = result
                isDone = true
                monitor.wakeAll()
            }
        }
    }

    /// Waits for the end and throws what the stage threw. `glance` is called now and then while it waits.
    func join(_ glance: (() -> Void)? = nil) throws {
        while let glance, !monitor.locked({ isDone }) {
            monitor.locked { if !isDone { monitor.wait(milliseconds: 50) } }
            glance()
        }
        let failure = monitor.locked {
            while !isDone { monitor.wait() }
            return self.failure
        }
        if let failure { throw failure }
    }
}

/// How many threads a stage that is bound by the CPU has.
let coreCount = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

/// Runs a body on a new thread, which takes no signals: those belong to the program's own threads.
func startThread(_ body: @escaping @Sendable () -> Void) throws {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let context = Unmanaged.passRetained(Body(body))
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
            return nil
        }, context.toOpaque())
    guard status == 0 else {
        context.release()
        throw OperatorError.system(status, doing: "starting a thread")
    }
    pthread_detach(thread)
}

extension Result where Failure == any Error {
    var failure: (any Error)? { if case .failure(let error) = self { error } else { nil } }
}

/// A value that one thread hands over to another and does not touch again.
struct Transferred<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// Something that threads wait for under a ``Monitor``'s lock.
final class Condition: @unchecked Sendable {
    fileprivate let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        var attributes = pthread_condattr_t()
        // Its times do not jump with the clock on the wall.
        precondition(
            pthread_condattr_init(&attributes) == 0 && pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0
                && pthread_cond_init(condition, &attributes) == 0)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    /// Inside `locked` only. There is no waking of one alone: glibc can lose a signal (its bug 25847), not a broadcast.
    func wakeAll() { pthread_cond_broadcast(condition) }
}

/// A lock with a condition to wait for.
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = Condition()

    init() { precondition(pthread_mutex_init(mutex, nil) == 0) }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Waits for the monitor's own condition. Inside `locked` only.
    func wait() { wait(for: condition) }
    /// Inside `locked` only; a condition belongs to one monitor.
    func wait(for condition: Condition) { pthread_cond_wait(condition.condition, mutex) }
    /// The same, for so long at most.
    func wait(milliseconds: Int) {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        end.tv_nsec += milliseconds * 1_000_000
        end.tv_sec += end.tv_nsec / 1_000_000_000
        end.tv_nsec %= 1_000_000_000
        pthread_cond_timedwait(condition.condition, mutex, &end)
    }
    func wakeAll() { condition.wakeAll() }
}
