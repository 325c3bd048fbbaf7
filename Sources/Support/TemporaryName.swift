internal import Glibc
public import SystemPackage

/// The name of what stands beside its target until it is whole: `.STEM.PID.RANDOM.SUFFIX`, hidden, with the process that makes it.
public enum TemporaryName {
    /// What a target's name is called in such names: 255 bytes are the limit of one, and a long one gives way to the rest.
    public static func stem(of name: String) -> String {
        name.utf8.count > 200 ? hex(Digest.of(Array(name.utf8), .sha256).prefix(16)) : name
    }

    /// A new name for this process. `suffix` has no dot.
    public static func make(stem: String, suffix: String) -> String {
        ".\(stem).\(getpid()).\(hex(randomBytes(6))).\(suffix)"
    }

    /// Removes what processes that are gone left in a folder under names with that suffix and a stem that is wanted. What cannot be
    /// removed stays.
    public static func sweep(_ folder: FilePath, suffix: String, where isWanted: (_ stem: String) -> Bool) {
        for bytes in (try? DirectoryListing.names(at: folder)) ?? [] {
            let parts = String(decoding: bytes, as: UTF8.self).split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count >= 5, let last = parts.last, last == suffix, let pid = Int32(parts[parts.count - 3]),
                pid > 0, parts[0].isEmpty, isWanted(parts[1...(parts.count - 4)].joined(separator: ".")),
                kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            try? FileSystem.removeTree(folder.pushing(FilePath(bytes: bytes)))
        }
    }
}
