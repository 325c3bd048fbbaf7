internal import HTTP
internal import Logging
internal import Support
internal import SystemPackage

/// The access token of a credential: refreshed early, by one request however many wait for it.
actor AccessTokens {
    private let credential: DriveCredential
    private let http: HTTPClient
    private let options: DriveOptions
    private var token: Secret?
    private var expiry: Timestamp?
    private var refreshToken: Secret?
    /// The refresh token that the credential's file holds, as far as is known.
    private var keptRefreshToken: Secret?
    private var refreshing: Task<Secret, any Error>?
    /// What no message repeats.
    let secrets = UsedSecrets()

    /// As google-auth has it: a token is fresh until 3 min 45 s before its end.
    private static let margin = Duration.seconds(225)

    init(_ credential: DriveCredential, http: HTTPClient, options: DriveOptions) {
        self.credential = credential
        self.http = http
        self.options = options
        if case .user(let user) = credential.kind {
            token = user.token
            expiry = user.expiry
            refreshToken = user.refreshToken
            keptRefreshToken = user.refreshToken
            for secret in [user.clientSecret, user.refreshToken] + [user.token].compactMap({ $0 }) {
                secrets.add(secret)
            }
        }
    }

    /// A token that is good for some minutes.
    ///
    /// - Parameter refused: a token that the server did not take; it is not handed out again.
    func current(insteadOf refused: Secret? = nil) async throws -> Secret {
        if let refused, refused == token { token = nil }
        if let token, let expiry, options.time.now + Self.margin < expiry { return token }
        let task = refreshing ?? Task { try await refresh() }
        refreshing = task
        // Cancelling one caller cancels the run it belongs to, and with it everybody who waits here.
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func refresh() async throws -> Secret {
        defer { refreshing = nil }
        let known = refreshToken
        let answer = try await options.limits.retry.run(time: options.time, random: options.random) { @Sendable _ in
            try await self.ask(known)
        }
        guard let bytes = answer["access_token"]?.bytes, !bytes.isEmpty,
            bytes.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw failure(
                "the answer holds no access token", advice: DriveRefusal.laterAdvice, exit: .unavailable)
        }
        let token = Secret(bytes)
        secrets.add(token)
        let lifetime = min(max(answer["expires_in"]?.integer ?? 0, 0), 86_400)
        let expiry = options.time.now + .seconds(lifetime)
        self.token = token
        self.expiry = expiry
        if let new = answer["refresh_token"]?.bytes, !new.isEmpty {
            let new = Secret(new)
            secrets.add(new)
            refreshToken = new
        }
        if let rest = answer["refresh_token_expires_in"]?.integer, rest > 0 {
            let end = options.time.now + .seconds(min(rest, 100 * 365 * 86_400))
            options.warn(
                "drive-token-expires",
                "Google will refuse this refresh token after \(end): the OAuth consent screen is in testing; publish it "
                    + "(In production), then authorise once more")
        }
        writeBack(token, expiry)
        return token
    }

    private nonisolated func ask(_ refreshToken: Secret?) async throws -> JSONDocument {
        var fields: [(String, [UInt8])]
        switch credential.kind {
        case .user(let user):
            let refreshToken = refreshToken ?? user.refreshToken
            fields = [
                ("grant_type", Array("refresh_token".utf8)), ("client_id", Array(user.clientID.utf8)),
                ("client_secret", user.clientSecret.withUnsafeBytes { Array($0) }),
                ("refresh_token", refreshToken.withUnsafeBytes { Array($0) }),
            ]
        case .serviceAccount(let account):
            let assertion = try account.assertion(
                scope: DriveCredential.scope, now: options.time.now, label: credential.label)
            secrets.add(assertion)
            fields = [
                ("grant_type", Array("urn:ietf:params:oauth:grant-type:jwt-bearer".utf8)),
                ("assertion", assertion.withUnsafeBytes { Array($0) }),
            ]
        }
        var body = FormEncoding.encode(fields)
        let secret = Secret(body)
        wipe(&body)
        for index in fields.indices { wipe(&fields[index].1) }
        let request = HTTPRequest(
            "POST", options.endpoints.token,
            headers: [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")],
            body: .secret(secret), timeouts: options.limits.call)
        let response: HTTPResponse
        do {
            response = try await http.send(request)
        } catch var error as OperatorError where error.type == "network.reply" {
            // Asking again makes another token and harms nothing.
            error.isTemporary = true
            throw error
        }
        let document = try? JSONDocument(parsing: response.body)
        if response.status == 200, let document, document["access_token"] != nil { return document }
        throw refusal(response, document)
    }

    /// Source: reference of Google's token endpoint and RFC 6749, section 5.2.
    private nonisolated func refusal(_ response: HTTPResponse, _ document: JSONDocument?) -> any Error {
        let code = (document?["error"]?.text ?? document?["error"]?["status"]?.text).map(secrets.hide)
        let detail =
            document?["error_description"]?.text.map { " (\(printable(secrets.hide($0), limit: 200)))" } ?? ""
        let temporary = ["internal_failure", "temporarily_unavailable", "server_error", "backend_error"]
        if let code, response.status < 500, response.status != 429, response.status != 408, !temporary.contains(code) {
            let subtype = document?["error_subtype"]?.text
            let advice: String
            switch code {
            case "invalid_grant" where subtype == "invalid_rapt":
                advice = "the Workspace's re-authentication policy ended it: authorise once more"
            case "invalid_grant" where credential.isServiceAccount:
                advice = "check the key, the account and this machine's clock"
            case "invalid_grant":
                advice =
                    "authorise once more; if this comes back after 7 days, publish the OAuth consent screen (see "
                    + "docs/drive-setup.md)"
            case "invalid_client":
                advice = "check client_id and client_secret: the OAuth client is gone or its secret changed"
            case "unauthorized_client" where credential.isServiceAccount:
                advice = "grant the service account domain-wide delegation for the scope \(DriveCredential.scope)"
            default: advice = "see docs/drive-setup.md"
            }
            return failure(
                "Google refused the credential: \(printable(code, limit: 60))\(detail)", advice: advice,
                exit: .credential)
        }
        var error = failure(
            response.status == 200
                ? "the answer is not what a token endpoint sends"
                : "Google's token endpoint answered \(response.status)"
                    + (code.map { " \(printable($0, limit: 60))" } ?? ""),
            advice: DriveRefusal.laterAdvice,
            exit: .unavailable, isTemporary: !(300..<400).contains(response.status))
        error.retryAfter = response.retryAfter(now: options.time.now)
        return error
    }

    private nonisolated func failure(
        _ reason: String, advice: String? = nil, exit: ExitStatus, isTemporary: Bool = false
    ) -> OperatorError {
        OperatorError(
            exit == .credential ? "drive-credential" : "drive-token", doing: "getting an access token for",
            subject: credential.label, reason: reason, advice: advice, exit: exit, isTemporary: isTemporary)
    }

    /// Puts token and expiry into the credential's file, where it still holds the same client and refresh token. Nothing depends
    /// on it: what cannot be written is asked for again next time.
    private func writeBack(_ token: Secret, _ expiry: Timestamp) {
        guard let path = credential.writeBack, case .user(let user) = credential.kind else { return }
        do {
            var bytes = try FileSystem.read(path, limit: 1 << 20, followingLinks: false)
            defer { wipe(&bytes) }
            var document = try JSONDocument(parsing: bytes)
            // gcloud's own file is gcloud's to write.
            guard document["type"]?.text != "authorized_user", document["client_id"]?.text == user.clientID,
                document["refresh_token"]?.bytes.map({ Secret($0) }) == keptRefreshToken
            else { return }
            document["token"] = .string(token.withUnsafeBytes { Array($0) })
            document["expiry"] = .string(expiry.description)
            if let refreshToken, refreshToken != keptRefreshToken {
                document["refresh_token"] = .string(refreshToken.withUnsafeBytes { Array($0) })
            }
            var out = document.serialized
            defer { wipe(&out) }
            try FileSystem.replace(path, with: out, permissions: 0o600)
            keptRefreshToken = refreshToken
        } catch {
            options.logger.debug("the access token could not be kept in the credential's file")
        }
    }
}

/// application/x-www-form-urlencoded.
enum FormEncoding {
    static func encode(_ fields: [(String, [UInt8])]) -> [UInt8] {
        var out: [UInt8] = []
        for (name, value) in fields {
            if !out.isEmpty { out.append(UInt8(ascii: "&")) }
            out += name.utf8
            out.append(UInt8(ascii: "="))
            for byte in value { append(byte, to: &out) }
        }
        return out
    }

    /// A query component of a URL.
    static func component(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 { append(byte, to: &out) }
        return String(decoding: out, as: UTF8.self)
    }

    private static func append(_ byte: UInt8, to out: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            out.append(byte)
        default:
            out.append(UInt8(ascii: "%"))
            out += hex([byte]).uppercased().utf8
        }
    }
}
