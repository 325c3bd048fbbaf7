internal import Support

/// Runs jobs on a few threads and hands them on in the order in which they came, a fixed number of them at a time: memory stays
/// flat, and a slow stage holds the faster ones back.
///
/// One thread takes free jobs and submits them filled; another asks for the next finished one and recycles it. The threads end
/// after ``close(_:)`` or ``abort(_:)``.
final class OrderedJobs<Job: AnyObject & Sendable>: @unchecked Sendable {
    // Unchecked: all mutable state is touched under the monitor alone.
    private final class Slot {
        let job: Job
        var isDone: Bool
        var failure: (any Error)?
        init(_ job: Job, isDone: Bool) {
            self.job = job
            self.isDone = isDone
        }
    }

    private let monitor = Monitor()
    // Three things to wait for, each for its own threads: to wake all of them for each would have them take turns on the cores, and
    // each find its caches full of something else.
    private let hasWork = Condition()
    private let isNextDone = Condition()
    private let isRecycled = Condition()
    private let work: (@Sendable (Job) throws -> Void)?
    private var free: [Job]
    /// In order, done or not.
    private var slots: [Slot] = []
    /// Not begun.
    private var pending: [Slot] = []
    /// How many are being worked on.
    private var working = 0
    /// How many were handed on and did not come back yet.
    private var handedOn = 0
    private var isClosed = false
    private var ending: (any Error)?
    private var stop: (any Error)?

    /// Without `work` the jobs are handed on as they are.
    init(jobs: [Job], work: (@Sendable (Job) throws -> Void)? = nil) throws {
        free = jobs
        self.work = work
        guard let work else { return }
        do {
            for _ in 0..<min(coreCount, jobs.count) { try startThread { [self] in run(work) } }
        } catch {
            abort(error)
            throw error
        }
    }

    private func run(_ work: (Job) throws -> Void) {
        while let slot = begin() {
            let failure = Result { try work(slot.job) }.failure
            monitor.locked {
                slot.failure = failure
                slot.isDone = true
                working -= 1
                if slots.first === slot { isNextDone.wakeAll() }
                if stop != nil { isRecycled.wakeAll() }
            }
        }
    }

    private func begin() -> Slot? {
        monitor.locked {
            while pending.isEmpty, !isClosed, stop == nil { monitor.wait(for: hasWork) }
            guard !pending.isEmpty, stop == nil else { return nil }
            working += 1
            return pending.removeFirst()
        }
    }

    /// A free job; waits for one. Throws what stopped the pipeline.
    func take() throws -> Job {
        try monitor.locked {
            while true {
                if let stop { throw stop }
                if let job = free.popLast() { return job }
                monitor.wait(for: isRecycled)
            }
        }
    }

    func submit(_ job: Job) {
        monitor.locked {
            let slot = Slot(job, isDone: work == nil)
            slots.append(slot)
            if work == nil { return isNextDone.wakeAll() }
            pending.append(slot)
            hasWork.wakeAll()
        }
    }

    /// No more jobs will be submitted: because all is done, or because of a failure that `next` is to throw after the last job.
    func close(_ failure: (any Error)? = nil) {
        monitor.locked {
            isClosed = true
            ending = failure
            wakeAll()
        }
    }

    /// The next job in order, once its work is done; nil after the last. Throws what its work threw, which stops the pipeline.
    func next() throws -> Job? {
        try monitor.locked {
            while true {
                if let stop { throw stop }
                if let first = slots.first {
                    if first.isDone {
                        slots.removeFirst()
                        if let failure = first.failure {
                            if stop == nil { stop = failure }
                            wakeAll()
                            throw failure
                        }
                        handedOn += 1
                        return first.job
                    }
                } else if isClosed {
                    if let ending { throw ending }
                    return nil
                }
                monitor.wait(for: isNextDone)
            }
        }
    }

    /// Waits until all jobs that were submitted were handed on and came back. Throws what stopped the pipeline.
    func settle() throws {
        try monitor.locked {
            while true {
                if let stop { throw stop }
                if slots.isEmpty, handedOn == 0 { return }
                monitor.wait(for: isRecycled)
            }
        }
    }

    func recycle(_ job: Job) {
        monitor.locked {
            handedOn -= 1
            free.append(job)
            isRecycled.wakeAll()
        }
    }

    /// Ends both sides: what waits in `take`, `next` or `settle`, or comes later, throws this.
    func abort(_ error: any Error) {
        monitor.locked {
            if stop == nil { stop = error }
            wakeAll()
        }
    }

    /// The same, and returns when no work is being done any more.
    func cancel(_ error: any Error) {
        abort(error)
        monitor.locked { while working > 0 { monitor.wait(for: isRecycled) } }
    }

    private func wakeAll() {
        for condition in [hasWork, isNextDone, isRecycled] { condition.wakeAll() }
    }
}

/// How many jobs a pipeline keeps in flight: enough for all cores, few enough for small memory.
let jobsInFlight = min(7, coreCount + 4)
