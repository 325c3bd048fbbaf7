internal import Glibc
public import Support

/// Which bundles `prune` keeps, with restic's rules and restic's words.
///
/// A count of a calendar rule (`daily: 7`) keeps the newest bundle of each of the last 7 days *that have one*. While a rule has
/// counts left, the oldest bundle of all is kept too, so that history does not shrink at its far end. `within` keeps all that are
/// younger than the newest bundle by less than a span. A bundle that any rule keeps is kept.
///
/// Source: restic's `internal/restic/snapshot_policy.go`, `ApplyPolicy`. The calendar is UTC.
public struct KeepRules: Sendable, Hashable {
    /// How many a rule keeps.
    public enum Count: Sendable, Hashable, CustomStringConvertible {
        case atMost(Int)
        case all

        public var description: String {
            switch self {
            case .atMost(let number): "\(number)"
            case .all: "all"
            }
        }
    }

    /// The rules that count, in the order in which reasons name them.
    public enum Rule: String, Sendable, CaseIterable {
        case last, hourly, daily, weekly, monthly, yearly
    }

    public let counts: [Rule: Count]
    public let within: CalendarSpan?

    /// Refuses a policy that keeps nothing, and negative counts.
    public init(counts: [Rule: Count], within: CalendarSpan? = nil) throws {
        for (rule, count) in counts {
            if case .atMost(let number) = count, number < 0 {
                throw Self.error("\(rule.rawValue): \(number) is no count", "write a number, or `all`")
            }
        }
        self.counts = counts.filter { $0.value != .atMost(0) }
        self.within = within.flatMap { $0.isZero ? nil : $0 }
        guard !self.counts.isEmpty || self.within != nil else {
            throw Self.error(
                "the policy is empty: it would delete every bundle",
                "give at least one of last, hourly, daily, weekly, monthly, yearly, within")
        }
    }

    /// Reads the rules as the configuration writes them: `["last": "3", "daily": "7", "within": "1y5m7d2h"]`. A count is a number,
    /// or `all` (also `unlimited` and `-1`, as restic has it).
    public init(parsing fields: [String: String]) throws {
        var counts: [Rule: Count] = [:]
        var within: CalendarSpan?
        for (key, text) in fields.sorted(by: { $0.key < $1.key }) {
            let shown = printable(text, limit: 40)
            if key == "within" {
                guard let span = CalendarSpan(text) else {
                    throw Self.error("within: \"\(shown)\" is no span", "write it like 1y5m7d2h")
                }
                within = span
            } else if let rule = Rule(rawValue: key) {
                if ["all", "unlimited", "-1"].contains(text) {
                    counts[rule] = .all
                } else if let number = Int(text), number >= 0 {
                    counts[rule] = .atMost(number)
                } else {
                    throw Self.error("\(key): \"\(shown)\" is no count", "write a number, or `all`")
                }
            } else {
                throw Self.error(
                    "unknown rule \"\(printable(key, limit: 40))\"",
                    "the rules are \(Rule.allCases.map(\.rawValue).joined(separator: ", ")), within")
            }
        }
        try self.init(counts: counts, within: within)
    }

    private static func error(_ reason: String, _ advice: String) -> OperatorError {
        OperatorError(
            "keep-rules", doing: "reading the keep rules", reason: reason, advice: advice, exit: .configuration)
    }

    /// Why each bundle is kept; an empty list means that no rule keeps it.
    ///
    /// - Parameter moments: when the bundles were made, newest first.
    /// - Parameter now: bundles from the future do not count as the newest for `within`.
    public func reasons(for moments: [Timestamp], now: Timestamp) -> [[String]] {
        var left = counts
        var lastBucket: [Rule: Int] = [:]
        let newest = moments.first { $0 < now }
        return moments.enumerated().map { index, moment in
            var reasons: [String] = []
            let isOldest = index == moments.count - 1
            if let within, newest.map({ moment > within.before($0) }) ?? true { reasons.append("within \(within)") }
            for rule in Rule.allCases {
                guard let count = left[rule], count != .atMost(0) else { continue }
                let bucket = rule.bucket(of: moment, at: index)
                let isNew = lastBucket[rule] != bucket
                guard isNew || isOldest else { continue }
                lastBucket[rule] = bucket
                if case .atMost(let number) = count { left[rule] = .atMost(number - 1) }
                reasons.append(isNew ? "\(rule.rawValue)" : "oldest \(rule.rawValue)")
            }
            return reasons
        }
    }
}

extension KeepRules.Rule {
    /// Bundles with equal numbers stand in the same bucket.
    fileprivate func bucket(of moment: Timestamp, at index: Int) -> Int {
        let parts = UTCTime.parts(of: moment)
        let year = Int(parts.tm_year) + 1900
        let month = year * 100 + Int(parts.tm_mon) + 1
        let day = month * 100 + Int(parts.tm_mday)
        switch self {
        case .last: return index
        case .hourly: return day * 100 + Int(parts.tm_hour)
        case .daily: return day
        case .weekly:
            let iso = UTCTime.isoWeek(of: moment)
            return iso.year * 100 + iso.week
        case .monthly: return month
        case .yearly: return year
        }
    }
}
