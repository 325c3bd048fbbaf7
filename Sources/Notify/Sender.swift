internal import HTTP
internal import Support

/// Empties the spool, oldest first, as far as the server lets it: one process at a time, each message until it has arrived.
struct Sender {
    let book: AlertBookFile
    let time: any TimeSource
    /// So long in all it waits for a server that asked for it.
    let patience: Duration
    let channel: TelegramChannel
    let client: TelegramClient
    /// A person asked for it: this program's own waits do not count.
    let isAsked: Bool

    private var result = Notifier.Result(outcome: .suppressed)
    private var lost = 0

    init(
        book: AlertBookFile, time: any TimeSource, patience: Duration, channel: TelegramChannel, client: TelegramClient,
        isAsked: Bool
    ) {
        self.book = book
        self.time = time
        self.patience = patience
        self.channel = channel
        self.client = client
        self.isAsked = isAsked
    }

    /// - Parameter queued: the numbers of the messages that are news.
    mutating func send(queued: Set<Int>) async throws -> Notifier.Result {
        guard let lock = try await book.sendingLock(patience: .seconds(10)) else { return try await leave(queued) }
        defer { withExtendedLifetime(lock) {} }
        var waited: Duration = .zero
        var backoff: Duration = .seconds(2)
        // A dead network is tried once again only for news: a run must not be held up each time by what already waits.
        var unreachable = queued.isEmpty ? 1 : 0
        while let next = try await takeNext() {
            var kind: TelegramClient.Failure.Kind?
            var mayHaveArrived = false
            do {
                let receipt = try await client.send(
                    next.text, to: TelegramChannel(chat: next.chat, token: channel.token))
                result.sent += 1
                let (sentAt, chat) = (time.now, channel.chat)
                if let chat = receipt.migratedTo ?? next.migratedTo { result.migratedTo = chat }
                try await settle(next) { book, _ in
                    book.dropped = max(0, book.dropped - next.dropped)
                    book.lastSentAt = sentAt
                    if let moved = receipt.migratedTo { book.migrations[chat] = moved }
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
                // What it says first matters more than that it says all. Only if that is refused too, it is given up.
                let isGivenUp = try await settle(next) { book, message in
                    book.lastFailedAt = failedAt
                    let short = Self.shortened(message.text)
                    guard message.isShortened != true, short.utf16.count < message.text.utf16.count else {
                        book.dropped += 1
                        return true
                    }
                    message.text = short
                    message.isShortened = true
                    return false
                }
                if isGivenUp { lost += 1 }
            case .ambiguous:
                // It stays until an answer says that it arrived: a copy too many is less than an alert too few.
                try await settle(next) { book, message in
                    book.lastFailedAt = failedAt
                    message.mayHaveArrived = true
                    message.doubts = (message.doubts ?? 0) + 1
                    message.retryAt = failedAt + AlertBook.wait(afterDoubts: message.doubts ?? 1)
                    return false
                }
                unreachable += 1
                guard !Task.isCancelled, waited + backoff <= patience, unreachable < 2 else {
                    return try await finish(queued)
                }
                try await time.sleep(for: backoff)
                waited += backoff
            case .later(let asked):
                // Never sooner than this program's own wait, whatever the server says: with the patience that bounds the tries.
                let wait = max(asked ?? .zero, backoff)
                let isMarked = mayHaveArrived
                try await settle(next) { book, message in
                    book.lastFailedAt = failedAt
                    if let asked { message.notBefore = failedAt + asked }
                    if isMarked { message.mayHaveArrived = true }
                    return false
                }
                // Neither a dead network nor somebody else's page in place of Telegram's answer is tried for long.
                if result.error?.wasSurelyNotSent == true || result.error?.type == TelegramClient.foreignAnswer {
                    unreachable += 1
                }
                guard waited + wait <= patience, unreachable < 2 else { return try await finish(queued) }
                try await time.sleep(for: wait)
                waited += wait
                if wait == backoff { backoff = min(backoff * 2, .seconds(30)) }
            case .channel, nil:
                try await settle(next) { book, _ in
                    book.lastFailedAt = failedAt
                    return false
                }
                return try await finish(queued)
            }
        }
        return try await finish(queued)
    }

    private struct Next {
        var number: Int
        var chat: String
        var migratedTo: String?
        var text: String
        /// So many dropped ones the text tells of.
        var dropped: Int
    }

    /// Another process sends, and reads the spool anew after each message: whether it took ours is seen there.
    private mutating func leave(_ queued: Set<Int>) async throws -> Notifier.Result {
        let waiting = try await book.update { $0.outbox.map(\.number) }.result
        result.waiting = waiting.count
        guard !queued.isEmpty else { return result }
        result.outcome = queued.isDisjoint(with: waiting) ? .delivered : .failed
        if result.outcome == .failed {
            result.error = OperatorError(
                "notify.busy", doing: "sending a Telegram message", reason: "another process is at it and not done yet",
                advice: "it sends this one too; `hermes-ops-runner notify flush` shows what waits", exit: .unavailable,
                isTemporary: true)
        }
        return result
    }

    /// Marks the oldest message that may be sent now as on its way and returns it; nil when there is none or the server asked to wait.
    private mutating func takeNext() async throws -> Next? {
        let now = time.now
        let (chat, isAsked) = (channel.chat, isAsked)
        let update = try await book.update { book -> (next: Next?, lost: Int) in
            let lost = Self.recover(&book, now)
            // A wait of more than a day is a clock that was set back.
            let asked = book.outbox.compactMap(\.notBefore).max { $0 < $1 }
            if let asked, asked > now, asked - now <= .seconds(86400) { return (nil, lost) }
            let due = book.outbox.firstIndex { message in
                guard let retry = message.retryAt, !isAsked else { return true }
                return retry <= now || retry - now > AlertBook.longestDoubt
            }
            guard let due else { return (nil, lost) }
            book.outbox[due].isInFlight = true
            let migrated = book.migrations[chat]
            let next = Next(
                number: book.outbox[due].number, chat: migrated ?? chat, migratedTo: migrated,
                text: Self.dressed(book.outbox[due], dropped: book.dropped, now: now), dropped: book.dropped)
            return (next, lost)
        }
        if let failure = update.failure { throw failure }
        lost += update.result.lost
        return update.result.next
    }

    /// Settles what a sender left that died: the sending lock is ours. Whether it arrived nobody knows. Answers how many messages were
    /// given up.
    private static func recover(_ book: inout AlertBook, _ now: Timestamp) -> Int {
        let before = book.outbox.count
        for index in book.outbox.indices where book.outbox[index].isInFlight {
            book.outbox[index].isInFlight = false
            book.outbox[index].mayHaveArrived = true
            book.outbox[index].deaths = (book.outbox[index].deaths ?? 0) + 1
        }
        book.outbox.removeAll { message in
            message.deaths ?? 0 >= AlertBook.deathLimit
                || message.doubts ?? 0 > 0 && now - message.createdAt > AlertBook.doubtfulAge
        }
        book.dropped += before - book.outbox.count
        return before - book.outbox.count
    }

    /// What is known only when it leaves: that it is late, that it may be a repetition, that others were dropped.
    static func dressed(_ message: AlertBook.Message, dropped: Int, now: Timestamp) -> String {
        var text = message.text
        if message.mayHaveArrived { text += "\n(may be repeated)" }
        if now - message.createdAt >= .seconds(600) { text += "\n(late: from \(AlertText.moment(message.createdAt)))" }
        if dropped > 0 { text += "\n(\(dropped) older messages were dropped)" }
        return text
    }

    /// The first line, which says it all.
    private static func shortened(_ text: String) -> String {
        let head = text.prefix { !$0.isNewline }
        return (TelegramText.pieces(of: String(head), limit: 200).first ?? "") + "\n(the rest was refused on its way)"
    }

    /// Takes the message off the outbox if the body says so, else puts it back where it stood. Answers what the body said.
    @discardableResult
    private func settle(
        _ next: Next, _ body: @escaping @Sendable (inout AlertBook, inout AlertBook.Message) -> Bool
    ) async throws -> Bool {
        // Runs to its end even when the run was cancelled: a message that was sent must be crossed out.
        let book = book
        let update = try await uncancelled {
            try await book.update { book -> Bool in
                guard let index = book.outbox.firstIndex(where: { $0.number == next.number }) else { return false }
                var message = book.outbox[index]
                message.isInFlight = false
                let isDone = body(&book, &message)
                if isDone { book.outbox.remove(at: index) } else { book.outbox[index] = message }
                return isDone
            }
        }
        if let failure = update.failure { throw failure }
        return update.result
    }

    private func finish(_ queued: Set<Int>) async throws -> Notifier.Result {
        var result = result
        result.waiting = try await book.update { $0.outbox.count }.result
        if lost > 0 {
            result.lost = OperatorError(
                "notify.dropped", doing: "sending Telegram messages",
                reason: "\(lost) were given up after many tries; the next message says so",
                advice: "see what failed: hermes-ops-runner history")
        }
        if result.waiting > 0 {
            result.outcome = !queued.isEmpty || result.error != nil ? .failed : .suppressed
        } else if result.sent > 0 {
            result.outcome = .delivered
            result.error = nil
        } else {
            result.outcome = result.error == nil ? .suppressed : .failed
        }
        return result
    }
}
