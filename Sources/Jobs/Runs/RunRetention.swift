internal import Support

/// Which run records go: those older than 400 days, and of a job that runs more often than hourly the successes beyond its last 500
/// runs. A declared job's last run and last success always stay.
///
/// An age counts only as far as the ledger has lived through it: a clock that is wrong for a run or for a week must not take the history
/// of years with it. Between two runs of the whole ledger no more than ``longestGap`` passes.
enum RunRetention {
    static let maxAge = Duration.seconds(400 * 86_400)
    static let frequentLimit = 500
    static let longestGap = Duration.seconds(31 * 86_400)

    static func apply(to job: String, runs: RunStore, ledger: Ledger, now: Timestamp) throws {
        let entries = try ledger.finished(job: job)
        let kept = keepers(entries)
        let old = entries.filter { now - $0.startedAt > maxAge && !kept.contains($0.runId) }
        let goners = superfluous(entries, now: now) + (try lived(old, ledger, now: now))
        try remove(goners.filter { !kept.contains($0) }, runs, ledger)
    }

    /// Does the same for the jobs that are declared no more, whose last runs go too once they are old enough.
    ///
    /// - Parameter declared: the names of all jobs that are.
    static func applyToOthers(
        than declared: Set<String>, runs: RunStore, ledger: Ledger, now: Timestamp
    ) throws {
        let old = try ledger.finished(before: now - maxAge).filter { !declared.contains($0.job) }
        try remove(try lived(old, ledger, now: now), runs, ledger)
    }

    private static func remove(_ goners: [String], _ runs: RunStore, _ ledger: Ledger) throws {
        guard !goners.isEmpty else { return }
        // Rows without a record are mended by a rebuild; records without a row would come back with it.
        for run in goners { try runs.remove(run) }
        try ledger.remove(goners)
    }

    /// Of a job's finished runs, newest first, those that always stay.
    private static func keepers(_ entries: [LedgerEntry]) -> Set<String> {
        let lastSuccess = entries.first { $0.outcome == .success && !$0.dryRun }?.runId
        let lastRun = entries.first { !$0.dryRun && $0.outcome != .skip }?.runId
        return Set([lastSuccess, lastRun].compactMap { $0 })
    }

    /// The successes and skips that are too many, of a job's finished runs, newest first.
    static func superfluous(_ entries: [LedgerEntry], now: Timestamp) -> [String] {
        let dayAgo = now - .seconds(86_400)
        guard entries.prefix(2000).count(where: { $0.startedAt > dayAgo && $0.startedAt <= now }) > 24 else {
            return []
        }
        return entries.dropFirst(frequentLimit).filter { $0.outcome == .success || $0.outcome == .skip }.map(\.runId)
    }

    /// Those of the given runs that the ledger has outlived by ``maxAge``.
    private static func lived(_ old: [LedgerEntry], _ ledger: Ledger, now: Timestamp) throws -> [String] {
        guard !old.isEmpty else { return [] }
        let outlived = Self.outlived(try ledger.history(limit: .max), now: now)
        return old.map(\.runId).filter(outlived.contains)
    }

    /// The ids of all runs, newest first, since whose start more than ``maxAge`` has passed in gaps that can be believed.
    static func outlived(_ entries: [LedgerEntry], now: Timestamp) -> Set<String> {
        var age = Duration.zero
        var later = now
        var found: Set<String> = []
        for entry in entries {
            age += min(max(.zero, later - entry.startedAt), longestGap)
            later = entry.startedAt
            if age > maxAge { found.insert(entry.runId) }
        }
        return found
    }
}
