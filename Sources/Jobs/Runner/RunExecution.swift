internal import Glibc
internal import Logging
internal import Support
internal import SystemPackage

/// The steps of one run, from the first to the hooks. Used by one task alone.
final class RunExecution {
    private(set) var summaries: [StepSummary] = []
    var hasAbandonedWork = false

    private let runner: JobRunner
    private let job: JobDeclaration
    private let options: RunOptions
    private let stop: StopRequest
    private let journal: RunJournal
    private let values = RunValues()
    private let started: Duration
    private var made: [String: any Step] = [:]

    init(runner: JobRunner, job: JobDeclaration, options: RunOptions, stop: StopRequest, journal: RunJournal) {
        self.runner = runner
        self.job = job
        self.options = options
        self.stop = stop
        self.journal = journal
        started = runner.deadlineTime.uptime
    }

    // MARK: - Steps

    /// Runs the job's steps in order, with retries, until the end or the first failure.
    func runSteps() async -> RunVerdict {
        for declaration in job.onFailure + job.onSuccess + job.always {
            // A message that cannot be sent is no reason not to make a backup.
            do {
                made[declaration.name] = try runner.factory.makeStep(declaration, of: job)
            } catch {
                journal.warn(
                    "\(declaration.name) cannot run: \((error as? OperatorError)?.summary ?? "\(type(of: error))")")
            }
        }
        do {
            for declaration in job.steps { made[declaration.name] = try runner.factory.makeStep(declaration, of: job) }
        } catch {
            return verdict(for: error, step: nil)
        }
        let backoff = RetryBackoff(retry: job.retry, random: runner.random)
        var attempt = 1
        var index = 0
        while index < job.steps.count {
            let declaration = job.steps[index]
            if stop.isRequested { return cancelled(step: declaration.name) }
            guard let step = made[declaration.name] else { break }
            if options.dryRun, !step.canRunDry, declaration.action.effects.contains(where: \.changesOutside) {
                for rest in index..<job.steps.count { close(rest, .skip) }
                runner.logger.notice("dry run: ends before \(declaration.name)")
                break
            }
            let end = await run(step, declaration, at: index, attempt: attempt)
            if let verdict = stopped(end, at: index) { return verdict }
            guard case .finished(let result, _) = end else { break }
            switch result {
            case .success(let outcome):
                if let failure = await take(outcome, declaration, at: index) { return failure }
                index += 1
            case .failure(let error):
                let known = error as? OperatorError
                let wait = backoff.wait(after: attempt, asked: known?.retryAfter)
                // A wait that outlasts the job would only hide the error behind its timeout.
                guard known?.isTemporary == true, attempt < job.retry.attempts, wait < remaining else {
                    let verdict = verdict(for: error, step: declaration.name)
                    close(index, verdict.outcome)
                    return verdict
                }
                runner.logger.warning(
                    "step failed and will be tried again",
                    metadata: [
                        "step": "\(declaration.name)", "attempt": "\(attempt)", "waitMs": "\(wait.wholeMilliseconds)",
                        "error": "\(CredentialScrubber.safeText(known?.summary ?? "\(error)"))",
                    ])
                let time = runner.time
                let pause = await bounded(stop, limit: remaining, grace: runner.limits.grace, time: runner.deadlineTime)
                {
                    try await time.sleep(for: wait)
                }
                if let verdict = stopped(pause, at: index) { return verdict }
                attempt += 1
                journal.record.attempt = attempt
            }
        }
        return RunVerdict(outcome: .success, error: nil, step: nil, exit: .success, signal: nil)
    }

    /// What is left of the job's timeout.
    private var remaining: Duration { max(.zero, job.timeout - (runner.deadlineTime.uptime - started)) }

    private func run(
        _ step: any Step, _ declaration: StepDeclaration, at index: Int, attempt: Int
    ) async -> BoundedEnd<StepOutcome> {
        let begun = runner.time.uptime
        update(index) {
            $0.state = .executing
            $0.startedAt = $0.startedAt ?? runner.time.now
        }
        await journal.save()
        runner.logger.debug("step started", metadata: ["step": "\(declaration.name)", "attempt": "\(attempt)"])
        let context = context(for: declaration, attempt: attempt)
        let end = await bounded(stop, limit: remaining, grace: runner.limits.grace, time: runner.deadlineTime) {
            try await step.run(context)
        }
        let elapsed = max(.zero, runner.time.uptime - begun).wholeMilliseconds
        update(index) { $0.durationMs = ($0.durationMs ?? 0) + elapsed }
        return end
    }

    /// Takes over what a step brought; its verdict if it is a failure.
    private func take(_ outcome: StepOutcome, _ declaration: StepDeclaration, at index: Int) async -> RunVerdict? {
        note(outcome, declaration)
        var failure: RunVerdict?
        var result = RunOutcome.success
        switch outcome.result {
        case .success: break
        case .skip: result = .skip
        case .failure(let error):
            failure = verdict(for: error, step: declaration.name)
            result = failure?.outcome ?? .failure
        }
        update(index) {
            $0.items = outcome.items.map { max(0, $0) }
            $0.bytes = outcome.bytes.map { max(0, $0) }
            $0.changed = outcome.changed
        }
        close(index, result)
        await journal.save()
        return failure
    }

    private func note(_ outcome: StepOutcome, _ declaration: StepDeclaration) {
        var effects = journal.record.effects ?? RunEffects()
        effects.merge(outcome.effects)
        if let changed = outcome.changed { effects.changed = changed || effects.changed ?? false }
        journal.record.effects = effects.isEmpty ? nil : effects
        for warning in outcome.warnings { journal.warn(warning) }
        if !outcome.deliveries.isEmpty {
            journal.record.deliveries = Array(((journal.record.deliveries ?? []) + outcome.deliveries).suffix(8))
        }
        if let summary = outcome.summary {
            let decisions = outcome.decisions.map {
                StepDecision(
                    action: $0.action, name: CredentialScrubber.safeText($0.name),
                    reason: CredentialScrubber.safeText($0.reason))
            }
            summaries.append(
                .init(step: declaration.name, text: CredentialScrubber.safeText(summary), decisions: decisions))
        }
    }

    private func context(for declaration: StepDeclaration, attempt: Int) -> StepContext {
        var logger = runner.logger
        logger[metadataKey: "job"] = "\(job.name)"
        logger[metadataKey: "step"] = "\(declaration.name)"
        return StepContext(
            configuration: runner.configuration, job: job, step: declaration, dryRun: options.dryRun, attempt: attempt,
            stateDirectory: runner.stateDirectory, time: runner.time, logger: logger, progress: runner.progress,
            values: values, record: journal.record, warnings: journal.warnings, summaries: summaries,
            runs: journal.store)
    }

    private func update(_ index: Int, _ change: (inout StepRecord) -> Void) {
        guard journal.record.steps?.indices.contains(index) == true else { return }
        journal.record.steps?[index].change(change)
    }

    private func close(_ index: Int, _ outcome: RunOutcome) {
        update(index) {
            $0.state = .finished
            $0.outcome = outcome
        }
    }

    // MARK: - Verdicts

    /// The verdict if the work was told to stop: it may have ended well all the same, and then only the run did not.
    private func stopped<Value>(_ end: BoundedEnd<Value>, at index: Int) -> RunVerdict? {
        guard let reason = end.stopReason else { return nil }
        let name = job.steps[index].name
        var verdict = reason == .timeout ? timedOut(step: name) : cancelled(step: name)
        switch end {
        case .abandoned:
            hasAbandonedWork = true
            close(index, verdict.outcome)
            verdict.error?.reason += "; it did not end when told to"
        case .finished(.success(let value), _):
            if let outcome = value as? StepOutcome {
                note(outcome, job.steps[index])
                close(index, .success)
            } else {
                close(index, verdict.outcome)
            }
        case .finished(.failure, _):
            close(index, verdict.outcome)
        }
        return verdict
    }

    private func timedOut(step: String) -> RunVerdict {
        let seconds = job.timeout.components.seconds
        let bound = seconds >= 60 && seconds % 60 == 0 ? "\(seconds / 60) min" : "\(job.timeout.inSeconds) s"
        return RunVerdict(
            outcome: .timeout,
            error: OperatorError(
                "timeout", doing: "running step", subject: step, reason: "the job did not finish within \(bound)",
                advice: "raise the job's `timeout` if it needs more", isTemporary: true),
            step: step, exit: .failure, signal: nil)
    }

    private func cancelled(step: String) -> RunVerdict {
        let signal = options.receivedSignal()
        var error = OperatorError.cancelled(doing: "running step \(step)")
        error.exit = signal == SIGINT ? .interrupted : .terminated
        return RunVerdict(outcome: .cancellation, error: error, step: step, exit: error.exit, signal: signal)
    }

    private func verdict(for error: any Error, step: String?) -> RunVerdict {
        let doing = step.map { "running step \($0)" } ?? "preparing the steps"
        switch error {
        case let error as OperatorError:
            return RunVerdict(
                outcome: .failure, error: error, step: step, exit: error.exit == .success ? .failure : error.exit,
                signal: nil)
        case let error as ConfigurationErrors:
            return RunVerdict(outcome: .failure, error: error.summary, step: step, exit: .configuration, signal: nil)
        case let error as Errno:
            let failed = OperatorError.system(error.rawValue, doing: doing)
            return RunVerdict(outcome: .failure, error: failed, step: step, exit: failed.exit, signal: nil)
        default:
            // Its text was made by nobody who knows our rules: only its type is safe to repeat.
            let unexpected = OperatorError(
                "internal", doing: doing,
                reason: "an unexpected error of type \(type(of: error))", advice: "report it with the log of this run")
            return RunVerdict(outcome: .error, error: unexpected, step: step, exit: .failure, signal: nil)
        }
    }

    // MARK: - Hooks

    /// Runs `onFailure` or `onSuccess`, then `always`, each list within its own bound. What goes wrong here is a warning.
    func runHooks(after verdict: RunVerdict) async {
        switch verdict.outcome {
        case .success: await runHooks(job.onSuccess, verdict)
        case .failure, .error, .timeout, .unknown: await runHooks(job.onFailure, verdict)
        case .cancellation, .skip: break
        }
        await runHooks(job.always, verdict)
    }

    private func runHooks(_ hooks: [StepDeclaration], _ verdict: RunVerdict) async {
        let limits = runner.limits
        let request = stop.forWhatComesAfter
        let bound = stop.isRequested ? limits.hooksAfterSignal : limits.hooks
        let begun = runner.deadlineTime.uptime
        for declaration in hooks {
            guard let step = made[declaration.name] else { continue }
            let context = context(for: declaration, attempt: 1)
            let stepStart = runner.time.uptime
            let moment = runner.time.now
            let left = max(.zero, bound - (runner.deadlineTime.uptime - begun))
            let end = await bounded(request, limit: left, grace: limits.grace, time: runner.deadlineTime) {
                try await step.run(context)
            }
            var outcome = RunOutcome.success
            switch end {
            case .abandoned:
                hasAbandonedWork = true
                outcome = .timeout
                journal.warn("\(declaration.name) did not end in time")
            case .finished(_, .some):
                outcome = .timeout
                journal.warn("\(declaration.name) did not end in time")
            case .finished(.failure(let error), nil):
                outcome = .failure
                journal.warn(
                    "\(declaration.name) failed: \((error as? OperatorError)?.summary ?? "\(type(of: error))")")
            case .finished(.success(let value), nil):
                note(value, declaration)
                if case .skip = value.result { outcome = .skip }
                if case .failure(let error) = value.result {
                    outcome = .failure
                    journal.warn("\(declaration.name) failed: \(error)")
                }
            }
            let elapsed = max(.zero, runner.time.uptime - stepStart).wholeMilliseconds
            let record = StepRecord(
                name: declaration.name, state: .finished, outcome: outcome, startedAt: moment, durationMs: elapsed)
            if (journal.record.steps?.count ?? 0) < 200 {
                journal.record.steps = (journal.record.steps ?? []) + [record]
            }
            await journal.save()
        }
    }
}

extension StepRecord {
    fileprivate mutating func change(_ change: (inout StepRecord) -> Void) { change(&self) }
}
