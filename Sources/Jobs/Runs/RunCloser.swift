public import Logging
public import Support
public import SystemPackage

/// What systemd tells ExecStopPost= about the service that ended (systemd.exec(5)).
public struct ServiceResult: Sendable, Hashable {
    /// SERVICE_RESULT: `success`, `timeout`, `exit-code`, `signal`, `oom-kill` and so on.
    public var result: String
    /// EXIT_CODE: `exited`, `killed` or `dumped`.
    public var exitCode: String?
    /// EXIT_STATUS: a number, or a signal's name without `SIG`.
    public var exitStatus: String?
    /// INVOCATION_ID.
    public var invocation: String?
    /// TRIGGER_UNIT and TRIGGER_TIMER_REALTIME_USEC.
    public var trigger: RunRecord.Trigger

    /// Nil when the environment is not that of ExecStopPost=.
    public init?(environment: [String: String]) {
        guard let result = environment["SERVICE_RESULT"], !result.isEmpty else { return nil }
        self.result = result
        exitCode = environment["EXIT_CODE"]
        exitStatus = environment["EXIT_STATUS"]
        invocation = RunIdentity.invocation(in: environment)
        trigger = RunIdentity.trigger(in: environment)
    }

    var status: Int? {
        exitCode == "exited" ? exitStatus.flatMap { Int($0) }.flatMap { (0...255).contains($0) ? $0 : nil } : nil
    }

    var signal: String? {
        guard exitCode == "killed" || exitCode == "dumped", let name = exitStatus, !name.isEmpty, name.utf8.count < 12,
            name.utf8.allSatisfy({ (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) })
        else { return nil }
        return "SIG" + name
    }

    /// The value if the run record's schema knows it.
    var known: String? {
        let values = [
            "success", "protocol", "timeout", "exit-code", "signal", "core-dump", "watchdog", "start-limit-hit",
            "resources",
            "oom-kill", "exec-condition",
        ]
        return values.contains(result) ? result : nil
    }
}

/// Closes the records of runs whose process is gone. It never touches a run whose process lives, and doing it twice changes nothing.
public struct RunCloser {
    private let runs: RunStore
    private let ledger: Ledger?
    private let time: any TimeSource
    private let version: String
    private let logger: Logger

    init(runs: RunStore, ledger: Ledger?, time: any TimeSource, version: String, logger: Logger) {
        self.runs = runs
        self.ledger = ledger
        self.time = time
        self.version = version
        self.logger = logger
    }

    /// For `finalize`: works below a state directory, without a configuration. A ledger that cannot be opened is left out; what the
    /// records say counts.
    public init(stateDirectory: FilePath, version: String, logger: Logger, time: any TimeSource = SystemTime()) throws {
        let runs = try RunStore(stateDirectory: stateDirectory)
        var ledger: Ledger?
        do {
            ledger = try Ledger(stateDirectory: stateDirectory, runs: runs, time: time)
        } catch {
            logger.warning("the ledger is left out: \(error)")
        }
        self.init(runs: runs, ledger: ledger, time: time, version: version, logger: logger)
        self.stateDirectory = stateDirectory
    }

    private var stateDirectory: FilePath?

    /// Closes what `job` left open, with what systemd tells about its end. A service that failed before its run began (a missing
    /// credential, a broken configuration) gets a record of its own, so that the failure is seen. Answers the closed records.
    public func finalize(
        job: String, kind: JobKind = .custom, instance: String, service: ServiceResult?
    ) throws -> [RunRecord] {
        guard ScalarFormats.slug(job) != nil else {
            throw OperatorError(
                "no-such-job", doing: "closing the runs of", subject: printable(job, limit: 64),
                reason: "this is no job's name",
                exit: .usage)
        }
        var lock: FileLock?
        if let stateDirectory { lock = try FileLock(StateLock.path(stateDirectory, "job-\(job)")) }
        defer { withExtendedLifetime(lock) {} }
        var closed = try closeDead(of: job, holdingLock: lock != nil, service: service)
        if let service, let amended = try amend(job, service) { closed.append(amended) }
        if let service, let invocation = service.invocation, service.result != "success",
            service.result != "exec-condition",
            !runs.exists(invocation)
        {
            closed.append(try recordFailedStart(job: job, kind: kind, instance: instance, service, invocation))
        }
        return closed
    }

    /// Closes the open runs of a job whose process is dead. `holdingLock`: this process holds the job's lock, so a run that nobody is
    /// known to own cannot be alive.
    func closeDead(of job: String, holdingLock: Bool, service: ServiceResult?) throws -> [RunRecord] {
        var candidates = try runs.ownedRuns().filter { runs.owner(of: $0).map { $0.job == job } ?? true }
        index { ledger in
            for entry in try ledger.open(job: job) where !candidates.contains(entry.runId) {
                candidates.append(entry.runId)
            }
        }
        var closed: [RunRecord] = []
        for run in candidates {
            let owner = runs.owner(of: run)
            if let owner, owner.process.isAlive { continue }
            guard owner != nil || holdingLock else { continue }
            guard var record = try? runs.read(run) else {
                // It died between its first two writes: nothing was done, nothing is known. With no record there is no run.
                if owner != nil || !runs.exists(run) {
                    try runs.removeOwner(of: run)
                    index { try $0.remove([run]) }
                }
                continue
            }
            guard record.job.name == job else { continue }
            if record.state != .finished {
                let own = service.flatMap { $0.invocation == run ? $0 : nil }
                close(&record, owner: owner, service: own)
                try runs.write(record)
                closed.append(record)
            }
            index { try $0.put(record, warnings: runs.warnings(of: run)) }
            try runs.removeOwner(of: run)
        }
        return closed
    }

    /// The records are the truth; that their index cannot be used ends nothing.
    private func index(_ body: (Ledger) throws -> Void) {
        guard let ledger else { return }
        do {
            try body(ledger)
        } catch {
            logger.warning("the ledger could not be used: \(error)")
        }
    }

    private func close(_ record: inout RunRecord, owner: RunStore.Owner?, service: ServiceResult?) {
        let now = max(time.now, record.startedAt)
        // Found later, the last that is known is when it wrote its record; asked by systemd, it ended just now.
        let end = service != nil ? now : min(now, max(record.startedAt, runs.lastWritten(record.runId) ?? now))
        let (outcome, type, message) = Self.judge(service, rebooted: rebooted(record, owner))
        let step = record.steps?.first { $0.state == .executing }?.name
        record.state = .finished
        record.outcome = outcome
        record.finishedAt = end
        record.durationMs = max(0, (end - record.startedAt).wholeMilliseconds)
        record.exit = .init(code: service?.status, signal: service?.signal, serviceResult: service?.known)
        record.error = .init(type: type, message: message, step: step, retryable: true)
        for index in record.steps?.indices ?? 0..<0 where record.steps?[index].state == .executing {
            record.steps?[index].state = .finished
            record.steps?[index].outcome = outcome
        }
    }

    /// A run that systemd ended because it took too long hears SIGTERM and closes its record in order, as if a person had stopped it. That
    /// it hung is what counts.
    private func amend(_ job: String, _ service: ServiceResult) throws -> RunRecord? {
        guard ["timeout", "watchdog"].contains(service.result), let invocation = service.invocation,
            var record = try? runs.read(invocation), record.job.name == job, record.state == .finished,
            record.outcome == .cancellation
        else { return nil }
        let (outcome, type, message) = Self.judge(service, rebooted: false)
        record.outcome = outcome
        record.exit?.serviceResult = service.known
        record.error = .init(type: type, message: message, step: record.error?.step, retryable: true)
        try runs.write(record)
        index { try $0.put(record, warnings: runs.warnings(of: invocation)) }
        return record
    }

    private func rebooted(_ record: RunRecord, _ owner: RunStore.Owner?) -> Bool {
        guard let boot = owner?.process.bootID ?? record.host?.bootId else { return false }
        return boot != ProcessIdentity.currentBootID
    }

    private static func judge(_ service: ServiceResult?, rebooted: Bool) -> (RunOutcome, type: String, message: String)
    {
        guard let service, service.result != "success" else {
            return rebooted
                ? (.unknown, "interrupted", "the machine went down during the run")
                : (.unknown, "interrupted", "the process ended without closing its record")
        }
        switch service.result {
        case "timeout": return (.timeout, "timeout", "systemd ended the run: it took longer than the service may")
        case "oom-kill": return (.failure, "oom-kill", "the kernel ended the run: out of memory")
        case "watchdog": return (.failure, "interrupted", "systemd ended the run: it did not answer its watchdog")
        case "core-dump": return (.failure, "crashed", "the process crashed (\(service.signal ?? "core dump"))")
        case "signal": return (.failure, "killed", "the process was killed by \(service.signal ?? "a signal")")
        case "exit-code":
            return (
                .failure, "interrupted",
                "the process ended with code \(service.status.map(String.init) ?? "?") in mid-run"
            )
        default:
            return (
                .unknown, "interrupted", "the service ended: \(service.known ?? "for a reason systemd alone knows")"
            )
        }
    }

    private func recordFailedStart(
        job: String, kind: JobKind, instance: String, _ service: ServiceResult, _ invocation: String
    ) throws -> RunRecord {
        let now = time.now
        var message = "the service failed before the run began (\(service.known ?? "unknown result"))"
        switch service.status {
        case 243:
            message =
                "a credential of the unit could not be loaded (systemd code 243); see `systemctl status` of the unit"
        case 226:
            message = "the unit's sandbox could not be set up (systemd code 226); see `systemctl status` of the unit"
        case 203: message = "the program could not be started (systemd code 203); see `systemctl status` of the unit"
        case 78: message = "the configuration has errors; run `hermes-ops-runner validate`"
        case let status?: message = "the service ended with code \(status) before the run began; its journal tells why"
        case nil: break
        }
        let record = RunRecord(
            runId: invocation, instance: instance, job: .init(name: job, kind: kind), trigger: service.trigger,
            state: .finished, outcome: .error, startedAt: now, finishedAt: now, durationMs: 0,
            exit: .init(code: service.status, signal: service.signal, serviceResult: service.known),
            error: .init(type: "start-failed", message: message),
            host: RunRecord.isBootID(ProcessIdentity.currentBootID)
                ? .init(bootId: ProcessIdentity.currentBootID) : nil,
            runner: .init(version: version))
        try runs.write(record)
        index { try $0.put(record) }
        return record
    }
}
