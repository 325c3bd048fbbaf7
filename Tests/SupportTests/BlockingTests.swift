internal import Support
internal import Testing

/// Blocking calls off the cooperative pool.
@Suite(.timeLimit(.minutes(2))) struct BlockingTests {
    private final class Owner: Sendable {
        let name = "owner"
    }

    private func call() async throws -> Weak {
        let owner = Owner()
        let seen = Weak(owner)
        #expect(try await offPool { owner.name.utf8.count } == 5)
        return seen
    }

    private struct Weak {
        weak var owner: Owner?
        init(_ owner: Owner) { self.owner = owner }
    }

    /// A drill's folder is removed with its last owner: that must not be a queue that comes to it later.
    @Test func whatABodyHoldsIsLetGoBeforeItsResultComes() async throws {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var kept = 0
                    for _ in 0..<5000 where try await call().owner != nil { kept += 1 }
                    return kept
                }
            }
            for try await kept in group { #expect(kept == 0) }
        }
    }

    /// More busy bodies than cores: a timer of the cooperative pool still goes off.
    @Test func bodiesOnThreadsOfTheirOwnHoldNothingUp() async throws {
        let flag = CancellationFlag()
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<12 {
                group.addTask { try? await onOwnThread { while !flag.isCancelled {} } }
            }
            try? await Task.sleep(for: .milliseconds(200))
            flag.cancel()
        }
        #expect(ContinuousClock.now - start < .seconds(20))
        struct Failure: Error {}
        await #expect(throws: Failure.self) { try await onOwnThread { throw Failure() } }
        #expect(try await onOwnThread { 5 } == 5)
    }

    @Test func errorsAndCancellationComeThrough() async throws {
        struct Failure: Error {}
        await #expect(throws: Failure.self) { try await offPool { throw Failure() } }
        let task = Task {
            try await offPoolCancellable { flag in
                while true { try flag.check() }
            }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
