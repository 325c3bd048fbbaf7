import Glibc
import HTTP
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite("HTTP client", .timeLimit(.minutes(2)))
struct HTTPClientTests {
    private func failure(_ request: HTTPRequest, _ client: HTTPClient? = nil) async throws -> OperatorError {
        let client = try client ?? FaultServer.client()
        let thrown = await #expect(throws: OperatorError.self) { try await client.send(request) }
        return try #require(thrown)
    }

    @Test("Requests carry method, headers, authorization and every kind of body")
    func bodies() async throws {
        let client = try FaultServer.client()
        let folder = try TemporaryDirectory()
        let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let path = try folder.write("body", content)
        let file = try FileDescriptor.open(path, .readOnly)
        defer { file.closeQuietly() }
        let pieces = Mutex(content[...])
        let pull: @Sendable (UnsafeMutableRawBufferPointer) throws -> Int = { room in
            pieces.withLock { rest in
                let piece = rest.prefix(min(room.count, 70_000))
                room.copyBytes(from: piece)
                rest = rest.dropFirst(piece.count)
                return piece.count
            }
        }
        let cases: [(HTTPRequest.Body, [UInt8])] = [
            (.none, []), (.bytes(Array("abc".utf8)), Array("abc".utf8)),
            (.secret(Secret(Array("xyz".utf8))), Array("xyz".utf8)),
            (.file(file, offset: 1000, length: 2_500_000), Array(content[1000..<2_501_000])),
            (.stream(length: nil, pull: pull), content),
        ]
        for (body, expected) in cases {
            for method in ["POST", "PUT", "PATCH"] {
                pieces.withLock { $0 = content[...] }
                let request = HTTPRequest(
                    method, try FaultServer.url("/echo?q=1"), headers: [("X-One", "1")],
                    authorization: .bearer(Secret(Array("tok".utf8))), body: body)
                let answer = try await client.send(request)
                let text = String(decoding: answer.body, as: UTF8.self)
                #expect(answer.status == 200)
                #expect(text.contains(#""method": "\#(method)""#))
                #expect(text.contains(#""length": \#(expected.count),"#))
                #expect(text.contains(hex(Digest.of(expected, .sha256))))
                #expect(text.contains(#""authorization": "Bearer tok""#))
                #expect(text.contains(#""x-one": "1""#))
                #expect(!text.contains("100-continue"))
                #expect(answer.headers["x-mIXED-case"] == "kept")
            }
        }
        let basic = try await client.send(
            HTTPRequest(
                "GET", FaultServer.url("/echo"), authorization: .basic(user: "u", password: Secret(Array("p".utf8)))))
        #expect(String(decoding: basic.body, as: UTF8.self).contains("Basic dTpw"))
        let delete = try await client.send(HTTPRequest("DELETE", FaultServer.url("/echo")))
        #expect(String(decoding: delete.body, as: UTF8.self).contains(#""method": "DELETE""#))
    }

    @Test(
        "A broken exchange is a temporary error",
        arguments: ["/cut-body", "/cut-chunked", "/cut-headers", "/reset", "/garbage"])
    func broken(path: String) async throws {
        let error = try await failure(HTTPRequest("GET", FaultServer.url(path)))
        #expect(error.isTemporary)
        #expect(error.exit == .unavailable)
        #expect(!error.wasSurelyNotSent)
        #expect(!error.description.contains(path))
    }

    @Test(
        "Silence, a trickle and a server that does not read end by the low-speed limit",
        arguments: ["/silence", "/trickle", "/slow-read"])
    func slow(path: String) async throws {
        var request = HTTPRequest(
            "POST", try FaultServer.url(path), body: .bytes([UInt8](repeating: 1, count: 8 << 20)))
        if path == "/trickle" {
            request.method = "GET"
            request.body = .none
        }
        request.timeouts = .init(total: nil, lowSpeedLimit: 100, lowSpeedTime: .seconds(1))
        let start = SystemTime().uptime
        let error = try await failure(request)
        #expect(error.type == "network.timeout")
        #expect(error.isTemporary)
        #expect(SystemTime().uptime - start < .seconds(60))
    }

    @Test("The total timeout ends an exchange")
    func total() async throws {
        var request = HTTPRequest("GET", try FaultServer.url("/silence"))
        request.timeouts.total = .milliseconds(300)
        #expect(try await failure(request).type == "network.timeout")
    }

    @Test("A large answer and large headers are cut off at the limit")
    func limits() async throws {
        var request = HTTPRequest("GET", try FaultServer.url("/huge"))
        request.maxResponseBytes = 100_000
        #expect(try await failure(request).reason.contains("100000"))
        #expect(try await failure(HTTPRequest("GET", FaultServer.url("/huge-headers"))).exit == .unavailable)
        let long = try await failure(HTTPRequest("GET", FaultServer.url("/long-header")))
        #expect(long.exit == .unavailable && long.reason.contains("header") && !long.reason.contains("memory"))
        request.url = try FaultServer.url("/body?100000")
        #expect(try await FaultServer.client().send(request).body.count == 100_000)
    }

    @Test("A sink takes the body of the answers it wants and its error ends the exchange")
    func sink() async throws {
        struct Full: Error {}
        let count = Mutex(0)
        var request = HTTPRequest("GET", try FaultServer.url("/body?9000000"))
        request.sink = { head in
            guard head.status == 200 else { return nil }
            return { bytes in count.withLock { $0 += bytes.count } }
        }
        let client = try FaultServer.client()
        #expect(try await client.send(request).body.isEmpty)
        #expect(count.withLock { $0 } == 9_000_000)
        request.url = try FaultServer.url("/status/404")
        #expect(try await client.send(request).body == Array("said so".utf8))
        request.url = try FaultServer.url("/huge")
        request.sink = { _ in { _ in throw Full() } }
        await #expect(throws: Full.self) { try await client.send(request) }
    }

    @Test("Redirects come back to the caller; statuses are answers", arguments: [301, 302, 307, 308, 401, 500])
    func redirects(status: Int) async throws {
        let target = try FaultServer.url("/redirect-target")
        let answer = try await FaultServer.client().send(
            HTTPRequest("GET", FaultServer.url("/status/\(status)?Location:\(target)")))
        #expect(answer.status == status)
        #expect(answer.headers["location"] == target)
        let count = try await FaultServer.client().send(HTTPRequest("GET", FaultServer.url("/count?/redirect-target")))
        #expect(count.body == [UInt8(ascii: "0")])
    }

    @Test(
        "A POST marked for a fresh connection goes out once, though its server dies; libcurl repeats others by itself")
    func freshConnection() async throws {
        for (path, fresh, expected) in [("/reset-reused", false, 2), ("/reset-fresh", true, 1)] {
            let client = try FaultServer.client()
            #expect(try await client.send(HTTPRequest("GET", FaultServer.url("/echo"))).status == 200)
            var request = HTTPRequest("POST", try FaultServer.url(path), body: .bytes([1]))
            request.freshConnection = fresh
            #expect(try await failure(request, client).isTemporary)
            #expect(try await count(path) == expected)
        }
    }

    private func count(_ path: String) async throws -> Int? {
        let answer = try await FaultServer.client().send(HTTPRequest("GET", FaultServer.url("/count?\(path)")))
        return Int(String(decoding: answer.body, as: UTF8.self))
    }

    @Test("Cancellation ends a silent exchange within about a second")
    func cancellation() async throws {
        let client = try FaultServer.client()
        let url = try FaultServer.url("/silence")
        let task = Task { try await client.send(HTTPRequest("GET", url)) }
        try await Task.sleep(for: .milliseconds(300))
        let start = SystemTime().uptime
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(SystemTime().uptime - start < .seconds(3))
    }

    @Test("The upload limit holds and progress is told")
    func uploadLimit() async throws {
        let client = try FaultServer.client(uploadLimit: 1 << 20)
        let last = Mutex<Int64>(0)
        var request = HTTPRequest(
            "POST", try FaultServer.url("/echo"), body: .bytes([UInt8](repeating: 7, count: 2 << 20)))
        request.progress = { told in last.withLock { $0 = max($0, told.uploaded) } }
        let start = SystemTime().uptime
        #expect(try await client.send(request).status == 200)
        #expect(SystemTime().uptime - start > .milliseconds(700))
        #expect(last.withLock { $0 } == 2 << 20)
    }

    @Test("Requests run side by side")
    func parallel() async throws {
        let client = try FaultServer.client()
        let url = try FaultServer.url("/body?200000")
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await client.send(HTTPRequest("GET", url)).body.count } }
            for try await size in group { #expect(size == 200_000) }
        }
    }
}
