internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import Jobs
internal import Logging
internal import Notify
internal import Support

struct NotifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Prove and serve the way messages take to people.",
        subcommands: [Test.self, Flush.self, Alert.self])

    /// What was sent and what waits, for `--json`.
    private struct Report: Encodable {
        var outcome: String
        var sent: Int
        var waiting: Int
        var migratedTo: String?
        var error: String?
        /// Why messages were lost that waited before.
        var lost: String?

        init(_ result: Notifier.Result) {
            outcome = result.outcome.rawValue
            sent = result.sent
            waiting = result.waiting
            migratedTo = result.migratedTo
            error = result.error?.description
            lost = result.lost?.description
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a test message and a ping right now, and record that it was done.",
            discussion: "Exit 0 only if everything that is declared under `notify:` arrived.")

        @OptionGroup var options: GlobalOptions

        func run() async throws {
            let session = Session(options)
            try session.requireOwnState()
            let configuration = try await session.configuration()
            await session.noteGoodConfiguration(configuration)
            guard configuration.notify.hasChannel else {
                throw OperatorError(
                    "notify.channel", doing: "testing the notification path", reason: "no channel is configured",
                    advice: "add `notify:` to the configuration", exit: .configuration)
            }
            var channels: [Tried] = []
            if configuration.notify.ping != nil {
                let run = UUID().uuidString.lowercased()
                channels.append(
                    await attempt("ping") {
                        let ping = try await session.ping(configuration)
                        try await Interruption.run("sending a ping") {
                            try await ping?.send(.finish(exitCode: 0), runID: run)
                        }
                    })
            }
            if configuration.notify.telegram != nil {
                let notifier = await session.notifier(configuration)
                let label = configuration.instance.label
                channels.append(
                    await attempt("telegram") {
                        let record = try await Interruption.run("sending a test message") {
                            try await notifier.test(instanceLabel: label, host: ProcessInfo.processInfo.hostName)
                        }
                        if let chat = record.migratedTo {
                            session.logger.warning(
                                "the chat has become \(printable(chat)): change notify.telegram.chat")
                        }
                    })
            }
            let tried = channels
            let failure = tried.compactMap(\.failure).first
            let sent = tried.filter { $0.failure == nil }.map(\.name)
            try session.console.show(
                Outcome(
                    outcome: failure == nil ? "delivered" : "failed", channels: sent.joined(separator: ","),
                    failed: tried.compactMap { channel in
                        channel.failure.map { .init(channel: channel.name, error: $0.description) }
                    })
            ) {
                (sent.isEmpty ? "" : "delivered: \(sent.joined(separator: ", "))\n")
                    + tried.compactMap { channel in channel.failure.map { "failed: \(channel.name): \($0)\n" } }
                    .joined()
            }
            if let failure { throw ExitCode(failure.exit.rawValue) }
        }

        /// A channel, and why it could not be used.
        private struct Tried {
            var name: String
            var failure: OperatorError?
        }

        private struct Outcome: Encodable {
            struct Failure: Encodable {
                var channel: String
                var error: String
            }
            var outcome: String
            /// Those that delivered.
            var channels: String
            var failed: [Failure]
        }

        /// One channel that is dead must not keep the others from being tested.
        private func attempt(_ name: String, _ body: () async throws -> Void) async -> Tried {
            do {
                try await body()
                return Tried(name: name)
            } catch {
                return Tried(name: name, failure: error as? OperatorError ?? .cancelled(doing: "testing \(name)"))
            }
        }
    }

    struct Flush: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send the messages that wait, and the reminders that are due.")

        @OptionGroup var options: GlobalOptions

        func run() async throws {
            let session = Session(options)
            try session.requireOwnState()
            let configuration = try await session.configuration()
            await session.noteGoodConfiguration(configuration)
            let notifier = await session.notifier(configuration)
            let result = try await Interruption.run("sending messages") { await notifier.flush() }
            try session.console.show(Report(result)) {
                "sent \(result.sent), waiting \(result.waiting)\(result.error.map { ": \($0)" } ?? "")\n"
                    + (result.lost.map { "lost: \($0)\n" } ?? "")
            }
            if result.waiting > 0 || result.error != nil {
                throw ExitCode((result.error?.exit ?? .unavailable).rawValue)
            }
            if let lost = result.lost { throw ExitCode(lost.exit.rawValue) }
        }
    }

    struct Alert: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell of a job's unit that failed; for hermes-ops-alert@.service.",
            discussion: """
                Reads MONITOR_SERVICE_RESULT, MONITOR_EXIT_STATUS and MONITOR_INVOCATION_ID as systemd sets them for OnFailure=. What \
                the run itself told is not told twice. Where the configuration cannot be read, that is told, over the channel of the \
                last one that could.
                """)

        @OptionGroup var options: GlobalOptions

        @Argument(help: "The job's name.")
        var job: String

        func run() async throws {
            let session = Session(options)
            guard var failure = UnitFailure(environment: session.environment, binary: CommandLine.arguments[0]) else {
                throw OperatorError(
                    "notify.alert", doing: "telling of a failed unit", reason: "systemd named none",
                    advice: "this command is for hermes-ops-alert@.service; try `hermes-ops-runner notify test`",
                    exit: .usage)
            }
            failure.journal = session.user == 0 ? "journalctl" : "journalctl --user"
            let configuration: Configuration
            do {
                configuration = try await session.configuration()
            } catch {
                return try await tell(ofBroken: error, failure, session)
            }
            await session.noteGoodConfiguration(configuration)
            guard configuration.notify.telegram != nil else { return nobody(session) }
            let notifier = await session.notifier(configuration)
            let summary = await self.summary(failure, session, AlertChannel(configuration), configuration)
            try await send([summary], through: notifier, session)
        }

        private func nobody(_ session: Session) {
            session.console.note("no channel is declared: nobody is told that \(printable(job)) failed")
        }

        private func send(_ summaries: [RunSummary], through notifier: Notifier, _ session: Session) async throws {
            let results = try await Interruption.run("sending an alert") {
                var results: [Notifier.Result] = []
                for summary in summaries { results.append(await notifier.report(summary)) }
                return results
            }
            // What one leaves in the spool the next one sends.
            guard let result = results.last else { return }
            try session.console.show(Report(result)) {
                "\(result.outcome.rawValue)\(result.error.map { ": \($0)" } ?? "")\n"
            }
            if result.outcome == .failed { throw ExitCode((result.error?.exit ?? .unavailable).rawValue) }
        }

        /// No job runs with a configuration that cannot be read: that is told once, over the channel of the last good one.
        private func tell(ofBroken error: any Error, _ failure: UnitFailure, _ session: Session) async throws {
            guard let channel = session.rememberedChannel() else { throw error }
            guard channel.telegram != nil else {
                nobody(session)
                throw error
            }
            let reason = (error as? ConfigurationErrors)?.summary ?? error as? OperatorError
            let broken = RunSummary(
                job: Notifier.configurationSubject, instanceLabel: channel.label, runID: "", outcome: .error,
                finishedAt: SystemTime().now,
                error: "the configuration of \(channel.instance) is broken: \(reason?.reason ?? "it cannot be read")",
                advice: session.completing("hermes-ops-runner validate"), verdict: "is broken: \(job) could not run")
            var summaries = [broken]
            // What else is wrong with the job is told as well.
            if failure.exitStatus != String(ExitStatus.configuration.rawValue) {
                summaries.append(await summary(failure, session, channel, nil))
            }
            try await send(summaries, through: await session.notifier(channel), session)
        }

        /// The run as its record tells it, where it lived long enough to keep one.
        private func summary(
            _ failure: UnitFailure, _ session: Session, _ channel: AlertChannel, _ configuration: Configuration?
        ) async -> RunSummary {
            let label = channel.label
            let runs = try? RunStore(stateDirectory: session.stateDirectory)
            if let record = try? runs?.read(failure.runID), record.job.name == job, record.state == .finished {
                var run = RunSummary(record, label: label, options: session.adviceOptions)
                if let configuration { run.warnings = await session.foundWarnings(record, configuration) }
                var failure = failure
                failure.hasRecord = true
                // A process that was killed, or never began, could not say why: systemd can.
                if run.outcome == .unknown || run.error == nil || record.error?.type == "start-failed" {
                    (run.error, run.advice) = (failure.reason, session.completing(failure.advice))
                }
                // What systemd stopped because it hung ends like what a person stopped: systemd knows which it was.
                if !run.outcome.isBad { run.outcome = failure.outcome }
                return run
            }
            return RunSummary(
                job: job, instanceLabel: label, runID: failure.runID, outcome: failure.outcome,
                finishedAt: SystemTime().now, error: failure.reason, advice: session.completing(failure.advice))
        }
    }
}
