internal import Support

/// When a person is told: once when something starts to fail, once when it works again, again after a while as long as it stays
/// bad, and nothing in between but warnings that are new or became worse. What keeps changing is called unstable once and then left alone until it is steady.
public struct AlertPolicy: Sendable {
    /// While something stays bad, a reminder after so long; nil means never.
    public var remindEvery: Duration?
    /// So many starts to fail within `flapWindow` make something unstable.
    public var flapLimit: Int
    public var flapWindow: Duration
    /// Unstable ends after so long without a new start to fail.
    public var settleTime: Duration
    /// Whether the end of a failure is told.
    public var tellRecovery: Bool

    public init(
        remindEvery: Duration? = .seconds(86400), flapLimit: Int = 4, flapWindow: Duration = .seconds(6 * 3600),
        settleTime: Duration = .seconds(3 * 3600), tellRecovery: Bool = true
    ) {
        self.remindEvery = remindEvery
        self.flapLimit = flapLimit
        self.flapWindow = flapWindow
        self.settleTime = settleTime
        self.tellRecovery = tellRecovery
    }
}

/// What is known about one job between its runs.
struct AlertCondition: Codable, Sendable, Equatable {
    var title: AlertText.Title
    /// Since when it fails; nil while it works.
    var failingSince: Timestamp?
    /// Failed runs since then; across the whole time while it is unstable.
    var failures = 0
    /// When it started to fail, within the flap window.
    var starts: [Timestamp] = []
    /// Since when it is unstable.
    var unstableSince: Timestamp?
    /// When somebody was last told.
    var toldAt: Timestamp?
    /// The last runs that were reported: the run itself and the unit that watches it may both report one.
    var runs: [String] = []
    /// By key; nil while no run of it ever told of warnings.
    var warnings: [String: KnownWarning]?
}

enum MessageKind: String, Codable, Sendable {
    case alert, reminder, recovery, completion
}

extension AlertPolicy {
    /// Takes in one finished run and says what to send: at most one message.
    func report(
        _ run: RunSummary, announcing: Bool, _ condition: inout AlertCondition, now: Timestamp
    ) -> (kind: MessageKind, text: String)? {
        if !run.runID.isEmpty {
            guard !condition.runs.contains(run.runID) else { return nil }
            condition.runs = Array((condition.runs + [run.runID]).suffix(8))
        }
        condition.title = AlertText.Title(label: run.instanceLabel, name: run.job)
        if run.outcome.isBad { return failed(run, &condition, now) }
        if run.outcome == .success, let message = worked(run, announcing, &condition, now) { return message }
        return announcing ? (.completion, AlertText.completed(run)) : nil
    }

    private func failed(_ run: RunSummary, _ condition: inout AlertCondition, _ now: Timestamp) -> (
        MessageKind, String
    )? {
        condition.failures += 1
        let news = notice(run, &condition, now: now)
        let begins = condition.failingSince == nil
        if begins {
            condition.failingSince = now
            condition.starts = condition.starts.filter { now - $0 < flapWindow } + [now]
        }
        guard begins, condition.unstableSince == nil else {
            // It fails already, or is known to come and go: what it found anew is told all the same.
            guard !news.isEmpty, let digest = condition.tellWarnings(news: news) else {
                return reminder(&condition, run, now: now)
            }
            condition.toldAt = now
            return (.alert, AlertText.news(run, digest))
        }
        condition.toldAt = now
        let digest = condition.tellWarnings(news: news)
        guard condition.starts.count >= flapLimit else { return (.alert, AlertText.failing(run, digest)) }
        condition.unstableSince = condition.starts[0]
        let text = AlertText.unstable(
            run, digest, starts: condition.starts.count, window: flapWindow, settle: settleTime)
        return (.alert, text)
    }

    private func worked(
        _ run: RunSummary, _ announcing: Bool, _ condition: inout AlertCondition, _ now: Timestamp
    ) -> (MessageKind, String)? {
        let since = condition.unstableSince ?? condition.failingSince
        condition.failingSince = nil
        condition.closeWarnings()
        guard let since else { return nil }
        let wasUnstable = condition.unstableSince != nil
        // A clock that was set back must not keep it unstable for ever.
        if wasUnstable, let last = condition.starts.last, now >= last, now - last < settleTime { return nil }
        let text = AlertText.recovered(
            run, condition.tellWarnings(), since: since, failures: condition.failures, wasUnstable: wasUnstable,
            withSteps: announcing)
        condition.failures = 0
        condition.unstableSince = nil
        condition.toldAt = nil
        if wasUnstable { condition.starts = [] }
        return tellRecovery ? (.recovery, text) : nil
    }

    /// The reminder, if one is due.
    func reminder(_ condition: inout AlertCondition, _ run: RunSummary?, now: Timestamp) -> (MessageKind, String)? {
        guard let remindEvery, let told = condition.toldAt else { return nil }
        guard condition.failingSince != nil || condition.unstableSince != nil else { return nil }
        // A daily job does not fail at the same second each day: a reminder may come a twentieth early. A clock that was set back
        // starts the wait anew.
        if now < told { condition.toldAt = now }
        guard now - told >= remindEvery * 0.95 else { return nil }
        condition.toldAt = now
        if let unstable = condition.unstableSince {
            let text = AlertText.stillUnstable(condition.title, condition.tellWarnings(), since: unstable, now: now)
            return (.reminder, text)
        }
        let text = AlertText.reminder(
            run, condition.title, condition.tellWarnings(), since: condition.failingSince ?? now,
            failures: condition.failures, now: now)
        return (.reminder, text)
    }
}
