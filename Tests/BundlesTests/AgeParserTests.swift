internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// Properties of the parsers, over seeded random input.
@Suite struct AgeParserTests {
    @Test func bech32GoesRoundAndSeesEveryChange() throws {
        var generator = SeededGenerator(21)
        for length in 0..<80 {
            let bytes = generator.bytes(length)
            let text = Bech32.encode(prefix: "age", bytes)
            let decoded = try #require(Bech32.decode(text))
            #expect(decoded.prefix == "age" && decoded.bytes == bytes)
            let upper = text.map { (97...122).contains($0) ? $0 - 32 : $0 }
            #expect(Bech32.decode(upper)?.bytes == bytes)
            for _ in 0..<20 {
                var changed = text
                let place = Int.random(in: 0..<text.count, using: &generator)
                changed[place] = UInt8.random(in: 33...126, using: &generator)
                if changed != text {
                    #expect(Bech32.decode(changed) == nil, "\(String(decoding: changed, as: UTF8.self))")
                }
            }
            var mixed = text
            mixed[0] -= 32
            #expect(Bech32.decode(mixed) == nil)
        }
        // BIP 173's own examples.
        for good in [
            "A12UEL5L", "a12uel5l", "?1ezyfcl", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        ] {
            #expect(Bech32.decode(Array(good.utf8)) != nil || good.contains("split"), "\(good)")
        }
        for bad in [
            "", "1", "a1", "pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8", "1qzzfhee",
            "a12UEL5L",
        ] {
            #expect(Bech32.decode(Array(bad.utf8)) == nil, "\(bad)")
        }
    }

    /// Keys that age takes and this program does not are no mistake of who typed them.
    @Test(arguments: [
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "SSH keys"), ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "SSH keys"),
        ("AGE-PLUGIN-YUBIKEY-1GXFXY5Q9", "keys of plugins"),
    ]) func foreignIdentitiesAreNamed(line: String, kind: String) {
        let error = failure { _ = try IdentityFile.parse(Array("# a key\n\(line)\n".utf8), name: "key.txt") }
        #expect(error?.exit == .credential && error?.advice != nil)
        #expect(error?.reason.hasPrefix("line 2: \(kind)") == true, "\(String(describing: error))")
        #expect(error?.reason.contains("not supported") == true)
    }

    @Test func foreignRecipientsAreNamed() {
        let plugin = String(decoding: Bech32.encode(prefix: "age1yubikey", [1, 2, 3]), as: UTF8.self)
        for recipient in ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "ssh-rsa AAAAB3NzaC1yc2E", plugin] {
            let error = failure { _ = try AgeRecipient(recipient) }
            #expect(error?.exit == .configuration && error?.reason.contains("not supported") == true, "\(recipient)")
        }
    }

    @Test func base64IsCanonical() {
        var generator = SeededGenerator(22)
        for length in 0..<100 {
            let bytes = generator.bytes(length)
            for padding in [Base64.Padding.none, .required] {
                let text = Base64.encode(bytes, padding: padding)
                #expect(Base64.decode(text, padding: padding) == bytes)
                #expect(Base64.decode(text + [10], padding: padding) == nil)
                #expect(Base64.decode([32] + text, padding: padding) == nil)
            }
        }
        for bad in ["QQ==", "QR", "Q", "QUI=", "Q-_", "QUJDRA=", "QUI\n"] {
            #expect(Base64.decode(bad.utf8, padding: .none) == nil, "\(bad)")
        }
        for bad in ["QQ", "QR==", "QQ=", "QUJD====", "=", "QQ==QQ=="] {
            #expect(Base64.decode(bad.utf8, padding: .required) == nil, "\(bad)")
        }
    }

    @Test func base64HasSixtyFourCharacters() {
        let decodable = (0...255).filter { Base64.decode([65, 65, 65, UInt8($0)], padding: .none) != nil }
        #expect(decodable.count == 64)
    }

    /// Every header that parses is written again as the same bytes: there is one way to write a header.
    @Test func headersHaveOneForm() throws {
        var generator = SeededGenerator(23)
        let identity = AgeIdentity.generate()
        let recipients = [try #require(try identity.recipient()), try #require(try AgeIdentity.generate().recipient())]
        let good = try encrypt(Array("text".utf8), to: recipients)
        var parsed = 0
        for round in 0..<(isStress ? 200_000 : 8000) {
            var bytes = Array(good.prefix(400))
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(Array("\n -=\r0A".utf8).randomElement(using: &generator) ?? 0, at: place)
                default: bytes.insert(contentsOf: bytes[place..<min(place + 40, bytes.count)], at: place)
                }
            }
            guard let header = try? AgeHeader(from: BufferedSource(MemorySource(bytes))) else { continue }
            parsed += 1
            let rewritten = header.bytes
            let isSame = rewritten.elementsEqual(bytes.prefix(rewritten.count))
            let isOneForm = AgeHeader(stanzas: header.stanzas, fileKey: FileKey.generate()).covered == header.covered
            #expect(isSame && isOneForm, "round \(round)")
        }
        #expect(parsed > 1000)
    }

    /// Random bytes, and armor that was tampered with, end in an error of a known kind or in the plaintext, never in anything else.
    @Test func tamperedArmorIsAnErrorOfItsKind() throws {
        var generator = SeededGenerator(24)
        let identity = AgeIdentity.generate()
        let plain = generator.bytes(2000)
        let good = try encrypt(plain, to: [try #require(try identity.recipient())], armored: true)
        for _ in 0..<(isStress ? 50_000 : 1500) {
            var bytes = good
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes.remove(at: place)
            default: bytes.insert(Array("\n \r=A-".utf8).randomElement(using: &generator) ?? 0, at: place)
            }
            var opened: [UInt8] = []
            let error = failure { opened = try decrypt(bytes, [identity]) }
            if let error {
                #expect(AgeFailure(rawValue: error.type) != nil, "\(error)")
            } else {
                // White space round the block, or CRLF, is all that may differ.
                #expect(opened == plain)
            }
        }
    }

    @Test func recipientsThatMakeNoSense() throws {
        let recipient = try #require(try AgeIdentity.generate().recipient())
        let passphrase = AgeRecipient.passphrase(Secret("x".utf8), workFactor: 10)
        #expect(failure { try AgeRecipient.check([]) }?.exit == .configuration)
        #expect(failure { try AgeRecipient.check([recipient, passphrase]) }?.exit == .configuration)
        #expect(
            failure { _ = try encrypt([], to: [.x25519([UInt8](repeating: 0, count: 32))]) }?.exit == .configuration)
        for text in [
            "", "age1", "age1qqqq", "ssh-ed25519 AAAA",
            "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e",
        ] {
            #expect(failure { _ = try AgeRecipient(text) }?.exit == .configuration, "\(text)")
        }
        let text = try #require(recipient.text)
        #expect(try AgeRecipient(text) == recipient)
        #expect(try AgeRecipient(text.uppercased()) == recipient)
    }

    /// Lines as they are written by hand are those of the general encoder, and are read by hand as the general decoder reads them.
    @Test func entryLinesAreTheGeneralEncoders() throws {
        var generator = SeededGenerator(25)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let texts: [[UInt8]] =
            [[], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], Array("a/b \u{7f}ü\u{2028}☃\u{1f600}e\u{301}".utf8)]
            + (0..<128).map { [97, UInt8($0), 98] } + (0..<200).map { _ in generator.bytes(5) }
        var short = 0
        for (number, text) in texts.enumerated() {
            let kind: BundleManifest.Kind = [.file, .directory, .symlink][number % 3]
            let times: [Int128] = [0, -1, 1, .max, .min + 1, Int128(Int64.min), 1_700_000_000_123_456_789]
            var entry = BundleManifest.Entry(
                BundlePath(text), kind, permissions: UInt32(number % 0o10000), modified: times[number % times.count])
            if kind == .file { (entry.size, entry.sha256) = (Int64(number) << 40, hex(generator.bytes(32))) }
            if kind == .symlink { entry.target = BundlePath(text.reversed()) }
            var lines = BundleManifest.EntryLines()
            lines.append(entry)
            #expect(lines.bytes == Array(try encoder.encode(entry)), "\(printable(text))")
            lines.append(entry)
            let manifest = BundleManifest(instance: "a", created: Timestamp(seconds: 5), runnerVersion: "1")
            let json = try manifest.encoded(entries: lines.bytes)
            let read = try BundleManifest(json: json)
            #expect(read.entries == [entry, entry] && read.instance == "a" && read.runnerVersion == "1")
            let general = try JSONDecoder().decode(BundleManifest.self, from: Data(json))
            #expect(general == read)
            if let quick = try encoder.encode(entry).withUnsafeBytes({
                $0.withMemoryRebound(to: UInt8.self, BundleManifest.EntryLines.read)
            }) {
                short += 1
                #expect(quick == entry)
            }
        }
        #expect(short > 60, "the short way is taken")
    }

    /// What differs from the layout by a byte is read as the general decoder reads it, or refused as it refuses it.
    @Test func changedManifestsReadAsTheGeneralDecoderSays() throws {
        var generator = SeededGenerator(26)
        var lines = BundleManifest.EntryLines()
        var file = BundleManifest.Entry(BundlePath("home/a"), .file, permissions: 0o600, modified: 17)
        (file.size, file.sha256) = (10, hex(generator.bytes(32)))
        var link = BundleManifest.Entry(BundlePath("home/b"), .symlink, permissions: 0o777, modified: -5)
        link.target = BundlePath("a")
        for entry in [
            BundleManifest.Entry(BundlePath("home"), .directory, permissions: 0o700, modified: 0), file, link,
        ] {
            lines.append(entry)
        }
        let good = try BundleManifest(instance: "a", created: Timestamp(seconds: 5), runnerVersion: "1")
            .encoded(entries: lines.bytes)
        for round in 0..<(isStress ? 100_000 : 4000) {
            var bytes = good
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: bytes[place] = Array("\n \"\\{}[],:-019e.x".utf8).randomElement(using: &generator) ?? 0
            case 1: bytes.remove(at: place)
            default: bytes.insert(Array("\n \"0,}-".utf8).randomElement(using: &generator) ?? 0, at: place)
            }
            // The general decoder takes a comma too many, which is no JSON.
            let isStrict = (try? JSONValue.refuseRepeatedKeys(in: bytes)) != nil
            let general = isStrict ? try? JSONDecoder().decode(BundleManifest.self, from: Data(bytes)) : nil
            let read = try? BundleManifest(json: bytes)
            if general?.formatVersion == 1 || read != nil {
                #expect(read == general, "round \(round): \(String(decoding: bytes, as: UTF8.self))")
            }
            guard round % 40 == 0 else { continue }
            // In pieces it is the same.
            var entries: [BundleManifest.Entry] = []
            var reader = ManifestReader { entries.append($0) }
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...20, using: &generator))
                piece.withUnsafeBytes { reader.add($0) }
                rest = rest.dropFirst(piece.count)
            }
            var inPieces = try? reader.finish()
            inPieces?.entries = entries
            #expect(inPieces == read)
        }
    }

    /// Other layouts of the same JSON, as another program would write it.
    @Test func otherLayoutsAreReadToo() throws {
        var lines = BundleManifest.EntryLines()
        var file = BundleManifest.Entry(BundlePath("home/a\"b[,]{}"), .file, permissions: 0o600, modified: 17)
        (file.size, file.sha256) = (10, String(repeating: "a", count: 64))
        lines.append(BundleManifest.Entry(BundlePath("home"), .directory, permissions: 0o700, modified: 0))
        lines.append(file)
        lines.append(BundleManifest.Entry(BundlePath([0x66, 0xff]), .directory, permissions: 0o700, modified: 0))
        var manifest = BundleManifest(instance: "a", created: Timestamp(seconds: 5), runnerVersion: "\"entries\":[")
        manifest.skipped = [.init(path: BundlePath("entries"), reason: "entries\":[{}]")]
        let json = try manifest.encoded(entries: lines.bytes)
        let read = try BundleManifest(json: json)
        #expect(read.entries.count == 3 && read.runnerVersion == manifest.runnerVersion)
        let object = try JSONSerialization.jsonObject(with: Data(json))
        for options: JSONSerialization.WritingOptions in [
            [], .prettyPrinted, .sortedKeys, [.prettyPrinted, .sortedKeys],
        ] {
            let other = try JSONSerialization.data(withJSONObject: object, options: options)
            #expect(try BundleManifest(json: Array(other)) == read)
        }
        let text = String(decoding: json, as: UTF8.self)
        for (from, to) in [
            ("\"entries\":[\n", "\"entries\":[],\"entries\":[\n"), ("\n]}", ",\n]}"),
            ("\"entries\":[\n", "\"entries\":[,\n"),
            ("\"entries\":[\n", "\"Entries\":[\n"), ("\n]}", "\n]"), ("\n]}", "\n]}}"),
            ("\n]}", "\n],\"instance\":\"b\"}"),
            ("\"kind\":\"file\"", "\"kind\":\"file\",\"kind\":\"file\""), ("\"entries\":[\n", "\"entries\":[1,\n"),
        ] {
            let bad = text.replacing(from, with: to, maxReplacements: 1)
            let error = #expect(throws: OperatorError.self, "\(to)") { try BundleManifest(json: Array(bad.utf8)) }
            #expect(error?.exit == .damagedInput)
        }
    }

    /// What a writer notes in a manifest, a reader takes.
    @Test func aManifestOfManyNotesCanBeRead() throws {
        let folder = try TemporaryDirectory()
        for name in [
            Array("a plain name of some length".utf8), [UInt8](repeating: 1, count: 200), [0xff] + Array("x".utf8),
        ] {
            let draft = ManifestDraft(
                BundleManifest(instance: "a", created: Timestamp(seconds: 5), runnerVersion: "1"), spooling: folder.path
            )
            for number in 0..<120_000 {
                draft.skip(name + Array("\(number)".utf8), "it is \"skipped\"")
                draft.warn(name + Array("\(number)".utf8), "it is not as it was")
            }
            let sink = MemorySink()
            try draft.write(
                as: TarEntry(path: Array("a/manifest.json".utf8), kind: .file, permissions: 0o600, modified: 0),
                to: TarWriter(sink))
            let json = sink.bytes.dropFirst(512)
            let end = try #require(json.lastIndex(of: UInt8(ascii: "}")))
            let read = try BundleManifest(json: Array(json[...end]))
            #expect(read.skipped == draft.manifest.skipped && read.warnings.count > 1000)
            #expect(read.skipped.last?.reason.hasSuffix("more are not named") == true)
        }
    }

    @Test func manifestPathsAreBytes() throws {
        for bytes: [UInt8] in [[97], [255, 254], Array("ü\n\"\\".utf8), [0x65, 0xcc, 0x81]] {
            var manifest = BundleManifest(instance: "a", created: Timestamp(seconds: 5), runnerVersion: "1")
            var lines = BundleManifest.EntryLines()
            let entry = BundleManifest.Entry(BundlePath(bytes), .file, permissions: 0o4755, modified: -3)
            lines.append(entry)
            manifest.entries = [entry]
            #expect(entry.mode == "4755" && entry.permissions == 0o4755)
            #expect(try BundleManifest(json: try manifest.encoded(entries: lines.bytes)) == manifest)
        }
    }
}
