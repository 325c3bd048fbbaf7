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
        judge(await observer.read(description, sources, me: getuid()), &memory)
    }

    private func judge(_ readings: InstanceReadings, _ memory: inout WatchdogMemory) -> InstanceSnapshot {
        // Wrapping: the number comes from a file.
        var snapshot = readings.snapshot(sequence: memory.sequence &+ 1)
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
    /// - Returns: the snapshot, what opened and closed since the last one, the titles of the rules that could not find out what is so,
    ///   and what is to be said of the memory where it could not be read: since when warnings are open is lost with it.
    public func run(
        _ description: InstanceDescription, _ sources: InstanceSources, stateDirectory: FilePath, target: FilePath?,
        metrics: FilePath?
    ) async throws -> (
        snapshot: InstanceSnapshot, changes: WarningChanges, unchecked: [String], notice: String?
    ) {
        let path = stateDirectory.appending("watchdog.json")
        let readings = await observer.read(description, sources, me: getuid())
        return try await offPoolCancellable { flag in
            // The snapshot and the watchdog look at the same time, as different jobs: what one remembers the other must see.
            let lock = try Self.lock(stateDirectory.appending("watchdog.lock"), flag)
            defer { withExtendedLifetime(lock) {} }
            var (memory, notice) = Self.remembered(path)
            let before = memory.open
            let snapshot = judge(readings, &memory)
            try FileSystem.replace(path, with: try memory.encoded())
            if let target { try SnapshotFile.write(try snapshot.encoded(), to: target) }
            if let metrics {
                try SnapshotFile.write(Array(PrometheusText.render(snapshot, jobs: description.jobs).utf8), to: metrics)
            }
            return (
                snapshot, WarningChanges(from: before, to: snapshot.warnings), (memory.unchecked ?? [:]).keys.sorted(),
                notice
            )
        }
    }

    private static func remembered(_ path: FilePath) -> (WatchdogMemory, notice: String?) {
        do {
            guard (try? FileStatus(at: path)) != nil else { return (WatchdogMemory(), nil) }
            let text = try FileSystem.read(path, limit: WatchdogMemory.sizeLimit, followingLinks: false)
            return (try WatchdogMemory(decoding: text), nil)
        } catch {
            let reason = (error as? OperatorError)?.reason ?? (error as? SnapshotError)?.description ?? "it is damaged"
            return (
                WatchdogMemory(),
                "what the last look remembered could not be read (\(path.printable): \(reason)): every open warning counts as new"
            )
        }
    }

    /// Waits for the other job, which holds the lock for as long as it takes to write its files.
    private static func lock(_ path: FilePath, _ flag: CancellationFlag) throws -> FileLock {
        for _ in 0..<600 {
            try flag.check()
            if let lock = try FileLock(path) { return lock }
            usleep(50_000)
        }
        throw OperatorError(
            "watchdog-locked", doing: "waiting for another job that writes the snapshot", subject: path.printable,
            reason: "it has held the lock for half a minute",
            advice: "see which process the file names, and whether it hangs")
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
