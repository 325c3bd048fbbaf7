internal import Glibc
public import SystemPackage

extension FileStatus {
    /// What stat(2) tells: the status of what a path leads to, symlinks followed.
    public init(following path: FilePath) throws(Errno) {
        var status = stat()
        guard path.withPlatformString({ stat($0, &status) }) == 0 else { throw Errno(rawValue: errno) }
        self.init(status)
    }
}
