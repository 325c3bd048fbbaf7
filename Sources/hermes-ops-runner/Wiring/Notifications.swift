internal import Foundation
internal import HTTP
internal import Jobs
internal import Notify
internal import Support

extension Session {
    /// The one who tells people, over the declared channel; without one it keeps the states alone.
    func notifier(_ configuration: Configuration) async -> Notifier {
        await notifier(AlertChannel(configuration), jobs: Set(configuration.jobs.map(\.name)))
    }

    /// The dead man's switch; nil when none is declared.
    func ping(_ configuration: Configuration, attempts: Int = 3) async throws -> HealthPing? {
        guard let reference = configuration.notify.ping else { return nil }
        return HealthPing(
            url: try await credentials.token(reference, name: "ping"), http: try client(configuration.network),
            retry: RetryPolicy(attempts: attempts, maxBackoff: .seconds(10), maxRetryAfter: .seconds(30)))
    }

    /// Sends a text that a step has for people, such as a drill reminder; what became of it is for the record.
    func announce(_ text: String, subject: String, in configuration: Configuration) async -> StepNotice {
        guard configuration.notify.telegram != nil else { return StepNotice(warnings: ["no channel is declared"]) }
        return StepNotice(await notifier(configuration).announce(text, subject: subject))
    }
}

/// What became of a message, in a run's terms.
struct StepNotice {
    var deliveries: [Delivery] = []
    var warnings: [String] = []
    var error: OperatorError?

    init(warnings: [String]) { self.warnings = warnings }

    init(_ result: Notifier.Result) {
        let outcome: Delivery.Outcome =
            switch result.outcome {
            case .delivered: .delivered
            case .failed: .failed
            case .suppressed: .suppressed
            }
        deliveries = [Delivery(channel: .telegram, outcome: outcome, at: SystemTime().now)]
        if let lost = result.lost { warnings.append(lost.description) }
        if let chat = result.migratedTo { warnings.append("the chat has become \(chat): change notify.telegram.chat") }
        if result.outcome == .failed {
            error = result.error
            if result.waiting > 0 { warnings.append("\(HumanUnits.count(result.waiting, "message")) still to be sent") }
        }
    }
}

extension JobDeclaration {
    /// The options of its notify steps, wherever they stand.
    private var notifyOptions: [NotifyOptions] {
        allSteps.compactMap { step in
            if case .notify(let options) = step.action { return options }
            return nil
        }
    }

    /// Whether its runs send messages themselves.
    var sendsMessages: Bool { notifyOptions.contains { $0.channels.contains(.telegram) } }

    /// Whether its runs are framed by pings: where it says so, and where something is brought to safety, for whose absence a dead
    /// man's switch is made.
    var sendsPings: Bool {
        notifyOptions.contains { $0.channels.contains(.ping) } || kind == .backup || kind == .driveUpload
    }
}

extension RunSummary {
    /// A run as its record tells it, with what the steps said.
    ///
    /// - Parameter options: what commands must be told to work on this instance (``Session/adviceOptions``).
    init(
        _ record: RunRecord, label: String, summaries: [StepSummary] = [], options: String = "",
        warnings: [Warning]? = nil
    ) {
        let details = Dictionary(summaries.map { ($0.step, $0.text) }) { first, _ in first }
        let outcome = record.outcome.flatMap { RunSummary.Outcome(rawValue: $0.rawValue) } ?? .success
        self.init(
            job: record.job.name, instanceLabel: label, runID: record.runId, outcome: outcome,
            finishedAt: record.finishedAt ?? SystemTime().now, duration: record.durationMs.map { .milliseconds($0) },
            error: record.error?.message,
            advice: outcome.isBad ? "hermes-ops-runner show \(record.runId)\(options)" : nil,
            steps: (record.steps ?? []).filter { $0.state == .finished && !$0.name.hasSuffix("notify") }.map { step in
                RunSummary.Step(
                    name: step.name, outcome: step.outcome.flatMap { .init(rawValue: $0.rawValue) } ?? .unknown,
                    detail: details[step.name])
            }, warnings: warnings)
    }
}
