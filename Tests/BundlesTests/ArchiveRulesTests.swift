internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// What is written can be read: by this program and by GNU tar, and what could not be read is not written.
@Suite struct ArchiveRulesTests {
    private func entry(_ path: String, modified: Int128 = 0) -> TarEntry {
        TarEntry(path: Array(path.utf8), kind: .file, permissions: 0o600, modified: modified)
    }

    private func read(_ bytes: [UInt8]) throws -> TarEntry? {
        var rest = bytes[...]
        return try EntryHeader.read {
            guard rest.count >= 512 else { return nil }
            defer { rest = rest.dropFirst(512) }
            return Array(rest.prefix(512))
        }?.entry
    }

    private static let second: Int128 = 1_000_000_000

    @Test func anyTimeThatAFileCanHaveComesBackExactly() throws {
        let seconds: [Int128] = [
            0, 1, -1, -315_619_200, -33_554_434, 1 << 31, 1 << 33, (1 << 33) - 1, 9_223_372_036, 9_223_372_037,
            15_032_385_535, Int128(Int64.max), Int128(Int64.min) + 1,
        ]
        for second in seconds {
            for fraction: Int128 in [0, 1, 500_000_000, 999_999_999, 120_000_000] {
                for time in [second * Self.second + fraction, second * Self.second - fraction] {
                    let sink = MemorySink()
                    try TarWriter(sink).begin(entry("bheem/home/a", modified: time))
                    #expect(try read(sink.bytes)?.modified == time, "\(time)")
                    let line = BundleManifest.Entry(
                        BundlePath("home/a"), .directory, permissions: 0o700, modified: time)
                    var lines = BundleManifest.EntryLines()
                    lines.append(line)
                    let json = try BundleManifest(instance: "a", created: Timestamp(seconds: 5), runnerVersion: "1")
                        .encoded(entries: lines.bytes)
                    #expect(try BundleManifest(json: json).entries == [line])
                }
            }
        }
    }

    @Test func oldAndFarTimesOfAHomeComeBackWithStockTools() async throws {
        let bench = try BundleBench()
        let make = #"""
            import os
            os.chdir('home')
            times = [-315619200 * 10**9, -1, -500000000, -10**9, -1500000001, -2147483648 * 10**9, 2**31 * 10**9 + 1,
                     9223372037 * 10**9 + 5, 15032385535 * 10**9]
            for number, time in enumerate(times):
                open(f'file{number}', 'w').close(); os.utime(f'file{number}', ns=(time, time))
                os.mkdir(f'folder{number}'); os.utime(f'folder{number}', ns=(time, time))
                os.symlink('x', f'link{number}'); os.utime(f'link{number}', ns=(time, time), follow_symlinks=False)
            """#
        try await shell("python3 -c \"$1\"", in: bench.folder.path, [make])
        let file = try bench.create()
        try await shell(
            "mkdir stock && age -d -i key.txt one.tar.zst.age | tar --zstd -x -C stock", in: bench.folder.path)
        let script = "python3 -c \"$1\" $2"
        let before = try await shell(script, in: bench.folder.path, [listing, "home"])
        // The file system here holds them: the test tests something.
        for time in ["-315619200000000000", " -1 ", "9223372037000000005"] { #expect(before.contains(time)) }
        expectSame(try await shell(script, in: bench.folder.path, [listing, "stock/bheem/home"]), before)
        #expect(try bench.extract(file.path, into: "ours").manifest.warnings.isEmpty)
        expectSame(try await shell(script, in: bench.folder.path, [listing, "ours/bheem/home"]), before)
    }

    /// GNU tar writes such times in base 256; libarchive left garbage in the field of a header whose pax record was right, and bundles
    /// like that exist.
    @Test func timesOfOtherWritersAreRead() async throws {
        let folder = try TemporaryDirectory()
        for seconds in [-315_619_200, -33_554_434, -1, 8_589_934_592, 15_032_385_535] as [Int128] {
            try await shell(
                "echo x >file && tar --format=gnu --mtime=@$1 -cf out.tar file", in: folder.path, ["\(seconds)"])
            let bytes = try FileSystem.read(folder.path.appending("out.tar"), limit: 1 << 20)
            var gnu = bytes
            // GNU's own magic is not ustar's.
            gnu.replaceSubrange(257..<265, with: Array("ustar\u{0}00".utf8))
            #expect(try read(sealed(gnu))?.modified == seconds * Self.second)
        }
        let sink = MemorySink()
        try TarWriter(sink).begin(entry("bheem/home/a", modified: -315_619_200 * Self.second))
        var bytes = sink.bytes
        let field: [UInt8] =
            [0x80 | 0xff] + (0..<10).map { UInt8(truncatingIfNeeded: Int128(-315_619_200) >> (72 - 8 * $0)) } + [0x20]
        bytes.replaceSubrange((1024 + 136)..<(1024 + 148), with: field)
        bytes.replaceSubrange(1024..<1536, with: sealed(Array(bytes[1024..<1536])))
        #expect(try read(bytes)?.modified == -315_619_200 * Self.second)
    }

    /// What stands before an entry of the name `plain` whose pax header holds these bytes.
    private func header(pax records: [UInt8]) -> [UInt8] {
        func block(_ name: String, _ type: UInt8, size: Int) -> [UInt8] {
            UstarHeader.block(
                path: Array(name.utf8), permissions: 0o600, owner: 0, group: 0, size: Int64(size), seconds: 7,
                type: type, target: [])
        }
        let padding = [UInt8](repeating: 0, count: (512 - records.count % 512) % 512)
        return block("PaxHeader/plain", UInt8(ascii: "x"), size: records.count) + records + padding
            + block("plain", UInt8(ascii: "0"), size: 0)
    }

    @Test func paxHeadersAreReadAsTheStandardHasThem() throws {
        func path(_ text: String) throws -> String? {
            try read(header(pax: Array(text.utf8))).map { String(decoding: $0.path, as: UTF8.self) }
        }
        // Unknown keys, empty values, an equals sign and a line feed in a value, no record at all.
        #expect(try path("") == "plain")
        #expect(try path("21 comment=something\n11 path=a=\n") == "a=")
        #expect(try path("12 comment=\n13 path=a\nb=\n") == "a\nb=")
        #expect(try path("14 mtime=5.25\n") == "plain")
        #expect(try read(header(pax: Array("14 mtime=-0.5\n".utf8)))?.modified == -500_000_000)

        for text in [
            "10 path=a", "9 path=ab\n", "12 path=ab\n", "path=a\n", " 9 path=a\n", "-9 path=a\n", "0 path=a\n",
            "99999999999999999999 path=a\n", "8 patha\n", "10 path=ab\nx", "5 =\n\n=", "9  path=a", "2 \n", "4 a\n\n",
            "+11 path=a\n", "11 size=+5\n", "4 =\n", "5 =a\n", "26 GNU.sparse.map=0,1,9,1\n", "22 GNU.sparse.major=x\n",
            "10 mtime=\n", "11 mtime=x\n", "13 mtime=1.x\n", "10 size=x\n", "11 size=-1\n",
        ] {
            let error = failure { _ = try read(header(pax: Array(text.utf8))) }
            #expect(error?.exit == .damagedInput, "\(text)")
        }
        let twice = failure { _ = try read(header(pax: Array("9 path=a\n9 path=b\n".utf8))) }
        #expect(twice?.reason.contains("says path twice") == true)

        // Records of keys that nobody knows, up to a limit.
        func records(_ count: Int) -> [UInt8] { (0..<count).flatMap { Array("9 x.\($0 + 100)=\n".utf8) } }
        #expect(try read(header(pax: records(100)))?.path == Array("plain".utf8))
        #expect(failure { _ = try read(header(pax: records(101))) }?.reason.contains("too many records") == true)
    }

    @Test func headersThatReadersDisagreeOnAreRefused() throws {
        let block = Array(header(pax: []).suffix(512))
        #expect(try read(block)?.path == Array("plain".utf8))
        // GNU tar's magic: it would take what stands in the prefix's place for something else.
        var gnu = block
        gnu.replaceSubrange(257..<265, with: Array("ustar  \u{0}".utf8))
        #expect(failure { _ = try read(sealed(gnu)) }?.reason.contains("not ustar") == true)
        let pax = Array(header(pax: Array("9 path=a\n".utf8)).prefix(1024))
        let end = failure { _ = try read(pax + [UInt8](repeating: 0, count: 1024)) }
        #expect(end?.reason.contains("ends after a pax header") == true)
        let empty = Array(header(pax: []).prefix(512))
        #expect(failure { _ = try read(empty + pax + block) }?.exit == .damagedInput)
    }

    /// What is larger than a reader takes is left out, and the rest is bundled.
    @Test func whatIsTooLargeIsLeftOutAndListed() async throws {
        let bench = try BundleBench()
        try bench.folder.write("home/kept", "kept")
        try await shell("truncate -s 5T home/huge", in: bench.folder.path)
        let file = try bench.create()
        let opened = try bench.extract(file.path, into: "ours")
        #expect(try FileSystem.read(opened.home.appending("kept"), limit: 10) == Array("kept".utf8))
        let note = try #require(opened.manifest.warnings.first)
        #expect(note.path == BundlePath("home/huge") && note.reason.contains("left out"), "\(note)")
        #expect(opened.manifest.counts.files == 2)
    }

    /// Whatever the bytes, reading them ends with an entry or with an error that says that they are damaged.
    @Test func paxHeadersOfAnyBytesAreReadOrRefused() throws {
        var generator = SeededGenerator(23)
        let start = Array("30 mtime=1700000000.123456789\n11 path=ab\n15 size=000000\n".utf8)
        for _ in 0..<3000 {
            var bytes = start
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 10...61, using: &generator), at: place)
                }
            }
            let error = failure { _ = try read(header(pax: bytes)) }
            #expect(error == nil || error?.exit == .damagedInput)
        }
    }

    /// A map's line that never ends is not read to its end.
    @Test func aSparseMapWithoutLineFeedsIsRefusedAtOnce() throws {
        let records = [
            "22 GNU.sparse.major=1\n", "22 GNU.sparse.minor=0\n", "21 GNU.sparse.name=a\n",
            "32 GNU.sparse.realsize=67108864\n",
        ]
        var header = header(pax: Array(records.joined().utf8))
        header.replaceSubrange((header.count - 512)..., with: sealed(sized(Array(header.suffix(512)), 64 << 20)))
        var blocks = 0
        let error = failure {
            _ = try EntryHeader.read {
                defer { blocks += 1 }
                let start = blocks * 512
                return start < header.count ? Array(header[start..<start + 512]) : [UInt8](repeating: 49, count: 512)
            }
        }
        #expect(error?.exit == .damagedInput && error?.reason.contains("map") == true, "\(String(describing: error))")
        #expect(blocks < 8)
    }

    private func sized(_ block: [UInt8], _ size: Int) -> [UInt8] {
        var block = block
        let digits = String(size, radix: 8)
        block.replaceSubrange(
            124..<135, with: Array((String(repeating: "0", count: 11 - digits.utf8.count) + digits).utf8))
        return block
    }

    /// A header block with its checksum made anew.
    private func sealed(_ block: [UInt8]) -> [UInt8] {
        var block = block
        block.replaceSubrange(148..<156, with: repeatElement(32, count: 8))
        let sum = String(block[..<512].reduce(0) { $0 + Int($1) }, radix: 8)
        block.replaceSubrange(
            148..<155, with: Array((String(repeating: "0", count: 6 - sum.utf8.count) + sum).utf8) + [0])
        return block
    }

    @Test func whatIsTooDeepIsLeftOutAndListed() async throws {
        let bench = try BundleBench()
        let make = #"""
            import os
            os.chdir('home'); open('kept', 'w').write('kept')
            for number in range(22):
                os.mkdir('d' * 200); os.chdir('d' * 200); open('f', 'w').write(str(number))
            """#
        try await shell("python3 -c \"$1\"", in: bench.folder.path, [make])
        let file = try bench.create()
        let opened = try bench.extract(file.path, into: "ours")
        #expect(try FileSystem.read(opened.home.appending("kept"), limit: 10) == Array("kept".utf8))
        #expect(opened.manifest.warnings.count == 1)
        let note = try #require(opened.manifest.warnings.first)
        #expect(note.reason.contains("it is left out: its path in the bundle has"), "\(note.reason)")
        // 20 folders fit 4095 bytes, with their files.
        #expect(opened.manifest.counts.directories == 21 && opened.manifest.counts.files == 22)
        #expect(note.path.bytes.count == 4 + 21 * 201)
    }

    @Test func whatNoReaderTakesIsNotWritten() throws {
        let long = String(repeating: "n", count: 256)
        for (path, words) in [
            ("bheem/home/\(long)", "256 bytes"), ("bheem/\(String(repeating: "d/", count: 2100))x", "4207 bytes"),
            ("bheem/home/../x", "leads elsewhere"), ("", "no name"),
        ] {
            let error = failure { try TarWriter(MemorySink()).begin(entry(path)) }
            #expect(error?.reason.contains(words) == true, "\(path): \(error?.reason ?? "written")")
        }
        var link = entry("bheem/home/link")
        (link.kind, link.target) = (.symlink, [UInt8](repeating: 97, count: 4096))
        #expect(failure { try TarWriter(MemorySink()).begin(link) }?.reason.contains("link text") == true)
        let few = TarWriter(MemorySink(), limits: BundleLimits(bytes: 10, entries: 2))
        try few.begin(entry("bheem/a"))
        var large = entry("bheem/b")
        large.size = 11
        #expect(failure { try few.begin(large) }?.reason.contains("10 bytes") == true)
        #expect(failure { try few.begin(entry("bheem/c")) }?.reason.contains("2 entries") == true)
    }

    @Test func aFileOfAnotherLengthThanItsHeaderSaysIsAnError() throws {
        var file = entry("bheem/home/a")
        file.size = 3
        let writer = TarWriter(MemorySink())
        try writer.begin(file)
        #expect(failure { try [1, 2, 3, 4].withUnsafeBytes { try writer.write($0) } } != nil)
        try [UInt8](repeating: 1, count: 2).withUnsafeBytes { try writer.write($0) }
        #expect(failure { try writer.finish() }?.reason.contains("shorter") == true)
    }

    /// Sparse files, large sizes and owners, long and odd names: as GNU tar and Python's tarfile understand them.
    @Test func headersAreThoseThatOthersRead() async throws {
        let folder = try TemporaryDirectory()
        let sink = MemorySink()
        let writer = TarWriter(sink)
        var first = entry("bheem/" + String(repeating: "ü", count: 120), modified: -1_500_000_001)
        (first.owner, first.group, first.size) = (3_000_000_000, 1000, 1)
        try writer.begin(first)
        try [UInt8](repeating: 65, count: 1).withUnsafeBytes { try writer.write($0) }
        var hole = entry("bheem/hole")
        (hole.size, hole.extents) = (1 << 20, [4096..<8192])
        try writer.begin(hole)
        try [UInt8](repeating: 66, count: 1 << 20).withUnsafeBytes { try writer.write($0) }
        var link = entry("bheem/link")
        (link.kind, link.target) = (.symlink, Array(String(repeating: "t", count: 300).utf8))
        try writer.begin(link)
        try writer.finish()
        try folder.write("out.tar", sink.bytes)
        let script = #"""
            import tarfile
            for item in tarfile.open('out.tar'):
                print(item.name, item.mtime, item.uid, item.gid, item.size, len(item.linkname), item.sparse)
            """#
        let seen = try await shell(
            "python3 -c \"$1\"; tar -tvf out.tar | wc -l; tar --numeric-owner -tvf out.tar", in: folder.path, [script])
        #expect(
            seen.contains("bheem/\(String(repeating: "ü", count: 120)) -1.500000001 3000000000 1000 1 0 None"),
            "\(seen)")
        #expect(seen.contains("bheem/hole 0 0 0 1048576 0 [(4096, 4096), (1048576, 0)]"), "\(seen)")
        #expect(seen.contains("bheem/link 0 0 0 0 300 None"), "\(seen)")
        #expect(seen.contains("3000000000/1000"), "\(seen)")
    }
}
