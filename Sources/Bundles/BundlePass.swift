internal import Support

/// One reading of a bundle from start to end: decrypts, decompresses, takes the archive apart, hashes, hands everything to a visitor,
/// and compares what came with the manifest.
final class BundlePass {
    private struct Record {
        var kind: TarEntry.Kind
        var permissions: UInt32
        var modified: Int64
        var size: Int64
        var sha256: [UInt8]
        var target: [UInt8]
    }

    private let limits: BundleLimits
    private let visitor: any BundleVisitor
    private let progress: any ProgressReporter
    private let cancellation: CancellationFlag
    private var instance: BundlePath?
    /// Below the folder INSTANCE.
    private var records: [BundlePath: Record] = [:]
    private var total: Int64 = 0
    private var manifest: [UInt8]?
    private let zeros = [UInt8](repeating: 0, count: 1 << 18)

    init(
        _ limits: BundleLimits, _ visitor: any BundleVisitor, _ progress: any ProgressReporter,
        _ cancellation: CancellationFlag
    ) {
        self.limits = limits
        self.visitor = visitor
        self.progress = progress
        self.cancellation = cancellation
    }

    func run(_ decryptor: AgeDecryptor) throws -> (manifest: BundleManifest, instance: String) {
        progress.begin("open", total: nil)
        defer { progress.end() }
        let reader = TarReader(ZstdDecompressor(Transferred(decryptor), limit: limits.bytes))
        while let entry = try reader.next() {
            try cancellation.check()
            try take(entry, reader)
        }
        guard let manifest, let instance else { throw damage("it has no manifest") }
        let parsed = try BundleManifest(json: manifest)
        try compare(parsed, instance)
        try visitor.finish()
        return (parsed, parsed.instance)
    }

    private func take(_ item: TarEntry, _ reader: TarReader) throws {
        var entry = item
        if entry.kind == .directory, entry.path.last == UInt8(ascii: "/") { entry.path.removeLast() }
        let path = BundlePath(entry.path)
        guard path.isConfined else {
            throw damage("it holds a name that leads elsewhere: \(printable(entry.path, limit: 200))")
        }
        guard manifest == nil else { throw damage("there is something after its manifest") }
        guard let instance else {
            guard entry.kind == .directory, BundleName.isInstance(entry.path) else {
                throw damage("it does not start with an instance's folder")
            }
            self.instance = path
            return try visitor.directory(entry)
        }
        let prefix = instance.bytes + [UInt8(ascii: "/")]
        guard entry.path.starts(with: prefix) else { throw damage("\(path) is not below \(instance)") }
        let name = BundlePath(entry.path.dropFirst(prefix.count))
        guard name.parent.bytes.isEmpty || records[name.parent]?.kind == .directory else {
            throw damage("\(path) is in no folder of the bundle")
        }
        guard records[name] == nil else { throw damage("\(path) is there twice") }
        guard records.count < limits.entries else { throw damage("it holds more than \(limits.entries) entries") }
        var record = Record(
            kind: entry.kind, permissions: entry.permissions, modified: entry.modified, size: entry.size, sha256: [],
            target: entry.target)
        switch entry.kind {
        case .directory: try visitor.directory(entry)
        case .symlink:
            guard !entry.target.isEmpty, entry.target.count < 4096, !entry.target.contains(0) else {
                throw damage("\(path) is a symlink to nothing")
            }
            try visitor.symlink(entry)
        case .file:
            total += entry.size
            guard entry.size <= limits.bytes, total <= limits.bytes else {
                throw damage("it holds more than \(limits.bytes) bytes")
            }
            let isManifest = name.bytes.elementsEqual(BundleManifest.fileName.utf8)
            guard !isManifest || entry.size <= BundleManifest.lengthLimit else {
                throw damage("its manifest is too long")
            }
            record.sha256 = try file(entry, reader, collecting: isManifest)
            if isManifest { return }
        }
        records[name] = record
    }

    private func file(_ entry: TarEntry, _ reader: TarReader, collecting: Bool) throws -> [UInt8] {
        var digest = Digest(.sha256)
        var position: Int64 = 0
        var collected: [UInt8] = []
        func fill(to end: Int64, _ digest: inout Digest) throws {
            guard !collecting || end == position else { throw damage("its manifest has holes") }
            while position < end {
                try cancellation.check()
                let count = Int(min(end - position, Int64(zeros.count)))
                digest.update(zeros[..<count])
                position += Int64(count)
            }
        }
        try visitor.beginFile(entry)
        while let (offset, bytes) = try reader.data() {
            try cancellation.check()
            try fill(to: offset, &digest)
            digest.update(bytes)
            if collecting { collected += bytes }
            try visitor.data(bytes, at: offset)
            position += Int64(bytes.count)
            progress.advance(Int64(bytes.count))
        }
        try fill(to: entry.size, &digest)
        try visitor.endFile(entry)
        if collecting { manifest = collected }
        return digest.finish()
    }

    /// Every entry is there as the manifest says, and nothing else is.
    private func compare(_ manifest: BundleManifest, _ instance: BundlePath) throws {
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
                isSame = record.kind == .file && entry.size == record.size && entry.sha256 == hex(record.sha256)
            }
            guard isSame, entry.permissions == record.permissions, entry.modified == record.modified else {
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
        let canary = records[BundlePath(BundleCanary.name)]?.sha256
        guard canary == Digest.of(BundleCanary.bytes, .sha256) else {
            throw damage("its canary did not come back as it was")
        }
    }

    private func damage(_ reason: String) -> OperatorError { BundleDamage.error(reason) }
}
