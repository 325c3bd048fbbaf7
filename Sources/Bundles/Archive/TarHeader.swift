internal import Support

/// One block of 512 bytes before an entry (POSIX.1-2017, ustar Interchange Format).
struct UstarHeader {
    static let length = 512
    /// More does not fit 11 octal digits: a pax record tells it.
    static let numberLimit: Int64 = 1 << 33
    static let nameLimit = 100

    var path: [UInt8]
    var target: [UInt8]
    var permissions: UInt32
    /// Of what is stored behind the header, in bytes.
    var size: Int64
    var type: UInt8
    private let block: [UInt8]

    /// With its version: GNU tar's own has blanks there, and other things behind it.
    private static let magic = Array("ustar\u{0}00".utf8)

    init(_ block: [UInt8]) throws {
        func text(_ range: Range<Int>) -> [UInt8] {
            let field = block[range]
            return Array(field[..<(field.firstIndex(of: 0) ?? field.endIndex)])
        }
        guard try Self.number(block[148..<156]) == block.withUnsafeBufferPointer({ Int64(Self.sum($0)) }) else {
            throw TarDamage.error("a header's checksum is wrong")
        }
        guard block[257..<265].elementsEqual(Self.magic) else { throw TarDamage.error("a header is not ustar") }
        path = text(0..<100)
        if block[345] != 0 { path = text(345..<500) + [UInt8(ascii: "/")] + path }
        target = text(157..<257)
        permissions = UInt32(truncatingIfNeeded: try Self.number(block[100..<108])) & 0o7777
        size = try Self.number(block[124..<136])
        guard size >= 0 else { throw TarDamage.error("a header's numbers are out of range") }
        type = block[156]
        self.block = block
    }

    /// Nanoseconds since the epoch. Asked for only where no pax record tells the time: libarchive leaves garbage here for times before
    /// 1970 and after 2242, as bundles of this program's first versions have it.
    func modified() throws -> Int128 { Int128(try Self.number(block[136..<148])) * 1_000_000_000 }

    /// A block of a header. Numbers that do not fit are told by pax records, and are 0 or the nearest that fits here.
    static func block(
        path: [UInt8], permissions: UInt32, owner: UInt32, group: UInt32, size: Int64, seconds: Int128, type: UInt8,
        target: [UInt8]
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: length) { block, count in
            count = length
            block.initialize(repeating: 0)
            func put(_ bytes: [UInt8], at offset: Int) {
                _ = block[offset...].update(fromContentsOf: bytes.prefix(nameLimit))
            }
            func octal(_ value: Int64, _ digits: Int, at offset: Int) {
                var rest = value
                for index in (offset..<offset + digits).reversed() {
                    block[index] = 48 + UInt8(rest & 7)
                    rest >>= 3
                }
            }
            put(path, at: 0)
            octal(Int64(permissions), 7, at: 100)
            octal(fits(owner) ? Int64(owner) : 0, 7, at: 108)
            octal(fits(group) ? Int64(group) : 0, 7, at: 116)
            octal(size < numberLimit ? size : 0, 11, at: 124)
            octal(Int64(min(max(seconds, 0), Int128(numberLimit - 1))), 11, at: 136)
            block[156] = type
            put(target, at: 157)
            put(magic, at: 257)
            octal(0, 7, at: 329)
            octal(0, 7, at: 337)
            octal(Int64(sum(UnsafeBufferPointer(block))), 6, at: 148)
            block[155] = 32
        }
    }

    /// Whether an owner fits 7 octal digits.
    static func fits(_ owner: UInt32) -> Bool { owner < 1 << 21 }

    /// The checksum, its own field taken for spaces.
    private static func sum(_ block: UnsafeBufferPointer<UInt8>) -> Int {
        // 512 bytes cannot overflow it.
        var sum: UInt32 = 8 * 32
        for byte in block { sum &+= UInt32(byte) }
        for byte in block[148..<156] { sum &-= UInt32(byte) }
        return Int(sum)
    }

    /// Octal digits, or base 256 where the first bit is set.
    private static func number(_ field: ArraySlice<UInt8>) throws -> Int64 {
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 {
            // Two's complement in all bits but the first (GNU tar manual, "Extensions to the Format").
            var value: Int64 = first & 0x40 != 0 ? -1 : 0
            for (index, byte) in field.enumerated() {
                let byte = index > 0 ? byte : (first & 0x40 != 0 ? byte : byte & 0x7f)
                guard value.magnitude <= 1 << 54 else { throw TarDamage.error("a header's numbers are out of range") }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        var value: Int64 = 0
        for byte in field.drop(while: { $0 == 32 }) {
            if byte == 0 || byte == 32 { break }
            guard (48...55).contains(byte), value < 1 << 58 else {
                throw TarDamage.error("a header's numbers are malformed")
            }
            value = value << 3 | Int64(byte - 48)
        }
        return value
    }
}

/// The records of a pax header: `LENGTH KEY=VALUE\n`, again and again (POSIX.1-2017, pax Extended Header).
struct PaxRecords {
    /// Of a header. Those that are known are a handful.
    private static let limit = 100

    private let bytes: [UInt8]
    private var fields: [(key: Range<Int>, value: Range<Int>)] = []

    /// Of an entry without a pax header.
    static let none = PaxRecords()

    private init() { bytes = [] }

    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        var start = 0
        while start < bytes.count {
            guard let space = bytes[start...].prefix(20).firstIndex(of: 32),
                let length = Self.number(bytes[start..<space]).map(Int.init), length > 0,
                length <= bytes.count - start, case let end = start + length - 1, bytes[end] == 10, space < end,
                let equals = bytes[(space + 1)..<end].firstIndex(of: UInt8(ascii: "=")), equals > space + 1
            else { throw TarDamage.error("a pax header is malformed") }
            let key = (space + 1)..<equals
            guard fields.count < Self.limit else { throw TarDamage.error("a pax header has too many records") }
            guard !fields.contains(where: { bytes[$0.key] == bytes[key] }) else {
                throw TarDamage.error("a pax header says \(printable(Array(bytes[key]), limit: 40)) twice")
            }
            fields.append((key, (equals + 1)..<end))
            start = end + 1
        }
    }

    /// Decimal digits and nothing else; nil for other text, and for a number that no file has.
    static func number(_ text: ArraySlice<UInt8>) -> Int64? {
        guard (1...18).contains(text.count), text.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return text.reduce(0) { $0 * 10 + Int64($1 - 48) }
    }

    /// Whether it tells of a sparse file.
    var isSparse: Bool {
        let start = Array("GNU.sparse.".utf8)
        return fields.contains { bytes[$0.key].starts(with: start) }
    }

    subscript(key: StaticString) -> [UInt8]? {
        let key = UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        return fields.first { bytes[$0.key].elementsEqual(key) }.map { Array(bytes[$0.value]) }
    }

    /// Appends a record to a header.
    static func append(_ key: StaticString, _ value: [UInt8], to header: inout [UInt8]) {
        let rest = key.utf8CodeUnitCount + value.count + 3
        // The length counts its own digits.
        var length = rest
        while length != rest + digits(of: length) { length = rest + digits(of: length) }
        header.append(decimal: length)
        header.append(32)
        header.append(key)
        header.append(UInt8(ascii: "="))
        header += value
        header.append(10)
    }

    private static func digits(of number: Int) -> Int {
        var (count, rest) = (1, number)
        while rest > 9 { (count, rest) = (count + 1, rest / 10) }
        return count
    }

    /// Decimal seconds with a fraction: `-0.5` is half a second before the epoch.
    static func text(time nanoseconds: Int128) -> [UInt8] {
        let (seconds, fraction) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var text: [UInt8] = []
        if nanoseconds < 0 { text.append(UInt8(ascii: "-")) }
        text.append(decimal: seconds)
        guard fraction > 0 else { return text }
        text.append(UInt8(ascii: "."))
        text.append(digits: UInt64(fraction), count: 9)
        while text.last == UInt8(ascii: "0") { text.removeLast() }
        return text
    }

    /// The nanoseconds that such a text tells; digits after the ninth are cut off.
    static func time(_ text: [UInt8]) throws -> Int128 {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = (isNegative ? text.dropFirst() : text[...]).split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1].prefix(9) : []
        // Fewer than 28 digits do not overflow.
        guard (1...19).contains(parts[0].count), (parts[0] + fraction).allSatisfy({ (48...57).contains($0) }) else {
            throw TarDamage.error("a modification time is malformed")
        }
        func number(_ digits: ArraySlice<UInt8>) -> UInt64 { digits.reduce(0) { $0 &* 10 &+ UInt64($1 &- 48) } }
        var nanoseconds = number(fraction)
        for _ in fraction.count..<9 { nanoseconds *= 10 }
        let value = Int128(number(parts[0])) * 1_000_000_000 + Int128(nanoseconds)
        return isNegative ? -value : value
    }
}

enum TarDamage {
    static func error(_ reason: String) -> OperatorError {
        BundleDamage.error("its archive is malformed: \(reason)")
    }
}
