internal import Dispatch
internal import Glibc
internal import Support

/// Runs jobs on all cores and hands them on in the order in which they came, a fixed number of them at a time: memory stays flat,
/// and a slow stage holds the faster ones back.
///
/// One thread takes free jobs and submits them filled; another asks for the next finished one and recycles it.
final class OrderedJobs<Job: AnyObject & Sendable>: @unchecked Sendable {
    // Unchecked: all mutable state is touched under the monitor alone.
    private final class Slot {
        let job: Job
        var isDone = false
        var failure: (any Error)?
        init(_ job: Job) { self.job = job }
    }

    private let monitor = Monitor()
    private let work: @Sendable (Job) throws -> Void
    private var free: [Job]
    private var slots: [Slot] = []
    private var isClosed = false
    private var ending: (any Error)?
    private var stop: (any Error)?

    init(jobs: [Job], work: @escaping @Sendable (Job) throws -> Void) {
        free = jobs
        self.work = work
    }

    /// A free job; waits for one. Throws what stopped the pipeline.
    func take() throws -> Job {
        try monitor.locked {
            while true {
                if let stop { throw stop }
                if let job = free.popLast() { return job }
                monitor.wait()
            }
        }
    }

    func submit(_ job: Job) {
        let slot = Transferred(Slot(job))
        monitor.locked { slots.append(slot.value) }
        workQueue.async { [self] in
            let failure: (any Error)? =
                if monitor.locked({ stop }) == nil { Result { try work(slot.value.job) }.failure } else { nil }
            monitor.locked {
                slot.value.failure = failure
                slot.value.isDone = true
                monitor.wakeAll()
            }
        }
    }

    /// No more jobs will be submitted: because all is done, or because of a failure that `next` is to throw after the last job.
    func close(_ failure: (any Error)? = nil) {
        monitor.locked {
            isClosed = true
            ending = failure
            monitor.wakeAll()
        }
    }

    /// The next job in order, once its work is done; nil after the last. Throws what its work threw.
    func next() throws -> Job? {
        try monitor.locked {
            while true {
                if let stop { throw stop }
                if let first = slots.first {
                    if first.isDone {
                        slots.removeFirst()
                        if let failure = first.failure { throw failure }
                        return first.job
                    }
                } else if isClosed {
                    if let ending { throw ending }
                    return nil
                }
                monitor.wait()
            }
        }
    }

    func recycle(_ job: Job) {
        monitor.locked {
            free.append(job)
            monitor.wakeAll()
        }
    }

    /// Ends both sides: what waits in `take` or `next`, or comes later, throws this.
    func abort(_ error: any Error) {
        monitor.locked {
            if stop == nil { stop = error }
            monitor.wakeAll()
        }
    }
}

/// Where CPU-bound pieces run; libdispatch keeps about as many at once as there are cores.
private let workQueue = DispatchQueue(label: "hermes-ops.bundles.work", attributes: .concurrent)

/// How many jobs a pipeline keeps in flight: enough for all cores, few enough for small memory.
let jobsInFlight = min(8, max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) + 2)

/// A value that one thread hands over to another and does not touch again.
struct Transferred<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// A thread of its own for one stage of a pipeline.
final class Stage: @unchecked Sendable {
    // Unchecked: `failure` is written before the group is left and read after it was waited for.
    private let group = DispatchGroup()
    private var failure: (any Error)?

    init(_ name: String, _ body: @escaping @Sendable () throws -> Void) {
        group.enter()
        DispatchQueue(label: "hermes-ops.bundles.\(name)").async { [self] in
            failure = Result { try body() }.failure
            group.leave()
        }
    }

    /// Waits for the end and throws what the stage threw.
    func join() throws {
        group.wait()
        if let failure { throw failure }
    }
}

extension Result where Failure == any Error {
    var failure: (any Error)? { if case .failure(let error) = self { error } else { nil } }
}

/// A lock with a condition to wait for.
private final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        precondition(pthread_mutex_init(mutex, nil) == 0 && pthread_cond_init(condition, nil) == 0)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Inside `locked` only.
    func wait() { pthread_cond_wait(condition, mutex) }
    func wakeAll() { pthread_cond_broadcast(condition) }
}
