internal import HTTP
public import Support
internal import Synchronization
internal import SystemPackage

extension BackupRepository {
    public struct PushOutcome: Sendable {
        public enum Result: Sendable, Hashable {
            /// The remote had everything.
            case upToDate
            case pushed
            /// The answer was lost, but the remote's branch stands where it should.
            case landedWithoutAnswer
        }

        public var result: Result
        /// What the remote's branch names now; read again after a push.
        public var tip: ObjectID
        /// Objects and bytes that were sent.
        public var objects: Int
        public var bytes: Int64
    }

    /// A part of a commit that the remote does not have. It lives only while it is visited.
    public struct OutgoingItem {
        public enum Kind: Sendable, Hashable {
            case file
            /// A path, new to its folder, of content that is visited elsewhere or that the remote has.
            case name
            /// The commit itself: who made it, and its message.
            case commit
        }

        public let kind: Kind
        /// From the top of the repository; of a commit, what to call it.
        public let path: [UInt8]
        public let id: ObjectID?
        /// The first of the outgoing commits that has it.
        public let commit: ObjectID
        /// What the remote's branch names; nil if it has none yet.
        public let remote: ObjectID?
        let load: () throws -> [UInt8]

        /// Reads the content; a caller that has judged this id before need not. Nothing for a name.
        public var content: [UInt8] { get throws { try load() } }
    }

    /// What the remote's branch names; nil if there is no such branch. Asks as a reader (`ls-remote`).
    public func remoteTip(_ access: RemoteAccess) async throws -> ObjectID? {
        try await offPoolCancellable { [self] cancellation in
            try conversation(.uploadPack, access, cancellation).advertisement().target(of: reference)
        }
    }

    private static func visit(
        _ outgoing: Outgoing, over remote: ObjectID?, _ repository: RepositoryHandle, _ cancellation: CancellationFlag,
        _ visit: (OutgoingItem) throws -> Void
    ) throws {
        for id in outgoing.commits {
            try cancellation.check()
            let name = "commit \(id.description.prefix(12))"
            try visit(
                OutgoingItem(kind: .commit, path: Array(name.utf8), id: id, commit: id, remote: remote) {
                    try words(repository.read(id).content)
                })
        }
        /// Visits a list whose parts belong to the commits, one after the other.
        func each(_ ends: [Int], _ body: (Int, ObjectID) throws -> Void) throws {
            var place = 0
            for (commit, end) in zip(outgoing.commits, ends) {
                while place < end {
                    try cancellation.check()
                    try body(place, commit)
                    place += 1
                }
            }
        }
        try each(outgoing.ends.map(\.names)) { place, commit in
            let path = Array(outgoing.names[place])
            try visit(OutgoingItem(kind: .name, path: path, id: nil, commit: commit, remote: remote) { [] })
        }
        try each(outgoing.ends.map(\.blobs)) { place, commit in
            let (path, id) = (Array(outgoing.paths[place]), outgoing.blobs[place])
            try visit(
                OutgoingItem(kind: .file, path: path, id: id, commit: commit, remote: remote) {
                    try repository.read(id).content
                })
        }
    }

    /// What people write of a commit: all but the ids and the signatures, which look like secrets and can hold none. The text of a tag
    /// that was merged stays.
    static func words(_ commit: [UInt8]) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        var isSignature = false
        var rest = commit[...]
        while let line = rest.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false).first, !line.isEmpty
        {
            rest = rest[min(line.endIndex + 1, rest.endIndex)...]
            func begins(_ word: String) -> Bool { line.starts(with: Array(word.utf8)) }
            if line.first != UInt8(ascii: " ") { isSignature = begins("gpgsig") }
            if !isSignature, !begins("tree "), !begins("parent ") { kept.append(line) }
        }
        return Array((kept + [rest]).joined(separator: [10]))
    }

    /// Brings the remote's branch to the local one: fast-forward only, never forced, and verified by reading it again.
    ///
    /// One attempt: a temporary error (``OperatorError/isTemporary``) is the caller's to retry.
    ///
    /// - Parameter gate: sees every file, name and commit that is about to leave, before anything does; its error ends the push.
    public func push(
        _ access: RemoteAccess, gate: @escaping @Sendable (OutgoingItem) throws -> Void
    ) async throws -> PushOutcome {
        try await offPoolCancellable { [self] cancellation in
            try exclusively(cancellation) { repository, _ in try push(repository, access, gate, cancellation) }
        }
    }

    private func push(
        _ repository: RepositoryHandle, _ access: RemoteAccess, _ gate: (OutgoingItem) throws -> Void,
        _ cancellation: CancellationFlag
    ) throws -> PushOutcome {
        guard let head = try repository.target(of: reference) else {
            throw OperatorError(
                "git.unborn", doing: "pushing to", subject: settings.remote.label, reason: "there is no commit yet",
                advice: "run the backup's commit step first")
        }
        let conversation = try conversation(.receivePack, access, cancellation)
        let advertisement = try conversation.advertisement()
        let tip = advertisement.target(of: reference)
        if tip == head { return try finished(.upToDate, repository, head) }
        if let tip, try !repository.descends(head, from: tip) {
            throw PushRejection.diverged(settings.remote.label, "it is no fast-forward")
        }
        let outgoing = try Outgoing(from: repository, head: head, remote: tip)
        try Self.visit(outgoing, over: tip, repository, cancellation, gate)
        let pack = try outgoing.pack(repository, scratch: state(repository), cancellation: cancellation)
        defer { pack.closeQuietly() }
        let body = GitRequestBody(
            head: command(from: tip, to: head, advertisement.capabilities), pack: pack,
            packLength: try FileStatus(of: pack).size)
        let answer = try PushAnswer(isSideband: advertisement.capabilities.contains("side-band-64k"))
        var result = PushOutcome.Result.pushed
        do {
            try conversation.request(body) { try answer.take($0) }
            try answer.verdict(reference: reference, subject: settings.remote.label, token: access.token)
        } catch let failure where Self.isLost(failure) {
            // The push may have landed all the same: the remote knows.
            guard try currentTip(access, cancellation) == head else { throw failure }
            result = .landedWithoutAnswer
        }
        if result == .pushed {
            let now = try currentTip(access, cancellation)
            guard now == head else {
                throw OperatorError(
                    "git.not-landed", doing: "pushing to", subject: settings.remote.label,
                    reason: "the server reported success, but its branch names \(now?.description ?? "nothing")",
                    isTemporary: true)
            }
        }
        var outcome = try finished(result, repository, head)
        outcome.objects = outgoing.count
        outcome.bytes = body.length
        return outcome
    }

    private func currentTip(_ access: RemoteAccess, _ cancellation: CancellationFlag) throws -> ObjectID? {
        try conversation(.receivePack, access, cancellation).advertisement().target(of: reference)
    }

    private func finished(_ result: PushOutcome.Result, _ repository: RepositoryHandle, _ head: ObjectID) throws
        -> PushOutcome
    {
        let tracking = "refs/remotes/origin/\(settings.branch)"
        if try repository.target(of: tracking) != head {
            try repository.setRemoteTracking(tracking, to: head, identity: settings.identity)
        }
        return PushOutcome(result: result, tip: head, objects: 0, bytes: 0)
    }

    private func command(from old: ObjectID?, to new: ObjectID, _ capabilities: Set<String>) -> [UInt8] {
        let wanted = ["report-status", "side-band-64k", "ofs-delta"].filter(capabilities.contains)
        let words = (wanted + ["agent=hermes-ops-runner"]).joined(separator: " ")
        return PacketLine.encode("\(old ?? .none) \(new) \(reference)\0 \(words)") + PacketLine.flushBytes
    }

    /// Whether a push may have landed although this error came.
    private static func isLost(_ error: any Error) -> Bool {
        guard let error = error as? OperatorError else { return false }
        return (error.type.hasPrefix("network.") && !error.wasSurelyNotSent) || error.type == "git.no-report"
            || error.type == "git.timeout" || error.type == "git.protocol" || error.type == "git.unavailable"
    }

    func conversation(_ service: GitService, _ access: RemoteAccess, _ cancellation: CancellationFlag) throws
        -> any GitConversation
    {
        switch settings.remote {
        case .http(let url, let origin):
            HTTPConversation(url: url, origin: origin, service: service, access: access, cancellation: cancellation)
        case .local(let path):
            LocalConversation(path: path, service: service, patience: access.patience, cancellation: cancellation)
        }
    }
}

/// Collects a server's answer to a push.
final class PushAnswer: Sendable {
    private struct State {
        var sideband = Sideband()
        var report: [UInt8] = []
    }

    private let isSideband: Bool
    private let state = Mutex(State())

    init(isSideband: Bool) throws { self.isSideband = isSideband }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        try state.withLock { state in
            func keep(_ data: some Sequence<UInt8>) throws {
                state.report.append(contentsOf: data)
                guard state.report.count <= 1 << 20 else { throw PacketLine.broken }
            }
            if isSideband {
                var report: [UInt8] = []
                try state.sideband.take(bytes) { report += $0 }
                try keep(report)
            } else {
                try keep(bytes)
            }
        }
    }

    /// Throws unless the server says that it took the pack and the reference.
    func verdict(reference: String, subject: String, token: Secret?) throws {
        let (report, text, fatal) = state.withLock { ($0.report, $0.sideband.text, $0.sideband.fatal) }
        func rejection(_ reason: String) -> OperatorError {
            PushRejection.error(
                reason: ServerText.clean(Array(reason.utf8), token: token, limit: 300), text: text, subject: subject,
                token: token)
        }
        if let fatal { throw rejection(String(decoding: fatal, as: UTF8.self)) }
        let parsed = try PushReport(report)
        if let status = parsed.references[Array(reference.utf8)] {
            if let reason = status { throw rejection(reason) }
            guard parsed.unpack == "ok" else { throw rejection("unpack \(parsed.unpack)") }
            return
        }
        if !parsed.unpack.isEmpty, parsed.unpack != "ok" { throw rejection("unpack \(parsed.unpack)") }
        throw OperatorError(
            "git.no-report", doing: "pushing to", subject: subject,
            reason: "the answer ended before it said whether the push was taken",
            exit: .unavailable, isTemporary: true)
    }
}
