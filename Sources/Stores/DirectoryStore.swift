internal import Glibc
public import Support
public import SystemPackage

/// A folder that keeps bundles.
///
/// A bundle stands under its own name, and beside it `NAME.json` says what it is (``BundleRecord``). The record is written first and
/// the bundle gets its name last, after it was read back from the disk and its checksums were right: a bundle with its record is
/// whole. What an interrupted copy leaves is `.NAME.partial`; it is gone on with, or swept by a later call.
public struct DirectoryStore: Store {
    private let folder: FilePath
    private let mark: FilePath?

    /// The folder is made when something is first put there; its parent must exist, so that a disk that is not mounted is not
    /// mistaken for an empty store.
    ///
    /// - Parameter mark: a file on this machine that tells that the folder held a bundle. Once it is there, a folder that is gone is an
    ///   error: its disk may not be mounted, and its parent may be the mount point.
    public init(_ folder: FilePath, mark: FilePath? = nil) {
        self.folder = folder
        self.mark = mark
    }

    public var label: String { folder.printable }

    public func put(_ bundle: OutgoingBundle, progress: any ProgressReporter) async throws -> StoredItem {
        try await offPoolCancellable { flag in
            _ = try exists()
            let item = try PartialCopy(bundle, in: folder, cancellation: flag, progress: progress).run()
            if let mark, try FileStatus.ifThere(at: mark) == nil {
                try FileSystem.makeDirectory(mark.folder)
                try FileSystem.replace(mark, with: folder.bytes + [UInt8(ascii: "\n")])
            }
            return item
        }
    }

    public func list(instance: String?) async throws -> StoreListing {
        try await offPoolCancellable { flag in
            guard try exists() else { return StoreListing(items: []) }
            var listing = StoreListing(items: [])
            for name in try DirectoryListing.names(at: folder) {
                try flag.check()
                guard let name = Self.recordedName(name) else { continue }
                do {
                    guard let item = try Self.read(name, in: folder) else { continue }
                    if instance == nil || item.properties.instance == instance { listing.items.append(item) }
                } catch let error as OperatorError {
                    // There is a bundle here that nothing can be said about.
                    listing.gaps.append(error)
                }
            }
            listing.items.sort(by: PrunePlan.isNewer)
            return listing
        }
    }

    public func item(_ id: String) async throws -> StoredItem? {
        guard OutgoingBundle.isSafe(name: id) else { return nil }
        return try await offPool { try Self.read(id, in: folder) }
    }

    public func isWhole(_ item: StoredItem) async throws -> Bool {
        guard OutgoingBundle.isSafe(name: item.id) else { return false }
        return try await offPoolCancellable { flag in
            let measured = try FileMeasure(of: folder.appending(item.id), cancellation: flag)
            return measured.checksums.confirm(item.properties.checksums) == .equal
        }
    }

    public func get(_ item: StoredItem, into path: FilePath, progress: any ProgressReporter) async throws {
        try await offPoolCancellable { flag in
            guard OutgoingBundle.isSafe(name: item.id) else { throw Self.missing(item, folder) }
            progress.begin("copying \(item.localName)", total: item.size)
            defer { progress.end() }
            do {
                try fetch(item, into: path, progress, flag)
            } catch let error as OperatorError where error.type == "damaged" {
                // What an earlier call left may not have been this bundle's: it is gone now, and the whole is copied.
                try fetch(item, into: path, NoProgress(), flag)
            }
        }
    }

    private func fetch(
        _ item: StoredItem, into path: FilePath, _ progress: any ProgressReporter, _ flag: CancellationFlag
    ) throws {
        let source = try FileSystem.openRegular(folder.appending(item.id), followingLinks: false)
        defer { source.closeQuietly() }
        let download = try PartialDownload(of: item, into: path)
        progress.advance(download.offset)
        try FileCopy.copy(from: source, name: folder.appending(item.id), at: download.offset, cancellation: flag) {
            piece in
            try download.write(piece)
            progress.advance(Int64(piece.count))
        }
        try download.finish(cancellation: flag)
    }

    public func delete(_ item: StoredItem) async throws {
        try await offPool {
            guard OutgoingBundle.isSafe(name: item.id), let current = try Self.read(item.id, in: folder) else { return }
            guard current.properties.instance == item.properties.instance else {
                throw OperatorError(
                    "not-ours", doing: "deleting", subject: printable(item.name, limit: 200),
                    reason: "it is not the bundle that was listed; it belongs to another instance")
            }
            // The bundle goes first: a record without its bundle is swept, a bundle without its record would stay for ever.
            for name in [item.id, BundleRecord.fileName(of: item.id)] {
                let path = folder.appending(name)
                guard path.withPlatformString({ unlink($0) }) == 0 || errno == ENOENT else {
                    throw OperatorError.system(errno, doing: "deleting", subject: path.printable)
                }
            }
            try FileSystem.syncDirectory(folder)
        }
    }

    /// The item of a bundle that has its record; nil if either is missing.
    static func read(_ name: String, in folder: FilePath) throws -> StoredItem? {
        guard let status = try FileStatus.ifThere(at: folder.appending(name)), status.kind == .file,
            let record = try BundleRecord.read(of: name, in: folder)
        else { return nil }
        return StoredItem(
            id: name, name: name, size: status.size, checksums: record.stored, properties: record.properties)
    }

    private static func recordedName(_ entry: [UInt8]) -> String? {
        guard let text = String(validating: entry, as: UTF8.self), let name = BundleRecord.bundleName(of: text),
            OutgoingBundle.isSafe(name: name)
        else { return nil }
        return name
    }

    private static func missing(_ item: StoredItem, _ folder: FilePath) -> OperatorError {
        OperatorError(
            "not-found", doing: "reading", subject: printable(item.name, limit: 200),
            reason: "there is no such bundle in \(folder.printable)")
    }

    /// Whether the folder is there; throws where its parent is missing too, or where it was there once.
    private func exists() throws -> Bool {
        var status = stat()
        if folder.withPlatformString({ stat($0, &status) }) == 0 { return true }
        guard errno == ENOENT else {
            throw OperatorError.system(errno, doing: "opening the store", subject: folder.printable)
        }
        try checkPlace()
        return false
    }

    /// Throws where a folder that is missing is not to be made: its parent is missing too, or it held bundles.
    public func checkPlace() throws {
        try checkParent()
        if let mark, try FileStatus.ifThere(at: mark) != nil {
            throw OperatorError(
                "store-gone", doing: "opening the store", subject: folder.printable,
                reason: "it held bundles and is not there any more",
                advice: "mount the disk it is on; if it shall begin anew, make the folder", exit: .configuration)
        }
    }

    /// Throws where the folder could not be made because its parent is missing, as that of a disk that is not mounted is.
    private func checkParent() throws {
        var status = stat()
        let parent = folder.removingLastComponent()
        guard !parent.isEmpty, parent.withPlatformString({ stat($0, &status) }) != 0 else { return }
        throw OperatorError.system(
            errno, doing: "opening the store", subject: folder.printable,
            advice: "mount the disk it is on, or make the folder \(parent.printable)", exit: .configuration)
    }
}
