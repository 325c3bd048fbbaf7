import Foundation
import Support
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

@Suite("Git formats")
struct FormatTests {
    @Test("Packet lines round-trip, and damaged ones are refused or waited for")
    func packetLines() throws {
        let bytes = PacketLine.encode("hello\n") + PacketLine.flushBytes + PacketLine.encode([])
        var rest = bytes[...]
        var lines: [PacketLine] = []
        while let (line, after) = try PacketLine.next(in: rest) {
            lines.append(line)
            rest = after
        }
        #expect(lines == [.data(Array("hello\n".utf8)[...]), .flush, .data([])])
        for cut in 1..<10 { #expect(try PacketLine.next(in: bytes[..<cut]) == nil) }
        for broken in ["zzzz", "0001", "0003", "-001", "00 5"] {
            #expect(throws: OperatorError.self) { try PacketLine.next(in: Array(broken.utf8)[...]) }
        }
    }

    @Test("Any bytes as a server's answer end in a value or an operator error")
    func fuzz() throws {
        var generator = SplitMix(state: 11)
        let id = String(repeating: "a", count: 40)
        let seeds = [
            PacketLine.encode("# service=git-receive-pack\n") + PacketLine.flushBytes
                + PacketLine.encode("\(id) refs/heads/main\0report-status side-band-64k\n") + PacketLine.flushBytes,
            PacketLine.encode("unpack ok\n") + PacketLine.encode("ng refs/heads/main why\n") + PacketLine.flushBytes,
            PacketLine.encode("\u{1}000eunpack ok\n0000") + PacketLine.encode("\u{2}words") + PacketLine.flushBytes,
        ]
        for _ in 0..<3000 {
            var bytes = seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 0..<6, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes = Array(bytes[..<max(1, index)])
                }
            }
            do {
                _ = try Advertisement(bytes, service: "git-receive-pack")
            } catch is OperatorError {}
            do {
                let answer = try PushAnswer(isSideband: Bool.random(using: &generator))
                try bytes.withUnsafeBytes { try answer.take($0) }
                try answer.verdict(reference: "refs/heads/main", subject: "x", token: nil)
                // Nothing but a report that says so is a success.
                #expect(ServerText.contains(Array("ok refs/heads/main".utf8), in: bytes))
            } catch is OperatorError {}
        }
    }

    @Test("A sideband is taken apart wherever its bytes are cut")
    func sideband() throws {
        let whole =
            PacketLine.encode("NAK\n") + PacketLine.encode([1] + Array("data".utf8))
            + PacketLine.encode([2] + Array("said".utf8))
            + PacketLine.encode([1] + Array("more".utf8)) + PacketLine.flushBytes
        for cut in 0...whole.count {
            var sideband = Sideband()
            var data: [UInt8] = []
            for piece in [Array(whole[..<cut]), Array(whole[cut...])] {
                try piece.withUnsafeBytes { try sideband.take($0) { data += $0 } }
            }
            #expect(data == Array("datamore".utf8))
            #expect(sideband.text == Array("said".utf8))
            #expect(sideband.isEnded)
        }
    }

    @Test("What a server says last is kept up to a bound, however often it says it")
    func fatalWordsAreBounded() throws {
        let line = PacketLine.encode([3] + [UInt8](repeating: 0x61, count: 60_000))
        var sideband = Sideband()
        for _ in 0..<50 { try line.withUnsafeBytes { try sideband.take($0) { _ in } } }
        #expect(sideband.fatal == [UInt8](repeating: 0x61, count: 4096))
    }

    @Test("A pack of every size is one that stock git verifies, and reads back")
    func packs() async throws {
        let folder = try TemporaryDirectory()
        try await Git.run(["init", "-q", folder.path.string])
        var generator = SplitMix(state: 3)
        let sizes = [0, 1, 15, 16, 17, 2047, 2048, 65_535, 65_536, 1 << 20, (1 << 20) + 1, 3_000_001, 5_000_000]
        var contents = sizes.map { size in (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        contents += (0..<300).map { Array("text \($0) ".utf8) + [UInt8](repeating: 32, count: $0 * 3) }
        let objects = contents.map { PackFile.Object(id: Fixture.blob($0), type: .blob) }
        let packs = folder.path.appending(".git/objects/pack")
        // Beyond the size up to which an object is packed from memory.
        let large = try folder.write("large", contents[12])
        let written = try PackFile.write(objects, in: packs, cancellation: CancellationFlag()) { [contents] in
            $0 == 12 ? .staged(large) : .bytes(contents[$0])
        }
        try PackFile.install(written, in: packs)
        try await Git.run(["verify-pack", packs.appending("pack-\(written.checksum).idx").string])
        try await Git.run([
            "index-pack", "--strict", "-o", folder.path.appending("check.idx").string,
            packs.appending("pack-\(written.checksum).pack").string,
        ])
        let ours = try FileSystem.read(packs.appending("pack-\(written.checksum).idx"), limit: 1 << 24)
        #expect(try ours == FileSystem.read(folder.path.appending("check.idx"), limit: 1 << 24))
        let repository = try RepositoryHandle.open(folder.path)
        for content in contents { #expect(try repository.read(Fixture.blob(content)).content == content) }
    }

    @Test("Trees are as git writes them")
    func trees() async throws {
        let fixture = try await Fixture()
        try await Git.run(["init", "-q", fixture.work.string])
        for name in ["a", "a.b/x", "a-b", "a0/y", "ab", "b/c/d", "b.c", "B"] {
            try fixture.folder.write("work/" + name, name, permissions: 0o644)
        }
        try await Git.run(["add", "-A"], in: fixture.work)
        let expected = try await fixture.git("write-tree")
        let entries = ["a", "a.b/x", "a-b", "a0/y", "ab", "b/c/d", "b.c", "B"].map { Fixture.entry($0, $0) }
        var trees: [TreeObjects.Object] = []
        let root = try TreeObjects.build(BackupEntries(entries.shuffled()).listing) { trees.append($0) }
        #expect(root?.description == expected && trees.last?.id == root && trees.count == 5)
    }

    @Test("Object ids compare, print and parse")
    func identifiers() {
        let text = "00ff10a0b1c2d3e4f5060708090a0b0c0d0e0f10"
        let id = ObjectID(hex: text)
        #expect(id?.description == text)
        #expect(ObjectID(id?.bytes ?? []) == id)
        #expect(ObjectID(hex: text.uppercased()) == nil)
        #expect(ObjectID(hex: text + "0") == nil)
        #expect(ObjectID([1, 2, 3]) == nil)
        #expect(Fixture.blob([]).description == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    }

    @Test("Server text loses tokens, links and control characters")
    func serverText() {
        let token = Secret(Array("s3cr3t-value".utf8))
        let text = "see https://x/y with s3cr3t-value and eC1hY2Nlc3MtdG9rZW46czNjcjN0LXZhbHVl\u{1B}[0m\nend"
        #expect(
            ServerText.clean(Array(text.utf8), token: token, limit: 500)
                == "see [link] with «secret» and «secret»\\u{1b}[0m end")
        // In other spellings nothing of what was said is repeated.
        let value = Array("s3cr3t-value".utf8)
        for text in [
            "got \(Data(value).base64EncodedString())", "got \(Data("user:".utf8 + value).base64EncodedString())!",
            "got \(hex(value))", "got \(hex(value).uppercased()) x", "s3cr3t%2Dvalue", "s3cr3t\\u002dvalue",
            String("s3cr3t-value".reversed()), "a \(hex([0xAB] + value + [0xCD])) b",
        ] {
            #expect(ServerText.clean(Array(text.utf8), token: token, limit: 500) == "«redacted»", "\(text)")
        }
        #expect(ServerText.clean(Array("abcdef0123456789 refused".utf8), token: token, limit: 500).hasSuffix("refused"))
    }
}
