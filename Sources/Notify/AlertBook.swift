internal import FoundationEssentials
internal import Support
internal import SystemPackage

/// What a machine knows about its alerts between runs: the state of each job, and the messages that wait to be sent. Both stand in
/// one file, so that no crash can lose a message whose reason is already noted, or note it twice.
struct AlertBook: Codable, Equatable {
    struct Message: Codable, Equatable, Sendable {
        var number: Int
        var subject: String
        var kind: MessageKind
        var text: String
        var createdAt: Timestamp
        /// Set before it is sent: whoever finds it set after a crash cannot know whether it arrived.
        var isInFlight = false
        /// It may have arrived already.
        var mayHaveArrived = false
        /// Senders that died over it.
        var deaths: Int?
        /// The server asked to wait until then.
        var notBefore: Timestamp?
        /// Tries that were not answered, so that it may have arrived with each of them.
        var doubts: Int?
        /// After such a try it is not sent again before then, and others go ahead of it.
        var retryAt: Timestamp?
        /// Its whole text was refused: what stands here is its first line.
        var isShortened: Bool?
    }

    /// A message that may have arrived many times over is given up when it is so old.
    static let doubtfulAge = Duration.seconds(7 * 86_400)

    /// The longest wait between two tries that may both arrive.
    static let longestDoubt = Duration.seconds(6 * 3600)

    /// How long a message waits after so many tries without an answer: soon at first, then longer and longer, because each try may
    /// be one more copy for its reader.
    static func wait(afterDoubts count: Int) -> Duration {
        let waits: [Duration] = [.seconds(2), .seconds(60), .seconds(300), .seconds(1500), .seconds(7200)]
        return count > waits.count ? longestDoubt : waits[max(0, count - 1)]
    }

    /// A message that so many senders died over is given up: one that was killed between the mark and the first byte sent nothing, so a
    /// single death proves little; but what kills every sender must not keep the others from leaving.
    static let deathLimit = 5

    /// So many messages wait at most; the oldest give way, and the next message says how many.
    static let capacity = 200

    var version = 1
    var conditions: [String: AlertCondition] = [:]
    var outbox: [Message] = []
    var lastNumber = 0
    var dropped = 0
    /// New ids of chats that became supergroups, by the configured one.
    var migrations: [String: String] = [:]
    /// When a message last arrived, and when one last did not.
    var lastSentAt: Timestamp?
    var lastFailedAt: Timestamp?
    /// The name of the file that stood here before and could not be read, until somebody is told.
    var damaged: String?

    /// Forgets jobs that are not declared any more, and the reminders of them that still wait.
    mutating func forgetJobs(except declared: Set<String>) {
        let kept = declared.union([Notifier.configurationSubject])
        func isGone(_ subject: String) -> Bool {
            subject.hasPrefix("job/") && !kept.contains(String(subject.dropFirst("job/".count)))
        }
        conditions = conditions.filter { !isGone($0.key) }
        outbox.removeAll { isGone($0.subject) && $0.kind == .reminder && !$0.isInFlight }
    }

    /// Puts a message into the outbox, cut into pieces that Telegram takes.
    mutating func queue(_ kind: MessageKind, subject: String, text: String, now: Timestamp) {
        // An older reminder about the same thing that never left says nothing any more.
        if kind == .reminder || kind == .recovery {
            outbox.removeAll { $0.subject == subject && $0.kind == .reminder && !$0.isInFlight && !$0.mayHaveArrived }
        }
        // Room for what is added when it is sent.
        for piece in TelegramText.pieces(of: text, limit: TelegramText.limit - 256)
        where !piece.allSatisfy(\.isWhitespace) {
            lastNumber += 1
            outbox.append(Message(number: lastNumber, subject: subject, kind: kind, text: piece, createdAt: now))
        }
        while outbox.count > Self.capacity, let oldest = outbox.firstIndex(where: { !$0.isInFlight }) {
            outbox.remove(at: oldest)
            dropped += 1
        }
    }
}

/// The book's file, `STATE/notify/alerts.json`, changed by several processes one after the other.
struct AlertBookFile: Sendable {
    let directory: FilePath

    private var file: FilePath { directory.appending("alerts.json") }

    /// Changes the book under its lock and writes it durably before returning. The body's result comes back too when the book
    /// could not be written, with the error. Nothing is written where nothing changed.
    func update<Result>(
        _ body: (inout AlertBook) -> Result
    ) async throws -> (result: Result, failure: OperatorError?, isWritten: Bool) {
        var failure: OperatorError?
        var isWritten = false
        do {
            try FileSystem.makeDirectory(directory)
        } catch let error as OperatorError {
            failure = error
        }
        // Held for a read and a write: whoever waits longer than this has a dead disk in front of it, and must speak without the book.
        var lock: FileLock?
        if failure == nil {
            do {
                lock = try await waitForLock("alerts.lock", patience: .seconds(60))
                if lock == nil { failure = heldTooLong("alerts.lock") }
            } catch let error as OperatorError {
                failure = error
            }
        }
        return try withExtendedLifetime(lock) {
            // Temporary files of writers that were killed: the lock is ours, so none of them is at work.
            if failure == nil { remove(".alerts.json.") }
            var book = try read(&failure)
            let before = book
            let result = body(&book)
            if book != before, failure == nil {
                do {
                    let encoder = JSONEncoder()
                    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                    try FileSystem.replace(file, with: Array(try encoder.encode(book)))
                    isWritten = true
                } catch let error as OperatorError {
                    failure = error
                }
            }
            return (result, failure, isWritten)
        }
    }

    /// The book as it stands, without its lock; nil when there is none, or none that can be read.
    func peek() -> AlertBook? {
        guard let bytes = try? FileSystem.read(file, limit: 16 << 20, followingLinks: false) else { return nil }
        return try? JSONDecoder().decode(AlertBook.self, from: Data(bytes))
    }

    /// The lock of whoever sends, or nil if another process keeps it for longer than that.
    func sendingLock(patience: Duration) async throws -> FileLock? {
        try FileSystem.makeDirectory(directory)
        return try await waitForLock("sending.lock", patience: patience)
    }

    private func heldTooLong(_ name: String) -> OperatorError {
        OperatorError(
            "notify.lock", doing: "waiting for", subject: directory.appending(name).printable,
            reason: "another process holds it", isTemporary: true)
    }

    private func waitForLock(_ name: String, patience: Duration) async throws -> FileLock? {
        let clock = ContinuousClock()
        let deadline = clock.now + patience
        while true {
            if let lock = try FileLock(directory.appending(name)) { return lock }
            guard clock.now < deadline else { return nil }
            // Uneven waits, so that no process is always the one that comes too late.
            try await Task.sleep(for: .milliseconds(Int.random(in: 2...25)))
        }
    }

    private func remove(_ prefix: String) {
        let prefix = Array(prefix.utf8)
        for name in (try? DirectoryListing.names(at: directory)) ?? [] where name.starts(with: prefix) {
            try? FileSystem.removeTree(directory.appending(FilePath(bytes: name).string))
        }
    }

    /// A damaged book is set aside, and a new one begun: better one alert too many than none ever again.
    private func read(_ failure: inout OperatorError?) throws -> AlertBook {
        guard (try? FileStatus(at: file)) != nil else { return AlertBook() }
        do {
            let bytes = try FileSystem.read(file, limit: 16 << 20, followingLinks: false)
            let book = try JSONDecoder().decode(AlertBook.self, from: Data(bytes))
            if book.version == 1 { return book }
        } catch let error as OperatorError {
            failure = failure ?? error
            return AlertBook()
        } catch {}
        let name = "alerts.damaged-\(SystemTime().now.compact).json"
        var book = AlertBook()
        do {
            try FileSystem.rename(file, to: directory.appending(name))
            book.damaged = name
        } catch let error as OperatorError {
            failure = failure ?? error
        }
        return book
    }
}
