internal import Support
internal import SystemPackage

/// `modes`: files with secrets are 0600 or narrower; the home, and the folders that hold secrets alone, are 0700 or narrower.
enum ModesCheck {
    /// What Hermes Agent 0.19 itself takes for credentials (agent/file_safety.py, gateway/platforms/base.py and hermes_cli/profiles.py),
    /// and what those lists forget, as paths in a home or a profile; a folder stands for all that is in it.
    static let secrets: Set<String> = [
        ".env", ".envrc", "config.yaml", "auth.json", ".anthropic_oauth.json", "google_token.json",
        "google_client_secret.json", "auth", "mcp-tokens", "shared/nous_auth.json", "slack_tokens.json", "pairing",
        "platforms/pairing", "platforms/whatsapp/session", "whatsapp/session", "webhook_subscriptions.json",
        "credentials", ".git-credentials", ".netrc", "vault.key", "vault.json.enc",
    ]

    static func run(_ home: FilePath, cancellation: CancellationFlag) throws -> CheckFinding {
        var faults: [String] = []
        var count: Int64 = 0
        let top = try FileStatus(at: home)
        if top.permissions & 0o077 != 0 { faults.append("the home itself has mode \(octal(top.permissions))") }
        try DirectoryWalk(home).run { entry in
            try cancellation.check()
            guard isSecret(entry.path), entry.status.kind == .file || entry.status.kind == .directory else {
                return .descend
            }
            count += entry.status.kind == .file ? 1 : 0
            if entry.status.permissions & 0o077 != 0 {
                faults.append("\(printable(entry.path)) has mode \(octal(entry.status.permissions))")
            }
            return .descend
        } failing: { path, error in
            faults.append("\(printable(path)): \(error.reason)")
        }
        return .judging(faults, ["secretFiles": count])
    }

    static func isSecret(_ path: [UInt8]) -> Bool {
        var parts = path.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        if parts.count > 2, parts[0] == "profiles" { parts.removeFirst(2) }
        return parts.indices.contains { secrets.contains(parts[...$0].joined(separator: "/")) }
    }

    private static func octal(_ permissions: UInt32) -> String { "0" + String(permissions, radix: 8) }
}
