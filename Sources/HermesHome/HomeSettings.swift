internal import Support
internal import SystemPackage
internal import Yams

/// The settings in config.yaml that say how safe a home is, and what its other readers need.
public struct HomeSettings: Sendable, Hashable {
    public enum Approvals: String, Sendable {
        case manual, smart, off, unknown
    }

    /// `_config_version`; 33 in Hermes Agent 0.19.0.
    public var version: Int64?
    /// `security.redact_secrets`; on unless switched off.
    public var redactsSecrets = true
    /// `privacy.redact_pii`; off unless switched on.
    public var redactsPersonalData = false
    /// `approvals.mode`; `smart` unless set.
    public var approvals = Approvals.smart
    /// `skills.disabled`.
    public var disabledSkills: Set<String> = []
    /// `skills.external_dirs`, as written.
    public var externalSkillFolders: [String] = []
    /// `toolsets` holds `kanban`.
    public var usesKanban = false

    /// The settings of a home without config.yaml: Hermes' defaults.
    public init() {}

    /// Reads config.yaml; without one Hermes' defaults hold.
    public static func read(_ home: HomeLayout) throws(HomeFailure) -> HomeSettings {
        guard let text = try HomeFile.read(home.config, limit: 8 << 20) else { return HomeSettings() }
        return try HomeSettings(parsing: text)
    }

    /// Parses the text of a config.yaml. Hermes itself falls back to its defaults for one that it cannot parse; here that is a failure,
    /// because nobody meant it.
    public init(parsing text: [UInt8]) throws(HomeFailure) {
        guard let yaml = String(validating: text, as: UTF8.self) else {
            throw HomeFailure(.badOutput, "config.yaml is not UTF-8")
        }
        guard ForeignYAML.isBounded(text) else {
            throw HomeFailure(.badOutput, "config.yaml stands for too much: its aliases refer to one another")
        }
        let root: Node?
        do {
            root = try compose(yaml: yaml)
        } catch {
            // The parser's own message quotes the line, and with it perhaps a key.
            throw HomeFailure(.badOutput, "config.yaml is not valid YAML")
        }
        guard let root, root.null == nil else { return }
        guard root.mapping != nil else { throw HomeFailure(.badOutput, "config.yaml is not a mapping") }
        // Never by Yams' own numbers: those in base 60 (`1:0:0:…`) overflow and end the process.
        version = root["_config_version"]?.string.flatMap { Int64($0) }
        if let flag = Self.flag(root["security"]?["redact_secrets"]) { redactsSecrets = flag }
        if let flag = Self.flag(root["privacy"]?["redact_pii"]) { redactsPersonalData = flag }
        if let mode = root["approvals"]?["mode"], mode.null == nil {
            // A bare `off` is a boolean in YAML 1.1.
            approvals = mode.string.flatMap(Approvals.init(rawValue:)) ?? (mode.bool == false ? .off : .unknown)
        }
        let skills = root["skills"]
        disabledSkills = Set(Self.strings(skills?["disabled"]))
        externalSkillFolders = Self.strings(skills?["external_dirs"])
        usesKanban = Self.strings(root["toolsets"]).contains("kanban")
    }

    /// A boolean as Hermes reads one: YAML's, or the words in quotes.
    private static func flag(_ node: Node?) -> Bool? {
        guard let node, node.null == nil else { return nil }
        if let flag = node.bool { return flag }
        return switch node.string?.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    private static func strings(_ node: Node?) -> [String] {
        let values = node?.sequence.map { $0.compactMap(\.string) } ?? node?.string.map { [$0] } ?? []
        return values.map { String($0.drop { $0.isWhitespace }) }.filter { !$0.isEmpty }
    }
}
