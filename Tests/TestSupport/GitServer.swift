public import SystemPackage

/// `Tests/Servers/git_server.py`: `git http-backend` with TLS, rights for each token, and faults.
public final class GitServer: Sendable {
    public let folder: TemporaryDirectory
    private let server: TestServer

    public init() throws {
        folder = try TemporaryDirectory()
        server = try TestServer("git_server.py", [folder.path.string])
    }

    /// The certificate authority to trust.
    public var authority: FilePath { folder.path.appending("ca.pem") }

    public func port(_ name: String = "https") -> Int { server.numbers[name] ?? 0 }

    /// A repository's address; `port` is `https`, `other` or `http`.
    public func url(_ repository: String, port name: String = "https") -> String {
        "\(name == "http" ? "http" : "https")://127.0.0.1:\(port(name))/\(repository)"
    }

    public func path(_ repository: String) -> FilePath {
        folder.path.appending("repositories").appending(repository)
    }

    /// Makes an empty bare repository with `main` as HEAD.
    public func makeRepository(_ name: String) async throws {
        try await Git.run(["init", "-q", "--bare", "-b", "main", path(name).string])
    }

    /// Who may do what: `["token": ["name.git": "rw"]]`, as JSON text.
    public func setTokens(_ json: String) throws { try folder.write("tokens.json", json) }

    /// The next misbehaviour, as JSON text (see the script); nil takes it back.
    public func setFault(_ json: String?) throws { try folder.write("fault.json", json ?? #"{"on": "none"}"#) }

    /// Answers for paths that are no repository's, as JSON text.
    public func setAPI(_ json: String) throws { try folder.write("api.json", json) }
}
