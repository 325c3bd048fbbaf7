public import Support
internal import SystemPackage

/// The files of a sanitized tree, in few bytes each: a home may have hundreds of thousands.
public struct SanitizedFiles: Sendable, RandomAccessCollection {
    /// Sorted.
    public let paths: PathList
    private var blobs: [ObjectID] = []
    /// Permission bits, and ``symlink``.
    private var modes: [UInt16] = []
    private var places: [Place] = []
    private let staging: FilePath

    private static let symlink: UInt16 = 1 << 15

    /// Where a file's bytes are.
    struct Place {
        private let number: UInt32

        static let unchanged = Place(number: .max)
        /// In the staging folder, under the name it has in the tree.
        static let named = Place(number: .max - 1)
        /// In the staging folder, under the index it has in the inventory.
        static func staged(_ index: Int) -> Place { Place(number: UInt32(index)) }

        fileprivate func source(_ path: ArraySlice<UInt8>, _ staging: FilePath) -> SanitizedTree.Source {
            switch number {
            case .max: .unchanged
            case .max - 1: .staged(staging.pushing(FilePath(bytes: path)))
            default: .staged(SanitizedFiles.stagedPath(Int(number), in: staging))
            }
        }
    }

    init(_ paths: PathList, staging: FilePath) {
        self.paths = paths
        self.staging = staging
        blobs.reserveCapacity(paths.count)
        modes.reserveCapacity(paths.count)
        places.reserveCapacity(paths.count)
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { blobs.count }

    public subscript(index: Int) -> SanitizedTree.File {
        SanitizedTree.File(
            path: Array(paths[index]), kind: kind(index), mode: UInt32(modes[index] & ~SanitizedFiles.symlink),
            blob: blobs[index], source: source(index))
    }

    public func blob(_ index: Int) -> ObjectID { blobs[index] }

    public func kind(_ index: Int) -> SanitizedTree.FileKind {
        if modes[index] & SanitizedFiles.symlink != 0 { return .symlink }
        return modes[index] & 0o100 != 0 ? .executable : .file
    }

    public func source(_ index: Int) -> SanitizedTree.Source { places[index].source(paths[index], staging) }

    /// Adds the file of the next path.
    mutating func append(blob: ObjectID, mode: UInt32, isSymlink: Bool = false, _ place: Place) {
        blobs.append(blob)
        modes.append(UInt16(mode & 0o7777) | (isSymlink ? SanitizedFiles.symlink : 0))
        places.append(place)
    }

    // MARK: The staging folder

    /// Threads that make files in one folder wait for each other: there are several.
    static let shards = 16

    static func shard(_ number: Int, in staging: FilePath) -> FilePath { staging.appending("s\(number)") }

    static func stagedPath(_ index: Int, in staging: FilePath) -> FilePath {
        shard(index % shards, in: staging).appending(String(index))
    }
}
