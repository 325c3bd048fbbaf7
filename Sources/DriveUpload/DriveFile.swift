internal import Stores
internal import Support

/// A file's metadata as Drive gives it.
struct DriveFile: Sendable {
    /// What is asked for of a file; Drive gives only id, kind, name and type otherwise.
    static let fields = "id,name,size,md5Checksum,sha256Checksum,parents,appProperties,trashed"

    var id: String
    var name: String
    var size: Int64?
    var checksums: Checksums
    var parents: [String]
    var properties: [String: String]
    var isTrashed: Bool

    init?(_ document: JSONDocument) {
        guard let id = document["id"]?.text, Self.isID(id) else { return nil }
        self.id = id
        name = document["name"]?.text ?? ""
        size = document["size"]?.integer
        checksums = Checksums(md5: document["md5Checksum"]?.text, sha256: document["sha256Checksum"]?.text)
        parents = document["parents"]?.elements?.compactMap(\.text) ?? []
        properties = [:]
        for member in document["appProperties"]?.members ?? [] { properties[member.name] = member.value.text }
        isTrashed = document["trashed"]?.boolean ?? false
    }

    /// Drive's ids are letters, digits, `-` and `_`; anything else never goes into a URL.
    static func isID(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 95
            }
    }

    /// The item; nil if this program did not put the file there.
    var item: StoredItem? {
        guard let properties = DriveProperties.bundle(properties), let size, size >= 0, !isTrashed else { return nil }
        return StoredItem(id: id, name: name, size: size, checksums: checksums, properties: properties)
    }
}

/// A bundle's properties as Drive keeps them: `appProperties`, private to the OAuth client, at most 124 bytes each.
enum DriveProperties {
    static let tag = (key: "hermesOps", bundle: "bundle", folder: "folder")

    static func encode(_ properties: BundleProperties) -> JSONDocument {
        var members: [JSONDocument.Member] = [
            .init(tag.key, .string(tag.bundle)), .init("instance", .string(properties.instance)),
            .init("created", .string(properties.created.description)), .init("size", .string(String(properties.size))),
            .init("sha256", .string(properties.sha256)), .init("md5", .string(properties.md5)),
        ]
        if let run = properties.run { members.append(.init("run", .string(run))) }
        return .object(members)
    }

    static func bundle(_ properties: [String: String]) -> BundleProperties? {
        guard properties[tag.key] == tag.bundle, let instance = properties["instance"],
            let created = properties["created"].flatMap({ Timestamp($0) }),
            let size = properties["size"].flatMap({ Int64($0) }),
            let sha256 = properties["sha256"], let md5 = properties["md5"]
        else { return nil }
        return BundleProperties(
            instance: instance, run: properties["run"], created: created, size: size, sha256: sha256, md5: md5)
    }
}

/// Search terms of files.list.
enum DriveQuery {
    static func literal(_ text: String) -> String {
        let escaped = text.map { $0 == "\\" || $0 == "'" ? "\\\($0)" : String($0) }.joined()
        return "'\(escaped)'"
    }

    static func has(_ key: String, _ value: String) -> String {
        "appProperties has { key=\(literal(key)) and value=\(literal(value)) }"
    }

    /// Drive says that a search's answer is not all.
    static func incomplete(_ subject: String) -> OperatorError {
        OperatorError(
            "incomplete-list", doing: "listing", subject: subject,
            reason: "Drive says that its list may lack something",
            advice: "run again later", exit: .unavailable, isTemporary: true)
    }
}
