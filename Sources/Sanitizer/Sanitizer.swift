internal import Dispatch
internal import Glibc
public import Support
internal import Synchronization
public import SystemPackage

/// What a sanitizer works by.
public struct SanitizerOptions: Sendable {
    /// The instance's id; stands in the manifest.
    public var instance: String
    public var policy: Policy
    /// In bytes; larger files are excluded without being read.
    public var maxFileSize: Int64 = 10 << 20
    /// Credentials that the configuration names: searched for like the home's own.
    public var knownSecrets: [Secret] = []
    /// The key of the fingerprints, 32 bytes, which never leaves the state directory.
    public var fingerprintKey: Secret
    /// Threads that read and scan; by default one for each core.
    public var workers = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    public init(instance: String, policy: Policy, fingerprintKey: Secret) {
        self.instance = instance
        self.policy = policy
        self.fingerprintKey = fingerprintKey
    }
}

/// Makes the sanitized tree of a home. Its calls block: run them off the cooperative pool.
public final class Sanitizer: Sendable {
    let options: SanitizerOptions
    let detector: Detector

    /// - Throws: `OperatorError` when the built-in rules cannot be loaded.
    public init(_ options: SanitizerOptions) throws {
        self.options = options
        detector = try Detector.standard()
    }

    /// Removes what an earlier run left in a staging folder, the folder included.
    public static func sweep(_ staging: FilePath) throws { try FileSystem.removeTree(staging) }

    /// Makes the sanitized tree: its bytes in the staging folder, all of them through the gate before they touch the disk.
    ///
    /// - Parameters:
    ///   - home: HERMES_HOME; a symlink to it is followed.
    ///   - staging: a folder for this run alone, made here with mode 0700; what it held is removed first. The caller removes it at
    ///     the end, and ``sweep(_:)`` after a crash.
    ///   - baseline: what HEAD's folder holds. With it and a cache, unchanged files are neither read nor staged.
    ///   - cache: the stat cache's file in the state directory; nil for none.
    /// - Throws: `OperatorError`: exit 1 naming what cannot be read though the policy keeps it, exit 10 when the gate refuses the
    ///   manifest; `CancellationError`.
    public func stage(
        home: FilePath, into staging: FilePath, baseline: Baseline = Baseline(), cache: FilePath? = nil,
        cancellation: CancellationFlag = CancellationFlag(), progress: any ProgressReporter = NoProgress()
    ) throws -> SanitizedTree {
        var survey = try survey(home, listingSkipped: false, cancellation: cancellation)
        for _ in 0..<Sanitizer.attempts {
            try Sanitizer.requireReadable(survey.inventory.failures)
            try FileSystem.removeTree(staging)
            for number in 0..<SanitizedFiles.shards {
                try FileSystem.makeDirectory(SanitizedFiles.shard(number, in: staging))
            }
            let identity = identity(survey.gate)
            let memory = recall(survey.inventory.items, from: cache, identity: identity, baseline)
            try read(survey, memory, into: staging, cache: cache, identity: identity, cancellation, progress)
            // From here on nothing of the home is read any more: what was stored in it until now is known, or may stand in what was read.
            if survey.mayBeStale {
                let now = try self.survey(home, listingSkipped: false, cancellation: cancellation)
                guard try isClean(survey, memory, staging, under: now, cancellation) else {
                    survey = now
                    continue
                }
                survey.gate = now.gate
                survey.watch = now.watch
                survey.started = now.started
            }
            survey.inventory.items.forgetStamps()
            let assembly = try assembly(survey.inventory, memory.records, survey.gate)
            let files = try self.files(of: assembly, memory.isRemembered, baseline, staging, survey.gate)
            return SanitizedTree(
                assembly, files, survey: survey, unreadThanksToCache: memory.isRemembered.count { $0 })
        }
        throw OperatorError(
            "credentials-changed", doing: "sanitizing", subject: home.printable,
            reason: "its credentials changed again and again while it was read, and stood in other files at once",
            advice: "run again when they are at rest", isTemporary: true)
    }

    /// How often a home is read whose credentials change meanwhile.
    private static let attempts = 3

    /// Reads, redacts and stages what the cache does not know.
    private func read(
        _ survey: Survey, _ memory: Memory, into staging: FilePath, cache: FilePath?, identity: [UInt8],
        _ cancellation: CancellationFlag, _ progress: any ProgressReporter
    ) throws {
        let items = survey.inventory.items
        let todo = items.indices.filter { !memory.isRemembered[$0] }
        progress.begin(
            "sanitizing", total: todo.reduce(0) { $0 + min(items.stamp($1).size, options.maxFileSize) })
        defer { progress.end() }
        let processor = FileProcessor(
            gate: survey.gate, reader: survey.reader, homePath: survey.home.bytes, maxFileSize: options.maxFileSize,
            key: options.fingerprintKey
        ) { item, gated in
            try StagedFile(
                SanitizedFiles.stagedPath(item.index, in: staging),
                isExecutable: item.kind == .file && item.stamp.permissions & 0o100 != 0
            ).write(gated)
        }
        let started = Sanitizer.wallClock()
        try run(todo, items, into: memory.records, processor, cancellation, progress)
        // A run that read nothing and lost nothing has nothing new to remember.
        if let cache, !todo.isEmpty || items.count != memory.count {
            try remember(items, memory, in: cache, identity: identity, since: started)
        }
    }

    /// Whether nothing that was staged holds a value that was stored since its survey.
    private func isClean(
        _ survey: Survey, _ memory: Memory, _ staging: FilePath, under now: Survey, _ cancellation: CancellationFlag
    ) throws -> Bool {
        try Sanitizer.requireReadable(now.inventory.failures)
        let known = now.gate.inspector.known
        if now.gate.hasSameValues(as: survey.gate) { return true }
        // What the cache knew is not at hand; under other values it knows nothing.
        guard !memory.isRemembered.contains(true) else { return false }
        let inspector = Inspector(known: known, key: options.fingerprintKey) { _, _ in [] }
        for index in survey.inventory.items.indices {
            try cancellation.check()
            let name = Array(survey.inventory.items.paths[index])
            guard try name.withUnsafeBytes({ try inspector.hits(in: $0, name: []).isEmpty }) else { return false }
            let isStaged =
                switch memory.records[index] {
                case .kept: true
                case .other(let record): if case .stored = record.outcome { true } else { false }
                case nil, .excluded: false
                }
            guard isStaged else { continue }
            let bytes = try FileSystem.read(SanitizedFiles.stagedPath(index, in: staging), limit: .max - 1)
            guard case .clean = try inspector.inspect(bytes, name: name) else { return false }
        }
        return true
    }

    /// The gate of a home: the detectors and every value that its credential files hold.
    ///
    /// - Parameter home: nil for the detectors and the configuration's credentials alone.
    public func gate(home: FilePath?, cancellation: CancellationFlag = CancellationFlag()) throws -> Gate {
        guard let home else {
            var harvester = Harvester(detector: detector)
            for secret in options.knownSecrets { secret.withUnsafeBytes { harvester.add(credential: $0) } }
            let known = try KnownValues(harvester.values, key: options.fingerprintKey)
            return Gate(inspector: Inspector(detector: detector, known: known, key: options.fingerprintKey))
        }
        let survey = try survey(home, listingSkipped: false, cancellation: cancellation)
        // A folder that is closed may be one of credentials.
        try Sanitizer.requireReadable(survey.inventory.failures)
        return survey.gate
    }

    // MARK: Before the files

    struct Survey: Sendable {
        var home: FilePath
        var inventory: HomeInventory
        var reader: StableReader
        var gate: Gate
        var watch: HarvestWatch
        /// When it began, in nanoseconds of the wall clock.
        var started: Int64

        /// Whether the home's secrets may have changed since.
        var mayBeStale: Bool { watch.mayHaveChanged(in: reader.home, since: started) }
    }

    /// Walks the home and harvests its secrets.
    func survey(_ home: FilePath, listingSkipped: Bool, cancellation: CancellationFlag) throws -> Survey {
        let started = Sanitizer.wallClock()
        var inventory = try HomeInventory(
            home, policy: options.policy, listingSkipped: listingSkipped, cancellation: cancellation)
        let reader = StableReader(home: try ConfinedDirectory(home))
        var harvester = Harvester(detector: detector)
        var watch = inventory.watch
        /// Names are cleaned once the values are known.
        var warnings: [(path: [UInt8], what: String)] = []
        if options.policy.hasPathRules {
            for secret in options.knownSecrets { secret.withUnsafeBytes { harvester.add(credential: $0) } }
            let sources = try HarvestSources(
                inventory, home: home, root: reader.home, policy: options.policy, cancellation: cancellation)
            watch = sources.watch
            inventory.failures += sources.failures
            warnings += sources.dangling.map {
                ($0, "is a link that leads nowhere: secrets could not be learnt from it")
            }
            for source in sources.files {
                try cancellation.check()
                if let warning = try harvest(source, reader, into: &harvester, &watch) {
                    warnings.append((source.path, warning))
                }
            }
        }
        let known = try KnownValues(harvester.values, key: options.fingerprintKey)
        let inspector = Inspector(detector: detector, known: known, key: options.fingerprintKey)
        for index in inventory.failures.indices {
            guard let subject = inventory.failures[index].subject else { continue }
            inventory.failures[index].subject = printable(try inspector.redactedName(Array(subject.utf8)).name)
        }
        inventory.warnings = try warnings.map { path, what in
            "\(shortened(printable(try inspector.redactedName(path).name), to: 120)) \(what)"
        }
        return Survey(
            home: home, inventory: inventory, reader: reader, gate: Gate(inspector: inspector), watch: watch,
            started: started)
    }

    /// - Returns: what is to be said of a file that nothing was learnt from.
    private func harvest(
        _ source: HarvestSources.Source, _ reader: StableReader, into harvester: inout Harvester,
        _ watch: inout HarvestWatch
    ) throws -> String? {
        do {
            // Noted first: a change while it is read shows.
            watch.note(source.path, try? reader.home.statusFollowingLinks(source.path))
            let content = try reader.read(
                source.path, limit: Int64(Harvester.largest), followingLinks: source.isLinked)
            let isUnderstood = try harvester.add(
                file: content.bytes, name: source.path, mode: source.decision.harvest,
                isDotenv: source.decision.form == .dotenv)
            return isUnderstood ? nil : "is no YAML that can be read: some of its secrets may not have been learnt"
        } catch let failure as StableReader.Failure {
            switch failure {
            case .vanished, .replaced: return nil
            case .tooLarge:
                // A database or a picture among the credentials has no values to learn.
                guard let start = reader.start(of: source.path, followingLinks: source.isLinked),
                    TextEncoding.of(start) != nil
                else { return nil }
                return "is larger than \(Harvester.largest >> 20) MiB: its secrets are not searched for in other files"
            case .system(let code):
                throw OperatorError.system(
                    code.rawValue, doing: "reading the secrets to look for from",
                    subject: printable(
                        try Inspector(detector: detector, known: nil, key: options.fingerprintKey)
                            .redactedName(source.path).name),
                    advice: "give this user the right to read it: without it, copies of its secrets would not be found")
            }
        }
    }

    /// What the stat cache depends on.
    private func identity(_ gate: Gate) -> [UInt8] {
        var digest = Digest(.sha256)
        digest.update(Array("\(options.policy.hash)\0\(options.maxFileSize)\0".utf8))
        // Another build may have other rules.
        if let program = try? FileStatus(of: FileSystem.openRegular("/proc/self/exe")) {
            digest.update(Array("\(program.device) \(program.inode) \(program.size) \(program.modified)\0".utf8))
        }
        digest.update(gate.inspector.known?.identity ?? [])
        digest.update(Array("key".utf8).withUnsafeBytes { keyedHash($0, key: options.fingerprintKey, length: 32) })
        return digest.finish()
    }

    private static func wallClock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    // MARK: The files

    /// Processes files on several threads; those of more than 16 MiB one at a time, so that memory stays bounded.
    func run(
        _ todo: [Int], _ items: HomeItems, into records: FileRecords, _ processor: FileProcessor,
        _ cancellation: CancellationFlag, _ progress: any ProgressReporter
    ) throws {
        let next = Atomic<Int>(0)
        let isStopped = Atomic<Bool>(false)
        let failures = Mutex<[(Int, any Error)]>([])
        let large = Mutex<Void>(())
        @Sendable func work() {
            while !isStopped.load(ordering: .relaxed), !cancellation.isCancelled {
                let position = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard position < todo.count else { break }
                let item = items[todo[position]]
                do {
                    let record =
                        item.stamp.size > 16 << 20
                        ? try large.withLock { _ in try processor.process(item) } : try processor.process(item)
                    records[item.index] = FileRecords.Record(record, of: item)
                } catch let error as OperatorError where error.type == "system" && error.exit == .failure {
                    // Unreadable files are all told at once.
                    failures.withLock { $0.append((item.index, error)) }
                } catch {
                    failures.withLock { $0.append((-1, error)) }
                    isStopped.store(true, ordering: .relaxed)
                }
                progress.advance(min(item.stamp.size, options.maxFileSize))
            }
        }
        let threads = min(options.workers, todo.count)
        if threads <= 1 { work() } else { DispatchQueue.concurrentPerform(iterations: threads) { _ in work() } }
        try cancellation.check()
        let failed = failures.withLock { $0 }.sorted { $0.0 < $1.0 }
        if let fatal = failed.first(where: { $0.0 < 0 }) { throw fatal.1 }
        try Sanitizer.requireReadable(failed.compactMap { $0.1 as? OperatorError })
    }

    static func requireReadable(_ failures: [OperatorError]) throws {
        guard var first = failures.first else { return }
        if failures.count > 1 {
            let others = failures.dropFirst().prefix(4).compactMap(\.subject).map { shortened($0, to: 100) }
                .joined(separator: ", ")
            first.reason +=
                " (and \(failures.count - 1) more that cannot be read: \(others)\(failures.count > 5 ? ", …" : ""))"
        }
        throw first
    }

    // MARK: The tree

    func assembly(_ inventory: HomeInventory, _ records: FileRecords, _ gate: Gate) throws -> TreeAssembly {
        let irregular = try inventory.irregular.map {
            Manifest.Irregular(path: try gate.inspector.redactedName($0.path).name, kind: $0.kind)
        }
        return try TreeAssembly(
            instance: options.instance, policyHash: options.policy.hash, inventory, records, irregular: irregular,
            inspector: gate.inspector)
    }

    /// The tree's files, the canary and the manifest among them, which go through the gate too.
    private func files(
        of assembly: TreeAssembly, _ isUnchanged: [Bool], _ baseline: Baseline, _ staging: FilePath, _ gate: Gate
    ) throws -> SanitizedFiles {
        var files = SanitizedFiles(assembly.paths, staging: staging)
        for position in assembly.paths.indices {
            switch assembly.member(position) {
            case .kept(let index, let kept):
                files.append(
                    blob: kept.blob, mode: UInt32(kept.permissions), isUnchanged[index] ? .unchanged : .staged(index))
            case .other(let index?, let stored):
                files.append(
                    blob: stored.blob, mode: stored.entry.mode, isSymlink: stored.entry.kind == .symlink,
                    isUnchanged[index] ? .unchanged : .staged(index))
            case .other(nil, let stored):
                let isStaged = !baseline.holds(stored.blob, at: stored.entry.path[...])
                if isStaged { try stageCanary(staging, gate) }
                files.append(blob: stored.blob, mode: stored.entry.mode, isStaged ? .named : .unchanged)
            case .manifest:
                let blob = Sanitizer.manifestBlob(assembly)
                let isStaged = !baseline.holds(blob, at: assembly.paths[position])
                if isStaged { try stageManifest(assembly, staging, gate) }
                files.append(blob: blob, mode: 0o600, isStaged ? .named : .unchanged)
            }
        }
        return files
    }

    private func stageCanary(_ staging: FilePath, _ gate: Gate) throws {
        guard case .passed(let gated) = try gate.pass(Canary.bytes, name: Canary.path) else {
            throw Gate.refusal(try gate.hits(in: Canary.bytes, name: Canary.path))
        }
        try StagedFile(staging.pushing(FilePath(bytes: Canary.path)), isExecutable: false).write(gated)
    }

    private func stageManifest(_ assembly: TreeAssembly, _ staging: FilePath, _ gate: Gate) throws {
        let file = try StagedFile(staging.appending(Manifest.fileName), isExecutable: false)
        try gate.pass(assembly.head, excluded: assembly.exclusions, entries: assembly.entries) { try file.write($0) }
    }

    /// git's id of the manifest, which is never in memory as a whole.
    private static func manifestBlob(_ assembly: TreeAssembly) -> ObjectID {
        func write(_ body: (ManifestWriter.Piece) -> Void) {
            ManifestWriter.write(assembly.head, excluded: assembly.exclusions, entries: assembly.entries, body)
        }
        var size = 0
        write { size += $0.bytes.count }
        var digest = Digest(.sha1)
        digest.update(Array("blob \(size)\0".utf8))
        write { digest.update($0.bytes) }
        guard let id = ObjectID(digest.finish()) else { preconditionFailure("SHA-1 has 20 bytes") }
        return id
    }
}
