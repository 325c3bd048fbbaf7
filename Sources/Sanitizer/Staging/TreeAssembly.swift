internal import Support

/// Puts the records of all files together: unique names, the manifest, its totals.
///
/// Files that were kept under their own names stay where they are, in the inventory and the records; the few others are held whole.
struct TreeAssembly: Sendable {
    /// A file of the tree.
    enum Member {
        /// By its index in the inventory.
        case kept(Int, FileRecords.Kept)
        /// By its index in the inventory too; nil for the canary.
        case other(Int?, FileRecord.Stored)
        case manifest
    }

    /// Of the tree's files, sorted.
    private(set) var paths = PathList()
    /// The manifest without its entries and exclusions.
    private(set) var head: Manifest
    /// Paths, printable, of files that changed while they were read.
    private(set) var changed: [String] = []
    private(set) var warnings: [String] = []

    /// For each path: the index of a kept file, or beyond ``firstOther`` a place in `others`, which ends with the manifest's.
    private var members: [UInt32] = []
    private var others: [(index: Int?, stored: FileRecord.Stored)] = []
    /// The same for exclusions, sorted: the index of a file, or beyond ``firstOther`` a place in `otherExclusions`.
    private var exclusionMembers: [UInt32] = []
    private var otherExclusions: [Manifest.Exclusion] = []
    /// Reasons of exclusions with markers in place of secrets.
    private var cleanReasons: [String: String] = [:]
    /// Folders that make way for files, and the names they get.
    private var movedFolders: [[UInt8]: [UInt8]] = [:]
    private let items: HomeItems
    private let records: FileRecords
    private static let firstOther: UInt32 = 1 << 31

    /// - Parameter irregular: with clean names.
    init(
        instance: String, policyHash: String, _ inventory: HomeInventory, _ records: FileRecords,
        irregular: [Manifest.Irregular], inspector: Inspector
    ) throws {
        items = inventory.items
        warnings = inventory.warnings
        self.records = records
        head = Manifest(
            instance: instance, policy: policyHash, entries: [], excluded: [], irregular: irregular,
            skipped: inventory.skippedRules.sorted { $0.rule < $1.rule }, secretsToProvide: [],
            counts: Manifest.Counts(), totals: Manifest.Totals())
        let (natural, renamed) = collect()
        for (index, stored) in natural + unique(renamed, besides: natural) { add(index, stored) }
        others.append((nil, FileRecord.Stored(entry: TreeAssembly.canary, blob: gitBlobID(Canary.bytes))))
        sortLists()
        try clean(inspector)
        mergeExclusions()
        merge()
    }

    // MARK: Names

    private static let slash = UInt8(ascii: "/")
    private static let ownNames = [Canary.path, Array(Manifest.fileName.utf8)]

    /// Goes through all records, in the order of the paths.
    ///
    /// - Returns: the stored files that are not just kept: those with their own names, and those with others.
    private mutating func collect() -> (
        natural: [(Int, FileRecord.Stored)], others: [(index: Int, stored: FileRecord.Stored)]
    ) {
        var natural: [(Int, FileRecord.Stored)] = []
        var renamed: [(index: Int, stored: FileRecord.Stored)] = []
        for index in items.indices {
            guard let record = records[index] else { continue }
            let path = items.paths[index]
            switch record {
            case .kept(let kept):
                if TreeAssembly.ownNames.contains(where: { path.starts(with: $0) }) {
                    natural.append((index, kept.stored(path: Array(path), rule: items.decision(index).rule)))
                } else {
                    count(path, kept.size)
                    members.append(UInt32(index))
                }
            case .excluded(let reason):
                exclude(Array(path), reason, items.decision(index))
                exclusionMembers.append(UInt32(index))
                if cleanReasons[reason] == nil { cleanReasons[reason] = reason }
            case .other(let record):
                if record.changedWhileRead, let name = record.name { changed.append(printable(name)) }
                switch record.outcome {
                case .vanished: break
                case .excluded(let exclusion):
                    exclude(exclusion.path, exclusion.reason, items.decision(index))
                    head.excluded.append(exclusion)
                case .stored(let stored):
                    if path.elementsEqual(stored.entry.path) {
                        natural.append((index, stored))
                    } else {
                        renamed.append((index, stored))
                    }
                }
            }
        }
        return (makingWay(natural), renamed)
    }

    private mutating func exclude(_ path: [UInt8], _ reason: String, _ decision: PolicyDecision) {
        if ["credentials", "credential-files", "key-files", "provider-config"].contains(decision.rule) {
            let name = printable(path)
            head.secretsToProvide.append(Manifest.Needed(kind: .file, name: name, file: name, location: nil))
        }
        if decision.action == .keep || decision.action == .redact {
            warnings.append("\(shortened(printable(path), to: 120)) was left out: \(reason)")
        }
    }

    /// Files that keep their names come first to them, but for the names of this program's own files.
    private mutating func makingWay(_ files: [(Int, FileRecord.Stored)]) -> [(Int, FileRecord.Stored)] {
        var taken = Set(TreeAssembly.ownNames)
        let tops = Set(files.map { TreeAssembly.top(of: $0.1.entry.path) })
        let folders = Set(
            files.lazy.filter { $0.1.entry.path.contains(TreeAssembly.slash) }.map {
                TreeAssembly.top(of: $0.1.entry.path)
            })
        var out: [(Int, FileRecord.Stored)] = []
        for (index, stored) in files {
            let path = stored.entry.path
            let top = TreeAssembly.top(of: path)
            let name: [UInt8]
            if top.count < path.count {
                if TreeAssembly.ownNames.contains(top), movedFolders[top] == nil {
                    movedFolders[top] = TreeAssembly.free(top) { !tops.contains($0) }
                }
                name = (movedFolders[top] ?? top) + path[top.count...]
            } else {
                // A number makes a name longer, so whoever has that name already comes later, and makes way in turn.
                name = TreeAssembly.free(path) { !taken.contains($0) && !folders.contains($0) }
                if name != path { taken.insert(name) }
            }
            out.append((index, stored.renamed(name)))
        }
        return out
    }

    /// The first step of a path.
    private static func top(of path: [UInt8]) -> [UInt8] { Array(path.prefix { $0 != slash }) }

    /// Gives templates and redacted names, which make way for all others, names of their own. A file makes way for a folder; a folder
    /// only for a file that kept its name.
    private mutating func unique(
        _ files: [(index: Int, stored: FileRecord.Stored)], besides natural: [(Int, FileRecord.Stored)]
    ) -> [(Int, FileRecord.Stored)] {
        let slash = TreeAssembly.slash
        func key(_ index: Int) -> some Sequence<UInt8> { items.paths[index].lazy.map { $0 == slash ? 0 : $0 } }
        guard !files.isEmpty else { return [] }
        var taken = Set(TreeAssembly.ownNames + natural.map(\.1.entry.path))
        var folders: Set<[UInt8]> = []
        func addFolders(of path: [UInt8]) {
            for end in path.indices where path[end] == slash { folders.insert(Array(path[..<end])) }
        }
        for (_, stored) in natural { addFolders(of: stored.entry.path) }
        func isFile(_ name: [UInt8]) -> Bool { taken.contains(name) || isKept(name) }
        func isFolder(_ name: [UInt8]) -> Bool { folders.contains(name) || isKeptFolder(name) }
        // In the order of a walk: a folder's files before what only begins with its name.
        let sorted = files.sorted { key($0.index).lexicographicallyPrecedes(key($1.index)) }
        var wishes: [[UInt8]] = []
        for (_, stored) in sorted {
            var path: [UInt8] = []
            for (number, step) in stored.entry.path.split(separator: slash).enumerated() {
                if number > 0 {
                    if movedFolders[path] == nil, isFile(path) {
                        movedFolders[path] = TreeAssembly.free(path) { !isFile($0) && !isFolder($0) }
                    }
                    path = (movedFolders[path] ?? path) + [slash]
                }
                path += step
            }
            addFolders(of: path)
            wishes.append(path)
        }
        return zip(sorted, wishes).map { file, wish in
            let name = TreeAssembly.free(wish) { !isFile($0) && !isFolder($0) }
            taken.insert(name)
            var stored = file.stored
            stored.entry.path = name
            return (file.index, stored)
        }
    }

    /// Whether a file was kept under this name.
    private func isKept(_ name: [UInt8]) -> Bool {
        guard let index = items.paths.index(of: name), case .kept = records[index] else { return false }
        return !isOwn(name)
    }

    /// Whether a file was kept in a folder of this name.
    private func isKeptFolder(_ name: [UInt8]) -> Bool {
        let folder = name + [TreeAssembly.slash]
        guard !isOwn(name) else { return false }
        for index in items.paths.firstIndex(notBefore: folder)..<items.count {
            guard items.paths[index].starts(with: folder) else { return false }
            if case .kept = records[index] { return true }
        }
        return false
    }

    /// Whether ``collect()`` takes it for one that may have to make way for this program's own files, and so counts it as natural.
    private func isOwn(_ path: [UInt8]) -> Bool { TreeAssembly.ownNames.contains { path.starts(with: $0) } }

    private static func free(_ path: [UInt8], _ isFree: ([UInt8]) -> Bool) -> [UInt8] {
        if isFree(path) { return path }
        let name = path.count - (path.lastIndex(of: slash).map { $0 + 1 } ?? 0)
        var number = 2
        while true {
            let suffix = Array(".\(number)".utf8)
            // Git and the file system have to take it.
            let excess = max(
                name + suffix.count - PathRule.longestName, path.count + suffix.count - PathRule.longest, 0)
            let candidate = Array(path.dropLast(excess) + suffix)
            if isFree(candidate) { return candidate }
            number += 1
        }
    }

    // MARK: The manifest

    private mutating func add(_ index: Int, _ stored: FileRecord.Stored) {
        let entry = stored.entry
        others.append((index, stored))
        count(entry.path[...], entry.size)
        head.secretsToProvide += stored.needed
        head.totals.redactions += stored.redactionCount
        if entry.action == .redact { head.totals.redactedFiles += 1 }
        if let jobs = stored.cronJobs {
            head.counts.cronJobs.append(Manifest.CronJobs(file: printable(entry.path), ids: jobs))
        }
        if let memories = stored.memories {
            head.counts.memories.append(Manifest.Memories(file: printable(entry.path), entries: memories))
        }
    }

    private mutating func count(_ path: ArraySlice<UInt8>, _ size: Int64) {
        head.totals.files += 1
        head.totals.bytes += size
        let name = path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex)...]
        if name.elementsEqual("SKILL.md".utf8) { head.counts.skills += 1 }
    }

    private mutating func sortLists() {
        head.totals.files += 1
        head.totals.bytes += Int64(Canary.bytes.count)
        head.totals.excluded = head.excluded.count + exclusionMembers.count
        head.excluded.sort { ($0.path, $0.reason) < ($1.path, $1.reason) }
        head.irregular.sort { $0.path.lexicographicallyPrecedes($1.path) }
        head.secretsToProvide.sort { ($0.file, $0.kind.rawValue, $0.name) < ($1.file, $1.kind.rawValue, $1.name) }
        head.counts.cronJobs.sort { $0.file < $1.file }
        head.counts.memories.sort { $0.file < $1.file }
        changed.sort()
        warnings.sort()
    }

    private mutating func clean(_ inspector: Inspector) throws {
        head.entries = others.map(\.stored.entry)
        head = try head.cleaned(by: inspector)
        for (place, entry) in head.entries.enumerated() { others[place].stored.entry = entry }
        head.entries = []
        otherExclusions = head.excluded
        head.excluded = []
        for reason in cleanReasons.keys { cleanReasons[reason] = try inspector.redactedText(reason) }
    }

    /// Brings all files into the order of their paths.
    private mutating func merge() {
        let kept = members
        var rest = others.indices.map { (place: $0, path: others[$0].stored.entry.path) }
        rest.append((others.count, Array(Manifest.fileName.utf8)))
        rest.sort { $0.path.lexicographicallyPrecedes($1.path) }
        members = []
        members.reserveCapacity(kept.count + rest.count)
        paths.reserveCapacity(kept.count + rest.count)
        var next = 0
        func addOthers(before path: ArraySlice<UInt8>?) {
            while next < rest.count, path.map({ rest[next].path.lexicographicallyPrecedes($0) }) ?? true {
                members.append(TreeAssembly.firstOther + UInt32(rest[next].place))
                paths.append(rest[next].path)
                next += 1
            }
        }
        for index in kept {
            addOthers(before: items.paths[Int(index)])
            members.append(index)
            paths.append(items.paths[Int(index)])
        }
        addOthers(before: nil)
    }

    /// Brings all exclusions into the order of their paths, then reasons.
    private mutating func mergeExclusions() {
        guard !otherExclusions.isEmpty else { return }
        let simple = exclusionMembers
        exclusionMembers = []
        exclusionMembers.reserveCapacity(simple.count + otherExclusions.count)
        var next = 0
        func addOthers(before exclusion: Manifest.Exclusion?) {
            while next < otherExclusions.count,
                exclusion.map({
                    (otherExclusions[next].path, otherExclusions[next].reason) < ($0.path, $0.reason)
                }) ?? true
            {
                exclusionMembers.append(TreeAssembly.firstOther + UInt32(next))
                next += 1
            }
        }
        for index in simple {
            addOthers(before: exclusion(index))
            exclusionMembers.append(index)
        }
        addOthers(before: nil)
    }

    private func exclusion(_ member: UInt32) -> Manifest.Exclusion {
        if member >= TreeAssembly.firstOther { return otherExclusions[Int(member - TreeAssembly.firstOther)] }
        let index = Int(member)
        guard case .excluded(let reason) = records[index] else { preconditionFailure("an excluded file stays one") }
        return Manifest.Exclusion(
            path: Array(items.paths[index]), rule: items.decision(index).rule, reason: cleanReasons[reason] ?? reason,
            findings: [])
    }

    func member(_ position: Int) -> Member {
        let member = members[position]
        if member < TreeAssembly.firstOther {
            guard case .kept(let kept) = records[Int(member)] else { preconditionFailure("a kept file stays one") }
            return .kept(Int(member), kept)
        }
        let place = Int(member - TreeAssembly.firstOther)
        return place == others.count ? .manifest : .other(others[place].index, others[place].stored)
    }

    /// The manifest's entries, each made when it is asked for.
    var entries: some Sequence<Manifest.Entry> {
        paths.indices.lazy.compactMap { position in
            switch member(position) {
            case .kept(let index, let kept):
                kept.entry(path: Array(paths[position]), rule: items.decision(index).rule)
            case .other(_, let stored): stored.entry
            case .manifest: nil
            }
        }
    }

    /// Paths of an earlier tree of this home that this one holds otherwise, or not at all, because of something secret in them or a
    /// rule of the instance.
    func withheld(from earlier: PathList) -> [(path: [UInt8], isByRule: Bool)] {
        items.indices.compactMap { index in
            let path = items.paths[index]
            var isByRule = items.decision(index).isOwn
            switch records[index] {
            case nil, .kept: return nil
            case .excluded: break
            case .other(let record):
                switch record.outcome {
                case .vanished: return nil
                case .excluded: break
                case .stored(let stored):
                    isByRule = false
                    if stored.entry.redactions.isEmpty, path.elementsEqual(stored.entry.path) { return nil }
                }
            }
            return earlier.index(of: path) == nil ? nil : (Array(path), isByRule)
        }
    }

    /// The manifest's exclusions.
    var exclusions: some Sequence<Manifest.Exclusion> { exclusionMembers.lazy.map(exclusion) }

    /// The manifest with all its entries, which with many files takes much memory.
    var manifest: Manifest {
        var manifest = head
        manifest.excluded = Array(exclusions)
        manifest.entries = Array(entries)
        return manifest
    }

    private static let canary = Manifest.Entry(
        path: Canary.path, original: nil, kind: .file, mode: 0o600, size: Int64(Canary.bytes.count),
        sha256: hex(Digest.of(Canary.bytes, .sha256)), target: nil, action: .add, rule: "canary", redactions: [])
}

extension FileRecord.Stored {
    /// The same under another name in the tree. The baseline was asked for the wished one.
    fileprivate func renamed(_ name: [UInt8]) -> FileRecord.Stored {
        guard name != entry.path else { return self }
        var stored = self
        stored.entry.original = entry.original ?? entry.path
        stored.entry.path = name
        return stored
    }
}

/// Lexicographic order of paths, then of texts.
private func < (left: ([UInt8], String), right: ([UInt8], String)) -> Bool {
    left.0 == right.0 ? left.1 < right.1 : left.0.lexicographicallyPrecedes(right.0)
}
