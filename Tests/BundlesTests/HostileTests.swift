internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// Bundles that were damaged on their way, and bundles that were made to do harm.
@Suite struct HostileTests {
    /// Every way to read a bundle ends in exit 65, and nothing is left.
    private func expectRefused(
        _ bytes: [UInt8], _ bench: BundleBench, _ what: String, location: SourceLocation = #_sourceLocation
    ) throws {
        let target = bench.folder.path.appending("target")
        let error = failure {
            _ = try BundleReader.extract(
                MemorySource(bytes), identities: [bench.identity], into: target,
                limits: BundleLimits(bytes: 200 << 20, entries: 10_000))
        }
        #expect(error?.exit == .damagedInput, "\(what): \(error?.description ?? "opened")", sourceLocation: location)
        let left = try DirectoryListing.names(at: bench.folder.path).map { String(decoding: $0, as: UTF8.self) }
        #expect(
            !left.contains("target") && !left.contains { $0.hasSuffix(".partial") }, "\(what): \(left)",
            sourceLocation: location)
    }

    private func goodBundle(_ bench: BundleBench) throws -> [UInt8] {
        var generator = SeededGenerator(11)
        try bench.folder.write("home/a", "a file\n")
        try bench.folder.write("home/folder/blob", generator.bytes(300_000))
        return try FileSystem.read(try bench.create().path, limit: 10 << 20)
    }

    @Test func everyFlippedBitIsSeen() throws {
        let bench = try BundleBench()
        let good = try goodBundle(bench)
        var generator = SeededGenerator(1)
        // All of the header and nonce, the edges of the chunks, and samples of the rest.
        var places = Set(0..<260)
        for chunk in 0...(good.count / 65552) { places.formUnion((chunk * 65552 + 190)..<(chunk * 65552 + 250)) }
        places.formUnion((good.count - 40)..<good.count)
        for _ in 0..<(isStress ? 4000 : 120) { places.insert(Int.random(in: 0..<good.count, using: &generator)) }
        for place in places.sorted() where place < good.count {
            var bad = good
            bad[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            let error = failure {
                _ = try BundleReader.inspect(MemorySource(bad), identities: [bench.identity])
            }
            #expect(error?.exit == .damagedInput, "byte \(place)")
        }
        var bad = good
        bad[good.count / 2] ^= 1
        try expectRefused(bad, bench, "a flipped bit")
    }

    @Test func cutAndLengthenedBundlesAreSeen() throws {
        let bench = try BundleBench()
        let good = try goodBundle(bench)
        var generator = SeededGenerator(2)
        var lengths = Set(0..<230)
        for chunk in 0...(good.count / 65552) { lengths.formUnion((chunk * 65552 + 180)..<(chunk * 65552 + 225)) }
        lengths.formUnion((good.count - 20)..<good.count)
        for _ in 0..<(isStress ? 3000 : 100) { lengths.insert(Int.random(in: 0..<good.count, using: &generator)) }
        for length in lengths.sorted() where length < good.count {
            let error = failure {
                _ = try BundleReader.inspect(MemorySource(Array(good[..<length])), identities: [bench.identity])
            }
            #expect(error?.exit == .damagedInput, "cut to \(length)")
        }
        for extra in [1, 15, 16, 17, 1000, 65552, 200_000] {
            try expectRefused(good + generator.bytes(extra), bench, "\(extra) bytes appended")
            try expectRefused(good + [UInt8](repeating: 0, count: extra), bench, "\(extra) zeros appended")
        }
        try expectRefused(good + good, bench, "appended to itself")
        try expectRefused(Array(good[..<(good.count / 2)]), bench, "cut in half")
        try expectRefused([], bench, "empty")
    }

    @Test func movedChunksAreSeen() throws {
        let bench = try BundleBench()
        let good = try goodBundle(bench)
        let marker = try #require(good.firstRange(of: Array("\n--- ".utf8)))
        let start = try #require(good[marker.upperBound...].firstIndex(of: 10)) + 1 + 16
        func chunk(_ index: Int) -> Range<Int> { (start + index * 65552)..<(start + (index + 1) * 65552) }
        var swapped = good
        swapped.replaceSubrange(chunk(0), with: good[chunk(1)])
        swapped.replaceSubrange(chunk(1), with: good[chunk(0)])
        try expectRefused(swapped, bench, "swapped")
        try expectRefused(Array(good[..<chunk(1).lowerBound] + good[chunk(1).upperBound...]), bench, "one removed")
        try expectRefused(Array(good[..<chunk(1).upperBound] + good[chunk(1).lowerBound...]), bench, "one doubled")
        let other = try FileSystem.read(try bench.create("two.tar.zst.age").path, limit: 10 << 20)
        var mixed = good
        mixed.replaceSubrange(chunk(2), with: other[chunk(2)])
        try expectRefused(mixed, bench, "from another bundle")
    }

    @Test func theWrongKeyIsSaid() throws {
        let bench = try BundleBench()
        let good = try goodBundle(bench)
        let error = failure {
            _ = try BundleReader.inspect(MemorySource(good), identities: [.generate(), .generate(postQuantum: true)])
        }
        #expect(error?.type == "age-no-match" && error?.exit == .damagedInput)
    }

    /// What the attacker puts into an archive whose manifest he can write too; `m` is the list of the entries.
    private static let attacks: [(name: String, script: String)] = [
        ("absolute name", "add('/tmp/hermes-ops-evil', b'x')"),
        ("dot dot", "add('bheem/home/../../../evil', b'x')"),
        ("dot", "add('bheem/home/./a2', b'x')"),
        ("empty component", "add('bheem/home//a2', b'x')"),
        ("another instance", "add('other/home/a2', b'x')"),
        ("the instance's folder is a symlink", "first = [link('bheem', '/tmp')]"),
        ("through a symlink", "items += [link('bheem/home/out', '/tmp')]; add('bheem/home/out/evil', b'x')"),
        ("over a symlink", "items += [link('bheem/home/out', '/tmp/hermes-ops-evil')]; add('bheem/home/out', b'x')"),
        (
            "a symlink for a folder",
            "items += [folder('bheem/home/d'), link('bheem/home/d', '/tmp')]; add('bheem/home/d/evil', b'x')"
        ),
        ("hard link out", "items += [special('bheem/home/h', tarfile.LNKTYPE, '/etc/passwd')]"),
        ("hard link within", "items += [special('bheem/home/h', tarfile.LNKTYPE, 'bheem/home/a')]"),
        ("block device", "items += [special('bheem/home/dev', tarfile.BLKTYPE)]"),
        ("character device", "items += [special('bheem/home/dev', tarfile.CHRTYPE)]"),
        ("fifo", "items += [special('bheem/home/pipe', tarfile.FIFOTYPE)]"),
        ("contiguous file", "items += [special('bheem/home/c', tarfile.CONTTYPE)]"),
        ("twice", "add('bheem/home/a', b'again')"),
        ("no parent", "add('bheem/home/missing/a', b'x')"),
        ("below a file", "add('bheem/home/a/b', b'x')"),
        ("zip bomb", "add('bheem/home/bomb', b'\\0' * (300 << 20))"),
        ("too many", "items += [folder('bheem/home/%d' % n) for n in range(10050)]"),
        ("after the manifest", "after = [file('bheem/home/late', b'x')]"),
        ("an unlisted file", "items += [file('bheem/home/extra', b'x')]"),
        ("a listed file is missing", "m['entries'].append(dict(m['entries'][1], path='home/absent'))"),
        ("another size", "m['entries'][1]['size'] = 5"),
        ("another hash", "m['entries'][1]['sha256'] = '0' * 64"),
        ("another mode", "m['entries'][1]['mode'] = '0777'"),
        ("a mode of three digits", "m['entries'][1]['mode'] = '600'"),
        ("a mode that is no number", "m['entries'][1]['mode'] = '+600'"),
        ("a byte order mark", "manifest = b'\\xef\\xbb\\xbf' + json.dumps(m).encode()"),
        ("another time", "m['entries'][1]['modified'] += 1"),
        ("another kind", "m['entries'][1]['kind'] = 'directory'"),
        ("listed twice", "m['entries'].append(m['entries'][1])"),
        ("other counts", "m['counts']['files'] += 1"),
        ("another instance's manifest", "m['instance'] = 'vijay'"),
        (
            "a database that is not there",
            "m['databases'].append(dict(path='home/b.db', copy='snapshot', integrityCheck=['ok'], rows={}))"
        ),
        (
            "a database elsewhere",
            "m['databases'].append(dict(path='home/../../b.db', copy='snapshot', integrityCheck=['ok'], rows={}))"
        ),
        (
            "a database that is a folder",
            "m['databases'].append(dict(path='home', copy='snapshot', integrityCheck=['ok'], rows={}))"
        ),
        ("a manifest of zeros", "manifest = json.dumps(m)[:-1].encode() + b', \"x\": [' + b'0,' * (20 << 20) + b'0]}'"),
        ("an endless entry", "manifest = b'{\"entries\":[' + b'[' * (20 << 20)"),
        ("no entries", "del m['entries']"),
        ("newer format", "m['formatVersion'] = 2"),
        ("no format", "del m['formatVersion']"),
        ("no manifest", "manifest = False"),
        ("not JSON", "manifest = b'{'"),
        ("a key twice", "manifest = json.dumps(m)[:-1].encode() + b', \"entries\": []}'"),
        ("a key twice, first", "manifest = b'{\"entries\": [], ' + json.dumps(m)[1:].encode()"),
        (
            "a key of an entry twice",
            "manifest = json.dumps(m).replace('\"path\": \"home/a\"', '\"path\": \"home/b\", \"path\": \"home/a\"').encode()"
        ),
        ("a long name", "add('bheem/home/' + 'n' * 256, b'x')"),
        ("deep JSON", "manifest = b'[' * 1000000"),
        ("another canary", "canary = b'tweet'"),
        ("garbage after the tar", "tail = b'garbage' * 200"),
        ("cut tar", "cut = 700"),
        ("bad checksum", "patch = (148, b'0000000')"),
        ("garbage after zstd", "trailer = b'garbage'"),
        (
            "half a frame more",
            "trailer = subprocess.run(['zstd', '-c'], input=b'x' * 99, capture_output=True).stdout[:-3]"
        ),
        ("not zstd", "plain = True"),
    ]

    private static let forge = #"""
        import copy, hashlib, io, json, subprocess, sys, tarfile
        def file(name, data): t = tarfile.TarInfo(name); t.size = len(data); t.mode = 0o600; return (t, data)
        def special(name, kind, link='', mode=0o600): t = tarfile.TarInfo(name); t.type = kind; t.linkname = link; t.mode = mode; return (t, None)
        def folder(name): return special(name, tarfile.DIRTYPE, mode=0o700)
        def link(name, to): return special(name, tarfile.SYMTYPE, to, 0o777)
        def entry(path, kind, mode, **more): return dict(path=path, kind=kind, mode=mode, modified=0, **more)
        def listed(path, data): return entry(path, 'file', '0600', size=len(data), sha256=hashlib.sha256(data).hexdigest())
        first = [folder('bheem')]; items = []; after = []; manifest = None; tail = b''; cut = 0; patch = None; trailer = b''; plain = False
        canary = b'hermes-ops-runner canary\n' + bytes(range(256))
        m = dict(formatVersion=1, instance='bheem', created='2026-11-22T03:15:00Z', runnerVersion='0', databases=[], skipped=[], warnings=[],
                 counts=dict(files=2, directories=1, symlinks=0, bytes=2 + len(canary)),
                 entries=[entry('home', 'directory', '0700'), listed('home/a', b'hi')])
        def add(name, data):
            items.append(file(name, data))
            m['entries'].append(listed(name.removeprefix('bheem/'), data)); m['counts']['files'] += 1; m['counts']['bytes'] += len(data)
        m['entries'].append(listed('CANARY', canary))
        exec(sys.argv[1])
        out = io.BytesIO(); t = tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT)
        body = first + [folder('bheem/home'), file('bheem/home/a', b'hi')] + items + [file('bheem/CANARY', canary)]
        if manifest is not False: body.append(file('bheem/manifest.json', manifest or json.dumps(m).encode()))
        for info, data in body + after: t.addfile(info, io.BytesIO(data) if data is not None else None)
        t.close(); tar = bytearray(out.getvalue()) + tail
        if patch: tar[patch[0]:patch[0] + len(patch[1])] = patch[1]
        if cut: del tar[cut:]
        packed = bytes(tar) if plain else subprocess.run(['zstd', '-1', '-c'], input=bytes(tar), capture_output=True, check=True).stdout
        open('forged.age', 'wb').write(subprocess.run(['age', '-i', 'key.txt', '-e'], input=packed + trailer, capture_output=True, check=True).stdout)
        """#

    /// The forger's own bundle opens when it does no harm: the attacks fail for what they do.
    @Test func theForgerIsHonestWithoutAnAttack() async throws {
        let bench = try BundleBench()
        try await shell("python3 -c \"$1\" pass", in: bench.folder.path, [Self.forge])
        let bytes = try FileSystem.read(bench.folder.path.appending("forged.age"), limit: 10 << 20)
        let extracted = try BundleReader.extract(
            MemorySource(bytes), identities: [bench.identity], into: bench.folder.path.appending("target"))
        #expect(try FileSystem.read(extracted.home.appending("a"), limit: 10) == Array("hi".utf8))
    }

    @Test(arguments: attacks.map(\.name)) func attack(name: String) async throws {
        let script = try #require(Self.attacks.first { $0.name == name }).script
        let bench = try BundleBench()
        try await shell("python3 -c \"$1\" \"$2\"", in: bench.folder.path, [Self.forge, script])
        let bytes = try FileSystem.read(bench.folder.path.appending("forged.age"), limit: 10 << 20)
        try expectRefused(bytes, bench, name)
        #expect((try? FileStatus(at: "/tmp/hermes-ops-evil")) == nil && (try? FileStatus(at: "/tmp/evil")) == nil)
    }
}
