public import SystemPackage

/// What `init` found when it looked around, for ``StarterConfiguration``.
public struct StarterFindings: Sendable {
    /// The instance's id, where the person named one.
    public var instance: String?
    /// The OS user's name and home folder.
    public var userName: String
    public var home: FilePath
    public var isRoot: Bool
    /// The Hermes home, and whether one was really there.
    public var hermesHome: FilePath
    public var hermesHomeExists: Bool
    /// The home's `.env` holds a key TELEGRAM_BOT_TOKEN.
    public var dotenvHasTelegramToken: Bool
    /// A git work tree that looks like the backup's, and its https remote.
    public var repository: FilePath?
    public var remote: String?
    /// The home's `google_token.json`, if it is there.
    public var googleToken: FilePath?
    /// age public keys that bundles should be made for.
    public var recipients: [String]
    /// Where bundles go until a Drive folder is named.
    public var bundleDirectory: FilePath?

    public init(
        instance: String? = nil, userName: String, home: FilePath, isRoot: Bool, hermesHome: FilePath,
        hermesHomeExists: Bool,
        dotenvHasTelegramToken: Bool = false, repository: FilePath? = nil, remote: String? = nil,
        googleToken: FilePath? = nil, recipients: [String] = [], bundleDirectory: FilePath? = nil
    ) {
        self.instance = instance
        self.userName = userName
        self.home = home
        self.isRoot = isRoot
        self.hermesHome = hermesHome
        self.hermesHomeExists = hermesHomeExists
        self.dotenvHasTelegramToken = dotenvHasTelegramToken
        self.repository = repository
        self.remote = remote
        self.googleToken = googleToken
        self.recipients = recipients
        self.bundleDirectory = bundleDirectory
    }
}

/// Writes the commented configuration that a user starts from. What was found is filled in; what is not known yet stands there as a
/// comment, so that the file is valid as it is.
public enum StarterConfiguration {
    public static func text(_ findings: StarterFindings) -> String {
        var parts = [instance(findings), credentials(findings), repository(findings), sanitizer, bundle(findings)]
        parts += [stores(findings), network, notify(findings), jobs(findings)]
        return parts.joined(separator: "\n")
    }

    /// Whether a text can be an instance's id: `[a-z][a-z0-9-]{0,31}`.
    public static func isInstanceID(_ text: String) -> Bool { ScalarFormats.instanceID(text) != nil }

    /// The instance's id: what the person said, else the user's name as far as the format takes it; root's instance is called vijay.
    static func instanceID(_ findings: StarterFindings) -> String {
        if let instance = findings.instance { return instance }
        if findings.isRoot { return "vijay" }
        let name = findings.userName.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let id = String(String(name).drop { !$0.isLetter }.prefix(32))
        return id.isEmpty ? "hermes" : id
    }

    private static func shortened(_ path: FilePath, _ findings: StarterFindings) -> String {
        var rest = path
        return rest.removePrefix(findings.home) && !findings.home.isEmpty
            ? (rest.isEmpty ? "~" : "~/\(rest.string)") : path.string
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private static func path(_ path: FilePath, _ findings: StarterFindings) -> String {
        quoted(shortened(path, findings))
    }

    private static func instance(_ findings: StarterFindings) -> String {
        let id = instanceID(findings)
        let note = findings.hermesHomeExists ? "" : "   # not found when this file was written: correct it"
        return """
            # hermes-ops-runner: backups and restore drills of one Hermes Agent home.
            # Check it with `hermes-ops-runner validate`; see what would happen with `hermes-ops-runner plan backup`.
            # All keys: docs/configuration.md; for editors: `hermes-ops-runner schema config`.
            version: 1

            instance:
              id: \(id)
              label: \(quoted(id))
              hermesHome: \(path(findings.hermesHome, findings))\(note)

            """
    }

    private static func credentials(_ findings: StarterFindings) -> String {
        var text = """
            # A credential says where its value comes from; no value is ever written here. Kinds:
            #   { systemd: NAME }  { file: PATH }  { dotenv: PATH, key: NAME }  { command: [PROGRAM, ARGUMENT] }  { env: NAME }
            credentials:
              # The token that pushes the sanitized backup: for that one repository alone, contents read and write, nothing else.
              \(findings.remote == nil ? "# " : "")backup-push: { file: \(quoted(credentialFolder(findings) + "/backup-push")) }

            """
        if findings.dotenvHasTelegramToken {
            let dotenv = path(findings.hermesHome.appending(".env"), findings)
            text += "  telegram: { dotenv: \(dotenv), key: TELEGRAM_BOT_TOKEN }\n"
        } else {
            text += "  # telegram: { file: \(quoted(credentialFolder(findings) + "/telegram")) }\n"
        }
        if let token = findings.googleToken {
            text += "  drive: { file: \(path(token, findings)) }\n"
        } else {
            text +=
                "  # drive: { file: \(quoted(credentialFolder(findings) + "/drive.json")) }   # docs/drive-setup.md\n"
        }
        text += "  # drill-key: { systemd: drill-key }   # an age identity, for restore drills of bundles\n"
        return text
    }

    private static func credentialFolder(_ findings: StarterFindings) -> String {
        findings.isRoot ? "/etc/hermes-ops/credentials" : "~/.config/hermes-ops/credentials"
    }

    private static func repository(_ findings: StarterFindings) -> String {
        let tree =
            findings.repository
            ?? (findings.isRoot ? "/var/lib/hermes-ops/repository" : findings.home.appending("hermes-backup"))
        var text = """
            # The git work tree that carries the sanitized backup in its folder hermes_persistent_backup/.
            repository:
              path: \(path(tree, findings))

            """
        if let remote = findings.remote {
            text += "  remote: \(quoted(remote))\n  credential: backup-push\n"
        } else {
            text += """
                  # Without these two, and the credential above, the backup stays on this machine.
                  # remote: https://github.com/OWNER/REPOSITORY.git
                  # credential: backup-push

                """
        }
        text += "  branch: main\n"
        return text
    }

    private static let sanitizer = """
        sanitizer:
          policy: hermes
          maxFileSize: 10 MiB
          # rules:                     # after the policy's own; the last match wins
          #   - { path: "skills/private/**", action: exclude, reason: kept out by choice }

        """

    private static func bundle(_ findings: StarterFindings) -> String {
        guard !findings.recipients.isEmpty else {
            return """
                # Encrypted bundles of everything, secrets included. `hermes-ops-runner keys generate` makes a key; keep the identity off
                # this machine, write its public key here, and remove the comment signs of `stores` and `emergency-bundle` too.
                # bundle:
                #   recipients: [ age1… ]

                """
        }
        let list = findings.recipients.map { "    - \($0)" }.joined(separator: "\n")
        return """
            # Encrypted bundles of everything, secrets included; only the holders of these keys open them.
            bundle:
              recipients:
            \(list)
              compression: { level: 3 }

            """
    }

    private static func storeDirectory(_ findings: StarterFindings) -> FilePath {
        findings.bundleDirectory
            ?? (findings.isRoot ? "/var/backups/hermes" : findings.home.appending("hermes-bundles"))
    }

    private static func stores(_ findings: StarterFindings) -> String {
        let mark = findings.recipients.isEmpty ? "# " : ""
        return """
            \(mark)stores:
            \(mark)  local: { directory: \(path(storeDirectory(findings), findings)) }
            #   emergency: { drive: { folder: FOLDER-ID, credential: drive } }

            """
    }

    private static let network = """
        # network:
        #   proxy: http://127.0.0.1:8888   # or `environment`
        #   caFile: /etc/hermes-ops/ca.pem
        #   uploadLimit: 2 MiB/s

        """

    private static func notify(_ findings: StarterFindings) -> String {
        """
        # One message when something begins to fail, one when it recovers. Put in the chat's number, remove the comment signs, and add
        # `onFailure: [ notify ]` to the jobs.
        # notify:
        #   telegram: { chat: "-1001234", credential: telegram }
        #   ping: { url: { file: \(credentialFolder(findings))/ping-url } }
        #   remindEvery: 24h

        """
    }

    private static func jobs(_ findings: StarterFindings) -> String {
        let push =
            findings.remote == nil
            ? "[ sanitize, commit ]   # and push, once there is a remote" : "[ sanitize, commit, push ]"
        let mark = findings.recipients.isEmpty ? "# " : ""
        let local = findings.remote == nil ? ", local: true" : ""
        return """
            jobs:
              backup:
                schedule: "*-*-* 03:15:00"
                randomizedDelay: 10m
                timeout: 30m
                retry: { attempts: 3, backoff: 30s, maxBackoff: 10m }
                steps: \(push)
            \(mark)  emergency-bundle:
            \(mark)    schedule: daily
            \(mark)    randomizedDelay: 1h
            \(mark)    timeout: 2h
            \(mark)    steps:
            \(mark)      - bundle: { contents: full }
            \(mark)      - upload: { store: local }
            \(mark)      - prune: { store: local, keep: { last: 3, daily: 7, weekly: 4, monthly: 6 } }
              restore-drill:
                timeout: 1h
                steps:
                  - restore: { from: repository\(local) }
                  - verify: { hermes: auto }
              drill-reminder:
                schedule: quarterly
                steps: [ { remind: { drill: restore-drill, maxAge: 92d } } ]
              # The state of the instance for dashboards, every minute, in /var/lib/hermes-ops-exports (docs/operations.md).
              snapshot:
                schedule: "*-*-* *:*:00"
                timeout: 50s
                steps: [ snapshot ]
              # Silent while all is well; fails when something is not.
              watchdog:
                schedule: "*-*-* *:0/15:30"
                timeout: 2m
                steps: [ watchdog ]

            """
    }
}
