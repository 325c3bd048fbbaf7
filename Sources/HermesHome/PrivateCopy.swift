internal import Glibc
internal import Support
internal import SystemPackage

/// A copy of a database and its logs in a folder of its own, made while neither changed; removed with this object, or by the next
/// process that reads a database if this one ends first.
final class PrivateCopy {
    let database: FilePath
    private let folder: FilePath

    private static let stem = "hermes-ops-database"
    private static let suffix = "copy"

    /// Where copies are made; read once, so that what is swept is what is filled.
    private static let parent = getenv("TMPDIR").map { FilePath(platformString: $0) } ?? "/tmp"

    /// Removes what processes that are gone left, once for each process.
    static let sweepOnce: Void = sweep(parent)

    static func sweep(_ parent: FilePath) {
        TemporaryName.sweep(parent, suffix: suffix) { $0 == stem }
    }

    /// - Parameter cancellation: looked at between blocks: a reader that nobody waits for any more leaves no copy behind.
    init(of source: FilePath, in parent: FilePath = PrivateCopy.parent, cancellation: CancellationFlag?)
        throws(HomeFailure)
    {
        folder = parent.appending(TemporaryName.make(stem: Self.stem, suffix: Self.suffix))
        database = folder.appending("copy.db")
        do {
            try FileSystem.makeDirectory(folder)
        } catch {
            throw HomeFailure(.internal, "making a private copy of \(source.printable): \(error)")
        }
        do throws(HomeFailure) {
            try fill(from: source, cancellation)
        } catch {
            try? FileSystem.removeTree(folder)
            throw error
        }
    }

    deinit { try? FileSystem.removeTree(folder) }

    private func fill(from source: FilePath, _ cancellation: CancellationFlag?) throws(HomeFailure) {
        for suffix in ["", "-wal", "-journal"] {
            let original = source.suffixed(suffix)
            guard let input = try HomeFile.open(original) else { continue }
            defer { input.closeQuietly() }
            do {
                let before = try FileStatus(of: input)
                guard try FileSystem.freeSpace(at: folder) - (64 << 20) > before.size else {
                    throw HomeFailure(.internal, "no room for a private copy of \(original.printable)")
                }
                let output = try FileDescriptor.open(
                    database.suffixed(suffix), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
                    permissions: .ownerReadWrite)
                defer { output.closeQuietly() }
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
                defer { buffer.deallocate() }
                while case let count = try input.read(into: buffer), count > 0 {
                    if cancellation?.isCancelled == true {
                        throw HomeFailure(.timeout, "\(original.printable): nobody waits for its copy any more")
                    }
                    try output.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
                guard try FileStatus(of: input).isSameContent(as: before),
                    try HomeFile.status(original)?.isSameContent(as: before) == true
                else { throw HomeFailure(.timeout, "\(original.printable): it changed while it was copied") }
            } catch let error as HomeFailure {
                throw error
            } catch {
                throw HomeFailure(.internal, "making a private copy of \(original.printable): \(error)")
            }
        }
    }
}
