/// A JSON document as values, from a parser that is bounded and does not trap: for files that others wrote.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits 64 bits.
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// Of a repeated key the last value counts, as in Python and JavaScript.
    case object([String: JSONValue])

    /// What is wrong with a document, and at which byte.
    public struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        public var problem: String
        /// Offset from the document's first byte.
        public var offset: Int

        public var description: String { "\(problem) at byte \(offset)" }
    }

    /// Parses RFC 8259 text in UTF-8, a byte order mark before it allowed.
    ///
    /// - Parameters:
    ///   - maximumDepth: how many arrays and objects may stand inside each other.
    ///   - allowingControlCharacters: raw control characters inside strings are kept, as Python's `strict=False` does.
    public init(parsing text: [UInt8], maximumDepth: Int = 64, allowingControlCharacters: Bool = false)
        throws(SyntaxError)
    {
        let result = text.withUnsafeBufferPointer { bytes -> Result<JSONValue, SyntaxError> in
            var parser = JSONParser(
                bytes: bytes, maximumDepth: maximumDepth, allowsControlCharacters: allowingControlCharacters)
            do throws(SyntaxError) {
                return .success(try parser.parseDocument())
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// Refuses a document in which an object names a key twice: readers would not agree on what it says.
    public static func refuseRepeatedKeys(in text: [UInt8], maximumDepth: Int = 64) throws(SyntaxError) {
        let result = text.withUnsafeBufferPointer { bytes -> Result<JSONValue, SyntaxError> in
            var parser = JSONParser(bytes: bytes, maximumDepth: maximumDepth, allowsControlCharacters: false)
            parser.refusesRepeatedKeys = true
            parser.keepsValues = false
            do throws(SyntaxError) {
                return .success(try parser.parseDocument())
            } catch {
                return .failure(error)
            }
        }
        _ = try result.get()
    }

    public subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    public var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    public var bool: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    /// An integer, or a number that is one (`3.0`).
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }

    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    public var array: [JSONValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    public var object: [String: JSONValue]? {
        if case .object(let members) = self { members } else { nil }
    }
}

private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let maximumDepth: Int
    let allowsControlCharacters: Bool
    var refusesRepeatedKeys = false
    /// False: the document is only looked at.
    var keepsValues = true
    var index = 0
    var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>, maximumDepth: Int, allowsControlCharacters: Bool) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
        self.allowsControlCharacters = allowsControlCharacters
    }

    mutating func parseDocument() throws(JSONValue.SyntaxError) -> JSONValue {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { index = 3 }
        let value = try parseValue()
        skipSpace()
        guard index == bytes.count else { throw error("something follows the document") }
        return value
    }

    private func error(_ problem: String) -> JSONValue.SyntaxError { .init(problem: problem, offset: index) }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func expect(_ character: Character) throws(JSONValue.SyntaxError) {
        guard next == character.asciiValue else { throw error("\(character) is missing") }
        index += 1
    }

    private mutating func parseValue() throws(JSONValue.SyntaxError) -> JSONValue {
        skipSpace()
        guard let byte = next else { throw error("the document ends too early") }
        switch byte {
        case UInt8(ascii: "{"): return try parseObject()
        case UInt8(ascii: "["): return try parseArray()
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), 48...57: return try parseNumber()
        default: throw error("no value starts here")
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSONValue) throws(JSONValue.SyntaxError) -> JSONValue
    {
        let expected = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard bytes[index...].starts(with: expected) else { throw error("no value starts here") }
        index += expected.count
        return value
    }

    private mutating func enter() throws(JSONValue.SyntaxError) {
        depth += 1
        guard depth <= maximumDepth else { throw error("it is nested deeper than \(maximumDepth)") }
        index += 1
        skipSpace()
    }

    private mutating func parseObject() throws(JSONValue.SyntaxError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var members: [String: JSONValue] = [:]
        if next == UInt8(ascii: "}") {
            index += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a key is missing") }
            let key = try parseString()
            skipSpace()
            try expect(":")
            guard !refusesRepeatedKeys || members[key] == nil else { throw error("a key is named twice") }
            let value = try parseValue()
            members[key] = keepsValues ? value : .null
            skipSpace()
            if next == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect("}")
            return .object(members)
        }
    }

    private mutating func parseArray() throws(JSONValue.SyntaxError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var values: [JSONValue] = []
        if next == UInt8(ascii: "]") {
            index += 1
            return .array(values)
        }
        while true {
            let value = try parseValue()
            if keepsValues { values.append(value) }
            skipSpace()
            if next == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect("]")
            return .array(values)
        }
    }

    private mutating func parseString() throws(JSONValue.SyntaxError) -> String {
        index += 1
        let start = index
        // The common case has nothing to unescape.
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            guard byte >= 0x20 || allowsControlCharacters else {
                throw error("a raw control character stands in a string")
            }
            index += 1
        }
        guard let stop = next else { throw error("a string has no end") }
        let plain = bytes[start..<index]
        if stop == UInt8(ascii: "\"") {
            guard let text = String(validating: plain, as: UTF8.self) else { throw error("a string is not UTF-8") }
            index += 1
            return text
        }
        var out = Array(plain)
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else { throw error("a string is not UTF-8") }
                return text
            case UInt8(ascii: "\\"): try parseEscape(into: &out)
            default:
                guard byte >= 0x20 || allowsControlCharacters else {
                    throw error("a raw control character stands in a string")
                }
                out.append(byte)
            }
        }
        throw error("a string has no end")
    }

    private mutating func parseEscape(into out: inout [UInt8]) throws(JSONValue.SyntaxError) {
        guard let byte = next else { throw error("a string has no end") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "u"):
            var scalar = try parseHex()
            if (0xD800..<0xDC00).contains(scalar), next == UInt8(ascii: "\\"), index + 1 < bytes.count,
                bytes[index + 1] == UInt8(ascii: "u")
            {
                let before = index
                index += 2
                let low = try parseHex()
                if (0xDC00..<0xE000).contains(low) {
                    scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    index = before
                }
            }
            // A lone surrogate is no character: Python writes them, UTF-8 cannot hold them.
            out.append(contentsOf: Array(String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8))
        default: throw error("an unknown escape stands in a string")
        }
    }

    private mutating func parseHex() throws(JSONValue.SyntaxError) -> UInt32 {
        guard index + 4 <= bytes.count else { throw error("a string has no end") }
        var value: UInt32 = 0
        for byte in bytes[index..<index + 4] {
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte - 48
            case 65...70: digit = byte - 55
            case 97...102: digit = byte - 87
            default: throw error("an unknown escape stands in a string")
            }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }

    private mutating func parseNumber() throws(JSONValue.SyntaxError) -> JSONValue {
        let start = index
        func skipDigits(_ parser: inout JSONParser) -> Int {
            let first = parser.index
            while let byte = parser.next, (48...57).contains(byte) { parser.index += 1 }
            return parser.index - first
        }
        if next == UInt8(ascii: "-") { index += 1 }
        let startsWithZero = next == UInt8(ascii: "0")
        let digits = skipDigits(&self)
        guard digits > 0, !startsWithZero || digits == 1 else { throw error("a number is malformed") }
        var isInteger = true
        if next == UInt8(ascii: ".") {
            index += 1
            isInteger = false
            guard skipDigits(&self) > 0 else { throw error("a number is malformed") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            index += 1
            isInteger = false
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            guard skipDigits(&self) > 0 else { throw error("a number is malformed") }
        }
        guard index - start <= 400 else { throw error("a number is too long") }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("a number is too large") }
        return .number(value)
    }
}
