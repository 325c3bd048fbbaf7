internal import HTTP
internal import Support
internal import SystemPackage
internal import TestSupport

/// The server of `Tests/Servers/http_faults.py`, one for all tests of this target.
enum FaultServer {
    private struct Running {
        let folder: TemporaryDirectory
        let server: TestServer
    }

    private static let running: Result<Running, any Error> = Result {
        let folder = try TemporaryDirectory()
        return Running(folder: folder, server: try TestServer("http_faults.py", [folder.path.string]))
    }

    static func url(_ path: String, _ port: String = "http", host: String = "127.0.0.1") throws -> String {
        "\(port == "http" ? "http" : "https")://\(host):\(try self.port(port))\(path)"
    }

    static func port(_ name: String) throws -> Int { try running.get().server.numbers[name] ?? 0 }

    static func authority() throws -> FilePath { try running.get().folder.path.appending("ca.pem") }

    /// A client that knows the test's authority and may speak plain http to this machine.
    static func client(proxy: NetworkOptions.Proxy = .none, uploadLimit: Int64? = nil) throws -> HTTPClient {
        try HTTPClient(
            NetworkOptions(proxy: proxy, caFile: authority(), uploadLimit: uploadLimit, testLoopbackHTTP: true))
    }
}
