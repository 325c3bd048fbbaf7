import Support
import TestSupport
import Testing

@testable import Notify

/// A week of a machine, hour by hour: the messages are exactly those that a person would want.
@Suite struct AlertWeekTests {
    @Test func aWeek() async throws {
        var machine = try Machine()
        var expected: [String] = []
        func hours(_ count: Int, _ outcome: (Int) -> RunSummary.Outcome) async {
            for hour in 0..<count {
                machine.time.advance(by: .seconds(3600))
                _ = await machine.run(outcome(hour))
            }
        }
        // Monday: all is well.
        await hours(24) { _ in .success }
        #expect(try await machine.heads() == expected)

        // Tuesday: it fails for 20 hours, then works again.
        await hours(20) { _ in .failure }
        await hours(4) { _ in .success }
        expected += ["🔴 Bheem / Uma: backup failed", "🟢 Bheem / Uma: backup works again"]
        #expect(try await machine.heads() == expected)

        // Wednesday and Thursday: it fails for two days. A reminder a day.
        await hours(47) { _ in .failure }
        await hours(1) { _ in .success }
        expected += [
            "🔴 Bheem / Uma: backup failed", "🟠 Bheem / Uma: backup still fails, for 23 h (24 times)",
            "🟠 Bheem / Uma: backup still fails, for 1 d 22 h (47 times)", "🟢 Bheem / Uma: backup works again",
        ]
        #expect(try await machine.heads() == expected)

        // Friday: the network is dead for a day, and it fails meanwhile; both arrive afterwards, no reminder that says the same.
        machine.isOnline = false
        await hours(24) { $0 < 23 ? .failure : .success }
        machine.isOnline = true
        await hours(1) { _ in .success }
        expected += ["🔴 Bheem / Uma: backup failed", "🟢 Bheem / Uma: backup works again"]
        #expect(try await machine.heads() == expected)

        // Saturday: it changes every quarter of an hour for half a day, then holds.
        for quarter in 0..<48 {
            machine.time.advance(by: .seconds(900))
            _ = await machine.run(quarter.isMultiple(of: 2) ? .failure : .success)
        }
        for _ in 0..<16 {
            machine.time.advance(by: .seconds(900))
            _ = await machine.run(.success)
        }
        expected += Array(
            repeating: ["🔴 Bheem / Uma: backup failed", "🟢 Bheem / Uma: backup works again"], count: 3
        ).joined()
        expected += [
            "🟠 Bheem / Uma: backup is unstable, it started to fail 4 times in 6 h",
            "🟢 Bheem / Uma: backup is steady again",
        ]
        #expect(try await machine.heads() == expected)

        // Sunday: the chat becomes a supergroup between an alert and its recovery.
        await hours(1) { _ in .timeout }
        try await machine.fake.migrate("-1001", to: "-1009")
        await hours(1) { _ in .success }
        expected += ["🔴 Bheem / Uma: backup ran out of time", "🟢 Bheem / Uma: backup works again"]
        #expect(try await machine.heads() == expected)
        #expect(try await machine.fake.messages().last?.chat == "-1009")
    }

    @Test func aDailyJobThatFailsIsRemindedOfDaily() async throws {
        var machine = try Machine()
        // A little earlier each day: a wait of exactly 24 h would skip every other one.
        for _ in 0..<7 {
            machine.time.advance(by: .seconds(86400 - 40))
            _ = await machine.run(.failure)
        }
        #expect(try await machine.heads().count == 7)
    }

    @Test func anotherJobsRunRemindsOfAWeeklyOne() async throws {
        var machine = try Machine()
        _ = await machine.run(.failure, job: "bundle")
        for _ in 0..<30 {
            machine.time.advance(by: .seconds(3600))
            _ = await machine.run(.success)
        }
        #expect(
            try await machine.heads() == [
                "🔴 Bheem / Uma: bundle failed", "🟠 Bheem / Uma: bundle still fails, for 23 h (once)",
            ])
        await machine.notifier.forgetJobs(except: ["backup"])
        machine.time.advance(by: .seconds(86400))
        _ = await machine.run(.success)
        #expect(try await machine.heads().count == 2)
    }

    @Test func aJobThatStaysUnstableIsRemindedOfAndThenReported() async throws {
        var machine = try Machine()
        for quarter in 0..<(4 * 30) {
            machine.time.advance(by: .seconds(900))
            _ = await machine.run(quarter.isMultiple(of: 2) ? .failure : .success)
        }
        let heads = try await machine.heads()
        #expect(heads.count == 8)
        #expect(heads.last?.hasPrefix("🟠 Bheem / Uma: backup is still unstable, for 1 d") == true)
        // It then fails for good: nothing new until the reminder, and the end of it is told.
        for _ in 0..<8 {
            machine.time.advance(by: .seconds(3600))
            _ = await machine.run(.failure)
        }
        #expect(try await machine.heads().count == 8)
        machine.time.advance(by: .seconds(3600))
        _ = await machine.run(.success)
        #expect(try await machine.heads().last == "🟢 Bheem / Uma: backup is steady again")
    }

    @Test func aClockSetBackNeitherFloodsNorSilences() async throws {
        var machine = try Machine()
        _ = await machine.run(.failure)
        machine.time.jump(to: machine.time.now - .seconds(30 * 86400))
        for _ in 0..<30 {
            machine.time.advance(by: .seconds(3600))
            _ = await machine.run(.failure)
        }
        #expect(try await machine.heads().count == 2)
        _ = await machine.run(.success)
        #expect(try await machine.heads().count == 3)
    }

    @Test func remindersCanBeSwitchedOff() async throws {
        var machine = try Machine()
        machine.policy.remindEvery = nil
        for _ in 0..<200 {
            machine.time.advance(by: .seconds(3600))
            _ = await machine.run(.failure)
        }
        #expect(try await machine.heads().count == 1)
    }
}
