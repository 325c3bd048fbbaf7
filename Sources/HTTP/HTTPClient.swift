internal import CCurl
public import Support
internal import Synchronization

/// An HTTP/1.1 client over libcurl for the few hosts this program talks to.
///
/// TLS 1.2 or later with verified names, no redirect followed, no netrc, no cookie, no environment but where
/// ``NetworkOptions/Proxy/environment`` asks for it. Connections are kept for later requests. Errors are ``OperatorError``s that
/// name the origin of a URL and nothing more of it; a cancelled exchange ends with `CancellationError` within about a second.
public final class HTTPClient: Sendable {
    public let options: NetworkOptions
    private let certificates: CertificateBundle?
    private let idle = Mutex<[EasyHandle]>([])

    /// Reads the certificate file, if there is one.
    public init(_ options: NetworkOptions = NetworkOptions()) throws {
        guard curlStarted else {
            throw OperatorError("network.start", doing: "starting libcurl", reason: "it cannot be initialised")
        }
        self.options = options
        certificates = try options.caFile.map { try CertificateBundle(adding: $0) }
        if case .url(let proxy) = options.proxy { try Self.check(proxy: proxy) }
    }

    /// Sends a request off the cooperative pool; the task's cancellation ends it.
    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await offPoolCancellable { try self.perform(request, cancellation: $0) }
    }

    /// Sends a request and blocks until it is answered; for callers that are off the cooperative pool already.
    public func perform(_ request: HTTPRequest, cancellation: CancellationFlag = CancellationFlag()) throws
        -> HTTPResponse
    {
        try cancellation.check()
        let origin = try Origin(of: request.url)
        try allow(request, origin)
        let handle = try idle.withLock { $0.popLast() } ?? EasyHandle()
        defer { idle.withLock { $0.append(handle) } }
        return try withExtendedLifetime(certificates) {
            try handle.perform(request, origin, options, certificates?.blob, cancellation)
        }
    }

    private func allow(_ request: HTTPRequest, _ origin: Origin) throws {
        func refuse(_ reason: String) -> OperatorError {
            OperatorError(
                "network.url", doing: "talking to", subject: origin.description, reason: reason, exit: .configuration)
        }
        if let hosts = request.allowedHosts, !hosts.contains(origin.host) {
            throw refuse("this host is not among those the request may go to")
        }
        if origin.scheme != "https" {
            guard options.testLoopbackHTTP, origin.isLoopback else {
                throw refuse("plain http would send credentials in the clear")
            }
        }
        for (name, value) in request.headers {
            guard !(name + value).utf8.contains(where: { $0 == 10 || $0 == 13 || $0 == 0 }) else {
                throw refuse("a header field holds a line break")
            }
        }
    }

    private static func check(proxy: String) throws {
        let scheme = proxy.prefix { $0 != ":" }.lowercased()
        guard ["http", "https"].contains(scheme), proxy.dropFirst(scheme.count).hasPrefix("://") else {
            throw OperatorError(
                "network.proxy", doing: "reading network.proxy", reason: "it is not the URL of an HTTP proxy",
                advice: "write it as http://host:port", exit: .configuration)
        }
    }
}

/// curl_global_init once, before any other thread can be in libcurl.
private let curlStarted: Bool = curl_global_init(Int(CURL_GLOBAL_SSL | CURL_GLOBAL_WIN32)) == CURLE_OK
