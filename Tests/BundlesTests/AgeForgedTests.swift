internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// Each way to deviate from https://c2sp.org/age that the public test vectors name, made anew here: the kind of failure, and what is
/// handed out before it.
@Suite struct AgeForgedTests {
    typealias Case = (name: String, outcome: String, make: @Sendable (ForgedAgeFile) throws -> ForgedAgeFile)

    private static let large = [UInt8](repeating: 0x61, count: AgeChunk.length)
    private static let age = Array("age".utf8)
    private static let armorFailure = "armor failure"
    private static let headerFailure = "header failure"
    private static let payloadFailure = "payload failure"

    private static let armor: [Case] = [
        ("armor", "success", { try $0.armored() }),
        ("armor of a passphrase", "success", { try $0.scrypted().armor() }),
        ("a last line that is full", "success", { try $0.armored(rest: 0) }),
        ("white space outside", "success", { try $0.armored().surrounded(by: " \n\r   \t\n") }),
        ("armor for another", "no match", { try $0.wrapped(for: .generate()).armor() }),
        ("an empty line at the end", armorFailure, { try $0.armored { $0.insert("", at: $0.count - 1) } }),
        ("an empty line at the beginning", armorFailure, { try $0.armored { $0.insert("", at: 1) } }),
        ("a line's end between the padding", armorFailure, { try $0.armored(rest: 1, splitPadding) }),
        ("garbage before it", armorFailure, { try $0.armored { $0.insert("garbage", at: 0) } }),
        ("garbage after it", armorFailure, { try $0.armored { $0.append("garbage") } }),
        (
            "headers", armorFailure,
            { try $0.armored { $0.insert(contentsOf: ["Headers: are", "Not: allowed", ""], at: 1) } }
        ),
        ("one header", armorFailure, { try $0.armored { $0.insert("Version: 1", at: 1) } }),
        (
            "a wrong character in the payload", armorFailure,
            { try $0.armored { $0[$0.count - 2].replaceFirst(with: "*") } }
        ),
        ("a wrong character in the header", armorFailure, { try $0.armored { $0[1].replaceFirst(with: "*") } }),
        ("no padding", armorFailure, { try $0.armored(rest: 1) { $0[$0.count - 2].removeLast(2) } }),
        ("not canonical", armorFailure, { try $0.armored(rest: 1, loosenLast) }),
        ("a checksum as PGP has it", armorFailure, { try $0.armored { $0.insert("=aB3d", at: $0.count - 1) } }),
        (
            "white space at a line's start", armorFailure,
            { try $0.armored { $0[$0.count - 3] = " " + $0[$0.count - 3] } }
        ),
        ("white space at a line's end", armorFailure, { try $0.armored { $0[1] += " " } }),
        ("white space at the last line's end", armorFailure, { try $0.armored { $0[$0.count - 2] += " " } }),
        ("a tab at a line's end", armorFailure, { try $0.armored { $0[1] += "\t" } }),
        ("another type", armorFailure, { try $0.armored { $0 = $0.map { $0.replacing("FILE", with: "MESSAGE") } } }),
        ("another end", armorFailure, { try $0.armored { $0[$0.count - 1] = "-----END AGE ENCRYPTED MESSAGE-----" } }),
        ("white space behind the begin", armorFailure, { try $0.armored { $0[0] += " " } }),
        ("no end", armorFailure, { try $0.armored { $0.removeLast() } }),
        ("a short line in the middle", armorFailure, { try $0.armored { $0.insert(String($0[1].prefix(60)), at: 1) } }),
        ("twice", armorFailure, { try $0.armored { $0 += $0 } }),
    ]

    private static func splitPadding(_ lines: inout [String]) {
        let last = lines.count - 2
        #expect(lines[last].hasSuffix("=="))
        lines[last].removeLast()
        lines.insert("=", at: last + 1)
    }

    private static func loosenLast(_ lines: inout [String]) {
        let last = lines.count - 2
        lines[last] = ForgedAgeFile.loosened(String(lines[last].prefix { $0 != "=" })) + "=="
    }

    private static let header: [Case] = [
        ("another version", headerFailure, { try $0.wrapped { $0[0] = "age-encryption.org/v1234" } }),
        ("a version and a space", headerFailure, { try $0.wrapped { $0[0] += " " } }),
        ("no version", headerFailure, { try $0.wrapped { $0.removeFirst() } }),
        ("no stanza", headerFailure, { try $0.wrapped { $0.removeLast(2) } }),
        ("MAC missing", headerFailure, { try $0.authenticated { _ in "--- " } }),
        ("MAC missing with its space", headerFailure, { try $0.authenticated { _ in "---" } }),
        ("MAC without a space", headerFailure, { try $0.authenticated { $0.filter { $0 != " " } } }),
        ("MAC not canonical", headerFailure, { try $0.authenticated { ForgedAgeFile.loosened($0) } }),
        ("MAC padded", headerFailure, { try $0.authenticated { $0 + "=" } }),
        ("MAC cut", headerFailure, { try $0.authenticated { String($0.prefix(8)) } }),
        ("MAC too long", headerFailure, { try $0.authenticated { $0 + "AAAA" } }),
        ("another MAC", "HMAC failure", { try $0.authenticated { _ in "--- " + String(repeating: "A", count: 43) } }),
        ("padding in a stanza", headerFailure, { try $0.wrapped { $0[2] += "=" } }),
        ("an empty body", "success", { try $0.wrapped { $0 += ["-> empty", ""] } }),
        ("a body that fills its line", "success", { try $0.wrapped { $0 += ["-> full", full, ""] } }),
        (
            "grease around", "success",
            { try $0.wrapped { $0 = [$0[0], "-> grease", ""] + $0[1...] + ["-> grease a b", "AAAA"] } }
        ),
        ("no body", headerFailure, { try $0.wrapped { $0.insert("-> empty", at: 1) } }),
        ("no last line", headerFailure, { try $0.wrapped { $0 += ["-> stanza", full] } }),
        ("two short lines", headerFailure, { try $0.wrapped { $0 += ["-> stanza", "AAAA", "AAAA"] } }),
        ("a long line", headerFailure, { try $0.wrapped { $0 += ["-> stanza", full + "AAAA", ""] } }),
        ("a body that is not canonical", headerFailure, { try $0.wrapped { $0[2] = ForgedAgeFile.loosened($0[2]) } }),
        ("every character that is allowed", "success", { try $0.wrapped { $0 += ["-> " + printableCharacters, ""] } }),
        ("a control character", headerFailure, { try $0.wrapped { $0 += ["-> a\u{7f}", ""] } }),
        ("a tab", headerFailure, { try $0.wrapped { $0 += ["-> a\tb", ""] } }),
        ("not ASCII", headerFailure, { try $0.wrapped { $0 += ["-> gr\u{e4}se", ""] } }),
        ("a space at the end", headerFailure, { try $0.wrapped { $0 += ["-> a ", ""] } }),
        ("two spaces", headerFailure, { try $0.wrapped { $0 += ["->  a", ""] } }),
        ("nothing but the arrow", headerFailure, { try $0.wrapped { $0 += ["->", ""] } }),
        ("CRLF", headerFailure, { try $0.wrapped { $0 = $0.map { $0 + "\r" } } }),
        ("CRLF in a body", headerFailure, { try $0.wrapped { $0[2] += "\r" } }),
        ("no nonce", headerFailure, { try $0.wrapped().cut(35) }),
        ("a short nonce", headerFailure, { try $0.wrapped().cut(23) }),
        ("nothing", headerFailure, { $0 }),
    ]

    private static let full = String(repeating: "A", count: 64)
    private static let printableCharacters = String(decoding: UInt8(0x21)...UInt8(0x7e), as: UTF8.self)

    private static let recipients: [Case] = [
        ("X25519", "success", { try $0.wrapped() }),
        ("one of many X25519", "success", { try $0.wrap(.generate()).wrap(.generate()).wrapped() }),
        ("lower case", "no match", { try $0.wrapped { $0[1] = $0[1].replacing("X25519", with: "x25519") } }),
        ("X25519 for another", "no match", { try $0.wrapped(for: .generate()) }),
        ("X25519 with a bad tag", "no match", { try $0.wrapped { $0[2].replaceFirst() } }),
        ("X25519 with another argument", headerFailure, { try $0.wrapped { $0[1] += " 1234" } }),
        ("X25519 without its share", headerFailure, { try $0.wrapped { $0[1] = "-> X25519" } }),
        ("X25519 with a short share", headerFailure, { try $0.wrapped { $0[1].removeLast(3) } }),
        ("X25519 with a long share", headerFailure, { try $0.wrapped { $0[1] = "-> X25519 " + full } }),
        (
            "X25519 with a share that is not canonical", headerFailure,
            { try $0.wrapped { $0[1] = ForgedAgeFile.loosened($0[1]) } }
        ),
        ("X25519 with a long file key", headerFailure, { try $0.lengthened().wrapped() }),
        ("X25519 with the identity point", headerFailure, { try $0.wrapped(share: zero) }),
        ("X25519 with a point of low order", headerFailure, { try $0.wrapped(share: ForgedAgeFile.lowOrder) }),
        ("hybrid", "success", { try $0.wrapped(for: $0.hybridKey) }),
        ("one of two hybrid", "success", { try $0.wrap(.generate(postQuantum: true)).wrapped(for: $0.hybridKey) }),
        ("hybrid beside X25519", "success", { try $0.wrap(.generate()).wrapped(for: $0.hybridKey) }),
        ("hybrid for another", "no match", { try $0.wrapped(for: .generate(postQuantum: true)) }),
        ("hybrid with a changed ML-KEM share", "no match", { try $0.hybrid { $0[0] ^= 0xff } }),
        ("hybrid with a changed X25519 share", "no match", { try $0.hybrid { $0[1114] ^= 0xff } }),
        (
            "hybrid with the identity point", headerFailure,
            { try $0.hybrid { $0.replaceSubrange(1088..., with: zero) } }
        ),
        (
            "hybrid with a point of low order", headerFailure,
            { try $0.hybrid { $0.replaceSubrange(1088..., with: ForgedAgeFile.lowOrder) } }
        ),
        ("hybrid with a short share", headerFailure, { try $0.hybrid { $0.removeLast() } }),
        ("hybrid with a long share", headerFailure, { try $0.hybrid { $0.append(0) } }),
        ("hybrid with another argument", headerFailure, { try $0.wrapped(for: $0.hybridKey) { $0[1] += " 1234" } }),
        (
            "hybrid with a body that is not canonical", headerFailure,
            { try $0.wrapped(for: $0.hybridKey) { $0[2] = ForgedAgeFile.loosened($0[2]) } }
        ),
        ("hybrid with a long file key", headerFailure, { try $0.lengthened().wrapped(for: $0.hybridKey) }),
        ("a passphrase", "success", { try $0.scrypted() }),
        ("a passphrase and a bad tag", "no match", { try $0.scrypted { $0[2].replaceFirst() } }),
        ("two passphrases", headerFailure, { try $0.scrypt("other").scrypted() }),
        ("a passphrase and X25519", headerFailure, { try $0.wrap().scrypted() }),
        ("a passphrase and grease", headerFailure, { try $0.scrypted { $0 += ["-> grease", ""] } }),
        ("a passphrase with another argument", headerFailure, { try $0.scrypted { $0[1] += " 10" } }),
        ("a passphrase with a long file key", headerFailure, { try $0.lengthened().scrypted() }),
        (
            "a salt that is not canonical", headerFailure,
            { try $0.scrypted { $0[1] = ForgedAgeFile.loosened(String($0[1].dropLast(3))) + " 10" } }
        ),
        ("a work factor too large", headerFailure, { try $0.scrypted(work: "23") }),
        ("a work factor far too large", headerFailure, { try $0.scrypted(work: "64") }),
        ("a work factor that is another", "no match", { try $0.scrypted(work: "9") }),
        ("a work factor with a zero before it", headerFailure, { try $0.scrypted(work: "010") }),
        ("a work factor in octal", headerFailure, { try $0.scrypted(work: "012") }),
        ("a work factor with something behind it", headerFailure, { try $0.scrypted(work: "10x") }),
        ("a work factor in other digits", headerFailure, { try $0.scrypted(work: "\u{661}\u{660}") }),
    ]

    private static let zero = [UInt8](repeating: 0, count: 32)

    private static let stream: [Case] = [
        ("an empty payload", "success", { try $0.streamed([.last([])]) }),
        ("a last chunk that is full", "success", { try $0.streamed([.more(large), .last(large)]) }),
        ("a last chunk that is empty", payloadFailure, { try $0.streamed([.more(large), .last([])]) }),
        ("no last chunk", payloadFailure, { try $0.streamed([.bad(age)]) }),
        ("no last chunk after a full one", payloadFailure, { try $0.streamed([.more(large)]) }),
        ("no last chunk of two", payloadFailure, { try $0.streamed([.more(large), .bad(age)]) }),
        ("no last chunk after two full ones", payloadFailure, { try $0.streamed([.more(large), .more(large)]) }),
        (
            "no last chunk after a job's worth", payloadFailure,
            { try $0.streamed(Array(repeating: .more(large), count: AgeChunk.perJob)) }
        ),
        ("two last chunks", payloadFailure, { try $0.streamed([.last(large), .badLast(age)]) }),
        ("a short chunk before the last", payloadFailure, { try $0.streamed([.bad(age), .badLast(age)]) }),
        ("a bad tag", payloadFailure, { try $0.streamed([.badLast(age)]).flippedAtTheEnd() }),
        (
            "a bad tag in the second chunk", payloadFailure,
            { try $0.streamed([.more(large), .badLast(age)]).flippedAtTheEnd() }
        ),
        ("a chunk shorter than its tag", payloadFailure, { try $0.streamed([.raw(12)]) }),
        ("a second chunk shorter than its tag", payloadFailure, { try $0.streamed([.more(large), .raw(12)]) }),
        ("a little after the end", payloadFailure, { try $0.streamed([.last(large), .raw(12)]) }),
        ("one byte after the end", payloadFailure, { try $0.streamed([.last(large), .raw(1)]) }),
        ("much after the end", payloadFailure, { try $0.streamed([.last(large), .raw(200_000)]) }),
        ("something after a short end", payloadFailure, { try $0.streamed([.badLast(age), .raw(12)]) }),
        (
            "garbage in armor after the last chunk", payloadFailure,
            { try $0.streamed([.last(large), .raw(20)]).armor() }
        ),
    ]

    private static let all = armor + header + recipients + stream

    @Test func thereAreEnough() { #expect(Self.all.count > 110) }

    @Test(arguments: all.indices) func forged(index: Int) throws {
        let (name, outcome, make) = Self.all[index]
        let file = try make(ForgedAgeFile())
        let identities = file.identities
        let sink = MemorySink()
        var seen = "success"
        do {
            try AgeDecryptor(
                MemorySource(file.bytes), identities: identities, form: file.isArmored ? .armored : .binary
            ).copy(to: sink)
        } catch let error as OperatorError {
            #expect(error.exit == .damagedInput, "\(name)")
            seen =
                switch try #require(AgeFailure(rawValue: error.type), "\(name): \(error)") {
                case .header: "header failure"
                case .noMatch: "no match"
                case .mac: "HMAC failure"
                case .payload: "payload failure"
                case .armor: "armor failure"
                }
        }
        #expect(seen == outcome, "\(name)")
        #expect(sink.bytes == (["success", "payload failure"].contains(outcome) ? file.released : []), "\(name)")
        // Found without being told, it is the same: opened or not.
        let detected = Result {
            try AgeDecryptor(MemorySource(file.bytes), identities: identities).copy(to: MemorySink())
        }
        #expect((detected.failure == nil) == (outcome == "success"), "\(name)")
    }

    /// Stock age agrees on which of them open, where it knows the kind of recipient: the forger's hand is right.
    @Test(arguments: all.indices) func stockAgeAgrees(index: Int) async throws {
        let (name, outcome, make) = Self.all[index]
        let file = try make(ForgedAgeFile())
        let text = String(decoding: file.bytes, as: UTF8.self)
        // Neither kinds of recipients that this age may not know, nor white space before armor, which it does not look behind.
        guard !name.contains("hybrid"), !name.contains("passphrase"), !text.contains("scrypt"),
            !(text.first?.isWhitespace ?? false)
        else { return }
        let folder = try TemporaryDirectory()
        try folder.write("file.age", file.bytes)
        let key = try #require(file.key.text).withUnsafeBytes { Array($0) + [10] }
        try folder.write("key.txt", key)
        let status = try await shell(
            "age -d -i key.txt file.age >/dev/null 2>&1 && echo opened || echo refused", in: folder.path)
        #expect(status == (outcome == "success" ? "opened\n" : "refused\n"), "\(name)")
    }
}
