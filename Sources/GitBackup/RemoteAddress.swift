public import HTTP
internal import Support
public import SystemPackage

/// Where a repository is pushed to: over HTTP(S), or a repository on this machine for tests and demos.
public enum RemoteAddress: Sendable {
    /// Without a trailing slash.
    case http(url: String, origin: Origin)
    case local(FilePath)

    /// Reads `repository.remote`: `https://host/path`, an absolute path, or `file:///path`. Anything else (ssh, relative paths,
    /// `~`, a URL with credentials) is refused.
    public init(_ text: String) throws {
        if text.hasPrefix("https://") || text.hasPrefix("http://") {
            guard !text.contains("?"), !text.contains("#") else { throw Self.refusal("it has a query or a fragment") }
            let trimmed = String(text.reversed().drop { $0 == "/" }.reversed())
            self = .http(url: trimmed, origin: try Origin(of: text))
        } else if text.hasPrefix("/") {
            self = .local(FilePath(text))
        } else if text.hasPrefix("file:///") {
            self = .local(FilePath(String(text.dropFirst(7))))
        } else {
            throw Self.refusal("it is neither an https:// URL nor an absolute path")
        }
    }

    private static func refusal(_ reason: String) -> OperatorError {
        OperatorError(
            "git.remote", doing: "reading repository.remote", reason: reason,
            advice: "write it as https://host/owner/name.git", exit: .configuration)
    }

    /// The remote as a message may name it.
    public var label: String {
        switch self {
        case .http(_, let origin): origin.description
        case .local(let path): path.printable
        }
    }
}
