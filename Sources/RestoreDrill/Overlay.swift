internal import Glibc
internal import Support
internal import SystemPackage

/// Lays one restored home over another: what both hold is as the upper one has it.
enum Overlay {
    static func lay(
        _ upper: FilePath, over lower: FilePath, _ expectations: Expectations, cancellation: CancellationFlag
    ) throws {
        func path(_ root: FilePath, _ name: [UInt8]) -> FilePath {
            FilePath(bytes: root.bytes + [UInt8(ascii: "/")] + name)
        }
        var folders: [Expectations.Entry] = []
        // Nothing can be moved out of a folder that may not be written to; the modes are set when all is in place.
        for entry in expectations.entries where entry.kind == .directory {
            let folder = path(upper, entry.path)
            guard folder.withPlatformString({ chmod($0, 0o700) }) == 0 else {
                throw OperatorError.system(errno, doing: "setting the mode of", subject: printable(entry.path))
            }
        }
        // A folder stands before what is in it, by bytes.
        for entry in expectations.entries.sorted(by: { $0.path.lexicographicallyPrecedes($1.path) }) {
            try cancellation.check()
            let target = path(lower, entry.path)
            if entry.kind == .directory {
                if try kind(of: target) != .directory { try FileSystem.removeTree(target) }
                try FileSystem.makeDirectory(target)
                folders.append(entry)
            } else {
                if try kind(of: target) == .directory { try FileSystem.removeTree(target) }
                try FileSystem.rename(path(upper, entry.path), to: target)
            }
        }
        for folder in folders.reversed() {
            let target = path(lower, folder.path)
            guard target.withPlatformString({ chmod($0, folder.permissions ?? 0o700) }) == 0 else {
                throw OperatorError.system(errno, doing: "setting the mode of", subject: printable(folder.path))
            }
        }
        guard lower.withPlatformString({ chmod($0, expectations.homePermissions) }) == 0 else {
            throw OperatorError.system(errno, doing: "setting the mode of", subject: lower.printable)
        }
        try FileSystem.removeTree(upper)
    }

    private static func kind(of path: FilePath) throws -> FileStatus.Kind? {
        guard try ConfigCheck.exists(path) else { return nil }
        do throws(Errno) {
            return try FileStatus(at: path).kind
        } catch {
            throw OperatorError.system(error.rawValue, doing: "looking at", subject: path.printable)
        }
    }
}
