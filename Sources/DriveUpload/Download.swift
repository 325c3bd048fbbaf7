internal import HTTP
internal import Logging
internal import Stores
internal import Support
internal import SystemPackage

/// One bundle on its way back from Drive.
struct Download {
    let client: DriveClient
    let item: StoredItem
    let path: FilePath
    let progress: any ProgressReporter

    private var options: DriveOptions { client.options }

    /// Until the file stands at its path with the right checksums. Where they are wrong, the whole is fetched once more: the bytes of
    /// an earlier call may be others, and bytes may be damaged on their way.
    func run() async throws {
        progress.begin("downloading \(item.localName)", total: item.size)
        defer { progress.end() }
        let meter = ProgressMeter(progress)
        let deadline = options.time.uptime + options.limits.deadline
        var isSecond = false
        while true {
            let part = SharedPart(try PartialDownload(of: item, into: path))
            meter.reach(part.offset)
            do {
                try await fetch(part, deadline, meter)
                return try await offPoolCancellable { try part.finish($0) }
            } catch var error as OperatorError where error.type == "damaged" {
                // The transfer's thread may let go of the part, and of its lock, only later.
                part.discard()
                guard isSecond else {
                    isSecond = true
                    options.logger.notice("what came is damaged; it is fetched once more as a whole")
                    continue
                }
                error.reason += "; it was fetched twice"
                if item.isVerified {
                    error.advice =
                        "Drive's own checksum is right, so the bytes change on their way: try another network, or look at "
                        + "network.proxy and this machine's memory"
                }
                throw error
            }
        }
    }

    private func fetch(_ part: SharedPart, _ deadline: Duration, _ meter: ProgressMeter) async throws {
        var failures = 0
        var refused: Secret?
        var acknowledgesAbuse = false
        // What comes anew after a start from the beginning is no progress.
        var furthest = part.offset
        var isOfThisCall = part.offset == 0
        while part.offset < item.size {
            try Task.checkCancellation()
            let offset = part.offset
            let token = try await client.tokens.current(insteadOf: refused)
            let failure: OperatorError
            var after: Duration?
            do {
                let response = try await client.http.send(
                    request(part, offset, token, acknowledgesAbuse, meter))
                let refusal = DriveRefusal(response, now: options.time.now, hiding: client.tokens.secrets)
                let error = refusal.error(doing: "downloading", subject: item.name)
                switch response.status {
                case 200, 206:
                    failure = unavailable("the answer ended early")
                case 401 where refused == nil:
                    refused = token
                    continue
                case 416:
                    // The server has less than what is here: what is here is not its file, or its file is not what it was.
                    guard !isOfThisCall else { throw shorter() }
                    try part.restart()
                    isOfThisCall = true
                    failure = unavailable("the server does not have the range that is missing")
                case 403 where refusal.reason == "cannotDownloadAbusiveFile" && !acknowledgesAbuse:
                    // Encrypted files are flagged now and then. It is our own, and its checksum is known.
                    acknowledgesAbuse = true
                    continue
                default:
                    guard error.isTemporary else { throw error }
                    failure = error
                    after = refusal.retryAfter
                }
            } catch let error as OperatorError where error.isTemporary {
                failure = error
            }
            if part.offset > furthest {
                furthest = part.offset
                failures = 0
                refused = nil
                if part.offset == item.size { return }
            }
            failures += 1
            guard failures < options.limits.noProgressRounds, options.time.uptime < deadline else {
                var last = failure
                last.reason += " (\(failures) attempts in a row brought nothing)"
                last.advice = "run again later: it goes on where it stopped"
                throw last
            }
            try await options.time.sleep(
                for: options.limits.retry.wait(afterAttempt: failures, retryAfter: after, random: options.random()))
        }
    }

    private func request(
        _ part: SharedPart, _ offset: Int64, _ token: Secret, _ acknowledgesAbuse: Bool, _ meter: ProgressMeter
    ) -> HTTPRequest {
        var url = "\(options.endpoints.api)/drive/v3/files/\(item.id)?alt=media&supportsAllDrives=true"
        if acknowledgesAbuse { url += "&acknowledgeAbuse=true" }
        var request = HTTPRequest(
            "GET", url, headers: offset > 0 ? [("Range", "bytes=\(offset)-")] : [], authorization: .bearer(token),
            timeouts: options.limits.transfer)
        let size = item.size
        request.sink = { response in
            switch response.status {
            case 206:
                guard let range = response.headers["Content-Range"], Self.starts(range, at: offset, of: size) else {
                    throw Self.wrongRange()
                }
            case 200:
                // The range was ignored: the whole file comes.
                if offset > 0 { try part.restart() }
            default: return nil
            }
            return { piece in
                try part.write(piece)
                meter.reach(part.offset)
            }
        }
        return request
    }

    /// Whether `bytes A-B/TOTAL` begins where it should and is of a file of that size (RFC 9110, section 14.4).
    static func starts(_ range: String, at offset: Int64, of size: Int64) -> Bool {
        guard range.hasPrefix("bytes \(offset)-"), let slash = range.lastIndex(of: "/") else { return false }
        let total = range[range.index(after: slash)...]
        return total == "*" || Int64(total) == size
    }

    private static func wrongRange() -> OperatorError {
        OperatorError(
            "drive-reply", doing: "downloading", reason: "the server sends another part of the file than was asked for",
            exit: .unavailable, isTemporary: true)
    }

    private func shorter() -> OperatorError {
        OperatorError(
            "damaged", doing: "downloading", subject: item.name,
            reason: "the server has fewer bytes of it than it says", advice: "take an older bundle", exit: .damagedInput
        )
    }

    private func unavailable(_ reason: String) -> OperatorError {
        OperatorError(
            "drive-unavailable", doing: "downloading", subject: item.name, reason: reason, exit: .unavailable,
            isTemporary: true)
    }
}

/// A partial download that libcurl's thread writes to while the request is waited for: never two at a time.
private final class SharedPart: @unchecked Sendable {
    private let part: PartialDownload

    init(_ part: PartialDownload) { self.part = part }

    var offset: Int64 { part.offset }
    func write(_ bytes: UnsafeRawBufferPointer) throws { try part.write(bytes) }
    func restart() throws { try part.restart() }
    func discard() { part.discard() }
    func finish(_ cancellation: CancellationFlag) throws { try part.finish(cancellation: cancellation) }
}
