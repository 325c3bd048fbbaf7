internal import Support

/// A path as a manifest holds it: bytes. In JSON it is a string where it is UTF-8, else `{"base64": "…"}`.
public struct BundlePath: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public var bytes: [UInt8]

    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    public init(_ text: String) { bytes = Array(text.utf8) }

    private struct Encoded: Codable { var base64: String }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            bytes = Array(text.utf8)
        } else if let decoded = Base64.decode(try container.decode(Encoded.self).base64.utf8, padding: .required) {
            bytes = decoded
        } else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not base64")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let text = String(validating: bytes, as: UTF8.self) {
            try container.encode(text)
        } else {
            try container.encode(
                Encoded(base64: String(decoding: Base64.encode(bytes, padding: .required), as: UTF8.self)))
        }
    }

    public static func < (left: BundlePath, right: BundlePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    /// Safe to show on a terminal.
    public var description: String { printable(bytes) }

    /// Linux takes paths of fewer bytes.
    static let lengthLimit = 4096

    /// Why this is no relative path that stays where it is put and that Linux can hold; nil if it is one.
    var refusal: String? {
        guard !bytes.isEmpty, !bytes.contains(0) else { return "it has no name" }
        guard bytes.count < Self.lengthLimit else {
            return "its path in the bundle has \(bytes.count) bytes, and Linux takes \(Self.lengthLimit - 1)"
        }
        var rest = bytes[...]
        while true {
            let name = rest.prefix { $0 != UInt8(ascii: "/") }
            if name.isEmpty || name.count < 3 && name.allSatisfy({ $0 == UInt8(ascii: ".") }) {
                return "its name leads elsewhere"
            }
            if name.count > 255 { return "a name in its path has \(name.count) bytes, and Linux takes 255" }
            if name.endIndex == rest.endIndex { return nil }
            rest = rest[(name.endIndex + 1)...]
        }
    }

    /// The path of the folder that holds this one; empty at the top.
    var parent: BundlePath { BundlePath(bytes[..<(bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0)]) }
}
