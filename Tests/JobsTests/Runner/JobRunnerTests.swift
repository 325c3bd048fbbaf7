import Foundation
import Glibc
import Logging
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

@Suite struct JobRunnerTests {
    private static func json(_ record: RunRecord) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(record), as: UTF8.self)
    }

    @Test func aRunLeavesARecordARowAndTheStatus() async throws {
        let harness = try await RunnerHarness(
            "steps: [ sanitize, commit, push ], onSuccess: [ notify ], always: [ snapshot ]")
        let factory = ScriptedFactory([
            "sanitize": { _ in StepOutcome(items: 212, bytes: 1_843_201, warnings: ["one file was left out"]) },
            "commit": { _ in
                var effects = RunEffects()
                effects.head = "ecd1f20aa0b1c2d3e4f5"
                effects.filesChanged = 4
                return StepOutcome(changed: true, effects: effects, summary: "4 files")
            },
            "push": { context in
                #expect(context.summaries == [.init(step: "commit", text: "4 files")])
                #expect(context.record.steps?[2].state == .executing)
                return StepOutcome(.skip)
            },
            "on-success.notify": { context in
                #expect(context.record.outcome == .success)
                return StepOutcome(deliveries: [Delivery(channel: .telegram, outcome: .delivered, at: context.time.now)]
                )
            },
        ])
        let result = try await harness.runner(factory).run("j")
        #expect(result.exit == .success && result.error == nil && !result.hasAbandonedWork)
        #expect(factory.log == ["sanitize", "commit", "push", "on-success.notify", "always.snapshot"])
        #expect(result.warnings == ["one file was left out"])
        let record = try harness.store().read(result.record.runId)
        // The file keeps milliseconds.
        #expect(try Self.json(record) == Self.json(result.record))
        #expect(
            record.outcome == .success && record.attempt == 1 && record.exit?.code == 0
                && record.effects?.changed == true)
        #expect(record.effects?.head == "ecd1f20aa0b1")
        #expect(record.steps?.map(\.name) == ["sanitize", "commit", "push", "on-success.notify", "always.snapshot"])
        #expect(record.steps?.map(\.outcome) == [.success, .success, .skip, .success, .success])
        #expect(record.deliveries?.map(\.outcome) == [.delivered])
        #expect(record.trigger.type == .manual)
        #expect(try harness.store().warnings(of: record.runId) == ["one file was left out"])
        let row = try #require(harness.ledger().history(job: "j").first)
        #expect(row.outcome == .success && row.warnings == 1 && row.changed == true)
        #expect(try harness.leftovers() == [])
        let mode = try FileStatus(at: harness.state.appending("status.json")).permissions
        #expect(mode == 0o600)
        #expect(try FileStatus(at: harness.state).permissions == 0o700)
        try await harness.expectValidFiles()
    }

    @Test func temporaryFailuresAreTriedAgainFromTheStepThatFailed() async throws {
        let harness = try await RunnerHarness(
            "steps: [ sanitize, commit, push ], retry: { attempts: 4, backoff: 30s, maxBackoff: 45s }")
        let count = Mutex(0)
        let factory = ScriptedFactory([
            "push": { context in
                let attempt = count.withLock { value in
                    value += 1
                    return value
                }
                #expect(context.attempt == attempt)
                var failure = temporary()
                if attempt == 2 { failure.retryAfter = .seconds(100) }
                if attempt < 4 { throw failure }
                return StepOutcome()
            }
        ])
        let time = ManualTime()
        let result = try await harness.runner(factory, time: time).run("j")
        #expect(result.exit == .success)
        #expect(factory.log == ["sanitize", "commit", "push", "push", "push", "push"])
        // Full jitter at its upper end: 30 s, then 60 s cut to 45 s, but what the server asked for.
        #expect(time.slept == [.seconds(30), .seconds(100), .seconds(45)])
        #expect(result.record.attempt == 4 && result.record.maxAttempts == 4)
        #expect(result.record.durationMs == 175_000)
        try await harness.expectValidFiles()
    }

    @Test func whenAttemptsAreUsedUpTheLastErrorCounts() async throws {
        let harness = try await RunnerHarness(
            "steps: [ sanitize, commit, push ], retry: { attempts: 2 }, onFailure: [ notify ]")
        let factory = ScriptedFactory([
            "push": { _ in throw temporary() },
            "on-failure.notify": { context in
                #expect(context.record.outcome == .failure)
                throw permanent()
            },
        ])
        let result = try await harness.runner(factory, time: ManualTime()).run("j")
        #expect(result.exit == .unavailable)
        #expect(factory.log.count { $0 == "push" } == 2)
        #expect(
            result.record.error == .init(type: "busy", message: temporary().description, step: "push", retryable: true))
        #expect(result.warnings == ["on-failure.notify failed: \(permanent())"])
        #expect(result.record.steps?.last?.outcome == .failure)
        try await harness.expectValidFiles()
    }

    @Test(arguments: [Exit.refused, .damagedInput, .credential, .failure, .cannotWrite])
    func permanentFailuresAreNotTriedAgain(_ exit: Exit) async throws {
        let harness = try await RunnerHarness("steps: [ sanitize, commit, push ], retry: { attempts: 5 }")
        let factory = ScriptedFactory(["commit": { _ in throw permanent(exit) }])
        let result = try await harness.runner(factory, time: ManualTime()).run("j")
        #expect(result.exit == exit && result.record.exit?.code == Int(exit.rawValue))
        #expect(factory.log == ["sanitize", "commit"])
        #expect(result.record.steps?.map(\.state) == [StepRecord.State.finished, .finished, .pending])
    }

    @Test func aBadAnswerIsAFailureThatIsNotRetried() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ], retry: { attempts: 5 }")
        let factory = ScriptedFactory(["sanitize": { _ in StepOutcome(.failure(temporary()), items: 3) }])
        let result = try await harness.runner(factory, time: ManualTime()).run("j")
        #expect(result.record.outcome == .failure && factory.log.count == 1)
        #expect(result.record.steps?.first?.items == 3)
    }

    @Test func anUnknownErrorIsNotRepeated() async throws {
        struct Leaky: Error { let value = "top-secret-value" }
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let result = try await harness.runner(ScriptedFactory(["sanitize": { _ in throw Leaky() }])).run("j")
        #expect(result.record.outcome == .error && result.exit == .failure)
        #expect(result.record.error?.message.contains("Leaky") == true)
        #expect(try !harness.text("runs/\(result.record.runId).json").contains("top-secret"))
    }

    @Test func theWholeJobHasATimeout() async throws {
        let harness = try await RunnerHarness(
            "steps: [ sanitize, commit ], timeout: 300ms, onFailure: [ notify ], always: [ snapshot ]")
        let factory = ScriptedFactory([
            "commit": { _ in
                try await Task.sleep(for: .seconds(60))
                return StepOutcome()
            }
        ])
        let result = try await harness.runner(factory).run("j")
        #expect(result.record.outcome == .timeout && result.exit == .failure && !result.hasAbandonedWork)
        #expect(result.record.error?.type == "timeout" && result.record.error?.step == "commit")
        #expect(result.record.steps?[1].outcome == .timeout)
        #expect(factory.log == ["sanitize", "commit", "on-failure.notify", "always.snapshot"])
        try await harness.expectValidFiles()
    }

    /// The error is what a person has to know, not that there was no time left to wait it out.
    @Test func aWaitThatOutlastsTheTimeoutIsNotBegun() async throws {
        let harness = try await RunnerHarness(
            "steps: [ sanitize ], timeout: 300ms, retry: { attempts: 9, backoff: 1h, maxBackoff: 1h }")
        let factory = ScriptedFactory(["sanitize": { _ in throw temporary() }])
        let result = try await harness.runner(factory).run("j")
        #expect(result.record.outcome == .failure && result.exit == .unavailable)
        #expect(result.record.error?.type == "busy" && factory.log == ["sanitize"])
    }

    /// A message that hangs must not outlive the signal that ends the run.
    @Test func aSignalEndsWhatFollowsTheRunToo() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ], onFailure: [ notify ], always: [ snapshot ]")
        let begun = AsyncStream.makeStream(of: Void.self)
        let ended = AsyncStream.makeStream(of: Bool.self)
        let factory = ScriptedFactory([
            "sanitize": { _ in throw permanent() },
            "on-failure.notify": { _ in
                begun.continuation.yield()
                do { try await Task.sleep(for: .seconds(30)) } catch {
                    ended.continuation.yield(true)
                    throw error
                }
                ended.continuation.yield(false)
                return StepOutcome()
            },
        ])
        let runner = harness.runner(factory, limits: RunLimits(hooks: .seconds(300)))
        let run = Task { try await runner.run("j") }
        for await _ in begun.stream { break }
        run.cancel()
        for await wasCancelled in ended.stream {
            #expect(wasCancelled)
            break
        }
        let result = try await run.value
        #expect(result.record.outcome == .failure && result.record.error?.type == "broken")
        // What is always done is done.
        #expect(factory.log == ["sanitize", "on-failure.notify", "always.snapshot"])
    }

    /// Two jobs that one service's shell starts carry the same INVOCATION_ID.
    @Test func oneInvocationIsOneRunsIdAlone() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let id = String(repeating: "c", count: 32)
        let options = RunOptions(environment: ["INVOCATION_ID": id])
        let begun = AsyncStream.makeStream(of: Void.self)
        let done = AsyncStream.makeStream(of: Void.self)
        let slow = ScriptedFactory([
            "sanitize": { _ in
                begun.continuation.yield()
                for await _ in done.stream { break }
                return StepOutcome()
            }
        ])
        async let first = harness.runner(slow).run("j", options: options)
        for await _ in begun.stream { break }
        let second = try await harness.runner(ScriptedFactory()).run("other", options: options)
        // One that finds the job's lock taken has an id of its own too.
        let third = try await harness.runner(ScriptedFactory()).run("j", options: options)
        done.continuation.yield()
        let ids = [try await first.record.runId, second.record.runId, third.record.runId]
        #expect(ids[0] == id && Set(ids).count == 3)
        #expect(third.exit == .skipped)
        #expect(try harness.store().read(id).job.name == "j")
        #expect(try Set(harness.ledger().history().map(\.runId)) == Set(ids))
        #expect(try harness.leftovers() == [])
    }

    @Test func aStepThatNeverEndsIsLeftBehindAfterTheGrace() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ], timeout: 100ms, always: [ snapshot ]")
        let gate = DispatchSemaphore(value: 0)
        let (ended, sink) = AsyncStream.makeStream(of: Bool.self)
        let factory = ScriptedFactory([
            "sanitize": { _ in
                // Deaf to cancellation, as a blocking call into C is.
                sink.yield(try await offPool { gate.wait(timeout: .now() + 60) == .success })
                return StepOutcome()
            }
        ])
        let result = try await harness.runner(factory, limits: RunLimits(grace: .milliseconds(200))).run("j")
        // The step still waits for this, or its minute is over and the run waited for it.
        gate.signal()
        for await wasReleased in ended {
            #expect(wasReleased)
            break
        }
        #expect(result.hasAbandonedWork && result.record.outcome == .timeout && result.record.state == .finished)
        #expect(result.error?.reason.contains("did not end when told to") == true)
        #expect(factory.log.last == "always.snapshot")
    }

    @Test(arguments: [(SIGINT, Exit.interrupted, "SIGINT"), (SIGTERM, .terminated, "SIGTERM")])
    func cancellationClosesTheRecord(_ signal: Int32, _ exit: Exit, _ name: String) async throws {
        let harness = try await RunnerHarness(
            "steps: [ sanitize, commit ], onFailure: [ notify ], always: [ snapshot ]")
        let (started, sink) = AsyncStream.makeStream(of: Void.self)
        let cleaned = Mutex(false)
        let factory = ScriptedFactory([
            "sanitize": { _ in
                defer { cleaned.withLock { $0 = true } }
                sink.yield()
                try await Task.sleep(for: .seconds(60))
                return StepOutcome()
            }
        ])
        let runner = harness.runner(factory)
        let task = Task { try await runner.run("j", options: RunOptions(receivedSignal: { signal })) }
        for await _ in started { break }
        task.cancel()
        let result = try await task.value
        #expect(result.exit == exit && result.record.outcome == .cancellation && cleaned.withLock { $0 })
        #expect(result.record.exit?.signal == name && result.record.exit?.code == Int(exit.rawValue))
        #expect(factory.log == ["sanitize", "always.snapshot"])
        #expect(try harness.leftovers() == [])
        try await harness.expectValidFiles()
    }

    @Test func aDryRunEndsBeforeTheFirstEffectOutside() async throws {
        let harness = try await RunnerHarness(
            "steps: [ sanitize, commit, push ], onSuccess: [ notify ], always: [ snapshot ], onFailure: [ notify ]")
        let factory = ScriptedFactory()
        let result = try await harness.runner(factory).run("j", options: RunOptions(dryRun: true))
        #expect(factory.log == ["sanitize"])
        #expect(result.record.dryRun == true && result.record.steps?.map(\.outcome) == [.success, .skip, .skip])
        let status = try harness.text("status.json")
        #expect(status.contains("\"never\""), "a dry run is no run of the job")
        let showing = ScriptedFactory(canRunDry: ["commit"])
        _ = try await harness.runner(showing).run("j", options: RunOptions(dryRun: true))
        #expect(showing.log == ["sanitize", "commit"])
    }

    @Test func stepsHandValuesOn() async throws {
        let key = RunKey<[Int]>("numbers")
        let harness = try await RunnerHarness("steps: [ sanitize, commit ]")
        let factory = ScriptedFactory([
            "sanitize": { context in
                context.values[key] = [1, 2]
                return StepOutcome()
            },
            "commit": { context in
                #expect(context.values[key] == [1, 2])
                #expect(context.values[RunKey<String>("numbers")] == nil)
                try FileSystem.replace(try context.attachments().appending("receipt.json"), with: Array("{}".utf8))
                return StepOutcome()
            },
        ])
        let result = try await harness.runner(factory).run("j")
        #expect(result.exit == .success)
        #expect(try harness.store().attachmentNames(of: result.record.runId) == ["receipt.json"])
    }

    @Test func systemdsInvocationIsTheRunsIdOnce() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let id = "0b55f6bcd9f04b0a8a6a86aa4e3ce7b1"
        let options = RunOptions(environment: [
            "INVOCATION_ID": id, "TRIGGER_UNIT": "hermes-ops-j.timer",
            "TRIGGER_TIMER_REALTIME_USEC": "1795000000000000",
        ])
        let first = try await harness.runner(ScriptedFactory()).run("j", options: options)
        #expect(first.record.runId == id)
        #expect(first.record.trigger.type == .timer && first.record.trigger.unit == "hermes-ops-j.timer")
        #expect(first.record.trigger.scheduledAt == Timestamp(seconds: 1_795_000_000))
        // A person's second run in the same shell must not take the place of the first.
        let second = try await harness.runner(ScriptedFactory()).run("j", options: options)
        #expect(second.record.runId != id && RunIdentity.isRunID(second.record.runId))
        #expect(second.record.trigger.type == .manual)
        let nonsense = try await harness.runner(ScriptedFactory()).run(
            "j", options: .init(environment: ["INVOCATION_ID": "../../x"]))
        #expect(RunIdentity.isRunID(nonsense.record.runId))
        try await harness.expectValidFiles()
    }

    @Test func anUnknownJobIsAUsageErrorWithASuggestion() async throws {
        let harness = try await RunnerHarness()
        let error = await #expect(throws: OperatorError.self) {
            try await harness.runner(ScriptedFactory()).run("othr")
        }
        #expect(error?.exit == .usage && error?.advice?.contains("did you mean \"other\"?") == true)
    }

    @Test func aHookThatCannotBeMadeIsAWarning() async throws {
        struct Picky: StepFactory {
            func makeStep(_ declaration: StepDeclaration, of job: JobDeclaration) throws -> any Step {
                if declaration.action.kind == .notify { throw permanent() }
                return ScriptedStep { _ in StepOutcome() }
            }
        }
        let harness = try await RunnerHarness("steps: [ sanitize ], always: [ notify ]")
        let result = try await harness.runner(Picky()).run("j")
        #expect(result.exit == .success && result.warnings.count == 1)
        let failing = try await RunnerHarness("steps: [ sanitize, notify ]")
        let failed = try await failing.runner(Picky()).run("j")
        #expect(failed.record.outcome == .failure && failed.record.steps?.allSatisfy { $0.state == .pending } == true)
    }

    @Test func whatComesAfterTheRunIsBoundedAndRecorded() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let seen = Mutex<RunOutcome?>(nil)
        let note: JobRunner.AfterRun = { result in
            seen.withLock { $0 = result.record.outcome }
            return [Delivery(channel: .telegram, outcome: .suppressed)]
        }
        let result = try await harness.runner(ScriptedFactory(), afterRun: note).run("j")
        #expect(seen.withLock { $0 } == .success)
        #expect(
            try harness.store().read(result.record.runId).deliveries == [
                Delivery(channel: .telegram, outcome: .suppressed)
            ])
        let block: JobRunner.AfterRun = { _ in
            _ = try? await offPool { usleep(2_000_000) }
            return []
        }
        let limits = RunLimits(grace: .milliseconds(50), hooks: .milliseconds(50))
        let slow = harness.runner(ScriptedFactory(), limits: limits, afterRun: block)
        let left = try await slow.run("j")
        #expect(left.hasAbandonedWork && left.exit == .success)
    }

    @Test func credentialsInErrorsDoNotReachAnyFile() async throws {
        let token = "ghp" + "_" + String(repeating: "aB3dE6", count: 6)
        let bot = "123456789" + ":" + String(repeating: "Ab3_", count: 9)
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let factory = ScriptedFactory([
            "sanitize": { context in
                context.logger.info("\(token)")
                throw OperatorError(
                    "Bad Type!", doing: "pushing with \(token)", subject: "https://u:\(token)@h/x?token=\(bot)",
                    reason: "line\nbreak \u{1B}[31m \(bot) " + String(repeating: "long ", count: 100))
            }
        ])
        let result = try await harness.runner(factory).run("j")
        #expect(result.record.error?.type == "bad-type-" || ScalarFormats.slug(result.record.error?.type ?? "!") != nil)
        for name in ["runs/\(result.record.runId).json", "status.json", "ledger.sqlite"] {
            let text = try harness.text(name)
            #expect(!text.contains(token) && !text.contains(bot), "\(name)")
        }
        try await harness.expectValidFiles()
    }

    @Test func aClockThatIsSetBackHarmsNothing() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]", schedule: "hourly")
        let time = ManualTime(Timestamp(seconds: 1_795_000_000))
        let factory = ScriptedFactory([
            "sanitize": { _ in
                time.advance(by: .seconds(7))
                time.jump(to: Timestamp(seconds: 1_790_000_000))
                return StepOutcome()
            }
        ])
        let elapse: NextElapseFunction = { _, after in .at(after + .seconds(3600)) }
        let first = try await harness.runner(factory, time: time, nextElapse: elapse).run("j")
        #expect(first.record.durationMs == 7000)
        #expect(first.record.finishedAt == first.record.startedAt)
        let second = try await harness.runner(ScriptedFactory(), time: time, nextElapse: elapse).run("j")
        let last = try harness.ledger().lastRun(of: "j", finished: true)
        #expect(last?.runId == second.record.runId, "the newest is the one that ran last, whatever the clock says")
        try await harness.expectValidFiles()
    }

    @Test func statusTellsFailuresAgeDueAndLate() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ], randomizedDelay: 10m", schedule: "hourly")
        let time = ManualTime(Timestamp(seconds: 1_795_000_000))
        let elapse: NextElapseFunction = { _, after in .at(after + .seconds(3600)) }
        func status() async throws -> JobStatus {
            let report = try await harness.runner(ScriptedFactory(), time: time, nextElapse: elapse)
                .statusBoard(harness.store()).report(from: harness.ledger())
            return try #require(report.jobs.first)
        }
        #expect(try await status().state == .never)
        _ = try await harness.runner(ScriptedFactory(), time: time, nextElapse: elapse).run("j")
        time.advance(by: .seconds(60))
        for _ in 0..<2 {
            _ = try await harness.runner(
                ScriptedFactory(["sanitize": { _ in throw permanent() }]), time: time, nextElapse: elapse
            ).run("j")
        }
        var current = try await status()
        #expect(
            current.failuresSince == 2 && current.ageSeconds == 60 && current.late == false && current.state == .idle)
        #expect(current.lastRun?.outcome == .failure && current.lastSuccess?.outcome == .success)
        #expect(current.nextDue == time.now + .seconds(3600))
        time.advance(by: .seconds(3600 + 600 + 300))
        #expect(try await status().late == false)
        time.advance(by: .seconds(1))
        current = try await status()
        #expect(current.late == true)
        let unknown = try await harness.runner(ScriptedFactory(), time: time).statusBoard(harness.store()).report(
            from: harness.ledger())
        #expect(unknown.jobs.first?.late == nil && unknown.jobs.first?.nextDueUnknown == "not asked")
    }

    /// A scheduled job that never ran is late once its schedule has elapsed since it was first seen, and not right after that.
    @Test func aJobThatNeverRanBecomesLate() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ], randomizedDelay: 10m", schedule: "hourly")
        let time = ManualTime(Timestamp(seconds: 1_795_000_000))
        let elapse: NextElapseFunction = { _, after in .at(after + .seconds(3600)) }
        func late() async throws -> Bool? {
            let report = try await harness.runner(ScriptedFactory(), time: time, nextElapse: elapse)
                .statusBoard(harness.store()).report(from: harness.ledger())
            return try #require(report.jobs.first).late
        }
        #expect(try await late() == nil, "nobody knows since when it is declared")
        _ = try await harness.runner(ScriptedFactory(), time: time, nextElapse: elapse).run("other")
        #expect(try await late() == false)
        time.advance(by: .seconds(3600 + 600 + 300))
        #expect(try await late() == false)
        time.advance(by: .seconds(1))
        #expect(try await late() == true)
        // Another schedule begins anew; so does a clock that was set back.
        let other = try await RunnerHarness.configuration(
            in: harness.folder, job: "steps: [ sanitize ], schedule: daily")
        try SeenJobs.note(other.jobs, stateDirectory: harness.state, now: time.now)
        #expect(SeenJobs.read(harness.state).since("j", schedule: "daily") == time.now)
        #expect(SeenJobs.read(harness.state).since("j", schedule: "hourly") == nil)
        let before = time.now - .seconds(86_400)
        try SeenJobs.note(other.jobs, stateDirectory: harness.state, now: before)
        #expect(SeenJobs.read(harness.state).since("j", schedule: "daily") == before)
    }

    /// A run that hangs past its time limit is late itself: none other can start.
    @Test func aHungRunIsLate() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ], timeout: 1h", schedule: "hourly")
        let time = ManualTime(Timestamp(seconds: 1_795_000_000))
        let seen = Mutex<[JobStatus]>([])
        let runner = harness.runner(
            ScriptedFactory([
                "sanitize": { _ in
                    for wait in [60, 3600 + 500, 100] as [Int64] {
                        time.advance(by: .seconds(wait))
                        let board = harness.runner(ScriptedFactory(), time: time).statusBoard(try harness.store())
                        let report = try await board.report(from: harness.ledger())
                        if let status = report.jobs.first { seen.withLock { $0.append(status) } }
                    }
                    return StepOutcome()
                }
            ]), time: time)
        _ = try await runner.run("j")
        let states = seen.withLock { $0 }
        #expect(states.map(\.state) == [.running, .running, .running])
        #expect(states.map(\.late) == [false, false, true])
    }

    @Test func plansTellWhatStepsMayDo() async throws {
        let harness = try await RunnerHarness()
        let plan = JobPlan(try #require(harness.configuration.job(named: "j")))
        #expect(plan.steps.map(\.changesOutside) == [false, true, true])
        #expect(plan.steps.map(\.kind) == ["sanitize", "commit", "push"])
    }
}
