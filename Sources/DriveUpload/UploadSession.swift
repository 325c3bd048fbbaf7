internal import HTTP
internal import Stores
internal import Support
internal import SystemPackage

/// One resumable upload session: what can be asked of its URI, and what the answers mean.
///
/// Source: Drive API guide, "Upload file data", section "Resumable upload"; and what Google's upload servers were seen to do.
struct UploadSession: Sendable {
    private let uri: Secret
    let size: Int64
    let client: DriveClient

    init(uri: Secret, size: Int64, client: DriveClient) {
        client.tokens.secrets.add(uri: uri)
        self.uri = uri
        self.size = size
        self.client = client
    }

    enum Outcome: Sendable {
        /// The server has so many bytes from the beginning and waits for more.
        case stored(Int64)
        /// The server says that the file is there; its metadata, where the answer holds it.
        case finished(DriveFile?)
        /// It could not be found out; after a wait the session has to be asked.
        case unknown(OperatorError, after: Duration?)
        /// The session is gone.
        case gone
        /// The server does not take this; a new session may help.
        case refused(OperatorError)
        /// A token is asked for.
        case unauthorized(OperatorError)
    }

    /// Asks how many bytes are stored.
    func query(token: Secret?) async throws -> Outcome {
        try await send(
            .none, headers: [("Content-Range", "bytes */\(size)")], token: token,
            timeouts: client.options.limits.call, doing: "asking for the upload's state")
    }

    /// Sends `length` bytes of the file from `offset`.
    ///
    /// - Parameter moved: told how many bytes of this chunk have left so far.
    func send(
        _ file: FileDescriptor, offset: Int64, length: Int64, token: Secret?,
        moved: @escaping @Sendable (Int64) -> Void
    ) async throws -> Outcome {
        // An empty file has no range that could be named.
        let range = size == 0 ? [] : [("Content-Range", "bytes \(offset)-\(offset + length - 1)/\(size)")]
        let reader = ChunkReader(file, offset: offset, length: length)
        // A stream and not a file range: libcurl would send a range again by itself when a reused connection dies, before the
        // server was asked what it has.
        let body: HTTPRequest.Body = length == 0 ? .none : .stream(length: length, pull: { try reader.read(into: $0) })
        return try await send(
            body, headers: range, token: token, timeouts: client.options.limits.transfer, doing: "uploading the bundle",
            progress: { moved($0.uploaded) })
    }

    private func send(
        _ body: HTTPRequest.Body, headers: [(name: String, value: String)], token: Secret?,
        timeouts: HTTPRequest.Timeouts, doing: String,
        progress: (@Sendable (HTTPRequest.Progress) -> Void)? = nil
    ) async throws -> Outcome {
        let url = uri.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        var request = HTTPRequest(
            "PUT", url, headers: headers, authorization: token.map { .bearer($0) } ?? .none, body: body,
            timeouts: timeouts)
        request.progress = progress
        let response: HTTPResponse
        do {
            response = try await client.http.send(request)
        } catch let error as OperatorError {
            // What left this machine may have arrived whatever the error: only the session knows.
            guard error.isTemporary || error.type == "network.reply" else { throw error }
            return .unknown(error, after: nil)
        }
        return try judge(response, doing)
    }

    private func judge(_ response: HTTPResponse, _ doing: String) throws -> Outcome {
        // A front end may hide 308 from clients that take it for a redirect.
        let status = response.headers["X-HTTP-Status-Code-Override"] == "308" ? 308 : response.status
        switch status {
        case 308:
            guard let range = response.headers["Range"] else { return .stored(0) }
            guard let stored = Self.stored(range), stored <= size else {
                return .unknown(reply(doing, "the range it says it has is none of this file"), after: nil)
            }
            return .stored(stored)
        case 200, 201:
            return .finished((try? JSONDocument(parsing: response.body)).flatMap { DriveFile($0) })
        case 404, 410: return .gone
        default:
            let refusal = DriveRefusal(response, now: client.options.time.now, hiding: client.tokens.secrets)
            let error = refusal.error(doing: doing, subject: nil, isServiceAccount: client.isServiceAccount)
            switch refusal.meaning {
            case .unauthorized: return .unauthorized(error)
            case .full, .limit, .redirect: throw error
            case .forbidden where refusal.reason != nil: throw error
            // A 403 that names no reason is not one of the API's: another session may do.
            case .later where status != 403 || refusal.reason != nil: return .unknown(error, after: refusal.retryAfter)
            default:
                guard status >= 400 else { return .unknown(reply(doing, "it answered \(status)"), after: nil) }
                return .refused(error)
            }
        }
    }

    private func reply(_ doing: String, _ reason: String) -> OperatorError {
        OperatorError("drive-reply", doing: doing, reason: reason, exit: .unavailable, isTemporary: true)
    }

    /// The number of bytes that `bytes=0-N` tells of; nil for anything else.
    static func stored(_ range: String) -> Int64? {
        let prefix = "bytes=0-"
        guard range.lowercased().hasPrefix(prefix) else { return nil }
        let digits = range.dropFirst(prefix.count)
        guard (1...18).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let last = Int64(digits)
        else { return nil }
        return last + 1
    }
}

/// Reads one chunk of a file once, in order. libcurl calls it on one thread at a time.
private final class ChunkReader: @unchecked Sendable {
    private let file: FileDescriptor
    private var offset: Int64
    private let end: Int64

    init(_ file: FileDescriptor, offset: Int64, length: Int64) {
        self.file = file
        self.offset = offset
        end = offset + length
    }

    func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(min(Int64(room.count), end - offset))
        guard wanted > 0 else { return 0 }
        let count: Int
        do {
            count = try file.read(
                fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]))
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "reading the bundle")
        }
        guard count > 0 else {
            throw OperatorError(
                "changed", doing: "uploading the bundle", reason: "the file became shorter while it was sent",
                exit: .damagedInput)
        }
        offset += Int64(count)
        return count
    }
}
