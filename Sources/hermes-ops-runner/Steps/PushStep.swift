internal import Foundation
internal import GitBackup
internal import HTTP
internal import Jobs
internal import Sanitizer
internal import Support
internal import Synchronization
internal import SystemPackage

/// `push`: brings the remote's branch to the local commit, after one more look at everything that is about to leave.
struct PushStep: Step {
    let session: Session

    func run(_ context: StepContext) async throws -> StepOutcome {
        let configuration = context.configuration
        let access: RepositoryAccess
        if let known = context.values[BackupValues.repository] {
            access = known
        } else {
            access = try await session.repository(configuration)
        }
        guard access.config.remote != nil else {
            return StepOutcome(.skip, changed: false, summary: "no remote is declared")
        }
        let warnings = try await checkReach(access, context)
        var tree = context.values[BackupValues.tree]
        let gate: Gate
        if let tree, !tree.isGateStale {
            gate = tree.gate
        } else {
            let sanitizer = try await session.sanitizer(configuration)
            let home = configuration.instance.hermesHome
            gate = try await offPoolCancellable { try sanitizer.gate(home: home, cancellation: $0) }
            // What was stored in the home since the commit was made is searched for in all that leaves.
            if let known = tree?.gate, !known.hasSameValues(as: gate) { tree = nil }
        }
        let folder = Array(access.repository.settings.folder.utf8) + [UInt8(ascii: "/")]
        let files = tree?.files
        let repository = access.repository.settings.path
        let unread = Mutex<[String]>([])
        let outcome = try await access.repository.push(access.remote) { item in
            guard item.kind != .commit else {
                let hits = try gate.hits(in: item.content, name: item.path)
                guard hits.isEmpty else { throw Self.refusal(hits) }
                return
            }
            let isInside = item.path.starts(with: folder)
            let name = isInside ? Array(item.path.dropFirst(folder.count)) : item.path
            // What this run staged went through this very gate a moment ago.
            if isInside, let files, let place = files.paths.index(of: name), files.blob(place) == item.id { return }
            let hits = try gate.hits(in: item.content, name: name)
            // What people keep beside the folder is theirs; that it could not be looked into is told.
            if !isInside, hits.allSatisfy(\.isUnread) {
                let told = hits.map { "\($0.path) (\($0.unread ?? ""))" }
                return unread.withLock { $0 += told }
            }
            guard hits.isEmpty else { throw Self.refusal(hits, of: item, in: repository) }
        }
        var effects = RunEffects()
        effects.pushed = true
        return StepOutcome(
            changed: outcome.result != .upToDate, items: Int64(outcome.objects), bytes: outcome.bytes,
            effects: effects,
            warnings: warnings + Self.warning(unread.withLock { $0 }),
            summary: outcome.result == .upToDate ? "the remote had everything" : "pushed")
    }

    /// No rule leaves out what is committed, and no removal helps: the commits have to change.
    private static func refusal(_ hits: [GateHit], of item: BackupRepository.OutgoingItem, in repository: FilePath)
        -> OperatorError
    {
        var error = Gate.refusal(hits)
        error.reason += ", in commit \(item.commit.description.prefix(12)), which is not pushed yet"
        let back = item.remote.map { "git reset --soft \($0.description.prefix(12))" } ?? "git update-ref -d HEAD"
        error.advice =
            "run `\(back)` in \(repository.printable), take the secret out if it still stands there (edit and `git add`, or `git rm --cached`), `git commit`, then run again"
        return error
    }

    private static func warning(_ unread: [String]) -> [String] {
        guard !unread.isEmpty else { return [] }
        let shown = unread.prefix(5).map { shortened($0, to: 120) }.joined(separator: ", ")
        return [
            "beside the backup's folder, pushed without having been looked into: \(shown)\(unread.count > 5 ? " and \(unread.count - 5) more" : "")"
        ]
    }

    /// No rule can leave a commit out: its words have to change.
    private static func refusal(_ hits: [GateHit]) -> OperatorError {
        var error = Gate.refusal(hits)
        error.advice =
            "take the secret out of the commit's message, author or committer with git (`git rebase -i`), then run again"
        return error
    }

    /// Before the first push and weekly: how far the token reaches. The answer is kept in the state directory.
    private func checkReach(_ access: RepositoryAccess, _ context: StepContext) async throws -> [String] {
        guard let token = access.remote.token, let remote = access.config.remote else { return [] }
        let file = context.stateDirectory.appending("token-reach.json")
        let fingerprint = try hex(
            token.withUnsafeBytes { keyedHash($0, key: try session.fingerprintKey(), length: 16) })
        let known = (try? FileSystem.read(file, limit: 4096)).flatMap {
            try? JSONDecoder().decode(ReachRecord.self, from: Data($0))
        }
        var record: ReachRecord
        let now = context.time.now
        if let known, known.remote == remote, known.token == fingerprint, known.checkedAt <= now,
            now - known.checkedAt < .seconds(7 * 86400)
        {
            record = known
        } else {
            record = ReachRecord(remote: remote, token: fingerprint, checkedAt: now, reach: "unknown", reason: "")
            switch try await access.repository.tokenReach(
                access.remote, forge: access.config.api.map(TokenReach.Forge.init))
            {
            case .scoped(let reason): (record.reach, record.reason) = ("scoped", reason)
            case .broad(let reason): (record.reach, record.reason) = ("broad", reason)
            case .unknown(let reason): (record.reach, record.reason) = ("unknown", reason)
            }
            // What could not be found out is asked again at the next run.
            if record.reach != "unknown" {
                try FileSystem.replace(file, with: Array(try JSONEncoder().encode(record)))
            }
        }
        switch record.reach {
        case "scoped": return []
        case "broad":
            if let refusal = TokenReach.broad(record.reason).refusal(allowBroadToken: access.config.allowBroadToken) {
                throw refusal
            }
            return ["the push token reaches further than this repository: \(record.reason)"]
        default: return ["how far the push token reaches could not be found out: \(record.reason)"]
        }
    }

    private struct ReachRecord: Codable {
        var remote: String
        var token: String
        var checkedAt: Timestamp
        var reach: String
        var reason: String
    }
}
