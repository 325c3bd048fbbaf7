internal import Glibc
internal import SystemPackage

/// Where the program was started.
enum WorkingDirectory {
    static var path: String {
        guard let text = getcwd(nil, 0) else { return "/" }
        defer { free(text) }
        return String(cString: text)
    }

    /// A path as seen from there.
    static func absolute(_ path: FilePath) -> FilePath { path.isAbsolute ? path : FilePath(self.path).pushing(path) }
}
