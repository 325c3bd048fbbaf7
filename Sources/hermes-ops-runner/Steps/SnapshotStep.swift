internal import Glibc
internal import InstanceState
internal import Jobs
internal import Notify
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
        let (snapshot, _, _, notice) = try await session.exporter(configuration).run(
            description, session.sources(configuration, jobs: description.jobs),
            stateDirectory: context.stateDirectory, target: target.snapshot, metrics: target.metrics)
        ResidentCode.release()
        let group = configuration.snapshot.group
        let notes = [target.snapshot, target.metrics].compactMap { target.handOver($0, to: group) }
        return StepOutcome(
            changed: true, items: Int64(snapshot.warnings.count),
            warnings: notes.prefix(1) + [notice].compactMap(\.self),
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
        guard let entry = getgrnam(group) else { return Self.missing(group) }
        let wanted = entry.pointee.gr_gid
        guard let status = try? FileStatus(at: path), status.kind == .file, status.group != wanted else { return nil }
        if path.withPlatformString({ lchown($0, uid_t.max, wanted) }) == 0 { return nil }
        // In a unit's user namespace (PrivateUsers=) groups other than the user's own are not told apart: it may well be that one.
        guard Self.isKnown(status.group) else { return nil }
        return "group \(group) cannot read \(path.printable): give its folder to that group, mode 2750"
    }

    /// What is wrong if nobody can be in the group; nil where it exists.
    static func missing(_ group: String) -> String? {
        getgrnam(group) == nil
            ? "there is no group \(group): nobody but this user can read the snapshot; root makes it with `groupadd --system \(group)`"
            : nil
    }

    /// Whether a group's number means a group here: it lies in a range of this user namespace.
    private static func isKnown(_ group: UInt32) -> Bool {
        guard let map = try? FileSystem.read("/proc/self/gid_map", limit: 65_536) else { return true }
        return String(decoding: map, as: UTF8.self).split(separator: "\n").contains { line in
            let range = line.split(separator: " ").compactMap { UInt64($0) }
            return range.count == 3 && UInt64(group) >= range[0] && UInt64(group) - range[0] < range[2]
        }
    }
}

/// `watchdog`: silent when all is well; what is not makes it fail, so that `onFailure` tells of each warning once, and of its end.
struct WatchdogStep: Step {
    /// What the run found, for its messages.
    static let found = RunKey<[RunSummary.Warning]>("watchdog")

    let session: Session
    let canRunDry = true

    func run(_ context: StepContext) async throws -> StepOutcome {
        let configuration = context.configuration
        let description = try await session.description(configuration)
        let (snapshot, _, unchecked, notice) = try await session.exporter(configuration).run(
            description, session.sources(configuration, jobs: description.jobs),
            stateDirectory: context.stateDirectory, target: nil, metrics: nil)
        let troubles =
            Self.serious(
                snapshot.warnings, of: snapshot.instance, jobs: description.jobs,
                configuration: session.configurationFile, options: session.adviceOptions,
                credentialFiles: description.credentialFiles)
            + [staleSnapshot(context, description.jobs)].compactMap { $0 }
        context.values[Self.found] = troubles
        let hints =
            snapshot.warnings.filter { $0.severity == .info }.map(\.message.rawValue) + [notice].compactMap(\.self)
        guard let first = troubles.first else {
            // What could not be looked at is not well.
            let summary =
                unchecked.isEmpty
                ? "all is well"
                : "nothing is wrong as far as it could be looked at; not known: \(unchecked.joined(separator: ", "))"
            return StepOutcome(changed: false, items: 0, warnings: hints, summary: summary)
        }
        let texts = troubles.map { "\($0.message) [\($0.code)]" }
        let rest = texts.count > 5 ? " and \(texts.count - 5) more" : ""
        let error = OperatorError(
            first.code, doing: "watching", reason: texts.prefix(5).joined(separator: "; ") + rest,
            advice: first.advice.map { "try `\($0)`" } ?? "see docs/operations.md#\(first.code)")
        return StepOutcome(
            .failure(error), changed: false, items: Int64(troubles.count), warnings: hints,
            summary: HumanUnits.count(troubles.count, "warning"))
    }

    /// The warnings that people are told of. Hints are in the snapshot; nobody is woken for them.
    static func serious(
        _ warnings: [Warning], of instance: InstanceReference, jobs: [ObservedJob], configuration: FilePath,
        options: String, credentialFiles: [FilePath] = []
    ) -> [RunSummary.Warning] {
        warnings.filter { $0.severity > .info }.map { warning in
            RunSummary.Warning(
                key: warning.fingerprint.rawValue, code: warning.code.rawValue,
                severity: warning.severity == .critical ? .critical : .warn, message: warning.message.rawValue,
                advice: warning.command(
                    for: instance, jobs: jobs, configuration: configuration, options: options,
                    credentialFiles: credentialFiles))
        }
    }

    /// A snapshot that nobody writes any more, where a job is declared that should.
    private func staleSnapshot(_ context: StepContext, _ jobs: [ObservedJob]) -> RunSummary.Warning? {
        let configuration = context.configuration
        let writers = jobs.filter { $0.role == .exporter && $0.schedule != nil }
        guard !writers.isEmpty else { return nil }
        func warning(_ code: String, _ message: String) -> RunSummary.Warning {
            RunSummary.Warning(
                key: "snapshot-stale", code: code, severity: .warn, message: message,
                advice: session.completing("hermes-ops-runner history \(writers[0].name)"))
        }
        let path = SnapshotFiles(configuration.snapshot).snapshot
        let status: FileStatus
        do throws(Errno) {
            status = try FileStatus(at: path)
        } catch {
            guard error == .noSuchFileOrDirectory || error == .notDirectory else {
                return warning(
                    "snapshot-unreadable",
                    "The snapshot \(path.printable) cannot be looked at: \(errorText(error.rawValue))")
            }
            // Right after an installation it is yet to be made; that its job fails or is late is told by itself.
            guard writers.contains(where: { $0.lastRun?.lastSuccessAt != nil }) else { return nil }
            return warning("snapshot-missing", "The snapshot \(path.printable) is gone")
        }
        let age = context.time.now - Timestamp(nanoseconds: status.modified)
        guard age > configuration.watchdog.maxSnapshotAge else { return nil }
        return warning("snapshot-stale", "The snapshot was last written \(HumanUnits.duration(age)) ago")
    }
}

extension Session {
    /// What a watchdog's run found, for one that tells of it from outside; nil if the run did not get as far as a verdict.
    func foundWarnings(_ record: RunRecord, _ configuration: Configuration) async -> [RunSummary.Warning]? {
        guard configuration.job(named: record.job.name)?.uses(.watchdog) == true else { return nil }
        let path = stateDirectory.appending("watchdog.json")
        let memory = WatchdogMemory(
            decodingOrFresh: try? FileSystem.read(path, limit: WatchdogMemory.sizeLimit, followingLinks: false))
        let instance = InstanceReference(
            id: Slug(making: configuration.instance.id), label: SafeText(showing: configuration.instance.label),
            user: UserName(rawValue: userName) ?? UserName(unchecked: "unknown"),
            scope: user == 0 ? .system : .user,
            hermesHome: PlainPath(rawValue: configuration.instance.hermesHome.string))
        let jobs = try? await description(configuration).jobs
        let found = WatchdogStep.serious(
            memory.open, of: instance, jobs: jobs ?? [], configuration: configurationFile, options: adviceOptions)
        // The run's error is its first warning.
        return found.contains { $0.code == record.error?.type } ? found : nil
    }
}
