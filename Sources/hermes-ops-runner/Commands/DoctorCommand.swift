internal import ArgumentParser
internal import Jobs
internal import Support
internal import SystemPackage

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check everything that would otherwise be found out at 3 a.m.",
        discussion: """
            Configuration, home, credentials and what they reach, stores, clock, units and timers, messages, backups and drills, each \
            with what to do. Changes nothing; asks the declared services unless told --offline. Exit 1 if anything failed.
            """)

    @OptionGroup var options: GlobalOptions

    @Flag(help: "Contact nobody; what only a service can tell is unknown.")
    var offline = false

    private struct Report: Encodable {
        var checks: [Diagnosis]
        var failed: Int
        var warnings: Int
        var unknown: Int
    }

    func run() async throws {
        let session = Session(options)
        let checks: [Diagnosis]
        do {
            let configuration = try await session.configuration(askingSystemd: true)
            let doctor = Doctor(session: session, configuration: configuration, isOffline: offline)
            checks = try await Interruption.run("checking") { await doctor.examine() }
        } catch let errors as ConfigurationErrors {
            checks = errors.issues.map {
                Diagnosis("configuration", .failed, $0.description, advice: "correct it, then run `validate`")
            }
        } catch let error as OperatorError where error.exit == .configuration {
            checks = [Diagnosis("configuration", error)]
        }
        func count(_ outcome: Diagnosis.Outcome) -> Int { checks.count { $0.outcome == outcome } }
        let report = Report(
            checks: checks, failed: count(.failed), warnings: count(.warning), unknown: count(.unknown))
        try session.console.show(report) { Self.text(report) }
        if report.failed > 0 { throw ExitCode(ExitStatus.failure.rawValue) }
    }

    private static func text(_ report: Report) -> String {
        var text = ""
        for check in report.checks {
            let colour: Console.Colour =
                switch check.outcome {
                case .ok: .green
                case .warning, .unknown: .yellow
                case .failed: .red
                }
            let word = check.outcome.rawValue
            text += Console.emphasized(word, colour) + String(repeating: " ", count: 9 - word.count)
            text += "\(check.title): \(printable(check.detail))\n"
            if let advice = check.advice, check.outcome != .ok { text += "         → \(printable(advice))\n" }
        }
        return text
            + "\(HumanUnits.count(report.checks.count, "check")): \(report.failed) failed, \(report.warnings) warnings, \(report.unknown) unknown\n"
    }
}
