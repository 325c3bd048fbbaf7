internal import HTTP
public import Support
public import SystemPackage

/// Tells a person about runs: decides with the ``AlertPolicy``, keeps what is to be sent on disk, and sends it in order, each once.
///
/// What cannot be sent now stays in the spool and leaves with the next report of any job. A run never fails because of it.
public struct Notifier: Sendable {
    /// What became of the messages.
    public struct Result: Sendable {
        /// For the run record's `deliveries`.
        public enum Outcome: String, Sendable, Codable {
            case delivered, failed, suppressed
        }

        /// Suppressed: there was nothing to say, or no channel to say it.
        public var outcome: Outcome
        /// Messages that arrived just now, older ones included.
        public var sent = 0
        /// Messages that still wait.
        public var waiting = 0
        /// The chat's new id: `notify.telegram.chat` should be changed to it.
        public var migratedTo: String?
        /// Why something waits or was given up.
        public var error: OperatorError?
        /// Messages that nobody will get, and why: the spool was damaged, or they were given up.
        public var lost: OperatorError?
    }

    /// How messages leave.
    public enum Route: Sendable {
        /// No channel is configured: states are kept all the same.
        case none
        case telegram(TelegramChannel, TelegramClient)
        /// A channel is configured that cannot be used just now, such as one without its credential: messages wait for it.
        case blocked(OperatorError)
    }

    private let book: AlertBookFile
    private let directory: FilePath
    private let route: Route
    private let instanceLabel: String
    private let jobs: Set<String>?
    private let policy: AlertPolicy
    private let time: any TimeSource
    private let patience: Duration
    private let markFolder: FilePath?

    /// - Parameters:
    ///   - instanceLabel: the instance as people call it, for what concerns none of its jobs.
    ///   - jobs: those that are declared: nobody is reminded of others. Nil: all are.
    ///   - patience: so long in all a call waits for a server that asked for it.
    ///   - markFolder: a folder in memory, for what was told while the state directory cannot be written.
    public init(
        stateDirectory: FilePath, route: Route, instanceLabel: String = "Hermes Ops", jobs: Set<String>? = nil,
        policy: AlertPolicy = AlertPolicy(),
        time: any TimeSource = SystemTime(), patience: Duration = .seconds(60), markFolder: FilePath? = nil
    ) {
        directory = stateDirectory.appending("notify")
        book = AlertBookFile(directory: directory)
        self.route = route
        self.instanceLabel = instanceLabel
        self.jobs = jobs
        self.policy = policy
        self.time = time
        self.patience = patience
        self.markFolder = markFolder
    }

    /// Stands for the configuration where a job's name is expected: no job can be called so.
    public static let configurationSubject = "the configuration"

    /// Reports a finished run. The same run reported again, by the unit that watches it, says nothing new.
    ///
    /// - Parameter announcing: also tell of a run that changed nothing, with its numbered steps.
    public func report(_ run: RunSummary, announcing: Bool = false) async -> Result {
        let now = time.now
        return await deliver { book in take(run, announcing: announcing, &book, now) }
    }

    /// Notes the success of something that does not send itself, if it ends a failure that was told: the message leaves with the next
    /// call that sends.
    public func noteRecovery(_ run: RunSummary) async throws {
        let subject = "job/\(run.job)"
        let condition = book.peek()?.conditions[subject]
        guard run.outcome == .success,
            condition?.failingSince != nil || condition?.unstableSince != nil || marks.lastTold(subject) != nil
        else { return }
        let now = time.now
        let update = try await book.update { book in take(run, announcing: false, &book, now) }
        if let failure = update.failure { throw failure }
        if update.isWritten { marks.forget() }
    }

    /// What was told while the book could not be written.
    private var marks: ToldMarks { ToldMarks(folders: [directory] + (markFolder.map { [$0] } ?? [])) }

    private func take(_ run: RunSummary, announcing: Bool, _ book: inout AlertBook, _ now: Timestamp) {
        let subject = "job/\(run.job)"
        var condition =
            book.conditions[subject] ?? AlertCondition(title: .init(label: run.instanceLabel, name: run.job))
        // It was told that this fails, but that could not be noted then.
        if condition.failingSince == nil, let told = marks.lastTold(subject), told <= now {
            condition.failingSince = told
            condition.toldAt = told
            condition.failures = 1
        }
        let message = policy.report(run, announcing: announcing, &condition, now: now)
        book.conditions[subject] = condition
        if let message { book.queue(message.kind, subject: subject, text: message.text, now: now) }
    }

    /// Tells how far a run has come, with its numbered steps; its end is reported by ``report(_:announcing:)`` all the same.
    public func announceProgress(of run: RunSummary) async -> Result {
        await announce(AlertText.progress(run), subject: "job/\(run.job)")
    }

    /// Sends a text of the operator's own, for example a drill reminder. `subject` names what it is about.
    public func announce(_ text: String, subject: String) async -> Result {
        let now = time.now
        return await deliver { book in
            book.queue(.completion, subject: subject, text: CredentialScrubber.scrub(text), now: now)
        }
    }

    /// Sends what waits, and the reminders that are due. Somebody asked for it: what this program itself made wait is tried now.
    public func flush() async -> Result { await deliver(isAsked: true) { _ in } }

    /// Forgets jobs that are no longer declared, so that nobody is reminded of them.
    public func forgetJobs(except declared: Set<String>) async {
        _ = try? await book.update { $0.forgetJobs(except: declared) }
    }

    // MARK: Sending

    private func deliver(isAsked: Bool = false, _ change: (inout AlertBook) -> Void) async -> Result {
        do {
            let now = time.now
            let update = try await book.update { book in
                let before = book.lastNumber
                let lost = tellOfDamage(&book, now)
                if let jobs { book.forgetJobs(except: jobs) }
                change(&book)
                switch route {
                // The states are kept, the words are not: they would all leave on the day a channel is configured.
                case .none: book.outbox = []
                case .telegram: remind(&book)
                case .blocked:
                    remind(&book)
                    if !book.outbox.isEmpty { book.lastFailedAt = now }
                }
                return (queued: book.outbox.filter { $0.number > before }, waiting: book.outbox.count, lost: lost)
            }
            let (queued, waiting, lost) = update.result
            if update.isWritten { marks.forget() }
            switch route {
            case .none: return Result(outcome: .suppressed, error: update.failure, lost: lost)
            case .telegram(let channel, let client):
                if let failure = update.failure {
                    return await sendWithoutBook(queued, waiting: waiting, channel, client, failure)
                }
                var sender = Sender(
                    book: book, time: time, patience: patience, channel: channel, client: client, isAsked: isAsked)
                var result = try await sender.send(queued: Set(queued.map(\.number)))
                result.lost = lost ?? result.lost
                return result
            case .blocked(let obstacle):
                return Result(
                    outcome: waiting > 0 ? .failed : .suppressed, waiting: waiting, error: obstacle, lost: lost)
            }
        } catch {
            if case .none = route { return Result(outcome: .suppressed, error: Self.operatorError(error)) }
            return Result(outcome: .failed, error: Self.operatorError(error))
        }
    }

    /// A spool that could not be read is gone with what waited in it: people hear that there was something, and where it lies.
    private func tellOfDamage(_ book: inout AlertBook, _ now: Timestamp) -> OperatorError? {
        guard let name = book.damaged else { return nil }
        book.damaged = nil
        let place = directory.appending(name).printable
        book.queue(
            .alert, subject: "spool",
            text: """
                🔴 \(instanceLabel): messages that waited to be sent may be lost
                The file they stood in was damaged. It lies in \(place)
                What to do: see there what nobody was told, and whether the disk is sound.
                """, now: now)
        return OperatorError(
            "notify.damaged", doing: "reading the messages that wait", subject: place,
            reason: "the file was damaged and was set aside: messages in it were not sent",
            advice: "see in it what nobody was told", exit: .damagedInput)
    }

    private func remind(_ book: inout AlertBook) {
        let now = time.now
        for (subject, condition) in book.conditions.sorted(by: { $0.key < $1.key }) {
            var condition = condition
            if let message = policy.reminder(&condition, nil, now: now) {
                book.queue(message.0, subject: subject, text: message.1, now: now)
            }
            book.conditions[subject] = condition
        }
    }

    /// A full disk must not silence the alert about it: without the book the message goes out once, now or never, and no more of the
    /// same subject until a reminder is due.
    private func sendWithoutBook(
        _ messages: [AlertBook.Message], waiting: Int, _ channel: TelegramChannel, _ client: TelegramClient,
        _ failure: OperatorError
    ) async -> Result {
        let told = marks
        let now = time.now
        let pause = (policy.remindEvery ?? .seconds(86400)) * 0.95
        let news = messages.filter { !told.isTold($0.subject, within: pause, now: now) }
        var result = Result(outcome: news.isEmpty ? .suppressed : .failed, waiting: waiting - messages.count)
        result.error = failure
        for message in news {
            do {
                _ = try await client.send(Sender.dressed(message, dropped: 0, now: now), to: channel)
                result.sent += 1
                told.note(message.subject, now: now)
            } catch {
                return result
            }
        }
        if result.sent > 0 { result.outcome = .delivered }
        return result
    }

    /// Why nothing can be sent at all.
    private var obstacle: OperatorError {
        if case .blocked(let error) = route { return error }
        return OperatorError(
            "notify.channel", doing: "sending a test message", reason: "no channel is configured",
            advice: "add notify.telegram to the configuration", exit: .configuration)
    }

    private static func operatorError(_ error: any Error) -> OperatorError {
        switch error {
        case let error as OperatorError: error
        case let failure as TelegramClient.Failure: failure.error
        default: .cancelled(doing: "sending messages")
        }
    }
}

extension Notifier {
    /// Sends a test message right now, past the spool, and records in `STATE/notify/test.json` that it did and how it went.
    @discardableResult
    public func test(instanceLabel: String, host: String) async throws -> NotifyTestRecord {
        if case .none = route { throw obstacle }
        let start = time.uptime
        let text =
            "🔔 \(instanceLabel): test from \(host), \(AlertText.moment(time.now)). Alerts of this instance arrive here."
        var record = NotifyTestRecord(at: time.now, outcome: .delivered)
        var failure: OperatorError?
        do {
            guard case .telegram(let channel, let client) = route else { throw obstacle }
            let receipt = try await client.send(CredentialScrubber.scrub(printable(text, limit: 1000)), to: channel)
            record.migratedTo = receipt.migratedTo
        } catch {
            failure = Self.operatorError(error)
            record.outcome = .failed
            record.errorType = failure?.type
        }
        record.durationMs = (time.uptime - start).wholeMilliseconds
        try record.write(directory)
        if let failure { throw failure }
        return record
    }
}
