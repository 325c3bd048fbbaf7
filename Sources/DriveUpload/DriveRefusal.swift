internal import HTTP
internal import Support

/// An answer of Drive that is not success, and what it means.
///
/// Errors are JSON where the API answers, `{"error": {"code", "message", "errors": [{"reason", "domain"}]}}`, and text or HTML
/// where a front end or the upload server does; the reason is nil then. Source: Drive API guide, "Resolve errors".
struct DriveRefusal {
    var status: Int
    /// The server's words, without secrets.
    var reason: String?
    var message: String?
    var retryAfter: Duration?

    init(_ response: HTTPResponse, now: Timestamp, hiding secrets: UsedSecrets) {
        status = response.status
        retryAfter = response.retryAfter(now: now)
        guard let error = (try? JSONDocument(parsing: response.body))?["error"] else { return }
        let slug =
            error["errors"]?[0]?["reason"]?.text ?? error["details"]?[0]?["reason"]?.text ?? error["status"]?.text
        reason = slug.map(secrets.hide)
        message = error["message"]?.text.map(secrets.hide)
    }

    /// What to do about an answer that is not Google's, and about one that may not be.
    static let strangerAdvice = "something between this machine and Google answers in its place: look at network.proxy"
    static let laterAdvice = "run again later; if it stays so, " + strangerAdvice

    enum Meaning {
        /// Wait, then try again.
        case later
        /// The account or folder is full.
        case full
        /// A limit that will not pass within hours.
        case limit
        /// The credential may not do that.
        case forbidden
        case unauthorized
        case notFound
        case redirect
        /// Anything else: this program's mistake, or something new.
        case other
    }

    var meaning: Meaning {
        switch status {
        case 300..<400: return .redirect
        case 401: return .unauthorized
        case 404, 410: return .notFound
        case 408, 429, 500...: return .later
        case 403:
            switch reason {
            case "userRateLimitExceeded", "rateLimitExceeded", "sharingRateLimitExceeded", "RESOURCE_EXHAUSTED":
                return .later
            case "storageQuotaExceeded", "quotaExceeded", "teamDriveFileLimitExceeded",
                "numChildrenInNonRootLimitExceeded", "activeItemCreationLimitExceeded":
                return .full
            case "dailyLimitExceeded", "downloadQuotaExceeded", "cannotDownloadAbusiveFile", "fileNotDownloadable":
                return .limit
            case nil: return .later
            default: return .forbidden
            }
        default: return .other
        }
    }

    /// The error for the operator.
    func error(doing: String, subject: String?, isServiceAccount: Bool = false) -> OperatorError {
        let said = message.map { ": \(printable($0, limit: 300))" } ?? ""
        let code = reason.map { "\(status) \(printable($0, limit: 60))" } ?? "\(status)"
        var type = "drive-refused"
        var advice: String?
        var exit = ExitStatus.failure
        switch meaning {
        case .later:
            type = status == 429 || status == 403 ? "drive-rate-limit" : "drive-unavailable"
            exit = .unavailable
        case .full:
            type = "drive-full"
            exit = .cannotWrite
            advice =
                isServiceAccount
                ? "service accounts own no storage: use a folder in a shared drive, or a person's own credential"
                : "free some space in the account (its trash counts too), or keep fewer bundles"
        case .limit:
            type = "drive-limit"
            exit = .unavailable
            advice = reason == "dailyLimitExceeded" ? "it passes within a day" : "look at the file in Drive"
        case .forbidden:
            type = "drive-forbidden"
            exit = .credential
            advice =
                reason == "accessNotConfigured"
                ? "enable the Google Drive API in the OAuth client's project"
                : "check the credential's scope and its rights on the folder"
        case .unauthorized:
            type = "drive-credential"
            exit = .credential
            advice = "authorise once more; see docs/drive-setup.md"
        case .notFound:
            type = "drive-not-found"
            advice = "it is gone, or was made by another OAuth client and so cannot be seen"
        case .redirect:
            type = "drive-redirect"
            exit = .unavailable
            advice = Self.strangerAdvice
        case .other: break
        }
        return OperatorError(
            type, doing: doing, subject: subject, reason: "Google Drive answered \(code)\(said)", advice: advice,
            exit: exit,
            isTemporary: meaning == .later)
    }
}
