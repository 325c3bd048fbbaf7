public import HTTP
public import Support

/// A dead man's switch as healthchecks.io and compatible services understand it (https://healthchecks.io/docs/http_api/): they
/// raise the alarm when the pings of this machine stay away. The URL is a secret: whoever has it can silence the alarm.
public struct HealthPing: Sendable {
    public enum Event: Sendable, Equatable {
        case start
        /// The run's end with the program's exit code; 0 is success.
        case finish(exitCode: Int32)
    }

    private let url: Secret
    private let http: HTTPClient
    private let retry: RetryPolicy
    private let time: any TimeSource

    public init(
        url: Secret, http: HTTPClient,
        retry: RetryPolicy = RetryPolicy(attempts: 3, maxBackoff: .seconds(10), maxRetryAfter: .seconds(30)),
        time: any TimeSource = SystemTime()
    ) {
        self.url = url
        self.http = http
        self.retry = retry
        self.time = time
    }

    /// Sends one ping. A ping repeated does no harm, so temporary failures are tried again.
    ///
    /// - Parameter runID: 32 hex digits or a UUID; start and finish with the same one are measured as one run.
    public func send(_ event: Event, runID: String) async throws {
        let target = try Self.target(String(decoding: url.withUnsafeBytes { Array($0) }, as: UTF8.self), event, runID)
        try await retry.run(time: time) { _ in
            var request = HTTPRequest("POST", target)
            request.timeouts = HTTPRequest.Timeouts(total: .seconds(20))
            request.maxResponseBytes = 1 << 16
            let response = try await http.send(request)
            // The old API answers 200 to an unknown check too, and says so in the body.
            let body = String(decoding: response.body.prefix(200), as: UTF8.self)
            switch response.status {
            case 200 where body.contains("not found"), 404, 410:
                throw problem(
                    "the service does not know this check", advice: "copy the ping URL anew into the credential",
                    .credential)
            case 200..<300: return
            case 429, 500...599:
                var error = problem("the service answers \(response.status)", .unavailable, temporary: true)
                error.retryAfter = response.retryAfter(now: time.now)
                throw error
            default: throw problem("the service answers \(response.status)", .unavailable)
            }
        }
    }

    /// The check's URL with `/start` or `/EXITCODE` before its query and the run's id in it.
    static func target(_ url: String, _ event: Event, _ runID: String) throws -> String {
        var text = Substring(url)
        while let last = text.last, last.isWhitespace { text.removeLast() }
        if let hash = text.firstIndex(of: "#") { text = text[..<hash] }
        let mark = text.firstIndex(of: "?")
        var path = text[..<(mark ?? text.endIndex)]
        let query = mark.map { text[text.index(after: $0)...] } ?? ""
        while path.last == "/" { path.removeLast() }
        let suffix =
            switch event {
            case .start: "/start"
            case .finish(let code): "/\(UInt8(truncatingIfNeeded: code))"
            }
        var parts = query.isEmpty ? [] : [String(query)]
        if let id = uuid(runID) { parts.append("rid=\(id)") }
        return path + suffix + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
    }

    private static func uuid(_ text: String) -> String? {
        let digits = text.lowercased().filter { $0 != "-" }
        guard digits.utf8.count == 32, digits.allSatisfy(\.isHexDigit) else { return nil }
        var out = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { out.append("-") }
            out.append(digit)
        }
        return out
    }

    private func problem(_ reason: String, advice: String? = nil, _ exit: ExitStatus, temporary: Bool = false)
        -> OperatorError
    {
        OperatorError(
            "ping", doing: "sending the health ping", reason: reason, advice: advice, exit: exit, isTemporary: temporary
        )
    }
}
