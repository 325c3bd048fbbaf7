internal import Glibc
internal import HermesHome
internal import Support
internal import SystemPackage

/// Takes from a restored home what a program that is run on it could do harm with: credentials, and symlinks that lead out of it, by
/// which the program would read and change what the drill has no business with. It is the last thing that a drill does with the home.
enum HarmlessHome {
    static let credentials = [
        ".env", "auth.json", ".anthropic_oauth.json", "google_token.json", "google_client_secret.json", "mcp-tokens",
        "auth", "shared/nous_auth.json", "slack_tokens.json", "platforms", "pairing", "whatsapp", "gateway.pid",
        "gateway.lock",
    ]

    static func make(_ home: FilePath, cancellation: CancellationFlag) throws {
        // The links first: no path below may lead through one to a credential of somebody else.
        try removeLinksOut(home, cancellation)
        // With it, Hermes would look at that profile in place of the home.
        try FileSystem.removeTree(home.appending("active_profile"))
        let profiles = try HomeLayout(home).profileNames().map { home.pushing(FilePath("profiles/\($0)")) }
        for root in [home] + profiles {
            for name in credentials { try FileSystem.removeTree(root.pushing(FilePath(name))) }
        }
    }

    private static func removeLinksOut(_ home: FilePath, _ cancellation: CancellationFlag) throws {
        guard let top = real(home) else {
            throw OperatorError.system(errno, doing: "looking at", subject: home.printable)
        }
        var links: [FilePath] = []
        try DirectoryWalk(home).run { entry in
            try cancellation.check()
            if entry.status.kind == .symlink { links.append(CarryOver.path(home, entry.path)) }
            return .descend
        } failing: { _, error in
            throw error
        }
        // One that leads nowhere goes too: a file would be made where it points.
        for link in links {
            if let end = real(link), end == top || end.starts(with: top) { continue }
            try FileSystem.removeTree(link)
        }
    }

    private static func real(_ path: FilePath) -> FilePath? {
        guard let text = path.withPlatformString({ realpath($0, nil) }) else { return nil }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}
