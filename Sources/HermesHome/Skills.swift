internal import Glibc
internal import Support
public import SystemPackage

/// A skill that Hermes would list.
public struct Skill: Sendable, Hashable {
    /// Where it came from, as `hermes skills list` tells.
    public enum Origin: String, Sendable, CaseIterable {
        /// Named in skills/.bundled_manifest.
        case bundled
        /// Named in skills/.hub/lock.json.
        case hub
        /// Neither: the user's own.
        case local
    }

    /// From the front matter, else the folder's name; at most 64 characters.
    public var name: String
    public var origin: Origin
    /// Not in `skills.disabled` of config.yaml.
    public var isEnabled: Bool
    /// The folder that holds SKILL.md.
    public var folder: FilePath
}

/// The skills of a home: exactly those, and counted exactly so, as `hermes skills list` does.
public struct Skills: Sendable, Hashable {
    public var skills: [Skill]
    /// SKILL.md files below skills/.archive, which Hermes does not list.
    public var archived: Int

    public var enabled: Int { skills.count { $0.isEnabled } }
    public func count(of origin: Skill.Origin) -> Int { skills.count { $0.origin == origin } }

    /// Reads the skills of a home and of `skills.external_dirs`. A missing folder holds none.
    ///
    /// - Parameters:
    ///   - settings: from config.yaml: what is disabled, what lies elsewhere.
    ///   - userHome: what `~` means in `skills.external_dirs`.
    public static func read(_ home: HomeLayout, settings: HomeSettings, userHome: FilePath) throws(HomeFailure)
        -> Skills
    {
        let bundled = try bundledNames(home)
        let hub = try hubNames(home)
        let environment = SkillEnvironment(usesKanban: settings.usesKanban)
        var seen: Set<String> = []
        var skills: [Skill] = []
        for folder in [home.skills] + externalFolders(home, settings, userHome) {
            for file in try SkillSearch.files(below: folder) {
                guard let text = try? HomeFile.read(file, limit: 1 << 20),
                    let matter = SkillFrontMatter(text), environment.shows(matter)
                else { continue }
                let named: String?
                switch matter.name {
                case .absent: named = file.removingLastComponent().lastComponent?.string
                case .text(let text): named = text
                case .other: named = nil
                }
                guard let name = named.map({ String(String.UnicodeScalarView($0.unicodeScalars.prefix(64))) }),
                    seen.insert(name).inserted
                else { continue }
                skills.append(
                    Skill(
                        name: name, origin: hub.contains(name) ? .hub : bundled.contains(name) ? .bundled : .local,
                        isEnabled: !settings.disabledSkills.contains(name), folder: file.removingLastComponent()))
            }
        }
        let archived = try SkillSearch.files(below: home.skills.appending(".archive")).count
        return Skills(skills: skills, archived: archived)
    }

    /// The names in skills/.bundled_manifest: `name:md5` lines, in old homes bare names.
    static func bundledNames(_ home: HomeLayout) throws(HomeFailure) -> Set<String> {
        guard let text = try HomeFile.read(home.skills.appending(".bundled_manifest"), limit: 8 << 20) else {
            return []
        }
        let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
        return Set(
            lines.map { ($0.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first ?? "").trimmed }
        )
    }

    /// The names under `installed` in skills/.hub/lock.json. Hermes takes a broken file for an empty one; so does this.
    static func hubNames(_ home: HomeLayout) throws(HomeFailure) -> Set<String> {
        guard let text = try HomeFile.read(home.skills.pushing(".hub/lock.json"), limit: 8 << 20),
            let lock = try? JSONValue(parsing: text)
        else { return [] }
        return Set((lock["installed"]?.object ?? [:]).keys)
    }

    private static func externalFolders(_ home: HomeLayout, _ settings: HomeSettings, _ userHome: FilePath)
        -> [FilePath]
    {
        var folders: [FilePath] = []
        for written in settings.externalSkillFolders {
            var text = written
            for (name, value) in [("HERMES_HOME", home.path.string), ("HOME", userHome.string)] {
                text = text.replacing("${\(name)}", with: value).replacing("$\(name)/", with: value + "/")
            }
            if text == "~" || text.hasPrefix("~/") { text = userHome.string + text.dropFirst() }
            let path = home.path.pushing(FilePath(text)).lexicallyNormalized()
            let isNew = path != home.skills.lexicallyNormalized() && !folders.contains(path)
            if isNew, ((try? HomeFile.status(path)) ?? nil)?.kind == .directory { folders.append(path) }
        }
        return folders
    }
}

/// Finds SKILL.md files as Hermes walks (`agent/skill_utils.iter_skill_index_files`): symlinks followed, sorted by path.
enum SkillSearch {
    private static let excluded: Set<String> = [
        ".git", ".github", ".hub", ".archive", ".venv", "venv", "node_modules", "site-packages", "__pycache__", ".tox",
        ".nox",
        ".pytest_cache", ".mypy_cache", ".ruff_cache",
    ]
    /// Below a skill these hold material, not skills.
    private static let support: Set<String> = ["references", "templates", "assets", "scripts"]

    static func files(below root: FilePath) throws(HomeFailure) -> [FilePath] {
        guard let status = try HomeFile.status(root) else { return [] }
        guard status.kind == .directory else {
            throw HomeFailure(.badOutput, "\(root.printable): it is a \(status.kind.rawValue), not a folder")
        }
        var found: [[UInt8]] = []
        var visited: Set<[UInt64]> = [[status.device, status.inode]]
        var folders = [root]
        while let folder = folders.popLast() {
            let names: [[UInt8]]
            do {
                names = try DirectoryListing.names(at: folder)
            } catch {
                // os.walk passes over what it cannot list; for the root that would be no answer at all.
                if folder == root { throw HomeFailure(.permission, "\(error)") }
                continue
            }
            let holdsSkill = names.contains(Array("SKILL.md".utf8))
            for name in names {
                let shown = String(decoding: name, as: UTF8.self)
                if excluded.contains(shown) || (holdsSkill && support.contains(shown)) { continue }
                let path = FilePath(bytes: folder.bytes + [UInt8(ascii: "/")] + name)
                guard let status = (try? HomeFile.status(path)) ?? nil else { continue }
                if status.kind == .directory {
                    // A symlink back up: what it leads to was counted already, and names count once.
                    if visited.insert([status.device, status.inode]).inserted { folders.append(path) }
                } else if shown == "SKILL.md" {
                    found.append(path.bytes)
                }
            }
        }
        return found.sorted { $0.lexicographicallyPrecedes($1) }.map { FilePath(bytes: $0) }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
