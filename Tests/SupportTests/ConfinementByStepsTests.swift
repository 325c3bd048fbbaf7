internal import CLinux
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Where openat2(2) is forbidden, as by systemd's RestrictSUIDSGID=, names are resolved by steps: with the same answers.
@Suite struct ConfinementByStepsTests {
    @Test(
        arguments: [
            "file", "folder", "folder/inner", "folder//inner", "./folder/./inner", "link", "up", "up/secret",
            "folder/out/secret",
            "/etc/passwd", "", "..", "folder/../file", "../x", "none", "none/x", "file/x", "file/", "folder/", "loop/x",
            "fifo",
            String(repeating: "n", count: 300), "folder/" + String(repeating: "n", count: 300),
        ])
    func answersAsTheKernelDoes(path: String) throws {
        let outside = try TemporaryDirectory()
        let folder = try TemporaryDirectory()
        try outside.write("secret", "x")
        try folder.write("file", "x")
        try FileSystem.makeDirectory(folder.path.appending("folder"))
        try folder.write("folder/inner", "x")
        #expect(symlink("file", folder.path.appending("link").string) == 0)
        #expect(symlink(outside.path.string, folder.path.appending("up").string) == 0)
        #expect(symlink(outside.path.string, folder.path.appending("folder/out").string) == 0)
        #expect(symlink("loop", folder.path.appending("loop").string) == 0)
        #expect(mkfifo(folder.path.appending("fifo").string, 0o600) == 0)
        let root = try FileDescriptor.open(folder.path, .readOnly, options: [.directory])
        defer { root.closeQuietly() }
        let read = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW
        let make = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        for flags in [read, read | O_DIRECTORY, make] {
            let mode: UInt32 = flags == make ? 0o600 : 0
            let byKernel = answer(hx_openat2_beneath(root.rawValue, path, flags, mode), path, root)
            if flags == make, byKernel == 0 { #expect(unlinkat(root.rawValue, path, 0) == 0) }
            let bySteps = answer(hx_openat_beneath_by_steps(root.rawValue, path, flags, mode), path, root)
            // What goes up and comes back within the folder is refused by steps.
            if path == "folder/../file" { #expect(bySteps == EXDEV) } else { #expect(bySteps == byKernel, "\(flags)") }
            if flags == make, bySteps == 0 { #expect(unlinkat(root.rawValue, path, 0) == 0) }
        }
        #expect(try DirectoryListing.names(at: outside.path).count == 1)
    }

    /// 0 for an open file, else the errno.
    private func answer(_ descriptor: Int32, _ path: String, _ root: FileDescriptor) -> Int32 {
        guard descriptor >= 0 else { return errno }
        close(descriptor)
        return 0
    }
}
