internal import CCurl
public import Support

/// What libcurl's result codes mean to the operator: one error for each kind, whether it may pass by itself, no URL in it.
enum TransferFailure {
    /// - Parameters:
    ///   - detail: libcurl's own words; they name hosts and addresses, never a path or query.
    ///   - wasSent: whether a byte of the request left this machine.
    static func error(
        _ code: CURLcode, origin: Origin, detail: String, wasSent: Bool, proxyStatus: Int,
        timeouts: HTTPRequest.Timeouts
    ) -> OperatorError {
        func make(_ type: String, _ reason: String, _ advice: String? = nil, temporary: Bool = true) -> OperatorError {
            OperatorError(
                "network.\(type)", doing: "talking to", subject: origin.description, reason: reason, advice: advice,
                exit: .unavailable, isTemporary: temporary)
        }
        let words = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        let text = printable(words, limit: 300)
        if proxyStatus >= 300 {
            return make(
                "proxy", "the proxy answered \(proxyStatus) to CONNECT", "look at network.proxy",
                temporary: proxyStatus >= 500 || proxyStatus == 429)
        }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return make("resolve", text, "check the name and this machine's DNS")
        case CURLE_COULDNT_CONNECT, CURLE_PROXY:
            return make("connect", text)
        case CURLE_OPERATION_TIMEDOUT where !wasSent:
            return make("connect", "no connection within \(seconds(timeouts.connect))")
        case CURLE_OPERATION_TIMEDOUT:
            return make("timeout", "the server went silent or too slow (\(text))")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR:
            return make(
                "certificate", "its certificate is not trusted: \(text)",
                "if it is a private authority's, name its certificate in network.caFile", temporary: false)
        case CURLE_SSL_CONNECT_ERROR:
            return make("tls", "the TLS handshake failed: \(text)")
        case CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_FAIL_REWIND:
            return make("cut", "the connection broke: \(text)")
        case CURLE_URL_MALFORMAT,
            CURLE_UNSUPPORTED_PROTOCOL where !wasSent:
            return make("url", "libcurl refuses the URL", temporary: false)
        case CURLE_OUT_OF_MEMORY where wasSent:
            // What libcurl says of a header line that is longer than it takes.
            return make("reply", "the answer's header is longer than libcurl takes")
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
            return make("reply", "the answer is not valid HTTP: \(text)")
        default:
            return make("other", text, temporary: false)
        }
    }

    private static func seconds(_ duration: Duration) -> String { "\(duration.inSeconds) s" }
}

extension OperatorError {
    /// Whether an error of ``HTTPClient`` tells for certain that the server got nothing of the request, so that sending it again
    /// cannot repeat an effect.
    public var wasSurelyNotSent: Bool {
        ["network.resolve", "network.connect", "network.certificate", "network.proxy", "network.url"].contains(type)
    }
}
