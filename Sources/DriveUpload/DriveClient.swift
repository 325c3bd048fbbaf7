internal import HTTP
internal import Support

/// Calls of the Drive API, with token, retries and errors; an answer's JSON is bounded and whole or the call fails.
struct DriveClient: Sendable {
    let http: HTTPClient
    let tokens: AccessTokens
    let options: DriveOptions
    let isServiceAccount: Bool

    init(http: HTTPClient, credential: DriveCredential, options: DriveOptions) {
        self.http = http
        self.options = options
        tokens = AccessTokens(credential, http: http, options: options)
        isServiceAccount = credential.isServiceAccount
    }

    struct Call {
        var method: String
        /// From the root: `/drive/v3/files`.
        var path: String
        var query: [(String, String)] = []
        var headers: [(name: String, value: String)] = []
        var body: JSONDocument?
        /// For messages.
        var doing: String
        var subject: String?
        /// Statuses beside 2xx that the caller wants to see.
        var accepting: Set<Int> = []
        /// Whether a success must come with JSON.
        var needsDocument = true
    }

    /// An answer and its JSON, which is null where the body is empty or the status is no success.
    struct Answer {
        var response: HTTPResponse
        var document: JSONDocument
        var status: Int { response.status }
    }

    /// Sends a call that may be sent twice without harm, as all of them here: what is created has a reserved id.
    func send(_ call: Call) async throws -> Answer {
        var refused: Secret?
        do {
            return try await options.limits.retry.run(time: options.time, random: options.random) { _ in
                let used = try await token(insteadOf: refused)
                let response = try await once(call, used)
                if response.status == 401, refused == nil {
                    // Once: a second refusal of a fresh token is final.
                    refused = used
                    return try judge(try await once(call, try await token(insteadOf: used)), call)
                }
                return try judge(response, call)
            }
        } catch let failure as TokenFailure {
            throw failure.error
        }
    }

    /// A token that could not be had. It was asked for as often as is allowed already: the call is not tried again for it.
    private struct TokenFailure: Error { let error: OperatorError }

    private func token(insteadOf refused: Secret?) async throws -> Secret {
        do {
            return try await tokens.current(insteadOf: refused)
        } catch let error as OperatorError {
            throw TokenFailure(error: error)
        }
    }

    private func once(_ call: Call, _ token: Secret) async throws -> HTTPResponse {
        let query = call.query.map { "\($0.0)=\(FormEncoding.component($0.1))" }.joined(separator: "&")
        let url = options.endpoints.api + call.path + (query.isEmpty ? "" : "?" + query)
        var headers = call.headers + [("Accept", "application/json")]
        if call.body != nil { headers.append(("Content-Type", "application/json; charset=UTF-8")) }
        let request = HTTPRequest(
            call.method, url, headers: headers, authorization: .bearer(token),
            body: call.body.map { .bytes($0.serialized) } ?? .none, timeouts: options.limits.call)
        do {
            return try await http.send(request)
        } catch var error as OperatorError where error.type.hasPrefix("network.") {
            // An answer out of all proportion, or no HTTP: another attempt may meet a healthier server.
            if error.type == "network.reply" { error.isTemporary = true }
            error.reason = "\(error.doing) \(error.subject ?? "the server"): \(error.reason)"
            error.doing = call.doing
            error.subject = call.subject
            if error.isTemporary { error.advice = error.advice ?? "look at the network, then run again" }
            throw error
        }
    }

    private func judge(_ response: HTTPResponse, _ call: Call) throws -> Answer {
        if (200..<300).contains(response.status) {
            if !call.needsDocument { return Answer(response: response, document: .null) }
            guard let document = try? JSONDocument(parsing: response.body) else {
                throw OperatorError(
                    "drive-reply", doing: call.doing, subject: call.subject,
                    reason: "Google Drive's answer is not JSON, or was cut off",
                    advice: DriveRefusal.laterAdvice,
                    exit: .unavailable, isTemporary: true)
            }
            return Answer(response: response, document: document)
        }
        if call.accepting.contains(response.status) { return Answer(response: response, document: .null) }
        let refusal = DriveRefusal(response, now: options.time.now, hiding: tokens.secrets)
        var error = refusal.error(doing: call.doing, subject: call.subject, isServiceAccount: isServiceAccount)
        if error.isTemporary { error.retryAfter = refusal.retryAfter }
        throw error
    }

    /// A file's metadata; nil if it is gone or not to be seen.
    func file(_ id: String) async throws -> DriveFile? {
        let answer = try await send(
            Call(
                method: "GET", path: "/drive/v3/files/\(id)",
                query: [("fields", DriveFile.fields), ("supportsAllDrives", "true")], doing: "looking at the file",
                subject: id, accepting: [404]))
        if answer.status == 404 { return nil }
        guard let file = DriveFile(answer.document), file.id == id else {
            throw OperatorError(
                "drive-reply", doing: "looking at the file", subject: id,
                reason: "the answer is about another file, or none",
                exit: .unavailable)
        }
        return file
    }

    /// An id that a file or folder can be made with once: what makes a retry harmless.
    func reserveID() async throws -> String {
        let answer = try await send(
            Call(
                method: "GET", path: "/drive/v3/files/generateIds",
                query: [("count", "1"), ("space", "drive"), ("type", "files")], doing: "reserving a file id"))
        guard let id = answer.document["ids"]?[0]?.text, DriveFile.isID(id) else {
            throw OperatorError(
                "drive-reply", doing: "reserving a file id", reason: "the answer holds none", advice: "run again later",
                exit: .unavailable)
        }
        return id
    }

    /// Deletes a file for good, or, where only that is allowed as in many shared drives, moves it to the trash. One that is gone
    /// already is fine.
    func delete(_ id: String) async throws {
        let query = [("supportsAllDrives", "true")]
        let answer = try await send(
            Call(
                method: "DELETE", path: "/drive/v3/files/\(id)", query: query, doing: "deleting the file", subject: id,
                accepting: [403, 404], needsDocument: false))
        guard answer.status == 403 else { return try requireDeletion(answer, id) }
        let refusal = DriveRefusal(answer.response, now: options.time.now, hiding: tokens.secrets)
        switch refusal.meaning {
        case .later:
            // Accepted above so that the reason could be seen; sent once more with the usual patience.
            let again = try await send(
                Call(
                    method: "DELETE", path: "/drive/v3/files/\(id)", query: query, doing: "deleting the file",
                    subject: id,
                    accepting: [404], needsDocument: false))
            try requireDeletion(again, id)
        case .forbidden:
            let trashed = try await send(
                Call(
                    method: "PATCH", path: "/drive/v3/files/\(id)", query: query + [("fields", DriveFile.fields)],
                    body: .object([.init("trashed", .bool(true))]), doing: "moving the file to the trash", subject: id,
                    accepting: [404]))
            guard trashed.status == 404 || DriveFile(trashed.document)?.isTrashed == true else {
                throw OperatorError(
                    "drive-reply", doing: "moving the file to the trash", subject: id,
                    reason: "the answer does not say that it is there", advice: "run again later", exit: .unavailable,
                    isTemporary: true)
            }
        default: throw refusal.error(doing: "deleting the file", subject: id, isServiceAccount: isServiceAccount)
        }
    }

    /// A deletion is answered with nothing, or with 404 where the file is gone already. A page with words is somebody else's.
    private func requireDeletion(_ answer: Answer, _ id: String) throws {
        guard answer.status == 404 || answer.response.body.isEmpty else {
            throw OperatorError(
                "drive-reply", doing: "deleting the file", subject: id,
                reason: "the answer \(answer.status) is not one of Google Drive's",
                advice: DriveRefusal.laterAdvice, exit: .unavailable, isTemporary: true)
        }
    }

    /// All pages of a search.
    ///
    /// - Returns: the files, and whether Drive says that these are all. A list that breaks off throws.
    func search(_ terms: [String], extra: [(String, String)] = []) async throws -> (
        files: [DriveFile], isComplete: Bool
    ) {
        var files: [String: DriveFile] = [:]
        var isComplete = true
        var page: String?
        var seen: Set<String> = []
        repeat {
            var query: [(String, String)] = [
                ("q", terms.joined(separator: " and ")), ("pageSize", "1000"), ("orderBy", "createdTime desc"),
                ("fields", "nextPageToken,incompleteSearch,files(\(DriveFile.fields))"),
                ("supportsAllDrives", "true"), ("includeItemsFromAllDrives", "true"),
            ]
            query += extra
            if let page { query.append(("pageToken", page)) }
            let answer = try await send(
                Call(method: "GET", path: "/drive/v3/files", query: query, doing: "listing the folder"))
            guard let listed = answer.document["files"]?.elements else {
                throw OperatorError(
                    "drive-reply", doing: "listing the folder", reason: "the answer holds no list",
                    advice: "run again later", exit: .unavailable)
            }
            for element in listed {
                guard let file = DriveFile(element) else {
                    isComplete = false
                    continue
                }
                files[file.id] = file
            }
            if answer.document["incompleteSearch"]?.boolean == true { isComplete = false }
            let next = answer.document["nextPageToken"]
            page = next?.text.flatMap { $0.isEmpty ? nil : $0 }
            if let next, next != .null, next.text == nil { isComplete = false }
            if let page, !seen.insert(page).inserted || seen.count > 10_000 {
                throw OperatorError(
                    "drive-reply", doing: "listing the folder", reason: "the list comes back to a page it has shown",
                    exit: .unavailable)
            }
        } while page != nil
        return (Array(files.values), isComplete)
    }
}
