internal import FoundationEssentials
internal import Support
internal import SystemPackage

/// `NAME.json` beside a bundle in a folder: what the bundle is, and what its stored bytes were when they were read back.
///
///     {"format":"hermes-ops-bundle","version":1,"instance":"bheem","run":"…","created":"2026-11-22T03:15:00Z",
///      "size":1234,"sha256":"…","md5":"…"}
struct BundleRecord: Codable {
    private static let format = "hermes-ops-bundle"
    private static let suffix = ".json"

    var format = BundleRecord.format
    var version = 1
    var instance: String
    var run: String?
    var created: Timestamp
    var size: Int64
    var sha256: String
    var md5: String

    init(_ properties: BundleProperties) {
        instance = properties.instance
        run = properties.run
        created = properties.created
        size = properties.size
        sha256 = properties.sha256
        md5 = properties.md5
    }

    var properties: BundleProperties {
        BundleProperties(instance: instance, run: run, created: created, size: size, sha256: sha256, md5: md5)
    }

    /// The record is written only for bytes that were read back and found equal.
    var stored: Checksums { properties.checksums }

    static func fileName(of bundle: String) -> String { bundle + suffix }

    static func bundleName(of file: String) -> String? {
        file.hasSuffix(suffix) ? String(file.dropLast(suffix.count)) : nil
    }

    /// The record of a bundle; nil if there is none, or it is another program's file. A record that is damaged, as one of an age file
    /// is that is no JSON, or of a newer version is an error: what it belongs to must not be overlooked.
    static func read(of bundle: String, in folder: FilePath) throws -> BundleRecord? {
        let path = folder.appending(fileName(of: bundle))
        guard let status = try FileStatus.ifThere(at: path), status.kind == .file else { return nil }
        struct Head: Decodable {
            var format: String?
            var version: Int?
        }
        let limit = 64 << 10
        let bytes = status.size <= limit ? try FileSystem.read(path, limit: limit, followingLinks: false) : []
        guard let head = try? JSONDecoder().decode(Head.self, from: Data(bytes)) else {
            guard bundle.hasSuffix(".age") else { return nil }
            throw damaged(path, "it is not JSON as this program writes it")
        }
        guard head.format == format else { return nil }
        guard head.version == 1 else {
            throw OperatorError(
                "newer-record", doing: "reading the record", subject: path.printable,
                reason: "it is of a newer version than this program knows",
                advice: "use a newer version of this program",
                exit: .damagedInput)
        }
        guard let record = try? JSONDecoder().decode(BundleRecord.self, from: Data(bytes)) else {
            throw damaged(path, "a member is missing or has the wrong type")
        }
        return record
    }

    func write(for bundle: String, in folder: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = try Array(encoder.encode(self)) + [UInt8(ascii: "\n")]
        try FileSystem.replace(folder.appending(Self.fileName(of: bundle)), with: bytes)
    }

    private static func damaged(_ path: FilePath, _ reason: String) -> OperatorError {
        OperatorError(
            "damaged-record", doing: "reading the record", subject: path.printable, reason: reason,
            advice: "move the file away, and the bundle beside it, which `hermes-ops-runner bundle verify` can look at",
            exit: .damagedInput)
    }
}
