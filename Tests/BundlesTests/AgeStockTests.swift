internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// Against the stock programs age and age-keygen, both ways.
@Suite struct AgeStockTests {
    static let lengths = [
        0, 1, 15, 65535, 65536, 65537, 2 * 65536, 16 * 65536 - 1, 16 * 65536, 16 * 65536 + 1, 5_000_000,
    ]

    @Test(arguments: lengths) func stockAgeOpensOurs(length: Int) async throws {
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(UInt64(length))
        let plain = generator.bytes(length)
        try await shell("age-keygen -o one.txt 2>/dev/null; age-keygen -o two.txt 2>/dev/null", in: folder.path)
        let recipients = try ["one", "two"].map {
            try IdentityFile.load(folder.path.appending("\($0).txt"))[0].recipient()
        }
        let armored = length % 2 == 1
        try folder.write("file.age", try encrypt(plain, to: recipients.compactMap { $0 }, armored: armored))
        for key in ["one.txt", "two.txt"] {
            // age makes no file for an empty payload.
            try await shell("rm -f out; age -d -i \(key) -o out file.age; touch out", in: folder.path)
            #expect(try FileSystem.read(folder.path.appending("out"), limit: 10 << 20) == plain)
        }
    }

    @Test(arguments: lengths) func oursOpensStockAge(length: Int) async throws {
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(UInt64(length) + 1)
        let plain = generator.bytes(length)
        try folder.write("plain", plain)
        let path = folder.path.appending("key.txt")
        let recipient = try IdentityFile.create(path, postQuantum: false, time: SystemTime())
        let text = try #require(recipient.text)
        // age-keygen reads our file and finds the same recipient.
        #expect(try await shell("age-keygen -y key.txt", in: folder.path) == text + "\n")
        try await shell(
            "age -r $1 -o binary plain; age -a -r $1 -o armored plain", in: folder.path, [text])
        let identities = try IdentityFile.load(path)
        for name in ["binary", "armored"] {
            let sealed = try FileSystem.read(folder.path.appending(name), limit: 10 << 20)
            #expect(try decrypt(sealed, identities) == plain)
        }
    }

    @Test func passphrases() async throws {
        let folder = try TemporaryDirectory()
        let passphrase = Secret("correct horse battery".utf8)
        let plain = Array("over a passphrase".utf8)
        try folder.write("file.age", try encrypt(plain, to: [.passphrase(passphrase, workFactor: 12)]))
        // age asks on a terminal: script gives it one.
        let typed = try await shell(
            "(sleep 0.7; echo 'correct horse battery') | script -qec 'age -d -o out file.age' /dev/null >/dev/null; cat out",
            in: folder.path)
        #expect(typed == "over a passphrase")
        try folder.write("plain", plain)
        try await shell(
            "(sleep 0.7; echo 'correct horse battery'; sleep 0.7; echo 'correct horse battery'; sleep 3) "
                + "| script -qec 'age -p -o sealed plain' /dev/null >/dev/null", in: folder.path)
        let sealed = try FileSystem.read(folder.path.appending("sealed"), limit: 1 << 20)
        #expect(try decrypt(sealed, [.passphrase(passphrase)]) == plain)
        let wrong = AgeIdentity.passphrase(Secret("wrong".utf8))
        let error = failure { _ = try decrypt(sealed, [wrong]) }
        #expect(error?.type == "age-no-match" && error?.reason.contains("with the passphrase,") == true)
        let both = failure { _ = try decrypt(sealed, [wrong, .generate(), .generate()]) }
        #expect(both?.reason.contains("with the 2 identities or the passphrase,") == true)
    }

    @Test func anEncryptedIdentityFileOpensWithItsPassphrase() throws {
        let folder = try TemporaryDirectory()
        let identity = AgeIdentity.generate()
        let text = try IdentityFile.text(of: identity, created: Timestamp(seconds: 1_795_000_000))
        let passphrase = Secret("four words".utf8)
        let sealed = try encrypt(
            text.withUnsafeBytes { Array($0) }, to: [.passphrase(passphrase, workFactor: 10)], armored: true)
        let path = try folder.write("key.age", sealed)
        #expect(failure { _ = try IdentityFile.load(path) }?.exit == .credential)
        let wrong = failure { _ = try IdentityFile.load(path, passphrase: Secret("four swords".utf8)) }
        #expect(wrong?.exit == .credential && wrong?.reason == "the passphrase does not open it")
        #expect(failure { _ = try IdentityFile.load(folder.path.appending("nope")) }?.exit == .credential)
        let loaded = try IdentityFile.load(path, passphrase: passphrase)
        #expect(try loaded.map { try $0.recipient() } == [try identity.recipient()])
    }

    @Test func postQuantumKeysGoRound() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path.appending("pq.txt")
        let recipient = try IdentityFile.create(path, postQuantum: true, time: SystemTime())
        let text = try #require(recipient.text)
        #expect(text.hasPrefix("age1pq1"))
        #expect(try AgeRecipient(text) == recipient)
        let plain = [UInt8](repeating: 7, count: 100_000)
        let sealed = try encrypt(
            plain, to: [recipient, try #require(try AgeIdentity.generate(postQuantum: true).recipient())])
        #expect(try decrypt(sealed, try IdentityFile.load(path)) == plain)
        // A share of low order is an error of the file and not of the key.
        let mixed = failure { _ = try encrypt(plain, to: [recipient, .x25519([UInt8](repeating: 9, count: 32))]) }
        #expect(mixed?.exit == .configuration)
    }

    @Test func identityFilesArePrivateAndNeverOverwritten() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path.appending("key.txt")
        _ = try IdentityFile.create(path, postQuantum: false, time: ManualTime())
        let before = try FileSystem.read(path, limit: 4096)
        #expect(try FileStatus(at: path).permissions == 0o600)
        let lines = String(decoding: before, as: UTF8.self).split(separator: "\n")
        #expect(
            lines.count == 3 && lines[0] == "# created: \(ManualTime().now)" && lines[1].hasPrefix("# public key: age1")
        )
        #expect(failure { _ = try IdentityFile.create(path, postQuantum: false, time: SystemTime()) } != nil)
        #expect(try FileSystem.read(path, limit: 4096) == before)
        #expect(try DirectoryListing.names(at: folder.path).count == 1)
        try FileSystem.replace(path, with: before, permissions: 0o640)
        #expect(failure { _ = try IdentityFile.load(path) }?.exit == .credential)
    }

    @Test func noErrorShowsAKey() throws {
        let identity = AgeIdentity.generate()
        let text = try #require(identity.text).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        let errors = [
            failure { _ = try AgeRecipient(text) },
            failure { _ = try IdentityFile.parse(Array((text + "x\n").utf8), name: "file") },
            failure { _ = try AgeIdentity(Secret(text.lowercased().utf8 + [120])) },
        ]
        for error in errors {
            let shown = String(describing: try #require(error))
            #expect(!shown.uppercased().contains(text.suffix(20)))
        }
        #expect(!"\(identity)".contains(text.suffix(20)))
    }
}
