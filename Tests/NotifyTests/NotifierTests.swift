import Glibc
import HTTP
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Notify

/// One machine: a state directory, a clock, a fake Telegram.
struct Machine {
    let directory: TemporaryDirectory
    let fake: FakeTelegram
    let time = ManualTime()
    var isOnline = true
    var chat = "-1001"
    var policy = AlertPolicy()
    /// Why the channel cannot be used.
    var obstacle: OperatorError?
    var jobs: Set<String>?
    private var runs = 0

    init() throws {
        directory = try TemporaryDirectory()
        fake = try FakeTelegram()
        try FileSystem.makeDirectory(directory.path.appending("memory"))
    }

    var notifier: Notifier {
        Notifier(
            stateDirectory: directory.path,
            route: obstacle.map { .blocked($0) }
                ?? .telegram(fake.channel(chat), isOnline ? fake.client : fake.unreachable),
            jobs: jobs, policy: policy, time: time, markFolder: directory.path.appending("memory"))
    }

    mutating func run(
        _ outcome: RunSummary.Outcome, job: String = "backup", id: String? = nil, announcing: Bool = false,
        error: String? = nil, steps: [RunSummary.Step] = [], warnings: [RunSummary.Warning]? = nil
    ) async -> Notifier.Result {
        runs += 1
        let summary = RunSummary(
            job: job, instanceLabel: "Bheem / Uma", runID: id ?? "run\(runs)", outcome: outcome, finishedAt: time.now,
            duration: .seconds(12), error: error ?? (outcome.isBad ? "the remote is away" : nil),
            advice: outcome.isBad ? "run: hermes-ops-runner show" : nil, steps: steps, warnings: warnings)
        return await notifier.report(summary, announcing: announcing)
    }

    func heads() async throws -> [String] { try await fake.messages().map(\.head) }

    var book: FilePath { directory.path.appending("notify").appending("alerts.json") }
}

@Suite struct NotifierTests {
    @Test func oneAlertOneRecoveryNothingBetween() async throws {
        var machine = try Machine()
        #expect(await machine.run(.success).outcome == .suppressed)
        let first = await machine.run(.failure)
        #expect(first.outcome == .delivered && first.sent == 1 && first.waiting == 0)
        for _ in 0..<5 { #expect(await machine.run(.timeout).outcome == .suppressed) }
        #expect(await machine.run(.cancellation).outcome == .suppressed)
        #expect(await machine.run(.skip).outcome == .suppressed)
        #expect(await machine.run(.success).outcome == .delivered)
        #expect(await machine.run(.success).outcome == .suppressed)
        let messages = try await machine.fake.messages()
        #expect(messages.map(\.head) == ["🔴 Bheem / Uma: backup failed", "🟢 Bheem / Uma: backup works again"])
        #expect(messages[0].text.contains("the remote is away\nWhat to do: run: hermes-ops-runner show\n"))
        #expect(messages[1].text.contains("It failed 6 times, first at 2026-11-18"))
        #expect(try FileStatus(at: machine.book).permissions == 0o600)
        #expect(try FileStatus(at: machine.book.removingLastComponent()).permissions == 0o700)
    }

    @Test func theWatchingUnitDoesNotRepeatTheRunsOwnReport() async throws {
        var machine = try Machine()
        _ = await machine.run(.failure, id: "a")
        #expect(await machine.run(.unknown, id: "a").outcome == .suppressed)
        #expect(try await machine.heads().count == 1)
    }

    @Test func jobsAreToldApart() async throws {
        var machine = try Machine()
        _ = await machine.run(.failure)
        _ = await machine.run(.timeout, job: "bundle")
        _ = await machine.run(.success)
        #expect(
            try await machine.heads() == [
                "🔴 Bheem / Uma: backup failed", "🔴 Bheem / Uma: bundle ran out of time",
                "🟢 Bheem / Uma: backup works again",
            ])
    }

    @Test func completionHasNumberedSteps() async throws {
        var machine = try Machine()
        var steps = (1...9).map { RunSummary.Step(name: "s\($0)", outcome: .success) }
        steps += [.init(name: "s10", outcome: .skip), .init(name: "s11", outcome: .success, detail: "a\nb")]
        _ = await machine.run(.success, announcing: true, steps: steps)
        let text = try #require(try await machine.fake.messages().first?.text)
        #expect(text.hasPrefix("✅ Bheem / Uma: backup done\n1️⃣ s1\n2️⃣ s2\n"))
        #expect(text.contains("\n9️⃣ s9\n🔟 s10 (skipped)\n1️⃣1️⃣ s11: a\\nb\n"))
    }

    @Test func whatCouldNotLeaveLeavesLaterInOrderAndOnce() async throws {
        var machine = try Machine()
        machine.isOnline = false
        let dead = await machine.run(.failure)
        #expect(dead.outcome == .failed && dead.waiting == 1 && dead.error?.isTemporary == true)
        machine.time.advance(by: .seconds(1200))
        _ = await machine.run(.failure, job: "bundle")
        machine.time.advance(by: .seconds(1200))
        #expect(await machine.run(.success).waiting == 3)
        machine.isOnline = true
        let alive = await machine.run(.success, job: "snapshot")
        #expect(alive.sent == 3 && alive.waiting == 0)
        #expect(await machine.notifier.flush().outcome == .suppressed)
        let messages = try await machine.fake.messages()
        #expect(
            messages.map(\.head) == [
                "🔴 Bheem / Uma: backup failed", "🔴 Bheem / Uma: bundle failed", "🟢 Bheem / Uma: backup works again",
            ])
        #expect(messages[0].text.contains("(late: from 2026-11-18 "))
        #expect(!messages[2].text.contains("(late"))
    }

    /// kill -9 between the request and the note of its answer: the file says that it was on its way.
    @Test(arguments: [true, false]) func aCrashWhileSendingRepeatsOnceAndSaysSo(_ hadArrived: Bool) async throws {
        var machine = try Machine()
        machine.isOnline = false
        _ = await machine.run(.failure)
        let file = AlertBookFile(directory: machine.book.removingLastComponent())
        _ = try await file.update { $0.outbox[0].isInFlight = true }
        if hadArrived { _ = try await machine.fake.client.send("first copy", to: machine.fake.channel()) }
        machine.isOnline = true
        #expect(await machine.notifier.flush().sent == 1)
        let last = try #require(try await machine.fake.messages().last)
        #expect(last.head == "🔴 Bheem / Uma: backup failed" && last.text.contains("(may be repeated)"))
        #expect(await machine.notifier.flush().sent == 0)
        // A second crash before the first byte left: an alert that nobody ever saw is not given up.
        _ = try await file.update { book in
            book.queue(.alert, subject: "x", text: "second", now: machine.time.now)
            book.outbox[0].isInFlight = true
            book.outbox[0].mayHaveArrived = true
            book.outbox[0].deaths = 1
        }
        #expect(await machine.notifier.flush().sent == 1)
        #expect(try await machine.heads().last == "second")
        // One that kills every sender does not keep the others from leaving.
        _ = try await file.update { book in
            for text in ["deadly", "behind it"] { book.queue(.alert, subject: "x", text: text, now: machine.time.now) }
            book.outbox[0].isInFlight = true
            book.outbox[0].deaths = AlertBook.deathLimit - 1
        }
        #expect(await machine.notifier.flush().waiting == 0)
        #expect(try await machine.heads().suffix(2) == ["second", "behind it"])
    }

    @Test func aLostAnswerIsRepeatedAndMarked() async throws {
        var machine = try Machine()
        try await machine.fake.fail(#"{"cut":"after"}"#)
        #expect(await machine.run(.failure).outcome == .delivered)
        let texts = try await machine.fake.messages().map(\.text)
        #expect(texts.count == 2)
        #expect(!texts[0].contains("may be repeated") && texts[1].contains("(may be repeated)"))
        #expect(machine.time.slept == [.seconds(2)])
    }

    /// Cut, hung or oversized answers settle nothing: the alert waits, longer each time, and never goes without a word.
    @Test func whatIsNeverAnsweredStays() async throws {
        var machine = try Machine()
        let cut = #"{"cut":"before"}"#
        for _ in 0..<4 { try await machine.fake.fail(cut) }
        let first = await machine.run(.failure)
        #expect(first.outcome == .failed && first.waiting == 1 && first.error?.isTemporary == true)
        #expect(machine.time.slept == [.seconds(2)])
        #expect(try await machine.fake.requestCount() == 2)
        // It is not tried again before its time, but what is new goes ahead of it.
        let news = await machine.run(.failure, job: "bundle")
        #expect(news.outcome == .failed && news.waiting == 2)
        #expect(try await machine.fake.requestCount() == 4)
        machine.time.advance(by: .seconds(30))
        #expect(await machine.run(.success, job: "snapshot", announcing: true).sent == 1)
        #expect(try await machine.fake.requestCount() == 5)
        // Somebody who asks for it does not wait.
        let asked = await machine.notifier.flush()
        #expect(asked.sent == 2 && asked.waiting == 0 && asked.lost == nil)
        let messages = try await machine.fake.messages()
        #expect(
            messages.map(\.head) == [
                "✅ Bheem / Uma: snapshot done", "🔴 Bheem / Uma: backup failed", "🔴 Bheem / Uma: bundle failed",
            ])
        #expect(messages.dropFirst().allSatisfy { $0.text.contains("(may be repeated)") })
    }

    @Test func doubtfulTriesGrowRarerAndEndAfterAWeekWithAWord() async throws {
        var machine = try Machine()
        machine.policy.remindEvery = nil
        let faults = Array(repeating: #"{"cut":"before"}"#, count: 100).joined(separator: ",")
        try await machine.fake.fail(faults)
        _ = await machine.run(.failure)
        for _ in 0..<(8 * 24) {
            machine.time.advance(by: .seconds(3600))
            _ = await machine.run(.success, job: "snapshot")
        }
        let tries = try await machine.fake.requestCount()
        #expect((20...40).contains(tries), "\(tries)")
        try await machine.fake.clearFaults()
        #expect(NotifyState.read(stateDirectory: machine.directory.path).waiting == 0)
        _ = await machine.run(.failure, job: "bundle")
        #expect(try await machine.fake.messages().last?.text.contains("(1 older messages were dropped)") == true)
    }

    /// Another process that sends for longer than a call waits: what is not known to have left did not arrive.
    @Test func aBusySenderIsNoDelivery() async throws {
        var machine = try Machine()
        machine.isOnline = true
        let folder = machine.book.removingLastComponent()
        try FileSystem.makeDirectory(folder)
        let lock = try FileLock(folder.appending("sending.lock"))
        let result = await machine.run(.failure)
        withExtendedLifetime(lock) {}
        #expect(result.outcome == .failed && result.waiting == 1 && result.error?.type == "notify.busy")
        #expect(try await machine.fake.requestCount() == 0)
    }

    @Test func theServersWaitIsObeyed() async throws {
        var machine = try Machine()
        try await machine.fake.fail(#"{"status":429,"retry_after":7}"#, #"{"status":502}"#)
        #expect(await machine.run(.failure).outcome == .delivered)
        #expect(machine.time.slept == [.seconds(7), .seconds(2)])
        // A wait longer than the run's patience: the message stays, and is not tried before its time.
        try await machine.fake.fail(#"{"status":429,"retry_after":600}"#)
        #expect(await machine.run(.success).waiting == 1)
        let before = try await machine.fake.requestCount()
        #expect(await machine.notifier.flush().waiting == 1)
        #expect(try await machine.fake.requestCount() == before)
        machine.time.advance(by: .seconds(601))
        #expect(await machine.notifier.flush().sent == 1)
    }

    /// A hotel's page, a broken answer, a no within a 200: none of them is Telegram's yes. The one alert stays until there is one.
    @Test(arguments: [
        #"{"garbage":true}"#, #"{"answer":"{\"ok\":true,"}"#, #"{"answer":"{\"ok\":true}"}"#,
        #"{"answer":"{\"ok\":false,\"error_code\":500}"}"#, #"{"answer":"{\"ok\":false}"}"#, #"{"answer":""}"#,
    ]) func whatIsNotTelegramsYesIsNoDelivery(_ fault: String) async throws {
        var machine = try Machine()
        // More of it than one call tries, and than a message that got no answer at all is tried in its life.
        for _ in 0..<40 { try await machine.fake.fail(fault) }
        let first = await machine.run(.failure)
        #expect(first.outcome == .failed && first.sent == 0 && first.waiting == 1 && first.error?.isTemporary == true)
        #expect(NotifyState.read(stateDirectory: machine.directory.path).lastSentAt == nil)
        for _ in 0..<3 { #expect(await machine.notifier.flush().waiting == 1) }
        let tries = try await machine.fake.requestCount()
        #expect(tries <= 30, "\(tries)")
        while try await machine.fake.requestCount() < 40 { _ = await machine.notifier.flush() }
        _ = await machine.notifier.flush()
        #expect(try await machine.heads() == ["🔴 Bheem / Uma: backup failed"])
        #expect(await machine.notifier.flush().waiting == 0)
    }

    /// A wait that no server should ask for: this program's own holds then, and the tries are few.
    @Test(arguments: ["0", "-5", "9223372036854775807", "1e300", #""soon""#, "0.5", "[]"])
    func aSenselessWaitMakesNoHotLoop(_ wait: String) async throws {
        var machine = try Machine()
        for _ in 0..<100 { try await machine.fake.fail(#"{"status":429,"retry_after":\#(wait)}"#) }
        #expect(await machine.run(.failure).waiting == 1)
        let tries = try await machine.fake.requestCount()
        #expect((1...10).contains(tries), "\(tries)")
        #expect(machine.time.slept.allSatisfy { $0 >= .seconds(2) })
    }

    @Test func withoutItsCredentialMessagesWaitForIt() async throws {
        var machine = try Machine()
        machine.obstacle = OperatorError(
            "credential-missing", doing: "reading the credential", reason: "it is empty", exit: .credential)
        let blocked = await machine.run(.failure)
        #expect(blocked.outcome == .failed && blocked.waiting == 1 && blocked.error?.exit == .credential)
        #expect(await machine.run(.failure).outcome == .failed)
        #expect(await machine.run(.failure, job: "bundle").waiting == 2)
        #expect(await machine.notifier.flush().error?.exit == .credential)
        #expect(NotifyState.read(stateDirectory: machine.directory.path).lastOutcome == .failed)
        await #expect(throws: OperatorError.self) { try await machine.notifier.test(instanceLabel: "x", host: "x") }
        machine.obstacle = nil
        #expect(await machine.notifier.flush().sent == 2)
        #expect(await machine.notifier.flush().sent == 0)
        #expect(
            try await machine.heads() == ["🔴 Bheem / Uma: backup failed", "🔴 Bheem / Uma: bundle failed"])
    }

    @Test func aJobThatIsNoLongerDeclaredIsNotRemindedOf() async throws {
        var machine = try Machine()
        machine.jobs = ["backup", "bundle"]
        _ = await machine.run(.failure)
        _ = await machine.run(.failure, job: Notifier.configurationSubject)
        machine.isOnline = false
        machine.time.advance(by: .seconds(25 * 3600))
        // A reminder that waits when the job goes is none any more.
        #expect(await machine.notifier.flush().waiting == 2)
        machine.isOnline = true
        machine.jobs = ["bundle"]
        _ = await machine.run(.success, job: "bundle")
        machine.time.advance(by: .seconds(25 * 3600))
        _ = await machine.notifier.flush()
        let heads = try await machine.heads()
        #expect(heads.prefix(2) == ["🔴 Bheem / Uma: backup failed", "🔴 Bheem / Uma: the configuration failed"])
        #expect(heads.count == 4 && heads.dropFirst(2).allSatisfy { $0.contains("the configuration still fails") })
    }

    @Test func aRefusedChannelKeepsTheMessagesForABetterOne() async throws {
        var machine = try Machine()
        machine.chat = "-7"
        let refused = await machine.run(.failure)
        #expect(refused.outcome == .failed && refused.waiting == 1 && refused.error?.exit == .configuration)
        machine.chat = "-1001"
        #expect(await machine.notifier.flush().sent == 1)
    }

    /// Too long or unreadable for somebody on the way: its first line is sent, and only if that is refused too, it goes, counted.
    @Test(arguments: [
        #"{"status":400,"description":"Bad Request: message is too long"}"#,
        #"{"status":400,"description":"Bad Request: can't parse entities"}"#,
        #"{"status":413,"description":"Request Entity Too Large"}"#,
        #"{"status":413,"answer":"<html>413 Request Entity Too Large</html>"}"#,
    ]) func aRefusedMessageIsSentShorter(_ fault: String) async throws {
        var machine = try Machine()
        let error = String(repeating: "the remote is away ", count: 15)
        try await machine.fake.fail(fault)
        #expect(await machine.run(.failure, error: error).outcome == .delivered)
        let text = try #require(try await machine.fake.messages().last?.text)
        #expect(text == "🔴 Bheem / Uma: backup failed\n(the rest was refused on its way)")
    }

    @Test func aMessageThatIsRefusedAltogetherIsCountedAndDoesNotBlockTheOthers() async throws {
        var machine = try Machine()
        let fault = #"{"status":400,"description":"Bad Request: message is too long"}"#
        try await machine.fake.fail(fault, fault)
        let refused = await machine.run(.failure)
        #expect(refused.outcome == .failed && refused.waiting == 0 && refused.lost != nil)
        #expect(await machine.run(.success).outcome == .delivered)
        #expect(try await machine.fake.messages().last?.text.contains("(1 older messages were dropped)") == true)
    }

    @Test func aMigratedChatIsRememberedAndReported() async throws {
        var machine = try Machine()
        machine.chat = "-55"
        try await machine.fake.migrate("-55", to: "-10055")
        #expect(await machine.run(.failure).migratedTo == "-10055")
        let before = try await machine.fake.requestCount()
        #expect(await machine.run(.success).migratedTo == "-10055")
        #expect(try await machine.fake.requestCount() == before + 1)
        #expect(try await machine.fake.messages().allSatisfy { $0.chat == "-10055" })
    }

    @Test func longTextsArriveInPieces() async throws {
        let machine = try Machine()
        let text = (0..<600).map { "line \($0) 🔴" }.joined(separator: "\n")
        #expect(await machine.notifier.announce(text, subject: "test").sent == 2)
        #expect(try await machine.fake.messages().map(\.text).joined() == text)
    }

    @Test func theSpoolIsBoundedAndSaysWhatItLost() async throws {
        let machine = try Machine()
        let file = AlertBookFile(directory: machine.book.removingLastComponent())
        _ = try await file.update { book in
            for number in 1...(AlertBook.capacity + 5) {
                book.queue(.alert, subject: "job\(number)", text: "job\(number)", now: machine.time.now)
            }
        }
        #expect(await machine.notifier.flush().sent == AlertBook.capacity)
        let messages = try await machine.fake.messages()
        #expect(messages.first?.head == "job6")
        #expect(messages.first?.text.contains("(5 older messages were dropped)") == true)
        #expect(messages.count { $0.text.contains("dropped") } == 1)
    }

    @Test func secretsStayInside() async throws {
        var machine = try Machine()
        let planted = [
            "ghp" + "_" + String(repeating: "A1", count: 18), "ya29" + ".abcdefgh", FakeTelegram.token,
            "sk" + "-" + "proj-abcdefghijkl", "AGE-SECRET-KEY" + "-1ABC",
        ]
        _ = await machine.run(.failure, error: "https://api/bot\(planted[2])/x " + planted.joined(separator: " "))
        let text = try #require(try await machine.fake.messages().first?.text)
        let stored = String(decoding: try FileSystem.read(machine.book, limit: 1 << 20), as: UTF8.self)
        for secret in planted {
            #expect(!text.contains(secret))
            #expect(!stored.contains(secret))
        }
        #expect(!"\(machine.fake.channel())".contains("aaaa"))
    }

    @Test(arguments: [true, false]) func aDamagedBookIsSetAsideAndTold(_ isAsked: Bool) async throws {
        var machine = try Machine()
        try machine.directory.write("notify/alerts.json", "{ not json")
        let result = isAsked ? await machine.notifier.flush() : await machine.run(.failure)
        #expect(result.outcome == .delivered && result.lost?.exit == .damagedInput)
        let names = try DirectoryListing.names(at: machine.book.removingLastComponent()).map {
            String(decoding: $0, as: UTF8.self)
        }
        let aside = try #require(names.first { $0.hasPrefix("alerts.damaged-") })
        let texts = try await machine.fake.messages().map(\.text)
        #expect(texts.count { $0.contains("may be lost") && $0.contains(aside) } == 1)
        #expect(await machine.notifier.flush().lost == nil)
    }

    /// A state directory that cannot be written must not silence the alert about it, nor send it at each start.
    @Test func theAlertLeavesOnceADayWhenNothingCanBeWritten() async throws {
        var machine = try Machine()
        try machine.directory.write("notify", "a file where the folder should be")
        let result = await machine.run(.failure)
        #expect(result.outcome == .delivered && result.error != nil)
        for _ in 0..<12 {
            machine.time.advance(by: .seconds(300))
            #expect(await machine.run(.failure).outcome == .suppressed)
        }
        #expect(try await machine.heads() == ["🔴 Bheem / Uma: backup failed"])
        _ = await machine.run(.failure, job: "bundle")
        machine.time.advance(by: .seconds(86_400))
        _ = await machine.run(.failure)
        let heads = try await machine.heads()
        #expect(heads.prefix(2) == ["🔴 Bheem / Uma: backup failed", "🔴 Bheem / Uma: bundle failed"])
        #expect(heads.count == 3 && heads[2].hasPrefix("🟠 Bheem / Uma: backup still fails, for 1 d"), "\(heads)")
        // Another job's run that changes nothing writes nothing.
        #expect(await machine.run(.success, job: "snapshot").outcome == .suppressed)
        #expect(await machine.run(.failure).outcome == .suppressed)
        // The disk is well again: that the job fails still is known, and that it works is told.
        try FileSystem.removeTree(machine.book.removingLastComponent())
        #expect(await machine.run(.failure).outcome == .suppressed)
        #expect(await machine.run(.success).outcome == .delivered)
        #expect(try await machine.heads().last == "🟢 Bheem / Uma: backup works again")
        #expect(await machine.run(.failure).outcome == .delivered)
    }

    @Test func withoutAChannelStatesAreKeptAndWordsAreNot() async throws {
        let machine = try Machine()
        func report(_ channel: TelegramChannel?, _ outcome: RunSummary.Outcome, _ id: String) async -> Notifier.Result {
            let notifier = Notifier(
                stateDirectory: machine.directory.path,
                route: channel.map { .telegram($0, machine.fake.client) } ?? .none, time: machine.time)
            return await notifier.report(
                RunSummary(job: "backup", instanceLabel: "x", runID: id, outcome: outcome, finishedAt: machine.time.now)
            )
        }
        #expect(await report(nil, .failure, "1").outcome == .suppressed)
        #expect(await report(machine.fake.channel(), .failure, "2").outcome == .suppressed)
        #expect(await report(machine.fake.channel(), .success, "3").outcome == .delivered)
    }

    @Test func reportsFromManyTasksAllArriveOnce() async throws {
        let machine = try Machine()
        let results = await withTaskGroup(of: Notifier.Result.self, returning: [Notifier.Result].self) { group in
            for number in 0..<12 {
                group.addTask {
                    let summary = RunSummary(
                        job: "job\(number)", instanceLabel: "x", runID: "\(number)", outcome: .failure,
                        finishedAt: machine.time.now)
                    return await machine.notifier.report(summary)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let rest = await machine.notifier.flush()
        let heads = try await machine.heads()
        #expect(Set(heads).count == 12 && heads.count == 12, "\(heads) \(results) \(rest)")
    }

    @Test func theTestOfThePathIsRecorded() async throws {
        var machine = try Machine()
        let directory = machine.directory.path
        #expect(try NotifyTestRecord.read(stateDirectory: directory) == nil)
        try await machine.notifier.test(instanceLabel: "Bheem / Uma", host: "vm")
        #expect(try NotifyTestRecord.read(stateDirectory: directory)?.outcome == .delivered)
        #expect(try await machine.heads().first?.hasPrefix("🔔 Bheem / Uma: test from vm") == true)
        machine.chat = "-7"
        let error = await #expect(throws: OperatorError.self) {
            try await machine.notifier.test(instanceLabel: "Bheem / Uma", host: "vm")
        }
        #expect(error?.exit == .configuration)
        let record = try #require(try NotifyTestRecord.read(stateDirectory: directory))
        #expect(record.outcome == .failed && record.errorType == "telegram.chat" && record.at == machine.time.now)
    }

    @Test func aUnitsDeathIsPutIntoWords() throws {
        func failure(_ result: String, _ status: String) throws -> UnitFailure {
            try #require(
                UnitFailure(environment: [
                    "MONITOR_SERVICE_RESULT": result, "MONITOR_EXIT_STATUS": status, "MONITOR_INVOCATION_ID": "abc",
                ]))
        }
        #expect(UnitFailure(environment: [:]) == nil)
        #expect(try failure("exit-code", "243").reason.contains("credential"))
        #expect(
            try failure("exit-code", "203").advice
                == "run: ls -l /usr/local/bin/hermes-ops-runner; hermes-ops-runner units install")
        #expect(try failure("timeout", "TERM").outcome == .timeout)
        #expect(try failure("signal", "KILL").reason == "it was killed by KILL")
        #expect(try failure("oom-kill", "9").outcome == .unknown)
        #expect(try failure("exit-code", "69").advice == "run: journalctl _SYSTEMD_INVOCATION_ID=abc")
        var recorded = try failure("exit-code", "69")
        recorded.hasRecord = true
        #expect(recorded.advice.contains("show abc"))
        #expect(try failure("exit-code", "73").reason.contains("the disk is full"))
        // `systemctl stop` of a run: it ended in order, as it was told to.
        #expect(try failure("exit-code", "143").outcome == .cancellation)
    }
}
