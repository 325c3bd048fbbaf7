internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import Jobs
internal import Support
internal import SystemPackage

@main
struct HermesOpsRunner: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hermes-ops-runner",
        abstract: "Backups, restore drills and their records for Hermes Agent.",
        discussion: """
            Begin with `init`, which writes a commented configuration; `validate` checks it, `plan` shows what a backup would \
            do, and `run backup` does it. `units install` makes systemd run the declared jobs.

            Exit codes: 0 success, 1 failure, 10 refused (a secret would have left), 64 usage, 65 damaged input, 69 service \
            unavailable, 73 cannot write, 75 skipped (a run is under way), 77 credential, 78 configuration, 130 and 143 stopped \
            by a signal.
            """,
        version: Version.current,
        subcommands: [SealCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Setting up",
                subcommands: [InitCommand.self, ValidateCommand.self, SchemaCommand.self]),
            CommandGroup(
                name: "Jobs",
                subcommands: [
                    PlanCommand.self, RunCommand.self, StatusCommand.self, HistoryCommand.self, ShowCommand.self,
                    FinalizeCommand.self,
                ]),
            CommandGroup(
                name: "Operations",
                subcommands: [
                    UnitsCommand.self, NotifyCommand.self, DoctorCommand.self, ExportCommand.self, FleetCommand.self,
                    ParityCommand.self,
                ]),
            CommandGroup(
                name: "Bundles", subcommands: [BundleCommand.self, KeysCommand.self, DriveCommand.self]),
            CommandGroup(name: "Restoring", subcommands: [RestoreCommand.self, DrillCommand.self]),
            CommandGroup(
                name: "Secrets", subcommands: [ScanCommand.self, SanitizeCommand.self, ExplainCommand.self]),
        ])

    static func main() async {
        do {
            try hardenProcess()
            var command = try parseAsRoot()
            ResidentCode.release()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            leave(with: error)
        }
    }

    /// Says what went wrong, once, and ends the process with the contract's exit code.
    private static func leave(with error: any Error) -> Never {
        let isJSON = CommandLine.arguments.contains("--json")
        let failure: OperatorError
        switch error {
        case let error as OperatorError:
            failure = error
            say("error: \(error)")
        case let errors as ConfigurationErrors:
            failure = errors.summary
            for issue in errors.issues { say("\(issue)") }
        case Errno.brokenPipe:
            // As tools do that the signal ends: nobody is there to be told anything.
            Glibc.exit(128 + SIGPIPE)
        case let error as Errno:
            failure = .system(error.rawValue, doing: "working")
            say("error: \(failure)")
        default:
            // ArgumentParser's own: help, version, usage (64), and the exit codes that commands throw, which have printed theirs.
            guard isJSON, !(error is ExitCode), exitCode(for: error) == .validationFailure else {
                // The library does not check its writes.
                let text = exitCode(for: error).isSuccess ? fullMessage(for: error) : ""
                guard !text.isEmpty else { exit(withError: error) }
                do {
                    try Console(isJSON: false, isQuiet: false).write(text + "\n")
                    Glibc.exit(0)
                } catch {
                    leave(with: error)
                }
            }
            _ = try? FileDescriptor.standardError.writeAll((fullMessage(for: error) + "\n").utf8)
            failure = OperatorError(
                "usage", doing: "reading the command line", reason: printable(message(for: error), limit: 500),
                advice: "see `hermes-ops-runner help`", exit: .usage)
        }
        if isJSON {
            let document = ErrorDocument(failure, issues: (error as? ConfigurationErrors)?.issues.map(\.description))
            if let text = try? Console.json(document) { try? Console(isJSON: true, isQuiet: true).write(text) }
        }
        Glibc.exit(failure.exit.rawValue)
    }

    private static func say(_ line: String) {
        // The last fence: no error is to hold a credential in the first place.
        let text = "hermes-ops-runner: \(CredentialScrubber.scrub(line))\n"
        _ = try? FileDescriptor.standardError.writeAll(text.utf8)
    }
}

/// What `--json` prints in place of a result.
private struct ErrorDocument: Encodable {
    struct Failure: Encodable {
        var type: String
        var message: String
        var advice: String?
        var exit: Int32
        var retryable: Bool
        var issues: [String]?
    }

    var error: Failure

    init(_ error: OperatorError, issues: [String]?) {
        var plain = error
        plain.advice = nil
        self.error = Failure(
            type: error.type, message: CredentialScrubber.scrub(plain.description), advice: error.advice,
            exit: error.exit.rawValue, retryable: error.isTemporary, issues: issues)
    }
}
