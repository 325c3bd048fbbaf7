internal import Glibc
internal import Support
internal import SystemPackage

/// One request on its way: what libcurl's callbacks read and fill. A failure in a callback waits here until libcurl returns.
final class Exchange {
    private let request: HTTPRequest
    private let origin: Origin
    private let cancellation: CancellationFlag
    private(set) var failure: (any Error)?

    private var sent: Int64 = 0
    private var status = 0
    private var headers = HTTPResponse.Headers()
    private var headerBytes = 0
    private var headersEnded = false
    private var body: [UInt8] = []
    private var sink: HTTPRequest.Sink?
    private var hasAskedForSink = false

    init(_ request: HTTPRequest, _ origin: Origin, _ cancellation: CancellationFlag) {
        self.request = request
        self.origin = origin
        self.cancellation = cancellation
    }

    static func of(_ context: UnsafeMutableRawPointer?) -> Exchange {
        guard let context else { fatalError("libcurl lost its context") }
        return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
    }

    /// The body's length; nil inside means unknown, nil outside no body at all.
    var bodyLength: Int64?? {
        switch request.body {
        case .none: ["POST", "PUT", "PATCH"].contains(request.method) ? .some(0) : nil
        case .bytes(let bytes): .some(Int64(bytes.count))
        case .secret(let secret): .some(Int64(secret.count))
        case .file(_, _, let length): .some(length)
        case .stream(let length, _): .some(length)
        }
    }

    /// The whole answer; nil if its headers never ended, which libcurl lets pass.
    func response(status: Int) -> HTTPResponse? {
        headersEnded ? HTTPResponse(status: status, headers: headers, body: body) : nil
    }

    /// Fills the buffer with the next body bytes; nil after a failure.
    func provide(_ room: UnsafeMutableRawBufferPointer) -> Int? {
        attempt {
            let count: Int
            switch request.body {
            case .none:
                count = 0
            case .bytes(let bytes):
                count = bytes.withUnsafeBytes { copy($0, to: room) }
            case .secret(let secret):
                count = secret.withUnsafeBytes { copy($0, to: room) }
            case .file(let file, let offset, let length):
                let wanted = min(Int64(room.count), length - sent)
                count =
                    wanted == 0
                    ? 0
                    : try file.read(
                        fromAbsoluteOffset: offset + sent,
                        into: UnsafeMutableRawBufferPointer(rebasing: room[..<Int(wanted)]))
                guard wanted == 0 || count > 0 else { throw self.error("the file became shorter while it was sent") }
            case .stream(_, let pull):
                count = try pull(room)
            }
            sent += Int64(count)
            return count
        }
    }

    private func copy(_ bytes: UnsafeRawBufferPointer, to room: UnsafeMutableRawBufferPointer) -> Int {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[Int(sent)...].prefix(room.count))
        room.copyMemory(from: piece)
        return piece.count
    }

    /// Goes back in the body, for libcurl to send it again on a new connection.
    func seek(to offset: Int64) -> Bool {
        if case .stream = request.body, offset != sent { return false }
        sent = offset
        return true
    }

    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        attempt {
            headerBytes += line.count
            guard headerBytes <= 256 << 10 else { throw error("its headers are larger than 256 KiB") }
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("HTTP/") {
                // An interim answer (100) came before: its fields do not count.
                headers = HTTPResponse.Headers()
                headersEnded = false
                status = text.split(separator: " ").dropFirst().first.flatMap { Int($0.prefix(3)) } ?? 0
            } else if text.utf8.allSatisfy({ $0 == 10 || $0 == 13 }) {
                headersEnded = true
            } else if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
                headers.append(trimmed(text[..<colon]), trimmed(text[text.utf8.index(after: colon)...]))
            }
            return true
        } ?? false
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        attempt {
            if !hasAskedForSink {
                hasAskedForSink = true
                sink = try request.sink?(HTTPResponse(status: status, headers: headers))
            }
            if let sink {
                try sink(bytes)
            } else {
                guard body.count + bytes.count <= request.maxResponseBytes else {
                    throw error("its answer is larger than \(request.maxResponseBytes) bytes")
                }
                body.append(contentsOf: bytes)
            }
            return true
        } ?? false
    }

    /// Whether the exchange goes on; libcurl asks often, and about once a second while nothing moves.
    func goesOn(_ progress: HTTPRequest.Progress) -> Bool {
        request.progress?(progress)
        return attempt {
            try cancellation.check()
            return true
        } ?? false
    }

    private func attempt<Result>(_ body: () throws -> Result) -> Result? {
        do {
            return try body()
        } catch let errno as Errno {
            failure =
                failure
                ?? OperatorError.system(errno.rawValue, doing: "reading what is sent to", subject: origin.description)
        } catch {
            failure = failure ?? error
        }
        return nil
    }

    private func error(_ reason: String) -> OperatorError {
        OperatorError(
            "network.reply", doing: "talking to", subject: origin.description, reason: reason, exit: .unavailable)
    }

    private func trimmed(_ text: Substring) -> String {
        let space: Set<UInt8> = [9, 10, 13, 32]
        let bytes = text.utf8.drop { space.contains($0) }
        let end = bytes.lastIndex { !space.contains($0) }.map { bytes.index(after: $0) } ?? bytes.startIndex
        return String(Substring(bytes[..<end]))
    }
}
