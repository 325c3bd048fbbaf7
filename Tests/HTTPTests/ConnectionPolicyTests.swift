import Glibc
import HTTP
import Support
import SystemPackage
import TestSupport
import Testing

@Suite("Connection policy", .timeLimit(.minutes(2)))
struct ConnectionPolicyTests {
    private func failure(_ client: HTTPClient, _ url: String, hosts: Set<String>? = nil) async throws -> OperatorError {
        var request = HTTPRequest("GET", url)
        request.allowedHosts = hosts
        let thrown = await #expect(throws: OperatorError.self) { try await client.send(request) }
        return try #require(thrown)
    }

    @Test(
        "The test's authority is trusted by names and addresses, and only with it",
        arguments: ["localhost", "127.0.0.1"])
    func trust(host: String) async throws {
        let url = try FaultServer.url("/echo", "https", host: host)
        #expect(try await FaultServer.client().send(HTTPRequest("GET", url)).status == 200)
        let error = try await failure(HTTPClient(), url)
        #expect(error.type == "network.certificate")
        #expect(!error.isTemporary)
    }

    @Test("A certificate of another host is refused for good")
    func wrongName() async throws {
        let error = try await failure(FaultServer.client(), FaultServer.url("/echo", "wrongname"))
        #expect(error.type == "network.certificate")
        #expect(!error.isTemporary)
        #expect(error.wasSurelyNotSent)
    }

    @Test("The system's authorities stay beside the added one")
    func combined() throws {
        // Proven by what a client sends on: libcurl would refuse an unreadable bundle at the first connection.
        let folder = try TemporaryDirectory()
        let empty = try folder.write("empty.pem", "nothing here")
        #expect(throws: OperatorError.self) { try HTTPClient(NetworkOptions(caFile: empty)) }
        #expect(throws: OperatorError.self) { try HTTPClient(NetworkOptions(caFile: folder.path.appending("none"))) }
    }

    @Test("Plain http needs the switch and a loopback address")
    func plain() async throws {
        let url = try FaultServer.url("/echo")
        #expect(try await failure(HTTPClient(), url).exit == .configuration)
        let client = try FaultServer.client()
        for refused in [
            "http://example.test/", "http://128.0.0.1/", "http://127.0.0.1.example.test/", "http://0.0.0.0/",
            "http://[::2]/",
            "ftp://127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1@example.test/",
            "https://user:hunter2@127.0.0.1/",
            "gopher://x", "", "https://", "https://a b/", "https://a\r\nb/",
        ] {
            let error = try await failure(client, refused)
            #expect(error.exit == .configuration)
            #expect(!error.isTemporary)
            #expect(!error.description.contains("hunter2"))
        }
    }

    @Test("A host that is not on the list is never asked")
    func allowedHosts() async throws {
        let error = try await failure(FaultServer.client(), FaultServer.url("/echo"), hosts: ["www.googleapis.com"])
        #expect(error.type == "network.url")
    }

    @Test("Header fields cannot smuggle lines")
    func headerInjection() async throws {
        let client = try FaultServer.client()
        let request = HTTPRequest("GET", try FaultServer.url("/echo"), headers: [("X-A", "1\r\nX-B: 2")])
        await #expect(throws: OperatorError.self) { try await client.send(request) }
    }

    @Test("Every connection goes through the proxy, names unresolved, credentials unseen by it")
    func proxy() async throws {
        let client = try FaultServer.client(proxy: .url("http://127.0.0.1:\(FaultServer.port("proxy"))"))
        let url = "https://service.test:\(try FaultServer.port("https"))/echo"
        let answer = try await client.send(
            HTTPRequest("GET", url, authorization: .bearer(Secret(Array("unseen".utf8)))))
        #expect(answer.status == 200)
        let log = try await FaultServer.client().send(HTTPRequest("GET", FaultServer.url("/log")))
        let text = String(decoding: log.body, as: UTF8.self)
        #expect(text.contains("service.test"))
        #expect(!text.contains("unseen"))
    }

    @Test("A proxy that refuses, or is not there, is named")
    func proxyFailures() async throws {
        let locked = try FaultServer.client(proxy: .url("http://127.0.0.1:\(FaultServer.port("locked"))"))
        let refused = try await failure(locked, "https://service.test/")
        #expect(refused.type == "network.proxy")
        #expect(refused.reason.contains("407"))
        #expect(!refused.isTemporary)
        let absent = try await failure(FaultServer.client(proxy: .url("http://127.0.0.1:1")), "https://service.test/")
        #expect(absent.isTemporary)
        #expect(throws: OperatorError.self) { try FaultServer.client(proxy: .url("socks4://127.0.0.1:1")) }
    }

    @Test("The environment's proxy counts only where it is asked for")
    func environmentProxy() async throws {
        // libcurl reads the environment at each transfer; every other test here either names its proxy or forbids one.
        setenv("https_proxy", "http://127.0.0.1:1", 1)
        defer { unsetenv("https_proxy") }
        let url = try FaultServer.url("/echo", "https")
        #expect(try await FaultServer.client().send(HTTPRequest("GET", url)).status == 200)
        #expect(try await failure(FaultServer.client(proxy: .environment), url).type == "network.connect")
    }

    @Test("No connection and no name are temporary, and surely nothing was sent")
    func unreachable() async throws {
        let client = try FaultServer.client()
        let closed = try await failure(client, "https://127.0.0.1:1/secret-path?and=query")
        #expect(closed.type == "network.connect")
        #expect(closed.isTemporary)
        #expect(closed.wasSurelyNotSent)
        #expect(!closed.description.contains("secret-path"))
        let unknown = try await failure(client, "https://no-such-host.invalid/")
        #expect(unknown.isTemporary)
        #expect(unknown.wasSurelyNotSent)
    }

    @Test("Descriptions show the origin alone")
    func descriptions() {
        let request = HTTPRequest("POST", "https://api.telegram.org/bot12:secret/sendMessage")
        #expect("\(request)" == "POST https://api.telegram.org")
        #expect(!String(reflecting: request).contains("secret"))
    }
}
