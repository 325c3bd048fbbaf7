internal import Bundles
internal import Jobs
internal import Logging
internal import Stores
internal import Support
internal import SystemPackage

/// What `bundle` hands to `upload`.
enum BundleValues {
    static let pending = RunKey<PendingBundle>("pending-bundle")
}

/// `bundle`: one encrypted file of the home, in the state directory until every store that the job uploads to holds it. What an
/// earlier run could not bring there is gone on with.
struct BundleStep: Step {
    let session: Session
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        // The job's lock is held: nobody else is in this folder.
        let folder = context.stateDirectory.appending("bundles").appending(context.job.name)
        let request = try session.bundleRequest(context.configuration, target: .folder(folder))
        let stores = context.job.uploadStores
        if context.dryRun {
            // None is made: it would wait for the next run, as one that could not be uploaded does.
            return StepOutcome(
                changed: false,
                summary:
                    "would bundle \(request.home.printable) for \(HumanUnits.count(request.recipients.count, "recipient"))"
            )
        }
        let (time, progress, logger, run) = (context.time, context.progress, context.logger, context.runID)
        let (bundle, isNew) = try await offPoolCancellable { flag in
            if let bundle = try PendingBundle.takeUp(
                in: folder, for: request, stores: stores, now: time.now, cancellation: flag,
                explain: { logger.notice("\($0)") })
            {
                return (bundle, false)
            }
            let bundle = try PendingBundle.make(
                in: folder, for: request, stores: stores, run: run, time: time, progress: progress, cancellation: flag)
            return (bundle, true)
        }
        context.values[BundleValues.pending] = bundle
        let content =
            "\(bundle.name): \(HumanUnits.count(bundle.files, "file")), \(HumanUnits.count(bundle.databases, "database")), \(HumanUnits.bytes(bundle.size))"
        let note =
            bundle.staysHere
            ? "; no step uploads it: it is \(bundle.path.printable)"
            : isNew ? "" : "; of run \(bundle.run.prefix(8)), which could not upload it"
        return StepOutcome(
            changed: isNew, items: Int64(bundle.files), bytes: bundle.size, warnings: bundle.warnings,
            summary: content + note)
    }
}

/// `upload`: brings the bundle into a store; it stays here until all stores of the job hold it, verified.
struct UploadStep: Step {
    let session: Session
    let options: UploadOptions

    func run(_ context: StepContext) async throws -> StepOutcome {
        guard var bundle = context.values[BundleValues.pending] else {
            throw OperatorError(
                "no-bundle", doing: "uploading", reason: "no bundle step came before it",
                advice: "put `bundle` before `upload` in the job's steps", exit: .configuration)
        }
        let store = try await session.store(options.store, in: context.configuration)
        let outgoing = try OutgoingBundle(
            file: bundle.path, name: bundle.name.description,
            properties: BundleProperties(
                instance: context.configuration.instance.id, run: bundle.run, created: bundle.name.created,
                size: bundle.size, sha256: bundle.sha256, md5: bundle.md5))
        let item = try await store.put(outgoing, progress: context.progress)
        var effects = RunEffects()
        effects.uploadVerified = item.isVerified
        effects.bytes = item.size
        var warnings: [String] = []
        do {
            try bundle.noteHeld(by: options.store)
        } catch let error as OperatorError {
            // The store has it: what is left here is the next run's to sweep.
            warnings.append("the bundle's copy in the state directory: \(error)")
        }
        context.values[BundleValues.pending] = bundle
        return StepOutcome(
            changed: true, items: 1, bytes: item.size, effects: effects, warnings: warnings,
            summary: "\(item.name) is in \(store.label), verified")
    }
}

extension JobDeclaration {
    /// The stores that hold the job's bundle after a run in which all went well.
    var uploadStores: Set<String> {
        Set(
            (steps + onSuccess + always).compactMap { step in
                if case .upload(let options) = step.action { options.store } else { nil }
            })
    }
}

/// `prune`: deletes the bundles that no keep rule wants.
struct PruneStep: Step {
    let session: Session
    let options: PruneOptions
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        let store = try await session.store(options.store, in: context.configuration)
        let plan = try await store.prune(
            instance: context.configuration.instance.id, rules: try KeepRules(options.keep), now: context.time.now,
            dryRun: context.dryRun)
        let kept = plan.decisions.count { $0.action == .keep }
        for decision in plan.decisions {
            context.logger.debug("prune: \(decision.action.rawValue) \(decision.item.name): \(decision.reason)")
        }
        let ignored = plan.decisions.filter {
            $0.action == .ignore && $0.item.properties.instance == context.configuration.instance.id
        }
        var outcome = StepOutcome(
            changed: !plan.deletions.isEmpty && !context.dryRun, items: Int64(plan.deletions.count),
            warnings: ignored.map { "\($0.item.name) in \(store.label) is \($0.reason)" },
            summary: "\(context.dryRun ? "would delete" : "deleted") \(plan.deletions.count), kept \(kept)")
        outcome.decisions = plan.decisions.filter { context.dryRun || $0.action == .delete }
            .map { StepDecision(action: $0.action.rawValue, name: $0.item.name, reason: $0.reason) }
        return outcome
    }
}
