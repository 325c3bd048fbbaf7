import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

@Suite struct CredentialResolverTests {
    static let value = "very-" + "private-value"

    private func text(_ secret: Secret) -> String { secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

    private func resolver(
        _ environment: [String: String] = [:], folder: FilePath = "/nonexistent/credentials",
        timeout: Duration = .seconds(10)
    ) -> CredentialResolver {
        CredentialResolver(environment: environment, user: currentUser, folder: folder, commandTimeout: timeout)
    }

    private func failure(_ reference: CredentialReference, _ resolver: CredentialResolver) async -> OperatorError? {
        let error = await #expect(throws: OperatorError.self) { try await resolver.resolve(reference, name: "c") }
        #expect(error?.exit == .credential)
        #expect(error.map { !"\($0)".contains(Self.value) } == true)
        return error
    }

    @Test(arguments: [("", value), ("\n", value), ("\r\n", value), ("\n\n", value + "\n")])
    func filesLoseOneNewline(_ end: String, _ expected: String) async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write("key", Self.value + end)
        #expect(text(try await resolver().resolve(.file(path), name: "c")) == expected)
        try resolver().check(.file(path), name: "c")
    }

    @Test(arguments: ["", "\n", "\r\n", "\n\n\r\n", " \t\n"])
    func tokensLoseWhatEndsTheLine(_ end: String) async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write("key", Self.value + end)
        #expect(text(try await resolver().token(.file(path), name: "c")) == Self.value)
    }

    @Test(arguments: ["a\r\nX-Injected: 1", "a b", "a\tb", "a\u{0}b", "a\u{7F}", "\u{FEFF}a", "tökén", " a", "\n\n \n"])
    func whatIsNoTokenIsRefused(_ text: String) async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write("key", text)
        let error = await #expect(throws: OperatorError.self) { try await resolver().token(.file(path), name: "c") }
        #expect(error?.exit == .credential)
        #expect(error?.reason.contains("BOM") == text.hasPrefix("\u{FEFF}"))
        #expect(error?.description.contains("Injected") == false)
    }

    @Test func aCommandThatFailedIsNotRunAgain() async throws {
        let folder = try TemporaryDirectory()
        let log = folder.path.appending("log")
        let command = CredentialReference.command(["/bin/sh", "-c", "echo run >> \(log); exec sleep 60"])
        let resolver = resolver(timeout: .seconds(2))
        let first = await failure(command, resolver)
        let second = await failure(command, resolver)
        #expect(first?.reason.contains("did not end within 2 s") == true && second?.reason == first?.reason)
        #expect(try FileSystem.read(log, limit: 100) == Array("run\n".utf8))
    }

    @Test(arguments: [0o640, 0o604, 0o644, 0o660, 0o601] as [UInt32])
    func filesThatOthersCanOpenAreRefused(_ mode: UInt32) async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write("key", Self.value, permissions: mode)
        #expect(await failure(.file(path), resolver())?.type == "credential-readable")
        #expect(await failure(.dotenv(path, key: "K"), resolver())?.type == "credential-readable")
        #expect(throws: OperatorError.self) { try resolver().check(.file(path), name: "c") }
    }

    @Test func otherThingsThanPrivateFilesAreRefused() async throws {
        let folder = try TemporaryDirectory()
        _ = await failure(.file(folder.path.appending("missing")), resolver())
        _ = await failure(.file(folder.path), resolver())
        let fifo = folder.path.appending("fifo")
        #expect(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
        _ = await failure(.file(fifo), resolver())
        _ = await failure(.file(try folder.write("empty", "\n")), resolver())
        let huge = try folder.write("huge", "x")
        #expect(huge.withPlatformString { truncate($0, 8 << 20) } == 0)
        #expect(await failure(.file(huge), resolver())?.reason.contains("larger") == true)
        let other = CredentialResolver(environment: [:], user: currentUser + 1, folder: folder.path)
        #expect(await failure(.file(try folder.write("mine", Self.value)), other)?.type == "credential-owner")
        let open = folder.path.appending("open")
        try FileSystem.makeDirectory(open, permissions: 0o777)
        let exposed = try folder.write("open/key", Self.value)
        #expect(open.withPlatformString { chmod($0, 0o777) } == 0)
        #expect(await failure(.file(exposed), resolver())?.type == "credential-replaceable")
    }

    @Test func systemdHandsItsCredentialsOver() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("push", Self.value + "\n", permissions: 0o400)
        try folder.write("acl", Self.value, permissions: 0o440)
        let environment = ["CREDENTIALS_DIRECTORY": folder.path.string]
        #expect(text(try await resolver(environment).resolve(.systemd(name: "push"), name: "c")) == Self.value)
        #expect(text(try await resolver(environment).resolve(.systemd(name: "acl"), name: "c")) == Self.value)
        try resolver(environment).check(.systemd(name: "push"), name: "c")
        // Units hand over an empty value where there is no file.
        try folder.write("empty", "", permissions: 0o400)
        for name in ["absent", "empty"] {
            let error = await failure(.systemd(name: name), resolver(environment, folder: "/etc/x/credentials"))
            #expect(
                error?.reason
                    == "systemd found no such credential: /etc/x/credentials/\(name) is missing or empty")
            #expect(throws: OperatorError.self) { try resolver(environment).check(.systemd(name: name), name: "c") }
        }
    }

    /// Outside a unit: the file that the units load, under the checks of any credential file.
    @Test func aShellReadsWhatTheUnitsLoad() async throws {
        let folder = try TemporaryDirectory()
        let shell = resolver(folder: folder.path)
        func refused(_ name: String) async -> String? {
            let type = await failure(.systemd(name: name), shell)?.type
            let checked = #expect(throws: OperatorError.self) { try shell.check(.systemd(name: name), name: "c") }
            #expect(checked?.type == type && checked?.exit == .credential)
            return type
        }
        try folder.write("push", Self.value + "\n")
        #expect(text(try await shell.resolve(.systemd(name: "push"), name: "c")) == Self.value)
        try shell.check(.systemd(name: "push"), name: "c")
        #expect(await refused("absent") == "credential-missing")
        try folder.write("empty", "")
        #expect(await refused("empty") == "credential-empty")
        try folder.write("open", Self.value, permissions: 0o640)
        #expect(await refused("open") == "credential-readable")
        #expect(folder.path.appending("link").withPlatformString { symlink("push", $0) } == 0)
        #expect(await refused("link") == "credential-missing")
        #expect(folder.path.appending("fifo").withPlatformString { mkfifo($0, 0o600) } == 0)
        #expect(await refused("fifo") == "credential-missing")
        let huge = try folder.write("huge", "x")
        #expect(huge.withPlatformString { truncate($0, 8 << 20) } == 0)
        #expect(await failure(.systemd(name: "huge"), shell)?.reason.contains("larger") == true)
        let other = CredentialResolver(environment: [:], user: currentUser + 1, folder: folder.path)
        #expect(await failure(.systemd(name: "push"), other)?.type == "credential-owner")
        // Encrypted ones are the system's alone.
        try folder.write("sealed.cred", "x", permissions: 0o644)
        let user = CredentialResolver(environment: [:], user: 12345, folder: folder.path)
        let sealed = await failure(.systemd(name: "sealed"), user)
        #expect(sealed?.advice?.contains("a user's manager cannot open") == true)
    }

    /// What the real `systemd-creds encrypt` made: of mode 0644 as it leaves it, opened by root alone.
    @Test(.enabled(if: currentUser == 0 && (try? FileStatus(following: "/usr/bin/systemd-creds")) != nil))
    func rootOpensEncryptedCredentials() async throws {
        let folder = try TemporaryDirectory()
        let plain = try folder.write("plain", Self.value + "\n")
        let sealed = folder.path.appending("push.cred")
        let made = try await SystemCommandRunner().run(
            "systemd-creds", ["encrypt", "--with-key=tpm2-absent", "--name=push", plain.string, sealed.string],
            deadline: .seconds(30))
        try #require(made.isSuccess, "\(String(decoding: made.errors, as: UTF8.self))")
        #expect(sealed.withPlatformString { chmod($0, 0o644) } == 0)
        let shell = resolver(folder: folder.path)
        try shell.check(.systemd(name: "push"), name: "c")
        #expect(text(try await shell.resolve(.systemd(name: "push"), name: "c")) == Self.value)
        // It goes before a plain one, as it does for the units.
        try folder.write("push", "older")
        #expect(text(try await shell.resolve(.systemd(name: "push"), name: "c")) == Self.value)
        // Others may read it, and nobody else may write it.
        #expect(sealed.withPlatformString { chmod($0, 0o666) } == 0)
        #expect(await failure(.systemd(name: "push"), shell)?.type == "credential-readable")
        #expect(sealed.withPlatformString { chmod($0, 0o644) } == 0)
        // Of another name, and damaged.
        try FileSystem.rename(sealed, to: folder.path.appending("other.cred"))
        #expect(await failure(.systemd(name: "other"), shell)?.reason.contains("cannot be decrypted") == true)
        try folder.write("junk.cred", "junk", permissions: 0o644)
        #expect(await failure(.systemd(name: "junk"), shell)?.advice?.contains("systemd-creds encrypt") == true)
        try folder.write("void.cred", "", permissions: 0o644)
        #expect(await failure(.systemd(name: "void"), shell)?.type == "credential-empty")
    }

    @Test func dotenvKeysAndVariables() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(".env", "A=1\nexport TOKEN=\"\(Self.value)\" # note\n")
        #expect(text(try await resolver().resolve(.dotenv(path, key: "TOKEN"), name: "c")) == Self.value)
        #expect(await failure(.dotenv(path, key: "TOKE"), resolver())?.reason.contains("has no key TOKE") == true)
        try resolver().check(.dotenv(path, key: "TOKEN"), name: "c")
        #expect(throws: OperatorError.self) { try resolver().check(.dotenv(path, key: "TOKE"), name: "c") }
        #expect(text(try await resolver(["V": Self.value]).resolve(.environment(name: "V"), name: "c")) == Self.value)
        _ = await failure(.environment(name: "V"), resolver())
        _ = await failure(.environment(name: "V"), resolver(["V": ""]))
        try resolver(["V": ""]).check(.environment(name: "V"), name: "c")
    }

    @Test func commandsPrintTheValueAndNothingOfThemIsShown() async throws {
        let shell = { (script: String) in CredentialReference.command(["/bin/sh", "-c", script]) }
        #expect(
            text(try await resolver().resolve(shell("echo \(Self.value); echo noise >&2"), name: "c")) == Self.value)
        #expect(text(try await resolver().resolve(.command(["echo", "a b", "$HOME"]), name: "c")) == "a b $HOME")
        #expect(
            await failure(shell("echo \(Self.value); echo \(Self.value) >&2; exit 3"), resolver())?.reason.contains("3")
                == true)
        _ = await failure(shell("true"), resolver())
        _ = await failure(.command(["/nonexistent/program"]), resolver())
        _ = await failure(shell("yes \(Self.value)"), resolver())
        let start = ContinuousClock.now
        let late = await failure(shell("trap '' TERM; sleep 30 & sleep 30"), resolver(timeout: .milliseconds(300)))
        #expect(late?.reason.contains("did not end within") == true)
        #expect(ContinuousClock.now - start < .seconds(5))
        try resolver(["PATH": "/usr/bin:/bin"]).check(.command(["cat"]), name: "c")
        #expect(throws: OperatorError.self) {
            try resolver(["PATH": "/bin"]).check(.command(["no-such-program-here"]), name: "c")
        }
    }

    @Test func undeclaredNamesAreCredentialErrors() async throws {
        let config = try await ConfigurationSamples.load(ConfigurationSamples.full)
        let error = await #expect(throws: OperatorError.self) { try await resolver().resolve("nope", in: config) }
        #expect(error?.exit == .credential)
        #expect(text(try await resolver(["OTHER_TOKEN": "x1"]).resolve("other", in: config)) == "x1")
    }

    @Test(arguments: [
        ("K=v", "v"), ("K=v # c", "v"), ("K=a#b", "a#b"), ("K = v ", "v"), ("export K=v", "v"), ("  export\tK=v", "v"),
        ("K='a # b'", "a # b"),
        ("K=\"a\\nb\"", "a\nb"), ("K='a\\nb'", "a\\nb"), ("K=\"a\\\"b\"", "a\"b"), ("K='it\\'s'", "it's"),
        ("K=\"line1\nline2\"", "line1\nline2"),
        ("K=", ""), ("K=\r\n", ""), ("K=v\r\nX=y", "v"), ("X=1\nK=1\nK=2", "2"), ("K=\"open", "\"open"),
        ("\u{FEFF}K=v", "v"), ("K=$HOME", "$HOME"),
        ("# K=no\nK=yes", "yes"), ("K=#no", ""), ("junk line\nK=v", "v"), ("A=\"K=no\"\nK=v", "v"),
        ("A='x\nK=no\n'\nK=v", "v"), ("K='a'b", "a"),
    ])
    func dotenvSyntax(_ file: String, _ expected: String) {
        #expect(DotenvFile.value(of: "K", in: Array(file.utf8)).map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(arguments: ["", "k=v", "KK=v", "K", "# K=v", "X=K=v", "K v"])
    func noSuchDotenvKey(_ file: String) {
        #expect(DotenvFile.value(of: "K", in: Array(file.utf8)) == nil)
    }

    @Test func dotenvParserEndsOnAnything() {
        var generator = SplitMix(seed: 7)
        let alphabet = Array("K=\"'\\\n\r #xexport ".utf8)
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            _ = DotenvFile.value(of: "K", in: bytes)
        }
    }
}
