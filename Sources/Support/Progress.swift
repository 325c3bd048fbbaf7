/// Where long work tells how far it is. Amounts are bytes unless `unit` says otherwise.
public protocol ProgressReporter: Sendable {
    /// A new phase; `total` is nil when it is not known.
    func begin(_ phase: String, total: Int64?)
    /// So much more is done. Cheap enough to call for each buffer.
    func advance(_ amount: Int64)
    func end()
}

/// Says nothing.
public struct NoProgress: ProgressReporter {
    public init() {}
    public func begin(_ phase: String, total: Int64?) {}
    public func advance(_ amount: Int64) {}
    public func end() {}
}
