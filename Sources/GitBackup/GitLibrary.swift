internal import CGit2
internal import Glibc
internal import Support

/// libgit2, started once for the life of the process, with no configuration but a repository's own.
enum GitLibrary {
    private static let started: Bool = {
        guard git_libgit2_init() >= 0 else { return false }
        // No system, user or XDG configuration: url.<x>.insteadOf there would redirect a push, and a user's filters would change
        // what is stored. These are the levels that libgit2 1.5 reads from files (git_config_level_t 1 to 4).
        for level: Int32 in 1...4 where hx_git_set_search_path(level, "/dev/null") != 0 { return false }
        // Each tree is read once: a cache of them would hold a whole home's.
        return hx_git_enable_caching(0) == 0 && hx_git_enable_fsync_gitdir(1) == 0
    }()

    static func start() throws {
        guard started else { throw error("git.start", doing: "starting libgit2") }
    }

    /// What the thread's last error says; read in the same call that failed, for another call would overwrite it.
    static var lastMessage: String {
        guard let last = git_error_last(), let message = last.pointee.message else { return "libgit2 gives no reason" }
        return printable(UnsafeRawBufferPointer(start: message, count: strlen(message)), limit: 500)
    }

    /// The thread's last libgit2 error. One of a full disk says so, whatever was being done.
    ///
    /// - Parameter reason: what it says, where that was read before.
    static func error(
        _ type: String = "git.failure", doing: String, subject: String? = nil, advice: String? = nil,
        exit: ExitStatus = .failure, isTemporary: Bool = false, reason: String? = nil
    ) -> OperatorError {
        let message = reason ?? lastMessage
        // libgit2 keeps of a system's error only the words, behind its own.
        if let code = [ENOSPC, EDQUOT, EROFS].first(where: { message.contains(errorText($0)) }) {
            var full = OperatorError.system(code, doing: doing, subject: subject)
            full.reason = message
            return full
        }
        return OperatorError(
            type, doing: doing, subject: subject, reason: message, advice: advice, exit: exit, isTemporary: isTemporary)
    }

    static func check(_ code: Int32, _ doing: String, _ subject: String? = nil) throws {
        guard code >= 0 else { throw error(doing: doing, subject: subject) }
    }
}
