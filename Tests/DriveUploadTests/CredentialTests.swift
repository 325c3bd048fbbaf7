import Glibc
import HTTP
import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

@Suite("Google credentials", .timeLimit(.minutes(5)))
struct CredentialTests {
    private func parse(_ text: String, writeBack: FilePath? = nil) throws -> DriveCredential {
        try DriveCredential(parsing: Secret(Array(text.utf8)), label: "drive.json", writeBack: writeBack)
    }

    private func user(_ text: String) throws -> DriveCredential.UserCredential {
        guard case .user(let user) = try parse(text).kind else { throw OperatorError.cancelled(doing: "parsing") }
        return user
    }

    @Test("google-auth's file in all its shapes")
    func googleToken() throws {
        let whole = try user(FakeDrive.tokenFile(#", "expiry": "2026-11-22T09:00:00.123456Z", "account": """#))
        #expect(whole.expiry?.microseconds == Timestamp("2026-11-22T09:00:00.123456Z")?.microseconds)
        #expect(whole.token == nil)
        #expect(
            try user(FakeDrive.tokenFile(#", "expiry": "2026-11-22T09:00:00Z""#)).expiry
                == Timestamp("2026-11-22T09:00:00Z"))
        #expect(
            try user(FakeDrive.tokenFile(#", "expiry": "2026-11-22T09:00:00""#)).expiry
                == Timestamp("2026-11-22T09:00:00Z"))
        #expect(try user(FakeDrive.tokenFile()).expiry == nil)
        let base = #"{"refresh_token":"r","client_id":"c","client_secret":"s""#
        for scopes in [
            "", #","scopes":null"#, #","scopes":"https://www.googleapis.com/auth/drive.file openid""#, #","scopes":[]"#,
        ] {
            #expect(try user(base + scopes + "}").clientID == "c")
        }
    }

    @Test("gcloud's form, and ours")
    func otherForms() throws {
        for type in ["authorized_user", "hermes-ops-drive"] {
            #expect(
                try user(#"{"type":"\#(type)","refresh_token":"r","client_id":"c","client_secret":"s"}"#).clientID
                    == "c")
        }
    }

    @Test(
        "What is no credential exits 77 and repeats nothing of it",
        arguments: [
            "", "null", "[]", "{}", #"{"refresh_token":"hidden-value"}"#, #"{"type":"external_account"}"#,
            #"{"refresh_token":"hidden-value","client_id":"c","client_secret":7}"#,
            #"{"refresh_token":"hidden-value\n","client_id":"c","client_secret":"s"}"#,
            #"{"installed":{"client_id":"c","client_secret":"hidden-value"}}"#,
            #"{"refresh_token":"hidden-value","client_id":"c","client_secret":"s","scopes":["https://mail.google.com/"]}"#,
            #"{"type":"service_account"}"#,
            #"{"type":"service_account","client_email":"a@b","private_key":"hidden-value"}"#,
        ])
    func malformed(_ text: String) throws {
        let error = try #require(throws: OperatorError.self) { try parse(text) }
        #expect(error.exit == .credential)
        #expect(!error.description.contains("hidden-value"))
    }

    @Test("The token_uri of the file is never asked, and ten waiters make one refresh")
    func singleFlight() async throws {
        let drive = try FakeDrive()
        let tokens = AccessTokens(try parse(FakeDrive.tokenFile()), http: drive.http, options: try drive.options())
        let all = try await withThrowingTaskGroup(of: Secret.self) { group in
            for _ in 0..<10 { group.addTask { try await tokens.current() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(all.allSatisfy { $0 == all[0] })
        #expect(try await drive.world().operations == ["token"])
        #expect("\(all[0])" == "«secret»")
    }

    @Test("A token is used until 3 min 45 s before its end, by the expires_in that Google says")
    func early() async throws {
        let drive = try FakeDrive()
        try await drive.control("set", #"{"expires_in": 1000}"#)
        let tokens = AccessTokens(try parse(FakeDrive.tokenFile()), http: drive.http, options: try drive.options())
        let first = try await tokens.current()
        drive.time.advance(by: .seconds(774))
        #expect(try await tokens.current() == first)
        drive.time.advance(by: .seconds(2))
        #expect(try await tokens.current() != first)
    }

    @Test("Token and expiry are written back, and nothing else changes")
    func writeBack() async throws {
        let drive = try FakeDrive()
        let text = FakeDrive.tokenFile(#", "mine": [1.50, null], "account": """#)
        let file = try drive.temporary.write("google_token.json", text)
        let credential = try parse(text, writeBack: file)
        let token = try await AccessTokens(credential, http: drive.http, options: try drive.options()).current()
        let written = try JSONDocument(parsing: FileSystem.read(file, limit: 10_000))
        var expected = try JSONDocument(parsing: Array(text.utf8))
        expected["token"] = .string(token.withUnsafeBytes { Array($0) })
        expected["expiry"] = .string((drive.time.now + .seconds(3599)).description)
        #expect(written == expected)
        #expect(try FileStatus(at: file).permissions == 0o600)
        // The next process asks for no token.
        let next = try parse(String(decoding: FileSystem.read(file, limit: 10_000), as: UTF8.self))
        #expect(try await AccessTokens(next, http: drive.http, options: try drive.options()).current() == token)
        #expect(try await drive.world().operations == ["token"])

        // A file that became another's in the meantime is left alone.
        let other = text.replacing(FakeDrive.refreshToken, with: "another")
        try FileSystem.replace(file, with: Array(other.utf8))
        _ = try await AccessTokens(credential, http: drive.http, options: try drive.options()).current()
        #expect(try FileSystem.read(file, limit: 10_000) == Array(other.utf8))
    }

    @Test("A refresh token that changes again and again is kept each time")
    func rotation() async throws {
        let drive = try FakeDrive()
        let file = try drive.temporary.write("google_token.json", FakeDrive.tokenFile())
        let credential = try parse(FakeDrive.tokenFile(), writeBack: file)
        let tokens = AccessTokens(credential, http: drive.http, options: try drive.options())
        for number in 1...3 {
            let body = #"{\"access_token\": \"a\#(number)\", \"expires_in\": 0, \"refresh_token\": \"r\#(number)\"}"#
            try await drive.fault(#"{"on": "token", "do": "status", "status": 200, "body": "\#(body)"}"#)
            _ = try await tokens.current()
            let kept = try JSONDocument(parsing: FileSystem.read(file, limit: 10_000))
            #expect(kept["refresh_token"]?.text == "r\(number)")
        }
    }

    @Test("A consent screen in testing is told of ahead of its seven days")
    func testingConsent() async throws {
        let drive = try FakeDrive()
        try await drive.control("set", #"{"token_extra": {"refresh_token_expires_in": 604799}}"#)
        _ = try await AccessTokens(try parse(FakeDrive.tokenFile()), http: drive.http, options: try drive.options())
            .current()
        #expect(drive.warnings.all.count == 1)
        #expect(drive.warnings.all[0].contains("\(drive.time.now + .seconds(604_799))"))
        drive.expectNoSecret()
    }

    @Test(
        "A refusal for good ends at once with 77, another is tried again",
        arguments: [
            (400, "invalid_grant", true), (401, "invalid_client", true), (400, "invalid_scope", true),
            (400, "unsupported_grant_type", true), (400, "invalid_request", true), (500, "internal_failure", false),
            (400, "internal_failure", false), (503, "temporarily_unavailable", false), (429, "rate", false),
        ])
    func refusals(status: Int, code: String, isFinal: Bool) async throws {
        let drive = try FakeDrive()
        let body = #"{\"error\": \"\#(code)\", \"error_description\": \"because\"}"#
        try await drive.fault(#"{"on": "token", "times": 2, "do": "status", "status": \#(status), "body": "\#(body)"}"#)
        let tokens = AccessTokens(try parse(FakeDrive.tokenFile()), http: drive.http, options: try drive.options())
        if isFinal {
            let error = try await #require(throws: OperatorError.self) { try await tokens.current() }
            #expect(error.exit == .credential)
            #expect(!error.isTemporary)
            #expect(error.reason.contains(code))
            #expect(try await drive.world().operations.count == 1)
        } else {
            _ = try await tokens.current()
            #expect(try await drive.world().operations.count == 3)
        }
    }

    @Test("A revoked refresh token says what to do")
    func revoked() async throws {
        let drive = try FakeDrive()
        let bundle = try await drive.bundle(1000)
        let credential = try parse(FakeDrive.tokenFile().replacing(FakeDrive.refreshToken, with: "revoked"))
        let store = try drive.store(credential: credential)
        let error = try await #require(throws: OperatorError.self) {
            try await store.put(bundle, progress: NoProgress())
        }
        #expect(error.exit == .credential)
        #expect(error.description.contains("authorise once more"))
        #expect(!error.description.contains("revoked\""))
        #expect(try await drive.world().files.isEmpty)
    }

    @Test("A service account signs an assertion that openssl verifies, and hears of its missing storage")
    func serviceAccount() async throws {
        let drive = try FakeDrive()
        let folder = drive.temporary.path.string
        let made = try run(
            "openssl genrsa -out \(folder)/key.pem 2048 && openssl rsa -in \(folder)/key.pem -pubout -out \(folder)/public.pem"
        )
        #expect(made == 0)
        func text(_ name: String) throws -> JSONDocument {
            .string(try FileSystem.read(drive.temporary.path.appending(name), limit: 10_000))
        }
        let document = JSONDocument.object([
            .init("type", .string("service_account")), .init("client_email", .string("robot@example.test")),
            .init("private_key_id", .string("k1")), .init("private_key", try text("key.pem")),
        ])
        let settings = JSONDocument.object([
            .init("public_key", try text("public.pem")), .init("service_account", .bool(true)),
        ])
        try await drive.control("set", String(decoding: settings.serialized, as: UTF8.self))
        let store = try drive.store(
            credential: DriveCredential(parsing: Secret(document.serialized), label: "robot.json"))
        let bundle = try await drive.bundle(1000)
        let error = try await #require(throws: OperatorError.self) {
            try await store.put(bundle, progress: NoProgress())
        }
        #expect(error.exit == .cannotWrite)
        #expect(error.advice?.contains("service accounts own no storage") == true)
    }

    private func run(_ command: String) throws -> Int32 {
        system("(\(command)) >/dev/null 2>&1")
    }
}
