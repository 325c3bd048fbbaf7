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
    private let jobs: Set<String>?
    private let policy: AlertPolicy
    private let time: any TimeSource
    private let patience: Duration

    /// - Parameters:
    ///   - jobs: those that are declared: nobody is reminded of others. Nil: all are.
    ///   - patience: so long in all a call waits for a server that asked for it.
    public init(
        stateDirectory: FilePath, route: Route, jobs: Set<String>? = nil, policy: AlertPolicy = AlertPolicy(),
        time: any TimeSource = SystemTime(), patience: Duration = .seconds(60)
    ) {
        directory = stateDirectory.appending("notify")
        book = AlertBookFile(directory: directory)
        self.route = route
        self.jobs = jobs
        self.policy = policy
        self.time = time
        self.patience = patience
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
        guard run.outcome == .success, let condition = book.peek()?.conditions["job/\(run.job)"],
            condition.failingSince != nil || condition.unstableSince != nil
        else { return }
        let now = time.now
        let update = try await book.update { book in take(run, announcing: false, &book, now) }
        if let failure = update.failure { throw failure }
    }

    private func take(_ run: RunSummary, announcing: Bool, _ book: inout AlertBook, _ now: Timestamp) {
        let subject = "job/\(run.job)"
        var condition =
            book.conditions[subject] ?? AlertCondition(title: .init(label: run.instanceLabel, name: run.job))
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

    /// Sends what waits, and the reminders that are due.
    public func flush() async -> Result { await deliver { _ in } }

    /// Forgets jobs that are no longer declared, so that nobody is reminded of them.
    public func forgetJobs(except declared: Set<String>) async {
        _ = try? await book.update { $0.forgetJobs(except: declared) }
    }

    // MARK: Sending

    private func deliver(_ change: (inout AlertBook) -> Void) async -> Result {
        do {
            let now = time.now
            let update = try await book.update { book in
                let before = book.lastNumber
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
                return (queued: book.outbox.filter { $0.number > before }, waiting: book.outbox.count)
            }
            let (queued, waiting) = update.result
            switch route {
            case .none: return Result(outcome: .suppressed, error: update.failure)
            case .telegram(let channel, let client):
                if let failure = update.failure { return await sendWithoutBook(queued, channel, client, failure) }
                return try await send(through: channel, client, queued: !queued.isEmpty)
            case .blocked(let obstacle):
                return Result(outcome: waiting > 0 ? .failed : .suppressed, waiting: waiting, error: obstacle)
            }
        } catch {
            if case .none = route { return Result(outcome: .suppressed, error: Self.operatorError(error)) }
            return Result(outcome: .failed, error: Self.operatorError(error))
        }
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

    /// Empties the outbox from its head, as far as the server lets it.
    private func send(through channel: TelegramChannel, _ client: TelegramClient, queued: Bool) async throws -> Result {
        var result = Result(outcome: .suppressed)
        guard let lock = try await book.sendingLock(patience: .seconds(10)) else {
            // Whoever holds it reads the outbox anew after each message, and finds ours.
            return Result(outcome: queued ? .delivered : .suppressed)
        }
        defer { withExtendedLifetime(lock) {} }
        var waited: Duration = .zero
        var backoff: Duration = .seconds(2)
        // A dead network is tried once again only for news: a run must not be held up each time by what already waits.
        var unreachable = queued ? 0 : 1
        while let next = try await takeNext(channel) {
            var kind: TelegramClient.Failure.Kind?
            var mayHaveArrived = false
            do {
                let receipt = try await client.send(
                    next.text, to: TelegramChannel(chat: next.chat, token: channel.token))
                result.sent += 1
                let sentAt = time.now
                if let chat = receipt.migratedTo ?? next.migratedTo { result.migratedTo = chat }
                try await settle(next, channel) { book, _ in
                    book.dropped = 0
                    book.lastSentAt = sentAt
                    if let chat = receipt.migratedTo { book.migrations[channel.chat] = chat }
                    return true
                }
                continue
            } catch let failure as TelegramClient.Failure {
                kind = failure.kind
                mayHaveArrived = failure.mayHaveArrived
                result.error = failure.error
            } catch is CancellationError {
                kind = .ambiguous
                result.error = .cancelled(doing: "sending a Telegram message")
            }
            let failedAt = time.now
            switch kind {
            case .message:
                try await settle(next, channel) { book, _ in
                    book.lastFailedAt = failedAt
                    return true
                }
            case .ambiguous:
                // Once more, marked; then it is given up, because it may have arrived twice already.
                try await settle(next, channel) { book, message in
                    book.lastFailedAt = failedAt
                    defer { message.mayHaveArrived = true }
                    return message.mayHaveArrived
                }
                if Task.isCancelled { return try await finish(result, queued) }
            case .later(let asked):
                // Never sooner than this program's own wait, whatever the server says: with the patience that bounds the tries.
                let wait = max(asked ?? .zero, backoff)
                let isMarked = mayHaveArrived
                try await settle(next, channel) { book, message in
                    book.lastFailedAt = failedAt
                    if let asked { message.notBefore = failedAt + asked }
                    if isMarked { message.mayHaveArrived = true }
                    return false
                }
                // Neither a dead network nor somebody else's page in place of Telegram's answer is tried for long.
                if result.error?.wasSurelyNotSent == true || result.error?.type == TelegramClient.foreignAnswer {
                    unreachable += 1
                }
                guard waited + wait <= patience, unreachable < 2 else { return try await finish(result, queued) }
                try await time.sleep(for: wait)
                waited += wait
                if wait == backoff { backoff = min(backoff * 2, .seconds(30)) }
            case .channel, nil:
                try await settle(next, channel) { book, _ in
                    book.lastFailedAt = failedAt
                    return false
                }
                return try await finish(result, queued)
            }
        }
        return try await finish(result, queued)
    }

    private struct Next {
        var number: Int
        var chat: String
        var migratedTo: String?
        var text: String
    }

    /// Marks the oldest message as on its way and returns it; nil when none waits or the server asked to wait.
    private func takeNext(_ channel: TelegramChannel) async throws -> Next? {
        let now = time.now
        let update = try await book.update { book -> Next? in
            while let first = book.outbox.first, first.isInFlight {
                // Its sender died: the sending lock is ours. Whether it arrived nobody knows.
                let deaths = (first.deaths ?? 0) + 1
                if deaths >= AlertBook.deathLimit {
                    book.outbox.removeFirst()
                } else {
                    book.outbox[0].isInFlight = false
                    book.outbox[0].mayHaveArrived = true
                    book.outbox[0].deaths = deaths
                }
            }
            guard let first = book.outbox.first else { return nil }
            // A wait of more than a day is a clock that was set back.
            if let notBefore = first.notBefore, notBefore > now, notBefore - now <= .seconds(86400) { return nil }
            book.outbox[0].isInFlight = true
            let migrated = book.migrations[channel.chat]
            return Next(
                number: first.number, chat: migrated ?? channel.chat, migratedTo: migrated,
                text: dressed(first, dropped: book.dropped, now: now))
        }
        if let failure = update.failure { throw failure }
        return update.result
    }

    /// What is known only when it leaves: that it is late, that it may be a repetition, that others were dropped.
    private func dressed(_ message: AlertBook.Message, dropped: Int, now: Timestamp) -> String {
        var text = message.text
        if message.mayHaveArrived { text += "\n(may be repeated)" }
        if now - message.createdAt >= .seconds(600) { text += "\n(late: from \(AlertText.moment(message.createdAt)))" }
        if dropped > 0 { text += "\n(\(dropped) older messages were dropped)" }
        return text
    }

    /// Takes the message off the outbox if the body says so, else puts it back at the head.
    private func settle(
        _ next: Next, _ channel: TelegramChannel,
        _ body: @escaping @Sendable (inout AlertBook, inout AlertBook.Message) -> Bool
    ) async throws {
        // Runs to its end even when the run was cancelled: a message that was sent must be crossed out.
        let update = try await uncancelled {
            try await book.update { book in
                guard let index = book.outbox.firstIndex(where: { $0.number == next.number }) else { return }
                var message = book.outbox[index]
                message.isInFlight = false
                if body(&book, &message) { book.outbox.remove(at: index) } else { book.outbox[index] = message }
            }
        }
        if let failure = update.failure { throw failure }
    }

    private func finish(_ result: Result, _ queued: Bool) async throws -> Result {
        var result = result
        result.waiting = try await book.update { $0.outbox.count }.result
        if result.waiting > 0 {
            result.outcome = queued || result.error != nil ? .failed : .suppressed
        } else if result.sent > 0 {
            result.outcome = .delivered
            result.error = nil
        } else {
            result.outcome = result.error == nil ? .suppressed : .failed
        }
        return result
    }

    /// A full disk must not silence the alert about it: without the book the message goes out once, now or never.
    private func sendWithoutBook(
        _ messages: [AlertBook.Message], _ channel: TelegramChannel, _ client: TelegramClient, _ failure: OperatorError
    ) async -> Result {
        var result = Result(outcome: messages.isEmpty ? .suppressed : .failed, error: failure)
        for message in messages {
            do {
                _ = try await client.send(dressed(message, dropped: 0, now: time.now), to: channel)
                result.sent += 1
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
