public import SystemPackage

/// Where configuration and state lie unless told otherwise.
public struct StandardLocations: Sendable, Hashable {
    public var configuration: FilePath
    public var state: FilePath
    /// The user's home folder: what `~` stands for.
    public var home: FilePath

    /// - Parameters:
    ///   - environment: of the process. HERMES_OPS_CONFIG and HERMES_OPS_STATE win over everything but an option.
    ///   - user: the effective user id: root's files lie in /etc and /var/lib, everybody else's where XDG says.
    ///   - home: the home folder from the password database, for when HOME is not set.
    public init(environment: [String: String], user: UInt32, home passwordHome: FilePath) {
        func folder(_ name: String) -> FilePath? {
            // The XDG base directory specification: relative paths are invalid and to be ignored.
            environment[name].flatMap { $0.hasPrefix("/") ? FilePath($0) : nil }
        }
        let home = folder("HOME") ?? passwordHome
        self.home = home
        let configHome = folder("XDG_CONFIG_HOME") ?? home.appending(".config")
        let stateHome = folder("XDG_STATE_HOME") ?? home.appending(".local").appending("state")
        let isRoot = user == 0
        configuration =
            isRoot ? "/etc/hermes-ops/config.yaml" : configHome.appending("hermes-ops").appending("config.yaml")
        state = isRoot ? "/var/lib/hermes-ops" : stateHome.appending("hermes-ops")
        if let path = environment["HERMES_OPS_CONFIG"], !path.isEmpty { configuration = FilePath(path) }
        if let path = environment["HERMES_OPS_STATE"], !path.isEmpty { state = FilePath(path) }
    }
}
