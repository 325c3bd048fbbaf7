internal import Foundation
internal import Support

extension Manifest {
    /// The largest manifest that is read, in bytes.
    public static let largest = 256 << 20

    /// The manifest as JSON, UTF-8.
    public func json() -> [UInt8] { ManifestWriter.json(self) }

    /// Reads a manifest, as a restore finds it: it may be damaged, hostile, or from a newer version.
    ///
    /// - Throws: `OperatorError` (exit 65) when it is not a manifest of a known version, is larger than ``largest``, or names a path that
    ///   is absolute, empty, has `..`, or stands twice.
    public init(json: [UInt8]) throws {
        func damaged(_ reason: String, advice: String? = nil) -> OperatorError {
            OperatorError(
                "manifest", doing: "reading the manifest", subject: Manifest.fileName, reason: reason, advice: advice,
                exit: .damagedInput)
        }
        struct Version: Decodable { var formatVersion: Int }
        guard json.count <= Manifest.largest else { throw damaged("it is larger than \(Manifest.largest) bytes") }
        let data = Data(json)
        guard let version = try? JSONDecoder().decode(Version.self, from: data).formatVersion else {
            throw damaged("it is not a manifest")
        }
        guard version <= Manifest.currentFormat else {
            throw damaged(
                "it has format version \(version), and this program knows up to \(Manifest.currentFormat)",
                advice: "install a newer hermes-ops-runner")
        }
        guard version >= 1 else { throw damaged("its format version is \(version)") }
        do {
            self = try JSONDecoder().decode(Manifest.self, from: data)
        } catch let error as DecodingError {
            throw damaged(Manifest.explain(error))
        }
        for (index, entry) in entries.enumerated() {
            guard Manifest.isSafe(entry.path) else {
                throw damaged("it names an unsafe path: \(printable(entry.path, limit: 200))")
            }
            if index > 0, !entries[index - 1].path.lexicographicallyPrecedes(entry.path) {
                throw damaged("its entries are not in order: \(printable(entry.path, limit: 200))")
            }
            guard (entry.kind == .symlink) == (entry.target != nil) else {
                throw damaged("an entry is neither a file nor a symlink: \(printable(entry.path, limit: 200))")
            }
        }
    }

    private static func isSafe(_ path: [UInt8]) -> Bool {
        guard !path.isEmpty, path.first != UInt8(ascii: "/"), !path.contains(0), path.count <= 4096 else {
            return false
        }
        return path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
        }
    }

    private static func explain(_ error: DecodingError) -> String {
        let context: DecodingError.Context? =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
                .dataCorrupted(let context):
                context
            @unknown default: nil
            }
        let place = context?.codingPath.map { $0.intValue.map(String.init) ?? printable($0.stringValue, limit: 40) }
            .joined(separator: ".")
        return "it is damaged at \(place.flatMap { $0.isEmpty ? nil : $0 } ?? "its start")"
    }
}
