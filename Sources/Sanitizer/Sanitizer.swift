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
    ///   - baseline: path and blob id of what HEAD's folder holds. With it and a cache, unchanged files are neither read nor staged.
    ///   - cache: the stat cache's file in the state directory; nil for none.
    /// - Throws: `OperatorError`: exit 1 naming what cannot be read though the policy keeps it, exit 10 when the gate refuses the
    ///   manifest; `CancellationError`.
    public func stage(
        home: FilePath, into staging: FilePath, baseline: [[UInt8]: [UInt8]] = [:], cache: FilePath? = nil,
        cancellation: CancellationFlag = CancellationFlag(), progress: any ProgressReporter = NoProgress()
    ) throws -> SanitizedTree {
        try FileSystem.removeTree(staging)
        for shard in Sanitizer.shards { try FileSystem.makeDirectory(staging.appending(String(shard))) }
        let survey = try survey(home, listingSkipped: false, cancellation: cancellation)
        try Sanitizer.requireReadable(survey.inventory.failures)
        let identity = identity(survey.gate)
        var remembered = StatCache(cache, identity: identity)

        let items = survey.inventory.items
        let keys = cache == nil ? [] : items.map { StatCache.Key($0.path, options.fingerprintKey) }
        var records = [FileRecord?](repeating: nil, count: items.count)
        var isRemembered = [Bool](repeating: false, count: items.count)
        var isUnchanged = [Bool](repeating: false, count: items.count)
        var todo: [Int] = []
        for (index, item) in items.enumerated() {
            guard !remembered.records.isEmpty, let known = remembered.records[keys[index]],
                known.stamp == StatCache.Stamp(item.status)
            else {
                todo.append(index)
                continue
            }
            if case .stored(let stored) = known.record.outcome {
                guard baseline[stored.entry.path] == stored.blob else {
                    todo.append(index)
                    continue
                }
                isUnchanged[index] = true
            }
            isRemembered[index] = true
            records[index] = known.record
        }
        let fromCache = items.count - todo.count
        let rememberedCount = remembered.records.count
        // What counts of it is in `records` now.
        remembered.forget()

        progress.begin("sanitizing", total: todo.reduce(0) { $0 + min(items[$1].status.size, options.maxFileSize) })
        defer { progress.end() }
        let processor = FileProcessor(
            gate: survey.gate, reader: survey.reader, homePath: home.bytes, maxFileSize: options.maxFileSize,
            key: options.fingerprintKey
        ) { item, gated in
            try Sanitizer.write(
                gated, to: Sanitizer.stagedPath(item.path, in: staging),
                isExecutable: item.status.kind == .file && item.status.permissions & 0o100 != 0)
        }
        let started = Sanitizer.wallClock()
        let results = try run(todo, items, processor, cancellation, progress)
        for (index, record) in results { records[index] = record }

        var assembly = TreeAssembly(
            instance: options.instance, policyHash: options.policy.hash, inventory: survey.inventory)
        var worthRemembering: [(index: Int, record: FileRecord)] = []
        // A run that read nothing and lost nothing has nothing new to remember.
        let remembersMore = cache != nil && (!todo.isEmpty || items.count != rememberedCount)
        for (index, item) in items.enumerated() {
            guard let record = records[index] else { continue }
            let source: SanitizedTree.Source =
                isUnchanged[index] ? .unchanged : .staged(Sanitizer.stagedPath(item.path, in: staging))
            assembly.add(item, record, source)
            guard remembersMore, record.outcome != .vanished, !record.changedWhileRead else { continue }
            if isRemembered[index] || StatCache.Stamp(item.status).isSettled(at: started) {
                worthRemembering.append((index, record))
            }
        }
        let redactNames = try assembly.irregular { try survey.gate.inspector.redactedName($0).name }
        var tree = try assembly.tree(gate: survey.gate, fromCache: fromCache, irregular: redactNames)
        try addOwnFiles(to: &tree, staging: staging, baseline: baseline)
        if remembersMore, let cache {
            try StatCache.write(worthRemembering.count, to: cache, identity: identity) { place in
                let (index, record) = worthRemembering[place]
                return (keys[index], StatCache.Stamp(items[index].status), record)
            }
        }
        return tree
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
            for item in inventory.items + inventory.harvestOnly
            where item.decision.harvest != .none && item.status.kind == .file && item.status.size <= Harvester.largest {
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
        _ todo: [Int], _ items: [HomeInventory.Item], _ processor: FileProcessor, _ cancellation: CancellationFlag,
        _ progress: any ProgressReporter
    ) throws -> [(Int, FileRecord)] {
        let next = Atomic<Int>(0)
        let isStopped = Atomic<Bool>(false)
        let results = Mutex<[(Int, FileRecord)]>([])
        let failures = Mutex<[(Int, any Error)]>([])
        let large = Mutex<Void>(())
        @Sendable func work() {
            var mine: [(Int, FileRecord)] = []
            while !isStopped.load(ordering: .relaxed), !cancellation.isCancelled {
                let position = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard position < todo.count else { break }
                let item = items[todo[position]]
                do {
                    let record =
                        item.status.size > 16 << 20
                        ? try large.withLock { _ in try processor.process(item) } : try processor.process(item)
                    mine.append((todo[position], record))
                } catch let error as OperatorError where error.type == "system" && error.exit == .failure {
                    // Unreadable files are all told at once.
                    failures.withLock { $0.append((todo[position], error)) }
                } catch {
                    failures.withLock { $0.append((-1, error)) }
                    isStopped.store(true, ordering: .relaxed)
                }
                progress.advance(min(item.status.size, options.maxFileSize))
            }
            results.withLock { $0 += mine }
        }
        let threads = min(options.workers, todo.count)
        if threads <= 1 { work() } else { DispatchQueue.concurrentPerform(iterations: threads) { _ in work() } }
        try cancellation.check()
        let failed = failures.withLock { $0 }.sorted { $0.0 < $1.0 }
        if let fatal = failed.first(where: { $0.0 < 0 }) { throw fatal.1 }
        try Sanitizer.requireReadable(failed.compactMap { $0.1 as? OperatorError })
        return results.withLock { $0 }
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

    /// Threads that make files in one folder wait for each other: there are several.
    private static let shards = "0123456789abcdef"

    /// A name in the staging folder that is the same for the same path.
    private static func stagedPath(_ path: [UInt8], in staging: FilePath) -> FilePath {
        let name = hex(Digest.of(path, .sha1))
        return staging.appending(String(name.prefix(1))).appending(name)
    }

    /// With the mode of a new file in a work tree, where it may be moved to; the staging folder keeps others out.
    private static func write(_ gated: GatedBytes, to path: FilePath, isExecutable: Bool) throws {
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow],
                permissions: FilePermissions(rawValue: isExecutable ? 0o777 : 0o666))
            defer { file.closeQuietly() }
            _ = try file.writeAll(gated.bytes)
        } catch let error as Errno {
            throw OperatorError.system(
                error.rawValue, doing: "writing to the staging folder", subject: path.removingLastComponent().printable,
                exit: .cannotWrite)
        }
    }

    /// The canary and the manifest, which go through the gate too.
    private func addOwnFiles(to tree: inout SanitizedTree, staging: FilePath, baseline: [[UInt8]: [UInt8]]) throws {
        for (path, bytes) in [(Canary.path, Canary.bytes), (Array(Manifest.fileName.utf8), tree.manifest.json())] {
            let blob = gitBlobID(bytes)
            var source = SanitizedTree.Source.unchanged
            if baseline[path] != blob {
                guard case .passed(let gated) = try tree.gate.pass(bytes, name: path) else {
                    throw Gate.refusal(try tree.gate.hits(in: bytes, name: path))
                }
                let staged = staging.appending(String(decoding: path, as: UTF8.self))
                try Sanitizer.write(gated, to: staged, isExecutable: false)
                source = .staged(staged)
            }
            tree.files.append(
                SanitizedTree.File(
                    path: path, kind: .file, size: Int64(bytes.count), blob: blob,
                    source: source))
        }
        tree.files.sort { $0.path.lexicographicallyPrecedes($1.path) }
    }
}
