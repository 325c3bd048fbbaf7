internal import Glibc
internal import InstanceState
internal import Jobs
internal import Support
internal import SystemPackage

/// `snapshot`: the state of the instance in one JSON file for the dashboard's group, and as metrics beside it.
struct SnapshotStep: Step {
    let session: Session

    func run(_ context: StepContext) async throws -> StepOutcome {
        let configuration = context.configuration
        let description = try await session.description(configuration)
        let target = SnapshotFiles(configuration.snapshot)
        let output = configuration.snapshot.output
        if (try? FileStatus(following: output)) == nil {
            do {
                try FileSystem.makeDirectory(output, permissions: 0o2750)
            } catch var error as OperatorError {
                error.advice = "root makes it: see docs/operations.md#snapshot-missing"
                throw error
            }
        }
        let (snapshot, _) = try await session.exporter(configuration).run(
            description, session.sources(configuration, jobs: description.jobs),
            stateDirectory: context.stateDirectory, target: target.snapshot, metrics: target.metrics)
        ResidentCode.release()
        let group = configuration.snapshot.group
        let notes = [target.snapshot, target.metrics].compactMap { target.handOver($0, to: group) }
        return StepOutcome(
            changed: true, items: Int64(snapshot.warnings.count), warnings: Array(notes.prefix(1)),
            summary: "\(snapshot.health.rawValue), \(HumanUnits.count(snapshot.warnings.count, "warning"))")
    }
}

/// The files of the hand-over folder.
struct SnapshotFiles {
    let snapshot: FilePath
    let metrics: FilePath

    init(_ config: SnapshotConfig) {
        snapshot = config.output.appending("snapshot.json")
        metrics = config.output.appending("metrics.prom")
    }

    /// Gives a file to the group, as far as this process may; inside its unit the folder's set-group-id bit has done so already.
    /// Answers what is wrong if the group cannot read it.
    func handOver(_ path: FilePath, to group: String) -> String? {
        guard let entry = getgrnam(group) else { return nil }
        let wanted = entry.pointee.gr_gid
        guard let status = try? FileStatus(at: path), status.kind == .file, status.group != wanted else { return nil }
        if path.withPlatformString({ lchown($0, uid_t.max, wanted) }) == 0 { return nil }
        return "group \(group) cannot read \(path.printable): give its folder to that group, mode 2750"
    }
}

/// `watchdog`: silent when all is well; what is not makes it fail, so that `onFailure` tells of it once, and of its end.
struct WatchdogStep: Step {
    let session: Session
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        let configuration = context.configuration
        let description = try await session.description(configuration)
        let (snapshot, _) = try await session.exporter(configuration).run(
            description, session.sources(configuration, jobs: description.jobs),
            stateDirectory: context.stateDirectory, target: nil, metrics: nil)
        // Hints are in the snapshot; nobody is woken for them.
        let serious = snapshot.warnings.filter { $0.severity > .info }.map { warning in
            "\(warning.message.rawValue) [\(warning.code.rawValue)]"
        }
        let stale = staleSnapshot(context)
        let troubles = serious + [stale].compactMap { $0 }
        let hints = snapshot.warnings.filter { $0.severity == .info }.map(\.message.rawValue)
        guard let first = troubles.first else {
            return StepOutcome(changed: false, items: 0, warnings: hints, summary: "all is well")
        }
        let worst = snapshot.warnings.first { $0.severity > .info }
        let more = troubles.count > 1 ? "; \(troubles.dropFirst().prefix(4).joined(separator: "; "))" : ""
        let rest = troubles.count > 5 ? " and \(troubles.count - 5) more" : ""
        let error = OperatorError(
            worst?.code.rawValue ?? "snapshot-stale", doing: "watching", reason: first + more + rest,
            advice: (worst?.command(for: snapshot.instance)).map { "try `\($0)`" }
                ?? "see docs/operations.md#\(worst?.code.rawValue ?? "snapshot-stale")")
        return StepOutcome(
            .failure(error), changed: false, items: Int64(troubles.count), warnings: hints,
            summary: HumanUnits.count(troubles.count, "warning"))
    }

    /// A snapshot that nobody writes any more, where a job is declared that should.
    private func staleSnapshot(_ context: StepContext) -> String? {
        let configuration = context.configuration
        guard configuration.jobs.contains(where: { $0.kind == .exporter && $0.schedule != nil }) else { return nil }
        let path = SnapshotFiles(configuration.snapshot).snapshot
        guard let status = try? FileStatus(at: path) else { return nil }
        let age = context.time.now - Timestamp(nanoseconds: status.modified)
        guard age > configuration.watchdog.maxSnapshotAge else { return nil }
        return "The snapshot was last written \(HumanUnits.duration(age)) ago [snapshot-stale]"
    }
}
