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

        init(content: [UInt8]) {
            self.content = content
            id = content.withUnsafeBytes { ObjectID(of: $0, type: "tree") }
        }
    }

    /// Visits every tree from the leaves up, the root last; none for no files.
    ///
    /// Paths in the order of their bytes come in the order that git wants within each tree, where a folder stands as if its name ended
    /// with `/`. Throws for a path that names both a file and a folder, or that comes twice.
    ///
    /// - Returns: the root's id.
    @discardableResult
    static func build(_ listing: FileListing, _ visit: (Object) throws -> Void) throws -> ObjectID? {
        guard !listing.isEmpty else { return nil }
        /// The folders on the way to the last file, from the root on: how long their paths are, slash included, and what is in them.
        var open: [(length: Int, content: [UInt8])] = [(0, [])]
        var folder: [UInt8] = []
        func close() throws {
            let (length, content) = open.removeLast()
            let object = Object(content: content)
            try visit(object)
            let start = open[open.count - 1].length
            append(Entry.treeMode, folder[start..<(length - 1)], object.id, to: &open[open.count - 1].content)
            folder.removeLast(length - start)
        }
        for index in listing.indices {
            let path = listing.paths[index]
            while !path.starts(with: folder) { try close() }
            var rest = path.dropFirst(folder.count)
            while let slash = rest.firstIndex(of: UInt8(ascii: "/")) {
                if listing.paths.index(of: path[..<slash]) != nil { throw conflict(path[..<slash]) }
                folder += rest[...slash]
                open.append((folder.count, []))
                rest = rest[(slash + 1)...]
            }
            if index > 0, listing.paths[index - 1] == path { throw conflict(path) }
            append(listing[index].kind.mode, rest, listing[index].blob, to: &open[open.count - 1].content)
        }
        while open.count > 1 { try close() }
        let root = Object(content: open[0].content)
        try visit(root)
        return root.id
    }

    private static func append(_ mode: UInt32, _ name: ArraySlice<UInt8>, _ id: ObjectID, to content: inout [UInt8]) {
        content += Array(String(mode, radix: 8).utf8)
        content.append(UInt8(ascii: " "))
        content += name
        content.append(0)
        content += id.bytes
    }

    /// One tree object. Git sorts names as bytes, a folder's as if it ended with `/` (gitformat-tree is silent; see git's
    /// base_name_compare).
    static func serialise(_ entries: [Entry]) -> Object {
        func key(_ entry: Entry) -> [UInt8] { entry.isTree ? entry.name + [UInt8(ascii: "/")] : entry.name }
        let sorted = entries.map { (key($0), $0) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        var content: [UInt8] = []
        for (_, entry) in sorted { append(entry.mode, entry.name[...], entry.id, to: &content) }
        return Object(content: content)
    }

    private static func conflict(_ path: ArraySlice<UInt8>) -> OperatorError {
        OperatorError(
            "git.path", doing: "building the tree with", subject: printable(Array(path)),
            reason: "it comes twice, or is both a file and a folder")
    }
}
