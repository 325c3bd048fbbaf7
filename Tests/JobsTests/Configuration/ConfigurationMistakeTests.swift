import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

/// One mistake at a time: the message names it, at its place, and the schema refuses it too where a schema can.
@Suite struct ConfigurationMistakeTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        var section: String
        var expected: String
        /// Whether the JSON Schema can know it.
        var isStructural = true

        var testDescription: String { section }
        var text: String { "version: 1\ninstance: { id: a }\n" + section }
    }

    static let recipient = ConfigurationSamples.recipient
    static let mistakes: [Mistake] = [
        .init(section: "jobs: { j: { steps: [] } }", expected: "needs at least one step"),
        .init(section: "jobs: { j: {} }", expected: "lacks the key \"steps\""),
        .init(section: "jobs: { j: { steps: backup } }", expected: "\"steps\" needs a list, found text"),
        .init(section: "jobs: { j: { steps: [ { snapshot: {}, watchdog: {} } ] } }", expected: "needs one name"),
        .init(section: "jobs: { j: { steps: [ { upload: {} } ] } }", expected: "lacks the key \"store\""),
        .init(section: "jobs: { j: { steps: [ upload ] } }", expected: "lacks the key \"store\""),
        .init(section: "jobs: { j: { steps: [ [ snapshot ] ] } }", expected: "found a list"),
        .init(section: "jobs: { j: { steps: [ { snapshot: { a: 1 } } ] } }", expected: "unknown key \"a\""),
        .init(section: "jobs: { J: { steps: [ snapshot ] } }", expected: "\"J\" is no name for a job"),
        .init(
            section: "jobs: { j: { steps: [ snapshot ], timeout: 0 } }", expected: "more than 0", isStructural: false),
        .init(section: "jobs: { j: { steps: [ snapshot ], timeout: -5m } }", expected: "\"timeout\" is"),
        .init(section: "jobs: { j: { steps: [ snapshot ], timeout: 5 m 3 } }", expected: "\"timeout\" is"),
        .init(section: "jobs: { j: { steps: [ snapshot ], retry: { attempts: 0 } } }", expected: "1 to 100"),
        .init(section: "jobs: { j: { steps: [ snapshot ], retry: 3 } }", expected: "needs a mapping"),
        .init(
            section: "jobs: { j: { steps: [ snapshot ], retry: { backoff: 10m, maxBackoff: 1m } } }",
            expected: "is shorter than",
            isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ snapshot ], schedule: dayly } }", expected: "\"schedule\" is",
            isStructural: false),
        .init(section: "jobs: { j: { steps: [ snapshot ], schedule: [daily] } }", expected: "found a list"),
        .init(
            section: "jobs: { j: { steps: [ commit ] } }", expected: "needs a section \"repository\"",
            isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ notify ] } }", expected: "needs a section \"notify\"", isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ verify ] } }", expected: "needs a step \"restore\" before",
            isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ { restore: { from: file, file: /f, identity: k } } ] } }",
            expected: "needs a step \"verify\" after it", isStructural: false),
        .init(
            section:
                "jobs: { j: { steps: [ { restore: &r { from: file, file: /f, identity: k } }, { restore: *r }, verify ] } }",
            expected: "needs a step \"verify\" after it", isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ { restore: { from: file, file: /f, identity: k } }, verify, verify ] } }",
            expected: "one for each \"verify\"", isStructural: false),
        .init(
            section: "jobs: { d: { steps: [ snapshot ] }, j: { steps: [ { remind: { drill: d } } ] } }",
            expected: "job \"d\" has no step \"verify\"", isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ { restore: { from: repository, store: s } }, verify ] } }",
            expected: "\"store\" does not go with `from: repository`", isStructural: false),
        .init(
            section:
                "jobs: { j: { steps: [ { restore: { from: file, file: /f, identity: k, bundle: b } }, verify ] } }",
            expected: "\"bundle\" goes with `from: store`", isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ bundle ] } }", expected: "needs a section \"bundle\"", isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ { remind: { drill: other } } ] } }",
            expected: "names an unknown job \"other\"",
            isStructural: false),
        .init(
            section: "jobs: { j: { steps: [ { restore: { from: nowhere } } ] } }",
            expected: "allowed: repository, store, file, both"),
        .init(
            section: "jobs: { j: { steps: [ { restore: { from: store, identity: k } } ] } }",
            expected: "lacks the key \"store\""),
        .init(
            section: "stores: { s: { directory: /b } }\njobs: { j: { steps: [ { prune: { store: s, keep: {} } } ] } }",
            expected: "would delete every bundle"),
        .init(
            section: "stores: { s: { directory: /b } }\njobs: { j: { steps: [ { prune: { store: s } } ] } }",
            expected: "lacks the key \"keep\""),
        .init(
            section:
                "stores: { s: { directory: /b } }\njobs: { j: { steps: [ { prune: { store: s, keep: { daily: -1 } } } ] } }",
            expected: "1 to 100000"),
        .init(
            section:
                "stores: { s: { directory: /b } }\njobs: { j: { steps: [ { prune: { store: t, keep: { last: 1 } } } ] } }",
            expected: "unknown store \"t\"; declared: s", isStructural: false),
        .init(
            section:
                "stores: { s: { directory: /b } }\njobs: { j: { steps: [ { prune: { store: s, keep: { within: 2d1y } } } ] } }",
            expected: "1y5m7d2h"),
        .init(section: "stores: { s: { directory: b } }", expected: "an absolute path"),
        .init(
            section: "stores: { s: { directory: /b, drive: { folder: abcdef, credential: c } } }",
            expected: "needs one of"),
        .init(section: "stores: { s: {} }", expected: "needs one of"),
        .init(
            section: "stores: { s: { drive: { folder: a/b, credential: c } } }", expected: "the id of a Drive folder"),
        .init(section: "bundle: { recipients: [] }", expected: "at least one age public key"),
        .init(section: "bundle: { recipients: [ age1short ] }", expected: "no age public key"),
        .init(
            section: "bundle: { recipients: [ ssh-ed25519 AAAA ] }",
            expected: "keys of SSH and of plugins are not supported"),
        .init(
            section: "bundle: { recipients: [ \(recipient.dropLast())q ] }", expected: "no age public key",
            isStructural: false),
        .init(section: "bundle: { recipients: [ \(recipient), \(recipient) ] }", expected: "named twice"),
        .init(section: "bundle: { recipients: [ \(recipient) ], compression: { level: 20 } }", expected: "1 to 19"),
        .init(section: "bundle: { recipients: [ \(recipient) ], contents: some }", expected: "allowed: full"),
        .init(section: "notify: { telegram: { chat: group, credential: c } }", expected: "a chat's number"),
        .init(section: "notify: { telegram: { chat: 0, credential: c } }", expected: "a chat's number"),
        .init(
            section: "notify: { ping: { url: https://hc.example/x } }",
            expected: "a value stands where a credential reference"),
        .init(section: "network: { proxy: socks5://127.0.0.1 }", expected: "http://HOST:PORT"),
        .init(section: "network: { uploadLimit: 2 MiB }", expected: "a size per second"),
        .init(section: "repository: { path: relative }", expected: "an absolute path"),
        .init(section: "repository: { path: /r, remote: git@github.com:a/b.git }", expected: "https://HOST/PATH"),
        .init(section: "repository: { path: /r, remote: http://example.com/a.git }", expected: "https://HOST/PATH"),
        .init(section: "repository: { path: /r, branch: a..b }", expected: "a branch name", isStructural: false),
        .init(section: "repository: { path: /r, branch: HEAD }", expected: "a branch name", isStructural: false),
        .init(section: "repository: { path: /r, branch: a/-b }", expected: "a branch name", isStructural: false),
        .init(
            section: "repository: { path: /home/uma/.hermes/r }", expected: "the backup would copy itself",
            isStructural: false),
        .init(section: "repository: { path: /home/uma }", expected: "lies in the repository", isStructural: false),
        .init(
            section: "stores: { s: { directory: /home/uma/x/../.hermes } }", expected: "store \"s\", ",
            isStructural: false),
        .init(
            section: "snapshot: { output: /home/uma/.hermes/out }", expected: "\"output\" of \"snapshot\", ",
            isStructural: false),
        .init(section: "repository: { path: /r, allowBroadToken: yes }", expected: "true or false"),
        .init(
            section: "repository: { path: /r, allowBroadTokens: true }", expected: "did you mean \"allowBroadToken\"?"),
        .init(
            section: "sanitizer: { rules: [ { path: ../x, action: keep } ] }", expected: "a glob below the home",
            isStructural: false),
        .init(
            section: "sanitizer: { rules: [ { path: x, action: drop } ] }",
            expected: "allowed: keep, redact, exclude, skip"),
        .init(section: "sanitizer: { maxFileSize: ten }", expected: "512 KiB"),
        .init(section: "watchdog: { minFreeDiskPercent: 200 }", expected: "0 to 100"),
        .init(section: "snapshot: { units: [ gateway ] }", expected: "the full name of a unit"),
        .init(section: "credentials: { c: { file: key } }", expected: "is not an absolute path"),
        .init(section: "credentials: { c: { dotenv: /e } }", expected: "lacks the key \"key\""),
        .init(section: "credentials: { c: { file: /k, key: K } }", expected: "goes with \"dotenv\" alone"),
        .init(section: "credentials: { c: { file: /k, env: K } }", expected: "exactly one source"),
        .init(section: "credentials: { c: {} }", expected: "exactly one source"),
        .init(
            section: "credentials: { c: { fiel: /k } }",
            expected: "unknown key \"fiel\" in credential \"c\"; did you mean \"file\"?"),
        .init(section: "credentials: { c: { command: [] } }", expected: "needs a program"),
        .init(section: "credentials: { c: { command: cat /k } }", expected: "needs a list"),
        .init(section: "credentials: { c: { systemd: a/b } }", expected: "the name of a systemd credential"),
        .init(section: "credential: {}", expected: "did you mean \"credentials\"?"),
        .init(section: "insance: {}", expected: "did you mean \"instance\"?"),
    ]

    @Test(arguments: mistakes)
    func isNamedAtItsPlace(_ mistake: Mistake) async throws {
        let errors = try await ConfigurationSamples.errors(mistake.text)
        #expect(errors.contains { $0.contains(mistake.expected) }, "\(errors)")
        #expect(errors.allSatisfy { $0.hasPrefix("config.yaml:") })
    }

    /// One mistake hides no other, and invents none.
    @Test func whatStandsBelowAWrongNameIsReadToo() async throws {
        func errors(_ section: String) async throws -> [String] {
            try await ConfigurationSamples.errors("version: 1\ninstance: { id: a }\n" + section)
        }
        let job = try await errors("jobs: { UPPER: { steps: [ sanitze ], timout: 5 } }")
        #expect(job.count == 3, "\(job)")
        for words in ["\"UPPER\" is no name", "did you mean \"sanitize\"?", "did you mean \"timeout\"?"] {
            #expect(job.contains { $0.contains(words) }, "\(words): \(job)")
        }
        let store = try await errors(
            "stores: { Mine: { directory: /b } }\njobs: { j: { steps: [ { prune: { store: Mine, keep: { last: 1 } } } ] } }"
        )
        #expect(store.count == 1, "\(store)")
        let token = "ghp" + "_" + String(repeating: "aB3dE6", count: 6)
        let secret = try await errors("credentials: { \(token): 5 }\njobs: { \(token): { steps: [] } }")
        #expect(secret.count >= 4 && !secret.contains { $0.contains(token) }, "\(secret)")
    }

    /// A place that was refused is compared with no other: what stands in its stead would lie wrong by accident.
    @Test func aRefusedPlaceIsReportedOnce() async throws {
        for path in ["./x", "~", "$HOME/x", "\"\""] {
            let errors = try await ConfigurationSamples.errors(
                "version: 1\ninstance: { id: a }\nrepository: { path: \(path), remote: /srv/r.git }\n")
            #expect(errors.count == 1 && errors[0].contains("\"path\""), "\(path): \(errors)")
        }
        let home = try await ConfigurationSamples.errors(
            "version: 1\ninstance: { id: a, hermesHome: ./h }\nrepository: { path: ~/.hermes/r, remote: /srv/r.git }\n")
        #expect(home.count == 1 && home[0].contains("\"hermesHome\""), "\(home)")
    }

    @Test func aByteOrderMarkIsNoMistake() async throws {
        #expect(try await ConfigurationSamples.load("\u{FEFF}version: 1\ninstance: { id: a }\n").instance.id == "a")
    }

    @Test func aListOfAllowedKeysNamesEachOnce() async throws {
        let errors = try await ConfigurationSamples.errors(
            "version: 1\ninstance: { id: a }\njobs: { j: { steps: [ sanitize ], zzzzzzzzzzzz: 1 } }\n")
        let named = try #require(errors.first { $0.contains("allowed: ") })
        #expect(named.ranges(of: "steps").count == 1)
    }

    @Test func theStateDirectoryLiesOutsideTheHome() async throws {
        let folder = try TemporaryDirectory()
        try FileSystem.makeDirectory(folder.path.appending("home"))
        try ConfinedDirectory(folder.path).makeSymlink(Array("alias".utf8), to: Array("home".utf8))
        let main = try folder.write(
            "config.yaml", "version: 1\ninstance: { id: a, hermesHome: \(folder.path.appending("home")) }\n")
        func load(_ state: String) async throws {
            _ = try await ConfigurationLoader(
                home: "/home/uma", user: currentUser, stateDirectory: folder.path.appending(state)
            ).load(main)
        }
        try await load("state")
        let error = await #expect(throws: ConfigurationErrors.self) { try await load("alias/state") }
        #expect(error?.issues.first?.description.contains("the state directory, ") == true)
    }

    @Test func theSchemaRefusesThemToo() async throws {
        let structural = Self.mistakes.filter(\.isStructural)
        let answers = try await JSONSchemaCheck.errors(.config, structural.map { try JSONSchemaCheck.json($0.text) })
        for (mistake, errors) in zip(structural, answers) { #expect(!errors.isEmpty, "\(mistake.section)") }
    }

    @Test func theSchemaTakesWhatTheReaderTakes() async throws {
        let valid = [
            ConfigurationSamples.full, "version: 1\ninstance: { id: a }",
            "version: 1\ninstance: { id: a }\njobs:\nstores: ~\n",
            """
            version: 1
            include: [ none.d/*.yaml ]
            instance: { id: a, label: 5 }
            hermes: { command: ~/bin/hermes }
            credentials: { c: { file: ~/k }, k: { env: AGE_KEY } }
            repository:
              path: /r
              remote: /srv/r.git
              author: { name: A B, email: a@b }
              allowBroadToken: true
              api: https://git.example/api/v1
            sanitizer: { policy: content, maxFileSize: 1048576 }
            bundle: { recipients: [ \(Self.recipient) ] }
            stores: { s: { directory: ~/b } }
            network: { proxy: environment }
            notify:
              telegram: { chat: -1001234, credential: c }
              remindEvery: 12h
              tellRecovery: false
            snapshot: { output: /o, group: g, validFor: 5m, units: [ a@b.service, { name: c.timer, manager: user } ] }
            watchdog: { maxBackupAge: 2d, minFreeDisk: 1.5 GiB, minFreeDiskPercent: 3, maxCronFailures: 2 }
            jobs:
              a.b_c-d:
                description: everything once
                schedule: Mon..Fri *-*-* 03:15:00 Europe/Berlin
                timeout: 1h 30m
                randomizedDelay: 0
                retry: {}
                steps:
                  - sanitize:
                  - commit
                  - push: {}
                  - bundle
                  - upload: { store: s }
                  - prune: { store: s, keep: { within: 1y5m7d2h, hourly: 24, yearly: 1 } }
                  - restore: { from: both, store: s, identity: k, bundle: x, keep: true }
                  - verify
                  - restore: { from: file, file: /f, identity: k }
                  - verify
                  - restore: { from: repository, local: true }
                  - verify: { hermes: required, maxAge: 2d }
                  - remind: { drill: a.b_c-d, dueSoon: 2w }
                  - snapshot
                  - watchdog
                  - notify: { channels: [ telegram ] }
                onSuccess: [ notify ]
                always: [ snapshot ]
            """,
        ]
        for text in valid { #expect(try await ConfigurationSamples.errors(text) == []) }
        try await JSONSchemaCheck.expectValid(.config, valid.map { try JSONSchemaCheck.json($0) })
    }

    /// A secret in the wrong place, wherever that is, is never repeated.
    @Test func noSecretIsRepeated() async throws {
        let secrets = [
            "ghp" + "_" + String(repeating: "aB3dE6", count: 6), "hunter2", "s3cr3t-passw0rd",
            "123456789" + ":" + String(repeating: "Ab3_", count: 9), String(repeating: "0f", count: 20),
            "AGE-SECRET-KEY-" + "1" + String(repeating: "QZ4X", count: 14),
        ]
        let places = [
            "credentials: { c: @ }", "credentials: { c: [ @ ] }", "credentials: { c: { file: @ } }",
            "credentials: { c: { dotenv: @ } }", "credentials: { c: { systemd: @/ } }",
            "repository: { path: /r, remote: /x, credential: @ }", "notify: { telegram: { chat: '1', credential: @ } }",
            "notify: { ping: { url: @ } }", "stores: { s: { drive: { folder: abcdef, credential: @ } } }",
            "jobs: { j: { steps: [ { restore: { from: store, store: s, identity: @ } } ] } }",
            "repository: { path: /r, remote: 'https://x:@@github.com/a/b' }", "network: { proxy: 'http://u:@@h:1' }",
            "bundle: { recipients: [ AGE-SECRET-KEY-1@ ] }",
        ]
        for secret in secrets {
            for place in places {
                // `@@` is the secret and the at sign of a URL's user information.
                let text = place.replacing("@@", with: "\u{1}AT").replacing("@", with: secret)
                    .replacing("\u{1}AT", with: secret + "@")
                let errors = try await ConfigurationSamples.errors("version: 1\ninstance: { id: a }\n" + text)
                #expect(!errors.isEmpty, "\(place)")
                #expect(!errors.contains { $0.contains(secret) }, "\(place): \(errors)")
            }
        }
    }
}
