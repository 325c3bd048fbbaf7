internal import Support

/// The words of messages: plain text, a first line that says it all on a lock screen.
enum AlertText {
    static func failing(_ run: RunSummary, _ warnings: WarningDigest? = nil) -> String {
        lines("🔴 \(run.instanceLabel): \(run.job) \(run.verdict ?? verb(run.outcome))", details(run, warnings))
    }

    /// A job that fails already found something more.
    static func news(_ run: RunSummary, _ warnings: WarningDigest) -> String {
        let new = warnings.raised + warnings.worse
        let what =
            new.count == 1
            ? "has a \(warnings.worse.isEmpty ? "new" : "worse") warning: \(oneLine(new[0].warning.message))"
            : "has \(new.count) new or worse warnings"
        return lines("🔴 \(run.instanceLabel): \(run.job) \(what)", details(run, warnings))
    }

    static func reminder(
        _ run: RunSummary?, _ title: Title, _ warnings: WarningDigest?, since: Timestamp, failures: Int, now: Timestamp
    ) -> String {
        let head = "🟠 \(title.label): \(title.name) still fails, for \(span(now - since)) (\(times(failures)))"
        return lines(head, run.map { details($0, warnings) } ?? sections(warnings))
    }

    static func unstable(
        _ run: RunSummary, _ warnings: WarningDigest?, starts: Int, window: Duration, settle: Duration
    ) -> String {
        lines(
            "🟠 \(run.instanceLabel): \(run.job) is unstable, it started to fail \(starts) times in \(span(window))",
            details(run, warnings) + ["Single changes are not reported until it has been steady for \(span(settle))."])
    }

    static func stillUnstable(_ title: Title, _ warnings: WarningDigest?, since: Timestamp, now: Timestamp) -> String {
        lines("🟠 \(title.label): \(title.name) is still unstable, for \(span(now - since))", sections(warnings))
    }

    static func recovered(
        _ run: RunSummary, _ warnings: WarningDigest?, since: Timestamp, failures: Int, wasUnstable: Bool,
        withSteps: Bool
    ) -> String {
        let head = "🟢 \(run.instanceLabel): \(run.job) \(wasUnstable ? "is steady again" : "works again")"
        return lines(
            head,
            ["It failed \(times(failures)), first at \(moment(since))."] + sections(warnings)
                + (withSteps ? steps(run) : []) + [footer(run)])
    }

    static func completed(_ run: RunSummary) -> String {
        let head =
            switch run.outcome {
            case .success: "✅ \(run.instanceLabel): \(run.job) done"
            case .skip: "⏭ \(run.instanceLabel): \(run.job) skipped"
            case .cancellation: "⏹ \(run.instanceLabel): \(run.job) stopped"
            default: "🔴 \(run.instanceLabel): \(run.job) \(verb(run.outcome))"
            }
        return lines(head, run.outcome.isBad ? details(run) : steps(run) + [footer(run)])
    }

    /// A run that is not at its end yet.
    static func progress(_ run: RunSummary) -> String {
        lines(
            "⏳ \(run.instanceLabel): \(run.job)",
            steps(run) + ["\(moment(run.finishedAt)), run \(run.runID.prefix(12))"])
    }

    /// Whom and what a condition is about.
    struct Title: Codable, Sendable, Equatable {
        var label: String
        var name: String
    }

    /// `1️⃣`, `2️⃣`, …, `🔟`, `1️⃣1️⃣`: keycap digits.
    static func numeral(_ number: Int) -> String {
        number == 10 ? "🔟" : String(number).map { "\($0)\u{FE0F}\u{20E3}" }.joined()
    }

    static func moment(_ time: Timestamp) -> String {
        let text = time.description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5)) UTC"
    }

    /// The two largest units: `2 d 3 h`.
    static func span(_ duration: Duration) -> String {
        var rest = max(0, duration.wholeMicroseconds / 1_000_000)
        var parts: [String] = []
        for (name, size) in [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)] as [(String, Int64)] {
            if rest >= size { parts.append("\(rest / size) \(name)") }
            rest %= size
        }
        return parts.isEmpty ? "0 s" : parts.prefix(2).joined(separator: " ")
    }

    private static func times(_ count: Int) -> String { count == 1 ? "once" : "\(count) times" }

    private static func verb(_ outcome: RunSummary.Outcome) -> String {
        switch outcome {
        case .timeout: "ran out of time"
        case .unknown: "ended before it could report"
        default: "failed"
        }
    }

    private static func details(_ run: RunSummary, _ warnings: WarningDigest? = nil) -> [String] {
        var out = sections(warnings)
        // The error of a run that found warnings is no more than the first of them.
        if out.isEmpty || run.warnings == nil, let error = run.error { out.insert(oneLine(error), at: 0) }
        out += steps(run)
        if let advice = run.advice { out.append("What to do: \(oneLine(advice))") }
        out.append(footer(run))
        return out
    }

    /// So many warnings are listed under one heading at most.
    private static let sectionLimit = 10

    private static func sections(_ warnings: WarningDigest?) -> [String] {
        guard let warnings else { return [] }
        func section(_ title: String, _ entries: [KnownWarning], withAdvice: Bool = false) -> [String] {
            guard !entries.isEmpty else { return [] }
            var out = ["\(title):"]
            for entry in entries.prefix(sectionLimit) {
                let warning = entry.warning
                var line = "• \(warning.severity.rawValue): \(oneLine(warning.message)) [\(oneLine(warning.code))]"
                if entry.isUnstable { line += ", comes and goes" }
                if withAdvice, let advice = warning.advice { line += "; try `\(oneLine(advice))`" }
                out.append(line)
            }
            if entries.count > sectionLimit { out.append("and \(entries.count - sectionLimit) more") }
            return out
        }
        return section("New", warnings.raised, withAdvice: true) + section("Worse", warnings.worse, withAdvice: true)
            + section("Still open", warnings.open) + section("Resolved since the last message", warnings.resolved)
    }

    private static func steps(_ run: RunSummary) -> [String] {
        run.steps.enumerated().map { index, step in
            let mark =
                switch step.outcome {
                case .success: ""
                case .skip: " (skipped)"
                default: " ✗"
                }
            return "\(numeral(index + 1)) \(step.name)\(step.detail.map { ": \(oneLine($0))" } ?? "")\(mark)"
        }
    }

    private static func footer(_ run: RunSummary) -> String {
        let took = run.duration.map { ", took \(span($0))" } ?? ""
        return "\(moment(run.finishedAt))\(took)" + (run.runID.isEmpty ? "" : ", run \(run.runID.prefix(12))")
    }

    /// Text from elsewhere: one line, no control characters, bounded.
    private static func oneLine(_ text: String) -> String { printable(text, limit: 300) }

    private static func lines(_ head: String, _ rest: [String]) -> String {
        CredentialScrubber.scrub(([head] + rest).joined(separator: "\n"))
    }
}
