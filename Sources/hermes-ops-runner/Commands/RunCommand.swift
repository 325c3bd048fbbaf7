internal import ArgumentParser
internal import Glibc
internal import Jobs
internal import Support

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Execute a declared job now, and record it.",
        discussion: """
            A run that finds another one of the same job under way is skipped with exit 75. SIGINT, SIGTERM and SIGHUP stop it cleanly; \
            a run that was killed is closed by the next one, or by `finalize`.
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The job's name, as declared under `jobs:`.", completion: .none)
    var job: String

    @Flag(help: "Stop before the first effect outside the state directory, and say what would be done.")
    var dryRun = false

    @Flag(help: "Commit even if more than half of the last backup's files are gone.")
    var acceptShrink = false

    func run() async throws {
        let session = Session(options)
        let result = try await JobExecution(session: session, job: job, dryRun: dryRun, acceptShrink: acceptShrink)
            .run()
        // A success is nothing to say for one who asked for silence.
        if session.console.isJSON || !session.console.isQuiet || result.exit != .success {
            try session.console.show(RunDocument(result)) { RunText.text(result) }
        }
        if result.hasAbandonedWork { _exit(result.exit.rawValue) }
        if result.exit != .success { throw ExitCode(result.exit.rawValue) }
    }
}
