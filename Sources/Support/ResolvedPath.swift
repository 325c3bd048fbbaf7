internal import Glibc
public import SystemPackage

extension FilePath {
    /// The path as seen from the folder that the program was started in.
    public var absolute: FilePath {
        guard !isAbsolute, let text = getcwd(nil, 0) else { return self }
        defer { free(text) }
        return FilePath(platformString: text).pushing(self)
    }

    /// The path without symlinks, as far as it exists; what does not exist yet stays as it is written.
    public var resolvingLinks: FilePath {
        if let real = withPlatformString({ realpath($0, nil) }) {
            defer { free(real) }
            return FilePath(platformString: real)
        }
        let parent = removingLastComponent()
        guard let last = lastComponent, !parent.isEmpty else { return self }
        return parent.resolvingLinks.appending(last)
    }
}
