internal import CLinux
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite struct FileSystemTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func names() throws -> [String] {
        try DirectoryListing.names(at: folder.path).map { printable($0) }
    }

    @Test(arguments: [-315_619_200, -1, 9_223_372_037, 15_032_385_534]) func anyTimeOfAFileIsTold(seconds: Int) throws {
        let path = folder.path.appending("file")
        try FileSystem.replace(path, with: Array("x".utf8))
        let times = [timespec](repeating: timespec(tv_sec: seconds, tv_nsec: 7), count: 2)
        try #require(path.withPlatformString { utimensat(AT_FDCWD, $0, times, 0) } == 0)
        let status = try FileStatus(at: path)
        #expect(status.modified == Int128(seconds) * 1_000_000_000 + 7)
        #expect(try FileStatus(following: path) == status)
    }

    /// Where a file system takes no folders it may say that the parent is missing, which it is not.
    @Test(arguments: ["/proc/hermes-ops", "/proc/hermes-ops/a/b"]) func foldersWhereNoneCanBeMade(path: String) {
        let error = #expect(throws: OperatorError.self) { try FileSystem.makeDirectory(FilePath(path)) }
        #expect(error?.exit == .cannotWrite)
        #expect(error?.subject == "/proc/hermes-ops")
    }

    @Test func missingParentsAreMade() throws {
        try FileSystem.makeDirectory(folder.path.pushing("a/b/c"))
        #expect(try FileStatus(at: folder.path.pushing("a/b/c")).permissions == 0o700)
    }

    @Test func replacesAsAWhole() throws {
        let path = folder.path.appending("settings")
        try FileSystem.replace(path, with: Array("old".utf8), permissions: 0o644)
        try FileSystem.replace(path, with: Array("new".utf8))
        #expect(try FileSystem.read(path, limit: 10) == Array("new".utf8))
        #expect(try FileStatus(at: path).permissions == 0o600)
        #expect(try names() == ["settings"])
    }

    @Test func leavesNothingOfAnAbandonedFile() throws {
        let path = folder.path.appending("settings")
        try FileSystem.replace(path, with: Array("old".utf8))
        do {
            let writer = try AtomicFile(path)
            try Array("half".utf8).withUnsafeBytes { try writer.write($0) }
        }
        #expect(try FileSystem.read(path, limit: 10) == Array("old".utf8))
        #expect(try names() == ["settings"])
    }

    @Test func keepsWhatIsThereWhenAskedTo() throws {
        let path = try folder.write("settings", "old")
        let writer = try AtomicFile(path)
        #expect(throws: OperatorError.self) { try writer.commit(replacing: false) }
        writer.discard()
        #expect(try FileSystem.read(path, limit: 10) == Array("old".utf8))
    }

    @Test func leavesNothingInAFolderThatWasRenamedMeanwhile() throws {
        let before = folder.path.appending("before")
        let after = folder.path.appending("after")
        try FileSystem.makeDirectory(before)
        let writer = try AtomicFile(before.appending("settings"))
        try FileSystem.rename(before, to: after)
        #expect(throws: OperatorError.self) { try writer.commit() }
        writer.discard()
        #expect(try DirectoryListing.names(at: after).isEmpty)
    }

    @Test func sweepsOnlyWhatDeadProcessesLeftOfTheFile() throws {
        // As large as no process id is.
        let dead = Int32.max
        let left = [
            ".a.b.\(dead).0011.tmp", ".c.\(dead).0011.tmp", ".a.b.\(getpid()).0011.tmp", ".a.b.x.0011.tmp", "a.b",
        ]
        for name in left { try folder.write(name, "x") }
        AtomicFile.sweep(folder.path.appending("a.b"))
        #expect(try Set(names()) == Set(left.dropFirst()))
        AtomicFile.sweep(in: folder.path) { $0 == "c" }
        #expect(try Set(names()) == Set(left.dropFirst(2)))
    }

    @Test func whatStandsThereIsNotRenamedOver() throws {
        let steps: [(Int32, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?) -> Int32] = [
            hx_rename_new, hx_rename_new_by_steps,
        ]
        for (number, rename) in steps.enumerated() {
            let new = folder.path.appending("new\(number)").string
            let old = try folder.write("old\(number)", "old").string
            #expect(rename(AT_FDCWD, old, AT_FDCWD, new) == 0)
            #expect(try FileSystem.read(FilePath(new), limit: 10) == Array("old".utf8))
            try folder.write("old\(number)", "next")
            #expect(rename(AT_FDCWD, old, AT_FDCWD, new) == -1 && errno == EEXIST)
            #expect(try FileSystem.read(FilePath(new), limit: 10) == Array("old".utf8))
            #expect(try FileSystem.read(FilePath(old), limit: 10) == Array("next".utf8))
            #expect(rename(AT_FDCWD, new + "none", AT_FDCWD, new + "other") == -1 && errno == ENOENT)
        }
    }

    @Test func onlyWhatIsMissingIsNotThere() throws {
        try folder.write("file", "x")
        #expect(try FileStatus.ifThere(at: folder.path.appending("file"))?.size == 1)
        #expect(try FileStatus.ifThere(at: folder.path.appending("none")) == nil)
        #expect(throws: OperatorError.self) { try FileStatus.ifThere(at: folder.path.pushing("file/x")) }
    }

    @Test func writesNamesOfAnyLength() throws {
        let name = String(repeating: "n", count: 255)
        try FileSystem.replace(folder.path.appending(name), with: [1])
        #expect(try names() == [name])
    }

    @Test func refusesToReadWhatIsNoFile() throws {
        let fifo = folder.path.appending("fifo")
        #expect(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
        #expect(throws: OperatorError.self) { try FileSystem.read(fifo, limit: 10) }
        #expect(throws: OperatorError.self) { try FileSystem.read(folder.path, limit: 10) }
        try folder.write("large", [UInt8](repeating: 0, count: 11))
        #expect(throws: OperatorError.self) { try FileSystem.read(folder.path.appending("large"), limit: 10) }
    }

    @Test func removesATreeButNotWhatALinkPointsTo() throws {
        let outside = try TemporaryDirectory()
        try outside.write("kept", "x")
        try folder.write("tree/deep/file", "x")
        let link = folder.path.appending("tree/deep/link")
        #expect(outside.path.withPlatformString { target in link.withPlatformString { symlink(target, $0) } } == 0)
        let deep = folder.path.appending("tree/deep")
        #expect(deep.withPlatformString { chmod($0, 0o500) } == 0)
        try FileSystem.removeTree(folder.path.appending("tree"))
        #expect(try names().isEmpty)
        #expect(try FileSystem.read(outside.path.appending("kept"), limit: 10) == Array("x".utf8))
        try FileSystem.removeTree(folder.path.appending("never there"))
    }

    @Test func walksEveryEntryOnceAndFollowsNothing() throws {
        try folder.write("b/file", "x")
        try folder.write("a", "x")
        let strange = FilePath(bytes: folder.path.bytes + Array("/bad\n".utf8) + [0xFF, 0xFE])
        try FileSystem.replace(strange, with: [1])
        let link = folder.path.appending("b/up")
        #expect(link.withPlatformString { symlink("..", $0) } == 0)
        var seen: [[UInt8]] = []
        try DirectoryWalk(folder.path).run { entry in
            seen.append(entry.path)
            return .descend
        } failing: { path, error in
            Issue.record("\(printable(path)): \(error)")
        }
        #expect(
            seen == [
                Array("a".utf8), Array("b".utf8), Array("b/file".utf8), Array("b/up".utf8),
                Array("bad\n".utf8) + [0xFF, 0xFE],
            ])
    }

    @Test func exchangesInOneStep() throws {
        let one = try folder.write("one", "1")
        let two = try folder.write("two", "2")
        #expect(try FileSystem.exchange(one, two))
        #expect(try FileSystem.read(one, limit: 1) == Array("2".utf8))
        #expect(try FileSystem.read(two, limit: 1) == Array("1".utf8))
    }
}

@Suite struct ConfinedDirectoryTests {
    let folder: TemporaryDirectory
    let outside: TemporaryDirectory
    let confined: ConfinedDirectory

    init() throws {
        folder = try TemporaryDirectory()
        outside = try TemporaryDirectory()
        try outside.write("secret", "x")
        let link = folder.path.appending("link")
        _ = outside.path.withPlatformString { target in link.withPlatformString { symlink(target, $0) } }
        confined = try ConfinedDirectory(folder.path)
    }

    @Test(arguments: ["/etc/passwd", "../x", "link/secret", "a/../../x", "", ".."])
    func refusesToLeave(path: String) throws {
        #expect(throws: (any Error).self) { try confined.openForReading(Array(path.utf8)).close() }
        #expect(throws: (any Error).self) { try confined.create(Array(path.utf8), permissions: 0o600).close() }
        #expect(throws: (any Error).self) { try confined.makeDirectory(Array(path.utf8), permissions: 0o700) }
        #expect(throws: (any Error).self) { try confined.makeSymlink(Array(path.utf8), to: [120]) }
    }

    @Test func makesWhatIsBelow() throws {
        try confined.makeDirectory(Array("d".utf8), permissions: 0o700)
        try confined.makeDirectory(Array("d".utf8), permissions: 0o700)
        try confined.create(Array("d/f".utf8), permissions: 0o640).close()
        try confined.makeSymlink(Array("d/l".utf8), to: Array("../../anywhere".utf8))
        #expect(try confined.readSymlink(Array("d/l".utf8)) == Array("../../anywhere".utf8))
        #expect(try confined.status(Array("d/l".utf8)).kind == .symlink)
        #expect(throws: (any Error).self) { try confined.create(Array("d/f".utf8), permissions: 0o600).close() }
        #expect(throws: (any Error).self) { try confined.makeDirectory(Array("link".utf8), permissions: 0o700) }
    }
}
