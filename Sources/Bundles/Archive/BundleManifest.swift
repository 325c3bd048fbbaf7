internal import Foundation
public import Support

/// What a bundle holds: its last entry, `INSTANCE/manifest.json`.
public struct BundleManifest: Sendable, Equatable, Codable {
    public static let currentVersion = 1
    static let fileName = "manifest.json"
    /// About a million entries.
    static let lengthLimit: Int64 = 256 << 20
    /// Of all that is not entries, which a decoder turns into thirty times as much memory.
    static let headLimit = 16 << 20

    public enum Kind: String, Sendable, Codable { case file, directory, symlink }

    public struct Entry: Sendable, Equatable, Codable {
        /// Relative to the folder `INSTANCE/`: `home`, `home/config.yaml`, `CANARY`.
        public var path: BundlePath
        public var kind: Kind
        /// Permission bits in octal, four digits.
        public var mode: String
        /// Nanoseconds since the epoch.
        public var modified: Int128
        /// Of a file, in bytes.
        public var size: Int64?
        /// Of a file: of its bytes, holes as zeros, in hexadecimal.
        public var sha256: String?
        /// Of a symlink: its text.
        public var target: BundlePath?

        public var permissions: UInt32 { UInt32(mode, radix: 8) ?? 0 }

        static func mode(_ permissions: UInt32) -> String {
            String(unsafeUninitializedCapacity: 4) { digits in
                for index in 0..<4 { digits[index] = 48 + UInt8(permissions >> UInt32(9 - 3 * index) & 7) }
                return 4
            }
        }

        init(_ path: BundlePath, _ kind: Kind, permissions: UInt32, modified: Int128) {
            self.path = path
            self.kind = kind
            mode = Self.mode(permissions)
            self.modified = modified
        }
    }

    public struct Database: Sendable, Equatable, Codable {
        /// How its bytes came about.
        public enum Copy: String, Sendable, Codable {
            /// One consistent state, everything that was in its -wal included.
            case snapshot
            /// The file as it lay there: SQLite could not read it.
            case raw
        }

        public var path: BundlePath
        public var copy: Copy
        /// `PRAGMA user_version`.
        public var userVersion: Int64?
        /// The number in a table `schema_version`, where there is one.
        public var schemaVersion: Int64?
        /// What `PRAGMA integrity_check` said: `ok`, or up to ten complaints.
        public var integrityCheck: [String]
        /// Rows of every table, virtual ones included, the tables inside virtual ones not. A table that cannot be counted is not there.
        public var rows: [String: Int64]

        public var isSound: Bool { copy == .snapshot && integrityCheck == ["ok"] }
    }

    public struct Note: Sendable, Equatable, Codable {
        public var path: BundlePath
        public var reason: String
    }

    public struct Counts: Sendable, Equatable, Codable {
        public var files = 0
        public var directories = 0
        public var symlinks = 0
        /// Of all files together.
        public var bytes: Int64 = 0
    }

    public var formatVersion = Self.currentVersion
    public var instance: String
    public var created: Timestamp
    public var runnerVersion: String
    public var counts = Counts()
    public var databases: [Database] = []
    /// What was left out, and why.
    public var skipped: [Note] = []
    /// What is in the bundle but not as it should be, or could not be read.
    public var warnings: [Note] = []
    /// In the order of the archive. The manifest itself is not among them. Empty where they were not asked for.
    public var entries: [Entry] = []

    /// Everything but the entries, which are encoded one by one.
    private struct Head: Codable {
        var formatVersion: Int
        var instance: String
        var created: Timestamp
        var runnerVersion: String
        var counts: Counts
        var databases: [Database]
        var skipped: [Note]
        var warnings: [Note]
    }

    private struct Version: Decodable { var formatVersion: Int }

    private static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// What stands in the manifest's JSON before and after the lines of its entries, which ``EntryLines`` makes.
    func frame() throws -> (start: [UInt8], end: [UInt8]) {
        let head = Head(
            formatVersion: formatVersion, instance: instance, created: created, runnerVersion: runnerVersion,
            counts: counts, databases: databases, skipped: skipped, warnings: warnings)
        let text = Array(try Self.encoder().encode(head))
        return (text.dropLast() + Array(",\"entries\":[\n".utf8), Array("\n]}\n".utf8))
    }

    /// Decodes a manifest. A newer format is an error that says so.
    public init(json bytes: [UInt8]) throws {
        var entries: [Entry] = []
        var reader = ManifestReader { entries.append($0) }
        bytes.withUnsafeBytes { reader.add($0) }
        self = try reader.finish()
        self.entries = entries
    }

    /// Decodes what a manifest says besides its entries. `head`: its JSON with none.
    init(head: [UInt8]) throws {
        guard !head.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw BundleDamage.error("its manifest begins with a byte order mark")
        }
        let decoder = JSONDecoder()
        let data = Data(head)
        guard let version = try? decoder.decode(Version.self, from: data).formatVersion else {
            throw BundleDamage.error("its manifest is not JSON, or has no format version")
        }
        guard version == Self.currentVersion else {
            throw OperatorError(
                "bundle-version", doing: "opening the bundle",
                reason: "its format has version \(version), and this program knows version \(Self.currentVersion)",
                advice: version > Self.currentVersion
                    ? "open it with a newer version of this program, or with age and tar" : nil,
                exit: .damagedInput)
        }
        do {
            try JSONValue.refuseRepeatedKeys(in: head)
            let head = try decoder.decode(Head.self, from: data)
            self.init(instance: head.instance, created: head.created, runnerVersion: head.runnerVersion)
            counts = head.counts
            databases = head.databases
            skipped = head.skipped
            warnings = head.warnings
        } catch let error as JSONValue.SyntaxError {
            throw Self.disagreement(error)
        } catch {
            throw BundleDamage.error("its manifest does not say what a manifest says")
        }
    }

    static func disagreement(_ error: JSONValue.SyntaxError) -> OperatorError {
        BundleDamage.error("its manifest: \(error), so readers would not agree on what it says")
    }

    init(instance: String, created: Timestamp, runnerVersion: String) {
        self.instance = instance
        self.created = created
        self.runnerVersion = runnerVersion
    }
}

/// A bundle that is not what it should be.
enum BundleDamage {
    static func error(_ reason: String) -> OperatorError {
        OperatorError(
            "bundle-damaged", doing: "opening the bundle", reason: reason,
            advice: "do not trust this copy; fetch another one", exit: .damagedInput)
    }
}

/// A file of known content in every bundle, which has to come back byte for byte.
public enum BundleCanary {
    public static let name = "CANARY"
    /// A line of text and every byte value once.
    public static let bytes: [UInt8] = Array("hermes-ops-runner canary\n".utf8) + (0...255)
}
