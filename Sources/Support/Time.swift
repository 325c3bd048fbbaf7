public import Glibc

/// A moment: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored as POSIX does.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }
    /// Moments outside the years 0 to 9999, which RFC 3339 cannot tell, become the nearest one inside.
    public init(seconds: Int64) { self.init(nanoseconds: Int128(seconds) * 1_000_000_000) }
    /// Of a file's time. Moments outside the years 0 to 9999 become the nearest one inside.
    public init(nanoseconds: Int128) {
        let whole = nanoseconds.flooredQuotient(by: 1000)
        microseconds = Int64(min(max(whole, Int128(Self.earliest)), Int128(Self.latest)))
    }
    /// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
    private static let earliest: Int64 = -62_167_219_200_000_000
    private static let latest: Int64 = 253_402_300_799_000_000

    public var seconds: Int64 { microseconds / 1_000_000 - (microseconds % 1_000_000 < 0 ? 1 : 0) }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microseconds: Int64(clamping: Int128(moment.microseconds) + Int128(duration.wholeMicroseconds)))
    }

    public static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microseconds: Int64(clamping: Int128(moment.microseconds) - Int128(duration.wholeMicroseconds)))
    }

    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        .microseconds(Int64(clamping: Int128(left.microseconds) - Int128(right.microseconds)))
    }

    /// RFC 3339 in UTC with `Z`; milliseconds are written when they are not zero: `2026-11-22T03:11:25.120Z`.
    public var description: String {
        let fraction = microseconds % 1_000_000
        let milliseconds = (fraction < 0 ? fraction + 1_000_000 : fraction) / 1000
        let text = formatted("%Y-%m-%dT%H:%M:%S", length: 19)
        guard milliseconds > 0 else { return text + "Z" }
        let digits = String(milliseconds)
        return text + "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z"
    }

    /// The sortable form that stands in file names: `20261122T031125Z`.
    public var compact: String { formatted("%Y%m%dT%H%M%SZ", length: 16) }

    /// strftime writes the year 33 as `33`.
    private func formatted(_ format: String, length: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress, strftime(base, buffer.count, format, &parts) > 0 else { return "" }
            let text = String(cString: base)
            return String(repeating: "0", count: max(0, length - text.utf8.count)) + text
        }
    }

    /// Parses RFC 3339 (any offset, any number of fraction digits, `T` or a space); nil for anything else.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        func number(_ start: Int, _ count: Int) -> Int? {
            guard start + count <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[start..<start + count] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            return value
        }
        func at(_ index: Int, _ character: Character) -> Bool {
            index < bytes.count && bytes[index] == character.asciiValue
        }
        guard let year = number(0, 4), at(4, "-"), let month = number(5, 2), at(7, "-"), let day = number(8, 2),
            at(10, "T") || at(10, "t") || at(10, " "), let hour = number(11, 2), at(13, ":"),
            let minute = number(14, 2),
            at(16, ":"), let second = number(17, 2), (1...12).contains(month), (1...31).contains(day), hour < 24,
            minute < 60, second <= 60
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if at(index, ".") {
            index += 1
            let first = index
            var scale: Int64 = 100_000
            while let digit = number(index, 1) {
                fraction += Int64(digit) * scale
                scale /= 10
                index += 1
            }
            guard index > first else { return nil }
        }
        var offset = 0
        if at(index, "Z") || at(index, "z") {
            index += 1
        } else if at(index, "+") || at(index, "-"), let hours = number(index + 1, 2), at(index + 3, ":"),
            let minutes = number(index + 4, 2), hours < 24, minutes < 60
        {
            offset = (hours * 60 + minutes) * 60 * (at(index, "-") ? -1 : 1)
            index += 6
        } else {
            return nil
        }
        guard index == bytes.count else { return nil }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month - 1)
        parts.tm_mday = Int32(day)
        parts.tm_hour = Int32(hour)
        parts.tm_min = Int32(minute)
        parts.tm_sec = Int32(second)
        let time = timegm(&parts)
        // timegm turns 31 February into 3 March.
        guard parts.tm_mday == Int32(day) || second == 60 else { return nil }
        microseconds = (Int64(time) - Int64(offset)) * 1_000_000 + fraction
    }
}

extension Timestamp: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let moment = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time")
        }
        self = moment
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Duration {
    /// Truncated to microseconds; the nearest that fits.
    public var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return Int64(clamping: Int128(seconds) * 1_000_000 + Int128(attoseconds / 1_000_000_000_000))
    }

    /// Truncated to milliseconds.
    public var wholeMilliseconds: Int64 { wholeMicroseconds / 1000 }

    /// As a fraction of seconds.
    public var inSeconds: Double { Double(wholeMicroseconds) / 1_000_000 }
}

extension timespec {
    /// Since the epoch.
    public var nanoseconds: Int128 { Int128(tv_sec) * 1_000_000_000 + Int128(tv_nsec) }

    /// From nanoseconds since the epoch; the nearest that fits.
    public init(nanoseconds: Int128) {
        let rest = Int(nanoseconds % 1_000_000_000)
        self.init(
            tv_sec: Int(clamping: nanoseconds.flooredQuotient(by: 1_000_000_000)),
            tv_nsec: rest < 0 ? rest + 1_000_000_000 : rest)
    }
}

extension Int128 {
    public func flooredQuotient(by divisor: Int128) -> Int128 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// Where the time comes from; tests bring their own.
public protocol TimeSource: Sendable {
    /// The wall clock, which may jump.
    var now: Timestamp { get }
    /// Time since some start, which never jumps; for measuring and for deadlines.
    var uptime: Duration { get }
    func sleep(for duration: Duration) async throws
}

/// The machine's clocks. `uptime` counts the time asleep too (CLOCK_BOOTTIME).
public struct SystemTime: TimeSource {
    public init() {}

    public var now: Timestamp {
        let time = read(CLOCK_REALTIME)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    public var uptime: Duration {
        let time = read(CLOCK_BOOTTIME)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }

    private func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
