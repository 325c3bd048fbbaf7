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
    private var time: ArraySlice<UInt8> = []

    init(_ block: [UInt8]) throws {
        func text(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }
        guard try Self.number(block[148..<156]) == Int64(Self.sum(block)) else {
            throw TarDamage.error("a header's checksum is wrong")
        }
        guard block[257..<262].elementsEqual(Array("ustar".utf8)) else {
            throw TarDamage.error("a header is not ustar")
        }
        let prefix = text(345..<500)
        path = (prefix.isEmpty ? [] : prefix + [UInt8(ascii: "/")]) + text(0..<100)
        target = text(157..<257)
        permissions = UInt32(truncatingIfNeeded: try Self.number(block[100..<108])) & 0o7777
        size = try Self.number(block[124..<136])
        guard size >= 0 else { throw TarDamage.error("a header's numbers are out of range") }
        time = block[136..<148]
        type = block[156]
    }

    /// Nanoseconds since the epoch. Asked for only where no pax record tells the time: libarchive leaves garbage here for times before
    /// 1970 and after 2242, as bundles of this program's first versions have it.
    func modified() throws -> Int128 { Int128(try Self.number(time)) * 1_000_000_000 }

    /// A block of a header. Numbers that do not fit are told by pax records, and are 0 or the nearest that fits here.
    static func block(
        path: [UInt8], permissions: UInt32, owner: UInt32, group: UInt32, size: Int64, seconds: Int128, type: UInt8,
        target: [UInt8]
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: length)
        func put(_ bytes: some Collection<UInt8>, at offset: Int) {
            block.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        func octal(_ value: Int64, _ digits: Int, at offset: Int) {
            var rest = value
            for index in (offset..<offset + digits).reversed() {
                block[index] = 48 + UInt8(rest & 7)
                rest >>= 3
            }
        }
        put(path.prefix(nameLimit), at: 0)
        octal(Int64(permissions), 7, at: 100)
        octal(fits(owner) ? Int64(owner) : 0, 7, at: 108)
        octal(fits(group) ? Int64(group) : 0, 7, at: 116)
        octal(size < numberLimit ? size : 0, 11, at: 124)
        octal(Int64(min(max(seconds, 0), Int128(numberLimit - 1))), 11, at: 136)
        block[156] = type
        put(target.prefix(nameLimit), at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        octal(0, 7, at: 329)
        octal(0, 7, at: 337)
        octal(Int64(sum(block)), 6, at: 148)
        block[155] = 32
        return block
    }

    /// Whether an owner fits 7 octal digits.
    static func fits(_ owner: UInt32) -> Bool { owner < 1 << 21 }

    /// The checksum, its own field taken for spaces.
    private static func sum(_ block: [UInt8]) -> Int {
        block.withUnsafeBufferPointer { block in
            // 512 bytes cannot overflow it.
            var sum: UInt32 = 8 * 32
            for byte in block { sum &+= UInt32(byte) }
            for byte in block[148..<156] { sum &-= UInt32(byte) }
            return Int(sum)
        }
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
enum PaxRecords {
    static func encode(_ records: [(key: String, value: [UInt8])]) -> [UInt8] {
        var out: [UInt8] = []
        for (key, value) in records {
            let rest = Array(" \(key)=".utf8) + value + [10]
            // The length counts its own digits.
            var length = rest.count
            while length != rest.count + String(length).utf8.count { length = rest.count + String(length).utf8.count }
            out += Array(String(length).utf8) + rest
        }
        return out
    }

    static func decode(_ bytes: [UInt8]) throws -> [String: [UInt8]] {
        var records: [String: [UInt8]] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.prefix(20).firstIndex(of: 32),
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > 0, length <= rest.count,
                case let record = rest.prefix(length), record.last == 10, space + 1 < record.endIndex,
                let equals = record[(space + 1)...].firstIndex(of: UInt8(ascii: "="))
            else { throw TarDamage.error("a pax header is malformed") }
            let key = String(decoding: record[(space + 1)..<equals], as: UTF8.self)
            guard records.updateValue(Array(record[(equals + 1)...].dropLast()), forKey: key) == nil else {
                throw TarDamage.error("a pax header says \(printable(key, limit: 40)) twice")
            }
            rest = rest.dropFirst(length)
        }
        return records
    }

    /// Decimal seconds with a fraction: `-0.5` is half a second before the epoch.
    static func text(time nanoseconds: Int128) -> String {
        let (seconds, fraction) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var text = (nanoseconds < 0 ? "-" : "") + String(seconds)
        guard fraction > 0 else { return text }
        let digits = String(UInt32(fraction))
        text += "." + String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while text.last == "0" { text.removeLast() }
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
