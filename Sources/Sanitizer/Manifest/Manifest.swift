public import Support

/// `MANIFEST.json`: what a sanitized tree holds, what was taken out of it, and what a restore has to provide again.
///
/// Deterministic: no times, everything sorted, so that an idle home gives the same bytes (docs/formats.md, "The manifest").
public struct Manifest: Sendable, Codable, Equatable {
    public static let currentFormat = 1
    /// Its path in the tree.
    public static let fileName = "MANIFEST.json"

    /// A name that is bytes: `path` when it is UTF-8, else `pathBase64`.
    public struct Name: Sendable, Codable, Hashable {
        public var bytes: [UInt8]

        public init(_ bytes: [UInt8]) { self.bytes = bytes }

        enum CodingKeys: String, CodingKey {
            case path, pathBase64
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            if let text = try container.decodeIfPresent(String.self, forKey: .path) {
                bytes = Array(text.utf8)
            } else {
                let text = try container.decode(String.self, forKey: .pathBase64)
                guard let decoded = Base64.decoded(text) else {
                    throw DecodingError.dataCorruptedError(
                        forKey: .pathBase64, in: container, debugDescription: "not base64")
                }
                bytes = decoded
            }
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            if let text = String(validating: bytes, as: UTF8.self) {
                try container.encode(text, forKey: .path)
            } else {
                try container.encode(Base64.encoded(bytes), forKey: .pathBase64)
            }
        }
    }

    public enum Kind: String, Sendable, Codable {
        case file, symlink
    }

    /// What was done with a file that is in the tree.
    public enum Treatment: String, Sendable, Codable {
        /// Byte for byte as in the home.
        case keep
        /// Changed: secrets redacted, volatile members fixed, or a template of names.
        case redact
        /// Written by this program: the canary.
        case add
    }

    /// A secret that was taken out of a file.
    public struct Redaction: Sendable, Codable, Hashable {
        public var rule: String
        /// 8 hexadecimal digits; equal for equal secrets of one instance.
        public var fingerprint: String
        /// `line:column` of its first place, or the key path in config.yaml, or `name` for the file's name.
        public var place: String
        public var count: Int
        /// The variable that stands for it in config.yaml.
        public var variable: String?

        enum CodingKeys: String, CodingKey {
            case rule, fingerprint
            case place = "where"
            case count, variable
        }
    }

    /// A file or symlink of the tree.
    public struct Entry: Sendable, Equatable {
        /// Where it stands in the tree.
        public var path: [UInt8]
        /// Where it stood in the home, when that is another place; nil too when its name held a secret.
        public var original: [UInt8]?
        public var kind: Kind
        /// Permission bits in the home, `mode & 0o7777`.
        public var mode: UInt32
        /// Of the stored bytes; of a symlink, its text.
        public var size: Int64
        /// SHA-256 of the stored bytes in hexadecimal; of a symlink's text.
        public var sha256: String
        public var target: [UInt8]?
        public var action: Treatment
        /// The policy's rule.
        public var rule: String
        public var redactions: [Redaction]
    }

    /// A path of the home that is not in the tree.
    public struct Exclusion: Sendable, Equatable {
        /// With a marker in place of a secret in the name.
        public var path: [UInt8]
        public var rule: String
        public var reason: String
        /// The detectors that hit, when that is why.
        public var findings: [Redaction]
    }

    /// A FIFO, socket or device.
    public struct Irregular: Sendable, Equatable {
        public var path: [UInt8]
        public var kind: FileStatus.Kind
    }

    /// A rule of the policy that left something out unlisted, because it is volatile or regenerated.
    public struct Skipped: Sendable, Codable, Hashable {
        public var rule: String
        public var reason: String
    }

    /// What a person has to provide after a restore.
    public struct Needed: Sendable, Codable, Equatable {
        public enum Kind: String, Sendable, Codable {
            /// A variable of a dotenv file, whose template is in the tree.
            case environment
            /// A variable that stands for a value in config.yaml; it belongs in the dotenv file beside it.
            case configuration
            /// A credential file that is only in the encrypted bundle.
            case file
        }

        public var kind: Kind
        /// The variable's name, or the file's path.
        public var name: String
        /// The file it belongs in.
        public var file: String
        /// The key path in config.yaml.
        public var location: String?
    }

    /// Cron jobs of one jobs.json.
    public struct CronJobs: Sendable, Codable, Equatable {
        public var file: String
        public var ids: [String]
    }

    /// Entries of one memory file.
    public struct Memories: Sendable, Codable, Equatable {
        public var file: String
        public var entries: Int
    }

    /// What a restore drill counts again.
    public struct Counts: Sendable, Codable, Equatable {
        public var cronJobs: [CronJobs] = []
        /// SKILL.md files in the tree.
        public var skills = 0
        public var memories: [Memories] = []
    }

    public struct Totals: Sendable, Codable, Equatable {
        public var files = 0
        public var bytes: Int64 = 0
        public var redactedFiles = 0
        public var redactions = 0
        public var excluded = 0
    }

    public var formatVersion = Manifest.currentFormat
    public var instance: String
    /// SHA-256 of the policy and its rules.
    public var policy: String
    /// Sorted by path bytes. The manifest itself is not among them.
    public var entries: [Entry]
    public var excluded: [Exclusion]
    public var irregular: [Irregular]
    public var skipped: [Skipped]
    public var secretsToProvide: [Needed]
    public var counts: Counts
    public var totals: Totals
}

extension Base64 {
    static func encoded(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for digit in 0..<4 {
                out.append(digit <= group.count ? digits[Int(bits >> UInt32(18 - 6 * digit)) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
