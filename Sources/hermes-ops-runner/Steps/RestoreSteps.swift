internal import Foundation
internal import Jobs
internal import Logging
internal import RestoreDrill
internal import Support
internal import SystemPackage

/// What the steps of a drill hand to one another.
enum DrillValues {
    /// What `restore` brought for `verify`.
    static let restored = RunKey<RestoredHome>("restored-home")
    /// The parts of the receipt so far, each with the step that brought it: a step that is tried again brings its part anew.
    static let parts = RunKey<[(step: String, part: Receipt.Part)]>("receipt-parts")
}

/// What `remind` hands to the message that goes out.
enum ReminderValues {
    /// Text for people; absent when there is nothing to remind of.
    static let message = RunKey<String>("reminder-message")
}

/// `restore`: brings a home back into a private folder of the state directory.
struct RestoreStep: Step {
    let session: Session
    let options: RestoreOptions
    let keep: Bool
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        let configuration = context.configuration
        // What an attempt before this one left, or a restore that no verify followed, makes way.
        context.values[DrillValues.restored] = nil
        if context.dryRun {
            return StepOutcome(
                changed: false, summary: "would restore from \(options.source.rawValue) and remove it again")
        }
        let restored: RestoredHome
        do {
            let source = try await session.restoreSource(
                options.source, local: options.local, store: options.store, file: options.file, bundle: options.bundle,
                credentials: options.identity.map { [$0] } ?? [], in: configuration, progress: context.progress)
            let drill = try await session.drill(configuration, for: source, progress: context.progress)
            restored = try await drill.restore(source)
        } catch let error as OperatorError where error.type != "cancelled" && !Task.isCancelled {
            // What could not be restored stands in the receipt too: it must not read as if all had been looked at.
            let part = Drill.notRestored(error, source: options.source.rawValue)
            try await DrillReceipt(session: session).add(part, context)
            guard Drill.saysDamage(error) else { throw error }
            return StepOutcome(.failure(error), changed: false, summary: "the backup is damaged: \(error.reason)")
        }
        DrillReceipt.drop(context)
        if keep || options.keep { try restored.keep() }
        context.values[DrillValues.restored] = restored
        let names = restored.origins.map { printable($0.identity, limit: 80) }.joined(separator: " and ")
        let kept = keep || options.keep ? ", kept in \(restored.home.printable)" : ""
        let took = HumanUnits.duration(.milliseconds(restored.phases.reduce(0) { $0 + $1.durationMs }))
        return StepOutcome(
            changed: false, items: Int64(restored.origins.count), summary: "restored \(names) in \(took)\(kept)")
    }
}

/// `verify`: checks what `restore` brought, writes the receipt, and removes it again.
struct VerifyStep: Step {
    let session: Session
    let options: VerifyOptions
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        if context.dryRun { return StepOutcome(changed: false, summary: "would check it and write a receipt") }
        guard let restored = context.values[DrillValues.restored] else {
            throw OperatorError(
                "nothing-restored", doing: "verifying", reason: "no restore step came before it",
                advice: "put `restore` before `verify` in the job's steps", exit: .configuration)
        }
        let configuration = context.configuration
        let drill = try await session.drill(
            configuration, scanning: restored.label != "store", progress: context.progress)
        var part = try await drill.verify(
            restored, maxAge: options.maxAge, hermes: try session.hermesTrial(options.hermes, configuration))
        let start = context.time.uptime
        context.values[DrillValues.restored] = nil
        try await offPool { try restored.remove() }
        part.phases.append(
            Receipt.Phase(
                name: "clean-up", source: part.source,
                durationMs: (context.time.uptime - start).wholeMilliseconds))
        try await DrillReceipt(session: session).add(part, context)
        let passed = part.checks.count { $0.outcome == .passed }
        let counts = part.counts
        let age = part.rpoSeconds.map { ", \(HumanUnits.duration(.seconds($0))) old" } ?? ""
        let summary =
            "\(part.source) \(part.outcome.rawValue): \(passed) checks passed, \(HumanUnits.count(Int(counts.files), "file"))\(age), "
            + "restored in \(HumanUnits.duration(.milliseconds(part.rtoMs)))"
        let warnings = part.checks.compactMap { check in
            check.outcome == .unknown ? "\(check.name) of \(part.source): \(check.reason ?? "unknown")" : nil
        }
        return StepOutcome(
            part.error.map { .failure($0) } ?? .success, changed: false, items: Int64(part.checks.count),
            bytes: counts.bytes, warnings: warnings, summary: summary)
    }
}

/// The receipt of a run: signed JSON and Markdown beside its record, written anew after each part.
struct DrillReceipt {
    let session: Session

    static let name = "receipt.json"
    static let page = "receipt.md"

    func add(_ part: Receipt.Part, _ context: StepContext) async throws {
        Self.drop(context)
        let parts = (context.values[DrillValues.parts] ?? []) + [(context.step.name, part)]
        context.values[DrillValues.parts] = parts
        let receipt = Receipt(
            runId: context.runID, instance: context.configuration.instance.id, startedAt: context.record.startedAt,
            finishedAt: max(context.time.now, context.record.startedAt),
            plannedDrills: context.job.steps.count { $0.action.kind == .verify }, drills: parts.map(\.part),
            runnerVersion: Version.current)
        let folder = try context.attachments()
        let key = try session.stateFile("receipt.key")
        try await offPool {
            let signed = try ReceiptSigner(keyFile: key).sign(receipt)
            try FileSystem.replace(folder.appending(Self.name), with: signed)
            try FileSystem.replace(folder.appending(Self.page), with: Array(receipt.markdown.utf8))
        }
    }

    /// Forgets what an earlier attempt of this step said.
    static func drop(_ context: StepContext) {
        context.values[DrillValues.parts]?.removeAll { $0.step == context.step.name }
    }
}

/// `remind`: says when a drill is overdue, due soon, was never done, or failed last time.
struct RemindStep: Step {
    let session: Session
    let options: RemindOptions
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        let runs = try RunStore(stateDirectory: context.stateDirectory)
        let ledger = try session.ledger(runs)
        let job = options.drill
        let history = try await offPool { try ledger.history(job: job, limit: 2000) }.filter {
            !$0.dryRun && $0.state == .finished && $0.outcome != .skip
        }
        let reminder = Reminder(
            label: context.configuration.instance.label, job: job, lastRun: history.first,
            lastSuccess: history.first { $0.outcome == .success }, maxAge: options.maxAge, dueSoon: options.dueSoon,
            now: context.time.now, options: session.adviceOptions)
        context.values[ReminderValues.message] = reminder.message
        var warnings = reminder.message.map { [$0] } ?? []
        var deliveries: [Delivery] = []
        if let message = reminder.message, !context.dryRun, context.configuration.notify.telegram != nil {
            let notice = await session.announce(message, subject: "drill/\(job)", in: context.configuration)
            deliveries = notice.deliveries
            warnings += notice.warnings + (notice.error.map { ["the reminder was not sent: \($0)"] } ?? [])
        }
        return StepOutcome(
            changed: false, warnings: warnings, deliveries: deliveries, summary: reminder.message ?? reminder.allWell
        )
    }
}

/// What there is to say about a drill, in its own words for each case.
struct Reminder {
    var label: String
    var job: String
    var lastRun: LedgerEntry?
    var lastSuccess: LedgerEntry?
    var maxAge: Duration
    var dueSoon: Duration
    var now: Timestamp
    /// What commands must be told to work on this instance.
    var options = ""

    /// Nil when the last drill passed and the next one is not due soon.
    var message: String? {
        let call = "Run `hermes-ops-runner run \(job)\(options)`."
        guard let lastRun else {
            return "\(label): no restore drill was ever done. Whether the backups can be restored is not known. \(call)"
        }
        let age = lastSuccess.map { now - ($0.finishedAt ?? $0.startedAt) }
        if lastRun.outcome?.isBad == true {
            let since =
                age.map {
                    $0 < Self.ahead
                        ? "when one last passed is not known, for its record lies ahead of this clock"
                        : "the last one that passed is \(Self.days($0)) old"
                } ?? "none has ever passed"
            let overdue = age.map { $0 > maxAge ? ", which is overdue too" : "" } ?? ""
            // The reason last: it may be long, and be cut.
            let reason = lastRun.errorMessage.map { " It said: \(printable($0, limit: 300))" } ?? ""
            return
                "\(label): the last restore drill failed on \(Self.day(lastRun.startedAt)); \(since)\(overdue). "
                + "See `hermes-ops-runner show \(lastRun.runId.prefix(12))\(options)`, then run it again.\(reason)"
        }
        if let age, age < Self.ahead {
            // An age that this clock cannot tell is none: the drill may be long overdue.
            return
                "\(label): by its record the last restore drill passed on \(Self.day(now - age)), which this clock has not reached: "
                + "it is wrong, or was then. When a drill last passed is not known. \(call)"
        }
        guard let age else {
            return "\(label): a restore drill was begun, but none has ever passed. \(call)"
        }
        if age > maxAge {
            return
                "\(label): the restore drill is overdue: the last one passed \(Self.days(age)) ago, and \(Self.days(maxAge)) are "
                + "allowed. \(call)"
        }
        if age > maxAge - dueSoon {
            return
                "\(label): the next restore drill is due within \(Self.days(maxAge - age)); the last one passed \(Self.days(age)) "
                + "ago. \(call)"
        }
        return nil
    }

    /// A record whose age is less lies ahead of this clock: a clock that is corrected jumps a little.
    private static let ahead = Duration.seconds(-300)

    var allWell: String {
        guard let lastSuccess else { return "nothing to say" }
        let age = now - (lastSuccess.finishedAt ?? lastSuccess.startedAt)
        return "the last drill passed \(Self.days(age)) ago; the next is due in \(Self.days(maxAge - age))"
    }

    private static func days(_ duration: Duration) -> String {
        let hours = duration.wholeMilliseconds / 3_600_000
        if hours < 1 { return "less than an hour" }
        if hours < 48 { return hours == 1 ? "1 hour" : "\(hours) hours" }
        return "\(hours / 24) days"
    }

    private static func day(_ moment: Timestamp) -> String { String(moment.description.prefix(10)) }
}
