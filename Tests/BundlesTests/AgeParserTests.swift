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

    @Test func manifestPathsAreBytes() throws {
        for bytes: [UInt8] in [[97], [255, 254], Array("ü\n\"\\".utf8), [0x65, 0xcc, 0x81]] {
            var manifest = BundleManifest(instance: "a", created: Timestamp(seconds: 5), runnerVersion: "1")
            var lines = BundleManifest.EntryLines()
            let entry = BundleManifest.Entry(BundlePath(bytes), .file, permissions: 0o4755, modified: -3)
            try lines.append(entry)
            manifest.entries = [entry]
            #expect(entry.mode == "4755" && entry.permissions == 0o4755)
            #expect(try BundleManifest(json: try manifest.encoded(entries: lines.bytes)) == manifest)
        }
    }
}
