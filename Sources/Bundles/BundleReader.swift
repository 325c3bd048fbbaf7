internal import CLinux
internal import Glibc
public import Support
public import SystemPackage

/// How much a bundle may hold before it is taken for hostile.
public struct BundleLimits: Sendable {
    /// Bytes of its archive, uncompressed, and of its files, holes included.
    public var bytes: Int64
    public var entries: Int

    public init(bytes: Int64 = 1 << 42, entries: Int = 5_000_000) {
        self.bytes = bytes
        self.entries = entries
    }
}

/// Reads bundles. All calls block: call them through `offPoolCancellable`. Every byte is authenticated before it is used.
///
/// Errors exit 65 where the bundle is at fault, whatever the fault. With `listing` the manifest comes with its entries, which take some
/// hundred bytes of memory each; without, memory stays small however many there are.
public enum BundleReader {
    /// What a bundle holds. The manifest is its last entry, so the whole bundle is read, and verified on the way.
    public static func inspect(
        _ source: any ByteSource, identities: [AgeIdentity], limits: BundleLimits = BundleLimits(),
        listing: Bool = true, progress: any ProgressReporter = NoProgress(),
        cancellation: CancellationFlag = CancellationFlag()
    ) throws -> BundleManifest {
        try BundlePass(limits, nil, listing: listing, progress, cancellation)
            .run(try AgeDecryptor(source, identities: identities))
    }

    /// Extracts a bundle as `age -d | tar --zstd -x` does in an empty folder: `DIR/INSTANCE/home/…`, `DIR/INSTANCE/CANARY`,
    /// `DIR/INSTANCE/manifest.json`.
    ///
    /// `target` is absent or an empty folder. Everything is written to a folder beside it, compared with the manifest, and takes its
    /// place at the end: a failure leaves the target as it was. Owners, set-id bits and the sticky bit are not restored. `durable`:
    /// all is on the disk when this returns.
    public static func extract(
        _ source: any ByteSource, identities: [AgeIdentity], into target: FilePath,
        limits: BundleLimits = BundleLimits(), durable: Bool = false, listing: Bool = true,
        progress: any ProgressReporter = NoProgress(), cancellation: CancellationFlag = CancellationFlag()
    ) throws -> ExtractedBundle {
        let decryptor = try AgeDecryptor(source, identities: identities)
        let place = try ExtractionPlace(target)
        do {
            let extractor = try Extractor(place.staging)
            let manifest = try BundlePass(limits, extractor, listing: listing, progress, cancellation).run(decryptor)
            try place.commit(durable: durable)
            return ExtractedBundle(manifest: manifest, root: target.appending(manifest.instance))
        } catch {
            place.discard()
            throw error
        }
    }
}

/// A bundle's content in a folder.
public struct ExtractedBundle: Sendable {
    public let manifest: BundleManifest
    /// The folder `INSTANCE`, which the manifest's paths are relative to.
    public let root: FilePath
    public var home: FilePath { root.appending("home") }
}

/// The folder beside the target that is filled first.
private final class ExtractionPlace {
    let staging: FilePath
    private let target: FilePath

    init(_ target: FilePath) throws {
        self.target = target
        if let status = try FileStatus.ifThere(at: target) {
            guard status.kind == .directory, try DirectoryListing.names(at: target).isEmpty else {
                throw OperatorError(
                    "target-not-empty", doing: "opening the bundle into", subject: target.printable,
                    reason: "it is not an empty folder", advice: "name a new folder", exit: .usage)
            }
        }
        let real = target.withPlatformString { realpath($0, nil) }
        defer { free(real) }
        func refusal(_ reason: String) -> OperatorError {
            OperatorError(
                "target", doing: "opening the bundle into", subject: target.printable, reason: reason,
                advice: "name a new folder in it", exit: .usage)
        }
        // What is extracted takes its place by a rename, and neither can be renamed over.
        if let real, try MountTable().isMountPoint(FilePath(platformString: real)) {
            throw refusal("something is mounted just there")
        }
        guard let name = target.lastComponent, name.kind == .regular else { throw refusal("it is no name in a folder") }
        let stem = hex(Digest.of(FilePath(root: nil, components: name).bytes, .sha256).prefix(8))
        // What is left of an opening that was killed is plaintext.
        TemporaryName.sweep(target.folder, suffix: Self.suffix) { $0 == stem }
        staging = target.folder.appending(TemporaryName.make(stem: stem, suffix: Self.suffix))
        try FileSystem.makeDirectory(staging)
    }

    private static let suffix = "partial"

    func commit(durable: Bool) throws {
        if durable {
            let folder = try ConfinedDirectory(staging)
            guard hx_syncfs(folder.descriptor.rawValue) == 0 else {
                throw OperatorError.system(errno, doing: "syncing", subject: target.printable)
            }
        }
        // Takes the place of an empty folder too, and of nothing else.
        try FileSystem.rename(staging, to: target)
        if durable {
            try FileSystem.syncDirectory(target.folder)
        }
    }

    func discard() { try? FileSystem.removeTree(staging) }
}
