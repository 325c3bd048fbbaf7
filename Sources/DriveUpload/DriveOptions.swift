public import HTTP
public import Logging
public import Support
public import SystemPackage

/// What the Drive client needs beside its credential.
public struct DriveOptions: Sendable {
    /// Where uploads in progress are remembered: `STATE/uploads`, 0700.
    public var stateDirectory: FilePath
    public var logger: Logger
    public var time: any TimeSource
    /// A number in 0..<1, for the jitter of waits.
    public var random: @Sendable () -> Double
    /// Told what the owner should know though the call goes on: a stable slug and a sentence.
    public var warn: @Sendable (_ type: String, _ text: String) -> Void
    public var endpoints: DriveEndpoints
    public var limits: DriveLimits

    public init(
        stateDirectory: FilePath, logger: Logger = Logger(label: "drive"), time: any TimeSource = SystemTime(),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        warn: @escaping @Sendable (_ type: String, _ text: String) -> Void = { _, _ in },
        endpoints: DriveEndpoints = .google, limits: DriveLimits = DriveLimits()
    ) {
        self.stateDirectory = stateDirectory
        self.logger = logger
        self.time = time
        self.random = random
        self.warn = warn
        self.endpoints = endpoints
        self.limits = limits
    }
}

/// Where Google is.
public struct DriveEndpoints: Sendable {
    /// The root of the Drive API, without a slash at its end.
    let api: String
    let token: String

    public static let google = DriveEndpoints(
        api: "https://www.googleapis.com", token: "https://oauth2.googleapis.com/token")

    /// A stand-in on this machine, for tests: `http://127.0.0.1:PORT`; the HTTP client must allow plain http to it.
    public static func loopback(_ root: String) throws -> DriveEndpoints {
        let origin = try Origin(of: root)
        guard ["127.0.0.1", "::1", "localhost"].contains(origin.host) else {
            throw OperatorError(
                "drive-endpoint", doing: "choosing the Drive server", subject: origin.description,
                reason: "a stand-in must be on this machine", exit: .configuration)
        }
        return DriveEndpoints(api: origin.description, token: origin.description + "/token")
    }

    /// Whether a session URI may be given data: the initiating server itself, or Google over https.
    func allows(_ session: Origin) -> Bool {
        guard let own = try? Origin(of: api) else { return false }
        if session == own { return true }
        return own.host == "www.googleapis.com" && session.scheme == "https" && session.port == 443
            && session.host.hasSuffix(".googleapis.com")
    }
}

/// Times, sizes and numbers of attempts.
public struct DriveLimits: Sendable {
    /// For each request of its own; the upload's data has `noProgressRounds`.
    public var retry = RetryPolicy()
    public var call = HTTPRequest.Timeouts.call
    public var transfer = HTTPRequest.Timeouts.transfer
    /// The first chunk, in bytes; a multiple of 262144, as all but the last chunk must be.
    public var firstChunk: Int64 = 8 << 20
    public var smallestChunk: Int64 = 256 << 10
    public var largestChunk: Int64 = 64 << 20
    /// A chunk grows while one takes less than this.
    public var quickChunk = Duration.milliseconds(500)
    /// Rounds in a row in which the server kept nothing new.
    public var noProgressRounds = 20
    /// New sessions for one file id.
    public var sessionRestarts = 3
    /// So long a file that Drive says it has is looked for: Drive may take seconds to show it.
    public var appearance = Duration.seconds(60)
    /// A file that Drive says it has, and has not shown for so long, was deleted.
    public var disappearance = Duration.seconds(3600)
    /// Google drops a session after a week.
    public var sessionLifetime = Duration.seconds(6 * 86_400)
    /// One call of `put` or `get`.
    public var deadline = Duration.seconds(86_400)

    public init() {}
}
