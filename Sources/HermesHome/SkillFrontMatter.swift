internal import Glibc
internal import Support
internal import SystemPackage
internal import Yams

/// What SKILL.md says about itself above its text, as far as listing needs it.
struct SkillFrontMatter {
    enum Name: Equatable {
        case absent
        case text(String)
        /// A number, a list: Hermes trips over it and passes the skill over.
        case other
    }

    var name = Name.absent
    var platforms: [String] = []
    var environments: [String] = []

    /// Parses the first 4,000 characters, as Hermes does; nil when they are not UTF-8.
    init?(_ text: [UInt8]) {
        guard let whole = String(validating: text, as: UTF8.self) else { return nil }
        let scalars = whole.unicodeScalars
        let end = scalars.index(scalars.startIndex, offsetBy: 4000, limitedBy: scalars.endIndex) ?? scalars.endIndex
        let start = scalars.first == "\u{FEFF}" ? scalars.index(after: scalars.startIndex) : scalars.startIndex
        guard let yaml = Self.fenced(String(scalars[start..<end])) else { return }
        guard ForeignYAML.isBounded(Array(yaml.utf8)), let node = try? compose(yaml: yaml) else {
            // Hermes' fallback for malformed YAML: `key: value` lines. An empty document has nothing in either reading.
            readLines(yaml)
            return
        }
        guard node.mapping != nil else { return }
        if let value = node["name"] {
            // Never by Yams' own values: what stands behind an alias would be put together, and numbers may overflow.
            let isText = value.scalar.map { _ in !Self.otherTags.contains(value.tag.rawValue) } ?? false
            name = isText ? .text(value.scalar?.string ?? "") : .other
        }
        platforms = Self.list(node["platforms"])
        environments = Self.list(node["environments"])
    }

    /// What a scalar may be besides text.
    private static let otherTags = Set(
        [Tag.Name.null, .bool, .int, .float, .timestamp, .binary].map(\.rawValue))

    private mutating func readLines(_ yaml: String) {
        for line in yaml.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let value = parts[1].filter { !$0.isNewline }.drop { $0.isWhitespace }
            let text = String(value.reversed().drop { $0.isWhitespace }.reversed())
            switch parts[0].filter({ !$0.isWhitespace }) {
            case "name": name = .text(text)
            case "platforms": platforms = text.isEmpty ? [] : [text]
            case "environments": environments = text.isEmpty ? [] : [text]
            default: break
            }
        }
    }

    /// The text between `---` at the very start and a line that begins with `---` and holds nothing else but space.
    private static func fenced(_ content: String) -> String? {
        guard content.hasPrefix("---") else { return nil }
        let bytes = Array(content.utf8)
        var index = 3
        while let newline = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[(newline + 1)...].prefix { $0 != UInt8(ascii: "\n") }
            let isFence =
                line.starts(with: Array("---".utf8))
                && line.dropFirst(3).allSatisfy { [9, 11, 12, 13, 32].contains($0) }
            if isFence, line.endIndex < bytes.endIndex { return String(decoding: bytes[3..<newline], as: UTF8.self) }
            index = newline + 1
        }
        return nil
    }

    private static func list(_ node: Node?) -> [String] {
        guard let node, node.null == nil else { return [] }
        return node.sequence.map { $0.compactMap { $0.scalar?.string } } ?? node.scalar.map {
            $0.string.isEmpty ? [] : [$0.string]
        } ?? []
    }
}

/// Where the skills would run: Hermes lists a skill only where its `platforms` and `environments` fit.
struct SkillEnvironment {
    var usesKanban: Bool

    func shows(_ matter: SkillFrontMatter) -> Bool {
        let platforms = matter.platforms.map { $0.lowercased().filter { !$0.isWhitespace } }
        guard platforms.isEmpty || platforms.contains(where: { "linux".hasPrefix($0) }) else { return false }
        let environments = matter.environments.map { $0.lowercased().filter { !$0.isWhitespace } }.filter {
            !$0.isEmpty
        }
        guard !matter.environments.isEmpty else { return true }
        return environments.contains { name in
            switch name {
            case "kanban": usesKanban
            case "docker": Self.isContainer
            case "s6": Self.exists("/run/s6") || Self.exists("/package/admin/s6-overlay")
            default: true
            }
        }
    }

    private static func exists(_ path: FilePath) -> Bool { ((try? HomeFile.status(path)) ?? nil) != nil }

    /// As `hermes_constants.is_container` finds out.
    private static let isContainer: Bool = {
        if exists("/.dockerenv") || exists("/run/.containerenv") || getenv("KUBERNETES_SERVICE_HOST") != nil {
            return true
        }
        func mentions(_ path: FilePath, _ words: [String]) -> Bool {
            guard let text = try? FileSystem.read(path, limit: 1 << 20) else { return false }
            let content = String(decoding: text, as: UTF8.self)
            return words.contains { content.contains($0) }
        }
        let words = ["docker", "podman", "/lxc/", "kubepods", "containerd", "crio"]
        return mentions("/proc/1/cgroup", words)
            || mentions("/proc/self/mountinfo", ["kubepods", "containerd", "crio"])
    }()
}
