internal import EmbeddedData
internal import Support
internal import Yams

/// What happens to a path.
public enum PolicyAction: String, Sendable, Codable, CaseIterable {
    /// Stored; a secret found in it is redacted all the same.
    case keep
    /// Stored, with secrets expected in it.
    case redact
    /// Not stored, listed in the manifest: secret or private.
    case exclude
    /// Not stored, not listed: volatile or regenerable.
    case skip
}

/// A rule of the instance's own configuration, laid over the built-in policy.
public struct PolicyRule: Sendable, Hashable {
    /// A gitignore-like pattern over the home's path bytes (docs/formats.md, "Policy").
    public var path: String
    public var action: PolicyAction
    public var reason: String
    /// Where the rule is written, for `explain`: `config.yaml:42`.
    public var origin: String

    public init(path: String, action: PolicyAction, reason: String, origin: String) {
        self.path = path
        self.action = action
        self.reason = reason
        self.origin = origin
    }
}

/// What the policy says about one path.
public struct PolicyDecision: Sendable, Hashable {
    /// Nil when no rule names the path: it is kept only if it is small text that scans clean.
    public var action: PolicyAction?
    /// The rule's id, `unclassified` when there is none.
    public var rule: String
    public var reason: String
    /// Where the rule is written.
    public var origin: String

    var form: PolicyForm = .plain
    var harvest: HarvestMode = .none
    var prune = false

    /// Whether a rule of the instance's own made it.
    var isOwn: Bool { rule.hasPrefix(PolicyDecision.ownPrefix) }
    fileprivate static let ownPrefix = "config-"

    /// Stored with variables in the place of its secrets, as config.yaml is.
    public var isConfiguration: Bool { form == .config }
    /// Stored as a template of names.
    public var isDotenv: Bool { form == .dotenv }

    static let unclassified = PolicyDecision(
        action: nil, rule: "unclassified", reason: "no rule names it: kept only when it is small text without a secret",
        origin: "default of the policy")
}

/// How a stored file is rewritten beyond redaction in place.
enum PolicyForm: Sendable, Hashable {
    case plain, config, dotenv
    /// JSON members, as key paths with `*` for one step, that change by themselves: set to null, and to 0.
    case volatile(null: [[String]], zero: [[String]])
}

/// What is learnt from a file for the search in all others.
enum HarvestMode: String, Sendable {
    case none, keys, all
}

/// The policy: an answer for every path of a home.
public struct Policy: Sendable {
    private struct Rule: Sendable {
        let globs: [Glob]
        let decision: PolicyDecision
    }

    /// SHA-256 of everything that decides, in hexadecimal; stands in the manifest.
    public let hash: String
    /// False in `--policy content`: no path rules, no harvest, each file stands alone.
    public let hasPathRules: Bool
    private let builtIn: [Rule]
    private let index: RuleIndex
    private let own: [Rule]

    /// The built-in policy for a Hermes home, then the given rules; the last match decides.
    ///
    /// - Throws: `OperatorError` (exit 78) for a rule whose pattern is empty or has an unclosed set.
    public static func hermes(rules: [PolicyRule] = []) throws -> Policy {
        guard let file = hx_embedded_file("policy/hermes.yaml") else {
            fatalError("the built-in policy is not embedded")
        }
        let text = [UInt8](UnsafeBufferPointer(start: file.pointee.bytes, count: file.pointee.size))
        return try Policy(builtIn: text, rules: rules)
    }

    /// No path rules: every file is kept and redacted by what it holds.
    public static let content = Policy()

    private init() {
        hash = hex(Digest.of(Array("content".utf8), .sha256))
        hasPathRules = false
        builtIn = []
        index = RuleIndex([])
        own = []
    }

    init(builtIn text: [UInt8], rules: [PolicyRule]) throws {
        let data = try YAMLDecoder().decode(PolicyFile.self, from: String(decoding: text, as: UTF8.self))
        builtIn = try data.rules.map { rule in
            let globs = try rule.path.map { try Policy.glob($0, origin: "built-in policy, rule \(rule.id)") }
            return Rule(globs: globs, decision: try rule.decision())
        }
        index = RuleIndex(builtIn.map(\.globs))
        own = try rules.enumerated().map { index, rule in
            Rule(
                globs: [try Policy.glob(rule.path, origin: rule.origin)],
                decision: PolicyDecision(
                    action: rule.action, rule: PolicyDecision.ownPrefix + String(index + 1), reason: rule.reason,
                    origin: rule.origin))
        }
        hasPathRules = true
        var digest = Digest(.sha256)
        digest.update(text)
        for rule in rules { digest.update(Array("\0\(rule.path)\0\(rule.action.rawValue)\0\(rule.reason)".utf8)) }
        hash = hex(digest.finish())
    }

    private static func glob(_ pattern: String, origin: String) throws -> Glob {
        guard let glob = Glob(pattern) else {
            throw OperatorError(
                "policy", doing: "reading the sanitizer's rules", subject: origin,
                reason: "\"\(printable(pattern))\" is not a pattern",
                advice: "write a path below the home, with * ? ** or [a-z]; a [ needs its ]", exit: .configuration)
        }
        return glob
    }

    /// What the policy says about a path relative to the home.
    public func decision(for path: [UInt8]) -> PolicyDecision {
        guard hasPathRules else {
            return PolicyDecision(
                action: .keep, rule: "content", reason: "kept, redacted by what it holds", origin: "--policy content")
        }
        // As in gitignore, a rule about a folder holds for what is in it.
        if !own.isEmpty {
            let ends = path.indices.filter { path[$0] == UInt8(ascii: "/") } + [path.endIndex]
            if let rule = own.last(where: { rule in
                ends.contains { end in rule.globs.contains { $0.matches(path[..<end]) } }
            }) {
                // What happens to the file is the instance's to say; what it holds, and how it is written, it does not change: secrets
                // that are left out here are looked for elsewhere all the same.
                var decision = builtInDecision(for: path)
                decision.action = rule.decision.action
                decision.rule = rule.decision.rule
                decision.reason = rule.decision.reason
                decision.origin = rule.decision.origin
                return decision
            }
        }
        return builtInDecision(for: path)
    }

    private func builtInDecision(for path: [UInt8]) -> PolicyDecision {
        index.last(for: Policy.withinProfile(path[...])).map { builtIn[$0].decision } ?? .unclassified
    }

    /// The decision that holds for a folder and everything in it: nothing there is stored or listed.
    public func pruning(_ folder: [UInt8]) -> PolicyDecision? {
        guard hasPathRules else { return nil }
        // The instance's own rules come after the built-in ones: the last that is about the whole folder decides, unless a later one is
        // about something in it.
        let covering = own.lastIndex { Policy.covers($0, folder) }
        let later = own[(covering.map { $0 + 1 } ?? 0)...]
        if later.contains(where: { Policy.mayMatchBelow($0, folder) }) { return nil }
        if let decision = covering.map({ own[$0].decision }) { return decision.action == .skip ? decision : nil }
        return builtInPruning(folder)
    }

    /// Whether files in a folder that nothing is stored of may hold secrets to look for in others: the instance may leave out what
    /// it likes, the built-in policy leaves out whole only folders without any.
    func mayHarvest(below folder: [UInt8]) -> Bool { hasPathRules && builtInPruning(folder) == nil }

    /// Whether the built-in policy has something in a folder harvested by its place: so a symlink to a folder is followed there, and a
    /// folder that is closed to this user is an error.
    func harvests(below folder: [UInt8]) -> Bool {
        guard hasPathRules else { return false }
        let slash = UInt8(ascii: "/")
        if builtInDecision(for: folder + [slash, 1]).harvest != .none { return true }
        let inner = Array(Policy.withinProfile(folder[...]))
        // A profile has what a home has.
        if inner + [slash] == Policy.profiles { return true }
        if inner.starts(with: Policy.profiles), !inner.dropFirst(Policy.profiles.count).contains(slash) { return true }
        let inside = inner + [slash]
        return builtIn.contains { rule in
            rule.decision.harvest != .none && rule.globs.contains { $0.literalPrefix?.starts(with: inside) == true }
        }
    }

    private func builtInPruning(_ folder: [UInt8]) -> PolicyDecision? {
        let inner = Policy.withinProfile(folder[...])
        guard let index = builtIn.lastIndex(where: { $0.globs.contains { $0.coversAll(below: inner) } }),
            builtIn[index].decision.prune
        else { return nil }
        // A later rule that is anchored inside the folder has something to say there.
        let inside = inner + [UInt8(ascii: "/")]
        let isNeeded = builtIn[(index + 1)...].contains { rule in
            rule.globs.contains { $0.literalPrefix?.starts(with: inside) == true }
        }
        return isNeeded ? nil : builtIn[index].decision
    }

    /// Whether a rule of the instance is about all of a folder: it names the folder, one that holds it, or whatever lies in it.
    private static func covers(_ rule: Rule, _ folder: [UInt8]) -> Bool {
        let ends = folder.indices.filter { folder[$0] == UInt8(ascii: "/") }
        return rule.globs.contains { glob in
            glob.coversAll(below: folder[...]) || ends.contains { glob.matches(folder[..<$0]) }
        }
    }

    /// Whether a rule may have something in a folder stored or listed. A name at any depth is looked for everywhere when it is to be
    /// stored, and not in folders that are passed over when it is only to be listed.
    private static func mayMatchBelow(_ rule: Rule, _ folder: [UInt8]) -> Bool {
        guard rule.decision.action != .skip else { return false }
        return rule.globs.contains { glob in
            guard let prefix = glob.literalPrefix else { return rule.decision.action != .exclude }
            return prefix.starts(with: folder + [UInt8(ascii: "/")]) || folder.starts(with: prefix)
        }
    }

    private static let profiles = Array("profiles/".utf8)

    /// The path within the innermost profile's home.
    static func withinProfile(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let folder = profiles
        var path = path
        while path.starts(with: folder) {
            let name = path.dropFirst(folder.count)
            guard let slash = name.firstIndex(of: UInt8(ascii: "/")), slash > name.startIndex else { break }
            path = path[(slash + 1)...]
        }
        return path
    }
}

/// The policy's file.
private struct PolicyFile: Decodable {
    struct Rule: Decodable {
        var id: String
        var path: [String]
        var action: PolicyAction
        var reason: String
        var form: String?
        var harvest: String?
        var prune: Bool?
        var null: [String]?
        var zero: [String]?

        func decision() throws -> PolicyDecision {
            var decision = PolicyDecision(
                action: action, rule: id, reason: reason, origin: "built-in policy, rule \(id)")
            func steps(_ paths: [String]?) -> [[String]] {
                (paths ?? []).map { $0.split(separator: ".").map(String.init) }
            }
            switch form {
            case nil: break
            case "config": decision.form = .config
            case "dotenv": decision.form = .dotenv
            case "volatile": decision.form = .volatile(null: steps(null), zero: steps(zero))
            case .some(let other):
                throw OperatorError(
                    "policy", doing: "reading the built-in policy", subject: id, reason: "unknown form \(other)")
            }
            guard let mode = HarvestMode(rawValue: harvest ?? "none") else {
                throw OperatorError(
                    "policy", doing: "reading the built-in policy", subject: id, reason: "unknown harvest")
            }
            decision.harvest = mode
            decision.prune = prune ?? false
            return decision
        }
    }

    var version: Int
    var rules: [Rule]
}
