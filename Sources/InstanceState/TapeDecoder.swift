internal import Support

/// Decodes Codable types from a ``JSONTape``. What a snapshot holds it decodes in a third of the time that Foundation's decoder takes,
/// which makes dictionaries of every object's names and knows every place's path before anybody asks for it.
struct TapeDecoder: Decoder {
    let tape: JSONTape
    let place: Int

    static func decode<Value: Decodable>(_ type: Value.Type, from text: [UInt8], _ limits: JSONTape.Limits) throws
        -> Value
    {
        try Value(from: TapeDecoder(tape: JSONTape(text, limits), place: 0))
    }

    var codingPath: [any CodingKey] { tape.path(to: place) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    private var node: JSONTape.Node { tape.nodes[place] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard node.kind == .object else { throw mismatch([String: Any].self) }
        return KeyedDecodingContainer(TapeObject(tape: tape, place: place))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard node.kind == .array else { throw mismatch([Any].self) }
        return TapeArray(tape: tape, place: place)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    fileprivate func mismatch(_ type: Any.Type) -> DecodingError {
        .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "another kind of value"))
    }
}

extension TapeDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { node.kind == .null }

    func decode(_ type: Bool.Type) throws -> Bool {
        switch node.kind {
        case .yes: return true
        case .no: return false
        default: throw mismatch(type)
        }
    }

    func decode(_ type: String.Type) throws -> String {
        guard node.kind == .string || node.kind == .escapedString else { throw mismatch(type) }
        guard let text = tape.string(node) else {
            throw DecodingError.dataCorruptedError(in: self, debugDescription: "it is no valid text")
        }
        return text
    }

    func decode(_ type: Double.Type) throws -> Double {
        guard node.kind == .integer || node.kind == .number,
            let value = Double(String(decoding: tape.text[Int(node.start)..<Int(node.end)], as: UTF8.self)),
            value.isFinite
        else { throw mismatch(type) }
        return value
    }

    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Value(from: self) }

    private func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
        if node.kind == .integer {
            let text = tape.text[Int(node.start)..<Int(node.end)]
            if let value = Value(String(decoding: text, as: UTF8.self)) { return value }
        } else if node.kind == .number, let value = Value(exactly: try decode(Double.self)) {
            // 1.0 and 1e3 are integers too, for JSON Schema.
            return value
        }
        throw mismatch(type)
    }
}

private struct TapeObject<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let tape: JSONTape
    let place: Int

    var codingPath: [any CodingKey] { tape.path(to: place) }
    var allKeys: [Key] { tape.members(of: place).compactMap { Key(stringValue: $0.name) } }

    private func value(_ key: Key) throws -> TapeDecoder {
        guard let found = tape.member(key.stringValue, of: place) else {
            throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "it is missing"))
        }
        return TapeDecoder(tape: tape, place: found)
    }

    /// A member that is there and not null.
    private func present(_ key: Key) -> TapeDecoder? {
        guard let found = tape.member(key.stringValue, of: place), tape.nodes[found].kind != .null else { return nil }
        return TapeDecoder(tape: tape, place: found)
    }

    func contains(_ key: Key) -> Bool { tape.member(key.stringValue, of: place) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try value(key).decodeNil() }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try value(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try value(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try value(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try value(key).decode(type) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try Value(from: value(key))
    }
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try present(key)?.decode(type) }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try present(key).map { try Value(from: $0) }
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { try value(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try value(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { TapeDecoder(tape: tape, place: place) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try value(key) }
}

private struct TapeArray: UnkeyedDecodingContainer {
    let tape: JSONTape
    let place: Int
    private(set) var currentIndex = 0
    private var next: Int

    init(tape: JSONTape, place: Int) {
        self.tape = tape
        self.place = place
        next = place + 1
    }

    var codingPath: [any CodingKey] { tape.path(to: place) }
    var isAtEnd: Bool { next >= Int(tape.nodes[place].next) }
    var count: Int? {
        var count = 0
        var index = place + 1
        while index < Int(tape.nodes[place].next) {
            count += 1
            index = Int(tape.nodes[index].next)
        }
        return count
    }

    private mutating func take() throws -> TapeDecoder {
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                Any.self, .init(codingPath: codingPath, debugDescription: "there are no more elements"))
        }
        defer {
            next = Int(tape.nodes[next].next)
            currentIndex += 1
        }
        return TapeDecoder(tape: tape, place: next)
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, tape.nodes[next].kind == .null else { return false }
        _ = try take()
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Value(from: take()) }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
        -> KeyedDecodingContainer<Nested>
    { try take().container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try take().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try take() }
}
