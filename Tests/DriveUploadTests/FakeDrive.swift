import HTTP
import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

/// Tests/Servers/fake_drive.py, and a client of it that a test can read as little or as much from as it likes.
final class FakeDrive: Sendable {
    static let folder = "folder0"

    let temporary: TemporaryDirectory
    /// A process of its own, where a test kills it.
    let server: TestServer?
    let port: Int
    let time = ManualTime()
    let warnings = Recorder<String>()
    let log = RecordingLog()
    let http: HTTPClient

    /// One process that serves all tests, each with a world of its own on its own port.
    private static let shared = Result {
        let temporary = try TemporaryDirectory()
        let path = temporary.path.string
        return (temporary, try TestServer("fake_drive.py", ["--state", path + "/world", "--tls", path]))
    }

    /// - Parameters:
    ///   - tls: whether to reach it under Google's own names, through its proxy and with its authority.
    ///   - isMortal: whether it has a process of its own.
    ///   - previous: take over the state folder and port of a mortal one that was ended.
    init(tls: Bool = false, isMortal: Bool = false, after previous: FakeDrive? = nil) throws {
        temporary = try previous?.temporary ?? TemporaryDirectory()
        let world = temporary.path.appending("world").string
        let (sharedFolder, sharedServer) = try Self.shared.get()
        if isMortal || previous != nil {
            let server = try TestServer(
                "fake_drive.py", ["--state", world] + (previous.map { ["--port", "\($0.port)"] } ?? []))
            self.server = server
            port = try #require(server.numbers["port"])
        } else {
            server = nil
            let client = try HTTPClient(NetworkOptions(testLoopbackHTTP: true))
            let answer = try client.perform(
                HTTPRequest(
                    "POST", "http://127.0.0.1:\(try #require(sharedServer.numbers["port"]))/control/open",
                    body: .bytes(Array(#"{"state": "\#(world)"}"#.utf8))))
            port = Int(try #require(JSONDocument(parsing: answer.body)["port"]?.integer))
        }
        usesTLS = tls
        authority = sharedFolder.path.appending("ca.pem")
        http = try HTTPClient(
            tls
                ? NetworkOptions(proxy: .url("http://127.0.0.1:\(port)"), caFile: authority)
                : NetworkOptions(testLoopbackHTTP: true))
    }

    let authority: FilePath
    private let usesTLS: Bool
    var root: String { "http://127.0.0.1:\(port)" }
    var stateDirectory: FilePath { temporary.path.appending("state") }

    // A string that looks like Google's, made here so that no scanner takes this file for a leak.
    static let clientSecret = "client-secret"
    static let refreshToken = "refresh-token"

    static func tokenFile(_ extra: String = "") -> String {
        #"{"token": null, "refresh_token": "\#(refreshToken)", "token_uri": "https://evil.example/token", "#
            + #""client_id": "client-id", "client_secret": "\#(clientSecret)", "#
            + #""scopes": ["https://www.googleapis.com/auth/drive.file"], "universe_domain": "googleapis.com"\#(extra)}"#
    }

    func options(_ change: (inout DriveLimits) -> Void = { _ in }) throws -> DriveOptions {
        var limits = DriveLimits()
        limits.firstChunk = 512 << 10
        limits.largestChunk = 1 << 20
        limits.call = HTTPRequest.Timeouts(connect: .seconds(5), total: .seconds(10))
        limits.transfer = HTTPRequest.Timeouts(
            connect: .seconds(5), total: nil, lowSpeedLimit: 1000, lowSpeedTime: .seconds(2))
        change(&limits)
        return DriveOptions(
            stateDirectory: stateDirectory, logger: log.logger, time: time, random: { 0.5 },
            warn: { [warnings] type, text in warnings.append("\(type): \(text)") },
            endpoints: usesTLS ? .google : try .loopback(root), limits: limits)
    }

    func store(
        credential: DriveCredential? = nil, folder: String = FakeDrive.folder,
        _ change: (inout DriveLimits) -> Void = { _ in }
    ) throws -> DriveStore {
        let credential =
            try credential ?? DriveCredential(parsing: Secret(Array(Self.tokenFile().utf8)), label: "token file")
        return try DriveStore(folder: folder, credential: credential, http: http, options: options(change))
    }

    /// A file of random bytes, measured.
    func bundle(_ size: Int, name: String = "bheem-20261122T031500Z.tar.zst.age", instance: String = "bheem")
        async throws -> OutgoingBundle
    {
        let file = try temporary.write("out/\(name)", randomBytes(size))
        return try await .measuring(
            file, name: name, instance: instance, run: "0123456789abcdef0123456789abcdef", created: time.now)
    }

    // MARK: Control

    @discardableResult
    func control(_ what: String, _ body: String = "null") async throws -> JSONDocument {
        let client = try HTTPClient(NetworkOptions(testLoopbackHTTP: true))
        var request = HTTPRequest("POST", "\(root)/control/\(what)", body: .bytes(Array(body.utf8)))
        request.maxResponseBytes = 64 << 20
        return try JSONDocument(parsing: await client.send(request).body)
    }

    func fault(_ faults: String...) async throws {
        try await control("faults", "[\(faults.joined(separator: ","))]")
    }

    /// An access token that the server takes.
    func token() async throws -> String {
        let credential = try DriveCredential(parsing: Secret(Array(Self.tokenFile().utf8)), label: "token file")
        let token = try await AccessTokens(credential, http: http, options: options()).current()
        return token.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    struct World {
        var files: [DriveFile]
        /// Body bytes of data requests that the server read.
        var sent: Int64
        var operations: [String]
        var log: [JSONDocument]
    }

    /// What is left in the end, folders apart.
    func world() async throws -> World {
        let state = try await control("state")
        let files = (state["files"]?.elements ?? []).filter { $0["mimeType"]?.text?.hasSuffix("folder") == false }
        let log = state["log"]?.elements ?? []
        return World(
            files: files.compactMap { DriveFile($0) }, sent: state["sent"]?.integer ?? -1,
            operations: log.compactMap { $0["operation"]?.text }, log: log)
    }

    /// One file with the bundle's bytes, and no secret in what people read.
    func expectOne(_ bundle: OutgoingBundle, sentAtMost: Int64? = nil, _ location: SourceLocation = #_sourceLocation)
        async throws
    {
        let world = try await world()
        #expect(world.files.count == 1, sourceLocation: location)
        #expect(world.files.first?.checksums.sha256 == bundle.properties.sha256, sourceLocation: location)
        #expect(world.files.first?.size == bundle.properties.size, sourceLocation: location)
        if let sentAtMost { #expect(world.sent <= sentAtMost, sourceLocation: location) }
        expectNoSecret(location)
    }

    func expectNoSecret(_ location: SourceLocation = #_sourceLocation) {
        for line in log.lines + warnings.all {
            for needle in Self.needles { #expect(!line.contains(needle), sourceLocation: location) }
        }
    }

    /// Parts of everything that is secret here.
    static let needles = ["ya29", "session-", "upload_id", refreshToken, clientSecret]
}
