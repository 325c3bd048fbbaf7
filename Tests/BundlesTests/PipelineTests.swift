internal import Dispatch
internal import Support
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
