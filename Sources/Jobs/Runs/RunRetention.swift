internal import Support

/// Which run records go: those older than 400 days, and of a job that runs more often than hourly the successes beyond its last 500
/// runs. A job's last run and last success always stay.
enum RunRetention {
    static let maxAge = Duration.seconds(400 * 86_400)
    static let frequentLimit = 500

    static func apply(to job: String, runs: RunStore, ledger: Ledger, now: Timestamp) throws {
        let goners = expired(try ledger.finished(job: job), now: now)
        guard !goners.isEmpty else { return }
        // Rows without a record are mended by a rebuild; records without a row would come back with it.
        for run in goners { try runs.remove(run) }
        try ledger.remove(goners)
    }

    /// The ids to remove, of a job's finished runs, newest first.
    static func expired(_ entries: [LedgerEntry], now: Timestamp) -> [String] {
        let lastSuccess = entries.first { $0.outcome == .success && !$0.dryRun }?.runId
        let lastRun = entries.first { !$0.dryRun && $0.outcome != .skip }?.runId
        let dayAgo = now - .seconds(86_400)
        let isFrequent = entries.prefix(2000).count { $0.startedAt > dayAgo && $0.startedAt <= now } > 24
        return entries.enumerated().filter { index, entry in
            if entry.runId == lastSuccess || entry.runId == lastRun { return false }
            if now - entry.startedAt > maxAge { return true }
            return isFrequent && index >= frequentLimit && (entry.outcome == .success || entry.outcome == .skip)
        }.map(\.element.runId)
    }
}
