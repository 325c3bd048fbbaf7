internal import Glibc

/// A JSON text (RFC 8259), looked at once and kept as a flat list of places: what ``TapeDecoder`` decodes from. Made for many small
/// documents of strangers: depth and size of every object and array are bounded before anything is decoded.
final class JSONTape: Sendable {
    enum Kind: UInt8 { case object, array, string, escapedString, integer, number, yes, no, null }

    /// A value, or the name of a member, which stands just before its value.
    struct Node {
        var kind: Kind
        /// The first byte and the one after the last; of a string, without its quotes.
        var start: UInt32
        var end: UInt32
        /// The node after this one and all that is in it.
        var next: UInt32
    }

    /// How much a document may hold before anything of it is decoded.
    struct Limits: Sendable {
        var depth: Int
        /// So many elements may an array have, and so many members an object: far more than any snapshot's.
        var elements = 1024
        /// Members are looked for one by one, and each is compared with those before it.
        var members = 256
    }

    let text: [UInt8]
    let nodes: [Node]

    /// Throws a ``SnapshotError`` for text that is not JSON, exceeds the limits, or is larger than 4 GiB.
    init(_ text: [UInt8], _ limits: Limits) throws {
        guard text.count < UInt32.max else { throw SnapshotError.tooLarge }
        self.text = text
        nodes = try text.withUnsafeBufferPointer { bytes in
            var scanner = TapeScanner(bytes: bytes, limits)
            return try scanner.document()
        }
    }

    /// A string's value; nil where it is no UTF-8 or holds half a surrogate pair.
    func string(_ node: Node) -> String? {
        let bytes = text[Int(node.start)..<Int(node.end)]
        guard node.kind == .escapedString else { return String(validating: bytes, as: UTF8.self) }
        return Self.unescaped(bytes).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// What a string with escapes means; nil where it holds half a surrogate pair.
    fileprivate static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            guard bytes[index] == UInt8(ascii: "\\") else {
                out.append(bytes[index])
                index += 1
                continue
            }
            let escape = bytes[index + 1]
            index += 2
            switch escape {
            case UInt8(ascii: "b"): out.append(8)
            case UInt8(ascii: "f"): out.append(12)
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "u"):
                var unit = hexUnit(bytes, index)
                index += 4
                if (0xD800..<0xDC00).contains(unit) {
                    guard index + 6 <= bytes.endIndex, bytes[index] == UInt8(ascii: "\\"),
                        bytes[index + 1] == UInt8(ascii: "u")
                    else { return nil }
                    let low = hexUnit(bytes, index + 2)
                    guard (0xDC00..<0xE000).contains(low) else { return nil }
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                    index += 6
                }
                guard let scalar = Unicode.Scalar(unit) else { return nil }
                out += UTF8.encode(scalar)!
            default: out.append(escape)
            }
        }
        return out
    }

    private static func hexUnit(_ bytes: ArraySlice<UInt8>, _ start: Int) -> UInt32 {
        bytes[start..<start + 4].reduce(0) { $0 << 4 | UInt32(TapeScanner.hexValue($1) ?? 0) }
    }

    /// The value of an object's member; nil if it has none of the name.
    func member(_ name: String, of object: Int) -> Int? {
        var name = name
        return name.withUTF8 { wanted in
            text.withUnsafeBufferPointer { text in
                var index = object + 1
                let end = Int(nodes[object].next)
                while index < end {
                    let key = nodes[index]
                    let isEqual =
                        key.kind == .string
                        ? areEqual(UnsafeBufferPointer(rebasing: text[Int(key.start)..<Int(key.end)]), wanted)
                        : string(key).map { $0.utf8.elementsEqual(wanted) } ?? false
                    if isEqual { return index + 1 }
                    index = Int(nodes[index + 1].next)
                }
                return nil
            }
        }
    }

    /// Names and values of an object.
    func members(of object: Int) -> [(name: String, value: Int)] {
        var found: [(name: String, value: Int)] = []
        var index = object + 1
        while index < Int(nodes[object].next) {
            if let name = string(nodes[index]) { found.append((name, index + 1)) }
            index = Int(nodes[index + 1].next)
        }
        return found
    }

    /// Where a node stands, for an error's place.
    func path(to target: Int) -> [any CodingKey] {
        var path: [any CodingKey] = []
        var place = 0
        while place != target {
            var index = place + 1
            var position = 0
            let isObject = nodes[place].kind == .object
            while index < Int(nodes[place].next) {
                let value = isObject ? index + 1 : index
                if target < Int(nodes[value].next) {
                    path.append(
                        isObject ? TapeKey(stringValue: string(nodes[index]) ?? "?") : TapeKey(intValue: position))
                    place = value
                    break
                }
                index = Int(nodes[value].next)
                position += 1
            }
            // A target that is no value of this tape.
            if index >= Int(nodes[place].next), place != target { break }
        }
        return path
    }
}

private func areEqual(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    guard let first = left.baseAddress, let second = right.baseAddress else { return true }
    return memcmp(first, second, left.count) == 0
}

/// A member's name or an element's position.
struct TapeKey: CodingKey {
    var stringValue: String
    var intValue: Int?

    init(stringValue: String) { self.stringValue = stringValue }

    init(intValue: Int) {
        self.intValue = intValue
        stringValue = String(intValue)
    }
}

/// Reads JSON into nodes.
struct TapeScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    private let limits: JSONTape.Limits
    private var depthLeft: Int
    private var index = 0
    private var nodes: [JSONTape.Node] = []

    init(bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONTape.Limits) {
        self.bytes = bytes
        self.limits = limits
        depthLeft = limits.depth
        nodes.reserveCapacity(bytes.count / 12)
    }

    mutating func document() throws -> [JSONTape.Node] {
        try value()
        skipSpace()
        guard index == bytes.count else { throw malformed }
        return nodes
    }

    private var malformed: SnapshotError { SnapshotError("it is not valid JSON") }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func value() throws {
        skipSpace()
        switch current {
        case UInt8(ascii: "{")?: try container(.object, until: UInt8(ascii: "}"))
        case UInt8(ascii: "[")?: try container(.array, until: UInt8(ascii: "]"))
        case UInt8(ascii: "\"")?: try string()
        case UInt8(ascii: "t")?: try word("true", .yes)
        case UInt8(ascii: "f")?: try word("false", .no)
        case UInt8(ascii: "n")?: try word("null", .null)
        default: try number()
        }
    }

    private mutating func container(_ kind: JSONTape.Kind, until close: UInt8) throws {
        guard depthLeft > 0 else { throw SnapshotError("it nests deeper than a snapshot does") }
        depthLeft -= 1
        let own = nodes.count
        nodes.append(.init(kind: kind, start: UInt32(index), end: 0, next: 0))
        index += 1
        var width = 0
        skipSpace()
        if current == close {
            index += 1
        } else {
            while true {
                width += 1
                guard width <= (kind == .object ? limits.members : limits.elements) else {
                    throw SnapshotError("it has more entries than a snapshot has")
                }
                if kind == .object {
                    skipSpace()
                    guard current == UInt8(ascii: "\"") else { throw malformed }
                    try string()
                    try refuseSecond(of: own)
                    skipSpace()
                    guard current == UInt8(ascii: ":") else { throw malformed }
                    index += 1
                }
                try value()
                skipSpace()
                guard let byte = current, byte == close || byte == UInt8(ascii: ",") else { throw malformed }
                index += 1
                if byte == close { break }
            }
        }
        nodes[own].end = UInt32(index)
        nodes[own].next = UInt32(nodes.count)
        depthLeft += 1
    }

    /// Of two members of one name some readers take the first and some the last: whoever sees both would be told two things.
    private func refuseSecond(of object: Int) throws {
        let last = nodes.count - 1
        var index = object + 1
        while index < last {
            guard !isSameName(nodes[index], nodes[last]) else { throw SnapshotError("it has a member twice") }
            index = Int(nodes[index + 1].next)
        }
    }

    private func isSameName(_ left: JSONTape.Node, _ right: JSONTape.Node) -> Bool {
        func written(_ node: JSONTape.Node) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(rebasing: bytes[Int(node.start)..<Int(node.end)])
        }
        if left.kind == .string, right.kind == .string { return areEqual(written(left), written(right)) }
        func meant(_ node: JSONTape.Node) -> [UInt8]? {
            node.kind == .string ? Array(written(node)) : JSONTape.unescaped(Array(written(node))[...])
        }
        return meant(left) == meant(right)
    }

    private mutating func string() throws {
        index += 1
        let start = index
        var isEscaped = false
        while true {
            guard let byte = current, byte >= 0x20 else { throw malformed }
            index += 1
            if byte == UInt8(ascii: "\"") { break }
            guard byte == UInt8(ascii: "\\") else { continue }
            isEscaped = true
            guard let escape = current else { throw malformed }
            index += 1
            switch escape {
            case UInt8(ascii: "u"):
                for _ in 0..<4 {
                    guard let digit = current, Self.hexValue(digit) != nil else { throw malformed }
                    index += 1
                }
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                break
            default: throw malformed
            }
        }
        add(isEscaped ? .escapedString : .string, start, index - 1)
    }

    private mutating func word(_ word: StaticString, _ kind: JSONTape.Kind) throws {
        let start = index
        index += word.utf8CodeUnitCount
        guard index <= bytes.count,
            bytes[start..<index].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: index - start))
        else { throw malformed }
        add(kind, start, index)
    }

    private mutating func number() throws {
        let start = index
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { (48...57).contains($0) } ?? false }
        if current == UInt8(ascii: "-") { index += 1 }
        guard isDigit(current) else { throw malformed }
        let isZero = current == UInt8(ascii: "0")
        index += 1
        if !isZero { while isDigit(current) { index += 1 } }
        var kind = JSONTape.Kind.integer
        if current == UInt8(ascii: ".") {
            kind = .number
            index += 1
            guard isDigit(current) else { throw malformed }
            while isDigit(current) { index += 1 }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            kind = .number
            index += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
            guard isDigit(current) else { throw malformed }
            while isDigit(current) { index += 1 }
        }
        add(kind, start, index)
    }

    private mutating func add(_ kind: JSONTape.Kind, _ start: Int, _ end: Int) {
        nodes.append(
            .init(kind: kind, start: UInt32(start), end: UInt32(end), next: UInt32(nodes.count + 1)))
    }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
