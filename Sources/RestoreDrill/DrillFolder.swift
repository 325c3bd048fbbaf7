internal import Foundation
internal import Glibc
internal import Support
internal import Synchronization
public import SystemPackage

/// A 0700 folder that a drill or a restore works in, with a marker that says whose it is.
///
/// The marker (`.hermes-ops-drill.json`: pid, start time, boot id) is written before anything else, so that the folder of a killed
/// drill is known for what it is and swept by the next one. Only folders that carry it are ever removed.
public final class DrillFolder: Sendable {
    public let path: FilePath
    private let isKept = Atomic<Bool>(false)

    static let markerName = ".hermes-ops-drill.json"
    /// What a drill's folder is named by.
    public static let prefix = "drill-"
    /// What the folder beside a restore's target is named by.
    public static let restorePrefix = ".hermes-ops-restore-"

    /// Makes a folder below `parent`, which is made too (0700); its name begins with `prefix`.
    public init(below parent: FilePath, prefix: String = DrillFolder.prefix) throws {
        try FileSystem.makeDirectory(parent)
        path = parent.appending(prefix + hex(randomBytes(8)))
        try FileSystem.makeDirectory(path)
        do {
            try FileSystem.replace(
                path.appending(Self.markerName), with: Array(try JSONEncoder().encode(ProcessIdentity.current)))
        } catch {
            try? FileSystem.removeTree(path)
            throw error
        }
    }

    deinit { try? remove() }

    /// Leaves the folder behind for a person to look at; the next sweep spares it.
    public func keep() throws {
        try FileSystem.removeTree(path.appending(Self.markerName))
        isKept.store(true, ordering: .relaxed)
    }

    /// Removes the folder and all that is in it, unless it is kept.
    public func remove() throws {
        guard !isKept.load(ordering: .relaxed) else { return }
        try Self.clear(path)
    }

    /// The marker goes last: a removal that is killed half-way is finished by the next sweep.
    private static func clear(_ folder: FilePath) throws {
        let names: [[UInt8]]
        do {
            names = try DirectoryListing.names(at: folder)
        } catch let error as OperatorError {
            guard access(folder.string, F_OK) == 0 else { return }
            throw error
        }
        for name in names where name != Array(markerName.utf8) {
            try FileSystem.removeTree(folder.appending(FilePath(bytes: name).components))
        }
        try FileSystem.removeTree(folder)
    }

    /// Removes the folders of drills whose process is gone, with `includingOwn` those of this process too; returns their paths.
    public static func sweep(
        below parent: FilePath, prefix: String = DrillFolder.prefix, includingOwn: Bool = false
    ) throws -> [FilePath] {
        let names: [[UInt8]]
        do {
            names = try DirectoryListing.names(at: parent)
        } catch let error as OperatorError {
            guard access(parent.string, F_OK) == 0 else { return [] }
            throw error
        }
        var swept: [FilePath] = []
        for name in names where name.starts(with: Array(prefix.utf8)) {
            let folder = parent.appending(FilePath(bytes: name).components)
            let marker = folder.appending(markerName)
            // A link leads to what is somebody's, and what another user made is theirs to remove.
            guard let status = try? FileStatus(at: folder), status.kind == .directory, status.owner == geteuid() else {
                continue
            }
            if isUnmarked(folder) {
                try FileSystem.removeTree(folder)
                swept.append(folder)
                continue
            }
            guard let text = try? FileSystem.read(marker, limit: 1000, followingLinks: false),
                let owner = try? JSONDecoder().decode(ProcessIdentity.self, from: Data(text)),
                includingOwn && owner == .current || !owner.isAlive
            else { continue }
            try clear(folder)
            swept.append(folder)
        }
        return swept
    }

    /// Whether a process died before it could mark the folder: it is empty but for what was to become the marker, and a minute old,
    /// which is more than a live one needs.
    private static func isUnmarked(_ folder: FilePath) -> Bool {
        guard let status = try? FileStatus(at: folder), status.kind == .directory,
            Timestamp(nanoseconds: status.modified) + .seconds(60) < SystemTime().now,
            let names = try? DirectoryListing.names(at: folder)
        else { return false }
        return names.allSatisfy { $0.starts(with: Array(".\(markerName).".utf8)) }
    }
}
