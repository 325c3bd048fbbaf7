public import Support
public import SystemPackage

/// What a run would do with one path.
public struct PlannedFile: Sendable {
    /// Relative to the home; a folder that would not be entered ends with a slash. With a marker where the name holds a secret.
    public var path: [UInt8]
    public var action: PolicyAction
    /// The policy's rule.
    public var rule: String
    public var reason: String
    /// In the home, in bytes.
    public var size: Int64
    public var redactions: [Manifest.Redaction]
}

/// What a run would do with a home.
public struct SanitizerPlan: Sendable {
    /// Sorted by path bytes.
    public var files: [PlannedFile]
    /// The manifest that the run would write.
    public var manifest: Manifest
    public var warnings: [String]
    /// Files that the policy keeps and that cannot be read: the run would fail.
    public var failures: [OperatorError]

    /// Number and bytes of the files with an action.
    public func total(_ action: PolicyAction) -> (files: Int, bytes: Int64) {
        let chosen = files.filter { $0.action == action }
        return (chosen.count, chosen.reduce(0) { $0 + $1.size })
    }
}

/// Why a path is kept, redacted, excluded or skipped.
public struct PathExplanation: Sendable {
    public var path: [UInt8]
    public var action: PolicyAction
    public var rule: String
    /// Where the rule is written.
    public var origin: String
    public var reason: String
    /// The detectors that hit, with fingerprints and places, never the value.
    public var redactions: [Manifest.Redaction]
}

extension Sanitizer {
    /// What ``stage(home:into:baseline:cache:cancellation:progress:)`` would do. Reads contents, writes nothing.
    public func plan(
        home: FilePath, cancellation: CancellationFlag = CancellationFlag(),
        progress: any ProgressReporter = NoProgress()
    ) throws -> SanitizerPlan {
        let survey = try survey(home, listingSkipped: true, cancellation: cancellation)
        let items = survey.inventory.items
        let processor = FileProcessor(
            gate: survey.gate, reader: survey.reader, homePath: home.bytes, maxFileSize: options.maxFileSize,
            key: options.fingerprintKey, store: nil)
        progress.begin(
            "planning", total: items.indices.reduce(0) { $0 + min(items.stamp($1).size, options.maxFileSize) })
        defer { progress.end() }
        var failures = survey.inventory.failures
        var records = FileRecords(count: items.count)
        do {
            try run(Array(items.indices), items, into: records, processor, cancellation, progress)
        } catch let error as OperatorError {
            failures.append(error)
            records = FileRecords(count: items.count)
        }
        var files: [PlannedFile] = []
        for item in items {
            if let record = records[item.index], let file = PlannedFile(item, record.whole(of: item)) {
                files.append(file)
            }
        }
        for item in survey.inventory.skipped {
            files.append(
                PlannedFile(
                    path: try survey.gate.inspector.redactedName(item.path).name, action: .skip,
                    rule: item.decision.rule,
                    reason: item.decision.reason, size: item.kind == .file ? item.stamp.size : 0, redactions: []
                ))
        }
        let assembly = try assembly(survey.inventory, records, survey.gate)
        for item in assembly.head.irregular {
            files.append(
                PlannedFile(
                    path: item.path, action: .skip, rule: "irregular", reason: "a \(item.kind.rawValue)", size: 0,
                    redactions: []))
        }
        files.sort { $0.path.lexicographicallyPrecedes($1.path) }
        return SanitizerPlan(
            files: files, manifest: assembly.manifest, warnings: assembly.warnings, failures: failures)
    }

    /// Why a path of the home is treated as it is.
    ///
    /// - Parameter path: relative to the home. It need not exist: then the policy alone answers.
    public func explain(
        _ path: [UInt8], home: FilePath, cancellation: CancellationFlag = CancellationFlag()
    ) throws -> PathExplanation {
        let survey = try survey(home, listingSkipped: false, cancellation: cancellation)
        var decision = options.policy.decision(for: path)
        // A folder above it may not be entered at all.
        for end in path.indices where path[end] == UInt8(ascii: "/") {
            if let pruned = options.policy.pruning(Array(path[..<end])) {
                decision = pruned
                break
            }
        }
        var explanation = PathExplanation(
            path: try survey.gate.inspector.redactedName(path).name, action: decision.action ?? .exclude,
            rule: decision.rule,
            origin: decision.origin, reason: decision.reason, redactions: [])
        guard decision.action != .skip else { return explanation }
        guard let status = try? survey.reader.home.status(path) else {
            explanation.reason += "; there is no such file now"
            return explanation
        }
        guard status.kind == .file || status.kind == .symlink else {
            explanation.action = status.kind == .directory ? explanation.action : .skip
            if status.kind != .directory { explanation.reason = "a \(status.kind.rawValue), which no backup holds" }
            return explanation
        }
        let processor = FileProcessor(
            gate: survey.gate, reader: survey.reader, homePath: home.bytes, maxFileSize: options.maxFileSize,
            key: options.fingerprintKey, store: nil)
        let item = HomeInventory.Item(path: path, status: status, decision: decision)
        if let planned = PlannedFile(item, try processor.process(item)) {
            explanation.action = planned.action
            if planned.reason != decision.reason { explanation.reason += "; \(planned.reason)" }
            explanation.redactions = planned.redactions
        }
        return explanation
    }

    /// The detectors over files and trees, nothing harvested: for `scan`.
    ///
    /// - Parameter paths: files, or folders with all that is in them; symlinks in them are not followed.
    /// - Returns: in the order of the paths; content that could not be looked into is among them (``GateHit/isUnread``).
    /// - Throws: `OperatorError` for a path that cannot be read.
    public func scan(
        _ paths: [FilePath], cancellation: CancellationFlag = CancellationFlag(),
        progress: any ProgressReporter = NoProgress()
    ) throws -> [GateHit] {
        let gate = try gate(home: nil)
        var hits: [GateHit] = []
        progress.begin("scanning", total: nil)
        defer { progress.end() }
        func scan(_ file: FilePath, shownAs name: [UInt8], following: Bool) throws {
            try cancellation.check()
            let bytes = try FileSystem.read(file, limit: 1 << 30, followingLinks: following)
            hits += try gate.hits(in: bytes, name: name)
            progress.advance(Int64(bytes.count))
        }
        for path in paths {
            let status: FileStatus
            do {
                status = try FileStatus(at: path)
            } catch {
                throw OperatorError.system(error.rawValue, doing: "scanning", subject: path.printable)
            }
            let isFolder =
                status.kind == .directory || (status.kind == .symlink && (try? DirectoryListing.names(at: path)) != nil)
            guard isFolder else {
                try scan(path, shownAs: path.bytes, following: true)
                continue
            }
            var files: [[UInt8]] = []
            try DirectoryWalk(path).run { entry in
                try cancellation.check()
                if entry.status.kind == .file { files.append(entry.path) }
                return .descend
            } failing: { _, error in
                throw error
            }
            for file in files {
                try scan(
                    path.pushing(FilePath(bytes: file)), shownAs: path.bytes + [UInt8(ascii: "/")] + file,
                    following: false)
            }
        }
        return hits
    }
}

extension PlannedFile {
    init?(_ item: HomeInventory.Item, _ record: FileRecord) {
        switch record.outcome {
        case .vanished: return nil
        case .excluded(let exclusion):
            self.init(
                path: exclusion.path, action: .exclude, rule: exclusion.rule, reason: exclusion.reason,
                size: item.stamp.size,
                redactions: exclusion.findings)
        case .stored(let stored):
            self.init(
                path: stored.entry.path, action: stored.entry.action == .keep ? .keep : .redact,
                rule: stored.entry.rule,
                reason: item.decision.reason, size: item.stamp.size, redactions: stored.entry.redactions)
        }
    }
}
