internal import Glibc
internal import Support
internal import SystemPackage

/// What was told while the book could not be written: an empty file for each subject, whose time says when. On a full disk an empty file
/// can still be made as a rule; where nothing can be written at all, the second folder is one in memory.
struct ToldMarks {
    static let prefix = "told-"
    let folders: [FilePath]

    /// When a subject was last told of; nil where it was not.
    func lastTold(_ subject: String) -> Timestamp? {
        folders.compactMap { folder in
            guard let status = try? FileStatus(at: folder.appending(name(subject))), status.kind == .file else {
                return nil
            }
            return Timestamp(nanoseconds: status.modified)
        }.max()
    }

    func isTold(_ subject: String, within pause: Duration, now: Timestamp) -> Bool {
        guard let told = lastTold(subject) else { return false }
        // A clock that was set back starts anew.
        return told <= now && now - told < pause
    }

    /// The book can be written again, and knows what the marks knew.
    func forget() {
        let prefix = Array(Self.prefix.utf8)
        for folder in folders {
            for name in (try? DirectoryListing.names(at: folder)) ?? [] where name.starts(with: prefix) {
                try? FileSystem.removeTree(folder.appending(FilePath(bytes: name).string))
            }
        }
    }

    /// Makes or renews the mark in the first folder that takes it.
    func note(_ subject: String, now: Timestamp) {
        for folder in folders {
            guard
                let file = try? FileDescriptor.open(
                    folder.appending(name(subject)), .writeOnly, options: [.create, .noFollow, .closeOnExec],
                    permissions: .ownerReadWrite)
            else { continue }
            let moment = timespec(tv_sec: Int(now.seconds), tv_nsec: 0)
            let isNoted = futimens(file.rawValue, [moment, moment]) == 0
            try? file.close()
            if isNoted { return }
        }
    }

    private func name(_ subject: String) -> String {
        Self.prefix + hex(Digest.of(Array(subject.utf8), .sha256).prefix(8))
    }
}
