import Foundation
import HTTP
import Notify
import Support
import TestSupport

/// The fake server of Tests/Servers with what tests ask of it.
struct FakeTelegram {
    struct Message: Decodable, Equatable {
        var chat: String
        var text: String
        /// The first line, which says it all.
        var head: String { String(text.prefix { $0 != "\n" }) }
    }

    /// Put together here so that no scanner takes it for a real one.
    static let token = "12345678:" + String(repeating: "a", count: 35)

    let server: TestServer
    let http: HTTPClient
    let base: String

    init() throws {
        server = try TestServer("fake_telegram.py", ["--token", Self.token])
        http = try HTTPClient(NetworkOptions(testLoopbackHTTP: true))
        base = "http://127.0.0.1:\(server.numbers["port"] ?? 0)"
    }

    var client: TelegramClient { TelegramClient(http: http, base: base) }

    /// A client whose server is not there: nothing listens on this port.
    var unreachable: TelegramClient { TelegramClient(http: http, base: "http://127.0.0.1:9") }

    func channel(_ chat: String = "-1001", token: String = Self.token) -> TelegramChannel {
        TelegramChannel(chat: chat, token: Secret(Array(token.utf8)))
    }

    func messages() async throws -> [Message] {
        let response = try await http.send(HTTPRequest("GET", base + "/control/messages"))
        return try JSONDecoder().decode([Message].self, from: Data(response.body))
    }

    func requestCount() async throws -> Int {
        let response = try await http.send(HTTPRequest("GET", base + "/control/requests"))
        return try (JSONSerialization.jsonObject(with: Data(response.body)) as? [Any])?.count ?? -1
    }

    /// Faults for the next calls of sendMessage, as JSON.
    func fail(_ faults: String...) async throws { try await control("faults", "[\(faults.joined(separator: ","))]") }

    func clearFaults() async throws { try await control("faults", "null") }

    func migrate(_ chat: String, to new: String) async throws {
        try await control("chats", #"{"\#(chat)":"\#(new)","\#(new)":null}"#)
    }

    private func control(_ name: String, _ body: String) async throws {
        var request = HTTPRequest("POST", base + "/control/" + name)
        request.headers = [(name: "Content-Type", value: "application/json")]
        request.body = .bytes(Array(body.utf8))
        _ = try await http.send(request)
    }
}
