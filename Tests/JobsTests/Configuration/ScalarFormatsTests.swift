import Support
import Testing

@testable import Jobs

@Suite struct ScalarFormatsTests {
    /// Each part is in its bounds, and their sum is not.
    @Test func aSumOfPartsHasBoundsToo() {
        #expect(ScalarFormats.duration(Array(repeating: "999999999w", count: 20).joined(separator: " ")) == nil)
    }

    @Test(arguments: [
        ("90s", 90.0), ("10m", 600), ("1h 30m", 5400), ("1h30m", 5400), ("92d", 7_948_800), ("2w", 1_209_600),
        ("500ms", 0.5),
        ("5 min", 300), ("0", 0), ("1 hour 2 seconds", 3602),
    ])
    func durations(_ text: String, _ seconds: Double) {
        #expect(ScalarFormats.duration(text)?.inSeconds == seconds)
    }

    @Test(arguments: ["", "10", "m", "-5m", "1.5h", "5 M", "5mm", "m5", "99999999999w", "10m,", "1h 30", "1e3s", "٥m"])
    func noDurations(_ text: String) { #expect(ScalarFormats.duration(text) == nil) }

    @Test(arguments: [
        ("10 MiB", 10_485_760 as Int64), ("1.5 GB", 1_500_000_000), ("512KiB", 524_288), ("7", 7), ("0 B", 0),
    ])
    func sizes(_ text: String, _ bytes: Int64) { #expect(ScalarFormats.size(text) == bytes) }

    @Test(arguments: ["", "MiB", "-1 MiB", "1 mib", "1.2.3 MB", ".5 MB", "9999999 TiB", "1 MiB/s", "1 PB"])
    func noSizes(_ text: String) { #expect(ScalarFormats.size(text) == nil) }

    @Test(arguments: [
        "daily", "quarterly", "*-*-* 03:15:00", "Mon..Fri 22:30", "*:0/15", "Sat *-*-1..7 18:00:00", "2099-*-01",
        "*-*~3 04:00",
        "Mon,Wed,Fri *-*-* 10:00:00 Europe/Berlin", "daily UTC", "12:00 UTC", "*:*:30.5", "hourly",
        "Sun 2099-11-22 5:00", "Mon-Fri 10:00",
        "*-01,04,07,10-01 00:00:00", "00..23:00",
    ])
    func calendars(_ text: String) async {
        #expect(CalendarExpression.isPlausible(text))
        if case .invalid(let reason) = await SystemdCalendar().validity(of: text) { Issue.record("systemd: \(reason)") }
    }

    @Test(arguments: [
        "", "dayly", "25:00", "03:60", "*-13-01", "*-*-32", "Mun 10:00", "every day", "* * * * *", "0 3 * * *",
        "10:00 10:00", "5m",
        "*-*-* *-*-*", "/5:00", "*:0/0",
    ])
    func noCalendars(_ text: String) { #expect(!CalendarExpression.isPlausible(text)) }

    @Test func ageRecipients() {
        #expect(AgeRecipient.check(ConfigurationSamples.recipient) == .valid)
        #expect(AgeRecipient.check(ConfigurationSamples.recipient.uppercased()) == .invalid)
        #expect(AgeRecipient.check("age1" + String(repeating: "q", count: 58)) == .invalid)
        #expect(AgeRecipient.check("AGE-SECRET-KEY-" + "1QQQQ") == .privateKey)
        for index in ConfigurationSamples.recipient.indices.dropFirst(4) {
            var typo = ConfigurationSamples.recipient
            typo.replaceSubrange(index...index, with: typo[index] == "q" ? "p" : "q")
            #expect(AgeRecipient.check(typo) == .invalid)
        }
    }

    @Test func nearestNames() {
        #expect(nearestName(to: "retrys", among: ["retry", "steps"]) == "retry")
        #expect(nearestName(to: "shcedule", among: ["schedule", "steps"]) == "schedule")
        #expect(nearestName(to: "zzz", among: ["retry", "steps"]) == nil)
        #expect(nearestName(to: "", among: ["retry"]) == nil)
    }
}
