import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

@Suite struct ConfigurationTests {
    @Test func everythingOfTheContractIsRead() async throws {
        let config = try await ConfigurationSamples.load(ConfigurationSamples.full)
        #expect(config.instance.id == "bheem")
        #expect(config.instance.label == "Bheem / Uma")
        #expect(config.instance.hermesHome == "/home/uma/.hermes")
        #expect(config.credentials["backup-push"]?.reference == .systemd(name: "backup-push"))
        #expect(config.credentials["drive"]?.reference == .file("/home/uma/.config/hermes-ops/drive.json"))
        #expect(
            config.credentials["telegram"]?.reference == .dotenv("/home/uma/.hermes/.env", key: "TELEGRAM_BOT_TOKEN"))
        #expect(
            config.credentials["drill-key"]?.reference
                == .command(["systemd-creds", "decrypt", "/etc/hermes-ops/drill.cred", "-"]))
        #expect(config.credentials["other"]?.reference == .environment(name: "OTHER_TOKEN"))
        let repository = try #require(config.repository)
        #expect(repository.path == "/home/uma/repos/uma_hermes_vm")
        #expect(repository.remote == "https://github.com/OWNER/uma_hermes_vm.git")
        #expect(repository.credential == "backup-push" && !repository.allowBroadToken)
        #expect(config.sanitizer.maxFileSize == 10_485_760)
        #expect(config.sanitizer.rules.map(\.action) == [.exclude])
        #expect(config.sanitizer.rules.first?.position.line == 20)
        #expect(config.bundle?.recipients.count == 2 && config.bundle?.compressionLevel == 3)
        #expect(config.stores["emergency"]?.place == .drive(folder: "1AbCdEf_-9", credential: "drive"))
        #expect(config.stores["local"]?.place == .directory("/var/backups/hermes"))
        #expect(
            config.network
                == .init(proxy: .url("http://127.0.0.1:8888"), caFile: "/etc/hermes-ops/ca.pem", uploadLimit: 2_097_152)
        )
        #expect(config.notify.telegram == .init(chat: "-1001234", credential: "telegram"))
        #expect(config.notify.ping == .file("/home/uma/.config/hermes-ops/ping-url"))
        #expect(config.notify.remindEvery == .seconds(86_400))
        #expect(config.jobs.map(\.name) == ["backup", "emergency-bundle", "restore-drill", "drill-reminder"])
        #expect(config.jobs.map(\.kind) == [.backup, .driveUpload, .restoreDrill, .restoreDrillReminder])
        let backup = try #require(config.job(named: "backup"))
        #expect(
            backup.schedule == "*-*-* 03:15:00" && backup.randomizedDelay == .seconds(600)
                && backup.timeout == .seconds(1800))
        #expect(backup.retry == .init(attempts: 3, backoff: .seconds(30), maxBackoff: .seconds(600)))
        #expect(backup.steps.map(\.name) == ["sanitize", "commit", "push"])
        #expect(backup.onFailure.map(\.name) == ["on-failure.notify"])
        let drill = try #require(config.job(named: "restore-drill"))
        #expect(drill.steps.map(\.name) == ["restore", "verify", "restore-2", "verify-2"])
        #expect(drill.timeout == .seconds(3600) && drill.retry.attempts == 1 && drill.schedule == nil)
        guard case .prune(let prune) = try #require(config.job(named: "emergency-bundle")).steps[2].action else {
            Issue.record("no prune step")
            return
        }
        #expect(prune.keep == .init(last: 3, hourly: nil, daily: 7, weekly: 4, monthly: 6, yearly: nil, within: nil))
        #expect(config.warnings.isEmpty)
    }

    @Test func fiveDifferentMistakesAreAllListedWithTheirPlaces() async throws {
        let errors = try await ConfigurationSamples.errors(
            """
            version: 1
            instance:
              id: Bheem
            credentials:
              push: not-a-reference-but-hunter2
            repository:
              path: /srv/repository
              remote: /srv/remote.git
              credential: pusch
            jobs:
              backup:
                schedule: "25:00"
                timeout: 30
                retrys: { attempts: 3 }
                steps: [ sanitise, sanitize, commit ]
            """)
        #expect(
            errors == [
                """
                config.yaml:3:7: "id" is "Bheem"; allowed: a lower-case letter, then up to 31 lower-case letters, digits or '-'
                """,
                """
                config.yaml:5:9: credential "push": a value stands where a credential reference belongs (it is not repeated here); \
                allowed: { systemd: NAME }, { file: PATH }, { dotenv: PATH, key: NAME }, { command: [PROGRAM, ARGUMENT…] }, \
                { env: NAME }
                """,
                """
                config.yaml:9:15: "repository" names an unknown credential; declared: push; did you mean "push"?
                """,
                """
                config.yaml:12:15: "schedule" is "25:00"; allowed: a systemd calendar expression, such as daily, weekly, \
                "*-*-* 03:15:00", "Mon..Fri 22:30", "*:0/15"
                """,
                """
                config.yaml:13:14: "timeout" is "30"; allowed: a number and a unit, such as 90s, 10m, 2h, 7d, 1h 30m (ms, s, m, h, \
                d, w), more than 0
                """,
                """
                config.yaml:14:5: unknown key "retrys" in job "backup"; did you mean "retry"?
                """,
                """
                config.yaml:15:14: unknown step "sanitise" in job "backup"; did you mean "sanitize"?
                """,
            ])
    }

    @Test func duplicateKeysRecursiveAnchorsAndBrokenBlocksDoNotHideTheRest() async throws {
        let errors = try await ConfigurationSamples.errors(
            """
            version: 1
            instance: { id: a }
            instance: { id: b }
            snapshot:
              units: &units [ *units ]
            network:
              proxy: "http://never-closed
            sanitizer:
              maxFileSize: much
            jobs:
              j:
                steps: [ watchdog ]
                steps: [ snapshot ]
                "steps": [ snapshot ]
            """)
        #expect(
            errors.contains {
                $0.hasPrefix("config.yaml:3:1: duplicate key \"instance\" in the configuration; first at")
            })
        #expect(
            errors.contains {
                $0.hasPrefix("config.yaml:5:19: alias \"units\" names an anchor that is not there")
            })
        #expect(errors.contains("config.yaml:7:10: broken YAML: this quote is never closed"))
    }

    @Test func theBlocksAroundABrokenOneAreStillChecked() async throws {
        let errors = try await ConfigurationSamples.errors(
            """
            version: 1
            instance: { id: A }
            network:
              proxy: [ unclosed
            sanitizer:
              maxFileSize: much
            """)
        #expect(errors.contains { $0.hasPrefix("config.yaml:2:17: \"id\" is \"A\"") }, "\(errors)")
        #expect(errors.contains { $0.contains("broken YAML") }, "\(errors)")
        #expect(errors.contains { $0.hasPrefix("config.yaml:6:16: \"maxFileSize\" is \"much\"") }, "\(errors)")
        #expect(errors.count == 3)
    }

    @Test(arguments: [
        ("a: b: c", "broken YAML"), ("version: 1\n\tinstance: {}", "spaces, not with tabs"), ("- 1", "needs a mapping"),
        ("", "the file is empty"), ("# nothing", "the file is empty"), ("version: 2\ninstance: {id: a}", "allowed: 1"),
        ("instance: {id: a}", "lacks the key \"version\""), ("version: 1", "lacks the section \"instance\""),
        ("version: 1\ninstance: {id: a}\n---\nversion: 1", "broken YAML"),
        ("version: 1\ninstance: {id: a}\n? [x]\n: 1", "must be a text"),
    ])
    func whatIsNoConfigurationIsSaid(_ text: String, _ expected: String) async throws {
        let errors = try await ConfigurationSamples.errors(text)
        #expect(errors.contains { $0.contains(expected) }, "\(errors)")
        #expect(errors.allSatisfy { $0.hasPrefix("config.yaml:") })
    }

    @Test func anAliasBombEnds() async throws {
        var text = "version: 1\ninstance: { id: a }\nsnapshot:\n  units: &a0 [ x.service ]\nextra:\n"
        for level in 1...40 {
            let all = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "  k\(level): &a\(level) [ \(all) ]\n"
        }
        text += "jobs:\n  j:\n    steps: *a40\n"
        let errors = try await ConfigurationSamples.errors(text)
        #expect(!errors.isEmpty)
    }

    @Test func unfoldingIsBounded() async throws {
        var text =
            "version: 1\ninstance: { id: a }\ncredentials: { c: { command: &a [ x, x, x, x, x, x, x, x, x, x ] } }\njobs:\n"
        let list = Array(repeating: "{ verify: { hermes: auto } }", count: 90).joined(separator: ", ")
        text += "  j0:\n    steps: &s [ { restore: { from: file, file: /f, identity: c } }, \(list) ]\n    always: *s\n"
        for job in 1..<400 { text += "  j\(job): { steps: *s, always: *s, onFailure: *s }\n" }
        let errors = try await ConfigurationSamples.errors(text)
        #expect(errors.contains { $0.contains("unfolds to too many values") })
    }

    @Test func namesDeclaredTwiceOverIncludesNameBothPlaces() async throws {
        let errors = try await ConfigurationSamples.errors(
            """
            version: 1
            include: [ jobs.d/*.yaml, missing.yaml ]
            instance: { id: a }
            jobs:
              one: { steps: [ watchdog ] }
            """,
            files: [
                "jobs.d/10.yaml": "instance: { id: b }\njobs:\n  one: { steps: [ snapshot ] }\n",
                "jobs.d/20.yaml": "jobs:\n  two: { steps: [ snapshots ] }\n", "jobs.d/readme.txt": "no yaml: [",
            ])
        #expect(errors.contains("config.yaml:2:27: there is no file \"missing.yaml\""))
        #expect(
            errors.contains { $0 == "jobs.d/10.yaml:1:1: \"instance\" is declared twice; first at config.yaml:3:1" },
            "\(errors)")
        #expect(errors.contains("jobs.d/10.yaml:3:3: job \"one\" is declared twice; first at config.yaml:5:3"))
        #expect(errors.contains { $0.hasPrefix("jobs.d/20.yaml:2:19: unknown step \"snapshots\"") })
        #expect(errors.count == 4)
    }

    @Test func includesMergeAndReferToEachOther() async throws {
        let config = try await ConfigurationSamples.load(
            """
            version: 1
            include: [ parts/*.yaml ]
            instance: { id: a }
            stores: { here: { directory: /b } }
            credentials: { k: { file: /k } }
            """,
            files: [
                "parts/a.yaml": """
                include: [ deep/*.yaml ]
                jobs: { p: { steps: [ { restore: { from: store, store: here, identity: k } }, verify ] } }
                """,
                "parts/deep/b.yaml": "jobs: { q: { steps: [ { remind: { drill: p } } ] } }",
            ])
        #expect(config.jobs.map(\.name).sorted() == ["p", "q"])
        #expect(config.files.count == 3)
    }

    @Test func aFileThatIncludesItselfIsAnError() async throws {
        let errors = try await ConfigurationSamples.errors("version: 1\ninclude: [ config.yaml ]\ninstance: { id: a }")
        #expect(errors.count == 1 && errors[0].contains("is included twice"), "\(errors)")
    }

    @Test func theOrderOfKeysDoesNotChangeAJobsDefinition() async throws {
        func definition(_ job: String) async throws -> String? {
            try await ConfigurationSamples.load("version: 1\ninstance: {id: a}\njobs: { j: \(job) }").jobs.first?
                .definition
        }
        let one = try await definition("{ timeout: 5m, steps: [ snapshot, watchdog ] }")
        #expect(try await definition("{ steps: [ \"snapshot\", watchdog ],   timeout: \"5m\" } # same\n") == one)
        #expect(try await definition("{ steps: [ watchdog, snapshot ], timeout: 5m }") != one)
        #expect(one?.wholeMatch(of: /sha256:[0-9a-f]{12}/) != nil)
    }

    @Test func aMissingFileExits78AndSaysWhatToDo() async throws {
        let error = await #expect(throws: OperatorError.self) {
            try await ConfigurationLoader(home: "/h", user: currentUser).load("/nonexistent/config.yaml")
        }
        #expect(error?.exit == .configuration)
        #expect(error?.advice?.contains("init") == true)
    }

    @Test func textThatIsNotUTF8IsPlaced() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(
            "config.yaml", Array("version: 1\ninstance: { id: a, label: ".utf8) + [0xFF] + Array(" }\n".utf8))
        let errors = await #expect(throws: ConfigurationErrors.self) {
            try await ConfigurationLoader(home: "/h", user: currentUser).load(path)
        }
        #expect(errors?.issues.map(\.position.line) == [2])
        #expect(errors?.summary.exit == .configuration)
    }

    @Test func aFileThatEverybodyMayWriteIsRefused() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write("config.yaml", "version: 1\ninstance: { id: a }", permissions: 0o666)
        let errors = await #expect(throws: ConfigurationErrors.self) {
            try await ConfigurationLoader(home: "/h", user: currentUser).load(path)
        }
        #expect(errors?.issues.first?.message.contains("everybody may write") == true)
    }

    @Test func theCallersScheduleCheckSpeaksWithThePlace() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(
            "config.yaml", "version: 1\ninstance: { id: a }\njobs: { j: { schedule: daily, steps: [ snapshot ] } }")
        let loader = ConfigurationLoader(home: "/h", user: currentUser) {
            $0 == "daily" ? .invalid("not today") : .valid
        }
        let errors = await #expect(throws: ConfigurationErrors.self) { try await loader.load(path) }
        #expect(errors?.issues.first?.position.line == 3)
        #expect(errors?.issues.first?.message.contains("not today") == true)
    }

    /// Without systemd here nobody knows; that is said, and is no error.
    @Test func aScheduleThatNobodyCouldJudgeIsAWarning() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(
            "config.yaml", "version: 1\ninstance: { id: a }\njobs: { j: { schedule: daily, steps: [ snapshot ] } }")
        let loader = ConfigurationLoader(home: "/h", user: currentUser) { _ in .unknown("no systemd") }
        let warnings = try await loader.load(path).warnings
        #expect(warnings.map(\.position.line) == [3])
        #expect(warnings.first?.message.contains("no systemd") == true)
    }
}
