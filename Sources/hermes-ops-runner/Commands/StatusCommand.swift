internal import ArgumentParser
internal import Jobs
internal import Logging
internal import Support
internal import SystemPackage

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show each job's last run, last success, age and next due time.")

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let session = Session(options)
        let configuration = try await session.configuration()
        let runs = try RunStore(stateDirectory: session.stateDirectory)
        let ledger = try session.ledger(runs)
        let board = StatusBoard(
            configuration: configuration, stateDirectory: session.stateDirectory, runs: runs, version: Version.current,
            time: SystemTime(), nextElapse: session.nextElapse)
        let report = try await board.report(from: ledger)
        try session.console.show(report) { Self.text(report) }
    }

    private static func text(_ report: StatusReport) -> String {
        var table = TextTable("JOB", "STATE", "LAST RUN", "OUTCOME", "LAST SUCCESS", "FAILURES", "NEXT DUE")
        let now = report.generatedAt
        func ago(_ moment: Timestamp?) -> String {
            moment.map { "\(HumanUnits.duration(now - $0)) ago" } ?? "never"
        }
        for job in report.jobs {
            var next =
                job.nextDue.map { "in \(HumanUnits.duration($0 - now))" }
                ?? (job.schedule == nil ? "on request" : "unknown")
            if job.late == true { next += " (late)" }
            table.add(
                job.name, job.state.rawValue, ago(job.lastRun?.finishedAt), job.lastRun?.outcome?.rawValue ?? "-",
                ago(job.lastSuccess?.finishedAt), String(job.failuresSince), next)
        }
        var text = "\(printable(report.label)) (\(report.instance))\n" + table.render()
        for job in report.jobs {
            if let error = job.lastRun?.error, job.failuresSince > 0 {
                text += "\(job.name): \(printableLine(error.message))\n"
            }
            for warning in job.lastRun?.warnings ?? [] { text += "\(job.name): warning: \(printableLine(warning))\n" }
            if let reason = job.nextDueUnknown {
                text += "\(job.name): next due is unknown: \(printableLine(reason))\n"
            }
        }
        return text
    }
}

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List the runs of the ledger, newest first.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Only this job's runs.")
    var job: String?

    @Option(name: .shortAndLong, help: "How many runs at the most.")
    var limit = 50

    @Flag(help: "Make the ledger anew from the run records first.")
    var rebuild = false

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit takes a number from 1 up") }
    }

    func run() async throws {
        let session = Session(options)
        let runs = try RunStore(stateDirectory: session.stateDirectory)
        let ledger = try session.ledger(runs)
        if rebuild { session.console.note("ledger made anew from \(HumanUnits.count(try ledger.rebuild(), "record"))") }
        let entries = try ledger.history(job: job, limit: limit)
        try session.console.show(entries) {
            var table = TextTable("STARTED", "JOB", "OUTCOME", "TOOK", "TRIGGER", "RUN", "ERROR")
            for entry in entries {
                table.add(
                    entry.startedAt.description, entry.job + (entry.dryRun ? " (dry)" : ""),
                    entry.outcome?.rawValue ?? entry.state.rawValue,
                    entry.durationMs.map { HumanUnits.duration(.milliseconds($0)) } ?? "-", entry.trigger.rawValue,
                    entry.runId,
                    entry.errorType ?? "")
            }
            return entries.isEmpty ? "no run yet\n" : table.render()
        }
    }
}

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one run's record.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The run's id, or enough of its beginning to tell it apart.")
    var run: String

    func run() async throws {
        let session = Session(options)
        let runs = try RunStore(stateDirectory: session.stateDirectory)
        let matches = try runs.runs().filter { $0.hasPrefix(run) }
        guard let id = matches.first, matches.count == 1 || matches.contains(run) else {
            throw OperatorError(
                "no-such-run", doing: "looking for run", subject: printable(run, limit: 64),
                reason: matches.isEmpty ? "there is no such run" : "\(matches.count) runs begin like that",
                advice: "see `hermes-ops-runner history`", exit: .usage)
        }
        let record = try runs.read(matches.contains(run) ? run : id)
        let warnings = runs.warnings(of: record.runId)
        let attachments = runs.attachmentNames(of: record.runId)
        try session.console.show(record) {
            var text = RunText.record(record)
            text += "started \(record.startedAt)\n"
            if let finished = record.finishedAt { text += "finished \(finished)\n" }
            if let error = record.error { text += "error \(error.type): \(printableLine(error.message))\n" }
            for warning in warnings { text += "warning: \(printableLine(warning))\n" }
            for name in attachments {
                text += "kept with it: \(runs.folder.appending(record.runId).appending(name).printable)\n"
            }
            return text
        }
    }
}

struct FinalizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finalize", abstract: "Close the record of a run that was killed; for ExecStopPost=.",
        discussion:
            "Reads SERVICE_RESULT, EXIT_CODE, EXIT_STATUS and INVOCATION_ID as systemd sets them. Closing twice changes nothing."
    )

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The job's name.")
    var job: String

    func run() async throws {
        let session = Session(options)
        try session.requireOwnState()
        // A killed drill leaves a whole home in the clear, a killed bundle copies of databases: not until the next one.
        session.sweepDrills()
        session.sweepBundleStaging()
        // A broken configuration must not keep a record from being closed.
        let configuration = try? await session.configuration()
        let closer = try RunCloser(
            stateDirectory: session.stateDirectory, version: Version.current, logger: session.logger)
        let closed = try closer.finalize(
            job: job, kind: configuration?.job(named: job)?.kind ?? .custom,
            instance: configuration?.instance.id ?? session.rememberedChannel()?.instance ?? "unknown",
            service: ServiceResult(environment: session.environment))
        if let configuration, !closed.isEmpty {
            await JobExecution.pingEnd(of: closed, session, configuration)
            do {
                let runs = try RunStore(stateDirectory: session.stateDirectory)
                let board = StatusBoard(
                    configuration: configuration, stateDirectory: session.stateDirectory, runs: runs,
                    version: Version.current,
                    time: SystemTime(), nextElapse: session.nextElapse)
                try await board.write(from: session.ledger(runs))
            } catch {
                session.logger.warning("status.json could not be written: \(error)")
            }
        }
        try session.console.show(closed) {
            closed.map { "closed \($0.runId): \($0.outcome?.rawValue ?? "unknown")\n" }.joined()
        }
    }
}

extension Session {
    /// The ledger, with what had to be mended in the log.
    func ledger(_ runs: RunStore) throws -> Ledger {
        let ledger = try Ledger(stateDirectory: stateDirectory, runs: runs, time: SystemTime())
        for repair in ledger.repairs { logger.warning("\(repair)") }
        return ledger
    }
}
