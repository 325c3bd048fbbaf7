internal import Foundation
public import Support
public import SystemPackage

/// A bundle on its way to its stores, in a folder of its own: the file, and beside it `pending.json`, which says what it is, whom it
/// was made for and which stores hold it already.
///
/// The folder belongs to one job, whose lock its caller holds. At every moment it holds one bundle at the most under its name, and
/// nothing that is not encrypted; what is in it without a record that fits is what a killed run left, and is swept.
public struct PendingBundle: Sendable {
    /// A bundle that waited longer is made anew: it would be an old backup with a young date of arrival.
    public static let lifetime = Duration.seconds(86_400)
    private static let recordName = "pending.json"
    private static let recordLimit = 1 << 20
    private static let warningLimit = 100

    private struct Record: Codable {
        static let format = "hermes-ops-pending-bundle"

        var format = Record.format
        var version = 1
        var name: String
        var size: Int64
        var sha256: String
        var md5: String
        var created: Timestamp
        var run: String
        var madeFor: String
        var files: Int
        var databases: Int
        var warnings: [String]
        /// Names of the stores that hold it, verified.
        var stores: [String]
    }

    private let folder: FilePath
    private var record: Record
    /// The names of the stores that are to hold it.
    private let wanted: Set<String>

    public let name: BundleName
    public var path: FilePath { folder.appending(record.name) }
    /// In bytes.
    public var size: Int64 { record.size }
    /// Of the file, in lower-case hexadecimal.
    public var sha256: String { record.sha256 }
    public var md5: String { record.md5 }
    /// The run that made it.
    public var run: String { record.run }
    /// How many files and databases of the home are in it.
    public var files: Int { record.files }
    public var databases: Int { record.databases }
    /// What its manifest warns of, the first hundred.
    public var warnings: [String] { record.warnings }
    /// Whether no store is to hold it.
    public var staysHere: Bool { wanted.isEmpty }

    /// The bundle that an earlier run left, if it is whole, young, made for the same as `request`, and one of `stores` lacks it. Its
    /// digests are computed anew. Otherwise nil, and the folder is empty then, but for a bundle that no store was to hold.
    ///
    /// `explain` is told why a bundle that waits is not gone on with.
    public static func takeUp(
        in folder: FilePath, for request: BundleRequest, stores: Set<String>, now: Timestamp,
        cancellation: CancellationFlag = CancellationFlag(), explain: (String) -> Void = { _ in }
    ) throws -> PendingBundle? {
        try FileSystem.makeDirectory(folder)
        // Without stores there is nothing to go on with, and the bundle that is here stays until the next one is whole.
        guard !stores.isEmpty else { return nil }
        if let record = read(folder), let name = BundleName(record.name) {
            let pending = PendingBundle(folder: folder, record: record, wanted: stores, name: name)
            let trouble = try pending.trouble(request, now, cancellation)
            guard let trouble else {
                try sweep(folder, keeping: [record.name, recordName])
                return pending
            }
            explain("\(record.name) of an earlier run is not gone on with: \(trouble)")
        }
        try sweep(folder, keeping: [])
        return nil
    }

    /// Makes a bundle in the folder. `run`: the run's id, for the stores.
    public static func make(
        in folder: FilePath, for request: BundleRequest, stores: Set<String>, run: String,
        time: any TimeSource = SystemTime(), progress: any ProgressReporter = NoProgress(),
        cancellation: CancellationFlag = CancellationFlag()
    ) throws -> PendingBundle {
        var request = request
        request.target = .folder(folder)
        let file = try BundleWriter.create(request, time: time, progress: progress, cancellation: cancellation)
        let record = Record(
            name: file.name.description, size: file.size, sha256: hex(file.sha256),
            md5: hex(try digest(of: try FileSource(file.path), .md5, cancellation)), created: file.name.created,
            run: run, madeFor: request.fingerprint, files: file.manifest.counts.files,
            databases: file.manifest.databases.count,
            warnings: file.manifest.warnings.prefix(warningLimit).map { "\($0.path): \($0.reason)" }, stores: [])
        let pending = PendingBundle(folder: folder, record: record, wanted: stores, name: file.name)
        if stores.isEmpty {
            try sweep(folder, keeping: [record.name])
        } else {
            try pending.write()
        }
        return pending
    }

    /// Notes that a store holds the bundle, verified. The bundle is removed when all of them do.
    public mutating func noteHeld(by store: String) throws {
        if !record.stores.contains(store) { record.stores.append(store) }
        let isDone = wanted.isSubset(of: record.stores)
        // Noted before it is removed: killed between the two, the next run knows that nothing waits.
        let noted = Result { try write() }
        if isDone { try Self.sweep(folder, keeping: []) } else { try noted.get() }
    }

    private func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try FileSystem.replace(
            folder.appending(Self.recordName), with: Array(try encoder.encode(record)) + [UInt8(ascii: "\n")])
    }

    /// Nil for a record that is not there, or that this program did not write: what lies beside it cannot be trusted then.
    private static func read(_ folder: FilePath) -> Record? {
        let path = folder.appending(recordName)
        guard let bytes = try? FileSystem.read(path, limit: recordLimit, followingLinks: false),
            let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)), record.format == Record.format,
            record.version == 1
        else { return nil }
        return record
    }

    /// Why the bundle cannot stand for one made now; nil if it can.
    private func trouble(
        _ request: BundleRequest, _ now: Timestamp, _ cancellation: CancellationFlag
    ) throws -> String? {
        if record.madeFor != request.fingerprint { return "it was made for other recipients or from another home" }
        if wanted.isSubset(of: record.stores) { return "every store has it" }
        let age = now - record.created
        guard age >= .zero, age < Self.lifetime else { return "it is too old" }
        guard let status = try? FileStatus(at: path), status.kind == .file, status.size == record.size else {
            return "it is not there as it was"
        }
        do {
            let sum = try digest(of: try FileSource(path), .sha256, cancellation)
            return hex(sum) == record.sha256 ? nil : "it was damaged on this disk"
        } catch let error as OperatorError {
            return "it cannot be read: \(error.reason)"
        }
    }

    private static func sweep(_ folder: FilePath, keeping kept: Set<String>) throws {
        for name in try DirectoryListing.names(at: folder) where !kept.contains(where: { name.elementsEqual($0.utf8) })
        {
            try FileSystem.removeTree(folder.pushing(FilePath(bytes: name)))
        }
    }
}

extension BundleRequest {
    /// A digest over all that decides what a bundle holds and who opens it, but the home's own content.
    var fingerprint: String {
        var hash = Digest(.sha256)
        let recipients = recipients.map { $0.text ?? "" }.sorted()
        for part in ["\(BundleManifest.currentVersion)", instance, selection] + recipients {
            hash.update(Array(part.utf8) + [0])
        }
        hash.update(home.bytes)
        return hex(hash.finish())
    }
}
