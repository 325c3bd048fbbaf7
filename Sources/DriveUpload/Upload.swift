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

    private var options: DriveOptions { client.options }
    private var leftovers: UploadLeftovers { UploadLeftovers(client: client, states: states) }

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

    /// The file that Drive says it has. Drive may take a while to show it: until it does, its id is kept, because another one would
    /// make a second copy. Nil once it stayed away for so long that it must have been deleted.
    private func appeared(_ id: String, _ state: inout UploadState) async throws -> DriveFile? {
        let end = options.time.uptime + options.limits.appearance
        var attempt = 0
        while true {
            if let file = try await client.file(id) {
                state.unseen = nil
                return file
            }
            guard options.time.uptime < end else { break }
            attempt += 1
            let wait = options.limits.retry.wait(afterAttempt: attempt, random: options.random())
            try await options.time.sleep(for: min(max(wait, .milliseconds(100)), end - options.time.uptime))
        }
        let now = options.time.now
        if let since = state.unseen, since <= now, now - since >= options.limits.disappearance {
            state.unseen = nil
            return nil
        }
        // A clock that was set back begins anew.
        state.unseen = min(state.unseen ?? now, now)
        try states.save(state, key)
        throw OperatorError(
            "drive-unseen", doing: "uploading the bundle", subject: bundle.name,
            reason: "Drive said that it has the file \(id), and does not show it",
            advice: "run again later: it will be looked for, and not sent a second time", exit: .unavailable,
            isTemporary: true)
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

    private enum Initiation {
        case session(Secret)
        /// An earlier attempt landed.
        case exists(DriveFile)
    }

    /// Opens a session for the reserved id; reserves one first if there is none.
    private func initiate(_ state: inout UploadState) async throws -> Initiation {
        var unusable = 0
        var sessionless = 0
        while true {
            if state.id == nil {
                state.id = try await client.reserveID()
                try states.save(state, key)
            }
            guard let id = state.id else { throw unverifiable("") }
            let name = try await freeName()
            let answer = try await client.send(initiation(id, name))
            switch answer.status {
            case 200..<300:
                guard let uri = answer.response.headers["Location"] else {
                    sessionless += 1
                    if sessionless <= options.limits.sessionRestarts {
                        let wait = options.limits.retry.wait(afterAttempt: sessionless, random: options.random())
                        try await options.time.sleep(for: wait)
                        continue
                    }
                    throw OperatorError(
                        "drive-reply", doing: "starting the upload", subject: bundle.name,
                        reason: "the answer names no upload session", advice: "run again later",
                        exit: .unavailable, isTemporary: true)
                }
                let session = try resolve(uri)
                state.session = session
                state.sessionStarted = options.time.now
                try states.save(state, key)
                return .session(session)
            case 409:
                // Used up by a file that was in the trash, is gone or is another one, only a new id helps.
                if let landed = try await appeared(id, &state), isOurs(landed) {
                    guard landed.isTrashed else { return .exists(landed) }
                    state.discard.append(id)
                    try states.save(state, key)
                    await leftovers.remove(&state, key)
                }
            case 404:
                let refusal = DriveRefusal(answer.response, now: options.time.now, hiding: client.tokens.secrets)
                guard refusal.reason != nil || refusal.message != nil else {
                    throw OperatorError(
                        "drive-reply", doing: "starting the upload", subject: bundle.name,
                        reason: "the answer 404 is not one of Google Drive's", advice: DriveRefusal.laterAdvice,
                        exit: .unavailable, isTemporary: true)
                }
                throw DriveStore.invisibleFolder(folder)
            default:
                let refusal = DriveRefusal(answer.response, now: options.time.now, hiding: client.tokens.secrets)
                guard refusal.message?.contains("file ID is not usable") == true else {
                    throw refusal.error(doing: "starting the upload", subject: bundle.name)
                }
            }
            unusable += 1
            guard unusable <= 2 else {
                throw OperatorError(
                    "drive-id", doing: "starting the upload", subject: bundle.name,
                    reason: "Drive takes none of the file ids it gave out",
                    advice: DriveRefusal.laterAdvice, exit: .unavailable, isTemporary: true)
            }
            state.id = nil
        }
    }

    /// The bundle's name, or, where another bundle of the folder has it, the name with `-2`, `-3` …: Drive takes any number of files
    /// of one name, and people could not tell them apart.
    private func freeName() async throws -> String {
        let suffix = ".tar.zst.age"
        let stem = bundle.name.hasSuffix(suffix) ? String(bundle.name.dropLast(suffix.count)) : bundle.name
        for number in 1...100 {
            let name = number == 1 ? bundle.name : "\(stem)-\(number)" + bundle.name.dropFirst(stem.count)
            let found: (files: [DriveFile], isComplete: Bool)
            do {
                found = try await client.search([
                    "\(DriveQuery.literal(folder)) in parents", "trashed = false", "name = \(DriveQuery.literal(name))",
                ])
            } catch let error as OperatorError where error.type == "drive-refused" {
                options.logger.notice("Drive could not be asked whether another bundle has the name")
                return name
            }
            let isTaken = found.files.contains {
                $0.name == name && $0.parents.contains(folder) && $0.properties["sha256"] != bundle.properties.sha256
            }
            if !isTaken { return name }
        }
        return bundle.name
    }

    private func initiation(_ id: String, _ name: String) -> DriveClient.Call {
        DriveClient.Call(
            method: "POST", path: "/upload/drive/v3/files",
            query: [("uploadType", "resumable"), ("supportsAllDrives", "true"), ("fields", DriveFile.fields)],
            headers: [
                ("X-Upload-Content-Type", Self.mediaType), ("X-Upload-Content-Length", "\(bundle.properties.size)"),
            ],
            body: .object([
                .init("id", .string(id)), .init("name", .string(name)),
                .init("parents", .array([.string(folder)])), .init("mimeType", .string(Self.mediaType)),
                .init("appProperties", DriveProperties.encode(bundle.properties)),
            ]),
            doing: "starting the upload", subject: bundle.name, accepting: [400, 404, 409], needsDocument: false)
    }

    private static let mediaType = "application/octet-stream"

    /// The session's URI, which is given the data only if it is the initiating server's or Google's.
    private func resolve(_ location: String) throws -> Secret {
        let isRelative = location.hasPrefix("/") && !location.hasPrefix("//")
        let uri = Secret(Array(((isRelative ? options.endpoints.api : "") + location).utf8))
        guard isAllowed(uri) else {
            throw OperatorError(
                "drive-session-host", doing: "starting the upload", subject: bundle.name,
                reason: "the server names an upload session at a host that is not Google's; nothing was sent there",
                advice: DriveRefusal.strangerAdvice, exit: .unavailable)
        }
        return uri
    }

    private func isAllowed(_ uri: Secret) -> Bool {
        let text = uri.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        guard let origin = try? Origin(of: text) else { return false }
        return options.endpoints.allows(origin)
    }

    /// Compares Drive's size and checksums with the bundle's. A file that has none yet is looked at once more.
    private func verify(_ file: DriveFile) async throws -> (file: DriveFile, comparison: Checksums.Comparison) {
        func compare(_ file: DriveFile) -> Checksums.Comparison {
            guard let size = file.size else { return .unknown }
            return size == bundle.properties.size ? file.checksums.confirm(bundle.properties.checksums) : .different
        }
        let first = compare(file)
        guard first == .unknown else { return (file, first) }
        try await options.time.sleep(for: options.limits.retry.wait(afterAttempt: 2, random: options.random()))
        let again = try await client.file(file.id) ?? file
        return (again, compare(again))
    }

    /// The verified item behind an id that an earlier call saw. Nil: it was deleted, moved, or is another file now. Drive may not show
    /// it, or not all of it, for a while: that is waited for, since another upload would make a second copy.
    private func landed(_ id: String, _ state: inout UploadState) async throws -> StoredItem? {
        var shown = try await client.file(id)
        if shown == nil {
            if let item = try await existing() { return item }
            shown = try await appeared(id, &state)
        }
        guard let file = shown, !file.isTrashed, file.parents.contains(folder), isOurs(file) else { return nil }
        let (seen, comparison) = try await verify(file)
        switch comparison {
        case .equal: return seen.item
        case .different: return nil
        case .unknown: throw unverifiable(id)
        }
    }

    /// The same bytes in the folder from an earlier upload that this state directory knows nothing of.
    private func existing() async throws -> StoredItem? {
        let found: (files: [DriveFile], isComplete: Bool)
        do {
            found = try await client.search([
                "\(DriveQuery.literal(folder)) in parents", "trashed = false",
                DriveQuery.has(DriveProperties.tag.key, DriveProperties.tag.bundle),
                DriveQuery.has("sha256", bundle.properties.sha256),
            ])
        } catch let error as OperatorError where error.type == "drive-refused" {
            options.logger.notice("Drive could not be asked whether it has the bundle already")
            return nil
        }
        return found.files.lazy.filter { $0.parents.contains(folder) && isOurs($0) }.compactMap(\.item)
            .first(where: \.isVerified)
    }

    /// Whether a file was put there as this very bundle. An id that is given out twice leads to another one.
    private func isOurs(_ file: DriveFile) -> Bool {
        file.properties[DriveProperties.tag.key] == DriveProperties.tag.bundle
            && file.properties["instance"] == bundle.properties.instance
            && file.properties["sha256"] == bundle.properties.sha256
    }

    /// Refuses to start what cannot fit. What cannot be found out does not stop the upload: Drive itself says so later.
    private func checkSpace() async throws {
        let answer: DriveClient.Answer
        do {
            answer = try await client.send(
                DriveClient.Call(
                    method: "GET", path: "/drive/v3/about", query: [("fields", "storageQuota")],
                    doing: "asking for the free space"))
        } catch let error as OperatorError where error.type != "drive-credential" && error.type != "drive-token" {
            options.logger.notice("Drive's free space could not be found out")
            return
        }
        // Amounts, so that their difference is a number too.
        guard let limit = answer.document["storageQuota"]?["limit"]?.integer, limit >= 0,
            let usage = answer.document["storageQuota"]?["usage"]?.integer, usage >= 0,
            limit - usage < bundle.properties.size
        else { return }
        // A shared drive has its own accounts; only its metadata says that the folder is in one.
        if try await DriveStore.sharedDrive(of: folder, client) != nil { return }
        throw OperatorError(
            "drive-full", doing: "uploading the bundle", subject: bundle.name,
            reason: "Google Drive has \(max(0, limit - usage)) bytes free, the bundle has \(bundle.properties.size)",
            advice: client.isServiceAccount
                ? "service accounts own no storage: use a folder in a shared drive, or a person's own credential"
                : "free some space in the account (its trash counts too), or keep fewer bundles",
            exit: .cannotWrite)
    }

    private func changed() -> OperatorError {
        OperatorError(
            "changed", doing: "uploading the bundle", subject: bundle.file.printable,
            reason: "it changed after its checksums were taken", exit: .damagedInput)
    }

    private func unverifiable(_ id: String) -> OperatorError {
        OperatorError(
            "drive-unverified", doing: "uploading the bundle", subject: bundle.name,
            reason: "Drive gives no checksum for the file \(id), so it cannot be said whether it is whole",
            advice: "run again later: it will be looked at anew", exit: .unavailable, isTemporary: true)
    }
}
