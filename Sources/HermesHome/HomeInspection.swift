internal import Glibc
public import Support
public import SystemPackage

/// What stands at a path that is said to be a HERMES_HOME.
public enum HomeInspection: Sendable, Hashable {
    /// Nothing stands there, or a symlink that leads nowhere.
    case missing
    /// An empty folder.
    case empty
    /// A file, a FIFO, or a folder in which nothing is Hermes Agent's. `found` says what stands there, for people.
    case notAHome(found: String)
    /// It could not be looked at: a folder on the way is closed to this user, or the disk does not answer.
    case unreadable(HomeFailure)
    /// A home, with the names that tell, sorted.
    case home(markers: [String])

    /// Looks at a path. Nothing is written, created or locked; symlinks are followed.
    public init(_ path: FilePath) {
        do {
            self = try Self.inspect(path)
        } catch {
            self = .unreadable(error)
        }
    }

    public var isHome: Bool {
        if case .home = self { true } else { false }
    }

    /// The error that `validate`, `plan` and `run` show, or nil for a home: exit 78 when the configuration names the wrong place.
    public func problem(at path: FilePath) -> OperatorError? {
        func problem(_ type: String, _ reason: String, _ advice: String) -> OperatorError {
            OperatorError(
                type, doing: "looking at the Hermes home", subject: path.printable, reason: reason, advice: advice,
                exit: .configuration)
        }
        return switch self {
        case .home: nil
        case .missing:
            problem(
                "home-missing", "no such folder",
                "set instance.hermesHome to the folder that HERMES_HOME names, or start hermes once so that it makes one"
            )
        case .empty:
            problem(
                "home-empty", "the folder is empty",
                "set instance.hermesHome to the folder that HERMES_HOME names; if a disk should be mounted there, mount it"
            )
        case .notAHome(let found):
            problem(
                "not-a-home", "it is not a Hermes home: \(found)",
                "set instance.hermesHome to the folder that holds config.yaml, state.db and skills/")
        case .unreadable(let failure):
            problem("home-unreadable", failure.detail, "make the folder readable for the user who runs this")
        }
    }

    /// Throws ``problem(at:)`` unless a home stands at the path.
    public static func require(_ path: FilePath) throws {
        if let problem = HomeInspection(path).problem(at: path) { throw problem }
    }

    /// What only Hermes Agent makes: any one of them is enough.
    private static let files = [
        "SOUL.md", "state.db", "kanban.db", "gateway_state.json", "channel_directory.json", "memories/MEMORY.md",
        "memories/USER.md", "cron/jobs.json", "cron/executions.db", "cron/ticker_heartbeat", "skills/.bundled_manifest",
        "skills/.hub/lock.json", "sessions/sessions.json", ".skills_prompt_snapshot.json",
    ]

    /// What Hermes Agent makes and others may make too: two of them are enough.
    private static let commonNames = [
        ".env", "auth.json", "auth.lock", "config.yaml", "cron", "gateway.lock", "hooks", "memories", "pairing",
        "platforms",
        "plugins", "profiles", "sessions", "skills", "state-snapshots",
    ]

    private static func inspect(_ path: FilePath) throws(HomeFailure) -> HomeInspection {
        guard let status = try HomeFile.status(path) else { return .missing }
        guard status.kind == .directory else { return .notAHome(found: "a \(status.kind.rawValue) stands there") }
        let names: [[UInt8]]
        do {
            names = try DirectoryListing.names(at: path)
        } catch {
            throw HomeFailure(.permission, "\(error)")
        }
        if names.isEmpty { return .empty }
        var markers: [String] = []
        for name in files where try HomeFile.status(path.pushing(FilePath(name))) != nil { markers.append(name) }
        var common: [String] = []
        for name in commonNames where names.contains(Array(name.utf8)) { common.append(name) }
        if try configSpeaksHermes(path.appending("config.yaml")) || hasSkill(path.appending("skills"))
            || common.count >= 2
        {
            markers += common
        }
        guard markers.isEmpty else { return .home(markers: markers.sorted()) }
        let shown = names.prefix(4).map { printable($0, limit: 40) }.joined(separator: ", ")
        return .notAHome(found: "it holds \(shown)\(names.count > 4 ? ", and \(names.count - 4) more" : "")")
    }

    /// Top-level keys of Hermes Agent's config.yaml; only non-defaults are saved, so that any one may stand alone.
    private static let configKeys: Set<String> = [
        "_config_version", "agent", "approvals", "auxiliary", "compression", "custom_providers", "delegation",
        "display", "fallback_providers", "gateway", "mcp_servers", "memory", "model", "platforms", "privacy",
        "providers",
        "security", "skills", "telegram", "terminal", "toolsets", "tts", "stt",
    ]

    private static func configSpeaksHermes(_ path: FilePath) throws(HomeFailure) -> Bool {
        guard try HomeFile.status(path)?.kind == .file, let text = try? HomeFile.read(path, limit: 4 << 20) else {
            return false
        }
        // A look at the lines: a broken file of a home is still that home's file.
        return text.split(separator: UInt8(ascii: "\n")).contains { line in
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
            return configKeys.contains(String(decoding: line[..<colon], as: UTF8.self))
        }
    }

    /// A skill at most two folders down, as Hermes lays them out: `skills/NAME/SKILL.md`, `skills/CATEGORY/NAME/SKILL.md`.
    private static func hasSkill(_ folder: FilePath) -> Bool {
        func folders(_ path: FilePath) -> [FilePath] {
            ((try? DirectoryListing.names(at: path)) ?? []).prefix(1000).map {
                path.appending(FilePath.Component(FilePath(bytes: $0)))
            }
        }
        func holdsSkill(_ path: FilePath) -> Bool {
            ((try? HomeFile.status(path.appending("SKILL.md"))) ?? nil)?.kind == .file
        }
        return folders(folder).contains { holdsSkill($0) || folders($0).contains(where: holdsSkill) }
    }
}

extension FilePath.Component {
    /// The last component of a path that is known to have one.
    fileprivate init(_ path: FilePath) { self = path.lastComponent ?? "." }
}
