internal import Support

/// What is known between runs about one warning of a job that finds several things, such as the watchdog.
struct KnownWarning: Codable, Sendable, Equatable {
    var warning: RunSummary.Warning
    /// Whether the last look found it.
    var isOpen = false
    /// How severe the last message called it; nil when none named it as open since its end was told.
    var told: RunSummary.Warning.Severity?
    /// When it appeared or became more severe, within the flap window.
    var starts: [Timestamp] = []
    /// It comes and goes: that is told once, and nothing more of it until it has been steady.
    var isUnstable = false
}

/// The warnings as a message sorts them.
struct WarningDigest {
    /// New, or open again.
    var raised: [KnownWarning] = []
    /// More severe than the last message said.
    var worse: [KnownWarning] = []
    /// Told before and open still.
    var open: [KnownWarning] = []
    /// Open in the last message and gone since.
    var resolved: [KnownWarning] = []
}

extension AlertPolicy {
    /// Takes in what a run found and says which of it, by key, somebody should hear of at once. A job that failed without a verdict
    /// settles nothing: what was open is open still, and that it failed is a warning of its own.
    func notice(_ run: RunSummary, _ condition: inout AlertCondition, now: Timestamp) -> Set<String> {
        guard run.warnings != nil || condition.warnings != nil else { return [] }
        var known = condition.warnings ?? [:]
        let found = run.warnings ?? [RunSummary.Warning(failed: run)]
        if run.warnings != nil {
            let keys = Set(found.map(\.key))
            for key in known.keys where !keys.contains(key) { known[key]?.isOpen = false }
        }
        var news: Set<String> = []
        for warning in found {
            var entry = known[warning.key] ?? KnownWarning(warning: warning)
            // A clock that was set back must not keep it unstable for ever.
            if entry.isUnstable, let last = entry.starts.last, now < last || now - last >= settleTime {
                entry.isUnstable = false
                entry.starts = []
            }
            let wasUnstable = entry.isUnstable
            let starts = !entry.isOpen || warning.severity > entry.warning.severity
            if starts {
                entry.starts = entry.starts.filter { $0 <= now && now - $0 < flapWindow } + [now]
                if entry.starts.count >= flapLimit { entry.isUnstable = true }
            }
            entry.isOpen = true
            entry.warning = warning
            if !wasUnstable, starts || entry.told.map({ $0 < warning.severity }) ?? true { news.insert(warning.key) }
            known[warning.key] = entry
        }
        condition.warnings = known.filter { _, entry in
            entry.isOpen || entry.told != nil || entry.starts.contains { $0 <= now && now - $0 < flapWindow }
        }
        return news
    }
}

extension AlertCondition {
    /// Sorts the warnings for a message that is now made, and notes that it tells them; nil for a job without warnings.
    mutating func tellWarnings(news: Set<String> = []) -> WarningDigest? {
        guard var known = warnings else { return nil }
        var digest = WarningDigest()
        let sorted = known.values.sorted {
            ($1.warning.severity, $0.warning.code, $0.warning.key) < (
                $0.warning.severity, $1.warning.code, $1.warning.key
            )
        }
        for entry in sorted {
            let key = entry.warning.key
            switch (entry.isOpen, entry.told) {
            case (true, let told?) where told < entry.warning.severity: digest.worse.append(entry)
            case (true, nil) where !entry.isUnstable, (true, _) where news.contains(key): digest.raised.append(entry)
            case (true, _): digest.open.append(entry)
            case (false, nil): break
            case (false, _): digest.resolved.append(entry)
            }
            known[key]?.told = entry.isOpen ? entry.warning.severity : nil
        }
        warnings = known
        return digest
    }

    /// The job works: none of its warnings is open any more.
    mutating func closeWarnings() {
        for key in warnings.map({ Array($0.keys) }) ?? [] { warnings?[key]?.isOpen = false }
    }
}
