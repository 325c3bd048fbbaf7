import Stores
import Support
import TestSupport
import Testing

@Suite("Keep rules")
struct KeepRulesTests {
    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    /// The moments that are kept, of moments given newest first.
    private func kept(_ rules: [String: String], _ texts: [String], now: String = "2030-01-01T00:00:00Z") throws
        -> [String]
    {
        let reasons = try KeepRules(parsing: rules).reasons(for: texts.map { try time($0) }, now: time(now))
        return zip(texts, reasons).filter { !$0.1.isEmpty }.map(\.0)
    }

    @Test(
        "An empty policy is a configuration error",
        arguments: [[:], ["last": "0"], ["within": "0h"], ["daily": "0", "within": "0d"]])
    func empty(_ fields: [String: String]) throws {
        let error = try #require(throws: OperatorError.self) { try KeepRules(parsing: fields) }
        #expect(error.exit == .configuration)
        #expect(error.reason.contains("empty"))
    }

    @Test(
        "What is no rule is a configuration error",
        arguments: [
            ["last": "-2"], ["last": "three"], ["lst": "3"], ["within": "5w"], ["within": "d"], ["within": "3"],
            ["within": "1d2d"], ["within": "-1d"], ["within": "1D"], ["last": ""], ["within": "99999999d"],
        ])
    func malformed(_ fields: [String: String]) throws {
        #expect(try #require(throws: OperatorError.self) { try KeepRules(parsing: fields) }.exit == .configuration)
    }

    @Test("Spans read as restic's do, in any order")
    func spans() throws {
        let span = try #require(CalendarSpan("1y5m7d2h"))
        #expect(span == CalendarSpan(years: 1, months: 5, days: 7, hours: 2))
        #expect(CalendarSpan("2h7d") == CalendarSpan(days: 7, hours: 2))
        #expect(span.description == "1y5m7d2h")
        #expect(span.before(try time("2026-11-22T03:15:00Z")) == (try time("2025-06-15T01:15:00Z")))
    }

    @Test("Days that a month does not have run over, as in Go")
    func overflow() throws {
        #expect(CalendarSpan(months: 1).before(try time("2026-03-31T12:00:00Z")) == (try time("2026-03-03T12:00:00Z")))
        #expect(
            CalendarSpan(years: 1).before(try time("2024-02-29T00:00:00.250Z"))
                == (try time("2023-03-01T00:00:00.250Z")))
        #expect(CalendarSpan(months: 13).before(try time("2026-01-15T00:00:00Z")) == (try time("2024-12-15T00:00:00Z")))
    }

    @Test("last keeps the newest so many")
    func last() throws {
        let all = ["2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"]
        #expect(try kept(["last": "2"], all) == Array(all.prefix(2)))
        #expect(try kept(["last": "9"], all) == all)
        #expect(try kept(["last": "all"], all) == all)
        #expect(try kept(["last": "1"], []) == [])
    }

    @Test("A day counts once, by its newest; days without a bundle do not count")
    func daily() throws {
        let all = [
            "2026-03-10T22:00:00Z", "2026-03-10T04:00:00Z", "2026-03-07T23:59:59Z", "2026-03-07T00:00:00Z",
            "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z",
        ]
        #expect(try kept(["daily": "2"], all) == [all[0], all[2]])
        #expect(try kept(["daily": "3"], all) == [all[0], all[2], all[4]])
    }

    @Test("While a rule has counts left, the oldest of all is kept too")
    func oldest() throws {
        let all = ["2026-03-10T22:00:00Z", "2026-03-10T12:00:00Z", "2026-03-10T04:00:00Z"]
        #expect(try kept(["daily": "2"], all) == [all[0], all[2]])
        #expect(try kept(["daily": "1"], all) == [all[0]])
        let reasons = try KeepRules(parsing: ["daily": "2"]).reasons(
            for: all.map { try time($0) }, now: time("2026-03-11T00:00:00Z"))
        #expect(reasons == [["daily"], [], ["oldest daily"]])
        #expect(try kept(["monthly": "5", "yearly": "1"], all) == [all[0], all[2]])
    }

    @Test("Weeks are those of ISO 8601, over the turn of the year")
    func weekly() throws {
        // 2026-01-01 is a Thursday: its week, 2026-W01, begins on Monday 2025-12-29.
        let all = ["2026-01-04T12:00:00Z", "2025-12-29T00:00:00Z", "2025-12-28T23:00:00Z", "2025-12-22T00:00:00Z"]
        #expect(try kept(["weekly": "2"], all) == [all[0], all[2]])
        // 2021-01-03 is a Sunday of 2020-W53.
        let turn = ["2021-01-04T00:00:00Z", "2021-01-03T00:00:00Z", "2020-12-28T00:00:00Z", "2020-12-27T00:00:00Z"]
        #expect(try kept(["weekly": "3"], turn) == [turn[0], turn[1], turn[3]])
    }

    @Test("Hours, months and years")
    func calendar() throws {
        let hours = ["2026-03-10T10:59:00Z", "2026-03-10T10:00:00Z", "2026-03-10T09:59:59Z", "2026-03-09T10:30:00Z"]
        #expect(try kept(["hourly": "2"], hours) == [hours[0], hours[2]])
        let months = ["2026-03-01T00:00:00Z", "2026-02-28T23:59:59Z", "2025-03-15T00:00:00Z", "2024-03-15T00:00:00Z"]
        #expect(try kept(["monthly": "3"], months) == Array(months.prefix(3)))
        #expect(try kept(["yearly": "2"], months) == [months[0], months[2]])
    }

    @Test("within counts from the newest bundle that is not of the future, and excludes its bound")
    func within() throws {
        let all = ["2026-03-10T12:00:00Z", "2026-03-08T12:00:01Z", "2026-03-08T12:00:00Z", "2026-03-01T00:00:00Z"]
        #expect(try kept(["within": "2d"], all) == Array(all.prefix(2)))
        // A clock that was wrong once must not make everything old.
        let future = ["2040-01-01T00:00:00Z"] + all
        #expect(try kept(["within": "2d"], future, now: "2026-03-11T00:00:00Z") == Array(future.prefix(3)))
        #expect(try kept(["within": "2d"], ["2040-01-01T00:00:00Z"], now: "2026-03-11T00:00:00Z").count == 1)
    }

    @Test("The policy of the starter configuration over two years of daily bundles")
    func years() throws {
        let start = try time("2024-01-01T03:15:00Z")
        let all = (0..<730).reversed().map { start + .seconds(Int64($0) * 86_400) }
        let rules = try KeepRules(parsing: ["last": "3", "daily": "7", "weekly": "4", "monthly": "6"])
        let reasons = rules.reasons(for: all, now: try time("2026-01-01T00:00:00Z"))
        let kept = zip(all, reasons).filter { !$0.1.isEmpty }.map { String($0.0.description.prefix(10)) }
        // Seven days; the Sundays of two more weeks; the last of five more months.
        let expected = [
            "2025-12-30", "2025-12-29", "2025-12-28", "2025-12-27", "2025-12-26", "2025-12-25", "2025-12-24",
            "2025-12-21", "2025-12-14", "2025-11-30", "2025-10-31", "2025-09-30", "2025-08-31", "2025-07-31",
        ]
        #expect(kept == expected)
    }

    @Test("No rule keeps more than its count, and every rule keeps the newest")
    func properties() throws {
        var random = SeededGenerator(seed: 7)
        let base = try time("2026-01-01T00:00:00Z")
        for _ in 0..<200 {
            let count = Int.random(in: 1...60, using: &random)
            let all = (0..<count).map { _ in base + .seconds(Int64.random(in: 0..<40_000_000, using: &random)) }
                .sorted(by: >)
            var counts: [KeepRules.Rule: KeepRules.Count] = [.last: .atMost(1)]
            for rule in KeepRules.Rule.allCases where Bool.random(using: &random) {
                counts[rule] = .atMost(Int.random(in: 1...5, using: &random))
            }
            let reasons = try KeepRules(counts: counts).reasons(for: all, now: time("2030-01-01T00:00:00Z"))
            #expect(reasons[0].count == counts.count)
            for (rule, limit) in counts {
                let kept = reasons.filter { $0.contains(rule.rawValue) || $0.contains("oldest \(rule.rawValue)") }.count
                guard case .atMost(let number) = limit else { continue }
                #expect(kept <= number)
                if rule == .last { #expect(kept == min(number, count)) }
            }
        }
    }
}
