public import Support

/// The files of the backup folder as a commit holds them, in the order of their paths' bytes.
public struct FileListing: Sendable, Equatable {
    /// Relative to the folder, sorted.
    public let paths: PathList
    private let files: [StoredFile]

    public init() { self.init(paths: PathList(), files: []) }

    /// - Parameter files: one for each path, in the same order, which may be any.
    public init(paths: PathList, files: [StoredFile]) {
        precondition(paths.count == files.count)
        if paths.isSorted {
            (self.paths, self.files) = (paths, files)
        } else {
            let order = paths.sortedIndices()
            self.paths = paths.reordered(order)
            self.files = order.map { files[$0] }
        }
    }

    public var count: Int { files.count }
    public var isEmpty: Bool { files.isEmpty }
    public var indices: Range<Int> { files.indices }

    public subscript(index: Int) -> StoredFile { files[index] }

    /// The file at a path; nil if there is none.
    public subscript(path: [UInt8]) -> StoredFile? { paths.index(of: path).map { files[$0] } }

    /// Blob ids, in the order of the paths.
    public var blobs: [ObjectID] { files.map(\.blob) }
}

/// Every file that the backup folder is to hold.
public struct BackupEntries: Sendable {
    let listing: FileListing
    /// Where the content of the file with that index is.
    let source: @Sendable (Int) -> BackupEntry.Source

    /// - Parameter source: where the content of the file with that index in the listing is; asked for as often as it is needed.
    public init(_ listing: FileListing, source: @escaping @Sendable (Int) -> BackupEntry.Source) {
        self.listing = listing
        self.source = source
    }

    /// From entries in any order.
    public init(_ entries: [BackupEntry]) {
        let paths = PathList(entries.map(\.path))
        let order = paths.sortedIndices()
        self.init(
            FileListing(
                paths: paths.reordered(order),
                files: order.map { StoredFile(kind: entries[$0].kind, blob: entries[$0].blob) })
        ) { entries[order[$0]].source }
    }

    /// The content as its source has it; nothing where the last commit does.
    func content(_ index: Int) -> BackupFolder.Content? {
        switch source(index) {
        case .bytes(let bytes): .bytes(bytes)
        case .staged(let path): .staged(path)
        case .unchanged: nil
        }
    }
}
