public import Support
public import SystemPackage

/// Whether a path of the home goes into a bundle.
public enum BundleDecision: Sendable, Equatable {
    case include
    /// A folder that is skipped is not looked into.
    case skip(reason: String)
}

/// What to bundle, for whom, and where to.
public struct BundleRequest: Sendable {
    /// Where the file goes.
    public enum Target: Sendable {
        /// Into a folder, under the name that ``BundleName`` gives it.
        case folder(FilePath)
        /// To this very path; what stands there is replaced.
        case file(FilePath)
    }

    /// `[a-z][a-z0-9-]{0,31}`
    public var instance: String
    public var home: FilePath
    public var recipients: [AgeRecipient]
    public var target: Target
    /// A private folder (0700, in the state directory) for copies of databases; made if it is not there.
    public var staging: FilePath
    public var runnerVersion: String
    /// zstd's, 1 to 19.
    public var compressionLevel = 3
    /// What stands for `decide`: two requests with the same text choose the same paths.
    public var selection = ""
    /// Asked for every path below the home (bytes, relative to it), folders before what is in them.
    public var decide: @Sendable (_ path: [UInt8], _ status: FileStatus) -> BundleDecision

    public init(
        instance: String, home: FilePath, recipients: [AgeRecipient], target: Target, staging: FilePath,
        runnerVersion: String, decide: @escaping @Sendable ([UInt8], FileStatus) -> BundleDecision
    ) {
        self.instance = instance
        self.home = home
        self.recipients = recipients
        self.target = target
        self.staging = staging
        self.runnerVersion = runnerVersion
        self.decide = decide
    }
}

/// A bundle that was written and verified.
public struct BundleFile: Sendable {
    public let path: FilePath
    public let name: BundleName
    /// In bytes.
    public let size: Int64
    /// Of the file, 32 bytes.
    public let sha256: [UInt8]
    /// Without its entries.
    public let manifest: BundleManifest

    /// The file's MD5, 16 bytes, for stores that know no other checksum. It is read for that.
    public func md5() throws -> [UInt8] { try digest(of: try FileSource(path), .md5) }
}

/// Writes bundles.
public enum BundleWriter {
    /// Bundles a home: tar, zstd and age in one stream. The file appears under its name when it is complete, was read back from the
    /// disk and found to be what was written. Blocks: call it through `offPoolCancellable`.
    public static func create(
        _ request: BundleRequest, time: any TimeSource = SystemTime(), progress: any ProgressReporter = NoProgress(),
        cancellation: CancellationFlag = CancellationFlag()
    ) throws -> BundleFile {
        guard BundleName.isInstance(Array(request.instance.utf8)) else {
            throw OperatorError(
                "bundle-instance", doing: "creating a bundle", subject: printable(request.instance, limit: 40),
                reason: "this is no name for an instance", exit: .configuration)
        }
        guard (1...19).contains(request.compressionLevel) else {
            throw OperatorError(
                "bundle-level", doing: "creating a bundle", reason: "the compression level is not between 1 and 19",
                exit: .configuration)
        }
        try AgeRecipient.check(request.recipients)
        let staging = try BundleStaging(request.staging)
        defer { staging.remove() }
        var moved: Set<[UInt8]> = []
        while true {
            do {
                return try attempt(request, staging, copying: moved, time, progress, cancellation)
            } catch let error as DatabaseMoved {
                // Each database can do so once: the next time it is copied first.
                guard moved.insert(error.path).inserted else {
                    throw OperatorError(
                        "database-moving", doing: "bundling the database", subject: printable(error.path),
                        reason: "it is written to in a way that keeps no lock", isTemporary: true)
                }
            }
        }
    }

    private static func attempt(
        _ request: BundleRequest, _ staging: BundleStaging, copying: Set<[UInt8]>, _ time: any TimeSource,
        _ progress: any ProgressReporter, _ cancellation: CancellationFlag
    ) throws -> BundleFile {
        let created = Timestamp(seconds: time.now.seconds)
        let name = BundleName(instance: request.instance, created: created)
        let path =
            switch request.target {
            case .folder(let folder): folder.appending(name.description)
            case .file(let file): file
            }
        AtomicFile.sweep(path)
        AtomicFile.sweep(in: path.folder) { BundleName($0)?.instance == request.instance }
        let file = try AtomicFile(path)
        defer { file.discard() }
        let output = try VerifiedFile(file)
        defer { output.cancel() }
        let encryptor = try AgeEncryptor(to: request.recipients, sink: output)
        defer { encryptor.cancel() }
        let compressor = try ZstdCompressor(level: request.compressionLevel, sink: Transferred(encryptor))
        // What fails ends stage by stage, from here down to the file: no thread writes any more when the file goes.
        defer { compressor.cancel() }
        let collector = try HomeCollector(
            request, staging: staging, copying: copying, output: try FileStatus(of: file.descriptor),
            manifest: BundleManifest(
                instance: request.instance, created: created, runnerVersion: request.runnerVersion),
            tar: TarWriter(compressor), progress, cancellation)
        progress.begin("bundle", total: nil)
        defer { progress.end() }
        let manifest = try collector.run()
        try compressor.finish()
        try encryptor.finish()
        let (size, sha256) = try output.finish()
        try file.commit()
        return BundleFile(path: path, name: name, size: size, sha256: sha256, manifest: manifest)
    }

    /// Removes the private copies of databases that killed writers left in a folder for them (``BundleRequest/staging``).
    public static func sweepStaging(_ folder: FilePath) throws { try BundleStaging.sweep(folder) }
}

/// A database that is read in place changed meanwhile.
struct DatabaseMoved: Error {
    let path: [UInt8]
}

/// The digest of all that a source has.
func digest(
    of source: some ByteSource, _ algorithm: Digest.Algorithm, _ cancellation: CancellationFlag = CancellationFlag()
) throws -> [UInt8] {
    let block = Block(capacity: 1 << 20)
    var digest = Digest(algorithm)
    while true {
        try cancellation.check()
        block.count = try source.read(into: UnsafeMutableRawBufferPointer(start: block.base, count: block.capacity))
        if block.count == 0 { return digest.finish() }
        digest.update(block.bytes)
    }
}
