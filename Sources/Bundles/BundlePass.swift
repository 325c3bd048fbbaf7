internal import Support

/// One reading of a bundle from start to end: decrypts, decompresses, takes the archive apart, hashes, extracts if that is asked
/// for, and compares what came with the manifest.
final class BundlePass {
    private let limits: BundleLimits
    private let extractor: Extractor?
    private let isListing: Bool
    private let progress: any ProgressReporter
    private let cancellation: CancellationFlag
    private var instance: BundlePath?
    private var records = ArchiveRecords()
    private var rules: EntryRules
    /// What the manifest's entries add up to.
    private var counts = BundleManifest.Counts()
    private var entries: [BundleManifest.Entry] = []
    private var manifest: BundleManifest?

    /// `listing`: the manifest comes with its entries.
    init(
        _ limits: BundleLimits, _ extractor: Extractor?, listing: Bool, _ progress: any ProgressReporter,
        _ cancellation: CancellationFlag
    ) {
        self.limits = limits
        rules = EntryRules(limits)
        self.extractor = extractor
        isListing = listing
        self.progress = progress
        self.cancellation = cancellation
    }

    func run(_ decryptor: AgeDecryptor) throws -> BundleManifest {
        progress.begin("open", total: nil)
        defer { progress.end() }
        let reader = TarReader(try ZstdDecompressor(Transferred(decryptor), limit: limits.bytes))
        let lanes = try FileLanes(extractor, cancellation)
        do {
            while let entry = try reader.next() {
                try cancellation.check()
                try take(entry, reader, lanes)
            }
            try lanes.finish()
            guard var manifest, let instance else { throw damage("it has no manifest") }
            try check(manifest, instance, lanes)
            try extractor?.finish()
            manifest.entries = entries
            return manifest
        } catch {
            lanes.cancel(error)
            throw error
        }
    }

    private func take(_ item: TarEntry, _ reader: TarReader, _ lanes: FileLanes) throws {
        var entry = item
        if entry.kind == .directory, entry.path.last == UInt8(ascii: "/") { entry.path.removeLast() }
        if let reason = rules.admit(entry) { throw damage("\(printable(entry.path, limit: 200)): \(reason)") }
        guard manifest == nil else { throw damage("there is something after its manifest") }
        guard let instance else {
            guard entry.kind == .directory, BundleName.isInstance(entry.path) else {
                throw damage("it does not start with an instance's folder")
            }
            self.instance = BundlePath(entry.path)
            try extractor?.directory(entry)
            return
        }
        let prefix = instance.bytes + [UInt8(ascii: "/")]
        guard entry.path.starts(with: prefix) else {
            throw damage("\(printable(entry.path)) is not below \(instance)")
        }
        let path = entry.path.dropFirst(prefix.count)
        if entry.kind == .file, path.elementsEqual(BundleManifest.fileName.utf8) {
            manifest = try readManifest(entry, reader, lanes)
            return
        }
        if let reason = records.add(path, entry, number: lanes.number) {
            throw damage("\(printable(entry.path)) \(reason)")
        }
        switch entry.kind {
        case .directory: try extractor?.directory(entry)
        case .symlink: try extractor?.symlink(entry)
        case .file: try file(entry, reader, lanes) { _ in }
        }
    }

    private func file(
        _ entry: TarEntry, _ reader: TarReader, _ lanes: FileLanes, _ glance: (UnsafeRawBufferPointer) -> Void
    ) throws {
        try lanes.begin(entry)
        while let (offset, bytes) = try reader.data() {
            try cancellation.check()
            glance(bytes)
            try lanes.data(bytes, at: offset)
            progress.advance(Int64(bytes.count))
        }
        try lanes.end()
    }

    private func readManifest(_ entry: TarEntry, _ reader: TarReader, _ lanes: FileLanes) throws -> BundleManifest {
        guard entry.size <= BundleManifest.lengthLimit else { throw damage("its manifest is too long") }
        guard entry.extents == [0..<entry.size] else { throw damage("its manifest has holes") }
        // It tells about every file before it.
        try lanes.settle()
        var json = ManifestReader { [unowned self] in try compare($0, lanes) }
        try file(entry, reader, lanes) { json.add($0) }
        return try json.finish()
    }

    /// The entry is there as the manifest says.
    private func compare(_ entry: BundleManifest.Entry, _ lanes: FileLanes) throws {
        guard let (record, target) = records.list(entry.path) else {
            throw damage("\(entry.path) is in its manifest and not in it")
        }
        let isSame: Bool
        switch entry.kind {
        case .directory:
            counts.directories += 1
            isSame = record.kind == .directory
        case .symlink:
            counts.symlinks += 1
            isSame = record.kind == .symlink && entry.target?.bytes == target
        case .file:
            counts.files += 1
            counts.bytes += record.size
            isSame =
                record.kind == .file && entry.size == record.size
                && entry.sha256 == hex(lanes.sha256(Int(record.number)))
        }
        let mode = BundleManifest.Entry.mode(UInt32(record.permissions))
        guard isSame, entry.mode == mode, entry.modified == record.modified else {
            throw damage("\(entry.path) is not as its manifest says")
        }
        if isListing { entries.append(entry) }
    }

    /// Nothing else is there, and what has to be is.
    private func check(_ manifest: BundleManifest, _ instance: BundlePath, _ lanes: FileLanes) throws {
        guard instance == BundlePath(manifest.instance) else {
            throw damage("its manifest is that of another instance")
        }
        guard records.unlisted == 0 else {
            throw damage("entries are in it and not in its manifest (\(records.unlisted))")
        }
        for database in manifest.databases where records[database.path.bytes]?.kind != .file {
            throw damage("\(database.path) is a database in its manifest, and no file in it")
        }
        guard counts == manifest.counts else { throw damage("its manifest miscounts") }
        guard records["home".utf8]?.kind == .directory else { throw damage("there is no home in it") }
        guard let canary = records[BundleCanary.name.utf8], canary.kind == .file,
            lanes.sha256(Int(canary.number)) == Digest.of(BundleCanary.bytes, .sha256)
        else { throw damage("its canary did not come back as it was") }
    }

    private func damage(_ reason: String) -> OperatorError { BundleDamage.error(reason) }
}
