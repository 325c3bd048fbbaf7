internal import FoundationEssentials
internal import HTTP
public import Support

/// How far a push token reaches, as far as its host tells.
public enum TokenReach: Sendable, Hashable {
    /// It writes to the backup's repository and to no other.
    case scoped(String)
    /// It can write to others too.
    case broad(String)
    /// The host does not tell. This never counts as scoped.
    case unknown(String)

    public enum Forge: Sendable, Hashable {
        /// With the API's base URL, `https://api.github.com`.
        case github(api: String)
        /// With the API's base URL, `https://host/api/v1`. Forgejo is one too.
        case gitea(api: String)

        /// By the form of an API's base URL.
        public init(api: String) { self = api.hasSuffix("/api/v1") ? .gitea(api: api) : .github(api: api) }
    }

    /// The error for a token that reaches too far; nil for the other outcomes and where the operator allows it.
    public func refusal(allowBroadToken: Bool) -> OperatorError? {
        guard case .broad(let reason) = self, !allowBroadToken else { return nil }
        return OperatorError(
            "git.broad-token", doing: "checking the push token's reach", reason: reason,
            advice: "make a token for this one repository, or set allowBroadToken: true", exit: .credential)
    }
}

extension BackupRepository {
    /// Asks the remote's host what else the token can write.
    ///
    /// A classic GitHub token names its scopes in `x-oauth-scopes`, and its repository scopes reach every repository of the user. An
    /// installation token lists its repositories. A fine-grained token and a Gitea token are judged by the repositories that the API
    /// shows them with push rights.
    ///
    /// - Parameter forge: nil finds out: github.com by its name, Gitea by its version endpoint.
    public func tokenReach(_ access: RemoteAccess, forge: TokenReach.Forge? = nil) async throws -> TokenReach {
        guard case .http(let url, let origin) = settings.remote else { return .scoped("the remote is a folder") }
        guard let token = access.token else { return .unknown("there is no token") }
        let api = ForgeAPI(client: access.client, token: token)
        do {
            let name = ForgeAPI.repositoryName(url: url, origin: origin)
            switch try await forge == nil ? api.detect(origin) : forge {
            case .github(let base): return try await api.githubReach(base, repository: name)
            case .gitea(let base): return try await api.giteaReach(base, repository: name)
            case nil: return .unknown("\(origin) is neither GitHub nor Gitea")
            }
        } catch let error as OperatorError {
            return .unknown(error.description)
        }
    }
}

/// The few API calls that tell what a token may do.
private struct ForgeAPI {
    let client: HTTPClient
    let token: Secret

    private struct Repository: Decodable {
        struct Permissions: Decodable { var push: Bool? }
        var fullName: String
        var permissions: Permissions?

        enum CodingKeys: String, CodingKey {
            case fullName = "full_name"
            case permissions
        }
    }
    private struct Installation: Decodable {
        var totalCount: Int
        var repositories: [Repository]

        enum CodingKeys: String, CodingKey {
            case totalCount = "total_count"
            case repositories
        }
    }
    private struct Version: Decodable { var version: String }

    /// `owner/name` in lower case: the path of the URL without `.git`.
    static func repositoryName(url: String, origin: Origin) -> String {
        let path = url.split(separator: "/", omittingEmptySubsequences: true).dropFirst(2).joined(separator: "/")
            .lowercased()
        return path.hasSuffix(".git") ? String(path.dropLast(4)) : path
    }

    func detect(_ origin: Origin) async throws -> TokenReach.Forge? {
        if origin.host == "github.com" { return .github(api: "https://api.github.com") }
        let base = "\(origin)/api/v1"
        // Without the token: nobody knows yet who this is.
        let response = try await client.send(HTTPRequest("GET", base + "/version"))
        guard response.status == 200, (try? decode(Version.self, response)) != nil else { return nil }
        return .gitea(api: base)
    }

    private func has(prefix: String) -> Bool { token.withUnsafeBytes { $0.starts(with: Array(prefix.utf8)) } }

    func githubReach(_ base: String, repository: String) async throws -> TokenReach {
        if has(prefix: "ghs_") {
            let response = try await get(base + "/installation/repositories?per_page=100")
            guard response.status == 200 else { return refused(response) }
            let answer = try decode(Installation.self, response)
            let names = answer.repositories.map { $0.fullName.lowercased() }
            if answer.totalCount == 1, names == [repository] {
                return .scoped("the installation holds this repository alone")
            }
            if answer.totalCount <= 1 { return .unknown("the installation does not list this repository") }
            return .broad("the installation token reaches \(answer.totalCount) repositories")
        }
        if has(prefix: "github_pat_") { return try await listedReach(base + "/user/repos?per_page=100", repository) }
        let response = try await get(base + "/user")
        guard response.status == 200 else { return refused(response) }
        guard let header = response.headers["x-oauth-scopes"] else {
            return .unknown("GitHub names no scopes for this token")
        }
        let scopes = header.split(separator: ",").map { $0.drop { $0 == " " } }
        let broad = scopes.filter {
            $0 == "repo" || $0 == "public_repo" || $0.hasPrefix("admin:") || $0 == "delete_repo"
        }
        if broad.isEmpty { return .unknown("the token's scopes name no repository access") }
        return .broad(
            "a classic token with the scope \(printable(broad[0], limit: 40)) writes to every repository of its user")
    }

    func giteaReach(_ base: String, repository: String) async throws -> TokenReach {
        try await listedReach(base + "/user/repos?limit=50", repository)
    }

    /// Judges by the repositories that the API shows with push rights; a full first page is enough to know.
    private func listedReach(_ url: String, _ repository: String) async throws -> TokenReach {
        let response = try await get(url)
        guard response.status == 200 else { return refused(response) }
        let all = try decode([Repository].self, response)
        let writable = all.filter { $0.permissions?.push == true }.map { $0.fullName.lowercased() }
        let others = writable.filter { $0 != repository }
        if !others.isEmpty {
            return .broad("the API shows it \(others.count) other repositories that it may push to")
        }
        if writable.isEmpty { return .unknown("the API shows it no repository that it may push to") }
        // More pages could show more; one that is not full is the last.
        if response.headers["Link"]?.contains("rel=\"next\"") == true {
            return .unknown("the list of its repositories goes on")
        }
        return .scoped("the API shows it no other repository that it may push to")
    }

    private func refused(_ response: HTTPResponse) -> TokenReach {
        .unknown("the API answered \(response.status) when asked what the token reaches")
    }

    private func get(_ url: String) async throws -> HTTPResponse {
        try await client.send(
            HTTPRequest("GET", url, headers: [("Accept", "application/json")], authorization: .bearer(token)))
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ response: HTTPResponse) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(response.body))
        } catch {
            throw OperatorError(
                "git.api", doing: "checking the push token's reach", reason: "the API's answer is not what it documents"
            )
        }
    }
}
