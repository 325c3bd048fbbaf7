internal import Glibc
internal import Support
public import SystemPackage

/// Where things stand in a HERMES_HOME of Hermes Agent 0.13 to 0.21.
public struct HomeLayout: Sendable, Hashable {
    /// The home itself: HERMES_HOME, or a profile's folder.
    public let path: FilePath

    public init(_ path: FilePath) { self.path = path }

    public var config: FilePath { path.appending("config.yaml") }
    public var environment: FilePath { path.appending(".env") }
    public var stateDatabase: FilePath { path.appending("state.db") }
    public var cronJobs: FilePath { path.pushing("cron/jobs.json") }
    public var cronExecutions: FilePath { path.pushing("cron/executions.db") }
    public var skills: FilePath { path.appending("skills") }
    public var memories: FilePath { path.appending("memories") }
    public var gatewayState: FilePath { path.appending("gateway_state.json") }
    public var gatewayRecord: FilePath { path.appending("gateway.pid") }
    public var gatewayLock: FilePath { path.appending("gateway.lock") }
    public var profiles: FilePath { path.appending("profiles") }

    /// The root that Hermes resolves a home to (`hermes_constants.get_default_hermes_root`): `<x>/profiles/<name>` belongs to `<x>`;
    /// whatever lies below the user's `~/.hermes` belongs to that, symlinks resolved; else it is the home itself.
    ///
    /// A restore must ask this of its target: Hermes started in `~/.hermes/drill` writes to `~/.hermes`.
    public func root(userHome: FilePath) -> FilePath {
        let own = path.lexicallyNormalized()
        let standard = userHome.appending(".hermes").lexicallyNormalized()
        if own.starts(with: standard) || own.resolvingLinks.starts(with: standard.resolvingLinks) { return standard }
        let parent = own.removingLastComponent()
        if parent.lastComponent?.string == "profiles" { return parent.removingLastComponent() }
        return own
    }

    /// The names of the profiles, sorted: folders below `profiles/` whose name Hermes accepts (`[a-z0-9][a-z0-9_-]{0,63}`, not `default`).
    public func profileNames() throws(HomeFailure) -> [String] {
        guard let status = try HomeFile.status(profiles) else { return [] }
        guard status.kind == .directory else {
            throw HomeFailure(.badOutput, "\(profiles.printable): it is a \(status.kind.rawValue), not a folder")
        }
        let names: [[UInt8]]
        do {
            names = try DirectoryListing.names(at: profiles)
        } catch {
            throw HomeFailure(.permission, "\(error)")
        }
        var found: [String] = []
        for bytes in names {
            guard let name = String(validating: bytes, as: UTF8.self), Self.isProfileName(name), name != "default",
                try HomeFile.status(profiles.appending(name))?.kind == .directory
            else { continue }
            found.append(name)
        }
        return found
    }

    static func isProfileName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }
        guard let first = bytes.first, bytes.count <= 64, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
    }
}
