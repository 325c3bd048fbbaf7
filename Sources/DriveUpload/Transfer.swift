internal import HTTP
internal import Logging
internal import Support
internal import Synchronization
internal import SystemPackage

/// The data of one upload through one session: chunk by chunk, from wherever the server says it is.
struct Transfer {
    let session: UploadSession
    let file: FileDescriptor
    let deadline: Duration
    let meter: ProgressMeter

    /// What the session came to.
    struct End {
        /// The metadata that came with the last answer.
        var file: DriveFile?
        /// Why the session is of no more use; nil when the server says that the file is there.
        var error: OperatorError?
    }

    /// How many such answers end a session.
    private static let strayLimit = 4

    private var chunk: Int64
    private var token: Secret?
    /// What the server said last.
    private var known: Int64 = 0
    /// Rounds in a row without progress.
    private var failures = 0
    private var allFailures = 0
    /// Whether data was sent.
    private(set) var hasSent = false
    private var options: DriveOptions { session.client.options }

    init(session: UploadSession, file: FileDescriptor, deadline: Duration, meter: ProgressMeter) {
        self.session = session
        self.file = file
        self.deadline = deadline
        self.meter = meter
        chunk = session.client.options.limits.firstChunk
    }

    /// Sends until the server has everything, or the session is dead. Throws what makes going on pointless.
    ///
    /// - Parameter start: the offset that a new session begins at; nil asks the server.
    mutating func run(from start: Int64?) async throws -> End {
        var position = start
        var refusals = 0
        // Since there was progress, answers that may not be the session's.
        var strays = 0
        // In a row, answers that have everything and no end.
        var fullAnswers = 0
        while true {
            try Task.checkCancellation()
            guard options.time.uptime < deadline else {
                throw OperatorError(
                    "drive-deadline", doing: "uploading the bundle",
                    reason: "it took longer than \(options.limits.deadline.inSeconds / 3600) hours",
                    advice: "run again: it goes on where it stopped", exit: .unavailable, isTemporary: true)
            }
            let outcome: UploadSession.Outcome
            if let offset = position {
                outcome = try await send(from: offset)
            } else {
                outcome = try await session.query(token: token)
            }
            switch outcome {
            case .finished(let file):
                meter.reach(session.size)
                return End(file: file)
            case .stored(let stored):
                meter.reach(stored)
                let wasQuery = position == nil
                let isProgress = stored > known
                if isProgress { (refusals, strays) = (0, 0) }
                let isLoss = stored < known
                known = stored
                // Everything is stored and still the server waits: asking again is all that can be done.
                position = stored == session.size && stored > 0 ? nil : stored
                if position != nil {
                    fullAnswers = 0
                } else {
                    // Some minutes: another session begins from the first byte.
                    fullAnswers += 1
                    guard fullAnswers <= options.limits.noProgressRounds / 2 else {
                        return End(error: unavailable("the server has all of the upload and does not finish it"))
                    }
                }
                if isProgress {
                    failures = 0
                } else if isLoss || !wasQuery || position == nil {
                    try await fail(unavailable("the server keeps nothing of what is sent"), nil)
                }
            case .unknown(let error, let after):
                position = nil
                chunk = max(options.limits.smallestChunk, chunk / 2 / (256 << 10) * (256 << 10))
                try await fail(error, after)
            case .unauthorized(let error):
                // The session's URI is enough as a rule. A server that asks for a token gets the one at hand, then a fresh one.
                guard refusals < 2 else { throw error }
                refusals += 1
                token = try await session.client.tokens.current(insteadOf: token)
                position = nil
            case .gone:
                return End(error: unavailable("the upload session is gone"))
            case .refused(let error):
                // Perhaps not the session's answer: it is asked what it has before that is sent again in another.
                strays += 1
                guard strays < Self.strayLimit else { return End(error: error) }
                position = nil
                try await fail(error, nil)
            }
        }
    }

    private mutating func send(from offset: Int64) async throws -> UploadSession.Outcome {
        hasSent = true
        let length = min(chunk, session.size - offset)
        let started = options.time.uptime
        let outcome = try await session.send(file, offset: offset, length: length, token: token) { [meter] moved in
            meter.reach(offset + moved)
        }
        if case .finished(nil) = outcome, offset + length < session.size {
            return .unknown(unavailable("the server says that the file is there before all of it was sent"), after: nil)
        }
        if case .stored(let stored) = outcome, stored == offset + length,
            options.time.uptime - started < options.limits.quickChunk
        {
            chunk = min(options.limits.largestChunk, chunk * 2)
        }
        return outcome
    }

    /// Counts a round without progress and waits; throws when there were too many in a row, or far too many in all.
    private mutating func fail(_ error: OperatorError, _ after: Duration?) async throws {
        failures += 1
        allFailures += 1
        guard failures < options.limits.noProgressRounds, allFailures < 1000 else {
            var last = error
            last.reason += " (\(failures) attempts in a row brought nothing forward)"
            last.advice = "run again later: it goes on where it stopped"
            last.exit = .unavailable
            throw last
        }
        options.logger.info("upload at \(known) of \(session.size) bytes: \(error.reason)")
        try await options.time.sleep(
            for: options.limits.retry.wait(afterAttempt: failures, retryAfter: after, random: options.random()))
    }

    private func unavailable(_ reason: String) -> OperatorError {
        OperatorError(
            "drive-unavailable", doing: "uploading the bundle", reason: reason, exit: .unavailable, isTemporary: true)
    }
}

/// Turns positions, which may go back, into amounts, which may not: only what was never reached before is told.
final class ProgressMeter: Sendable {
    private let progress: any ProgressReporter
    private let reached = Mutex<Int64>(0)

    init(_ progress: any ProgressReporter) { self.progress = progress }

    func reach(_ position: Int64) {
        let amount = reached.withLock { reached in
            let amount = position - reached
            if amount > 0 { reached = position }
            return amount
        }
        if amount > 0 { progress.advance(amount) }
    }
}
