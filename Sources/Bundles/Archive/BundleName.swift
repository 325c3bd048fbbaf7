internal import Foundation
public import Support

/// The name of a bundle's file: `INSTANCE-YYYYMMDDTHHMMSSZ.tar.zst.age`, in UTC.
public struct BundleName: Sendable, Hashable, CustomStringConvertible {
    public static let suffix = ".tar.zst.age"

    public let instance: String
    /// When it was created, in whole seconds.
    public let created: Timestamp

    public init(instance: String, created: Timestamp) {
        self.instance = instance
        self.created = Timestamp(seconds: created.seconds)
    }

    /// Nil for a name that no bundle has.
    public init?(_ name: String) {
        guard name.hasSuffix(Self.suffix) else { return nil }
        let stem = Array(name.utf8.dropLast(Self.suffix.utf8.count))
        guard let dash = stem.lastIndex(of: UInt8(ascii: "-")), stem.count - dash == 17 else { return nil }
        let time = stem[(dash + 1)...].map { Character(Unicode.Scalar($0)) }
        let text =
            "\(String(time[0..<4]))-\(String(time[4..<6]))-\(String(time[6..<8]))T\(String(time[9..<11])):"
            + "\(String(time[11..<13])):\(String(time[13..<15]))Z"
        guard time[8] == "T", time[15] == "Z", let created = Timestamp(text), BundleName.isInstance(stem[..<dash])
        else {
            return nil
        }
        self.init(instance: String(decoding: stem[..<dash], as: UTF8.self), created: created)
    }

    public var description: String { "\(instance)-\(created.compact)\(Self.suffix)" }

    /// `[a-z][a-z0-9-]{0,31}`
    static func isInstance(_ name: some Collection<UInt8>) -> Bool {
        guard let first = name.first, (97...122).contains(first), name.count <= 32 else { return false }
        return name.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }
}
