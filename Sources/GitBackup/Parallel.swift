internal import Dispatch
internal import Glibc
internal import Support
internal import Synchronization

/// Runs a body for every index on all cores and throws the first failure; the rest is not begun then.
func inParallel(_ count: Int, _ cancellation: CancellationFlag, _ body: @Sendable (Int) throws -> Void) throws {
    let next = Atomic<Int>(0)
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: max(1, min(count, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))) { _ in
        do {
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                try cancellation.check()
                try body(index)
            }
        } catch {
            failure.withLock { $0 = $0 ?? error }
            next.store(count, ordering: .relaxed)
        }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
}
