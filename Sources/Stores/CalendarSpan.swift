internal import Glibc
public import Support

/// A span of calendar time as restic writes it, `1y5m7d2h`: years, months, days, hours, each at most once.
///
/// Source: restic's `internal/restic/duration.go` ("keep-within").
public struct CalendarSpan: Sendable, Hashable, CustomStringConvertible {
    public var years: Int
    public var months: Int
    public var days: Int
    public var hours: Int

    public init(years: Int = 0, months: Int = 0, days: Int = 0, hours: Int = 0) {
        self.years = years
        self.months = months
        self.days = days
        self.hours = hours
    }

    /// Nil for anything but numbers (up to 6 digits) each followed by `y`, `m`, `d` or `h`.
    public init?(_ text: String) {
        self.init()
        var digits = ""
        var seen: Set<Character> = []
        guard !text.isEmpty else { return nil }
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard digits.count <= 6, let number = Int(digits), seen.insert(character).inserted else { return nil }
            switch character {
            case "y": years = number
            case "m": months = number
            case "d": days = number
            case "h": hours = number
            default: return nil
            }
            digits = ""
        }
        guard digits.isEmpty else { return nil }
    }

    public var isZero: Bool { self == CalendarSpan() }

    public var description: String {
        let parts = [(years, "y"), (months, "m"), (days, "d"), (hours, "h")].filter { $0.0 != 0 }
        return parts.isEmpty ? "0h" : parts.map { "\($0)\($1)" }.joined()
    }

    /// The moment so long before another, in UTC. A day that the earlier month does not have runs over into the next month, as in
    /// Go's `Time.AddDate`: a month before 31 March is 3 March (2 March in a leap year).
    public func before(_ moment: Timestamp) -> Timestamp {
        var parts = UTCTime.parts(of: moment)
        parts.tm_year -= Int32(years)
        parts.tm_mon -= Int32(months)
        parts.tm_mday -= Int32(days)
        let fraction = moment.microseconds - moment.seconds * 1_000_000
        let whole = Timestamp(microseconds: Int64(timegm(&parts)) * 1_000_000 + fraction)
        return whole - .seconds(Int64(hours) * 3600)
    }
}

/// The calendar's view of a moment, in UTC.
enum UTCTime {
    static func parts(of moment: Timestamp) -> tm {
        var time = time_t(moment.seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        return parts
    }

    /// Year and week of ISO 8601.
    static func isoWeek(of moment: Timestamp) -> (year: Int, week: Int) {
        var parts = parts(of: moment)
        func number(_ format: String) -> Int {
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) { buffer in
                guard let base = buffer.baseAddress, strftime(base, buffer.count, format, &parts) > 0 else { return 0 }
                return Int(String(cString: base)) ?? 0
            }
        }
        return (number("%G"), number("%V"))
    }
}
