internal import Support
internal import SystemPackage

extension Session {
    /// To be called before anything is written to the state directory: what root writes into another user's state belongs to root, and
    /// that user's messages, records and status can be written no more.
    func requireOwnState() throws {
        // One that is not there yet is made by this user; what else is wrong with it shows when it is used.
        guard let status = try? FileStatus(following: stateDirectory), status.owner != user else { return }
        throw OperatorError(
            "state.owner", doing: "working in the state directory", subject: stateDirectory.printable,
            reason:
                "it belongs to another user (id \(status.owner)), and what this one (id \(user)) writes there would lock its owner out",
            advice:
                "run the command as that user, for example: runuser -u USER -- hermes-ops-runner …; or name another --state-dir",
            exit: .configuration)
    }
}
