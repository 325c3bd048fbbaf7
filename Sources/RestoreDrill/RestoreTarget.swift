internal import Glibc
internal import Support
public import SystemPackage

/// The rule that keeps a restore away from the live home: by device and inode, not by name.
public enum RestoreTarget {
    /// Throws unless `target` is neither the live home, nor above it, nor inside it, symlinks resolved. What does not exist yet is
    /// judged by the nearest folder that does.
    ///
    /// Also refuses what Hermes would take for another root (hermes-home.md, "Root of a home"): a folder below a `.hermes` folder or
    /// one named `…/profiles/NAME`.
    public static func check(_ target: FilePath, awayFrom liveHome: FilePath) throws {
        func refuse(_ reason: String) -> OperatorError {
            OperatorError(
                "restore-target", doing: "restoring into", subject: target.printable, reason: reason,
                advice: "choose an empty folder elsewhere", exit: .usage)
        }
        switch try relation(of: target, to: liveHome) {
        case .same: throw refuse("it is the live home")
        case .inside(let isMounted):
            throw refuse("it lies inside the live home\(isMounted ? ", mounted at another place" : "")")
        case .above(let isMounted):
            throw refuse("it contains the live home\(isMounted ? ", mounted at another place" : "")")
        case nil: break
        }
        let components = target.lexicallyNormalized().components.map(\.string)
        if components.dropLast().contains(".hermes") {
            throw refuse("Hermes takes a folder below .hermes for the home above it")
        }
        if components.count >= 2, components[components.count - 2] == "profiles" {
            throw refuse("Hermes takes a folder named profiles/NAME for a profile of the home above it")
        }
    }

    /// How a path lies to a folder that it must keep away from.
    enum Relation: Sendable {
        case same
        /// By a mount of a part of it at another place.
        case inside(isMounted: Bool)
        case above(isMounted: Bool)
    }

    /// How a target lies to a folder, symlinks resolved; nil where they have nothing to do with each other. What does not exist yet is
    /// judged by the nearest folder that does.
    static func relation(of target: FilePath, to other: FilePath) throws -> Relation? {
        let folder = try identity(other)
        if let folder, try ancestors(of: target).contains(folder) {
            return try identity(target) == folder ? .same : .inside(isMounted: false)
        }
        if let own = try identity(target), try ancestors(of: other).contains(own) { return .above(isMounted: false) }
        // What is bound elsewhere lies in the folder by another name, and has none of its folders above it.
        let mounts = try MountTable()
        if folder != nil, let own = mounts.place(of: resolved(target)), let live = mounts.place(of: resolved(other)) {
            if own.isInside(live) { return .inside(isMounted: true) }
            if live.isInside(own) { return .above(isMounted: true) }
        }
        return nil
    }

    /// Whether two paths lead to the same folder, symlinks followed; false when one leads nowhere.
    static func isSame(_ one: FilePath, as other: FilePath) throws -> Bool {
        guard let identity = try identity(one) else { return false }
        return try identity == self.identity(other)
    }

    private struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    /// Who a folder is, symlinks followed; nil if nothing is there.
    private static func identity(_ path: FilePath) throws -> Identity? {
        var status = stat()
        guard path.withPlatformString({ stat($0, &status) }) == 0 else {
            guard errno == ENOENT else {
                throw OperatorError.system(errno, doing: "looking at", subject: path.printable)
            }
            return nil
        }
        return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// The identities of a path's nearest existing folder and of all above it, upwards by `..`, which no symlink can deceive.
    private static func ancestors(of path: FilePath) throws -> [Identity] {
        var nearest = path.absolute
        var first = try identity(nearest)
        while first == nil, nearest.removeLastComponent() { first = try identity(nearest) }
        var chain: [Identity] = []
        var next = first
        while let current = next, chain.last != current {
            chain.append(current)
            nearest = nearest.appending("..")
            next = try identity(nearest)
        }
        return chain
    }

    /// A path without symlinks, as far as it exists.
    private static func resolved(_ path: FilePath) -> FilePath {
        let path = path.absolute
        if let real = path.withPlatformString({ realpath($0, nil) }) {
            defer { free(real) }
            return FilePath(platformString: real)
        }
        guard let last = path.lastComponent else { return path }
        return resolved(path.removingLastComponent()).appending(last)
    }
}
