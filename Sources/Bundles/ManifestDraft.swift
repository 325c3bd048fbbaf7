internal import Support
internal import SystemPackage

/// The manifest of a bundle that is being written, which tells of each entry as it goes into the archive.
final class ManifestDraft {
    /// What stands in a digest's place until it is known.
    private static let digestToCome = String(repeating: "0", count: 64)

    /// Without its entries.
    private(set) var manifest: BundleManifest
    private let lines: EntrySpool
    /// Of files that are hashed behind the one who reads them.
    private let digests = LaterDigests()
    private var digestsToCome = 0

    /// `folder`: a private one, for lines that do not fit memory.
    init(_ manifest: BundleManifest, spooling folder: FilePath) {
        self.manifest = manifest
        lines = EntrySpool(in: folder)
    }

    /// When the bundle was made, in nanoseconds since the epoch.
    var created: Int128 { Int128(manifest.created.microseconds) * 1000 }

    /// Tells of an entry below the folder INSTANCE. Of a file returns the place of its digest, which may come later (``later(at:)``).
    @discardableResult
    func list(_ entry: TarEntry, sha256: [UInt8]? = nil) throws -> Int {
        let path = BundlePath(entry.path.dropFirst(manifest.instance.utf8.count + 1))
        func line(_ kind: BundleManifest.Kind) -> BundleManifest.Entry {
            BundleManifest.Entry(path, kind, permissions: entry.permissions, modified: entry.modified)
        }
        switch entry.kind {
        case .directory:
            manifest.counts.directories += 1
            return try lines.append(line(.directory))
        case .symlink:
            manifest.counts.symlinks += 1
            var line = line(.symlink)
            line.target = BundlePath(entry.target)
            return try lines.append(line)
        case .file:
            manifest.counts.files += 1
            manifest.counts.bytes += entry.size
            var line = line(.file)
            line.size = entry.size
            line.sha256 = sha256.map { hex($0) } ?? Self.digestToCome
            return try lines.append(line)
        }
    }

    /// Lets other threads tell the digest of a file that was listed.
    func later(at place: Int) -> @Sendable ([UInt8]) -> Void {
        digestsToCome += 1
        return { [digests] sha256 in digests.add(sha256, at: place) }
    }

    /// Puts the digests that came in their places.
    func takeDigests() throws {
        for (place, sha256) in digests.take() {
            try lines.set(sha256: sha256, at: place)
            digestsToCome -= 1
        }
    }

    func add(_ database: BundleManifest.Database) { manifest.databases.append(database) }

    /// `name`: a path below the home.
    func skip(_ name: [UInt8], _ reason: String) { note(name, reason, in: \.skipped, &skipped) }

    func warn(_ name: [UInt8], _ reason: String) { note(name, reason, in: \.warnings, &warned) }

    /// A list of what a manifest may say besides its entries, with a bound.
    private struct Noted {
        /// As JSON, at the most.
        var bytes = 0
        /// How many are not in the list.
        var omitted = 0
    }

    private var skipped = Noted()
    private var warned = Noted()

    private func note(
        _ name: [UInt8], _ reason: String, in list: WritableKeyPath<BundleManifest, [BundleManifest.Note]>,
        _ noted: inout Noted
    ) {
        let note = BundleManifest.Note(path: Self.listed(name), reason: reason)
        // An escape has six bytes at the most.
        noted.bytes += (note.path.bytes + reason.utf8).reduce(32) {
            $0 + ((35..<127).contains($1) && $1 != UInt8(ascii: "\\") ? 1 : 6)
        }
        if noted.bytes > BundleManifest.headLimit / 5 {
            noted.omitted += 1
        } else {
            manifest[keyPath: list].append(note)
        }
    }

    /// Says in the lists that they are not whole.
    private func endNotes() {
        for (noted, list) in [(skipped, \BundleManifest.skipped), (warned, \BundleManifest.warnings)]
        where noted.omitted > 0 {
            manifest[keyPath: list].append(
                BundleManifest.Note(path: Self.listed([]), reason: "\(noted.omitted) more are not named"))
        }
    }

    /// The path in the manifest of something in the home, or of the home (an empty name).
    static func listed(_ name: [UInt8]) -> BundlePath {
        BundlePath(Array("home".utf8) + (name.isEmpty ? [] : [UInt8(ascii: "/")] + name))
    }

    /// Writes the manifest into the archive. All digests have come.
    func write(as entry: TarEntry, to tar: TarWriter) throws {
        guard digestsToCome == 0 else {
            throw OperatorError("bundle-manifest", doing: "creating a bundle", reason: "a file has no digest")
        }
        endNotes()
        var (start, end) = try manifest.frame()
        if start.count >= BundleManifest.headLimit {
            for index in manifest.databases.indices { manifest.databases[index].rows = [:] }
            warn([], "there are so many databases that the manifest does not tell how many rows they have")
            (start, end) = try manifest.frame()
        }
        var entry = entry
        entry.size = Int64(start.count + lines.count + end.count)
        guard start.count < BundleManifest.headLimit else {
            throw OperatorError("bundle-manifest", doing: "creating a bundle", reason: "there are too many databases")
        }
        guard entry.size <= BundleManifest.lengthLimit else {
            throw OperatorError("bundle-manifest", doing: "creating a bundle", reason: "there are too many files")
        }
        try tar.begin(entry)
        try start.withUnsafeBytes { try tar.write($0) }
        try lines.read { try tar.write($0) }
        try end.withUnsafeBytes { try tar.write($0) }
    }
}
