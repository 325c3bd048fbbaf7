internal import Jobs
internal import Notify
internal import Support

/// `notify`: tells people about the run. In `onFailure` only what is news: the first failure, and a reminder now and then; in
/// `onSuccess`, `always` and among the steps every time, with the numbered steps. Recoveries are told by ``JobExecution``, and so
/// are pings.
struct NotifyStep: Step {
    let session: Session
    let options: NotifyOptions

    func run(_ context: StepContext) async throws -> StepOutcome {
        let configuration = context.configuration
        guard options.channels.contains(.telegram), configuration.notify.telegram != nil else {
            return StepOutcome(.skip, summary: "no message to send")
        }
        let notifier = await session.notifier(configuration)
        let run = RunSummary(
            context.record, label: configuration.instance.label, summaries: context.summaries,
            options: session.adviceOptions, warnings: context.values[WatchdogStep.found])
        let result: Notifier.Result
        if context.job.steps.contains(where: { $0.name == context.step.name }) {
            result = await notifier.announceProgress(of: run)
        } else {
            let isFailureHook = context.job.onFailure.contains { $0.name == context.step.name }
            result = await notifier.report(run, announcing: !isFailureHook)
        }
        let notice = StepNotice(result)
        // A message that waits in the spool is not lost: the run does not fail for it.
        return StepOutcome(
            items: Int64(result.sent),
            warnings: notice.warnings + (notice.error.map { ["the message was not sent: \($0)"] } ?? []),
            deliveries: notice.deliveries,
            summary: result.sent > 0 ? "told" : nil)
    }
}
