internal import Support

/// Builds git's tree objects from a flat list of files.
struct TreeObjects {
    struct Entry {
        var mode: UInt32
        var name: [UInt8]
        var id: ObjectID

        static let treeMode: UInt32 = 0o040000
        var isTree: Bool { mode == Self.treeMode }
    }

    /// A tree's id and content.
    struct Object {
        var id: ObjectID
        var content: [UInt8]
    }

    private final class Node {
        var files: [Entry] = []
        var folders: [[UInt8]: Node] = [:]
    }

    /// Every tree from the leaves up, the root last; nothing for no files.
    ///
    /// Throws for a path that names both a file and a folder, or that comes twice.
    static func build(_ entries: [BackupEntry]) throws -> [Object] {
        guard !entries.isEmpty else { return [] }
        let root = Node()
        for entry in entries {
            let parts = entry.path.split(separator: UInt8(ascii: "/")).map(Array.init)
            var node = root
            for part in parts.dropLast() {
                if let next = node.folders[part] {
                    node = next
                } else {
                    let next = Node()
                    node.folders[part] = next
                    node = next
                }
            }
            guard let name = parts.last else { throw conflict(entry.path, "it is empty") }
            node.files.append(Entry(mode: entry.kind.mode, name: name, id: entry.blob))
        }
        var objects: [Object] = []
        _ = try serialise(root, [], &objects)
        return objects
    }

    private static func serialise(_ node: Node, _ path: [UInt8], _ objects: inout [Object]) throws -> ObjectID {
        var entries = node.files
        var names = Set<[UInt8]>()
        for file in node.files {
            guard names.insert(file.name).inserted, node.folders[file.name] == nil else {
                throw conflict(path + file.name, "it comes twice, or is both a file and a folder")
            }
        }
        for (name, folder) in node.folders {
            let id = try serialise(folder, path + name + [UInt8(ascii: "/")], &objects)
            entries.append(Entry(mode: Entry.treeMode, name: name, id: id))
        }
        let object = serialise(entries)
        objects.append(object)
        return object.id
    }

    /// One tree object. Git sorts names as bytes, a folder's as if it ended with `/` (gitformat-tree is silent; see git's
    /// base_name_compare).
    static func serialise(_ entries: [Entry]) -> Object {
        func key(_ entry: Entry) -> [UInt8] { entry.isTree ? entry.name + [UInt8(ascii: "/")] : entry.name }
        let sorted = entries.map { (key($0), $0) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        var content: [UInt8] = []
        for (_, entry) in sorted {
            content += Array(String(entry.mode, radix: 8).utf8)
            content.append(UInt8(ascii: " "))
            content += entry.name
            content.append(0)
            content += entry.id.bytes
        }
        return Object(id: content.withUnsafeBytes { ObjectID(of: $0, type: "tree") }, content: content)
    }

    private static func conflict(_ path: [UInt8], _ reason: String) -> OperatorError {
        OperatorError("git.path", doing: "building the tree with", subject: printable(path), reason: reason)
    }
}
