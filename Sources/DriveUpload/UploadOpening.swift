internal import HTTP
internal import Logging
internal import Stores
internal import Support

/// How an upload begins: whether there is room, the reserved id, the file's name, the session.
extension Upload {
    enum Initiation {
        case session(Secret)
        /// An earlier attempt landed.
        case exists(DriveFile)
    }

    /// Opens a session for the reserved id; reserves one first if there is none.
    func initiate(_ state: inout UploadState) async throws -> Initiation {
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

    func isAllowed(_ uri: Secret) -> Bool {
        let text = uri.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        guard let origin = try? Origin(of: text) else { return false }
        return options.endpoints.allows(origin)
    }

    /// Refuses to start what cannot fit. What cannot be found out does not stop the upload: Drive itself says so later.
    func checkSpace() async throws {
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
}
