internal import Support
internal import SystemPackage

/// The files that the harvest reads: those of the home that the policy names, and what symlinks there lead to, wherever that is. Nothing
/// of the latter is ever stored.
struct HarvestSources {
    struct Source {
        /// Relative to the home, by way of the link.
        var path: [UInt8]
        var decision: PolicyDecision
        var isLinked: Bool
    }

    private(set) var files: [Source] = []
    /// Folders and links that could not be looked into.
    private(set) var failures: [OperatorError] = []
    /// Links that lead nowhere.
    private(set) var dangling: [[UInt8]] = []
    private(set) var watch: HarvestWatch

    /// Behind one link: more is no folder of credentials.
    private static let mostEntries = 100_000
    private let home: FilePath
    private let root: ConfinedDirectory
    private let policy: Policy
    private var entered: Set<Folder> = []
    private var entries = 0

    private struct Folder: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    init(
        _ inventory: HomeInventory, home: FilePath, root: ConfinedDirectory, policy: Policy,
        cancellation: CancellationFlag
    ) throws {
        self.home = home
        self.root = root
        self.policy = policy
        watch = inventory.watch
        for items in [inventory.items, inventory.harvestOnly] {
            for index in items.indices where items.decision(index).harvest != .none {
                let item = items[index]
                guard item.kind == .file else { continue }
                files.append(Source(path: item.path, decision: item.decision, isLinked: false))
            }
        }
        for path in inventory.harvestLinks {
            entries = 0
            try follow(path, cancellation)
        }
    }

    private mutating func follow(_ path: [UInt8], _ cancellation: CancellationFlag) throws {
        let status: FileStatus
        do {
            status = try root.statusFollowingLinks(path)
        } catch {
            switch error {
            case .noSuchFileOrDirectory where isHidden(path):
                failures.append(
                    OperatorError(
                        "harvest", doing: "following the link", subject: printable(path),
                        reason: "the home folder that it leads to is hidden from this process, as in a systemd unit",
                        advice:
                            "let the unit see it (`systemctl edit`, BindReadOnlyPaths=), or put the file itself into the home: without it, copies of its secrets would not be found"
                    ))
            case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels:
                dangling.append(path)
                watch.note(path, nil)
            default: fail(path, .system(error.rawValue, doing: "following the link", subject: printable(path)))
            }
            return
        }
        let decision = policy.decision(for: path)
        switch status.kind {
        case .file:
            if decision.harvest != .none { files.append(Source(path: path, decision: decision, isLinked: true)) }
        case .directory: try walk(path, status, cancellation)
        case .symlink, .fifo, .socket, .device: break
        }
    }

    /// Whether what a link leads to is missing because an empty file system in memory lies over people's folders (ProtectHome=tmpfs).
    private func isHidden(_ path: [UInt8]) -> Bool {
        var place = home.pushing(FilePath(bytes: path))
        for _ in 0..<40 {
            guard let status = try? FileStatus(at: place), status.kind == .symlink, let name = place.lastComponent,
                let target = try? ConfinedDirectory(place.folder).readSymlink(
                    FilePath(root: nil, components: name).bytes)
            else { break }
            place = place.removingLastComponent().pushing(FilePath(bytes: target)).lexicallyNormalized()
        }
        while (try? FileStatus(at: place)) == nil, place.components.count > 1 { place.removeLastComponent() }
        guard ["/home", "/root"].contains(where: { place.starts(with: $0) }) else { return false }
        let mounts = (try? FileSystem.read("/proc/self/mountinfo", limit: 4 << 20)) ?? []
        // proc_pid_mountinfo(5): the fifth field is the place, the first behind a hyphen the kind. Later mounts lie over earlier ones.
        var system: (place: FilePath, kind: Substring)?
        for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 4, let hyphen = fields.firstIndex(of: "-"), hyphen + 1 < fields.count else { continue }
            let mount = FilePath(String(fields[4]))
            guard place.starts(with: mount), system.map({ mount.starts(with: $0.place) }) ?? true else { continue }
            system = (mount, fields[hyphen + 1])
        }
        return system?.kind == "tmpfs"
    }

    private mutating func walk(_ path: [UInt8], _ status: FileStatus, _ cancellation: CancellationFlag) throws {
        guard policy.harvests(below: path),
            entered.insert(Folder(device: status.device, inode: status.inode)).inserted
        else { return }
        watch.note(path, status)
        var links: [[UInt8]] = []
        let walk: DirectoryWalk
        do {
            walk = try DirectoryWalk(home.pushing(FilePath(bytes: path)))
        } catch let error as OperatorError {
            return fail(path, error)
        }
        try walk.run { entry in
            try cancellation.check()
            entries += 1
            guard entries <= Self.mostEntries else {
                throw OperatorError(
                    "harvest", doing: "looking for secrets behind the link", subject: printable(path),
                    reason: "there are more than \(Self.mostEntries) files and folders",
                    advice: "let the link lead to a folder of credentials alone")
            }
            let full = path + [UInt8(ascii: "/")] + entry.path
            let decision = policy.decision(for: full)
            switch entry.status.kind {
            case .directory:
                guard policy.mayHarvest(below: full) else { return .prune }
                watch.note(full, entry.status)
                return .descend
            case .file:
                if decision.harvest != .none { files.append(Source(path: full, decision: decision, isLinked: true)) }
            case .symlink: if decision.harvest != .none || policy.harvests(below: full) { links.append(full) }
            case .fifo, .socket, .device: break
            }
            return .prune
        } failing: { inner, error in
            let full = inner.isEmpty ? path : path + [UInt8(ascii: "/")] + inner
            let isSkipped = policy.decision(for: full + Array("/\u{1}".utf8)).action == .skip
            if !isSkipped || policy.harvests(below: full) { fail(full, error) }
        }
        for link in links { try follow(link, cancellation) }
    }

    private mutating func fail(_ path: [UInt8], _ error: OperatorError) {
        var error = error
        error.subject = printable(path)
        error.advice = "give this user the right to read it: without it, copies of its secrets would not be found"
        failures.append(error)
    }
}

/// What tells that a home's secrets may have changed since they were harvested: the stamps of every file that was read, and of every folder
/// where another could have come.
struct HarvestWatch: Sendable {
    private var paths = PathList()
    /// Nil for what was not there.
    private var stamps: [FileStamp?] = []

    /// Notes what a path of the home leads to, before it is read.
    mutating func note(_ path: [UInt8], _ status: FileStatus?) {
        paths.append(path)
        stamps.append(status.map(FileStamp.init))
    }

    /// - Parameter since: when the first of it was noted, in nanoseconds of the wall clock. What was as young then may have changed
    ///   within the clock's grain.
    func mayHaveChanged(in home: ConfinedDirectory, since: Int64) -> Bool {
        paths.indices.contains { index in
            let now = try? home.statusFollowingLinks(Array(paths[index]))
            guard let stamp = stamps[index] else { return now != nil }
            return now.map(FileStamp.init) != stamp || !stamp.isSettled(at: since)
        }
    }
}
