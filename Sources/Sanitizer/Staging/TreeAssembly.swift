internal import Support

/// Puts the records of all files together: unique names, the manifest, its totals.
struct TreeAssembly {
    private var entries: [(entry: Manifest.Entry, file: SanitizedTree.File)] = []
    private var excluded: [Manifest.Exclusion] = []
    private var needed: [Manifest.Needed] = []
    private var counts = Manifest.Counts()
    private var redactionCount = 0
    private var changed: [String] = []
    private var warnings: [String] = []
    private var pending: [(item: HomeInventory.Item, stored: FileRecord.Stored, source: SanitizedTree.Source)] = []
    private let instance: String
    private let policyHash: String
    private let inventory: HomeInventory

    init(instance: String, policyHash: String, inventory: HomeInventory) {
        self.instance = instance
        self.policyHash = policyHash
        self.inventory = inventory
    }

    mutating func add(_ item: HomeInventory.Item, _ record: FileRecord, _ source: SanitizedTree.Source) {
        switch record.outcome {
        case .vanished: return
        case .excluded(let exclusion):
            excluded.append(exclusion)
            if item.decision.rule == "credentials" || item.decision.rule == "credential-files"
                || item.decision.rule == "key-files"
                || item.decision.rule == "provider-config"
            {
                let name = printable(exclusion.path)
                needed.append(Manifest.Needed(kind: .file, name: name, file: name, location: nil))
            }
            if item.decision.action == .keep || item.decision.action == .redact {
                warnings.append("\(shortened(printable(exclusion.path), to: 120)) was left out: \(exclusion.reason)")
            }
        case .stored(let stored): pending.append((item, stored, source))
        }
        if record.changedWhileRead {
            switch record.outcome {
            case .stored(let stored): changed.append(printable(stored.entry.path))
            case .excluded(let exclusion): changed.append(printable(exclusion.path))
            case .vanished: break
            }
        }
    }

    /// The irregular files with clean names.
    func irregular(_ clean: ([UInt8]) throws -> [UInt8]) rethrows -> [Manifest.Irregular] {
        try inventory.irregular.map { Manifest.Irregular(path: try clean($0.path), kind: $0.kind) }
    }

    mutating func tree(gate: Gate, fromCache: Int, irregular: [Manifest.Irregular]) throws -> SanitizedTree {
        // Files that keep their names come first to them; the others, templates and redacted names, make way.
        var taken: Set<[UInt8]> = [Canary.path, Array(Manifest.fileName.utf8)]
        let natural = pending.indices.filter { pending[$0].item.path == pending[$0].stored.entry.path }
        let renamed = pending.indices.filter { pending[$0].item.path != pending[$0].stored.entry.path }
        entries.reserveCapacity(pending.count)
        for index in natural + renamed {
            let item = pending[index]
            var stored = item.stored
            let name = TreeAssembly.unique(stored.entry.path, &taken)
            if name != stored.entry.path {
                // The baseline was asked for the wished name.
                if stored.entry.original == nil, item.item.path == stored.entry.path {
                    stored.entry.original = item.item.path
                }
                stored.entry.path = name
            }
            add(stored, item.source)
        }
        pending = []
        entries.sort { $0.entry.path.lexicographicallyPrecedes($1.entry.path) }
        var manifest = Manifest(
            instance: instance, policy: policyHash, entries: entries.map(\.entry), excluded: excluded,
            irregular: irregular,
            skipped: inventory.skippedRules.sorted { $0.rule < $1.rule }, secretsToProvide: needed, counts: counts,
            totals: Manifest.Totals())
        manifest.entries.append(TreeAssembly.canary)
        manifest.entries.sort { $0.path.lexicographicallyPrecedes($1.path) }
        manifest.excluded.sort { ($0.path, $0.reason) < ($1.path, $1.reason) }
        manifest.irregular.sort { $0.path.lexicographicallyPrecedes($1.path) }
        manifest.secretsToProvide.sort { ($0.file, $0.kind.rawValue, $0.name) < ($1.file, $1.kind.rawValue, $1.name) }
        manifest.counts.cronJobs.sort { $0.file < $1.file }
        manifest.counts.memories.sort { $0.file < $1.file }
        manifest.totals = Manifest.Totals(
            files: manifest.entries.count, bytes: manifest.entries.reduce(0) { $0 + $1.size },
            redactedFiles: manifest.entries.count { $0.action == .redact }, redactions: redactionCount,
            excluded: manifest.excluded.count)
        return SanitizedTree(
            files: entries.map(\.file), manifest: try manifest.cleaned(by: gate.inspector),
            changedWhileRead: changed.sorted(),
            warnings: warnings.sorted(),
            unreadThanksToCache: fromCache, gate: gate)
    }

    private mutating func add(_ stored: FileRecord.Stored, _ source: SanitizedTree.Source) {
        let entry = stored.entry
        let kind: SanitizedTree.FileKind =
            entry.kind == .symlink ? .symlink : entry.mode & 0o100 != 0 ? .executable : .file
        entries.append(
            (
                entry,
                SanitizedTree.File(
                    path: entry.path, kind: kind, size: entry.size,
                    blob: stored.blob,
                    source: source)
            ))
        needed += stored.needed
        redactionCount += stored.redactionCount
        if let jobs = stored.cronJobs {
            counts.cronJobs.append(Manifest.CronJobs(file: printable(entry.path), ids: jobs))
        }
        if let memories = stored.memories {
            counts.memories.append(Manifest.Memories(file: printable(entry.path), entries: memories))
        }
        let slash = entry.path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        if entry.path[slash...].elementsEqual("SKILL.md".utf8) { counts.skills += 1 }
    }

    private static func unique(_ path: [UInt8], _ taken: inout Set<[UInt8]>) -> [UInt8] {
        if taken.insert(path).inserted { return path }
        var number = 2
        while true {
            let candidate = path + Array(".\(number)".utf8)
            if taken.insert(candidate).inserted { return candidate }
            number += 1
        }
    }

    private static let canary = Manifest.Entry(
        path: Canary.path, original: nil, kind: .file, mode: 0o600, size: Int64(Canary.bytes.count),
        sha256: hex(Digest.of(Canary.bytes, .sha256)), target: nil, action: .add, rule: "canary", redactions: [])
}

/// Lexicographic order of paths, then of texts.
private func < (left: ([UInt8], String), right: ([UInt8], String)) -> Bool {
    left.0 == right.0 ? left.1 < right.1 : left.0.lexicographicallyPrecedes(right.0)
}
