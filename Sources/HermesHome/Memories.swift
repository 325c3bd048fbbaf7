public import Support
internal import SystemPackage

/// What Hermes remembers: memories/MEMORY.md about its work, memories/USER.md about its user.
public struct Memories: Sendable, Hashable {
    public struct File: Sendable, Hashable {
        public var entries: Int
        /// Unicode code points, as Hermes counts against its limit.
        public var characters: Int
        public var bytes: Int
        public var modified: Timestamp

        /// The entries of a memory file, trimmed, empty ones left out: what Hermes' memory tool makes of it.
        public static func entries(in text: [UInt8]) -> [String] {
            let separator = Array("\n§\n".utf8)
            var entries: [String] = []
            var start = text.startIndex
            func add(_ range: Range<Int>) {
                let entry = trimmed(String(decoding: text[range], as: UTF8.self))
                if !entry.isEmpty { entries.append(entry) }
            }
            var index = text.startIndex
            while index + separator.count <= text.count {
                if text[index] == separator[0], text[index..<index + separator.count].elementsEqual(separator) {
                    add(start..<index)
                    index += separator.count
                    start = index
                } else {
                    index += 1
                }
            }
            add(start..<text.endIndex)
            return entries
        }

        private static func trimmed(_ text: String) -> String {
            let scalars = text.unicodeScalars
            guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
                let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
            else { return "" }
            return String(scalars[first...last])
        }
    }

    /// MEMORY.md; nil when there is none.
    public var agent: File?
    /// USER.md; nil when there is none.
    public var user: File?

    /// Hermes' limits for the two files, in characters.
    public static let agentLimit = 2200
    public static let userLimit = 1375

    public var entries: Int { (agent?.entries ?? 0) + (user?.entries ?? 0) }
    public var bytes: Int { (agent?.bytes ?? 0) + (user?.bytes ?? 0) }
    public var modified: Timestamp? { [agent?.modified, user?.modified].compactMap(\.self).max() }

    /// Reads both files; a home without them remembers nothing.
    public static func read(_ home: HomeLayout) throws(HomeFailure) -> Memories {
        func file(_ name: String) throws(HomeFailure) -> File? {
            let path = home.memories.appending(name)
            guard let status = try HomeFile.status(path), let text = try HomeFile.read(path, limit: 8 << 20) else {
                return nil
            }
            let entries = File.entries(in: text)
            return File(
                entries: entries.count, characters: String(decoding: text, as: UTF8.self).unicodeScalars.count,
                bytes: text.count,
                modified: Timestamp(nanoseconds: status.modified))
        }
        return Memories(agent: try file("MEMORY.md"), user: try file("USER.md"))
    }
}
