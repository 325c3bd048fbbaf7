import Foundation
import Glibc
import Logging
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

/// Runs whose process dies. The processes are real: exit tests, killed with SIGKILL.
@Suite struct InterruptionTests {
    /// What the dying processes do: run `j` below a folder with a step that ends the process.
    static func runAndDie(_ folder: String, id: String, signal: Int32) async {
        await run(folder, environment: ["INVOCATION_ID": id]) { _ in
            kill(getpid(), signal)
            try await Task.sleep(for: .seconds(10))
            return StepOutcome()
        }
    }

    static func run(_ folder: String, environment: [String: String] = [:], push: @escaping ScriptedFactory.Body) async {
        guard
            let configuration = try? await ConfigurationLoader(home: "/home/uma", user: currentUser)
                .load(FilePath(folder).appending("config.yaml"))
        else { exit(99) }
        let runner = JobRunner(
            configuration: configuration, stateDirectory: FilePath(folder).appending("state"), version: "0.1.0",
            factory: ScriptedFactory(["push": push]), logger: Logger(label: "child"),
            nextElapse: { _, _ in .unknown("child") })
        do {
            let result = try await runner.run("j", options: RunOptions(environment: environment))
            exit(result.exit.rawValue)
        } catch {
            exit((error as? OperatorError)?.exit.rawValue ?? 98)
        }
    }

    static let id = "0b55f6bcd9f04b0a8a6a86aa4e3ce7b1"

    @Test func theNextStartClosesARunThatWasKilled() async throws {
        let harness = try await RunnerHarness()
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = harness.folder.path.string as String] in
            await InterruptionTests.runAndDie(folder, id: InterruptionTests.id, signal: SIGKILL)
        }
        let open = try harness.store().read(Self.id)
        #expect(open.state == .executing && open.steps?.map(\.state) == [.finished, .finished, .executing])
        let status = try await harness.runner(ScriptedFactory()).statusBoard(harness.store()).report(
            from: harness.ledger())
        #expect(status.jobs.first?.state == .interrupted && status.jobs.first?.failuresSince == 1)
        let result = try await harness.runner(ScriptedFactory()).run("j")
        #expect(result.exit == .success)
        let closed = try harness.store().read(Self.id)
        #expect(closed.state == .finished && closed.outcome == .unknown && closed.error?.type == "interrupted")
        #expect(closed.error?.step == "push" && closed.steps?.last?.outcome == .unknown)
        #expect(closed.finishedAt.map { $0 >= closed.startedAt } == true)
        #expect(try harness.ledger().history(job: "j").map(\.outcome) == [.success, .unknown])
        #expect(try harness.leftovers() == [])
        try await harness.expectValidFiles()
    }

    struct End: Sendable, CustomTestStringConvertible {
        var environment: [String: String]
        var outcome: RunOutcome
        var type: String
        var testDescription: String { environment["SERVICE_RESULT"] ?? "none" }
    }

    @Test(arguments: [
        End(
            environment: ["SERVICE_RESULT": "timeout", "EXIT_CODE": "killed", "EXIT_STATUS": "TERM"], outcome: .timeout,
            type: "timeout"),
        End(
            environment: ["SERVICE_RESULT": "signal", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"], outcome: .failure,
            type: "killed"),
        End(
            environment: ["SERVICE_RESULT": "oom-kill", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"],
            outcome: .failure, type: "oom-kill"),
        End(
            environment: ["SERVICE_RESULT": "core-dump", "EXIT_CODE": "dumped", "EXIT_STATUS": "ABRT"],
            outcome: .failure, type: "crashed"),
        End(
            environment: ["SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "3"], outcome: .failure,
            type: "interrupted"),
        End(environment: ["SERVICE_RESULT": "a-new-one"], outcome: .unknown, type: "interrupted"),
        End(environment: [:], outcome: .unknown, type: "interrupted"),
    ])
    func finalizeTellsHowSystemdEndedIt(_ end: End) async throws {
        let harness = try await RunnerHarness()
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = harness.folder.path.string as String] in
            await InterruptionTests.runAndDie(folder, id: InterruptionTests.id, signal: SIGKILL)
        }
        let service = ServiceResult(environment: end.environment.merging(["INVOCATION_ID": Self.id]) { $1 })
        let closer = try RunCloser(stateDirectory: harness.state, version: "0.1.0", logger: quietLogger)
        let closed = try closer.finalize(job: "j", instance: "bheem", service: service)
        #expect(closed.map(\.runId) == [Self.id])
        #expect(closed.first?.outcome == end.outcome && closed.first?.error?.type == end.type)
        #expect(
            closed.first?.exit?.signal
                == (end.environment["EXIT_CODE"] == "exited" ? nil : end.environment["EXIT_STATUS"].map { "SIG" + $0 }))
        let before = try harness.text("runs/\(Self.id).json")
        #expect(try closer.finalize(job: "j", instance: "bheem", service: service).isEmpty)
        #expect(try harness.text("runs/\(Self.id).json") == before)
        #expect(try harness.leftovers() == [])
        try await JSONSchemaCheck.expectValid(.run, [before])
    }

    /// systemd's SIGTERM after a timeout is heard, and the record closed in order; that it hung is what counts.
    @Test func aRunThatSystemdStoppedForItsTimeIsATimeout() async throws {
        let harness = try await RunnerHarness()
        let runs = try RunStore(stateDirectory: harness.state)
        var record = RunRecord(
            runId: Self.id, instance: "bheem", job: .init(name: "j", kind: .backup), trigger: .init(type: .timer),
            state: .finished, outcome: .cancellation, startedAt: Timestamp(seconds: 1_795_000_000),
            finishedAt: Timestamp(seconds: 1_795_000_060), durationMs: 60_000,
            exit: .init(code: 143, signal: "SIGTERM", serviceResult: nil),
            error: .init(type: "cancelled", message: "stopped before it was done", step: "push"),
            runner: .init(version: "0.1.0"))
        try runs.write(record)
        let closer = try RunCloser(stateDirectory: harness.state, version: "0.1.0", logger: quietLogger)
        func service(_ result: String) -> ServiceResult? {
            ServiceResult(environment: [
                "SERVICE_RESULT": result, "EXIT_CODE": "exited", "EXIT_STATUS": "143", "INVOCATION_ID": Self.id,
            ])
        }
        // What a person stopped stays so.
        for result in ["success", "exit-code"] {
            #expect(try closer.finalize(job: "j", instance: "bheem", service: service(result)).isEmpty)
        }
        let amended = try closer.finalize(job: "j", instance: "bheem", service: service("timeout"))
        record = try runs.read(Self.id)
        #expect(amended.map(\.runId) == [Self.id])
        #expect(record.outcome == .timeout && record.error?.type == "timeout" && record.error?.step == "push")
        #expect(record.exit?.serviceResult == "timeout")
        #expect(try closer.finalize(job: "j", instance: "bheem", service: service("timeout")).isEmpty)
        #expect(try harness.ledger().history(job: "j").map(\.outcome) == [.timeout])
        try await JSONSchemaCheck.expectValid(.run, [harness.text("runs/\(Self.id).json")])
    }

    @Test func aServiceThatFailedBeforeItsRunGetsARecord() async throws {
        let harness = try await RunnerHarness()
        let service = ServiceResult(environment: [
            "SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "243", "INVOCATION_ID": Self.id,
        ])
        let closer = try RunCloser(stateDirectory: harness.state, version: "0.1.0", logger: quietLogger)
        let made = try closer.finalize(job: "j", kind: .backup, instance: "bheem", service: service)
        #expect(made.first?.outcome == .error && made.first?.error?.message.contains("credential") == true)
        #expect(try closer.finalize(job: "j", instance: "bheem", service: service).isEmpty)
        #expect(try harness.ledger().history(job: "j").map(\.outcome) == [.error])
        try await JSONSchemaCheck.expectValid(.run, [harness.text("runs/\(Self.id).json")])
        let fine = ServiceResult(environment: [
            "SERVICE_RESULT": "success", "INVOCATION_ID": String(repeating: "a", count: 32),
        ])
        #expect(try closer.finalize(job: "j", instance: "bheem", service: fine).isEmpty)
        #expect(throws: OperatorError.self) { try closer.finalize(job: "../x", instance: "bheem", service: fine) }
    }

    @Test func finalizeNeverTouchesALivingRun() async throws {
        let harness = try await RunnerHarness()
        let factory = ScriptedFactory([
            "push": { context in
                let closer = try RunCloser(
                    stateDirectory: context.stateDirectory, version: "0.1.0", logger: quietLogger)
                let service = ServiceResult(environment: ["SERVICE_RESULT": "timeout", "INVOCATION_ID": context.runID])
                #expect(try closer.finalize(job: "j", instance: "bheem", service: service).isEmpty)
                #expect(try RunStore(stateDirectory: context.stateDirectory).read(context.runID).state == .executing)
                return StepOutcome()
            }
        ])
        #expect(try await harness.runner(factory).run("j").exit == .success)
    }

    @Test func aPidThatWasHandedOutAgainIsNotTheOwner() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let store = try harness.store()
        var record = try await harness.runner(ScriptedFactory()).run("j").record
        record.runId = Self.id
        record.state = .executing
        (record.outcome, record.finishedAt, record.durationMs, record.error) = (nil, nil, nil, nil)
        for process in [
            ProcessIdentity(pid: getpid(), startTime: 1, bootID: ProcessIdentity.currentBootID),
            ProcessIdentity(
                pid: getpid(), startTime: ProcessIdentity.current.startTime, bootID: String(repeating: "0", count: 32)),
        ] {
            try FileSystem.removeTree(store.folder.appending("\(Self.id).json"))
            #expect(try store.claim(Self.id, .init(process: process, job: "j")))
            try store.write(record)
            let closed = try RunCloser(stateDirectory: harness.state, version: "0.1.0", logger: quietLogger).finalize(
                job: "j", instance: "a", service: nil)
            #expect(closed.count == 1)
            #expect(closed.first?.error?.message.contains("machine") == (process.startTime != 1))
        }
        // Dead between its first two writes: an owner and no record.
        #expect(
            try store.claim(
                String(repeating: "b", count: 32),
                .init(process: .init(pid: 1, startTime: 1, bootID: "x"), job: "j")))
        #expect(
            try RunCloser(stateDirectory: harness.state, version: "0.1.0", logger: quietLogger).finalize(
                job: "j", instance: "a", service: nil
            ).isEmpty)
        #expect(try harness.leftovers() == [])
    }

    @Test func ofManyProcessesThatStartAJobOneRuns() async throws {
        let harness = try await RunnerHarness()
        let folder = harness.folder.path
        // Children that find the lock taken exit with 75; the one that got it waits until the rest has been recorded.
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await #expect(processExitsWith: .exitCode(Exit.skipped.rawValue)) {
                        [folder = folder.string as String] in
                        let state = FilePath(folder).appending("state")
                        for _ in 0..<500 where (try? FileStatus(at: state.appending("go"))) == nil { usleep(20_000) }
                        await InterruptionTests.run(folder) { _ in StepOutcome() }
                    }
                }
            }
            group.addTask {
                await #expect(processExitsWith: .exitCode(0)) { [folder = folder.string as String] in
                    await InterruptionTests.run(folder) { context in
                        try FileSystem.replace(context.stateDirectory.appending("go"), with: [])
                        for _ in 0..<1000 {
                            let store = try RunStore(stateDirectory: context.stateDirectory)
                            let skipped = try store.runs().count { (try? store.read($0))?.outcome == .skip }
                            if skipped == 3 { return StepOutcome() }
                            try await Task.sleep(for: .milliseconds(20))
                        }
                        throw permanent()
                    }
                }
            }
        }
        let outcomes = try harness.records().compactMap(\.outcome)
        #expect(outcomes.count { $0 == .skip } == 3 && outcomes.count { $0 == .success } == 1)
        #expect(try harness.ledger().history().count == 4)
        let status = try await harness.runner(ScriptedFactory()).statusBoard(harness.store()).report(
            from: harness.ledger())
        #expect(status.jobs.first?.lastRun?.outcome == .success, "a skip is no run of the job")
        try await harness.expectValidFiles()
    }

    /// Killed at random moments; the next run always succeeds and every record is whole.
    @Test func killedAtAnyMomentTheNextRunNeedsNoHelp() async throws {
        let rounds = getenv("HERMES_OPS_STRESS") != nil ? 150 : 8
        let harness = try await RunnerHarness(
            "steps: [ sanitize, commit, push, snapshot, watchdog ], always: [ snapshot ]")
        var generator = SplitMix(seed: 0x5EED)
        for _ in 0..<rounds {
            let delay = UInt32.random(in: 0...60_000, using: &generator)
            await #expect(processExitsWith: .failure) {
                [folder = harness.folder.path.string as String, delay = delay as UInt32] in
                Thread.detachNewThread {
                    usleep(delay)
                    kill(getpid(), SIGKILL)
                }
                while true { await InterruptionTests.cycle(folder) }
            }
            let result = try await harness.runner(ScriptedFactory()).run("j")
            #expect(result.exit == .success && result.warnings.isEmpty)
        }
        let records = try harness.records()
        #expect(records.allSatisfy { $0.state == .finished })
        #expect(try harness.store().ownedRuns().isEmpty)
        #expect(try harness.ledger().history(limit: 10_000).count == records.count)
        try await harness.expectValidFiles()
    }

    static func cycle(_ folder: String) async {
        guard
            let configuration = try? await ConfigurationLoader(home: "/home/uma", user: currentUser)
                .load(FilePath(folder).appending("config.yaml"))
        else { exit(0) }
        let runner = JobRunner(
            configuration: configuration, stateDirectory: FilePath(folder).appending("state"), version: "0.1.0",
            factory: ScriptedFactory(), logger: Logger(label: "child"), nextElapse: { _, _ in .unknown("child") })
        _ = try? await runner.run("j")
    }
}

/// A small seeded generator (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
