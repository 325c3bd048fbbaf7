public import Support
public import SystemPackage

/// The sanitized tree of a home: what the repository's folder is to hold, and where its bytes are.
public struct SanitizedTree: Sendable {
    public enum FileKind: Sendable {
        case file, executable
        /// The content is the symlink's text.
        case symlink
    }

    public enum Source: Sendable, Equatable {
        /// In the staging folder: exactly the bytes that passed the gate, with the mode of a new file in a work tree. Nobody needs the
        /// file there once the tree is stored, so it may be moved away.
        case staged(FilePath)
        /// What the baseline holds under this path.
        case unchanged
    }

    public struct File: Sendable {
        /// Relative to the repository's folder for backups; bytes, not necessarily UTF-8.
        public var path: [UInt8]
        public var kind: FileKind
        /// Permission bits in the home.
        public var mode: UInt32
        /// git's blob id.
        public var blob: ObjectID
        public var source: Source
    }

    /// Sorted by path bytes; ``Manifest/fileName`` and the canary are among them.
    public internal(set) var files: SanitizedFiles
    public var totals: Manifest.Totals { head.totals }
    /// Paths, printable, of files that changed during every attempt to read them. What was read last was scanned and is stored.
    public let changedWhileRead: [String]
    /// What the operator should know and what is no error.
    public let warnings: [String]
    /// How many files came from the stat cache, without being read.
    public let unreadThanksToCache: Int
    /// Looks for the detectors' secrets and for this home's known values.
    public let gate: Gate
    private let head: Manifest
    private var assembly: TreeAssembly?
    private let home: ConfinedDirectory
    private let watch: HarvestWatch
    private let surveyed: Int64

    init(_ assembly: TreeAssembly, _ files: SanitizedFiles, survey: Sanitizer.Survey, unreadThanksToCache: Int) {
        self.assembly = assembly
        self.files = files
        gate = survey.gate
        home = survey.reader.home
        watch = survey.watch
        surveyed = survey.started
        self.unreadThanksToCache = unreadThanksToCache
        head = assembly.head
        changedWhileRead = assembly.changed
        warnings = assembly.warnings
    }

    /// Whether the home's credential files may have changed since ``gate`` was made: then it does not know them all.
    public var isGateStale: Bool { watch.mayHaveChanged(in: home, since: surveyed) }

    /// Paths of an earlier tree of this home whose content changed or went because of something secret in it, or a rule of the instance.
    /// The earlier content is still in the history; ``exposes(_:at:)`` tells whether it matters. Nothing after ``forgettingManifest()``.
    public func withheld(from earlier: PathList) -> [(path: [UInt8], isByRule: Bool)] {
        assembly?.withheld(from: earlier) ?? []
    }

    /// What holds a secret by today's knowledge: how to call the file; nil if nothing does.
    ///
    /// - Parameter content: what an earlier tree held under that path.
    public func exposes(_ content: [UInt8], at path: [UInt8]) throws -> String? {
        try gate.hits(in: content, name: path).first { !$0.isUnread }?.path
    }

    /// The manifest: made anew each time, and large with many files. Without entries and exclusions after ``forgettingManifest()``.
    public var manifest: Manifest { assembly?.manifest ?? head }

    /// The tree without what its manifest is made of, which takes most of the memory: its bytes are among the files.
    public func forgettingManifest() -> SanitizedTree {
        var tree = self
        tree.assembly = nil
        return tree
    }

    /// Writes the tree to a folder, for `sanitize --into`: files with their modes of the home, symlinks as such.
    ///
    /// - Parameter folder: an empty folder, or one that is not there yet. Every file must be staged: stage without a baseline.
    public func write(into folder: FilePath, cancellation: CancellationFlag = CancellationFlag()) throws {
        try FileSystem.makeDirectory(folder)
        let names = try DirectoryListing.names(at: folder)
        guard names.isEmpty else {
            throw OperatorError(
                "not-empty", doing: "writing the sanitized tree to", subject: folder.printable,
                reason: "the folder is not empty",
                advice: "name an empty folder or one that does not exist", exit: .cannotWrite)
        }
        let target = try ConfinedDirectory(folder)
        var made: Set<[UInt8]> = []
        for file in files {
            try cancellation.check()
            guard case .staged(let staged) = file.source else { continue }
            let bytes = try FileSystem.read(staged, limit: .max - 1)
            do {
                for end in file.path.indices where file.path[end] == UInt8(ascii: "/") {
                    let parent = Array(file.path[..<end])
                    if made.insert(parent).inserted { try target.makeDirectory(parent, permissions: 0o700) }
                }
                if file.kind == .symlink {
                    try target.makeSymlink(file.path, to: bytes)
                    continue
                }
                let descriptor = try target.create(file.path, permissions: file.mode & 0o700 | 0o600)
                defer { descriptor.closeQuietly() }
                _ = try descriptor.writeAll(bytes)
            } catch let error as Errno {
                throw OperatorError.system(error.rawValue, doing: "writing", subject: printable(file.path))
            }
        }
    }
}

extension Manifest {
    /// How much of an earlier tree is gone.
    public struct Shrinkage: Sendable, Equatable {
        public var before: Int
        public var lost: Int
        /// More than half of the files: held back until a person says that it is right.
        public var isAlarming: Bool { before > 0 && lost * 2 > before }
    }

    public func shrinkage(since last: Manifest) -> Shrinkage {
        let now = Set(entries.map(\.path))
        return Shrinkage(before: last.entries.count, lost: last.entries.count { !now.contains($0.path) })
    }
}

/// A file that every backup holds and every restore must bring back byte for byte: line ends, trailing blanks, keywords and characters
/// that a careless filter on the way changes.
public enum Canary {
    public static let path = Array("CANARY".utf8)
    public static let bytes = Array(
        "hermes-ops canary, version 1: this file comes back byte for byte or the restore is wrong.\r\n\ttab, blanks at the end   \n$Id$ is no keyword, «üñîçødé» is no Latin-1\n\u{FEFF}no line break at the end"
            .utf8)
}
