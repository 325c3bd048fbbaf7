import Support
import Testing

@testable import Units

@Suite struct CalendarExpressionTests {
    @Test func systemdJudgesExpressions() async {
        #expect(await CalendarExpression("*-*-* 03:15:00").validity() == .valid(normalized: "*-*-* 03:15:00"))
        #expect(await CalendarExpression("quarterly").validity() == .valid(normalized: "*-01,04,07,10-01 00:00:00"))
        for text in ["every tuesday", "--help", "", "25:00", "a\u{0}b"] {
            guard case .invalid(let reason) = await CalendarExpression(text).validity() else {
                Issue.record("\(text) passed")
                continue
            }
            #expect(!reason.isEmpty)
        }
    }

    @Test func nextTimesAreCountedFromTheGivenMoment() async throws {
        let moment = try #require(Timestamp("2026-11-22T10:00:00Z"))
        let expected = ["2026-11-23T02:15:00Z", "2026-11-24T02:15:00Z", "2026-11-25T02:15:00Z"].compactMap {
            Timestamp($0)
        }
        #expect(
            await CalendarExpression("03:15 Europe/Berlin").nextElapses(after: moment, count: 3) == .times(expected))
        #expect(await CalendarExpression("2020-01-01").nextElapses(after: moment) == .times([]))
    }

    /// A machine in another zone: `daily` is its own midnight, and the answer is in UTC all the same.
    @Test func localTimeIsTurnedIntoUTC() async throws {
        let moment = try #require(Timestamp("2026-11-22T10:00:00Z"))
        let elapses = await CalendarExpression("daily").nextElapses(
            after: moment, count: 2, runner: Zone(name: "Asia/Kolkata"))
        #expect(elapses == .times(["2026-11-22T18:30:00Z", "2026-11-23T18:30:00Z"].compactMap { Timestamp($0) }))
    }

    @Test func newerWordingIsRead() {
        let output = "    Next elapse: Tue 2026-11-24 03:15:00.5 UTC\n   Iteration #2: Wed 2026-11-25 03:15:00 UTC\n"
        #expect(
            CalendarExpression.times(output)?.map(\.description) == [
                "2026-11-24T03:15:00.500Z", "2026-11-25T03:15:00Z",
            ])
        #expect(CalendarExpression.times("  Next elapse: Tue 2026-11-24 03:15:00 IST\n") == nil)
    }

    @Test func withoutSystemdItIsUnknownNotValid() async {
        let runner = MissingCommands()
        #expect(
            await CalendarExpression("daily").validity(runner: runner)
                == .unknown(reason: "systemd-analyze is not installed"))
        #expect(
            await CalendarExpression("daily").nextElapses(after: Timestamp(seconds: 0), runner: runner)
                == .unknown(reason: "systemd-analyze is not installed"))
    }

    @Test func aMissingCommandSaysSo() async {
        let error = await #expect(throws: OperatorError.self) {
            try await SystemProcessRunner().run(["hermes-ops-no-such-command"], environment: [:])
        }
        #expect(error?.type == "command-missing")
    }

    @Test func aCommandThatHangsIsEnded() async {
        let error = await #expect(throws: OperatorError.self) {
            try await SystemProcessRunner(limit: .milliseconds(200)).run(["sleep", "30"], environment: [:])
        }
        #expect(error?.type == "command-timeout")
        #expect(error?.isTemporary == true)
    }

    private struct Zone: ProcessRunner {
        var name: String
        func run(_ command: [String], environment: [String: String]) async throws -> ProcessResult {
            try await SystemProcessRunner().run(command, environment: environment.merging(["TZ": name]) { $1 })
        }
    }

    private struct MissingCommands: ProcessRunner {
        func run(_ command: [String], environment: [String: String]) async throws -> ProcessResult {
            throw OperatorError("command-missing", doing: "running", reason: "not found")
        }
    }
}
