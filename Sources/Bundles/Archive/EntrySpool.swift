internal import Glibc
internal import Support
internal import SystemPackage

/// The lines of a manifest's entries until it is written: a few MiB in memory, what is more in a file without a name in a private
/// folder. Memory stays flat, however many files there are.
final class EntrySpool {
    private let folder: FilePath
    private let memoryLimit: Int
    private var lines = BundleManifest.EntryLines()
    private var file: FileDescriptor?
    /// Bytes that are in the file.
    private var stored = 0

    /// `folder`: where the file is made if it is needed; it is there already.
    init(in folder: FilePath, memoryLimit: Int = 4 << 20) {
        self.folder = folder
        self.memoryLimit = memoryLimit
    }

    deinit { file?.closeQuietly() }

    /// Of all lines, in bytes.
    var count: Int { stored + lines.bytes.count }

    /// Returns where the entry's digest stands, if it has one, for ``set(sha256:at:)``.
    @discardableResult
    func append(_ entry: BundleManifest.Entry) throws -> Int {
        if lines.bytes.count >= memoryLimit { try store() }
        lines.append(entry)
        return stored + lines.digestPlace
    }

    /// Puts a file's digest (32 bytes) in its place.
    func set(sha256: [UInt8], at place: Int) throws {
        guard place < stored, let file else { return lines.set(sha256: sha256, at: place - stored) }
        try writing { try file.writeAll(toAbsoluteOffset: Int64(place), Array(hex(sha256).utf8)) }
    }

    /// Hands over all lines, in pieces, from the first on.
    func read(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if let file {
            let block = Block(capacity: 1 << 20)
            let source = PositionedSource(file)
            var rest = stored
            while rest > 0 {
                let room = UnsafeMutableRawBufferPointer(rebasing: block.whole.prefix(rest))
                do {
                    block.count = try source.fill(room)
                } catch let error as Errno {
                    throw failure(error.rawValue)
                }
                guard block.count == room.count else { throw failure(EIO) }
                try body(block.bytes)
                rest -= block.count
            }
        }
        try lines.bytes.withUnsafeBytes(body)
    }

    private func store() throws {
        try writing {
            let file = try file ?? make()
            _ = try lines.bytes.withUnsafeBytes { try file.writeAll(toAbsoluteOffset: Int64(stored), $0) }
        }
        stored += lines.bytes.count
        lines.removeAll()
    }

    private func make() throws -> FileDescriptor {
        let path = folder.appending("\(hex(randomBytes(8))).lines")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
        // It goes when this process goes, whatever ends it.
        _ = path.withPlatformString { unlink($0) }
        self.file = file
        return file
    }

    private func writing(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as Errno {
            throw failure(error.rawValue)
        }
    }

    private func failure(_ code: Int32) -> OperatorError {
        OperatorError.system(code, doing: "keeping the manifest's lines in", subject: folder.printable)
    }
}
