public import Support
public import SystemPackage

/// How this program shows Google who it is: read from a credential file, never written anywhere else.
///
/// Four forms are read:
/// - our own `drive.json`: `{"type": "hermes-ops-drive", "client_id", "client_secret", "refresh_token", "scopes": […], "token",
///   "expiry"}`; `token` and `expiry` are this program's and may be absent;
/// - `google_token.json` as google-auth's `Credentials.to_json()` writes it: the same members without `type`; `scopes` is a list, one
///   string or null; `expiry` is RFC 3339 with six fraction digits or none;
/// - gcloud's application default credentials, `"type": "authorized_user"`;
/// - a service account's key, `"type": "service_account"`.
///
/// A `token_uri` in the file is not used: a file that was tampered with would send the refresh token elsewhere.
public struct DriveCredential: Sendable {
    enum Kind: Sendable {
        case user(UserCredential)
        case serviceAccount(ServiceAccount)
    }

    struct UserCredential: Sendable {
        var clientID: String
        var clientSecret: Secret
        var refreshToken: Secret
        var scopes: [String]
        var token: Secret?
        var expiry: Timestamp?
    }

    let kind: Kind
    /// Where the access token is written back to, so that the next run need not ask for a new one; nil for nowhere.
    let writeBack: FilePath?
    /// For messages: a path or a credential's name.
    let label: String

    /// The scope that this program asks for where a credential leaves the choice: files that this OAuth client made.
    public static let scope = "https://www.googleapis.com/auth/drive.file"

    /// Reads a credential's content.
    ///
    /// - Parameters:
    ///   - content: the JSON document.
    ///   - label: a path or a credential's name, for messages.
    ///   - writeBack: the file the content comes from, where the fresh access token may be kept: `token` and `expiry` are replaced in
    ///     it atomically, mode 0600, and nothing else. Nil leaves the file alone, as for a systemd credential.
    public init(parsing content: Secret, label: String, writeBack: FilePath? = nil) throws {
        self.label = label
        self.writeBack = writeBack
        let parsed: JSONDocument
        do {
            parsed = try content.withUnsafeBytes { try JSONDocument(parsing: $0) }
        } catch {
            throw Self.error(label, "it is \(error)")
        }
        guard case .object = parsed else { throw Self.error(label, "it is not a JSON object") }
        let type = parsed["type"]?.text
        switch type {
        case "service_account": kind = .serviceAccount(try ServiceAccount(parsed, label: label))
        case nil, "hermes-ops-drive", "authorized_user": kind = .user(try Self.user(parsed, label: label))
        default:
            throw Self.error(label, "its type \"\(printable(type ?? "", limit: 40))\" is not one of those known")
        }
    }

    private static func user(_ document: JSONDocument, label: String) throws -> UserCredential {
        func required(_ name: String) throws -> [UInt8] {
            guard let bytes = document[name]?.bytes, !bytes.isEmpty else {
                let downloaded = document["installed"] ?? document["web"]
                throw error(
                    label, "\(name) is missing",
                    downloaded == nil
                        ? "authorise this program once more and write the file anew"
                        : "this is the OAuth client's file; what is needed is the token file that authorising makes")
            }
            guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw error(label, "\(name) holds characters that no such value has")
            }
            return bytes
        }
        var scopes: [String] = []
        switch document["scopes"] ?? document["scope"] {
        case .array(let list)?: scopes = list.compactMap(\.text)
        case .string(let bytes)?:
            scopes = String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
        default: break
        }
        let drive = ["drive", "drive.file"].map { "https://www.googleapis.com/auth/\($0)" }
        guard scopes.isEmpty || scopes.contains(where: drive.contains) else {
            throw error(
                label, "it was granted no scope that can write to Drive", "authorise it with the scope \(scope)")
        }
        let token = document["token"]?.bytes ?? document["access_token"]?.bytes
        return UserCredential(
            clientID: String(decoding: try required("client_id"), as: UTF8.self),
            clientSecret: Secret(try required("client_secret")), refreshToken: Secret(try required("refresh_token")),
            scopes: scopes,
            token: token.flatMap { $0.isEmpty || !$0.allSatisfy { (0x21...0x7E).contains($0) } ? nil : Secret($0) },
            expiry: document["expiry"]?.text.flatMap { expiry($0) })
    }

    /// RFC 3339, or, as some writers have it, without an offset and then in UTC.
    static func expiry(_ text: String) -> Timestamp? { Timestamp(text) ?? Timestamp(text + "Z") }

    static func error(_ label: String, _ reason: String, _ advice: String? = nil) -> OperatorError {
        OperatorError(
            "drive-credential", doing: "reading the Google credential", subject: label, reason: reason,
            advice: advice ?? "see docs/drive-setup.md", exit: .credential)
    }

    var isServiceAccount: Bool {
        if case .serviceAccount = kind { true } else { false }
    }
}
