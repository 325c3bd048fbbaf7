/// One pass over JSON text (RFC 8259; JSON lines too) that tells where each scalar stands, without building a tree.
///
/// It reads hostile input: nesting is bounded, and what is not JSON ends the pass.
struct JSONScanner {
    enum Kind { case string, number, boolean, null }

    struct Scalar {
        /// Keys from the outermost in; an array's element has its index.
        var path: [String]
        var kind: Kind
        /// The value's bytes in the text, quotes included.
        var range: Range<Int>
    }

    /// A member whose value is an object or an array, its bytes and what it is called.
    struct Container {
        var path: [String]
        var range: Range<Int>
    }

    struct Malformed: Error {}

    private static let deepest = 200
    private let bytes: UnsafeRawBufferPointer
    private var index = 0
    private var path: [String] = []
    private let visit: (Scalar, UnsafeRawBufferPointer) -> Void
    private let leave: (Container) -> Void

    private init(
        _ bytes: UnsafeRawBufferPointer, _ visit: @escaping (Scalar, UnsafeRawBufferPointer) -> Void,
        _ leave: @escaping (Container) -> Void
    ) {
        self.bytes = bytes
        self.visit = visit
        self.leave = leave
    }

    /// Visits every scalar and, after what is in it, every object and array. Several values may follow each other.
    ///
    /// - Throws: `Malformed` where the text is not JSON.
    static func run(
        _ bytes: UnsafeRawBufferPointer, onScalar visit: (Scalar, UnsafeRawBufferPointer) -> Void,
        onContainer leave: (Container) -> Void = { _ in }
    ) throws(Malformed) {
        try withoutActuallyEscaping(visit) { visit throws(Malformed) in
            try withoutActuallyEscaping(leave) { leave throws(Malformed) in
                var scanner = JSONScanner(bytes, visit, leave)
                if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { scanner.index = 3 }
                scanner.space()
                guard scanner.index < bytes.count else { throw Malformed() }
                while scanner.index < bytes.count {
                    try scanner.value(depth: 0)
                    scanner.space()
                }
            }
        }
    }

    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do {
            try run(bytes, onScalar: { _, _ in })
            return true
        } catch { return false }
    }

    private mutating func space() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(Malformed) {
        guard index < bytes.count, bytes[index] == byte else { throw Malformed() }
        index += 1
    }

    private mutating func value(depth: Int) throws(Malformed) {
        guard depth < JSONScanner.deepest, index < bytes.count else { throw Malformed() }
        let start = index
        switch bytes[index] {
        case UInt8(ascii: "{"):
            index += 1
            try members(until: UInt8(ascii: "}")) { scanner, _ throws(Malformed) in
                let name = try scanner.string()
                scanner.space()
                try scanner.expect(UInt8(ascii: ":"))
                scanner.space()
                scanner.path.append(JSONScanner.unescaped(scanner.bytes, name))
                try scanner.value(depth: depth + 1)
            }
            leave(Container(path: path, range: start..<index))
        case UInt8(ascii: "["):
            index += 1
            try members(until: UInt8(ascii: "]")) { scanner, position throws(Malformed) in
                scanner.path.append(String(position))
                try scanner.value(depth: depth + 1)
            }
            leave(Container(path: path, range: start..<index))
        case UInt8(ascii: "\""):
            let range = try string()
            visit(Scalar(path: path, kind: .string, range: range), bytes)
        case UInt8(ascii: "t"): try word("true", .boolean)
        case UInt8(ascii: "f"): try word("false", .boolean)
        case UInt8(ascii: "n"): try word("null", .null)
        default:
            while index < bytes.count, "+-.0123456789eE".utf8.contains(bytes[index]) { index += 1 }
            guard index > start, (48...57).contains(bytes[index - 1]) else { throw Malformed() }
            visit(Scalar(path: path, kind: .number, range: start..<index), bytes)
        }
    }

    private mutating func members(
        until close: UInt8, _ member: (inout JSONScanner, Int) throws(Malformed) -> Void
    ) throws(Malformed) {
        space()
        if index < bytes.count, bytes[index] == close {
            index += 1
            return
        }
        let depth = path.count
        var position = 0
        while true {
            space()
            try member(&self, position)
            path.removeLast(path.count - depth)
            position += 1
            space()
            guard index < bytes.count else { throw Malformed() }
            if bytes[index] == close {
                index += 1
                return
            }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func word(_ text: StaticString, _ kind: Kind) throws(Malformed) {
        let start = index
        for offset in 0..<text.utf8CodeUnitCount {
            guard index < bytes.count, bytes[index] == text.utf8Start[offset] else { throw Malformed() }
            index += 1
        }
        visit(Scalar(path: path, kind: kind, range: start..<index), bytes)
    }

    private mutating func string() throws(Malformed) -> Range<Int> {
        let start = index
        try expect(UInt8(ascii: "\""))
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return start..<index
            case UInt8(ascii: "\\"):
                guard index + 1 < bytes.count, "\"\\/bfnrtu".utf8.contains(bytes[index + 1]) else { throw Malformed() }
                if bytes[index + 1] == UInt8(ascii: "u") {
                    guard index + 5 < bytes.count, (2...5).allSatisfy({ hexValue(bytes[index + $0]) != nil }) else {
                        throw Malformed()
                    }
                }
                index += 2
            case 0..<0x20: throw Malformed()
            default: index += 1
            }
        }
        throw Malformed()
    }

    /// The text of a string literal, given with its quotes.
    static func unescaped(_ bytes: UnsafeRawBufferPointer, _ literal: Range<Int>) -> String {
        let inner = UnsafeRawBufferPointer(rebasing: bytes[(literal.lowerBound + 1)..<(literal.upperBound - 1)])
        guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
        var units: [UInt16] = []
        var plain: [UInt8] = []
        var out = ""
        func flush() {
            out += String(decoding: plain, as: UTF8.self)
            out += String(decoding: units, as: UTF16.self)
            plain.removeAll()
            units.removeAll()
        }
        var index = 0
        while index < inner.count {
            guard inner[index] == UInt8(ascii: "\\"), index + 1 < inner.count else {
                if !units.isEmpty { flush() }
                plain.append(inner[index])
                index += 1
                continue
            }
            let escape = inner[index + 1]
            if escape == UInt8(ascii: "u"), index + 5 < inner.count {
                if !plain.isEmpty { flush() }
                units.append((2...5).reduce(0) { $0 << 4 | UInt16(hexValue(inner[index + $1]) ?? 0) })
                index += 6
                continue
            }
            if !units.isEmpty { flush() }
            let simple: [UInt8: UInt8] = [0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9]
            plain.append(simple[escape] ?? escape)
            index += 2
        }
        flush()
        return out
    }
}

/// The value of a hexadecimal digit.
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
}
