internal import Dispatch
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// A home, a key, and what tests do with them.
struct BundleBench {
    let folder: TemporaryDirectory
    let identity: AgeIdentity
    var home: FilePath { folder.path.appending("home") }
    var staging: FilePath { folder.path.appending("staging") }

    /// The bench that another process made.
    init(reopening path: FilePath) {
        folder = TemporaryDirectory(adopting: path)
        identity = AgeIdentity.generate()
    }

    /// The identity as the file holds it.
    func keys() throws -> [AgeIdentity] { try IdentityFile.load(folder.path.appending("key.txt")) }

    init() throws {
        identity = AgeIdentity.generate()
        folder = try TemporaryDirectory()
        try FileSystem.makeDirectory(folder.path.appending("home"))
        try FileSystem.replace(
            folder.path.appending("key.txt"),
            with: IdentityFile.text(of: identity, created: Timestamp(seconds: 0)).withUnsafeBytes { Array($0) })
    }

    func request(_ name: String = "one.tar.zst.age") throws -> BundleRequest {
        BundleRequest(
            instance: "bheem", home: home, recipients: [try #require(try keys()[0].recipient())],
            target: .file(folder.path.appending(name)), staging: staging, runnerVersion: "0.1.0"
        ) { path, _ in
            String(decoding: path, as: UTF8.self).hasPrefix("logs") ? .skip(reason: "regenerable") : .include
        }
    }

    func create(_ name: String = "one.tar.zst.age") throws -> BundleFile { try BundleWriter.create(try request(name)) }

    func extract(_ file: FilePath, into name: String) throws -> ExtractedBundle {
        try BundleReader.extract(
            try FileSource(file), identities: [identity], into: folder.path.appending(name))
    }
}

/// Two listings are the same; only what differs is shown.
func expectSame(_ one: String, _ other: String, location: SourceLocation = #_sourceLocation) {
    let difference = Set(one.split(separator: "\n")).symmetricDifference(other.split(separator: "\n"))
    #expect(difference.sorted().map { $0.prefix(200) } == [], sourceLocation: location)
}

/// Prints one line for everything below a folder: path, kind, mode, time in nanoseconds, link text, SHA-256.
let listing = #"""
    import hashlib, os, stat, sys
    root = os.fsencode(sys.argv[1])
    def show(path):
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK): return
        digest = ''
        if kind == stat.S_IFREG: digest = hashlib.sha256(open(path, 'rb').read()).hexdigest()
        if kind == stat.S_IFLNK: digest = os.readlink(path)
        print(os.path.relpath(path, root), oct(status.st_mode), status.st_mtime_ns, digest)
    for folder, names, files in os.walk(root):
        show(folder)
        for name in sorted(names + files):
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isdir(path): show(path)
    """#

let awkwardHome = #"""
    import os, socket, sqlite3
    os.chdir('home')
    os.makedirs('memories/empty folder'); os.makedirs('logs'); os.makedirs('skills/deep/' + '/'.join(['d' * 200] * 5))
    def put(name, data, mode=0o600, time=None):
        with open(name, 'wb') as f: f.write(data)
        os.chmod(name, mode)
        if time is not None: os.utime(name, ns=(time, time))
    put('.env', b'A=1\n', 0o600, 1700000000123456789)
    put('config.yaml', b'model: x\n', 0o640, 1)
    put('old', b'before the epoch', 0o644, -1500000001)
    put('zero', b'', 0o400)
    put('run.sh', b'#!/bin/sh\n', 0o755)
    put('memories/ünïcødé ☃ 日本', b'composed')
    put('memories/e\u0301.txt', b'decomposed'); put('memories/\u00e9.txt', b'composed')
    put(b'memories/not-\xff\xfe-utf8', b'bytes')
    put('memories/line\nfeed\\and "quotes"', b'x')
    put('n' * 255, b'long name')
    put('skills/deep/' + '/'.join(['d' * 200] * 5) + '/' + 'f' * 200, b'long path')
    put('blob', os.urandom(5_000_000)); put('text', b'the same line again and again\n' * 200000)
    put('logs/agent.log', b'regenerable')
    os.symlink('config.yaml', 'link'); os.symlink('/etc/passwd', 'absolute'); os.symlink('x' * 3000, 'dangling')
    os.symlink(b'caf\xe9', b'memories/link-\xe9')
    for number, text in enumerate(['skills/', 'skills//deep', './config.yaml', '//', 'skills/../memories///', '/etc/', '.']):
        os.symlink(text, 'link%d' % number)
    os.mkfifo('pipe'); s = socket.socket(socket.AF_UNIX); s.bind('socket')
    with open('sparse', 'wb') as f:
        f.seek(20_000_000); f.write(b'data'); f.seek(50_000_000); f.write(b'more'); f.truncate(60_000_000)
    with open('hole', 'wb') as f: f.truncate(20_000_000)
    os.link('run.sh', 'hardlink')
    os.chmod('memories/empty folder', 0o500)
    os.utime('memories', ns=(5, 1600000000999999999)); os.utime('link', ns=(7, 7000000001), follow_symlinks=False)
    """#

@Suite struct BundleTests {
    @Test func anAwkwardHomeComesBackWithStockTools() async throws {
        let bench = try BundleBench()
        try await shell("python3 -c \"$1\"", in: bench.folder.path, [awkwardHome])
        let file = try bench.create()
        #expect(try FileStatus(at: file.path).permissions == 0o600)
        try await shell(
            "mkdir stock && age -d -i key.txt one.tar.zst.age | tar --zstd -x -C stock", in: bench.folder.path)
        let script = "python3 -c \"$1\" $2 | grep -v \"^b'logs\""
        let before = try await shell(script, in: bench.folder.path, [listing, "home"])
        #expect(before.split(separator: "\n").count > 25)
        let stock = try await shell(script, in: bench.folder.path, [listing, "stock/bheem/home"])
        expectSame(stock, before)
        let extracted = try bench.extract(file.path, into: "ours")
        #expect(extracted.home == bench.folder.path.appending("ours/bheem/home"))
        let ours = try await shell(script, in: bench.folder.path, [listing, "ours/bheem/home"])
        expectSame(ours, before)
        for place in ["stock", "ours"] {
            // Sparse files stay sparse, and the canary comes back.
            for name in ["sparse", "hole"] {
                let status = try FileStatus(at: bench.folder.path.appending("\(place)/bheem/home/\(name)"))
                #expect(status.blocks * 512 < 1_000_000, "\(place)/\(name)")
            }
            let canary = bench.folder.path.appending("\(place)/bheem/CANARY")
            #expect(try FileSystem.read(canary, limit: 4096) == BundleCanary.bytes)
        }
        let manifest = extracted.manifest
        #expect(Set(manifest.skipped.map(\.path.description)) == ["home/logs", "home/pipe", "home/socket"])
        #expect(Set(manifest.warnings.map(\.path.description)) == ["home/absolute", "home/link3", "home/link5"])
        #expect(manifest.warnings.allSatisfy { $0.reason.contains("a link out of the home") })
        #expect(manifest.counts == file.manifest.counts)
        #expect(
            manifest.entries.contains {
                $0.path.bytes == Array("home/memories/not-".utf8) + [255, 254] + Array("-utf8".utf8)
            })
        // Inspecting says the same and writes nothing.
        #expect(try BundleReader.inspect(try FileSource(file.path), identities: [bench.identity]) == manifest)
        #expect(try DirectoryListing.names(at: bench.staging).isEmpty)
        let sums = try await shell(
            "sha256sum one.tar.zst.age; md5sum one.tar.zst.age; stat -c %s one.tar.zst.age", in: bench.folder.path)
        #expect(sums.contains(hex(file.sha256)))
        #expect(sums.contains(hex(try file.md5())))
        #expect(sums.contains("\(file.size)"))
    }

    @Test func theFolderGetsTheNameAndNothingElse() throws {
        let bench = try BundleBench()
        try bench.folder.write("home/a", "x")
        var request = try bench.request()
        let out = bench.folder.path.appending("out")
        try FileSystem.makeDirectory(out)
        request.target = .folder(out)
        let time = ManualTime()
        // What a writer that died left behind goes; what may belong to one that lives, or to others, stays.
        let dead = ".bheem-20261122T031500Z.tar.zst.age.4194304.0a0a0a0a0a0a.tmp"
        let kept = [
            ".bheem-20261122T031500Z.tar.zst.age.\(getpid()).0a0a0a0a0a0a.tmp",
            ".vijay-20261122T031500Z.tar.zst.age.4194304.0a0a0a0a0a0a.tmp",
        ]
        for name in kept + [dead] { try bench.folder.write("out/\(name)", "x") }
        let file = try BundleWriter.create(request, time: time)
        for name in kept { try FileSystem.removeTree(out.appending(name)) }
        #expect(try DirectoryListing.names(at: out) == [Array("bheem-\(time.now.compact).tar.zst.age".utf8)])
        #expect(BundleName(file.path.lastComponent?.string ?? "") == file.name)
        for wrong in [
            "bheem-20261122T031500Z.tar.zst", "Bheem-20261122T031500Z.tar.zst.age",
            "bheem-20261322T031500Z.tar.zst.age", "-20261122T031500Z.tar.zst.age", "bheem20261122T031500Z.tar.zst.age",
        ] {
            #expect(BundleName(wrong) == nil, "\(wrong)")
        }
        #expect(BundleName("a-b-20261122T031500Z.tar.zst.age")?.instance == "a-b")
    }

    @Test func aBundleWrittenIntoTheHomeDoesNotHoldItself() throws {
        let bench = try BundleBench()
        try bench.folder.write("home/a", "x")
        var request = try bench.request()
        request.target = .file(bench.home.appending("b.tar.zst.age"))
        request.staging = bench.home.appending("staging")
        let file = try BundleWriter.create(request)
        let manifest = try BundleReader.inspect(try FileSource(file.path), identities: [bench.identity])
        #expect(manifest.entries.map(\.path.description) == ["home", "home/a", "home/staging", "CANARY"])
    }

    @Test func aFileThatChangesIsSaidAndTheBundleIsWhole() async throws {
        let bench = try BundleBench()
        try bench.folder.write("home/a", "x")
        try bench.folder.write("home/grows.log", [UInt8](repeating: 65, count: 30_000_000))
        try bench.folder.write("home/shrinks.log", [UInt8](repeating: 65, count: 30_000_000))
        let grown = bench.home.appending("grows.log")
        let shrunk = bench.home.appending("shrinks.log")
        var request = try bench.request()
        // The walk asks about the next path after it has written the one before: `decide` sees the moment before each file.
        let reader = ChangingReader(grown: grown, shrunk: shrunk)
        request.decide = { path, status in reader.decide(path, status) }
        let file = try BundleWriter.create(request, progress: reader)
        let reasons = Dictionary(uniqueKeysWithValues: file.manifest.warnings.map { ($0.path.description, $0.reason) })
        #expect(reasons["home/grows.log"]?.contains("changed") == true)
        #expect(reasons["home/shrinks.log"]?.contains("shorter") == true)
        try await shell("age -d -i key.txt one.tar.zst.age | tar --zstd -t >/dev/null", in: bench.folder.path)
        let extracted = try bench.extract(file.path, into: "ours")
        #expect(try FileStatus(at: extracted.home.appending("grows.log")).size == 30_000_000)
    }

    @Test func whatCannotBeReadIsSaid() async throws {
        let bench = try BundleBench()
        try bench.folder.write("home/fine", "x")
        // Root reads everything: a file whose reading fails with EIO is found in /proc.
        var request = try bench.request()
        request.home = "/proc/self/attr"
        request.decide = { path, _ in .include }
        let file = try BundleWriter.create(request)
        let manifest = try BundleReader.inspect(try FileSource(file.path), identities: [bench.identity])
        #expect(manifest.counts.directories >= 1)
        request.home = bench.folder.path.appending("absent")
        #expect(failure { _ = try BundleWriter.create(request) } != nil)
        #expect(try DirectoryListing.names(at: bench.staging).isEmpty)
    }

    /// In a process of its own: the limit of a file's size stands for the full disk.
    @Test func aFullDiskLeavesNothing() async {
        await #expect(processExitsWith: .exitCode(42)) {
            let bench = try BundleBench()
            var generator = SeededGenerator(4)
            try bench.folder.write("home/blob", generator.bytes(3_000_000))
            let file = try bench.create()
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1_000_000, rlim_max: 1_000_000)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            try #require(failure { _ = try bench.create("two.tar.zst.age") } != nil)
            try #require(failure { _ = try bench.extract(file.path, into: "ours") } != nil)
            let names = try DirectoryListing.names(at: bench.folder.path).map { String(decoding: $0, as: UTF8.self) }
            try #require(names == ["home", "key.txt", "one.tar.zst.age", "staging"])
            try FileSystem.removeTree(bench.folder.path)
            exit(42)
        }
    }

    /// Killed at any moment: no bundle that is not whole, no copy of a database, and the next run sweeps the rest.
    @Test func killedWritersLeaveNoPlaintext() async throws {
        let bench = try BundleBench()
        try await shell(
            #"""
            python3 -c "
            import os, sqlite3
            c = sqlite3.connect('home/state.db'); c.execute('pragma journal_mode=wal'); c.execute('create table t(a)')
            for n in range(60): c.execute('insert into t values (randomblob(1000000))')
            c.commit()
            os.system('cp home/state.db home/state.db-wal home/copy 2>/dev/null; cp home/state.db kept.db; cp home/state.db-wal kept.db-wal')
            c.close()
            for f in ('', '-wal'): os.rename('kept.db' + f, 'home/state.db' + f)"
            """#, in: bench.folder.path)
        let folder = bench.folder.path.string
        for round in 0..<(isStress ? 60 : 3) {
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, round = round as Int] in
                let bench = BundleBench(reopening: FilePath(folder))
                var request = try bench.request()
                request.target = .folder(bench.folder.path)
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(10 + round * 97 % 500)) {
                    kill(getpid(), SIGKILL)
                }
                while true { _ = try BundleWriter.create(request) }
            }
        }
        // Whatever is there under a bundle's name is whole.
        for bytes in try DirectoryListing.names(at: bench.folder.path) {
            let name = String(decoding: bytes, as: UTF8.self)
            guard BundleName(name) != nil else { continue }
            _ = try BundleReader.inspect(
                try FileSource(bench.folder.path.appending(name)), identities: bench.keys())
        }
        var request = try bench.request()
        request.target = .folder(bench.folder.path)
        _ = try BundleWriter.create(request)
        #expect(try DirectoryListing.names(at: bench.staging).isEmpty)
        let left = try DirectoryListing.names(at: bench.folder.path).map { String(decoding: $0, as: UTF8.self) }
        #expect(!left.contains { $0.hasSuffix(".tmp") }, "\(left)")
    }

    @Test func cancellationLeavesNothing() throws {
        let bench = try BundleBench()
        try bench.folder.write("home/blob", [UInt8](repeating: 3, count: 30_000_000))
        let flag = CancellationFlag()
        let stopper = StoppingReporter(flag)
        #expect(throws: CancellationError.self) {
            _ = try BundleWriter.create(try bench.request(), progress: stopper, cancellation: flag)
        }
        let file = try bench.create()
        let other = CancellationFlag()
        #expect(throws: CancellationError.self) {
            _ = try BundleReader.extract(
                try FileSource(file.path), identities: [bench.identity], into: bench.folder.path.appending("ours"),
                progress: StoppingReporter(other), cancellation: other)
        }
        let names = try DirectoryListing.names(at: bench.folder.path).map { String(decoding: $0, as: UTF8.self) }
        #expect(names == ["home", "key.txt", "one.tar.zst.age", "staging"])
    }

    @Test func setIDBitsAreStripped() throws {
        let bench = try BundleBench()
        let tool = try bench.folder.write("home/tool", "x")
        try #require(chmod(tool.string, 0o6755) == 0)
        let extracted = try bench.extract(try bench.create().path, into: "ours")
        #expect(try FileStatus(at: extracted.home.appending("tool")).permissions == 0o755)
    }

    @Test func onlyAnEmptyTargetIsTaken() throws {
        let bench = try BundleBench()
        try bench.folder.write("home/a", "x")
        let file = try bench.create()
        try bench.folder.write("full/kept", "y")
        #expect(failure { _ = try bench.extract(file.path, into: "full") }?.exit == .usage)
        #expect(try DirectoryListing.names(at: bench.folder.path.appending("full")).count == 1)
        try FileSystem.makeDirectory(bench.folder.path.appending("empty"))
        #expect(try bench.extract(file.path, into: "empty").manifest.instance == "bheem")
    }
}

/// Cancels at the first piece of data.
private final class StoppingReporter: ProgressReporter {
    private let flag: CancellationFlag
    init(_ flag: CancellationFlag) { self.flag = flag }
    func begin(_ phase: String, total: Int64?) {}
    func advance(_ amount: Int64) { flag.cancel() }
    func end() {}
}

/// Lets a file grow and another shrink after their first piece was read.
private final class ChangingReader: ProgressReporter, @unchecked Sendable {
    // Unchecked: the writer calls all of this from one thread.
    private let grown: FilePath, shrunk: FilePath
    private var current: [UInt8] = []

    init(grown: FilePath, shrunk: FilePath) {
        self.grown = grown
        self.shrunk = shrunk
    }

    func decide(_ path: [UInt8], _ status: FileStatus) -> BundleDecision {
        current = path
        return .include
    }

    func begin(_ phase: String, total: Int64?) {}
    func end() {}

    func advance(_ amount: Int64) {
        if current == Array("grows.log".utf8) {
            if let file = try? FileDescriptor.open(grown, .writeOnly, options: .append) {
                _ = try? file.closeAfter { try file.writeAll([1, 2, 3]) }
            }
        } else if current == Array("shrinks.log".utf8) {
            truncate(shrunk.string, 5_000_000)
        }
    }
}
