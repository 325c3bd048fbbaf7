internal import Glibc
internal import Support
internal import SystemPackage

/// Git's lock files that a killed process left behind.
///
/// Git locks by a file's existence, so a kill leaves the lock for ever. One is taken away only when no live process has it open and
/// no git process works in the repository (`git commit` keeps the index locked, its file closed, while an editor runs).
enum StaleLocks {
    /// Removes stale locks; the printable names of those removed. Throws if one is held.
    static func heal(_ repository: RepositoryHandle, branch: String) throws -> [String] {
        var healed: [String] = []
        for lock in existing(repository, branch: branch) {
            guard !isHeld(lock, workTree: repository.path) else { throw held(lock) }
            guard lock.withPlatformString({ unlink($0) }) == 0 || errno == ENOENT else {
                throw OperatorError.system(errno, doing: "removing the stale lock", subject: lock.printable)
            }
            healed.append(lock.printable)
        }
        return healed
    }

    /// The locks that stand in the way of a commit, a clone or a push.
    static func existing(_ repository: RepositoryHandle, branch: String) -> [FilePath] {
        let common = repository.commonDirectory
        let candidates = [
            repository.gitDirectory.appending("index.lock"), repository.gitDirectory.appending("HEAD.lock"),
            common.appending("config.lock"), common.appending("packed-refs.lock"),
            common.appending("refs/heads/\(branch).lock"), common.appending("refs/remotes/origin/\(branch).lock"),
        ]
        // The index of a pack that was being received.
        let packs = common.appending("objects/pack")
        let received = ((try? DirectoryListing.names(at: packs)) ?? [])
            .filter { $0.suffix(5).elementsEqual(Array(".lock".utf8)) }.map { packs.pushing(FilePath(bytes: $0)) }
        return (candidates + received).filter { (try? FileStatus(at: $0)) != nil }
    }

    static func held(_ lock: FilePath) -> OperatorError {
        OperatorError(
            "git.locked", doing: "locking the repository", subject: lock.printable,
            reason: "a running git process holds the lock", advice: "let it end, then run again", isTemporary: true)
    }

    static func isHeld(_ lock: FilePath, workTree: FilePath) -> Bool {
        guard let status = try? FileStatus(at: lock) else { return false }
        let tree = workTree.resolvingLinks.bytes
        let me = Array(String(getpid()).utf8)
        for name in (try? DirectoryListing.names(at: "/proc")) ?? []
        where name != me && name.allSatisfy({ (48...57).contains($0) }) {
            let process = FilePath("/proc").appending(String(decoding: name, as: UTF8.self))
            // Other users' processes hide their descriptors; they cannot write into this user's repository either.
            for descriptor in (try? DirectoryListing.names(at: process.appending("fd"))) ?? [] {
                var target = stat()
                let path = process.appending("fd").appending(String(decoding: descriptor, as: UTF8.self))
                guard path.withPlatformString({ stat($0, &target) }) == 0 else { continue }
                if UInt64(target.st_ino) == status.inode, UInt64(target.st_dev) == status.device { return true }
            }
            let command = (try? FileSystem.read(process.appending("comm"), limit: 100)) ?? []
            guard command.starts(with: Array("git".utf8)), let folder = link(process.appending("cwd")) else { continue }
            if folder == tree || folder.starts(with: tree + [UInt8(ascii: "/")]) { return true }
        }
        return false
    }

    private static func link(_ path: FilePath) -> [UInt8]? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = path.withPlatformString { path in
            buffer.withUnsafeMutableBufferPointer { readlink(path, $0.baseAddress!, $0.count) }
        }
        return count > 0 ? buffer[..<count].map(UInt8.init(bitPattern:)) : nil
    }
}
