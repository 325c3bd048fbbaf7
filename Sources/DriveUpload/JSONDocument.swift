internal import Support

/// A JSON document (RFC 8259) that keeps what a reader does not know: members in their order, numbers as they were written, and
/// strings as UTF-8 bytes, so that a document can be changed in one place and written back, and a secret in it never becomes a
/// `String`. Support's `JSONValue` is for documents that are only read.
enum JSONDocument: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number as it was written.
    case number(String)
    /// UTF-8, escapes resolved.
    case string([UInt8])
    case array([JSONDocument])
    case object([Member])

    struct Member: Sendable, Hashable {
        var name: String
        var value: JSONDocument

        init(_ name: String, _ value: JSONDocument) {
            self.name = name
            self.value = value
        }
    }

    static func string(_ text: some StringProtocol) -> JSONDocument { .string(Array(text.utf8)) }

    static func number(_ number: some FixedWidthInteger) -> JSONDocument { .number(String(number)) }

    /// Why bytes are not JSON: the offset of the byte that does not fit. It does not repeat the bytes.
    struct SyntaxError: Error, Sendable, CustomStringConvertible {
        var offset: Int
        var description: String { "not valid JSON at byte \(offset)" }
    }

    /// Parses a whole document: one value and white space, at most `depth` levels deep. An object that names a member twice is
    /// refused, as are lone surrogates and broken UTF-8.
    init(parsing bytes: UnsafeRawBufferPointer, depth: Int = 64) throws(SyntaxError) {
        var parser = JSONReader(bytes)
        self = try parser.document(depth: depth)
    }

    init(parsing bytes: [UInt8], depth: Int = 64) throws(SyntaxError) {
        // The closure of withUnsafeBytes loses the type of what it throws.
        let result: Result<JSONDocument, SyntaxError> = bytes.withUnsafeBytes { raw in
            do throws(SyntaxError) {
                return .success(try JSONDocument(parsing: raw, depth: depth))
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// The member of that name; setting nil removes it, setting a new one appends it. Nothing happens to what is no object.
    subscript(_ name: String) -> JSONDocument? {
        get {
            guard case .object(let members) = self else { return nil }
            return members.first { $0.name == name }?.value
        }
        set {
            guard case .object(var members) = self else { return }
            let index = members.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(name, value))
            case (nil, nil): break
            }
            self = .object(members)
        }
    }

    subscript(_ index: Int) -> JSONDocument? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    var text: String? {
        guard case .string(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    var bytes: [UInt8]? {
        guard case .string(let bytes) = self else { return nil }
        return bytes
    }

    /// A whole number, written as a number or, as Google writes 64-bit ones, as a string of digits.
    var integer: Int64? {
        switch self {
        case .number(let text): Int64(text)
        case .string: text.flatMap { Int64($0) }
        default: nil
        }
    }

    var boolean: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    var elements: [JSONDocument]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The document without white space; characters beyond ASCII as UTF-8.
    var serialized: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    private func write(to out: inout [UInt8]) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let value): out += (value ? "true" : "false").utf8
        case .number(let text): out += text.utf8
        case .string(let bytes): Self.write(bytes, to: &out)
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                element.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                Self.write(Array(member.name.utf8), to: &out)
                out.append(UInt8(ascii: ":"))
                member.value.write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ bytes: [UInt8], to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: out += "\\u00\(hex([byte]))".utf8
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}

private struct JSONReader {
    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func document(depth: Int) throws(JSONDocument.SyntaxError) -> JSONDocument {
        let value = try value(depth: depth)
        skipSpace()
        guard index == bytes.count else { throw failure }
        return value
    }

    private var failure: JSONDocument.SyntaxError { JSONDocument.SyntaxError(offset: index) }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = next, [9, 10, 13, 32].contains(byte) { index += 1 }
    }

    private mutating func take(_ expected: Character) throws(JSONDocument.SyntaxError) {
        guard next == expected.asciiValue else { throw failure }
        index += 1
    }

    private mutating func value(depth: Int) throws(JSONDocument.SyntaxError) -> JSONDocument {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth - 1)
        case UInt8(ascii: "["): return try array(depth: depth - 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: String, _ value: JSONDocument) throws(JSONDocument.SyntaxError) -> JSONDocument {
        for character in text { try take(character) }
        return value
    }

    private mutating func object(depth: Int) throws(JSONDocument.SyntaxError) -> JSONDocument {
        guard depth >= 0 else { throw failure }
        try take("{")
        var members: [JSONDocument.Member] = []
        var names: Set<String> = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            index += 1
            return .object([])
        }
        while true {
            skipSpace()
            let name = String(decoding: try string(), as: UTF8.self)
            guard names.insert(name).inserted else { throw failure }
            skipSpace()
            try take(":")
            members.append(JSONDocument.Member(name, try value(depth: depth)))
            skipSpace()
            if next == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try take("}")
            return .object(members)
        }
    }

    private mutating func array(depth: Int) throws(JSONDocument.SyntaxError) -> JSONDocument {
        guard depth >= 0 else { throw failure }
        try take("[")
        var elements: [JSONDocument] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            index += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if next == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try take("]")
            return .array(elements)
        }
    }

    private mutating func number() throws(JSONDocument.SyntaxError) -> JSONDocument {
        let start = index
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { (48...57).contains($0) } ?? false }
        func digits() throws(JSONDocument.SyntaxError) {
            guard isDigit(next) else { throw failure }
            while isDigit(next) { index += 1 }
        }
        if next == UInt8(ascii: "-") { index += 1 }
        if next == UInt8(ascii: "0") { index += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            index += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            index += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        return .number(String(decoding: bytes[start..<index], as: UTF8.self))
    }

    private mutating func string() throws(JSONDocument.SyntaxError) -> [UInt8] {
        try take("\"")
        var out: [UInt8] = []
        var start = index
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                out += bytes[start..<index]
                index += 1
                guard String(validating: out, as: UTF8.self) != nil else { throw failure }
                return out
            case UInt8(ascii: "\\"):
                out += bytes[start..<index]
                index += 1
                try escape(&out)
                start = index
            case 0..<0x20: throw failure
            default: index += 1
            }
        }
        throw failure
    }

    private mutating func escape(_ out: inout [UInt8]) throws(JSONDocument.SyntaxError) {
        guard let byte = next else { throw failure }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "u"):
            var code = try fourDigits()
            if (0xD800..<0xDC00).contains(code) {
                try take("\\")
                try take("u")
                let low = try fourDigits()
                guard (0xDC00..<0xE000).contains(low) else { throw failure }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure }
            out += String(scalar).utf8
        default: throw failure
        }
    }

    private mutating func fourDigits() throws(JSONDocument.SyntaxError) -> UInt32 {
        guard index + 4 <= bytes.count else { throw failure }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue, bytes[index] < 0x80 else {
                throw failure
            }
            value = value << 4 + UInt32(digit)
            index += 1
        }
        return value
    }
}
