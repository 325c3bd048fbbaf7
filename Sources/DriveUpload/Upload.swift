internal import HTTP
internal import Logging
internal import Stores
internal import Support
internal import SystemPackage

/// One bundle on its way into a Drive folder.
///
/// The file's id is reserved and written down before anything is made with it, so that whatever is lost on the way, Drive cannot end
/// up with two: a second create with the same id is refused (409), and what is behind the id says whether the first one landed.
struct Upload {
    let client: DriveClient
    let bundle: OutgoingBundle
    let folder: String
    let states: UploadStates
    let key: String
    let progress: any ProgressReporter

    var options: DriveOptions { client.options }
    var leftovers: UploadLeftovers { UploadLeftovers(client: client, states: states) }

    /// Until the bundle is in Drive and verified.
    func run() async throws -> StoredItem {
        let deadline = options.time.uptime + options.limits.deadline
        let file = try FileSystem.openRegular(bundle.file)
        defer { file.closeQuietly() }
        let before = try FileStatus(of: file)
        guard before.size == bundle.properties.size else { throw changed() }
        var state = states.load(key) ?? UploadState(updated: options.time.now)
        await leftovers.remove(&state, key)
        await leftovers.removeOthers(except: key)
        if state.isFinished, let id = state.id {
            if let item = try await landed(id, &state) { return item }
            // It was deleted since: this is a new upload.
            state = UploadState(discard: state.discard, updated: options.time.now)
        }
        if state.id == nil {
            if let item = try await existing() { return item }
            try await checkSpace()
        }
        progress.begin("uploading \(bundle.name)", total: bundle.properties.size)
        defer { progress.end() }
        let meter = ProgressMeter(progress)
        var mismatches = 0
        while true {
            let (sent, comparison) = try await verify(try await send(file, &state, deadline, meter))
            switch comparison {
            case .equal:
                guard let item = sent.item else {
                    throw OperatorError(
                        "drive-unverified", doing: "uploading the bundle", subject: bundle.name,
                        reason: "Drive does not show what it was told about the file \(sent.id)",
                        advice: "run again later: it will be looked at anew", exit: .unavailable, isTemporary: true)
                }
                guard sent.parents.contains(folder) else {
                    throw OperatorError(
                        "drive-moved", doing: "uploading the bundle", subject: bundle.name,
                        reason: "Drive has it, as the file \(sent.id), and not in the folder \(folder)",
                        advice: "look who moves files out of the folder, and move it back", exit: .unavailable)
                }
                state.isFinished = true
                state.session = nil
                try states.save(state, key)
                return item
            case .unknown: throw unverifiable(sent.id)
            case .different:
                mismatches += 1
                state = UploadState(discard: state.discard + [sent.id], updated: options.time.now)
                try states.save(state, key)
                let fate: String
                switch await leftovers.remove(&state, key)[sent.id] {
                case .deleted: fate = "what it held was deleted"
                case .failed(let reason): fate = "what it held could not be deleted (\(reason))"
                case .foreign, nil: fate = "the file \(sent.id) is not this bundle's, and was left alone"
                }
                options.logger.warning("Drive holds other bytes than were sent: \(fate)")
                guard try FileStatus(of: file).isSameContent(as: before) else { throw changed() }
                guard mismatches < 2 else {
                    throw OperatorError(
                        "drive-damaged", doing: "uploading the bundle", subject: bundle.name,
                        reason: "twice Drive's checksum was not that of the bundle; \(fate)",
                        advice: "run again later; if it stays so, check this machine's memory and disk",
                        exit: .damagedInput)
                }
            }
        }
    }

    /// Sends until a file is behind the reserved id, through as many sessions as are allowed.
    private func send(
        _ file: FileDescriptor, _ state: inout UploadState, _ deadline: Duration, _ meter: ProgressMeter
    ) async throws -> DriveFile {
        var restarts = 0
        while true {
            let session: UploadSession
            var offset: Int64?
            // One that began after now was begun under another clock: the server knows how old it is.
            if state.id != nil, let uri = state.session, let started = state.sessionStarted,
                options.time.now - started < options.limits.sessionLifetime, isAllowed(uri)
            {
                session = UploadSession(uri: uri, size: bundle.properties.size, client: client)
            } else {
                switch try await initiate(&state) {
                case .exists(let landed): return landed
                case .session(let uri):
                    session = UploadSession(uri: uri, size: bundle.properties.size, client: client)
                    offset = 0
                }
            }
            var transfer = Transfer(session: session, file: file, deadline: deadline, meter: meter)
            let end = try await transfer.run(from: offset)
            // It was not all there yet, whatever was said before.
            if transfer.hasSent { state.unseen = nil }
            guard let id = state.id else { throw unverifiable("") }
            let isFinished = end.error == nil
            if let landed = try await isFinished ? appeared(id, &state) : client.file(id) {
                guard landed.isTrashed else { return Self.merge(end.file, landed) }
                // It would come to the same with every further copy.
                state = UploadState(discard: state.discard + [id], updated: options.time.now)
                try states.save(state, key)
                await leftovers.remove(&state, key)
                try await DriveStore.requireUsable(folder, client)
                throw OperatorError(
                    "drive-trashed", doing: "uploading the bundle", subject: bundle.name,
                    reason: "Drive had it in the trash as soon as it was sent; it was deleted there",
                    advice: "look who empties the folder, then run again", exit: .unavailable, isTemporary: true)
            }
            restarts += 1
            guard restarts <= options.limits.sessionRestarts else {
                var error = end.error ?? unverifiable(id)
                error.subject = error.subject ?? bundle.name
                error.reason += " (\(restarts) upload sessions came to nothing)"
                error.advice = error.advice ?? "run again later"
                throw error
            }
            options.logger.notice(
                isFinished
                    ? "the file was deleted since it was sent; it is sent again under a new id"
                    : "the upload session is gone; a new one is opened for the same file")
            try await options.time.sleep(
                for: options.limits.retry.wait(afterAttempt: restarts, random: options.random()))
            if isFinished { state.id = nil }
            state.session = nil
            state.sessionStarted = nil
            try states.save(state, key)
        }
    }

    /// What the server said at the end and what it says now must both be right: of two that differ, the one that does not fit.
    private static func merge(_ said: DriveFile?, _ now: DriveFile) -> DriveFile {
        guard let said, said.id == now.id, said.size == now.size, said.checksums.confirm(now.checksums) != .different
        else {
            return now
        }
        var merged = now
        merged.checksums = Checksums(
            md5: now.checksums.md5 ?? said.checksums.md5, sha256: now.checksums.sha256 ?? said.checksums.sha256)
        return merged
    }

    private func changed() -> OperatorError {
        OperatorError(
            "changed", doing: "uploading the bundle", subject: bundle.file.printable,
            reason: "it changed after its checksums were taken", exit: .damagedInput)
    }
}
