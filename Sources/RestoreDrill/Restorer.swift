internal import Glibc
internal import HermesHome
public import Sanitizer
public import Support
public import SystemPackage

/// A real restore.
public struct RestoreRequest: Sendable {
    public var source: RestoreSource
    /// Where the home is to stand: an empty folder or none, or with ``replaces`` one with a home in it.
    public var target: FilePath
    public var liveHome: FilePath
    /// A home that stands there is kept beside as `NAME.before-TIME`.
    public var replaces: Bool
    /// Folders of this program's own (state, repository, stores), which no home may stand in, above or below.
    public var ownPlaces: [FilePath]
    /// The backup must be of this instance; nil: any.
    public var instance: String?
    /// Says what a backup leaves out of the repository, which is taken over from a home that is replaced.
    public var policy: Policy
    public var time: any TimeSource
    public var progress: any ProgressReporter

    public init(
        source: RestoreSource, target: FilePath, liveHome: FilePath, replaces: Bool, ownPlaces: [FilePath] = [],
        instance: String?, policy: Policy,
        time: any TimeSource = SystemTime(), progress: any ProgressReporter = NoProgress()
    ) {
        self.source = source
        self.target = target
        self.liveHome = liveHome
        self.replaces = replaces
        self.ownPlaces = ownPlaces
        self.instance = instance
        self.policy = policy
        self.time = time
        self.progress = progress
    }
}

/// What a restore did. Paths are printable; no value of a secret is in it.
public struct RestoreReport: Sendable, Encodable {
    public var target: String
    public var origins: [Receipt.Origin]
    public var files: Int64
    public var bytes: Int64
    /// Where the home that was replaced is kept.
    public var previousHome: String?
    public var durationMs: Int64
    /// What a person has to give now: what the backup lacks and the replaced home did not have.
    public var secretsToProvide: [Manifest.Needed]
    /// Taken over from the replaced home, because the repository leaves it out.
    public var carriedOver: [String]
    /// Kept as they were, because the backup's copy has placeholders; that copy is `NAME.from-backup`.
    public var keptLive: [String]
    /// What of the replaced home is not in the new one, a folder that is missing as a whole in one line.
    public var leftInPreviousHome: [String]
    /// Absolute paths inside restored data that lead out of the new home.
    public var absolutePaths: [String]
    public var warnings: [String]
}

/// Restores a home for real: staged beside the target, verified, swapped in one step.
public struct Restorer: Sendable {
    private let request: RestoreRequest

    public init(_ request: RestoreRequest) { self.request = request }

    /// Does it, or leaves the target as it was.
    ///
    /// Throws with exit 64 for a target that may not be written to, 65 when the backup is damaged or of another instance, 1 while a
    /// gateway runs in the target, and as the source's module does.
    public func run() async throws -> RestoreReport {
        let request = request
        let start = request.time.uptime
        let place = try await offPool {
            Held(
                try RestorePlace(
                    request.target, liveHome: request.liveHome, ownPlaces: request.ownPlaces,
                    replacing: request.replaces))
        }
        let target = place.value.target
        let parent = target.removingLastComponent()
        let folder = try await offPool {
            _ = try DrillFolder.sweep(below: parent, prefix: DrillFolder.restorePrefix)
            return try DrillFolder(below: parent, prefix: DrillFolder.restorePrefix)
        }
        do {
            let restored = try await SourceOpener(
                folder: folder, time: request.time, progress: request.progress, durable: true, gate: nil
            ).open(request.source)
            let report = try await offPoolCancellable { cancellation in
                try Self.finish(restored, place.value, request, start, cancellation)
            }
            try? await offPool { try folder.remove() }
            return report
        } catch {
            try? await offPool { try folder.remove() }
            throw error
        }
    }

    /// A place that one task after another uses, never two at once.
    private struct Held: @unchecked Sendable {
        let value: RestorePlace
        init(_ value: RestorePlace) { self.value = value }
    }

    private static func finish(
        _ restored: RestoredHome, _ place: RestorePlace, _ request: RestoreRequest, _ start: Duration,
        _ cancellation: CancellationFlag
    ) throws -> RestoreReport {
        let expectations = restored.expectations
        let scratch = restored.folder.path.appending("scratch")
        let (tree, complaints) = try verify(restored, request.instance, scratch, cancellation)
        var report = RestoreReport(
            target: place.target.printable, origins: restored.origins, files: tree.measured["files"] ?? 0,
            bytes: tree.measured["bytes"] ?? 0, previousHome: nil, durationMs: 0,
            secretsToProvide: expectations.secretsToProvide, carriedOver: [], keptLive: [], leftInPreviousHome: [],
            absolutePaths: [],
            warnings: expectations.databases.filter { !$0.wasSound }.map {
                "\(printable($0.path)) was damaged already when the backup was taken; it is restored as it was"
            } + complaints)
        if place.replaces, restored.label == "repository", let part = restored.repository {
            let text = try FileSystem.read(part.aside.appending(Manifest.fileName), limit: Manifest.largest)
            let carry = try CarryOver(
                old: place.target, new: restored.home, manifest: try Manifest(json: text), policy: request.policy,
                scratch: scratch, cancellation: cancellation)
            report.carriedOver = carry.carried
            report.keptLive = carry.keptLive
            report.leftInPreviousHome = carry.left
            report.warnings += carry.warnings
            report.secretsToProvide = try expectations.secretsToProvide.filter { try isOpen($0, restored.home) }
        } else if place.replaces {
            report.leftInPreviousHome = try CarryOver.missing(from: restored.home, of: place.target, cancellation)
        }
        try cancellation.check()
        report.absolutePaths = try AbsolutePaths.find(
            restored.home, target: place.target, scratch: scratch.appending("paths"))
        if let owner = try strangeOwner(place) {
            report.warnings.append(
                "the home belongs to root now: `chown -R --no-dereference \(owner.user):\(owner.group) \(place.target.printable)`"
                    + " gives it to the user whose folder it stands in")
        }
        try cancellation.check()
        report.previousHome = try place.take(restored.home, now: request.time.now)?.printable
        report.durationMs = (request.time.uptime - start).wholeMilliseconds
        return report
    }

    /// The manifest, the canary and the databases: nothing that is not what was backed up takes the place of a home. With what the live
    /// databases may have had already: that is no reason to do without the only copy.
    private static func verify(
        _ restored: RestoredHome, _ instance: String?, _ scratch: FilePath, _ cancellation: CancellationFlag
    ) throws -> (tree: CheckFinding, complaints: [String]) {
        func damaged(_ check: CheckName, _ reason: String) -> OperatorError {
            OperatorError(
                "backup-damaged", doing: "restoring from \(restored.label)",
                reason: "the check `\(check.rawValue)` failed: \(reason)",
                advice: "the target is as it was; restore from another backup", exit: .damagedInput)
        }
        if let instance, let stranger = restored.origins.first(where: { $0.instance != instance }) {
            throw damaged(
                .manifest,
                "the backup is of instance \(printable(stranger.instance, limit: 64)), not of \(instance)")
        }
        let tree = try TreeCheck.run(restored.home, against: restored.expectations, cancellation: cancellation)
        guard tree.outcome == .passed else { throw damaged(.manifest, tree.reason ?? "") }
        if let earlier = restored.repository?.earlier[.manifest], earlier.outcome != .passed {
            throw damaged(.manifest, earlier.reason ?? "")
        }
        let canary = try CanaryCheck.run(restored.canaries)
        guard canary.outcome == .passed else { throw damaged(.canary, canary.reason ?? "") }
        // What was damaged when the backup was taken is no reason to do without the rest.
        var measured: [String: Int64] = [:]
        let faults = try DatabaseCheck.look(
            restored.home, restored.expectations.databases.filter(\.wasSound), restored.bundleCanary != nil, scratch,
            &measured, cancellation)
        guard faults.damage.isEmpty else {
            throw damaged(.databases, CheckFinding.judging(faults.damage).reason ?? "")
        }
        return (tree, faults.complaints)
    }

    /// Who a home that root restores should belong to, when that is not root.
    private static func strangeOwner(_ place: RestorePlace) throws -> (user: UInt32, group: UInt32)? {
        guard geteuid() == 0 else { return nil }
        let model = place.replaces ? place.target : place.target.removingLastComponent()
        do throws(Errno) {
            let status = try FileStatus(at: model)
            return status.owner == 0 ? nil : (status.owner, status.group)
        } catch {
            throw OperatorError.system(error.rawValue, doing: "looking at", subject: model.printable)
        }
    }

    /// Whether the new home still lacks it.
    private static func isOpen(_ needed: Manifest.Needed, _ home: FilePath) throws -> Bool {
        let file = home.pushing(FilePath(needed.place))
        switch needed.kind {
        case .file: return try !ConfigCheck.exists(file)
        case .environment, .configuration: return try !ConfigCheck.environmentNames(file).contains(needed.name)
        }
    }
}
