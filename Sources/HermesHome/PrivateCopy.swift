internal import Glibc
internal import Support
internal import SystemPackage

/// A copy of a database and its logs in a folder of its own, made while neither changed; removed with this object.
final class PrivateCopy {
    let database: FilePath
    private let folder: FilePath

    init(of source: FilePath) throws(HomeFailure) {
        let parent = getenv("TMPDIR").map { FilePath(platformString: $0) } ?? "/tmp"
        folder = parent.appending("hermes-ops-\(hex(randomBytes(12)))")
        database = folder.appending("copy.db")
        do {
            try FileSystem.makeDirectory(folder)
        } catch {
            throw HomeFailure(.internal, "making a private copy of \(source.printable): \(error)")
        }
        do throws(HomeFailure) {
            try fill(from: source)
        } catch {
            try? FileSystem.removeTree(folder)
            throw error
        }
    }

    deinit { try? FileSystem.removeTree(folder) }

    private func fill(from source: FilePath) throws(HomeFailure) {
        for suffix in ["", "-wal", "-journal"] {
            let original = source.suffixed(suffix)
            guard let input = try HomeFile.open(original) else { continue }
            defer { input.closeQuietly() }
            do {
                let before = try FileStatus(of: input)
                guard try FileSystem.freeSpace(at: folder) > before.size + (64 << 20) else {
                    throw HomeFailure(.internal, "no room for a private copy of \(original.printable)")
                }
                let output = try FileDescriptor.open(
                    database.suffixed(suffix), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
                    permissions: .ownerReadWrite)
                defer { output.closeQuietly() }
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
                defer { buffer.deallocate() }
                while case let count = try input.read(into: buffer), count > 0 {
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
