public import Logging
public import Support
public import SystemPackage

/// One typed unit of work in a job. The command line's steps are where a declaration meets the module that does it.
public protocol Step: Sendable {
    /// Whether the step can be run with `context.dryRun`, and then has no effect outside the state directory but tells what it
    /// would do. A dry run ends before the first step that has outside effects and cannot.
    var canRunDry: Bool { get }

    /// Does the work.
    ///
    /// Cancellation (a signal, the job's timeout) must end it soon: a step that goes on for longer than the grace is abandoned and
    /// the process ends. Errors are `OperatorError`s; those with `isTemporary` are retried as the job's `retry` says, with this
    /// step, not with those before it: what a step did before it failed must not be in the way of its second run.
    func run(_ context: StepContext) async throws -> StepOutcome
}

extension Step {
    public var canRunDry: Bool { false }
}

/// Makes the steps of a job before the first one runs.
public protocol StepFactory: Sendable {
    /// Throws when a step cannot work at all; then the job fails before anything is done.
    func makeStep(_ declaration: StepDeclaration, of job: JobDeclaration) throws -> any Step
}

/// How a step ended that did not throw.
public struct StepOutcome: Sendable {
    public enum Result: Sendable {
        case success
        /// There was nothing to do.
        case skip
        /// The work was done and the answer is bad, such as a check that did not hold. Never retried.
        case failure(OperatorError)
    }

    public var result: Result
    /// Whether anything is different now; nil when that makes no sense.
    public var changed: Bool?
    /// Things dealt with: files, bundles, checks.
    public var items: Int64?
    public var bytes: Int64?
    public var effects: RunEffects
    /// For people; scrubbed before they are kept.
    public var warnings: [String]
    public var deliveries: [Delivery]
    /// One line about what was done, for completion messages.
    public var summary: String?
    /// What was decided about single things, where a person wants to see each of them.
    public var decisions: [StepDecision] = []

    public init(
        _ result: Result = .success, changed: Bool? = nil, items: Int64? = nil, bytes: Int64? = nil,
        effects: RunEffects = RunEffects(), warnings: [String] = [], deliveries: [Delivery] = [], summary: String? = nil
    ) {
        self.result = result
        self.changed = changed
        self.items = items
        self.bytes = bytes
        self.effects = effects
        self.warnings = warnings
        self.deliveries = deliveries
        self.summary = summary
    }
}

/// What a step gets to know.
public struct StepContext: Sendable {
    public let runID: String
    public let configuration: Configuration
    public let job: JobDeclaration
    public let step: StepDeclaration
    public let dryRun: Bool
    /// 1, and one more with each retry of this step or of one before it.
    public let attempt: Int
    public let stateDirectory: FilePath
    public let time: any TimeSource
    public let logger: Logger
    public let progress: any ProgressReporter
    /// Where steps of one run hand values on.
    public let values: RunValues
    /// The record as it stands; for the steps of `onFailure`, `onSuccess` and `always` it is finished.
    public let record: RunRecord
    /// The run's warnings so far.
    public let warnings: [String]
    /// What the steps before this one said they did: step name and one line each.
    public let summaries: [StepSummary]
    private let runs: RunStore

    init(
        configuration: Configuration, job: JobDeclaration, step: StepDeclaration, dryRun: Bool, attempt: Int,
        stateDirectory: FilePath, time: any TimeSource, logger: Logger, progress: any ProgressReporter,
        values: RunValues,
        record: RunRecord, warnings: [String], summaries: [StepSummary], runs: RunStore
    ) {
        runID = record.runId
        self.configuration = configuration
        self.job = job
        self.step = step
        self.dryRun = dryRun
        self.attempt = attempt
        self.stateDirectory = stateDirectory
        self.time = time
        self.logger = logger
        self.progress = progress
        self.values = values
        self.record = record
        self.warnings = warnings
        self.summaries = summaries
        self.runs = runs
    }

    /// The folder beside the run's record for what should be kept with it, such as a receipt; 0700, made at the first call.
    public func attachments() throws -> FilePath { try runs.attachments(of: runID) }
}

/// One line about what a step did.
public struct StepSummary: Sendable, Hashable {
    public var step: String
    public var text: String
    public var decisions: [StepDecision] = []
}

/// What a step does, or would do, with one thing, and why.
public struct StepDecision: Sendable, Hashable, Encodable {
    /// A word: `keep`, `delete`.
    public var action: String
    public var name: String
    public var reason: String

    public init(action: String, name: String, reason: String) {
        self.action = action
        self.name = name
        self.reason = reason
    }
}
