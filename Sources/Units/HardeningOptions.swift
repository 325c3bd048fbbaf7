internal import Glibc
internal import Support
internal import SystemPackage

/// The sandbox of a job, in the words that its manager really enforces.
struct HardeningOptions {
    private let flavour: UnitFlavour
    /// Trees that a job sees as empty, but for what is bound into them.
    private let hidden: [FilePath]

    init(_ settings: UnitSettings) {
        flavour = settings.flavour
        // /run holds the sockets of managers and daemons, which would do anything for root.
        var hidden: [FilePath] = ["/home", "/root", "/run"]
        let home = settings.userHome
        if home != "/", !hidden.contains(where: { home.starts(with: $0) }) { hidden.append(home) }
        self.hidden = hidden
    }

    /// What holds for every job and for the alert.
    func jobLines(_ settings: UnitSettings) throws -> [String] {
        // The configuration's folder, because it may include others; but never the whole home for a file that lies in it.
        let folder = settings.configuration.removingLastComponent()
        let configuration = hidden.contains(folder) || folder == settings.userHome ? settings.configuration : folder
        return try baseLines(
            reading: [settings.hermesHome, configuration, settings.binary] + settings.readOnlyPaths,
            writing: [settings.stateDirectory])
    }

    /// What holds for every unit.
    private func baseLines(reading: [FilePath], writing: [FilePath]) throws -> [String] {
        var lines = ["# The sandbox: everything is read-only, the homes are empty but for what is named here."]
        if flavour == .user {
            lines += [
                "# Without a user namespace a user manager silently ignores most of what follows, and with one",
                "# NoNewPrivileges= is no longer implied.", "PrivateUsers=yes",
            ]
        }
        lines += ["NoNewPrivileges=yes", "ProtectSystem=strict"]
        // ProtectHome=tmpfs stays writable under a user manager: what a job writes there would vanish without an error.
        lines.append(
            "TemporaryFileSystem="
                + (try hidden.map { try UnitSyntax.emptied($0) } + ["/dev/shm"]).joined(separator: " "))
        // The system's manager makes that one read-only.
        if flavour == .system { lines.append("ProtectHome=tmpfs") }
        lines += try readable(reading)
        lines += try writable(writing)
        lines += ["PrivateTmp=yes", "PrivateDevices=yes", "PrivateMounts=yes", "CapabilityBoundingSet="]
        if flavour == .system { lines += ["PrivateIPC=yes", "KeyringMode=private"] }
        lines += [
            "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes",
            "ProtectControlGroups=yes",
            "ProtectClock=yes", "ProtectHostname=yes",
            "# ProtectProc= and ProcSubset= stay off: whether another run is alive is read from /proc/PID and the boot id.",
            "RestrictRealtime=yes", "RestrictSUIDSGID=yes", "LockPersonality=yes",
            "# MemoryDenyWriteExecute= stays off: it takes the compiler from the pattern matcher that looks for secrets.",
            "SystemCallArchitectures=native", "SystemCallFilter=@system-service",
            "SystemCallFilter=~@privileged @resources",
            "SystemCallErrorNumber=EPERM",
        ]
        return lines
    }

    /// The template's network: none.
    var networkBan: [String] {
        // Under a user manager the second process of a unit loses PrivateNetwork=, with a complaint in the journal.
        (flavour == .system ? ["PrivateNetwork=yes", "IPAddressDeny=any"] : []) + addressFamilies(.none)
    }

    func addressFamilies(_ network: JobUnit.Network) -> [String] {
        switch network {
        case .none: ["RestrictAddressFamilies=AF_UNIX"]
        case .inspect: ["RestrictAddressFamilies=AF_UNIX AF_NETLINK"]
        case .full: ["RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6"]
        }
    }

    /// What a job's drop-in adds to the template's ban.
    func networkGrant(_ network: JobUnit.Network) -> [String] {
        guard network != .none else { return [] }
        var lines = flavour == .system ? ["PrivateNetwork=no"] : []
        if flavour == .system, network == .full { lines.append("IPAddressDeny=") }
        lines += addressFamilies(network)
        if network == .full { lines += nameService }
        return lines
    }

    /// What /etc/resolv.conf may lead to.
    var nameService: [String] {
        ["BindReadOnlyPaths=-/run/systemd/resolve -/run/resolvconf -/run/NetworkManager"]
    }

    /// What a job needs to ask about units. Who can ask a manager can also have it start something, so no other job gets this.
    var managerGrant: [String] {
        [
            "# The managers, to ask about units.",
            "BindReadOnlyPaths=-/run/systemd/system -/run/dbus "
                + (flavour == .user ? "-%t" : "-/run/systemd/private"),
        ]
    }

    /// What the seal has: of all folders the drills' alone to write to, no network, and what unshare(1) needs for namespaces of
    /// its own and bind mounts inside them.
    func sealLines(_ settings: UnitSettings) throws -> [String] {
        try baseLines(reading: [settings.binary] + settings.sealedPaths, writing: [settings.drillDirectory])
            + ["", "# The hermes command runs in namespaces of its own."] + networkBan
            + [
                "RestrictNamespaces=user mnt net ipc pid",
                "# All of @mount but chroot and pivot_root; capset, with which the command loses its rights.",
                "SystemCallFilter=capset fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree umount umount2",
            ]
            // Linux 5.12 asks it of whoever maps root into a user namespace.
            + (flavour == .system ? ["CapabilityBoundingSet=CAP_SETFCAP"] : [])
    }

    /// What a job has that runs the hermes command: the way to the seal.
    func sealGrant(_ socket: String) -> [String] {
        ["# The hermes command runs in a unit of its own, without network.", "Environment=HERMES_OPS_SEAL=\(socket)"]
            + ["BindReadOnlyPaths=-\(FilePath(socket).removingLastComponent())"]
    }

    /// A user manager knows no network-online.target.
    var waitForNetwork: [String] {
        flavour == .system ? ["Wants=network-online.target", "After=network-online.target"] : []
    }

    /// Paths shown read-only: only below hidden trees must they be bound; elsewhere they are there.
    func readable(_ paths: [FilePath]) throws -> [String] {
        try unique(paths.compactMap(hiddenPlace)).map { "BindReadOnlyPaths=" + (try UnitSyntax.word($0, prefix: "-")) }
    }

    /// Folders a job may write. A missing one does not stop the unit: the runner says what is wrong with it.
    func writable(_ paths: [FilePath]) throws -> [String] {
        try unique(paths).map { path in
            let hidden = hiddenPlace(path)
            return (hidden == nil ? "ReadWritePaths=" : "BindPaths=")
                + (try UnitSyntax.word(hidden ?? path, prefix: "-"))
        }
    }

    private func unique(_ paths: [FilePath]) -> [FilePath] {
        paths.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The first place on the way to a path that the job would not find: the path itself, or what a symlink of it leads to. Bound
    /// there, the path is found; nil for one that needs no binding.
    private func hiddenPlace(_ path: FilePath) -> FilePath? {
        var place = path
        // As many symlinks as the kernel follows.
        for _ in 0..<40 {
            if isHidden(place) { return place }
            guard let next = place.followingFirstLink else { return nil }
            place = next
        }
        return nil
    }

    private func isHidden(_ path: FilePath) -> Bool {
        // PrivateTmp= hides the two temporary folders.
        (hidden + ["/tmp", "/var/tmp"]).contains { path.starts(with: $0) }
    }
}

extension FilePath {
    /// The path with the first symlink in it replaced by what it leads to; nil if there is none that can be seen.
    fileprivate var followingFirstLink: FilePath? {
        var place = FilePath(root: root, [])
        for (index, component) in components.enumerated() {
            let next = place.appending(component)
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = next.withPlatformString { readlink($0, &buffer, buffer.count) }
            guard count > 0 else {
                place = next
                continue
            }
            let target = FilePath(bytes: buffer[..<count].map { UInt8(bitPattern: $0) })
            return place.pushing(target).appending(components.dropFirst(index + 1)).lexicallyNormalized()
        }
        return nil
    }
}
