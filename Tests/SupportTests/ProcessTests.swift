internal import Dispatch
internal import Glibc
internal import Support
internal import Synchronization
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite struct ProcessTests {
    @Test func knowsWhoIsAlive() {
        var me = ProcessIdentity.current
        #expect(me.pid == getpid())
        #expect(me.isAlive)
        me.startTime += 1
        #expect(!me.isAlive, "the same pid with another start time is another process")
        me = .current
        me.bootID = String(repeating: "0", count: 32)
        #expect(!me.isAlive, "the same pid after another boot is another process")
    }

    @Test func locksOnceAndFreesWithItsOwner() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path.appending("job.lock")
        do {
            let lock = try #require(try FileLock(path))
            #expect(try FileLock(path) == nil)
            let text = String(decoding: try FileSystem.read(path, limit: 500), as: UTF8.self)
            #expect(text.contains("\"pid\":\(getpid())"))
            withExtendedLifetime(lock) {}
        }
        #expect(try FileLock(path) != nil)
    }

    /// Whoever does not get a lock closes its own descriptor, once: another thread may have that number by then.
    @Test func aLockThatIsHeldClosesNothingElse() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path.appending("job.lock")
        let lock = try #require(try FileLock(path))
        let lost = Atomic<Int>(0)
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            for _ in 0..<20_000 {
                if worker.isMultiple(of: 2) {
                    _ = try? FileLock(path)
                } else {
                    // A copy takes a free number faster than anything else that does.
                    let file = fcntl(null, F_DUPFD_CLOEXEC, 0)
                    usleep(1)
                    if close(file) != 0 { lost.wrappingAdd(1, ordering: .relaxed) }
                }
            }
        }
        withExtendedLifetime(lock) {}
        #expect(lost.load(ordering: .relaxed) == 0)
    }
}

@Suite struct SecretTests {
    @Test func isNeverPrinted() {
        let secret = Secret(Array("correct horse".utf8))
        var dumped = ""
        dump(secret, to: &dumped)
        #expect("\(secret) \(String(reflecting: secret))" == "«secret» «secret»")
        #expect(!dumped.contains("horse"))
        #expect(secret.withUnsafeBytes { Array($0) } == Array("correct horse".utf8))
        #expect(secret == Secret(Array("correct horse".utf8)))
        #expect(secret != Secret(Array("correct horsf".utf8)))
        #expect(secret.withCString { strlen($0) } == 13)
        #expect(Secret([1, 0, 2]).withCString { strlen($0) } == nil)
        #expect(Secret([]).count == 0)
    }
}

@Suite struct DigestTests {
    @Test func agreesWithTheStandards() {
        // FIPS 180-2 appendix B.1, RFC 1321 section A.5, and RFC 7693's parameters by libsodium.
        #expect(
            hex(Digest.of(Array("abc".utf8), .sha256))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hex(Digest.of(Array("abc".utf8), .sha1)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex(Digest.of(Array("abc".utf8), .md5)) == "900150983cd24fb0d6963f7d28e17f72")
        #expect(hex(Digest.of([], .sha1)) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }
}
