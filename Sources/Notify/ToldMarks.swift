internal import Glibc
internal import Support
internal import SystemPackage

/// What was told while the book could not be written: an empty file for each subject, whose time says when. On a full disk an empty file
/// can still be made as a rule; where nothing can be written at all, the second folder is one in memory.
struct ToldMarks {
    static let prefix = "told-"
    let folders: [FilePath]

    func isTold(_ subject: String, within pause: Duration, now: Timestamp) -> Bool {
        folders.contains { folder in
            guard let status = try? FileStatus(at: folder.appending(name(subject))), status.kind == .file else {
                return false
            }
            let told = Timestamp(nanoseconds: status.modified)
            // A clock that was set back starts anew.
            return told <= now && now - told < pause
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
