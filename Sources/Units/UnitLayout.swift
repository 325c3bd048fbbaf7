public import SystemPackage

/// Where units go on this machine.
public struct UnitLayout: Sendable {
    /// The manager's folder for an administrator's or user's own units.
    public var units: FilePath
    public var tmpfiles: FilePath
    public var sysusers: FilePath
    /// Where logind keeps one file for each lingering user.
    public var linger: FilePath

    public init(
        units: FilePath, tmpfiles: FilePath = "/etc/tmpfiles.d", sysusers: FilePath = "/etc/sysusers.d",
        linger: FilePath = "/var/lib/systemd/linger"
    ) {
        self.units = units
        self.tmpfiles = tmpfiles
        self.sysusers = sysusers
        self.linger = linger
    }

    /// `/etc/systemd/system`.
    public static let system = UnitLayout(units: "/etc/systemd/system")

    /// `$XDG_CONFIG_HOME/systemd/user`, or `~/.config/systemd/user`: where the user's manager reads.
    public static func user(home: FilePath, environment: [String: String]) -> UnitLayout {
        let configured = environment["XDG_CONFIG_HOME"].map { FilePath($0) }
        let base = configured.flatMap { $0.isAbsolute ? $0 : nil } ?? home.appending(".config")
        return UnitLayout(units: base.appending("systemd").appending("user"))
    }

    func path(of file: UnitFile) -> FilePath {
        let folder =
            switch file.kind {
            case .unit: units
            case .tmpfiles: tmpfiles
            case .sysusers: sysusers
            }
        return folder.pushing(FilePath(file.name))
    }
}
