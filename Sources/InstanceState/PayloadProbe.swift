internal import HermesHome
internal import Support
internal import SystemPackage

/// Counts what a sanitized payload holds: the folder `hermes_persistent_backup/` of the repository, or a restored one.
enum PayloadProbe {
    /// Names that must never be in it, wherever they stand: credentials and databases.
    static func isForbidden(_ name: String) -> Bool {
        let lower = name.lowercased()
        if [
            ".env", ".envrc", "auth.json", ".anthropic_oauth.json", "google_token.json", "google_client_secret.json",
            "google_oauth.json",
            "google_oauth_pending.json", "slack_tokens.json", "nous_auth.json", "bws_cache.json", ".git-credentials",
            "vault.key",
            ".hermes_history",
        ].contains(lower) {
            return true
        }
        // Templates of the names only are what the sanitizer writes.
        if lower.hasPrefix(".env.") { return !["template", "example", "sample"].contains { lower.hasSuffix($0) } }
        return [".db", ".db-wal", ".db-shm", ".db-journal", ".sqlite", ".sqlite3"].contains { lower.hasSuffix($0) }
    }

    static func read(_ folder: FilePath, at now: Timestamp) throws -> Payload {
        guard let status = try? FileStatus(following: folder), status.kind == .directory else {
            throw HomeFailure(.notFound, "\(folder.printable): no such folder")
        }
        var files = 0
        var bytes: Int64 = 0
        var skills = 0
        var memories = 0
        var forbidden = 0
        try DirectoryWalk(folder).run { entry in
            let name =
                entry.path.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
            if entry.status.kind == .directory { return name == ".git" ? .prune : .descend }
            files += 1
            // Sparse files say any size.
            bytes = Int64(clamping: Int128(bytes) + Int128(entry.status.size))
            let path = String(decoding: entry.path, as: UTF8.self)
            if name == "SKILL.md" { skills += 1 }
            if path == "memories/MEMORY.md" || path == "memories/USER.md" { memories += 1 }
            if isForbidden(name) { forbidden += 1 }
            return .prune
        } failing: { _, error in
            throw HomeFailure(.permission, error.description)
        }
        let cron = try? CronJobs.read(HomeLayout(folder)).jobs.count
        return Payload(
            probe: .ok(at: now), files: Count(files), bytes: Count(bytes), memories: Count(memories),
            skills: Count(skills),
            cronJobs: cron.map { Count($0) },
            config: (try? FileStatus(following: folder.appending("config.yaml")))?.kind == .file,
            forbiddenFiles: Count(forbidden))
    }
}
