import Logging
import Support
import Synchronization
import SystemPackage
import TestSupport

@testable import Jobs

/// A step whose work is a closure.
struct ScriptedStep: Step {
    var canRunDry = false
    var body: @Sendable (StepContext) async throws -> StepOutcome

    func run(_ context: StepContext) async throws -> StepOutcome { try await body(context) }
}

/// Hands out scripted steps by name; a step without a script succeeds. Remembers which ran.
final class ScriptedFactory: StepFactory {
    typealias Body = @Sendable (StepContext) async throws -> StepOutcome

    private let scripts: [String: Body]
    private let dry: Set<String>
    private let ran = Mutex<[String]>([])

    init(_ scripts: [String: Body] = [:], canRunDry: Set<String> = []) {
        self.scripts = scripts
        dry = canRunDry
    }

    /// The names of the steps that ran, in order, retries included.
    var log: [String] { ran.withLock { $0 } }

    func makeStep(_ declaration: StepDeclaration, of job: JobDeclaration) throws -> any Step {
        ScriptedStep(canRunDry: dry.contains(declaration.name)) { context in
            self.ran.withLock { $0.append(declaration.name) }
            return try await self.scripts[declaration.name]?(context) ?? StepOutcome()
        }
    }
}

/// A state directory and a configuration with one job `j`, and runners over them.
struct RunnerHarness {
    let folder: TemporaryDirectory
    let configuration: Configuration
    var state: FilePath { folder.path.appending("state") }

    static let steps = "[ sanitize, commit, push ]"

    init(_ job: String = "steps: \(Self.steps)", schedule: String? = nil) async throws {
        folder = try TemporaryDirectory()
        let schedule = schedule.map { "schedule: \"\($0)\", " } ?? ""
        configuration = try await Self.configuration(in: folder, job: schedule + job)
    }

    static func configuration(in folder: TemporaryDirectory, job: String) async throws -> Configuration {
        let text = """
            version: 1
            instance: { id: bheem }
            repository: { path: /r, remote: /x }
            credentials: { t: { env: T } }
            notify: { telegram: { chat: "1", credential: t } }
            jobs: { j: { \(job) }, other: { steps: [ snapshot ] } }
            """
        let path = try folder.write("config.yaml", text)
        return try await ConfigurationLoader(home: "/home/uma", user: currentUser).load(path)
    }

    func runner(
        _ factory: any StepFactory, time: any TimeSource = SystemTime(),
        limits: RunLimits = RunLimits(grace: .seconds(5), hooks: .seconds(5), hooksAfterSignal: .seconds(5)),
        nextElapse: @escaping NextElapseFunction = { _, _ in .unknown("not asked") },
        afterRun: JobRunner.AfterRun? = nil
    ) -> JobRunner {
        JobRunner(
            configuration: configuration, stateDirectory: state, version: "0.1.0", factory: factory,
            logger: quietLogger, nextElapse: nextElapse, time: time,
            random: { 1 }, limits: limits, afterRun: afterRun)
    }

    func store() throws -> RunStore { try RunStore(stateDirectory: state) }

    func ledger() throws -> Ledger { try Ledger(stateDirectory: state, runs: store(), time: SystemTime()) }

    func records() throws -> [RunRecord] {
        let store = try store()
        return try store.runs().map { try store.read($0) }
    }

    /// Every run record and status.json as they lie on disk, held against their schemas.
    func expectValidFiles() async throws {
        let records = try store().runs().map { try text("runs/\($0).json") }
        try await JSONSchemaCheck.expectValid(.run, records)
        try await JSONSchemaCheck.expectValid(.status, [text("status.json")])
    }

    func text(_ name: String) throws -> String {
        String(decoding: try FileSystem.read(state.pushing(FilePath(name)), limit: 1 << 20), as: UTF8.self)
    }

    /// What nobody should find after a run: temporary files, owners.
    func leftovers() throws -> [String] {
        let names = try DirectoryListing.names(at: state.appending("runs")) + DirectoryListing.names(at: state)
        return names.map { String(decoding: $0, as: UTF8.self) }.filter {
            $0.hasSuffix(".tmp") || $0.hasSuffix(".owner")
        }
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func temporary(_ reason: String = "the server is busy") -> OperatorError {
    OperatorError("busy", doing: "pushing to", subject: "host", reason: reason, exit: .unavailable, isTemporary: true)
}

func permanent(_ exit: ExitStatus = .failure) -> OperatorError {
    OperatorError("broken", doing: "pushing to", subject: "host", reason: "it does not work", exit: exit)
}

/// Testing has an `ExitStatus` too.
typealias Exit = Support.ExitStatus
