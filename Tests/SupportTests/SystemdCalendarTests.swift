import SystemPackage
import Testing

@testable import Support

/// systemd-analyze's own judgement; on a machine without it, that it is unknown.
@Suite struct SystemdCalendarTests {
    private let calendar = SystemdCalendar()
    private let moment = Timestamp("2026-11-22T10:00:00Z")

    @Test func systemdJudgesExpressions() async {
        for text in ["*-*-* 03:15:00", "quarterly", "Mon..Fri 22:30 Europe/Berlin"] {
            switch await calendar.validity(of: text) {
            case .valid: break
            case .invalid(let reason): Issue.record("\(text): \(reason)")
            case .unknown(let reason): #expect(reason == "systemd-analyze cannot be run here")
            }
        }
        for text in ["every tuesday", "--help", "", "25:00", "a\u{0}b", "*-02-30 00:00", "2020-01-01"] {
            switch await calendar.validity(of: text) {
            case .valid: Issue.record("\(text) passed")
            case .invalid(let reason): #expect(!reason.isEmpty)
            case .unknown(let reason): #expect(reason == "systemd-analyze cannot be run here")
            }
        }
    }

    @Test func theNextTimeIsCountedFromTheGivenMoment() async throws {
        let moment = try #require(moment)
        let expected = try #require(Timestamp("2026-11-23T02:15:00Z"))
        let next = await calendar.nextElapse("03:15 Europe/Berlin", after: moment)
        #expect(next == .at(expected) || next == .unknown("systemd-analyze cannot be run here"))
        let past = await calendar.nextElapse("2020-01-01", after: moment)
        #expect(past == .never || past == .unknown("systemd-analyze cannot be run here"))
    }

    /// A machine in another zone: `daily` is its own midnight, and the answer is in UTC all the same.
    @Test func localTimeIsTurnedIntoUTC() async throws {
        let moment = try #require(moment)
        let expected = try #require(Timestamp("2026-11-22T18:30:00Z"))
        let there = SystemdCalendar(environment: processEnvironment().merging(["TZ": "Asia/Kolkata"]) { $1 })
        let next = await there.nextElapse("daily", after: moment)
        #expect(next == .at(expected) || next == .unknown("systemd-analyze cannot be run here"))
    }

    @Test func whatItPrintsIsRead() throws {
        let expected = try #require(Timestamp("2026-12-31T23:00:00Z"))
        #expect(SystemdCalendar.parse("    Next elapse: never\n") == .never)
        let local = "    Next elapse: Fri 2027-01-01 00:00:00 CET\n       (in UTC): Thu 2026-12-31 23:00:00 UTC\n"
        #expect(SystemdCalendar.parse(local + "       From now: 1 month\n") == .at(expected))
        #expect(SystemdCalendar.parse("  Next elapse: Tue 2026-11-24 03:15:00 IST\n") != .at(expected))
        #expect(SystemdCalendar.parse("gibberish") == .unknown("systemd-analyze gave no next time"))
    }

    @Test func timesOfSystemctlAreRead() {
        #expect(SystemdOutput.time("@1795417200") == Timestamp(seconds: 1_795_417_200))
        #expect(SystemdOutput.time("Tue 2026-11-24 03:15:00.5 UTC")?.description == "2026-11-24T03:15:00.500Z")
        for nothing in ["", "@0", "@x", "n/a", "Tue 2026-11-24 03:15:00 CET"] {
            #expect(SystemdOutput.time(nothing) == nil, "\(nothing)")
        }
    }

    @Test func withoutSystemdItIsUnknownNotValid() async {
        let nowhere = SystemdCalendar(commands: MissingCommands())
        #expect(await nowhere.validity(of: "daily") == .unknown("systemd-analyze cannot be run here"))
        let next = await nowhere.nextElapse("daily", after: Timestamp(seconds: 0))
        #expect(next == .unknown("systemd-analyze cannot be run here"))
    }

    private struct MissingCommands: CommandRunner {
        func run(
            _ program: FilePath, _ arguments: [[UInt8]], environment: [String: String]?,
            workingDirectory: FilePath?, deadline: Duration, limit: Int
        ) async throws -> CommandResult {
            throw OperatorError("command-missing", doing: "running", reason: "not found")
        }
    }
}
