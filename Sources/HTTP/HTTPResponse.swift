internal import CCurl
public import Support

/// An HTTP answer; redirects are answers like others.
public struct HTTPResponse: Sendable {
    public var status: Int
    public var headers: Headers
    /// Empty where a sink took the body.
    public var body: [UInt8]

    public init(status: Int, headers: Headers = Headers(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Header fields in their order; names compare without case.
    public struct Headers: Sendable {
        public private(set) var fields: [(name: String, value: String)] = []

        public init() {}

        public mutating func append(_ name: String, _ value: String) { fields.append((name, value)) }

        /// The first field of that name.
        public subscript(_ name: String) -> String? {
            let wanted = name.lowercased()
            return fields.first { $0.name.lowercased() == wanted }?.value
        }
    }

    /// The wait that a Retry-After field asks for, as seconds or as a date (RFC 9110, section 10.2.3); never negative.
    public func retryAfter(now: Timestamp) -> Duration? {
        guard let text = headers["Retry-After"] else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return .seconds(min(Int64(text) ?? .max, 1_000_000_000))
        }
        let moment = curl_getdate(text, nil)
        guard moment >= 0 else { return nil }
        return max(.zero, Timestamp(seconds: Int64(moment)) - now)
    }
}
