import HTTP
import Support
import Synchronization
import TestSupport
import Testing

@Suite("Retry policy")
struct RetryPolicyTests {
    private func error(temporary: Bool) -> OperatorError {
        OperatorError("t", doing: "trying", reason: "no", isTemporary: temporary)
    }

    @Test("Temporary failures are tried again with growing, jittered waits")
    func temporary() async throws {
        let time = ManualTime()
        let thrown = await #expect(throws: OperatorError.self) {
            let policy = RetryPolicy(attempts: 5)
            try await policy.run(time: time, random: { 0 }, { _ in throw self.error(temporary: true) })
        }
        #expect(thrown?.type == "t")
        #expect(time.slept == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)])
        let result = try await RetryPolicy().run(time: time) { attempt in
            if attempt < 3 { throw error(temporary: true) }
            return attempt
        }
        #expect(result == 3)
    }

    @Test("Permanent failures are not")
    func permanent() async throws {
        let time = ManualTime()
        await #expect(throws: OperatorError.self) {
            try await RetryPolicy().run(time: time) { _ in throw self.error(temporary: false) }
        }
        await #expect(throws: CancellationError.self) {
            try await RetryPolicy().run(time: time) { _ in throw CancellationError() }
        }
        #expect(time.slept.isEmpty)
    }

    @Test("Retry-After lengthens a wait up to its cap")
    func retryAfter() async throws {
        let policy = RetryPolicy()
        #expect(policy.wait(afterAttempt: 1, retryAfter: .seconds(20), random: 0.5) == .seconds(20))
        #expect(policy.wait(afterAttempt: 1, retryAfter: .seconds(1_000_000), random: 0.5) == .seconds(900))
        #expect(policy.wait(afterAttempt: 99, random: 0.999) <= .seconds(64))
        let time = ManualTime()
        await #expect(throws: OperatorError.self) {
            try await RetryPolicy(attempts: 2).run(time: time) { _ in
                var error = self.error(temporary: true)
                error.retryAfter = .seconds(77)
                throw error
            }
        }
        #expect(time.slept == [.seconds(77)])
    }

    @Test("Retry-After is read as seconds and as a date")
    func header() {
        func response(_ value: String) -> HTTPResponse {
            var headers = HTTPResponse.Headers()
            headers.append("retry-after", value)
            return HTTPResponse(status: 429, headers: headers)
        }
        let now = Timestamp("2026-11-22T10:00:00Z")!
        #expect(response("120").retryAfter(now: now) == .seconds(120))
        #expect(response("Sun, 22 Nov 2026 10:00:30 GMT").retryAfter(now: now) == .seconds(30))
        #expect(response("Sun, 22 Nov 2026 09:00:30 GMT").retryAfter(now: now) == .zero)
        #expect(response("99999999999999999999999").retryAfter(now: now) == .seconds(1_000_000_000))
        #expect(response("soon").retryAfter(now: now) == nil)
        #expect(HTTPResponse(status: 200).retryAfter(now: now) == nil)
    }
}
