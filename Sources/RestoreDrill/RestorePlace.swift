internal import Glibc
internal import HermesHome
internal import Support
internal import SystemPackage

/// The place that a real restore puts a home in: looked at before anything is read, held while the homes are swapped.
final class RestorePlace {
    /// With symlinks resolved: a home that is reached through a symlink stays reached through it.
    let target: FilePath
    /// Whether a home stands there that is to be replaced.
    let replaces: Bool
    /// Those of the gateways, by their homes.
    private var locks: [FilePath: FileDescriptor] = [:]

    /// Throws with exit 64 where nothing may be restored to, and with exit 1 while a gateway runs there.
    init(_ wanted: FilePath, liveHome: FilePath, ownPlaces: [FilePath], replacing: Bool) throws {
        target = try Self.resolved(wanted)
        func refuse(_ reason: String, _ advice: String) -> OperatorError {
            OperatorError(
                "restore-target", doing: "restoring into", subject: wanted.printable, reason: reason, advice: advice,
                exit: .usage)
        }
        guard target.lastComponent != nil else { throw refuse("it is the root folder", "name another folder") }
        guard try !MountTable().isMountPoint(target) else {
            // Neither can be renamed: a home takes its place by that, or not at all.
            throw refuse("something is mounted just there", "name a folder in it, or unmount it first")
        }
        let isThere = try ConfigCheck.exists(target)
        guard try !isThere || FileStatus(following: target).kind == .directory else {
            throw refuse("it is not a folder", "name another one")
        }
        let isLive = try RestoreTarget.isSame(target, as: liveHome)
        if isLive {
            guard replacing else {
                throw refuse(
                    "it is the live home", "to replace it, stop the gateway and add --replace; it is kept beside")
            }
        } else {
            try RestoreTarget.check(target, awayFrom: liveHome)
        }
        for place in ownPlaces {
            guard try RestoreTarget.relation(of: target, to: place) == nil else {
                throw refuse(
                    "it is, contains or lies in \(place.printable), which this program keeps its own files in",
                    "name another folder")
            }
        }
        replaces = try isThere && !DirectoryListing.names(at: target).isEmpty
        guard replaces else { return }
        guard replacing else {
            throw refuse("it is not empty", "name an empty folder, or add --replace; what stands there is kept beside")
        }
        guard target.lastComponent.map({ $0.string.utf8.count <= 200 }) == true else {
            throw refuse("its name is too long for the old home to be kept beside it", "give it a shorter name first")
        }
        try requireNoGateway()
    }

    deinit { for lock in locks.values { lock.closeUnlocked() } }

    /// Nobody holds gateway.lock, and no gateway of this home or of one of its profiles runs. The locks are taken, so that none starts
    /// meanwhile.
    func requireNoGateway() throws {
        let root = HomeLayout(target)
        try requireNoGateway(of: root)
        for name in try root.profileNames() { try requireNoGateway(of: HomeLayout(root.profiles.appending(name))) }
    }

    private func requireNoGateway(of layout: HomeLayout) throws {
        func alive(_ reason: String) -> OperatorError {
            OperatorError(
                "gateway-alive", doing: "restoring into", subject: layout.path.printable, reason: reason,
                advice: "stop the gateway first: `hermes gateway stop`, with `--profile NAME` for a profile's")
        }
        if locks[layout.path] == nil, try ConfigCheck.exists(layout.gatewayLock) {
            let file = try FileSystem.openRegular(layout.gatewayLock, followingLinks: false)
            guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                file.closeQuietly()
                if code == EWOULDBLOCK { throw alive("a process holds gateway.lock") }
                throw OperatorError.system(code, doing: "locking", subject: layout.gatewayLock.printable)
            }
            locks[layout.path] = file
        }
        switch Gateway.read(layout).liveness {
        case .running(let pid): throw alive("its gateway runs, as process \(pid)")
        case .unknown(let failure): throw alive("whether its gateway runs could not be found out: \(failure.detail)")
        case .stopped: break
        }
    }

    /// Puts a home in its place in one step. Returns where the old one is now.
    ///
    /// With a home there, the new one first gets the name that the old one is kept under, `NAME.before-TIME`, and then the two are
    /// exchanged: at every instant the target is the old home or the new one. Where the file system cannot exchange, the old one gets
    /// that name first, and for a moment there is none.
    func take(_ home: FilePath, now: Timestamp) throws -> FilePath? {
        sync()
        guard replaces else {
            // Takes the place of an empty folder too, and of nothing else.
            try FileSystem.rename(home, to: target)
            try FileSystem.syncDirectory(target.folder)
            return nil
        }
        try requireNoGateway()
        let kept = try keptName(now)
        try FileSystem.rename(home, to: kept)
        var isDone = false
        do {
            isDone = try FileSystem.exchange(kept, target)
        } catch {
            try FileSystem.rename(kept, to: home)
            throw error
        }
        if !isDone {
            try FileSystem.rename(kept, to: home)
            try FileSystem.rename(target, to: kept)
            do {
                try FileSystem.rename(home, to: target)
            } catch {
                try FileSystem.rename(kept, to: target)
                throw error
            }
        }
        do {
            try FileSystem.syncDirectory(target.folder)
        } catch var error as OperatorError {
            error.reason += "; the new home is in its place already, and the old one is \(kept.printable)"
            throw error
        }
        return kept
    }

    private func keptName(_ now: Timestamp) throws -> FilePath {
        let stem = target.bytes + Array(".before-\(now.compact)".utf8)
        var path = FilePath(bytes: stem)
        var number = 2
        while try ConfigCheck.exists(path) {
            path = FilePath(bytes: stem + Array("-\(number)".utf8))
            number += 1
        }
        return path
    }

    /// The path without symlinks; of one that does not exist yet, its parent's.
    private static func resolved(_ path: FilePath) throws -> FilePath {
        if let real = path.withPlatformString({ realpath($0, nil) }) {
            defer { free(real) }
            return FilePath(platformString: real)
        }
        let code = errno
        guard code == ENOENT, let name = path.lastComponent, try !ConfigCheck.exists(path) else {
            throw OperatorError(
                "restore-target", doing: "restoring into", subject: path.printable,
                reason: code == ENOENT ? "it is a symlink that leads nowhere" : errorText(code), exit: .usage)
        }
        let folder = path.folder
        guard let real = folder.withPlatformString({ realpath($0, nil) }) else {
            throw OperatorError.system(
                errno, doing: "restoring into", subject: path.printable, advice: "make its parent folder first",
                exit: .usage)
        }
        defer { free(real) }
        return FilePath(platformString: real).appending(name)
    }
}
