internal import GitBackup
internal import Jobs
internal import Sanitizer
internal import Support
internal import SystemPackage

/// `commit`: the staged tree becomes one commit of the repository, or none when nothing changed.
struct CommitStep: Step {
    let session: Session
    let acceptShrink: Bool
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        guard let tree = context.values[BackupValues.tree] else {
            throw OperatorError(
                "no-tree", doing: "committing", reason: "no sanitize step came before it",
                advice: "put `sanitize` before `commit` in the job's steps", exit: .configuration)
        }
        let access: RepositoryAccess
        if let known = context.values[BackupValues.repository] {
            access = known
        } else {
            access = try await session.repository(context.configuration)
        }
        let files = FileListing(tree.files)
        let counts = BackupRepository.counts(of: files, over: try await access.repository.inspect())
        if !acceptShrink, counts.previous > 0, counts.removed * 2 > counts.previous {
            throw OperatorError(
                "shrunk", doing: "committing",
                reason: "\(counts.removed) of the last backup's \(counts.previous) files would be gone",
                advice: "look at the home; if that is right, run again with --accept-shrink")
        }
        var effects = RunEffects()
        effects.forbiddenFiles = 0
        if context.dryRun {
            effects.changed = counts.added + counts.modified + counts.removed > 0
            return StepOutcome(changed: effects.changed, effects: effects, summary: "would commit: \(counts.sentence)")
        }
        let instance = context.configuration.instance
        let entries = BackupEntries(files) { index in
            switch tree.files.source(index) {
            case .staged(let path): .staged(path)
            case .unchanged: .unchanged
            }
        }
        let outcome = try await access.repository.commit(entries, at: context.time.now) { counts in
            "Back up \(instance.id): \(counts.sentence)\n"
        }
        Staging.sweep(
            context.stateDirectory, job: context.job.name, repository: context.configuration.repository?.path)
        effects.changed = outcome.changed
        effects.head = outcome.commit.map { String($0.description.prefix(12)) }
        effects.filesAdded = Int64(outcome.counts.added)
        effects.filesChanged = Int64(outcome.counts.modified)
        effects.filesRemoved = Int64(outcome.counts.removed)
        return StepOutcome(
            changed: outcome.changed, items: Int64(files.count), effects: effects, warnings: outcome.notes,
            summary: outcome.changed ? "committed \(counts.sentence)" : "nothing changed")
    }
}

extension BackupRepository.Counts {
    /// `3 added, 1 changed, 0 removed`.
    var sentence: String { "\(added) added, \(modified) changed, \(removed) removed" }
}
