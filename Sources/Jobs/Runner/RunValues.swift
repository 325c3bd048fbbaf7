internal import Synchronization

/// A name under which one step leaves a value of a type for later steps of the same run.
public struct RunKey<Value: Sendable>: Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }
}

/// What the steps of one run hand from one to the next. It lives as long as the run, retries included.
public final class RunValues: Sendable {
    private let values = Mutex<[String: any Sendable]>([:])

    public init() {}

    /// The value under a key; nil when no step left one. Two keys of one name and different types do not see each other's value.
    public subscript<Value: Sendable>(key: RunKey<Value>) -> Value? {
        get { values.withLock { $0[key.name] as? Value } }
        set { values.withLock { $0[key.name] = newValue } }
    }
}
