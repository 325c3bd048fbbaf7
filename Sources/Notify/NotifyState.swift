public import Support
public import SystemPackage

/// How the messages of this machine fare, from `STATE/notify`: read without a lock, for a snapshot.
public struct NotifyState: Sendable, Equatable {
    public enum LastOutcome: String, Sendable {
        case delivered, failed, never
    }

    /// When a message last arrived, the tests of the path included.
    public var lastSentAt: Timestamp?
    /// Of the last message that was tried.
    public var lastOutcome: LastOutcome
    /// Messages that wait to be sent.
    public var waiting: Int

    public static func read(stateDirectory: FilePath) -> NotifyState {
        let book = AlertBookFile(directory: stateDirectory.appending("notify")).peek()
        let test = (try? NotifyTestRecord.read(stateDirectory: stateDirectory)) ?? nil
        let sent = [book?.lastSentAt, test.flatMap { $0.outcome == .delivered ? $0.at : nil }].compactMap { $0 }.max()
        let failed = [book?.lastFailedAt, test.flatMap { $0.outcome == .failed ? $0.at : nil }].compactMap { $0 }.max()
        let outcome: LastOutcome =
            switch (sent, failed) {
            case (nil, nil): .never
            case (nil, _?): .failed
            case (_?, nil): .delivered
            case (let sent?, let failed?): failed > sent ? .failed : .delivered
            }
        return NotifyState(lastSentAt: sent, lastOutcome: outcome, waiting: book?.outbox.count ?? 0)
    }
}
