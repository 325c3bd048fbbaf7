internal import Glibc
internal import Support
internal import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("2026-11-22T03:11:25Z", 1_795_317_085_000_000), ("2026-11-22T03:11:25.120Z", 1_795_317_085_120_000),
        ("2026-11-22T04:11:25.5+01:00", 1_795_317_085_500_000), ("1969-12-31T23:59:59Z", -1_000_000),
        ("2026-11-22 03:11:25.123456789Z", 1_795_317_085_123_456),
    ])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "2026-11-22", "2026-11-22T03:11:25", "2026-13-01T00:00:00Z", "2026-02-31T00:00:00Z", "2026-11-22T24:00:00Z",
        "2026-11-22T03:11:25.Z", "2026-11-22T03:11:25+1:00", "2026-11-22T03:11:25Zx", "２026-11-22T03:11:25Z",
    ])
    func refuses(text: String) {
        #expect(Timestamp(text) == nil)
    }

    /// File systems keep more than RFC 3339 can tell.
    @Test func farMomentsBecomeTheNearestThatCanBeTold() {
        #expect(Timestamp(nanoseconds: .max).description == "9999-12-31T23:59:59Z")
        #expect(Timestamp(nanoseconds: .min).description == "0000-01-01T00:00:00Z")
        #expect(Timestamp(seconds: .max) == Timestamp(nanoseconds: .max))
        #expect(Timestamp(nanoseconds: -1).microseconds == -1)
        for text in ["0000-01-01T00:00:00Z", "0033-04-03T15:00:00Z", "2262-04-12T00:00:00Z", "9999-12-31T23:59:59Z"] {
            #expect(Timestamp(text)?.description == text)
        }
        // Nothing of this traps.
        let (last, first) = (Timestamp(microseconds: .max), Timestamp(microseconds: .min))
        #expect(last + .seconds(Int64.max) == last && first - .seconds(Int64.max) == first)
        #expect(last - first == .microseconds(Int64.max))
        #expect(timespec(nanoseconds: -1).tv_sec == -1 && timespec(nanoseconds: -1).tv_nsec == 999_999_999)
        #expect(timespec(nanoseconds: .max).tv_sec == .max && timespec(nanoseconds: .min).tv_sec == .min)
    }

    @Test func writesWhatItReads() {
        #expect(Timestamp(microseconds: 1_795_317_085_120_000).description == "2026-11-22T03:11:25.120Z")
        #expect(Timestamp(microseconds: 1_795_317_085_000_000).description == "2026-11-22T03:11:25Z")
        #expect(Timestamp(microseconds: 1_795_317_085_000_000).compact == "20261122T031125Z")
        #expect(Timestamp(microseconds: -500_000).description == "1969-12-31T23:59:59.500Z")
    }
}
