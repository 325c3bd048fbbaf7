public import SystemPackage

/// How this machine reaches others: the configuration's `network` section, which holds for git, Drive, Telegram and pings alike.
public struct NetworkOptions: Sendable {
    public enum Proxy: Sendable {
        /// No proxy, whatever the environment says.
        case none
        /// An HTTP proxy that every connection is tunnelled through with CONNECT: `http://host:port`.
        case url(String)
        /// What `https_proxy`, `http_proxy`, `ALL_PROXY` and `NO_PROXY` say, as libcurl reads them.
        case environment
    }

    public var proxy: Proxy
    /// PEM certificates of further authorities, added to the system's.
    public var caFile: FilePath?
    /// Bytes per second for each transfer; nil means no limit.
    public var uploadLimit: Int64?
    /// For tests alone: allows plain `http` to 127.0.0.0/8, `::1` and `localhost`, which libcurl never asks a resolver for.
    public var testLoopbackHTTP: Bool

    public init(
        proxy: Proxy = .none, caFile: FilePath? = nil, uploadLimit: Int64? = nil, testLoopbackHTTP: Bool = false
    ) {
        self.proxy = proxy
        self.caFile = caFile
        self.uploadLimit = uploadLimit
        self.testLoopbackHTTP = testLoopbackHTTP
    }
}
