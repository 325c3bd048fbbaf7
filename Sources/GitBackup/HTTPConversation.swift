public import HTTP
public import Support
internal import Synchronization

/// What a push or clone over HTTP needs besides the address.
public struct RemoteAccess: Sendable {
    public var client: HTTPClient
    /// Sent as Basic password of the user `x-access-token`, to the configured scheme, host and port alone.
    public var token: Secret?
    /// A server may be silent so long.
    public var patience: Duration

    public init(client: HTTPClient, token: Secret?, patience: Duration = .seconds(120)) {
        self.client = client
        self.token = token
        self.patience = patience
    }
}

/// Git's smart protocol over HTTP (gitprotocol-http(5)), its credentials sent once per request and never to another origin.
final class HTTPConversation: GitConversation {
    private let url: String
    private let origin: Origin
    private let service: GitService
    private let access: RemoteAccess
    private let cancellation: CancellationFlag

    init(url: String, origin: Origin, service: GitService, access: RemoteAccess, cancellation: CancellationFlag) {
        self.url = url
        self.origin = origin
        self.service = service
        self.access = access
        self.cancellation = cancellation
    }

    func advertisement() throws -> Advertisement {
        var request = HTTPRequest("GET", "\(url)/info/refs?service=\(service.rawValue)")
        request.timeouts = HTTPRequest.Timeouts(total: nil, lowSpeedLimit: 1, lowSpeedTime: access.patience)
        request.maxResponseBytes = 64 << 20
        let response = try send(request)
        try check(response, "application/x-\(service.rawValue)-advertisement")
        return try Advertisement(response.body, service: service.rawValue)
    }

    func request(_ body: GitRequestBody, answer: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) throws {
        let name = service.rawValue
        var request = HTTPRequest("POST", "\(url)/\(name)")
        request.headers = [
            ("Content-Type", "application/x-\(name)-request"), ("Accept", "application/x-\(name)-result"),
        ]
        let sent = Mutex<Int64>(0)
        request.body = .stream(length: body.length) { room in
            try sent.withLock { sent in
                let count = try body.read(at: sent, into: room)
                sent += Int64(count)
                return count
            }
        }
        // A push must not go out twice because a kept connection died.
        request.freshConnection = true
        request.timeouts = HTTPRequest.Timeouts(total: nil, lowSpeedLimit: 1, lowSpeedTime: access.patience)
        let type = "application/x-\(name)-result"
        request.sink = { head in
            head.status == 200 && head.headers["Content-Type"] == type ? answer : nil
        }
        try check(send(request), type)
    }

    private func send(_ request: HTTPRequest) throws -> HTTPResponse {
        var request = request
        request.allowedHosts = [origin.host]
        if let token = access.token { request.authorization = .basic(user: "x-access-token", password: token) }
        return try access.client.perform(request, cancellation: cancellation)
    }

    private func check(_ response: HTTPResponse, _ type: String) throws {
        guard response.status != 200 || response.headers["Content-Type"] != type else { return }
        throw ServerRefusal(origin: origin, token: access.token).error(response)
    }
}

/// What an HTTP answer other than the wanted one means.
struct ServerRefusal {
    let origin: Origin
    let token: Secret?

    func error(_ response: HTTPResponse) -> OperatorError {
        let said = words(response)
        func make(
            _ type: String, _ reason: String, _ advice: String, _ exit: ExitStatus, temporary: Bool = false
        ) -> OperatorError {
            OperatorError(
                "git.\(type)", doing: "talking to the git server", subject: origin.description,
                reason: said.isEmpty ? reason : "\(reason) (it says: \(said))", advice: advice, exit: exit,
                isTemporary: temporary)
        }
        switch response.status {
        case 200:
            return make(
                "not-a-server", "the answer is a web page, not git's protocol",
                "check repository.remote, and whether a login page stands in the way", .unavailable)
        case 300..<400:
            let target = response.headers["Location"].flatMap { try? Origin(of: $0).description } ?? "another address"
            return make(
                "redirect", "the server redirects to \(target), and a token is never sent on",
                "if the repository moved, change repository.remote", .configuration)
        case 401:
            return make(
                "unauthorised", token == nil ? "the server wants a credential" : "the server refuses the token",
                "give repository.credential a valid token: it may be mistyped, expired or revoked", .credential)
        case 403:
            return make(
                "forbidden", "the token may not write to this repository",
                "give the token write access to the contents of exactly this repository", .credential)
        case 404:
            return make(
                "not-found", "the repository was not found, or the token has no access to it",
                "check repository.remote and which repositories the token reaches", .credential)
        case 413:
            return make(
                "too-large", "the server takes no push of this size (413)",
                "raise the server's limit for one request (in nginx: client_max_body_size), then run again", .failure)
        case 422:
            return make(
                "refused", "the server understood the request and refuses it (422)",
                "look at the server's rules for this repository and at its log", .failure)
        case 429, 500...599:
            let after = response.retryAfter(now: SystemTime().now)
            var error = make(
                "unavailable", "the server answered \(response.status)",
                after.map { "try again in \($0.components.seconds) s" } ?? "try again later", .unavailable,
                temporary: true)
            error.retryAfter = after
            return error
        default:
            return make(
                "unexpected", "the server answered \(response.status)", "check repository.remote", .unavailable)
        }
    }

    /// The first line of a text answer, without anything that could be the token.
    private func words(_ response: HTTPResponse) -> String {
        guard response.headers["Content-Type"]?.hasPrefix("text/plain") == true else { return "" }
        let line = response.body.prefix { $0 != 10 && $0 != 13 }
        return ServerText.clean(Array(line), token: token, limit: 300)
    }
}
