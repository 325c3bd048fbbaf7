internal import Support
internal import SystemPackage

/// A file of the staging folder, to which nothing is written that did not pass the gate.
final class StagedFile {
    private let path: FilePath
    private let file: FileDescriptor

    /// With the mode of a new file in a work tree, where it may be moved to; the staging folder keeps others out.
    init(_ path: FilePath, isExecutable: Bool) throws {
        self.path = path
        do {
            file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow],
                permissions: FilePermissions(rawValue: isExecutable ? 0o777 : 0o666))
        } catch let error as Errno {
            throw StagedFile.failure(error, path)
        }
    }

    deinit { file.closeQuietly() }

    func write(_ gated: GatedBytes) throws {
        do {
            _ = try file.writeAll(gated.bytes)
        } catch let error as Errno {
            throw StagedFile.failure(error, path)
        }
    }

    private static func failure(_ error: Errno, _ path: FilePath) -> OperatorError {
        .system(
            error.rawValue, doing: "writing to the staging folder", subject: path.removingLastComponent().printable,
            exit: .cannotWrite)
    }
}
