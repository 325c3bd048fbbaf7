internal import Support

/// Why a server did not take a push, told from the reference's status and from what it said in the sideband.
enum PushRejection {
    /// - Parameters:
    ///   - reason: the reference's status, or the unpacker's.
    ///   - text: what the server said, still as bytes.
    static func error(reason: String, text: [UInt8], subject: String, token: Secret?) -> OperatorError {
        let said = ServerText.clean(text, token: token, limit: 600)
        let all = (reason + " " + said).lowercased()
        func make(_ type: String, _ what: String, _ advice: String, _ exit: ExitStatus = .failure) -> OperatorError {
            OperatorError(
                "git.\(type)", doing: "pushing to", subject: subject,
                reason: "\(what) (\(reason)\(said.isEmpty ? "" : "; the server says: \(said)"))", advice: advice,
                exit: exit)
        }
        if all.contains("gh013") || all.contains("push protection") || all.contains("secret scanning") {
            return make(
                "push-protection", "LEAK ALARM: the server found a secret in the backup and refused it",
                "do not follow its link; find the secret with `scan`, add a sanitizer rule, and replace the secret where it was made",
                .refused)
        }
        if all.contains("gh006") || all.contains("protected branch") {
            return make(
                "protected-branch", "the branch is protected",
                "allow this token to push to it, or let repository.branch name another")
        }
        if all.contains("gh001") || all.contains("large file") {
            return make("large-file", "a file is too large for the server", "lower sanitizer.maxFileSize")
        }
        if all.contains("non-fast-forward") || all.contains("fetch first") {
            return diverged(subject, "the server refused it as no fast-forward")
        }
        if all.contains("hook declined") {
            return make("hook", "a hook of the server declined it", "see what it says, or ask who runs the server")
        }
        if all.contains("currently checked out") || all.contains("refusing to update checked out branch") {
            return make(
                "checked-out", "the remote has this branch checked out in a work tree",
                "let repository.remote be a bare repository")
        }
        return make("rejected", "the server rejected it", "see what it says")
    }

    static func diverged(_ subject: String, _ reason: String) -> OperatorError {
        OperatorError(
            "git.diverged", doing: "pushing to", subject: subject,
            reason: "\(reason): the remote branch holds commits that are not here, and nothing is ever forced",
            advice: "look at both histories; if the remote's is right, move the local repository away and run again")
    }
}
