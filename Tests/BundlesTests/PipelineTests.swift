internal import Dispatch
internal import Support
internal import Synchronization
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// The stages between an age file and the files in it.
@Suite(.timeLimit(.minutes(5))) struct PipelineTests {
    /// The decompressor's blocks have 1 MiB each: the end of the stream, or of a frame, may be the end of a block.
    @Test(arguments: [1, 2, 3], [1, 2, 5]) func streamsOfWholeBlocks(mebibytes: Int, frames: Int) async throws {
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(UInt64(mebibytes))
        let line = generator.bytes(4096)
        let content = (0..<mebibytes << 20).map { line[($0 &+ $0 >> 12) & 4095] }
        var compressed: [UInt8] = []
        for frame in 0..<frames {
            let piece = content.count / frames
            let range = frame * piece..<(frame == frames - 1 ? content.count : (frame + 1) * piece)
            try folder.write("piece", Array(content[range]))
            // With the frame's size in its header, and from a pipe without.
            try await shell(frame % 2 == 0 ? "zstd -qf piece" : "cat piece | zstd -qf -o piece.zst", in: folder.path)
            compressed += try FileSystem.read(folder.path.appending("piece.zst"), limit: 8 << 20)
        }
        #expect(try decompress(compressed) == content)
        // What was cut off is still told of.
        for missing in [1, 4, 5] {
            let error = failure { _ = try decompress(Array(compressed.dropLast(missing))) }
            #expect(error?.exit == .damagedInput && error?.reason.contains("ends too early") == true, "\(missing)")
        }
    }

    private func decompress(_ bytes: [UInt8]) throws -> [UInt8] {
        let identity = AgeIdentity.generate()
        let file = try encrypt(bytes, to: [try #require(try identity.recipient())])
        let source = try ZstdDecompressor(
            Transferred(try AgeDecryptor(MemorySource(file), identities: [identity])), limit: 1 << 30)
        var content: [UInt8] = []
        while let bytes = try source.peek() {
            content += bytes
            source.skip(bytes.count)
        }
        return content
    }

    /// Whatever lengths come, bodies see the bytes that were written, all of them before `settle` returns, and the frames hold the
    /// same bytes for stock zstd.
    @Test(arguments: [1, 3, 4]) func bytesAreLookedAtOnTheirWay(level: Int) async throws {
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(UInt64(level))
        let sink = MemorySink()
        let compressor = try ZstdCompressor(level: level, sink: Transferred(sink))
        let seen = Mutex<[Int: [UInt8]]>([:])
        let lengths = [0, 1, 65536, ZstdCompressor.pieceLength, ZstdCompressor.pieceLength + 1, 3, 700_000, 3_600_000]
        var content: [UInt8] = []
        for (number, length) in lengths.enumerated() {
            let line = generator.bytes(999)
            let bytes = (0..<length).map { line[$0 % 999] }
            content += bytes
            try bytes.withUnsafeBytes { bytes in
                guard number != 2 else { return try compressor.write(bytes) }
                try compressor.write(bytes) { bytes in seen.withLock { $0[number] = Array(bytes) } }
            }
            guard number == 5 else { continue }
            try compressor.settle()
            #expect(seen.withLock { Set($0.keys) } == [0, 1, 3, 4, 5])
        }
        try compressor.settle()
        try compressor.finish()
        var start = 0
        for (number, length) in lengths.enumerated() {
            if number != 2 {
                #expect(seen.withLock { $0[number] } == Array(content[start..<start + length]), "\(number)")
            }
            start += length
        }
        try folder.write("out.zst", sink.bytes)
        try await shell("zstd -qd out.zst", in: folder.path)
        #expect(try FileSystem.read(folder.path.appending("out"), limit: 64 << 20) == content)
    }

    /// Bytes that are put in their place are looked at in order, one piece at a time, all of them before `settle` returns; their
    /// digest is that of the whole, and stock zstd gives them back. A source that fails leaves nothing running.
    @Test func bytesPutInPlaceAreLookedAtInOrder() async throws {
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(11)
        let line = generator.bytes(4099)
        let content = (0..<2200).flatMap { number in line.map { $0 ^ UInt8(truncatingIfNeeded: number) } }
        let sink = MemorySink()
        let compressor = try ZstdCompressor(level: 3, sink: Transferred(sink))
        let sums = Mutex<[[UInt8]]>([])
        for range in [0..<0, 0..<6_000_000, 6_000_000..<6_000_001, 6_000_001..<content.count] {
            let digest = StreamDigest(of: Int64(range.count)) { sum in sums.withLock { $0.append(sum) } }
            var position = range.lowerBound
            while position < range.upperBound {
                let limit = min(range.upperBound - position, Int.random(in: 1...2_000_000, using: &generator))
                func read(_ room: UnsafeMutableRawBufferPointer) -> Int {
                    #expect(!room.isEmpty && room.count <= limit)
                    room.copyBytes(from: content[position..<position + room.count])
                    return room.count
                }
                position += try compressor.fill(upTo: limit, from: read, inspecting: { digest.update($0) })
            }
            // Other bytes in between, seen elsewhere, do not change the order.
            try [UInt8](repeating: 7, count: 100).withUnsafeBytes { try compressor.write($0) { _ in } }
        }
        try compressor.settle()
        let pieces = [content[..<0], content[..<6_000_000], content[6_000_000..<6_000_001], content[6_000_001...]]
        #expect(sums.withLock { $0 } == pieces.map { Digest.of(Array($0), .sha256) })
        try compressor.finish()
        try folder.write("out.zst", sink.bytes)
        try await shell("zstd -qd out.zst", in: folder.path)
        let sevens = [UInt8](repeating: 7, count: 100)
        #expect(
            try FileSystem.read(folder.path.appending("out"), limit: 64 << 20)
                == Array(pieces.map { Array($0) + sevens }.joined()))

        let broken = try ZstdCompressor(level: 3, sink: Transferred(MemorySink()))
        #expect(throws: Errno.ioError) {
            _ = try broken.fill(
                upTo: 10, from: { _ in throw Errno.ioError }, inspecting: { _ in Issue.record("nothing came") })
        }
        broken.cancel()
    }

    /// A stage that fails ends those that wait for it, whatever they wait for.
    @Test func whatFailsIsToldToWhoWaits() throws {
        struct Failure: Error {}
        let jobs = try OrderedJobs(jobs: [Block(capacity: 1)]) { _ in throw Failure() }
        jobs.submit(try jobs.take())
        #expect(throws: Failure.self) { _ = try jobs.next() }
        #expect(throws: Failure.self) { try jobs.settle() }
        #expect(throws: Failure.self) { _ = try jobs.take() }

        // The sink is full while more is written, and while all of it is waited for.
        let bytes = [UInt8](repeating: 0, count: 40_000_000)
        for length in [1, bytes.count] {
            let compressor = try ZstdCompressor(level: 3, sink: Transferred(MemorySink(limit: 5)))
            defer { compressor.cancel() }
            #expect(throws: OperatorError.self) {
                try bytes[..<length].withUnsafeBytes { try compressor.write($0) }
                try compressor.settle()
            }
        }
    }

    /// What lies near is found by the quick search; what lies far is not given up for speed.
    @Test func theSearchFitsTheData() throws {
        var generator = SeededGenerator(7)
        func text(of count: Int, _ lengths: ClosedRange<Int>) -> [UInt8] {
            let phrases = (0..<count).map { _ in generator.bytes(Int.random(in: lengths, using: &generator)) }
            var out: [UInt8] = []
            while out.count < 2 << 20 { out += phrases[Int.random(in: 0..<count, using: &generator)] }
            return out
        }
        // The same words again and again, and phrases that mostly come back after a hundred KiB.
        let near = text(of: 40, 8...16)
        let far = text(of: 4000, 20...40)
        func choice(_ pieces: [[UInt8]], level: Int = 3) throws -> [ZstdFrame.Search] {
            let choice = try SearchChoice(level: level)
            return try pieces.map { try $0.withUnsafeBytes { try choice.search(for: $0) } }
        }
        #expect(try choice([near]) == [.quick])
        #expect(try choice([far]) == [.ofLevel])
        // Not a short sample of it, which may be of another kind.
        #expect(try choice([Array(far[..<900_000] + near[..<300_000] + far[900_000..<1_800_000])]) == [.ofLevel])
        #expect(try choice([[]]) == choice([[]]))
        // It is looked at again after some pieces, not after each.
        let later = try choice(Array(repeating: far, count: 16) + [near])
        #expect(later == Array(repeating: .ofLevel, count: 16) + [.quick])
        #expect(try choice([near], level: 19) == [.ofLevel])
    }

    /// Pieces of any length, on a file system of a disk and on one in memory.
    @Test(arguments: [0, 1, 4095, 4096, 4097, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (9 << 20) + 4096 + 13])
    func writtenFilesAreOnTheDisk(length: Int) throws {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 3) }
        let folder = try TemporaryDirectory()
        let inMemory = FilePath("/dev/shm/hermes-ops-test-\(hex(randomBytes(8)))")
        defer { try? FileSystem.removeTree(inMemory) }
        for path in [folder.path.appending("file"), inMemory] {
            let file = try AtomicFile(path)
            defer { file.discard() }
            let output = try VerifiedFile(file)
            // In portions that fit no block.
            for start in stride(from: 0, to: length, by: 1_000_003) {
                try bytes[start..<min(length, start + 1_000_003)].withUnsafeBytes { try output.write($0) }
            }
            let (size, sha256) = try output.finish()
            try file.commit()
            #expect(size == Int64(length) && sha256 == Digest.of(bytes, .sha256))
            #expect(try FileSystem.read(path, limit: length) == bytes)
        }
    }

    /// The lines are the same whether they stayed in memory or not, and whenever their digests came.
    @Test(arguments: [1 << 30, 4096, 1]) func linesAreKeptWhereverTheyAre(memoryLimit: Int) throws {
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(3)
        var expected = BundleManifest.EntryLines()
        let spool = EntrySpool(in: folder.path, memoryLimit: memoryLimit)
        var open: [(place: Int, sha256: [UInt8])] = []
        for number in 0..<500 {
            var entry = BundleManifest.Entry(
                BundlePath("home/\(number)\"ä"), number % 5 == 0 ? .directory : .file, permissions: 0o640,
                modified: Int128(number))
            guard entry.kind == .file else {
                expected.append(entry)
                try spool.append(entry)
                continue
            }
            let sha256 = generator.bytes(32)
            entry.size = Int64(number)
            entry.sha256 = hex(sha256)
            expected.append(entry)
            entry.sha256 = String(repeating: "0", count: 64)
            open.append((try spool.append(entry), sha256))
            while open.count > 40 || !open.isEmpty && number == 499 {
                let (place, sha256) = open.remove(at: Int.random(in: open.indices, using: &generator))
                try spool.set(sha256: sha256, at: place)
            }
        }
        var bytes: [UInt8] = []
        try spool.read { bytes += $0 }
        #expect(bytes == expected.bytes && spool.count == bytes.count)
        #expect(try DirectoryListing.names(at: folder.path).isEmpty)
    }

    /// A bundle of a kilobyte may hold a hole that is hashed for hours.
    @Test func theHashingOfAHoleCanBeCancelled() throws {
        let flag = CancellationFlag()
        let lanes = try FileLanes(nil, flag)
        _ = try lanes.begin(
            TarEntry(path: Array("hole".utf8), kind: .file, permissions: 0o600, modified: 0, size: 1 << 35))
        try lanes.end()
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(100)) { flag.cancel() }
        #expect(throws: CancellationError.self) { try lanes.finish() }
    }
}
