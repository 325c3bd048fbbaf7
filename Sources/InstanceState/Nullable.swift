/// A member that the schema requires and allows to be null: written as `null`, where an optional would be left out.
@propertyWrapper
public struct Nullable<Value: Codable & Sendable & Hashable>: Codable, Sendable, Hashable {
    public var wrappedValue: Value?

    public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

/// A count of the schema: 0 to 2^53 - 1, which every reader can hold.
public struct Count: Codable, Sendable, Hashable, Comparable, ExpressibleByIntegerLiteral {
    public let value: Int

    public static let maximum = 9_007_199_254_740_991

    /// Clamped to the range: a clock that jumped makes no negative age.
    public init(_ value: some BinaryInteger) { self.value = min(max(0, Int(clamping: value)), Self.maximum) }

    public init(integerLiteral value: Int) { self.init(value) }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        value = try container.decode(Int.self)
        guard (0...Self.maximum).contains(value) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a count")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    public static func < (left: Count, right: Count) -> Bool { left.value < right.value }
}

/// An array of bounded length.
func require<Element>(_ array: [Element]?, atMost limit: Int, _ name: String) throws {
    guard array?.count ?? 0 <= limit else {
        throw DecodingError.dataCorrupted(
            .init(codingPath: [], debugDescription: "\(name) has more than \(limit) entries"))
    }
}
