internal import Bundles
internal import Jobs
internal import Logging
internal import Stores
internal import Support
internal import SystemPackage

/// What `bundle` hands to `upload`.
enum BundleValues {
    static let file = RunKey<BundleFile>("bundle-file")
}

/// `bundle`: one encrypted file of the home, in the state directory until it is uploaded.
struct BundleStep: Step {
    let session: Session

    func run(_ context: StepContext) async throws -> StepOutcome {
        // The job's lock is held: what lies here is an earlier run's, and this bundle takes its place.
        let folder = context.stateDirectory.appending("bundles").appending(context.job.name)
        try FileSystem.removeTree(folder)
        try FileSystem.makeDirectory(folder)
        let request = try session.bundleRequest(context.configuration, target: .folder(folder))
        let time = context.time
        let progress = context.progress
        let bundle = try await offPoolCancellable {
            try BundleWriter.create(request, time: time, progress: progress, cancellation: $0)
        }
        context.values[BundleValues.file] = bundle
        let counts = bundle.manifest.counts
        return StepOutcome(
            changed: true, items: Int64(counts.files), bytes: bundle.size,
            warnings: bundle.manifest.warnings.map { "\($0.path): \($0.reason)" },
            summary:
                "\(bundle.name): \(HumanUnits.count(counts.files, "file")), \(HumanUnits.count(bundle.manifest.databases.count, "database")), \(HumanUnits.bytes(bundle.size))"
        )
    }
}

/// `upload`: brings the bundle into a store; it stays here until the store holds it, verified.
struct UploadStep: Step {
    let session: Session
    let options: UploadOptions

    func run(_ context: StepContext) async throws -> StepOutcome {
        guard let bundle = context.values[BundleValues.file] else {
            throw OperatorError(
                "no-bundle", doing: "uploading", reason: "no bundle step came before it",
                advice: "put `bundle` before `upload` in the job's steps", exit: .configuration)
        }
        let store = try await session.store(options.store, in: context.configuration)
        let md5 = try await offPool { try hex(bundle.md5()) }
        let outgoing = try OutgoingBundle(
            file: bundle.path, name: bundle.name.description,
            properties: BundleProperties(
                instance: context.configuration.instance.id, run: context.runID, created: bundle.name.created,
                size: bundle.size, sha256: hex(bundle.sha256), md5: md5))
        let item = try await store.put(outgoing, progress: context.progress)
        var effects = RunEffects()
        effects.uploadVerified = item.isVerified
        effects.bytes = item.size
        // A later upload step of this job wants it too; what is left over then is swept at the end of the run.
        return StepOutcome(
            changed: true, items: 1, bytes: item.size, effects: effects,
            summary: "\(item.name) is in \(store.label), verified")
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
        let lines = context.dryRun ? plan.decisions.map { "\($0.action.rawValue) \($0.item.name): \($0.reason)" } : []
        return StepOutcome(
            changed: !plan.deletions.isEmpty && !context.dryRun, items: Int64(plan.deletions.count),
            warnings: ignored.map { "\($0.item.name) in \(store.label) is \($0.reason)" },
            summary: (["\(context.dryRun ? "would delete" : "deleted") \(plan.deletions.count), kept \(kept)"] + lines)
                .joined(separator: "; "))
    }
}
