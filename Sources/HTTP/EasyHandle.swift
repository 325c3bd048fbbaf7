internal import CCurl
internal import Glibc
internal import Support

/// A libcurl easy handle with its connections. One exchange at a time uses it: ``HTTPClient`` takes it out of its pool for that.
final class EasyHandle: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer
    private var errorText = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))

    init() throws {
        guard let handle = curl_easy_init() else {
            throw OperatorError("network.start", doing: "starting a transfer", reason: "libcurl has no memory")
        }
        self.handle = handle
    }

    deinit { curl_easy_cleanup(handle) }

    func perform(
        _ request: HTTPRequest, _ origin: Origin, _ options: NetworkOptions, _ certificates: curl_blob?,
        _ cancellation: CancellationFlag
    ) throws -> HTTPResponse {
        curl_easy_reset(handle)
        // What stands in the handle's options (secrets among it) goes with the exchange; the connections stay.
        defer { curl_easy_reset(handle) }
        let exchange = Exchange(request, origin, cancellation)
        let list = HeaderList(request.headers.map { "\($0.name): \($0.value)" } + ["Expect:"])
        try set(CURLOPT_URL, request.url)
        try setPolicy(origin, options, certificates)
        try setTimeouts(request.timeouts, uploadLimit: options.uploadLimit)
        try set(CURLOPT_FRESH_CONNECT, request.freshConnection ? 1 : 0)
        try check(hx_easy_set_ptr(handle, CURLOPT_HTTPHEADER, list.head))
        try setMethod(request.method, bodyLength: exchange.bodyLength, uploadLimit: options.uploadLimit)
        try setAuthorization(request.authorization)
        try setCallbacks(exchange)
        let code = errorText.withUnsafeMutableBufferPointer { buffer in
            buffer[0] = 0
            _ = hx_easy_set_ptr(handle, CURLOPT_ERRORBUFFER, buffer.baseAddress)
            return withExtendedLifetime((exchange, list)) { curl_easy_perform(handle) }
        }
        return try outcome(code, exchange, request, origin)
    }

    private func outcome(_ code: CURLcode, _ exchange: Exchange, _ request: HTTPRequest, _ origin: Origin) throws
        -> HTTPResponse
    {
        if let failure = exchange.failure { throw failure }
        func failure(_ code: CURLcode, _ detail: String) -> OperatorError {
            TransferFailure.error(
                code, origin: origin, detail: detail, wasSent: information(CURLINFO_REQUEST_SIZE) > 0,
                proxyStatus: information(CURLINFO_HTTP_CONNECTCODE), timeouts: request.timeouts)
        }
        guard code == CURLE_OK else {
            throw failure(code, errorText.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })
        }
        guard let response = exchange.response(status: information(CURLINFO_RESPONSE_CODE)) else {
            throw failure(CURLE_PARTIAL_FILE, "it ended within the answer's headers")
        }
        return response
    }

    private func information(_ which: CURLINFO) -> Int {
        var value = 0
        guard hx_easy_get_long(handle, which, &value) == CURLE_OK else { return 0 }
        return value
    }

    /// What holds for every exchange, whatever the request.
    private func setPolicy(_ origin: Origin, _ options: NetworkOptions, _ certificates: curl_blob?) throws {
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_PROTOCOLS_STR, origin.scheme)
        try set(CURLOPT_REDIR_PROTOCOLS_STR, "https")
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_MAXREDIRS, 0)
        try set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        try set(CURLOPT_USERAGENT, "git/2.39 (hermes-ops-runner)")
        if var blob = certificates { try check(hx_easy_set_ptr(handle, CURLOPT_CAINFO_BLOB, &blob)) }
        switch options.proxy {
        case .none:
            try set(CURLOPT_PROXY, "")
        case .url(let proxy):
            try set(CURLOPT_PROXY, proxy)
            try set(CURLOPT_NOPROXY, "")
            try set(CURLOPT_HTTPPROXYTUNNEL, 1)
        case .environment:
            try set(CURLOPT_HTTPPROXYTUNNEL, 1)
        }
    }

    private func setTimeouts(_ timeouts: HTTPRequest.Timeouts, uploadLimit: Int64?) throws {
        try set(CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, timeouts.connect.wholeMilliseconds)))
        if let total = timeouts.total { try set(CURLOPT_TIMEOUT_MS, Int(max(1, total.wholeMilliseconds))) }
        // What is slow because it was asked to be is not too slow.
        let slow = uploadLimit.map { min(timeouts.lowSpeedLimit, Int($0 / 2)) } ?? timeouts.lowSpeedLimit
        try set(CURLOPT_LOW_SPEED_LIMIT, slow)
        try set(CURLOPT_LOW_SPEED_TIME, Int(timeouts.lowSpeedTime.components.seconds))
        if let uploadLimit {
            try check(hx_easy_set_off(handle, CURLOPT_MAX_SEND_SPEED_LARGE, Int(uploadLimit)))
        }
    }

    private func setMethod(_ method: String, bodyLength: Int64??, uploadLimit: Int64?) throws {
        switch bodyLength {
        case .some(let length):
            // libcurl's upload mode for every method with a body: it sets no content type by itself.
            try set(CURLOPT_UPLOAD, 1)
            try check(hx_easy_set_off(handle, CURLOPT_INFILESIZE_LARGE, Int(length ?? -1)))
            // What is in it goes out at once, and libcurl waits until that was not too fast: a second's worth, as far as it takes
            // so little.
            try set(CURLOPT_UPLOAD_BUFFERSIZE, Int(min(max(uploadLimit ?? .max, 16 << 10), 1 << 20)))
            try set(CURLOPT_CUSTOMREQUEST, method)
        case .none where method == "HEAD":
            try set(CURLOPT_NOBODY, 1)
        case .none:
            try set(CURLOPT_HTTPGET, 1)
            if method != "GET" { try set(CURLOPT_CUSTOMREQUEST, method) }
        }
    }

    private func setAuthorization(_ authorization: HTTPRequest.Authorization) throws {
        func set(_ option: CURLoption, _ secret: Secret) throws {
            // A line break would begin a header of its own.
            let isPlain = secret.withUnsafeBytes { $0.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
            guard isPlain, let code = secret.withCString({ hx_easy_set_str(handle, option, $0) }) else {
                throw OperatorError(
                    "credential.invalid", doing: "using a credential", reason: "it holds a control character",
                    exit: .credential)
            }
            try check(code)
        }
        switch authorization {
        case .none:
            break
        case .bearer(let token):
            try self.set(CURLOPT_HTTPAUTH, 1 << 6)  // CURLAUTH_BEARER
            try set(CURLOPT_XOAUTH2_BEARER, token)
        case .basic(let user, let password):
            try self.set(CURLOPT_HTTPAUTH, 1)  // CURLAUTH_BASIC
            try self.set(CURLOPT_USERNAME, user)
            try set(CURLOPT_PASSWORD, password)
        }
    }

    private func setCallbacks(_ exchange: Exchange) throws {
        let context = Unmanaged.passUnretained(exchange).toOpaque()
        try check(hx_easy_set_ptr(handle, CURLOPT_WRITEDATA, context))
        try check(
            hx_easy_set_data_callback(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                Exchange.of(context).receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
                    ? size * count : 0
            })
        try check(hx_easy_set_ptr(handle, CURLOPT_HEADERDATA, context))
        try check(
            hx_easy_set_data_callback(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                Exchange.of(context).receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
                    ? size * count : 0
            })
        try check(hx_easy_set_ptr(handle, CURLOPT_READDATA, context))
        try check(
            hx_easy_set_data_callback(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
                let room = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
                return Exchange.of(context).provide(room) ?? Int(CURL_READFUNC_ABORT)
            })
        try check(hx_easy_set_ptr(handle, CURLOPT_SEEKDATA, context))
        try check(
            hx_easy_set_seek_callback(handle) { context, offset, origin in
                origin == SEEK_SET && Exchange.of(context).seek(to: Int64(offset))
                    ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK
            })
        try set(CURLOPT_NOPROGRESS, 0)
        try check(hx_easy_set_ptr(handle, CURLOPT_XFERINFODATA, context))
        try check(
            hx_easy_set_progress_callback(handle) { context, downloadTotal, downloaded, uploadTotal, uploaded in
                Exchange.of(context).goesOn(
                    HTTPRequest.Progress(
                        uploaded: Int64(uploaded), uploadTotal: uploadTotal > 0 ? Int64(uploadTotal) : nil,
                        downloaded: Int64(downloaded), downloadTotal: downloadTotal > 0 ? Int64(downloadTotal) : nil))
                    ? 0 : 1
            })
    }

    private func set(_ option: CURLoption, _ value: Int) throws { try check(hx_easy_set_long(handle, option, value)) }
    private func set(_ option: CURLoption, _ value: String) throws {
        try check(hx_easy_set_str(handle, option, value))
    }

    private func check(_ code: CURLcode) throws {
        guard code == CURLE_OK else {
            throw OperatorError(
                "network.start", doing: "preparing a transfer", reason: String(cString: curl_easy_strerror(code)))
        }
    }
}

/// A curl_slist that frees itself.
private final class HeaderList {
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    init(_ lines: [String]) {
        for line in lines {
            // A field without a value needs the semicolon form; "Expect:" alone means: leave that field out.
            let text = line.hasSuffix(": ") ? line.dropLast(2) + ";" : line[...]
            head = curl_slist_append(head, String(text))
        }
    }

    deinit { curl_slist_free_all(head) }
}
