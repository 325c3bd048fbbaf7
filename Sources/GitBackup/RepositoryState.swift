public import Support

extension BackupRepository {
    /// What a look at the repository tells, for a watchdog.
    public struct State: Sendable {
        /// The branch's last commit; nil before the first.
        public var head: ObjectID?
        public var committedAt: Timestamp?
        /// Files of the backup folder that differ from the last commit.
        public var dirtyFiles: Int
        /// Commits that the remote did not have when it was last pushed to.
        public var unpushedCommits: Int
        /// When the oldest of them was made; nil when none waits.
        public var oldestUnpushed: Timestamp?
        /// The last commits, newest first, at most `historyLimit` of them.
        public var history: [(commit: ObjectID, at: Timestamp)]
    }

    /// Looks at the repository without changing anything or asking the remote; nil when there is none yet.
    public func look(historyLimit: Int = 30) async throws -> State? {
        try await offPool { [self] in
            guard try needsRepository() == false else { return nil }
            let repository = try open()
            let head = try repository.target(of: reference)
            let folder = BackupFolder(repository: repository, name: Array(settings.folder.utf8))
            let dirty = try folder.differenceCount(folder.listing(of: head))
            guard let head else {
                return State(
                    head: nil, committedAt: nil, dirtyFiles: dirty, unpushedCommits: 0, oldestUnpushed: nil, history: []
                )
            }
            let pushed = try repository.target(of: "refs/remotes/origin/\(settings.branch)")
            let waiting = pushed == head ? [] : try repository.commits(of: head, without: pushed)
            var history: [(commit: ObjectID, at: Timestamp)] = []
            var next: ObjectID? = head
            while let commit = next, history.count < historyLimit {
                history.append((commit, try repository.time(of: commit)))
                next = try repository.commit(commit).parents.first
            }
            return State(
                head: head, committedAt: history.first?.at, dirtyFiles: dirty, unpushedCommits: waiting.count,
                oldestUnpushed: try waiting.map(repository.time).min(), history: history)
        }
    }
}
