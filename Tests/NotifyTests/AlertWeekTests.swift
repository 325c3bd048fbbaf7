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

/// The watchdog's week: it fails all the time, because something is always open, and its messages are about what changes.
@Suite struct WarningWeekTests {
    private static let never = warning("drill-never", .warn, "No backup was ever restored for practice")
    private static let local = warning("repository-no-remote", .critical, "The repository has no remote")
    private static let damaged = warning("database-damaged", .critical, "state.db is damaged")

    private static func warning(_ code: String, _ severity: RunSummary.Warning.Severity, _ text: String)
        -> RunSummary.Warning
    {
        RunSummary.Warning(key: "fp-" + code, code: code, severity: severity, message: text, advice: "see " + code)
    }

    /// A watchdog that looks every five minutes.
    private struct Watch {
        var machine: Machine

        init() throws { machine = try Machine() }

        mutating func look(_ warnings: [RunSummary.Warning], times: Int = 1) async {
            for _ in 0..<times {
                machine.time.advance(by: .seconds(300))
                _ = await machine.run(
                    warnings.isEmpty ? .success : .failure, job: "watchdog", error: warnings.first?.message,
                    warnings: warnings)
            }
        }

        func texts() async throws -> [String] { try await machine.fake.messages().map(\.text) }

        /// The lines between the headline and the advice of the newest message.
        func listed() async throws -> [String] {
            let lines = try await texts().last?.split(separator: "\n").map(String.init) ?? []
            return lines.dropFirst().filter { $0.hasSuffix(":") || $0.hasPrefix("•") }
        }
    }

    @Test func whatIsNewIsToldAtOnceWhateverIsOpen() async throws {
        var watch = try Watch()
        let machine = watch.machine
        // A new installation: two warnings, told once.
        await watch.look([Self.local, Self.never], times: 100)
        var expected = ["🔴 Bheem / Uma: watchdog failed"]
        #expect(try await machine.heads() == expected)
        #expect(
            try await watch.listed() == [
                "New:",
                "• critical: The repository has no remote [repository-no-remote]; try `see repository-no-remote`",
                "• warn: No backup was ever restored for practice [drill-never]; try `see drill-never`",
            ])
        // One is mended: no message of its own. Then the database is damaged.
        await watch.look([Self.never], times: 20)
        #expect(try await machine.heads() == expected)
        await watch.look([Self.damaged, Self.never])
        expected.append("🔴 Bheem / Uma: watchdog has a new warning: state.db is damaged")
        #expect(try await machine.heads() == expected)
        #expect(
            try await watch.listed() == [
                "New:", "• critical: state.db is damaged [database-damaged]; try `see database-damaged`", "Still open:",
                "• warn: No backup was ever restored for practice [drill-never]", "Resolved since the last message:",
                "• critical: The repository has no remote [repository-no-remote]",
            ])
        // It stays damaged until the reminder, which tells no resolved warning twice.
        await watch.look([Self.damaged, Self.never], times: 12 * 23)
        expected.append("🟠 Bheem / Uma: watchdog still fails, for 1 d 8 h (395 times)")
        #expect(try await machine.heads() == expected)
        #expect(
            try await watch.listed() == [
                "Still open:", "• critical: state.db is damaged [database-damaged]",
                "• warn: No backup was ever restored for practice [drill-never]",
            ])
        // Mended, and damaged again ten hours later, while the last message still calls it open.
        await watch.look([Self.never], times: 120)
        #expect(try await machine.heads() == expected)
        await watch.look([Self.damaged, Self.never])
        expected.append("🔴 Bheem / Uma: watchdog has a new warning: state.db is damaged")
        #expect(try await machine.heads() == expected)
        // All is well: one message, with what was resolved.
        await watch.look([], times: 50)
        expected.append("🟢 Bheem / Uma: watchdog works again")
        #expect(try await machine.heads() == expected)
        #expect(
            try await watch.listed() == [
                "Resolved since the last message:", "• critical: state.db is damaged [database-damaged]",
                "• warn: No backup was ever restored for practice [drill-never]",
            ])
        await watch.look([Self.damaged])
        expected.append("🔴 Bheem / Uma: watchdog failed")
        #expect(try await machine.heads() == expected)
    }

    @Test func oneThatGetsWorseIsNewsAndOneThatGetsBetterIsNot() async throws {
        var watch = try Watch()
        let late = Self.warning("backup-failed", .warn, "The last backup failed")
        let worse = Self.warning("backup-failed", .critical, "The last 3 backups failed")
        await watch.look([late, Self.never], times: 3)
        await watch.look([worse, Self.never], times: 3)
        await watch.look([late, Self.never], times: 3)
        #expect(
            try await watch.machine.heads() == [
                "🔴 Bheem / Uma: watchdog failed",
                "🔴 Bheem / Uma: watchdog has a worse warning: The last 3 backups failed",
            ])
        #expect(try await watch.listed().first == "Worse:")
        let disk = Self.warning("disk-full", .warn, "The disk is full")
        await watch.look([Self.damaged, disk, late, Self.never])
        #expect(try await watch.machine.heads().last == "🔴 Bheem / Uma: watchdog has 2 new or worse warnings")
    }

    /// What comes and goes every few minutes for two days makes no stream, whether alone, with others, or in turns with one.
    @Test(arguments: [[[damaged, never], [never]], [[damaged, never], [local, never]], [[damaged], [local]]])
    func flappingMakesNoStream(_ looks: [[RunSummary.Warning]]) async throws {
        var watch = try Watch()
        await watch.look([Self.never])
        for number in 0..<(2 * 288) { await watch.look(looks[number % 2]) }
        let heads = try await watch.machine.heads()
        let moving = Set(looks.joined().map(\.key)).subtracting([Self.never.key]).count
        // Each of them is told as often as a job is that starts to fail over and over, then only the daily reminder.
        #expect(heads.count { $0.hasPrefix("🔴") } == 1 + 4 * moving, "\(heads)")
        #expect(heads.count == 1 + 4 * moving + 2, "\(heads)")
        let told = try await watch.texts()
        #expect(told.contains { $0.contains("state.db is damaged [database-damaged], comes and goes") })
        // Something else is told at once all the same.
        await watch.look([Self.warning("home-missing", .critical, "The home is gone")] + looks[0])
        #expect(try await watch.machine.heads().last?.hasSuffix("has a new warning: The home is gone") == true)
        // Once it was steady for a while, it counts again.
        await watch.look([Self.never], times: 12 * 4)
        await watch.look([Self.damaged, Self.never])
        #expect(try await watch.machine.heads().last?.hasSuffix("has a new warning: state.db is damaged") == true)
    }

    /// A job that flaps as a whole is called unstable and left alone; a new warning breaks through.
    @Test func aNewWarningBreaksThroughAnUnstableJob() async throws {
        var watch = try Watch()
        for number in 0..<40 { await watch.look(number.isMultiple(of: 2) ? [Self.local] : []) }
        #expect(try await watch.machine.heads().count == 7)
        await watch.look([Self.damaged, Self.local])
        #expect(try await watch.machine.heads().count == 8)
        #expect(try await watch.machine.heads().last?.hasSuffix("new warning: state.db is damaged") == true)
    }

    /// A watchdog that dies itself looks at nothing: that is news, and settles none of the warnings.
    @Test func theWatchdogsOwnDeathIsNewsToo() async throws {
        var watch = try Watch()
        await watch.look([Self.never], times: 3)
        for _ in 0..<3 { _ = await watch.machine.run(.timeout, job: "watchdog", error: "it hung") }
        #expect(try await watch.machine.heads().count == 2)
        #expect(try await watch.machine.heads().last?.contains("watchdog itself failed: it hung") == true)
        #expect(try await watch.listed().contains { $0.contains("drill-never") })
        await watch.look([Self.never], times: 3)
        #expect(try await watch.machine.heads().count == 2)
        await watch.look([Self.damaged, Self.never])
        #expect(try await watch.listed().suffix(2).contains { $0.contains("watchdog itself failed") })
    }

    @Test func newsOfADeadNetworkArriveAfterwardsInOrder() async throws {
        var watch = try Watch()
        await watch.look([Self.never])
        watch.machine.isOnline = false
        await watch.look([Self.damaged, Self.never], times: 12)
        await watch.look([Self.local, Self.damaged, Self.never], times: 12)
        watch.machine.isOnline = true
        await watch.look([Self.local, Self.damaged, Self.never])
        #expect(
            try await watch.machine.heads() == [
                "🔴 Bheem / Uma: watchdog failed", "🔴 Bheem / Uma: watchdog has a new warning: state.db is damaged",
                "🔴 Bheem / Uma: watchdog has a new warning: The repository has no remote",
            ])
    }

    /// A state of before warnings were kept: what is open is told once more, and then only what is new.
    @Test func aStateWithoutWarningsIsTakenOver() async throws {
        var watch = try Watch()
        _ = await watch.machine.run(.failure, job: "watchdog")
        await watch.look([Self.never], times: 5)
        await watch.look([Self.damaged, Self.never], times: 5)
        #expect(
            try await watch.machine.heads() == [
                "🔴 Bheem / Uma: watchdog failed",
                "🔴 Bheem / Uma: watchdog has a new warning: No backup was ever restored for practice",
                "🔴 Bheem / Uma: watchdog has a new warning: state.db is damaged",
            ])
    }

    @Test func whatWarningsSayIsScrubbedBeforeItIsKept() async throws {
        var watch = try Watch()
        let secret = "ghp" + "_" + String(repeating: "A1", count: 18)
        await watch.look([Self.warning("x", .warn, "leak \(secret)")])
        let stored = String(decoding: try FileSystem.read(watch.machine.book, limit: 1 << 20), as: UTF8.self)
        #expect(stored.contains("leak") && !stored.contains(secret))
        #expect(try await watch.texts().allSatisfy { !$0.contains(secret) })
    }
}
