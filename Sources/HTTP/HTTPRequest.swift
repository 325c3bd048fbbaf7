public import Support
public import SystemPackage

/// One HTTP request. Its description shows the method and the origin alone: the path of a URL may be a secret.
public struct HTTPRequest: Sendable, CustomStringConvertible, CustomReflectable {
    public enum Authorization: Sendable {
        case none
        case bearer(Secret)
        /// Sent with the first request, without waiting to be asked (RFC 7617, section 2).
        case basic(user: String, password: Secret)
    }

    public enum Body: Sendable {
        /// No body; for POST, PUT and PATCH an empty one.
        case none
        case bytes([UInt8])
        case secret(Secret)
        /// `length` bytes of a file from `offset`, read with pread(2) while they are sent; the file's position does not move.
        case file(FileDescriptor, offset: Int64, length: Int64)
        /// Bytes as they come: fills the buffer with at least one byte, or returns 0 at the end. Without a length the body goes
        /// out chunked. It cannot be sent a second time.
        case stream(length: Int64?, pull: @Sendable (UnsafeMutableRawBufferPointer) throws -> Int)
    }

    public struct Timeouts: Sendable {
        /// From the start to the connection's readiness: resolver, TCP and TLS.
        public var connect: Duration
        /// The whole exchange; nil means as long as it moves.
        public var total: Duration?
        /// Fewer bytes per second than this…
        public var lowSpeedLimit: Int
        /// …for so long (libcurl averages over about 5 s more) ends the exchange. It bounds a server's silence too.
        public var lowSpeedTime: Duration

        public init(
            connect: Duration = .seconds(15), total: Duration? = .seconds(60), lowSpeedLimit: Int = 1,
            lowSpeedTime: Duration = .seconds(60)
        ) {
            self.connect = connect
            self.total = total
            self.lowSpeedLimit = lowSpeedLimit
            self.lowSpeedTime = lowSpeedTime
        }

        /// For small calls: 60 s in all.
        public static let call = Timeouts()
        /// For large bodies: no total, at least 1 kB/s over 60 s.
        public static let transfer = Timeouts(total: nil, lowSpeedLimit: 1000)
    }

    /// Body bytes so far; a total is nil while it is not known.
    public struct Progress: Sendable {
        public var uploaded: Int64
        public var uploadTotal: Int64?
        public var downloaded: Int64
        public var downloadTotal: Int64?
    }

    /// Takes a body piece by piece.
    public typealias Sink = @Sendable (UnsafeRawBufferPointer) throws -> Void

    public var method: String
    public var url: String
    /// Sent as they are, in this order.
    public var headers: [(name: String, value: String)]
    public var authorization: Authorization
    public var body: Body
    public var timeouts: Timeouts
    /// A collected body may have so many bytes; a larger one ends the exchange with an error.
    public var maxResponseBytes = 4 << 20
    /// Asked once before the first body byte, with status and headers: where the body goes. Nil collects it, bounded, as without
    /// this closure.
    public var sink: (@Sendable (HTTPResponse) throws -> Sink?)?
    public var progress: (@Sendable (Progress) -> Void)?
    /// Never on a connection that was used before. libcurl repeats a request by itself when a reused connection dies before the
    /// answer: whatever must not happen twice needs this.
    public var freshConnection = false
    /// Lower-case host names the request may go to; nil allows every host.
    public var allowedHosts: Set<String>?

    public init(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [],
        authorization: Authorization = .none, body: Body = .none, timeouts: Timeouts = .call
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.authorization = authorization
        self.body = body
        self.timeouts = timeouts
    }

    public var description: String { "\(method) \((try? Origin(of: url).description) ?? "?")" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
