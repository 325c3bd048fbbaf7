internal import Jobs
internal import Support

/// Where a declared step meets the module that does it.
struct StepMaker: StepFactory {
    let session: Session
    let configuration: Configuration
    let acceptShrink: Bool
    /// What a drill restores is left for a person to look at.
    var keepDrill = false

    func makeStep(_ declaration: StepDeclaration, of job: JobDeclaration) throws -> any Step {
        switch declaration.action {
        case .sanitize: SanitizeStep(session: session)
        case .commit: CommitStep(session: session, acceptShrink: acceptShrink)
        case .push: PushStep(session: session)
        case .bundle: BundleStep(session: session)
        case .upload(let options): UploadStep(session: session, options: options)
        case .prune(let options): PruneStep(session: session, options: options)
        case .snapshot: SnapshotStep(session: session)
        case .watchdog: WatchdogStep(session: session)
        case .notify(let options): NotifyStep(session: session, options: options)
        case .restore(let options): RestoreStep(session: session, options: options, keep: keepDrill)
        case .verify(let options): VerifyStep(session: session, options: options)
        case .remind(let options): RemindStep(session: session, options: options)
        }
    }
}
