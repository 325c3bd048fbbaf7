internal import CCurl
internal import Glibc
internal import Support

/// The scheme, host and port of a URL: all of a URL that may stand in a message.
public struct Origin: Sendable, Hashable, CustomStringConvertible {
    /// Lower case: `https` or `http`.
    public let scheme: String
    /// Lower case; an IPv6 address without its brackets.
    public let host: String
    public let port: Int

    /// Parses a URL as libcurl itself will, so that both agree on the host. Anything but http and https, a URL with user
    /// information, and one that libcurl cannot parse are refused; the error does not repeat the URL.
    public init(of url: String) throws {
        guard let parts = curl_url() else { throw Self.refusal("there is no memory for it") }
        defer { curl_url_cleanup(parts) }
        guard !url.utf8.contains(where: { $0 <= 32 || $0 == 127 }),
            url.withCString({ curl_url_set(parts, CURLUPART_URL, $0, 0) }) == CURLUE_OK
        else { throw Self.refusal("it is not a URL") }
        func part(_ which: CURLUPart, _ flags: UInt32 = 0) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard curl_url_get(parts, which, &text, flags) == CURLUE_OK, let text else { return nil }
            defer { curl_free(text) }
            return String(cString: text)
        }
        guard part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil else {
            throw Self.refusal("it holds a user name or password; these belong into a credential")
        }
        guard let scheme = part(CURLUPART_SCHEME)?.lowercased(), scheme == "https" || scheme == "http" else {
            throw Self.refusal("its scheme is not https")
        }
        guard var host = part(CURLUPART_HOST)?.lowercased(), !host.isEmpty,
            let port = part(CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)).flatMap({ Int($0) })
        else { throw Self.refusal("it names no host") }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    /// `https://host`, with the port where it is not the scheme's own.
    public var description: String {
        let shown = host.contains(":") ? "[\(host)]" : host
        return port == (scheme == "https" ? 443 : 80) ? "\(scheme)://\(shown)" : "\(scheme)://\(shown):\(port)"
    }

    /// Whether the host is this machine by its address, no resolver asked.
    var isLoopback: Bool {
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
        return host == "::1" || host == "localhost"
    }

    private static func refusal(_ reason: String) -> OperatorError {
        OperatorError(
            "network.url", doing: "reading a URL", reason: reason, advice: "write it as https://host/path",
            exit: .configuration)
    }
}
