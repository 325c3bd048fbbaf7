internal import HermesHome
internal import Support
internal import SystemPackage

/// `cron`, `skills` and `memories`: what Hermes works with is there and reads as it should, in the home and in its profiles.
enum PayloadChecks {
    /// Every jobs.json parses; number and ids of the jobs equal the manifest's.
    static func cron(_ home: FilePath, expected: [String: [String]]?) throws -> CheckFinding {
        var faults: [String] = []
        var found: [String: [String]] = [:]
        var count: Int64 = 0
        var places = try HomePlaces(home)
        for (prefix, layout) in try places.homes() {
            let name = prefix + "cron/jobs.json"
            guard try places.find(name) != nil, let read = jobs(layout, name, &faults) else { continue }
            if read.malformed > 0 { faults.append("\(name) holds \(read.malformed) entries that are no job") }
            found[name] = read.jobs.map(\.id)
            count += Int64(read.jobs.count)
        }
        for (name, ids) in (expected ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let jobs = found[name] else {
                if !faults.contains(where: { $0.hasPrefix(name) }) { faults.append("\(name) is missing") }
                continue
            }
            let missing = Set(ids).subtracting(jobs)
            let added = Set(jobs).subtracting(ids)
            if jobs.count != ids.count || !missing.isEmpty || !added.isEmpty {
                faults.append(
                    "\(name) has \(jobs.count) jobs instead of \(ids.count)"
                        + (missing.isEmpty
                            ? ""
                            : "; missing: \(missing.sorted().prefix(3).map { printable($0, limit: 40) }.joined(separator: ", "))")
                )
            }
        }
        return .judging(places.faults + faults, ["cronJobs": count])
    }

    private static func jobs(_ layout: HomeLayout, _ name: String, _ faults: inout [String]) -> CronJobs? {
        do throws(HomeFailure) {
            return try CronJobs.read(layout)
        } catch {
            faults.append("\(name) does not parse: \(printable(error.detail, limit: 120))")
            return nil
        }
    }

    /// Folders below which Hermes lists no skill (agent/skill_utils.py of Hermes Agent 0.19).
    private static let unlisted: Set<String> = [
        ".git", ".github", ".hub", ".archive", ".curator_backups", ".venv", "venv", "node_modules", "site-packages",
        "__pycache__", ".tox", ".nox", "references", "templates", "assets", "scripts",
    ]

    /// Every SKILL.md that Hermes would list has front matter; their number equals the manifest's.
    static func skills(_ home: FilePath, expected: Int?, cancellation: CancellationFlag) throws -> CheckFinding {
        var faults: [String] = []
        var all = 0
        var listed: Int64 = 0
        let root = try ConfinedDirectory(home)
        try DirectoryWalk(home).run { entry in
            try cancellation.check()
            guard entry.status.kind == .file || entry.status.kind == .symlink else { return .descend }
            let parts = entry.path.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
            guard parts.last == "SKILL.md" else { return .descend }
            all += 1
            guard entry.status.kind == .file, parts.contains("skills"), unlisted.isDisjoint(with: parts) else {
                return .descend
            }
            listed += 1
            let file = try root.openForReading(entry.path)
            defer { file.closeQuietly() }
            let text = try FileSystem.read(file, name: FilePath(bytes: entry.path), limit: 16 << 20)
            if !hasFrontMatter(text) { faults.append("\(printable(entry.path)) has no front matter") }
            return .descend
        } failing: { path, error in
            faults.append("\(printable(path)): \(error.reason)")
        }
        if let expected, expected != all { faults.append("there are \(all) SKILL.md instead of \(expected)") }
        return .judging(faults, ["skills": listed])
    }

    /// `---`, lines, `---`: the YAML that names a skill.
    static func hasFrontMatter(_ text: [UInt8]) -> Bool {
        let start = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        let lines = text[start...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        func isFence(_ line: ArraySlice<UInt8>) -> Bool {
            line.starts(with: "---".utf8) && line.dropFirst(3).allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }
        }
        guard let first = lines.first, isFence(first) else { return false }
        return lines.dropFirst().contains(where: isFence)
    }

    /// The entries of each memory file equal the manifest's.
    static func memories(_ home: FilePath, expected: [String: Int]?) throws -> CheckFinding {
        var faults: [String] = []
        var count: Int64 = 0
        var found: [String: Int] = [:]
        var places = try HomePlaces(home)
        for (prefix, _) in try places.homes() {
            for name in ["MEMORY.md", "USER.md"] {
                guard let path = try places.find("\(prefix)memories/\(name)") else { continue }
                let text = try FileSystem.read(path, limit: 64 << 20)
                let entries = Memories.File.entries(in: text).count
                found["\(prefix)memories/\(name)"] = entries
                count += Int64(entries)
            }
        }
        for (name, entries) in (expected ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let number = found[name] else {
                faults.append("\(printable(name)) is missing")
                continue
            }
            if number != entries { faults.append("\(printable(name)) has \(number) entries instead of \(entries)") }
        }
        return .judging(places.faults + faults, ["memories": count])
    }
}
