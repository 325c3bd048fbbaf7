import Jobs
import Support
import SystemPackage
import TestSupport

/// Configurations that several tests use. Keys of age were made for these tests and open nothing.
enum ConfigurationSamples {
    static let recipient = "age1wx2tlvyfrmug6yd42eg7pytg3lckl95papjue0zer96x8mw2tg4qcxfy58"
    static let secondRecipient = "age1vt7gmhrfleunqdexmekyclsm99dw8tmmtrq0ayr4mq8h94yejydscyjwsq"

    /// Everything that the contract shows.
    static let full = """
        version: 1
        instance:
          id: bheem
          label: Bheem / Uma
          hermesHome: ~/.hermes
        credentials:
          backup-push: { systemd: backup-push }
          drive:       { file: ~/.config/hermes-ops/drive.json }
          telegram:    { dotenv: ~/.hermes/.env, key: TELEGRAM_BOT_TOKEN }
          drill-key:   { command: [systemd-creds, decrypt, /etc/hermes-ops/drill.cred, "-"] }
          other:       { env: OTHER_TOKEN }
        repository:
          path: ~/repos/uma_hermes_vm
          remote: https://github.com/OWNER/uma_hermes_vm.git
          branch: main
          credential: backup-push
        sanitizer:
          policy: hermes
          rules:
            - { path: "skills/private/**", action: exclude, reason: kept out by choice }
          maxFileSize: 10 MiB
        bundle:
          recipients: [ \(recipient), \(secondRecipient) ]
          compression: { level: 3 }
        stores:
          emergency: { drive: { folder: 1AbCdEf_-9, credential: drive } }
          local:     { directory: /var/backups/hermes }
        network:
          proxy: http://127.0.0.1:8888
          caFile: /etc/hermes-ops/ca.pem
          uploadLimit: 2 MiB/s
        notify:
          telegram: { chat: "-1001234", credential: telegram }
          ping:     { url: { file: ~/.config/hermes-ops/ping-url } }
        jobs:
          backup:
            schedule: "*-*-* 03:15:00"
            randomizedDelay: 10m
            timeout: 30m
            retry: { attempts: 3, backoff: 30s, maxBackoff: 10m }
            steps: [ sanitize, commit, push ]
            onFailure: [ notify ]
          emergency-bundle:
            schedule: daily
            steps:
              - bundle: { contents: full }
              - upload: { store: emergency }
              - prune:  { store: emergency, keep: { last: 3, daily: 7, weekly: 4, monthly: 6 } }
          restore-drill:
            steps:
              - restore: { from: repository }
              - verify
              - restore: { from: store, store: emergency, identity: drill-key }
              - verify: { hermes: auto }
          drill-reminder:
            schedule: quarterly
            steps: [ { remind: { drill: restore-drill, maxAge: 92d } } ]
        """

    /// Writes files into a folder and loads the first.
    static func load(_ text: String, files: [String: String] = [:]) async throws -> Configuration {
        let folder = try TemporaryDirectory()
        for (name, content) in files { try folder.write(name, content) }
        let main = try folder.write("config.yaml", text)
        return try await ConfigurationLoader(home: "/home/uma", user: currentUser).load(main)
    }

    /// The errors of a configuration without the folder before the files' names.
    static func errors(_ text: String, files: [String: String] = [:]) async throws -> [String] {
        let folder = try TemporaryDirectory()
        for (name, content) in files { try folder.write(name, content) }
        let main = try folder.write("config.yaml", text)
        do {
            _ = try await ConfigurationLoader(home: "/home/uma", user: currentUser).load(main)
            return []
        } catch let errors as ConfigurationErrors {
            return errors.issues.map { $0.description.replacing(folder.path.string + "/", with: "") }
        }
    }
}
