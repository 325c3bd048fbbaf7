public import Support
public import SystemPackage

/// A place that keeps bundles: a folder on this machine or one in Google Drive.
///
/// Every call is off the cooperative pool where it blocks, ends soon after its task is cancelled, and throws ``OperatorError``.
public protocol Store: Sendable {
    /// The store as people know it: a path, or "Drive folder ID".
    var label: String { get }

    /// Brings a bundle into the store and returns once the store's own size and checksum equal the bundle's.
    ///
    /// A call that was interrupted goes on where it stopped, in a new process too. A bundle that is there already, by its SHA-256,
    /// is not brought a second time: the item that holds it is returned.
    func put(_ bundle: OutgoingBundle, progress: any ProgressReporter) async throws -> StoredItem

    /// What this program put here, of one instance or, with nil, of all. Newest first.
    func list(instance: String?) async throws -> StoreListing

    /// The item of that id as it is now; nil if it is gone or was never put here by this program.
    func item(_ id: String) async throws -> StoredItem?

    /// Whether the store still holds the bytes that were put: by its own checksum where it keeps one, else they are read.
    func isWhole(_ item: StoredItem) async throws -> Bool

    /// Brings an item back into a new file, which appears under its name only when its checksums are right. What an interrupted
    /// call left (`.NAME.….part` in the same folder) is gone on with.
    func get(_ item: StoredItem, into path: FilePath, progress: any ProgressReporter) async throws

    /// Deletes an item by its id after looking at it anew: it must still be this program's and of the item's instance. One that is
    /// gone already is fine.
    func delete(_ item: StoredItem) async throws
}

extension Store {
    public func isWhole(_ item: StoredItem) async throws -> Bool { item.isVerified }
}

/// What a store holds, and whether that is all of it.
public struct StoreListing: Sendable {
    public var items: [StoredItem]
    /// Why the answer may lack something: the store itself says so, or something in it cannot be read. Nothing may be deleted then.
    public var gaps: [OperatorError]

    public init(items: [StoredItem], gaps: [OperatorError] = []) {
        self.items = items
        self.gaps = gaps
    }
}

/// One bundle in a store.
public struct StoredItem: Sendable, Hashable {
    /// What the store knows it by: a Drive file id, or the file's name in a folder.
    public var id: String
    public var name: String
    /// Bytes, as the store counts them.
    public var size: Int64
    /// As the store computes them; a folder tells what was computed from the stored file when it was put there.
    public var checksums: Checksums
    /// What was said about the bundle when it was put here.
    public var properties: BundleProperties

    public init(id: String, name: String, size: Int64, checksums: Checksums, properties: BundleProperties) {
        self.id = id
        self.name = name
        self.size = size
        self.checksums = checksums
        self.properties = properties
    }

    /// A name for a file of this machine. In a store anybody with access may name a file as they like, with a slash in it, or longer
    /// than a file system takes.
    public var localName: String {
        OutgoingBundle.isSafe(name: name)
            ? name : "bundle-\(hex(Digest.of(Array(id.utf8), .sha256).prefix(8))).tar.zst.age"
    }

    /// Whether the store holds, by its own size and checksum, the bytes that were put.
    public var isVerified: Bool { size == properties.size && checksums.confirm(properties.checksums) == .equal }

    /// Whether the store holds, by its own size or checksum, other bytes than were put.
    public var isWrong: Bool { size != properties.size || checksums.confirm(properties.checksums) == .different }

    /// Of one that is not verified: what is wrong with it, or what is not known.
    var doubt: String {
        if size != properties.size { return "not verified: it has \(size) bytes, and \(properties.size) were put" }
        return checksums.confirm(properties.checksums) == .different
            ? "not verified: its checksum is not that of what was put"
            : "not verified: the store gives no checksum for it"
    }
}

/// MD5 and SHA-256 in lower-case hexadecimal, as far as they are known.
public struct Checksums: Sendable, Hashable {
    public var md5: String?
    public var sha256: String?

    public init(md5: String? = nil, sha256: String? = nil) {
        self.md5 = md5?.lowercased()
        self.sha256 = sha256?.lowercased()
    }

    public enum Comparison: Sendable {
        case equal, different
        /// The two have no algorithm in common.
        case unknown
    }

    /// Compares every algorithm that both know.
    public func confirm(_ other: Checksums) -> Comparison {
        var common = false
        for (left, right) in [(sha256, other.sha256), (md5, other.md5)] {
            guard let left, let right else { continue }
            if left != right { return .different }
            common = true
        }
        return common ? .equal : .unknown
    }
}

/// What a store remembers about a bundle.
public struct BundleProperties: Sendable, Hashable {
    /// The instance's id, `[a-z][a-z0-9-]{0,31}`.
    public var instance: String
    /// The run that made it: 32 hexadecimal digits, or nil for one made by hand.
    public var run: String?
    /// When the bundle was made: what keep rules count by.
    public var created: Timestamp
    /// Bytes.
    public var size: Int64
    public var sha256: String
    public var md5: String

    public init(instance: String, run: String?, created: Timestamp, size: Int64, sha256: String, md5: String) {
        self.instance = instance
        self.run = run
        self.created = created
        self.size = size
        self.sha256 = sha256.lowercased()
        self.md5 = md5.lowercased()
    }

    public var checksums: Checksums { Checksums(md5: md5, sha256: sha256) }
}

/// A finished bundle on this machine, on its way to a store.
public struct OutgoingBundle: Sendable {
    public var file: FilePath
    /// The name in the store: `INSTANCE-YYYYMMDDTHHMMSSZ.tar.zst.age`. Printable ASCII without a slash, not beginning with a dot,
    /// at most 200 bytes.
    public var name: String
    public var properties: BundleProperties

    public init(file: FilePath, name: String, properties: BundleProperties) throws {
        guard Self.isSafe(name: name) else {
            throw OperatorError(
                "bundle-name", doing: "naming the bundle", subject: printable(name, limit: 200),
                reason:
                    "a bundle's name has letters, digits, '.', '_', '-' alone, at most 200 of them, and no dot first",
                exit: .usage)
        }
        self.file = file
        self.name = name
        self.properties = properties
    }

    /// A bundle whose size and checksums are computed from the file now.
    public static func measuring(
        _ file: FilePath, name: String, instance: String, run: String?, created: Timestamp
    ) async throws -> OutgoingBundle {
        let measured = try await offPoolCancellable { flag in try FileMeasure(of: file, cancellation: flag) }
        return try OutgoingBundle(
            file: file, name: name,
            properties: BundleProperties(
                instance: instance, run: run, created: created, size: measured.size, sha256: measured.sha256,
                md5: measured.md5))
    }

    static func isSafe(name: String) -> Bool {
        let allowed = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || [45, 46, 95].contains(byte)
        }
        return allowed && (1...200).contains(name.utf8.count) && !name.hasPrefix(".")
    }
}
