internal import Support
internal import SystemPackage

/// Turns one file of the home into what is stored of it: read, rewritten, redacted, through the gate, to the staging folder.
struct FileProcessor: Sendable {
    /// The largest file that is kept although no rule names it.
    static let largestUnclassified: Int64 = 1 << 20
    /// The error of a rule whose work reached its limit.
    private static let limit = "rules.limit"
    /// How often what a redaction leaves behind is redacted again.
    private static let passes = 4

    let gate: Gate
    let reader: StableReader
    let homePath: [UInt8]
    let maxFileSize: Int64
    let key: Secret
    /// Receives what passed the gate; nil when nothing is to be written.
    let store: (@Sendable (_ item: HomeInventory.Item, _ bytes: GatedBytes) throws -> Void)?

    /// - Throws: `OperatorError` for a file that the policy keeps and that cannot be read.
    func process(_ item: HomeInventory.Item) throws -> FileRecord {
        let (name, nameHits): ([UInt8], [Hit])
        do {
            (name, nameHits) = try gate.inspector.redactedName(item.path)
        } catch let error as OperatorError where error.type == FileProcessor.limit {
            // A name that cannot be judged is not told.
            let fingerprint = Fingerprint.of(item.path, key: key)
            return FileRecord(
                outcome: .excluded(
                    Manifest.Exclusion(
                        path: Marker.ascii(rule: FileProcessor.limit, fingerprint: fingerprint),
                        rule: item.decision.rule, reason: "a detector's rule gave up on its name", findings: [])))
        }
        func excluded(_ reason: String, _ findings: [Manifest.Redaction] = []) -> FileRecord {
            FileRecord(
                outcome: .excluded(
                    Manifest.Exclusion(path: name, rule: item.decision.rule, reason: reason, findings: findings)))
        }
        if item.decision.action == .exclude { return excluded(item.decision.reason) }
        if let reason = PathRule.refusal(of: item.path) ?? PathRule.refusal(of: name) {
            return excluded("git cannot hold it: \(reason)")
        }
        if item.kind == .symlink { return try symlink(item, name: name, nameHits: nameHits, excluded: excluded) }
        if item.stamp.size > maxFileSize { return excluded("larger than maxFileSize (\(maxFileSize) bytes)") }
        let isUnclassified = item.decision.action == nil
        if isUnclassified, item.stamp.size > FileProcessor.largestUnclassified {
            return excluded("no rule names it, and it is larger than \(FileProcessor.largestUnclassified) bytes")
        }
        let content: StableReader.Content
        do {
            content = try reader.read(item.path, limit: maxFileSize)
        } catch {
            switch error {
            case .vanished: return FileRecord(outcome: .vanished)
            case .replaced: return excluded("it became something else while the home was read")
            case .tooLarge: return excluded("larger than maxFileSize (\(maxFileSize) bytes)")
            case .system where isUnclassified: return excluded("no rule names it, and it cannot be read")
            case .system(let code):
                throw OperatorError.system(
                    code.rawValue, doing: "reading", subject: printable(name),
                    advice: "give this user the right to read it, or exclude it with a rule")
            }
        }
        var record: FileRecord
        do {
            record = try process(item, content.bytes, name: name, nameHits: nameHits, excluded: excluded)
        } catch let error as OperatorError where error.type == FileProcessor.limit {
            // Fails closed: what could not be looked through to the end is not kept.
            record = excluded("a detector's rule gave up on its content")
        }
        record.changedWhileRead = !content.isStable
        return record
    }

    private func process(
        _ item: HomeInventory.Item, _ original: [UInt8], name: [UInt8], nameHits: [Hit],
        excluded: (String, [Manifest.Redaction]) -> FileRecord
    ) throws -> FileRecord {
        let isUnclassified = item.decision.action == nil
        if isUnclassified, TextEncoding.of(original) == nil {
            return excluded("no rule names it, and it is not text", [])
        }
        var draft = Draft(bytes: original, storedName: name)
        draft.found = nameHits.map {
            Draft.Found(rule: $0.rule, fingerprint: $0.fingerprint, place: "name", variable: nil)
        }
        if let reason = try rewrite(item, &draft) { return excluded(reason, draft.redactions) }
        for _ in 0..<FileProcessor.passes {
            switch try gate.pass(draft.bytes, name: item.path) {
            case .passed(let gated):
                try store?(item, gated)
                return FileRecord(outcome: .stored(stored(item, draft, original: original)))
            case .finding(.clean): break
            case .finding(.refused(let reason, let hits)):
                return excluded(
                    reason,
                    Draft.redactions(
                        hits.map { .init(rule: $0.rule, fingerprint: $0.fingerprint, place: "inside", variable: nil) }))
            case .finding(.hits(let hits, let encoding)):
                let before = encoding.decoded(draft.bytes) ?? draft.bytes
                draft.add(hits, in: before)
                if isUnclassified { return excluded("no rule names it, and it holds a secret", draft.redactions) }
                let after = Redactor.replace(before, hits, asciiOnly: encoding == .bytes)
                guard Redactor.staysValid(before, after, name: item.path) else {
                    return excluded("its secret cannot be taken out without breaking its syntax", draft.redactions)
                }
                draft.bytes = encoding.encoded(after)
            }
        }
        return excluded("its secrets could not all be taken out", draft.redactions)
    }

    // MARK: Forms

    /// Applies the policy's form; a reason when the file cannot be stored.
    private func rewrite(_ item: HomeInventory.Item, _ draft: inout Draft) throws -> String? {
        switch item.decision.form {
        case .plain: return nil
        case .dotenv:
            // A program may be called `env`.
            let base = item.path[(item.path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]
            if base.starts(with: "env".utf8), draft.bytes.starts(with: "#!".utf8) { return nil }
            guard let encoding = TextEncoding.of(draft.bytes) else { return "environment variables that are not text" }
            let template = DotenvTemplate(encoding.decoded(draft.bytes) ?? draft.bytes)
            draft.bytes = template.text
            draft.needed = template.names.map {
                Manifest.Needed(kind: .environment, name: $0, file: printable(draft.storedName), location: nil)
            }
            draft.storedName += Array(".template".utf8)
            return PathRule.refusal(of: draft.storedName).map { "git cannot hold its template: \($0)" }
        case .volatile(let null, let zero):
            // What is not JSON is kept as it stands; the drill will say so.
            if let fixed = VolatileJSON.normalised(draft.bytes, null: null, zero: zero) { draft.bytes = fixed }
            return nil
        case .config:
            guard case .text(let encoding) = ContentKind.of(draft.bytes), encoding != .bytes else {
                return "settings that are not text"
            }
            var text = encoding.decoded(draft.bytes) ?? draft.bytes
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            let isMarked = text.starts(with: mark)
            if isMarked { text.removeFirst(mark.count) }
            // What is a secret there is told by where it stands.
            guard YAMLTree.isSettings(text) else {
                return "it is no YAML that can be read, so its secrets cannot be told"
            }
            guard let documents = YAMLTree.documents(text), documents.contains(where: YAMLTree.isMapping) else {
                return nil
            }
            let hits = try text.withUnsafeBytes { try gate.inspector.hits(in: $0, name: item.path) }
            guard let config = ConfigRedactor(text, hits: hits, fingerprint: { Fingerprint.of($0, key: key) })
            else {
                return "its secrets cannot be replaced by references without changing its meaning"
            }
            draft.bytes = encoding.encoded((isMarked ? mark : []) + config.text)
            for replacement in config.replacements {
                draft.found.append(
                    .init(
                        rule: replacement.rule, fingerprint: replacement.fingerprint, place: replacement.keyPath,
                        variable: replacement.variable))
                draft.needed.append(
                    Manifest.Needed(
                        kind: .configuration, name: replacement.variable, file: printable(draft.storedName),
                        location: replacement.keyPath))
            }
            return nil
        }
    }

    private func stored(_ item: HomeInventory.Item, _ draft: Draft, original: [UInt8]) -> FileRecord.Stored {
        let entry = Manifest.Entry(
            path: draft.storedName, original: draft.originalName(item.path), kind: .file, mode: item.stamp.permissions,
            size: Int64(draft.bytes.count), sha256: hex(Digest.of(draft.bytes, .sha256)), target: nil,
            action: draft.bytes == original && draft.storedName == item.path ? .keep : .redact,
            rule: item.decision.rule,
            redactions: draft.redactions)
        var stored = FileRecord.Stored(entry: entry, blob: gitBlobID(draft.bytes), needed: draft.needed)
        stored.redactionCount = draft.found.count
        let inner = Policy.withinProfile(item.path[...])
        if inner.elementsEqual("cron/jobs.json".utf8) { stored.cronJobs = HomeCounts.cronJobs(draft.bytes) }
        if inner.elementsEqual("memories/MEMORY.md".utf8) || inner.elementsEqual("memories/USER.md".utf8) {
            stored.memories = HomeCounts.memories(draft.bytes)
        }
        return stored
    }

    // MARK: Symlinks and names

    private func symlink(
        _ item: HomeInventory.Item, name: [UInt8], nameHits: [Hit],
        excluded: (String, [Manifest.Redaction]) -> FileRecord
    ) throws -> FileRecord {
        let target: [UInt8]
        do {
            target = try reader.home.readSymlink(item.path)
        } catch {
            if error == .noSuchFileOrDirectory { return FileRecord(outcome: .vanished) }
            return excluded("a symlink that cannot be read", [])
        }
        guard SymlinkTarget.staysInside(target, of: item.path, home: homePath) else {
            return excluded("a symlink that leaves the home", [])
        }
        guard case .passed(let gated) = try gate.pass(target, name: []) else {
            return excluded("a symlink with a secret in its target", [])
        }
        try store?(item, gated)
        var draft = Draft(bytes: target, storedName: name)
        draft.found = nameHits.map {
            Draft.Found(rule: $0.rule, fingerprint: $0.fingerprint, place: "name", variable: nil)
        }
        let entry = Manifest.Entry(
            path: name, original: draft.originalName(item.path), kind: .symlink, mode: 0o777, size: Int64(target.count),
            sha256: hex(Digest.of(target, .sha256)), target: target, action: nameHits.isEmpty ? .keep : .redact,
            rule: item.decision.rule, redactions: draft.redactions)
        return FileRecord(outcome: .stored(FileRecord.Stored(entry: entry, blob: gitBlobID(target))))
    }
}

/// Where a symlink leads, by its text alone.
enum SymlinkTarget {
    static func staysInside(_ target: [UInt8], of path: [UInt8], home: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        var steps: [ArraySlice<UInt8>]
        var rest = target[...]
        if target.first == slash {
            guard target.starts(with: home + [slash]) else { return false }
            rest = target[(home.count + 1)...]
            steps = []
        } else {
            steps = path.split(separator: slash).dropLast()
        }
        for step in rest.split(separator: slash) {
            if step.elementsEqual("..".utf8) {
                guard steps.popLast() != nil else { return false }
            } else if !step.elementsEqual(".".utf8) {
                steps.append(step)
            }
        }
        return true
    }
}

/// git's id of a file's content.
func gitBlobID(_ bytes: [UInt8]) -> ObjectID { bytes.withUnsafeBytes { ObjectID(of: $0, type: "blob") } }
