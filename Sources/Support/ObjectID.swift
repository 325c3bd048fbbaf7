/// The name of a git object: SHA-1 over `TYPE SIZE\0` and its content.
public struct ObjectID: Sendable, Hashable, Comparable, CustomStringConvertible {
    private let first: UInt64
    private let second: UInt64
    private let third: UInt32

    /// From 20 bytes; nil for any other number.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 20 else { return nil }
        self =
            bytes.withContiguousStorageIfAvailable { Self(twenty: UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { Self(twenty: $0) }
    }

    private init(twenty bytes: UnsafeRawBufferPointer) {
        first = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        second = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        third = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }

    /// From 40 lower-case hexadecimal digits; nil for anything else.
    public init?(hex text: some StringProtocol) {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text.utf8 {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let upper = high {
                bytes.append(upper << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard high == nil else { return nil }
        self.init(bytes)
    }

    /// The id that content gets as an object of that type (`blob`, `tree`, `commit`).
    public init(of content: UnsafeRawBufferPointer, type: String) {
        var digest = Digest(.sha1)
        digest.update(Array("\(type) \(content.count)\0".utf8))
        digest.update(content)
        guard let id = ObjectID(digest.finish()) else { preconditionFailure("SHA-1 has 20 bytes") }
        self = id
    }

    /// The 20 bytes.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(20)
        for shift in stride(from: 56, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: first >> UInt64(shift)))
        }
        for shift in stride(from: 56, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: second >> UInt64(shift)))
        }
        for shift in stride(from: 24, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: third >> UInt32(shift)))
        }
        return out
    }

    /// The first byte, which pack indexes fan out by.
    public var firstByte: UInt8 { UInt8(truncatingIfNeeded: first >> 56) }

    /// 40 hexadecimal digits.
    public var description: String { hex(bytes) }

    /// All zeros: what git's protocol says for "no object".
    public static let none = ObjectID(repeatElement(0, count: 20))!

    public static func < (left: ObjectID, right: ObjectID) -> Bool {
        (left.first, left.second, left.third) < (right.first, right.second, right.third)
    }
}
