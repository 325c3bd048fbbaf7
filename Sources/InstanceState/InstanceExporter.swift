internal import Glibc
internal import Support
public import SystemPackage

/// Makes the snapshot of an instance, judges it, and hands it over.
public struct InstanceExporter: Sendable {
    private let observer: InstanceObserver
    private let watchdog: Watchdog

    public init(observer: InstanceObserver, watchdog: Watchdog = Watchdog()) {
        self.observer = observer
        self.watchdog = watchdog
    }

    /// One look at the instance: the snapshot with its warnings. Writes nothing; what is to be remembered is in `memory`.
    public func snapshot(
        of description: InstanceDescription, _ sources: InstanceSources, memory: inout WatchdogMemory
    ) async -> InstanceSnapshot {
        let readings = await observer.read(description, sources, me: getuid())
        var snapshot = readings.snapshot(sequence: memory.sequence + 1)
        watchdog.complete(&snapshot, readings, &memory)
        return snapshot
    }

    /// One look for a person: what holds, what does not, and what could not be found out. Remembers nothing and writes nothing.
    public func checkup(of description: InstanceDescription, _ sources: InstanceSources) async -> [Check] {
        watchdog.checkup(await observer.read(description, sources, me: getuid()))
    }

    /// Looks, remembers in `STATE/watchdog.json`, writes `SNAPSHOT` for the dashboard's group and, if asked, the metrics beside it.
    ///
    /// - Parameters:
    ///   - stateDirectory: of this user; holds the memory between runs.
    ///   - target: the snapshot file, as a rule `/var/lib/hermes-ops-exports/ID/snapshot.json`; nil writes none.
    ///   - metrics: the Prometheus textfile; nil writes none.
    /// - Returns: the snapshot, what opened and closed since the last one, and the titles of the rules that could not find out what is
    ///   so.
    public func run(
        _ description: InstanceDescription, _ sources: InstanceSources, stateDirectory: FilePath, target: FilePath?,
        metrics: FilePath?
    ) async throws -> (snapshot: InstanceSnapshot, changes: WarningChanges, unchecked: [String]) {
        let path = stateDirectory.appending("watchdog.json")
        let text = try await offPool { try? FileSystem.read(path, limit: 4 << 20, followingLinks: false) }
        var memory = WatchdogMemory(decodingOrFresh: text)
        let before = memory.open
        let snapshot = await self.snapshot(of: description, sources, memory: &memory)
        let remembered = try memory.encoded()
        let prometheus = PrometheusText.render(snapshot, jobs: description.jobs)
        try await offPool {
            try FileSystem.replace(path, with: remembered)
            if let target { try SnapshotFile.write(try snapshot.encoded(), to: target) }
            if let metrics { try SnapshotFile.write(Array(prometheus.utf8), to: metrics) }
        }
        return (
            snapshot, WarningChanges(from: before, to: snapshot.warnings), (memory.unchecked ?? [:]).keys.sorted()
        )
    }
}

/// A file that a group may read: for the dashboard, for the metrics collector.
public enum SnapshotFile {
    /// Writes a file as a whole with mode 0640; its group is the folder's, whose set-group-id bit hands it down. After a crash the old
    /// bytes or the new ones stand there. The folder is made with mode 2750 if it is missing.
    public static func write(_ bytes: [UInt8], to path: FilePath) throws {
        let folder = path.removingLastComponent()
        if !folder.isEmpty, (try? FileStatus(following: folder)) == nil {
            try FileSystem.makeDirectory(folder, permissions: 0o2750)
        }
        try FileSystem.replace(path, with: bytes, permissions: 0o640)
    }
}
