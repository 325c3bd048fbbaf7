internal import Support

/// One reading of a bundle from start to end: decrypts, decompresses, takes the archive apart, hashes, extracts if that is asked
/// for, and compares what came with the manifest.
final class BundlePass {
    private struct Record {
        var kind: TarEntry.Kind
        var permissions: UInt32
        var modified: Int128
        var size: Int64
        /// Of a file: its number in the lanes, for its digest.
        var number: Int?
        var target: [UInt8]
    }

    private let limits: BundleLimits
    private let extractor: Extractor?
    private let progress: any ProgressReporter
    private let cancellation: CancellationFlag
    private var instance: BundlePath?
    /// Below the folder INSTANCE.
    private var records: [BundlePath: Record] = [:]
    private var rules: EntryRules
    private var manifest: [UInt8]?

    init(
        _ limits: BundleLimits, _ extractor: Extractor?, _ progress: any ProgressReporter,
        _ cancellation: CancellationFlag
    ) {
        self.limits = limits
        rules = EntryRules(limits)
        self.extractor = extractor
        self.progress = progress
        self.cancellation = cancellation
    }

    func run(_ decryptor: AgeDecryptor) throws -> (manifest: BundleManifest, instance: String) {
        progress.begin("open", total: nil)
        defer { progress.end() }
        let reader = TarReader(try ZstdDecompressor(Transferred(decryptor), limit: limits.bytes))
        let lanes = try FileLanes(extractor, cancellation)
        do {
            while let entry = try reader.next() {
                try cancellation.check()
                try take(entry, reader, lanes)
            }
            guard let json = manifest.take(), let instance else { throw damage("it has no manifest") }
            let parsed = try BundleManifest(json: json)
            try compare(parsed, instance, try lanes.finish())
            try extractor?.finish()
            return (parsed, parsed.instance)
        } catch {
            lanes.cancel(error)
            throw error
        }
    }

    private func take(_ item: TarEntry, _ reader: TarReader, _ lanes: FileLanes) throws {
        var entry = item
        if entry.kind == .directory, entry.path.last == UInt8(ascii: "/") { entry.path.removeLast() }
        let path = BundlePath(entry.path)
        if let reason = rules.admit(entry) { throw damage("\(printable(entry.path, limit: 200)): \(reason)") }
        guard manifest == nil else { throw damage("there is something after its manifest") }
        guard let instance else {
            guard entry.kind == .directory, BundleName.isInstance(entry.path) else {
                throw damage("it does not start with an instance's folder")
            }
            self.instance = path
            try extractor?.directory(entry)
            return
        }
        let prefix = instance.bytes + [UInt8(ascii: "/")]
        guard entry.path.starts(with: prefix) else { throw damage("\(path) is not below \(instance)") }
        let name = BundlePath(entry.path.dropFirst(prefix.count))
        guard name.parent.bytes.isEmpty || records[name.parent]?.kind == .directory else {
            throw damage("\(path) is in no folder of the bundle")
        }
        guard records[name] == nil else { throw damage("\(path) is there twice") }
        var record = Record(
            kind: entry.kind, permissions: entry.permissions, modified: entry.modified, size: entry.size,
            target: entry.target)
        switch entry.kind {
        case .directory: try extractor?.directory(entry)
        case .symlink: try extractor?.symlink(entry)
        case .file:
            let isManifest = name.bytes.elementsEqual(BundleManifest.fileName.utf8)
            guard !isManifest || entry.size <= BundleManifest.lengthLimit else {
                throw damage("its manifest is too long")
            }
            record.number = try file(entry, reader, lanes, collecting: isManifest)
            if isManifest { return }
        }
        records[name] = record
    }

    private func file(_ entry: TarEntry, _ reader: TarReader, _ lanes: FileLanes, collecting: Bool) throws -> Int {
        guard !collecting || entry.extents == [0..<entry.size] else { throw damage("its manifest has holes") }
        var collected: [UInt8] = []
        if collecting { collected.reserveCapacity(Int(entry.size)) }
        let number = try lanes.begin(entry)
        while let (offset, bytes) = try reader.data() {
            try cancellation.check()
            if collecting { collected += bytes }
            try lanes.data(bytes, at: offset)
            progress.advance(Int64(bytes.count))
        }
        try lanes.end()
        if collecting { manifest = collected }
        return number
    }

    /// Every entry is there as the manifest says, and nothing else is.
    private func compare(_ manifest: BundleManifest, _ instance: BundlePath, _ digests: [Int: [UInt8]]) throws {
        func sha256(_ record: Record) -> [UInt8]? { record.number.flatMap { digests[$0] } }
        guard instance == BundlePath(manifest.instance) else {
            throw damage("its manifest is that of another instance")
        }
        var counts = BundleManifest.Counts()
        var seen: Set<BundlePath> = []
        for entry in manifest.entries {
            guard seen.insert(entry.path).inserted, let record = records[entry.path] else {
                throw damage("\(entry.path) is in its manifest and not in it")
            }
            let isSame: Bool
            switch entry.kind {
            case .directory:
                counts.directories += 1
                isSame = record.kind == .directory
            case .symlink:
                counts.symlinks += 1
                isSame = record.kind == .symlink && entry.target?.bytes == record.target
            case .file:
                counts.files += 1
                counts.bytes += record.size
                isSame =
                    record.kind == .file && entry.size == record.size && entry.sha256 == sha256(record).map { hex($0) }
            }
            let mode = BundleManifest.Entry.mode(record.permissions)
            guard isSame, entry.mode == mode, entry.modified == record.modified else {
                throw damage("\(entry.path) is not as its manifest says")
            }
        }
        guard seen.count == records.count else {
            let extra = records.keys.filter { !seen.contains($0) }.min()
            throw damage("\(extra?.description ?? "something") is in it and not in its manifest")
        }
        guard counts == manifest.counts else { throw damage("its manifest miscounts") }
        guard manifest.entries.contains(where: { $0.path == BundlePath("home") && $0.kind == .directory }) else {
            throw damage("there is no home in it")
        }
        let canary = records[BundlePath(BundleCanary.name)].flatMap(sha256)
        guard canary == Digest.of(BundleCanary.bytes, .sha256) else {
            throw damage("its canary did not come back as it was")
        }
    }

    private func damage(_ reason: String) -> OperatorError { BundleDamage.error(reason) }
}
