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
        try FileSystem.removeTree(staging)
        for number in 0..<SanitizedFiles.shards {
            try FileSystem.makeDirectory(SanitizedFiles.shard(number, in: staging))
        }
        let survey = try survey(home, listingSkipped: false, cancellation: cancellation)
        try Sanitizer.requireReadable(survey.inventory.failures)
        let (gate, reader) = (survey.gate, survey.reader)
        var inventory = survey.inventory
        let identity = identity(gate)
        let memory = recall(inventory.items, from: cache, identity: identity, baseline)
        let todo = inventory.items.indices.filter { !memory.isRemembered[$0] }

        progress.begin(
            "sanitizing",
            total: todo.reduce(0) { $0 + min(inventory.items.stamp($1).size, options.maxFileSize) })
        defer { progress.end() }
        let processor = FileProcessor(
            gate: gate, reader: reader, homePath: home.bytes, maxFileSize: options.maxFileSize,
            key: options.fingerprintKey
        ) { item, gated in
            try StagedFile(
                SanitizedFiles.stagedPath(item.index, in: staging),
                isExecutable: item.kind == .file && item.stamp.permissions & 0o100 != 0
            ).write(gated)
        }
        let started = Sanitizer.wallClock()
        try run(todo, inventory.items, into: memory.records, processor, cancellation, progress)
        // A run that read nothing and lost nothing has nothing new to remember.
        if let cache, !todo.isEmpty || inventory.items.count != memory.count {
            try remember(inventory.items, memory, in: cache, identity: identity, since: started)
        }
        inventory.items.forgetStamps()
        let assembly = try assembly(inventory, memory.records, gate)
        let files = try self.files(of: assembly, memory.isRemembered, baseline, staging, gate)
        return SanitizedTree(
            assembly, files, gate: gate, unreadThanksToCache: memory.isRemembered.count { $0 })
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
        return try survey(home, listingSkipped: false, cancellation: cancellation).gate
    }

    // MARK: Before the files

    struct Survey {
        var inventory: HomeInventory
        var reader: StableReader
        var gate: Gate
    }

    /// Walks the home and harvests its secrets.
    func survey(_ home: FilePath, listingSkipped: Bool, cancellation: CancellationFlag) throws -> Survey {
        var inventory = try HomeInventory(
            home, policy: options.policy, listingSkipped: listingSkipped, cancellation: cancellation)
        let reader = StableReader(home: try ConfinedDirectory(home))
        var harvester = Harvester(detector: detector)
        if options.policy.hasPathRules {
            for secret in options.knownSecrets { secret.withUnsafeBytes { harvester.add(credential: $0) } }
            for item in [inventory.items, inventory.harvestOnly].joined()
            where item.decision.harvest != .none && item.kind == .file && item.stamp.size <= Harvester.largest {
                try cancellation.check()
                do {
                    let content = try reader.read(item.path, limit: Int64(Harvester.largest))
                    try harvester.add(file: content.bytes, name: item.path, mode: item.decision.harvest)
                } catch let failure as StableReader.Failure {
                    guard case .system(let code) = failure else { continue }
                    throw OperatorError.system(
                        code.rawValue, doing: "reading the secrets to look for from",
                        subject: printable(
                            try Inspector(detector: detector, known: nil, key: options.fingerprintKey)
                                .redactedName(item.path).name),
                        advice:
                            "give this user the right to read it: without it, copies of its secrets would not be found")
                }
            }
        }
        let known = try KnownValues(harvester.values, key: options.fingerprintKey)
        let inspector = Inspector(detector: detector, known: known, key: options.fingerprintKey)
        for index in inventory.failures.indices {
            guard let subject = inventory.failures[index].subject else { continue }
            inventory.failures[index].subject = printable(try inspector.redactedName(Array(subject.utf8)).name)
        }
        return Survey(inventory: inventory, reader: reader, gate: Gate(inspector: inspector))
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
