import Foundation
import Glibc
import HTTP
import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Notify

@Suite struct TelegramClientTests {
    private let fake: FakeTelegram

    init() throws { fake = try FakeTelegram() }

    /// The fake is only worth what a real client says of it: python-telegram-bot, from the folder that scripts/bootstrap makes.
    @Test(.enabled(if: getenv("HERMES_OPS_PEERS") != nil, "scripts/test names the folder of the real peers"))
    func theFakeIsTakenForTelegramByARealClient() async throws {
        let peers = FilePath(String(cString: try #require(getenv("HERMES_OPS_PEERS"))))
        let script = TestServer.sourceRoot.appending("Tests").appending("Servers").appending("prove_fake_telegram.py")
        let result = try await Subprocess.run(
            .path(peers.appending("bin").appending("python")),
            arguments: ["-B", script.string, "\(fake.server.numbers["port"] ?? 0)", FakeTelegram.token],
            environment: .custom(["PATH": "/usr/bin:/bin"]), output: .discarded, error: .string(limit: 1 << 20))
        #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
    }

    @Test func plainTextArrivesAsItIs() async throws {
        let text = "_*[a](b)<b>&amp; 1️⃣ \\ \"q\"\nsecond line 🔴"
        let receipt = try await fake.client.send(text, to: fake.channel())
        #expect(receipt == TelegramClient.Receipt(messageID: 1, migratedTo: nil))
        #expect(try await fake.client.send("x", to: fake.channel("@channel")).messageID == 2)
        #expect(try await fake.messages() == [.init(chat: "-1001", text: text), .init(chat: "@channel", text: "x")])
    }

    @Test func aMigratedChatIsFollowedOnce() async throws {
        try await fake.migrate("-55", to: "-10055")
        let receipt = try await fake.client.send("x", to: fake.channel("-55"))
        #expect(receipt.migratedTo == "-10055")
        #expect(try await fake.messages() == [.init(chat: "-10055", text: "x")])
        // A chat that migrates to one that migrates back is not followed round and round.
        try await fake.migrate("-56", to: "-57")
        try await fake.migrate("-57", to: "-56")
        try await fake.migrate("-56", to: "-57")
        try await fake.migrate("-57", to: "-56")
        let before = try await fake.requestCount()
        _ = try? await fake.client.send("x", to: fake.channel("-56"))
        #expect(try await fake.requestCount() - before <= 2)
    }

    @Test(arguments: [
        (
            #"{"status":429,"retry_after":7}"#, TelegramClient.Failure.Kind.later(.seconds(7)),
            Support.ExitStatus.unavailable
        ),
        (#"{"status":502}"#, .later(nil), .unavailable),
        (#"{"status":403}"#, .channel, .credential),
        (
            #"{"status":400,"description":"Bad Request: not enough rights to send text messages to the chat"}"#,
            .channel, .configuration
        ),
        (#"{"status":400,"description":"Bad Request: can't parse entities"}"#, .message, .failure),
        (#"{"status":413,"description":"Request Entity Too Large"}"#, .message, .failure),
        (#"{"cut":"before"}"#, .ambiguous, .unavailable),
        (#"{"cut":"after"}"#, .ambiguous, .unavailable),
        (#"{"garbage":true}"#, .later(nil), .unavailable),
    ])
    func failuresAreToldApart(_ fault: String, _ kind: TelegramClient.Failure.Kind, _ exit: Support.ExitStatus)
        async throws
    {
        try await fake.fail(fault)
        let failure = await #expect(throws: TelegramClient.Failure.self) {
            try await fake.client.send("x", to: fake.channel())
        }
        #expect(failure?.kind == kind)
        #expect(failure?.error.exit == exit)
        // One call, one request: nothing was repeated behind our back.
        #expect(try await fake.requestCount() == 1)
    }

    /// Whoever answers with another address gets neither the token nor the text there.
    @Test func noRedirectIsFollowed() async throws {
        let other = try FakeTelegram()
        try await fake.fail(#"{"redirect":"\#(other.base)/bot\#(FakeTelegram.token)/sendMessage"}"#)
        let failure = await #expect(throws: TelegramClient.Failure.self) {
            try await fake.client.send("x", to: fake.channel())
        }
        #expect(failure?.kind == .later(nil))
        #expect(try await other.requestCount() == 0)
        #expect(failure.map { !"\($0)".contains("aaaa") } == true)
    }

    @Test(arguments: [
        ("12345678:" + String(repeating: "b", count: 35), "revoked"), ("12345678:short", "malformed"),
        ("no-token", "malformed"),
        ("12345678:a/../../getMe?x=", "malformed"), ("", "malformed"),
    ])
    func aBadTokenIsSaidAndNeverShown(_ token: String, _ word: String) async throws {
        let channel = fake.channel(token: token)
        let failure = await #expect(throws: TelegramClient.Failure.self) {
            try await fake.client.send("x", to: channel)
        }
        #expect(failure?.kind == .channel)
        #expect(failure?.error.exit == .credential)
        #expect(failure?.error.reason.contains(word) == true)
        if let failure, !token.isEmpty { #expect(!"\(failure) \(String(reflecting: failure))".contains(token)) }
    }

    @Test func anUnknownChatAndADeadNetworkAreNotTheSame() async throws {
        let unknown = await #expect(throws: TelegramClient.Failure.self) {
            try await fake.client.send("x", to: fake.channel("-7"))
        }
        #expect(unknown?.kind == .channel)
        let dead = await #expect(throws: TelegramClient.Failure.self) {
            try await fake.unreachable.send("x", to: fake.channel())
        }
        #expect(dead?.kind == .later(nil))
        #expect(dead.map { !$0.error.description.contains("aaaa") } == true)
    }

    /// What a server says of a refusal is never repeated: it may hold the token in any dress.
    @Test(arguments: [400, 403, 413, 418, 500]) func theServersWordsStayOutside(_ status: Int) async throws {
        let secret = String(repeating: "Qx7-Zk_", count: 5)
        let token = "98765432:" + secret
        let bytes = Data(token.utf8)
        let dresses = [
            token, secret, String(token.reversed()), bytes.base64EncodedString(),
            bytes.map { String(format: "%02x", $0) }.joined(), token.replacingOccurrences(of: ":", with: "=3A"),
            token.map(String.init).joined(separator: " "),
            secret.map { "&#\($0.unicodeScalars.first?.value ?? 0);" }.joined(),
            String(secret.prefix(8)), "no \\u001b[31m \\u202e",
        ]
        for dress in dresses {
            try await fake.fail(#"{"status":\#(status),"description":"Forbidden: chat not found \#(dress)"}"#)
            let failure = await #expect(throws: TelegramClient.Failure.self) {
                try await fake.client.send("x", to: fake.channel())
            }
            let text = failure?.error.description ?? ""
            #expect(!text.contains(dress) && !text.contains("Qx7"), "\(text)")
            if status == 403 { #expect(text.contains("403: chat not found")) }
        }
    }

    /// A page that stands in Telegram's place says nothing of the token, the chat or the message.
    @Test(arguments: [400, 401, 403, 404, 413]) func aGatewaysPageIsNotTelegrams(_ status: Int) async throws {
        try await fake.fail(#"{"status":\#(status),"answer":"<html>nothing here</html>"}"#)
        let failure = await #expect(throws: TelegramClient.Failure.self) {
            try await fake.client.send("x", to: fake.channel())
        }
        #expect(failure?.kind == .later(nil))
        #expect(failure?.error.exit == .unavailable)
        #expect(failure?.error.reason.contains("not Telegram's") == true)
    }
}

@Suite struct HealthPingTests {
    @Test(arguments: [
        ("https://hc-ping.com/abc", "https://hc-ping.com/abc/7?rid=01234567-89ab-cdef-0123-456789abcdef"),
        ("https://hc-ping.com/abc/\n", "https://hc-ping.com/abc/7?rid=01234567-89ab-cdef-0123-456789abcdef"),
        ("https://h/k/slug?create=1", "https://h/k/slug/7?create=1&rid=01234567-89ab-cdef-0123-456789abcdef"),
    ])
    func theRunsIdAndTheExitCodeStandInTheURL(_ url: String, _ expected: String) throws {
        #expect(try HealthPing.target(url, .finish(exitCode: 7), "0123456789abcdef0123456789abcdef") == expected)
        #expect(try HealthPing.target("https://h/k", .start, "manual run") == "https://h/k/start")
    }

    @Test func pingsArriveAndUnknownChecksAreSaid() async throws {
        let server = try TestServer("fake_healthchecks.py", [])
        let base = "http://127.0.0.1:\(server.numbers["port"] ?? 0)"
        let http = try HTTPClient(NetworkOptions(testLoopbackHTTP: true))
        let time = ManualTime()
        func ping(_ path: String) -> HealthPing {
            HealthPing(url: Secret(Array("\(base)/\(path)".utf8)), http: http, time: time)
        }
        try await ping("busy/hidden").send(.start, runID: "x")
        try await ping("ping/hidden").send(.finish(exitCode: 0), runID: "x")
        #expect(time.slept.count == 1)
        for path in ["gone/hidden", "old/hidden"] {
            let error = await #expect(throws: OperatorError.self) { try await ping(path).send(.start, runID: "x") }
            #expect(error?.exit == .credential)
            #expect(error?.description.contains("hidden") == false)
        }
        let seen = try await http.send(HTTPRequest("GET", base + "/control/requests"))
        let lines = String(decoding: seen.body, as: UTF8.self)
        #expect(
            lines
                == #"["POST /busy/hidden/start", "POST /busy/hidden/start", "POST /ping/hidden/0", "POST /gone/hidden/start", "POST /old/hidden/start"]"#
        )
    }
}
