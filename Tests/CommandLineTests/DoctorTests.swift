internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// `doctor` where something is broken: what is wrong is said with what to do, what could not be looked at is unknown with its reason, and
/// nothing of it passes for good.
@Suite(.timeLimit(.minutes(3))) struct DoctorTests {
    private struct Answer {
        var title: String
        var outcome: String
        var detail: String
        var advice: String?
    }

    private static let base = """
        version: 1
        instance: { id: vijay, hermesHome: HOME }
        credentials: { push: { file: FOLDER/push }, key: { file: FOLDER/key.txt } }
        repository: { path: FOLDER/repository, remote: "https://127.0.0.1:9/a/b.git", branch: main, credential: push }
        bundle: { recipients: [ RECIPIENT ] }
        stores: { local: { directory: FOLDER/bundles } }
        jobs:
          backup: { schedule: daily, steps: [ sanitize, commit, push ] }
          bundle: { schedule: daily, steps: [ bundle, { upload: { store: local } } ] }
          drill: { steps: [ { restore: { from: store, store: local, identity: key } }, verify ] }

        """

    private func site() async throws -> (runner: RunnerProgram, recipient: String) {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        let folder = runner.folder.path
        try runner.folder.write("push", "x", permissions: 0o600)
        #expect(try await runner("keys", "generate", "-o", folder.appending("key.txt").string).status == 0)
        #expect(try await runner("keys", "generate", "-o", folder.appending("elsewhere.txt").string).status == 0)
        let other = try await runner("keys", "recipient", folder.appending("elsewhere.txt").string).output
        return (runner, String(other.filter { !$0.isWhitespace }))
    }

    private func doctor(_ runner: RunnerProgram, _ recipients: String, _ edit: (String) -> String = { $0 }) async throws
        -> [Answer]
    {
        let text = Self.base.replacing("HOME", with: runner.home.string)
            .replacing("FOLDER", with: runner.folder.path.string).replacing("RECIPIENT", with: recipients)
        try runner.folder.write("config.yaml", edit(text), permissions: 0o600)
        let result = try await runner("doctor", "--json")
        let checks = try #require(result.json()["checks"] as? [[String: Any]], "\(result.output)\(result.errors)")
        let answers = checks.map { check in
            Answer(
                title: check["title"] as? String ?? "", outcome: check["outcome"] as? String ?? "",
                detail: check["detail"] as? String ?? "", advice: check["advice"] as? String)
        }
        #expect(result.status == (answers.contains { $0.outcome == "failed" } ? 1 : 0))
        for answer in answers where answer.outcome != "ok" {
            // A person at 3 a.m. needs a next step, or the reason why nobody could look.
            #expect(answer.advice != nil || answer.outcome == "unknown", "\(answer)")
            #expect(!answer.detail.isEmpty && answer.detail != "it could not be found out", "\(answer)")
        }
        return answers
    }

    private func outcome(_ title: String, in answers: [Answer]) -> String? {
        answers.first { $0.title == title }?.outcome
    }

    @Test func aDeadNetworkIsUnknownAndNotGood() async throws {
        let (runner, recipient) = try await site()
        let answers = try await doctor(runner, recipient)
        #expect(outcome("push token", in: answers) == "unknown")
        #expect(outcome("credential push", in: answers) == "ok")
        #expect(outcome("Backups are recent", in: answers) == "failed")
        #expect(outcome("Jobs succeed", in: answers) == "unknown")
    }

    /// The server knows the token no more.
    @Test func anExpiredTokenFails() async throws {
        let (runner, recipient) = try await site()
        let server = try GitServer()
        try await server.makeRepository("backup.git")
        try server.setTokens(#"{"x": {"backup.git": "rw"}}"#)
        try server.setAPI(#"{"/api/v1/version": {"status": 404, "body": {}}}"#)
        func served(_ text: String) -> String {
            text.replacing("https://127.0.0.1:9/a/b.git", with: server.url("backup.git"))
                + "network: { caFile: \(server.authority) }\n"
        }
        let good = try await doctor(runner, recipient, served)
        #expect(["ok", "unknown"].contains(outcome("push token", in: good) ?? ""), "\(good)")
        try server.setTokens("{}")
        let answers = try await doctor(runner, recipient, served)
        let token = answers.first { $0.title == "push token" }
        #expect(token?.outcome == "failed" && token?.advice != nil, "\(String(describing: token))")
    }

    @Test func whoHoldsTheKeysIsTold() async throws {
        let (runner, elsewhere) = try await site()
        let key = runner.folder.path.appending("key.txt").string
        let here = try await runner("keys", "recipient", key).output.filter { !$0.isWhitespace }
        #expect(try await outcome("bundle recipients", in: doctor(runner, elsewhere)) == "warning")
        #expect(try await outcome("bundle recipients", in: doctor(runner, "\(elsewhere), \(here)")) == "ok")
        let alone = try await doctor(runner, here)
        #expect(outcome("bundle recipients", in: alone) == "failed")
        #expect(alone.contains { $0.detail.contains("every key that opens the bundles lies on this machine") })
        // No bundle at all: what lies in no backup is said.
        let none = try await doctor(runner, elsewhere) { text in
            text.split(separator: "\n").filter {
                !$0.contains("bundle") && !$0.contains("drill") && !$0.contains("stores")
            }
            .joined(separator: "\n") + "\n"
        }
        #expect(outcome("bundle recipients", in: none) == "warning")
        #expect(outcome("Emergency bundles are recent", in: none) == nil)
    }

    @Test func aHomeThatIsGone() async throws {
        let (runner, recipient) = try await site()
        try FileSystem.removeTree(runner.home)
        let answers = try await doctor(runner, recipient)
        #expect(
            outcome("home", in: answers) == "failed" && outcome("The Hermes home is there", in: answers) == "failed")
        let homely = ["Cron jobs succeed", "Cron jobs are all there", "The database is sound", "Settings are safe"]
        for title in homely { #expect(outcome(title, in: answers) == "unknown", "\(title)") }
        for title in ["The gateway runs", "Platforms are connected", "The gateway and its scheduler are alive"] {
            #expect(outcome(title, in: answers) != "ok", "\(title)")
        }
    }

    @Test func credentialsThatAreGoneOrOpen() async throws {
        let (runner, recipient) = try await site()
        let push = runner.folder.path.appending("push")
        #expect(chmod(push.string, 0o644) == 0)
        let open = try await doctor(runner, recipient).first { $0.title == "credential push" }
        #expect(open?.outcome == "failed" && open?.advice?.contains("chmod 600") == true)
        try FileSystem.removeTree(push)
        let gone = try await doctor(runner, recipient).first { $0.title == "credential push" }
        #expect(gone?.outcome == "failed" && gone?.advice?.contains("mode 0600") == true)
    }

    @Test func aFullDiskAndAStoreThatCannotBeWritten() async throws {
        let (runner, recipient) = try await site()
        let answers = try await doctor(runner, recipient) {
            $0.replacing(
                "stores: { local: { directory: \(runner.folder.path)/bundles } }",
                with: "stores: { local: { directory: \(runner.folder.path)/push/bundles } }")
                + "watchdog: { minFreeDiskPercent: 100 }\n"
        }
        #expect(
            answers.contains {
                $0.title == "The disk has room" && $0.outcome != "ok" && $0.advice?.hasPrefix("du ") == true
            })
        let store = answers.first { $0.title == "store local" }
        #expect(
            store?.outcome == "failed" && store?.advice?.contains("mode 700") == true, "\(String(describing: store))")
    }

    /// What an upload would refuse is not called good, and in the same words.
    @Test func aStoreOnADiskThatIsNotMounted() async throws {
        let (runner, recipient) = try await site()
        let place = "\(runner.folder.path)/disk/bundles"
        let answers = try await doctor(runner, recipient) {
            $0.replacing("directory: \(runner.folder.path)/bundles", with: "directory: \(place)")
        }
        let store = try #require(answers.first { $0.title == "store local" })
        #expect(store.outcome == "failed" && store.advice?.hasPrefix("mount the disk it is on") == true, "\(store)")
        let run = try await runner("run", "bundle")
        #expect(run.status != 0 && (run.output + run.errors).contains(store.detail), "\(run.output)\(run.errors)")
    }

    /// Advice names jobs that are declared: each command that it gives for a drill can be run.
    @Test func adviceNamesTheDeclaredDrills() async throws {
        let (runner, recipient) = try await site()
        func drills(_ names: [String]) -> (String) -> String {
            { text in
                let line = text.split(separator: "\n").first { $0.hasPrefix("  drill:") } ?? ""
                return text.replacing(
                    line, with: names.map { line.replacing("drill:", with: "\($0):") }.joined(separator: "\n"))
            }
        }
        // It works as it stands: configuration and state are in no usual place here.
        let options = " --config \(runner.folder.path)/config.yaml --state-dir \(runner.state)"
        let never = try await doctor(runner, recipient, drills(["rehearsal"]))
        #expect(
            never.first { $0.title == "A restore was rehearsed" }?.advice
                == "hermes-ops-runner drill --job rehearsal" + options)
        // The only one that is declared needs no name.
        #expect(try await runner("drill").status != 64)
        let answers = try await doctor(runner, recipient, drills(["drill-bad", "drill-good"]))
        #expect(
            answers.contains { $0.title == "A restore was rehearsed" && $0.advice?.contains("--job drill-bad") == true }
        )
        #expect(try await runner("run", "drill-good").status != 0)
        let failed = try await doctor(runner, recipient, drills(["drill-bad", "drill-good"])).filter {
            $0.title == "A restore was rehearsed"
        }
        #expect(failed.map(\.advice) == ["hermes-ops-runner history drill-good" + options], "\(failed)")
        let unnamed = try await runner("drill")
        #expect(unnamed.status == 64 && unnamed.errors.contains("--job drill-good"), "\(unnamed.errors)")
    }

    /// The last run ended when this clock has not been yet.
    @Test func aClockThatIsBehind() async throws {
        let (runner, recipient) = try await site()
        #expect(try await runner.tool("git", "init", "-q", "-b", "main", runner.repository.string).status == 0)
        func local(_ text: String) -> String {
            text.replacing("commit, push ]", with: "commit ]").replacing(
                "remote: \"https://127.0.0.1:9/a/b.git\", branch: main, credential: push", with: "branch: main")
        }
        _ = try await doctor(runner, recipient, local)
        let run = try await runner("run", "backup")
        #expect(run.status == 0, "\(run.errors)")
        try await moveRecords(runner)
        let answers = try await doctor(runner, recipient, local)
        #expect(outcome("The clock agrees with the records", in: answers) == "failed", "\(answers)")
        #expect(outcome("Backups are recent", in: answers) == "unknown")
    }

    /// Writes the records' years anew, and lets the ledger be made from them.
    private func moveRecords(_ runner: RunnerProgram) async throws {
        let script = """
            import glob, os, re, sys
            for path in glob.glob(sys.argv[1] + '/runs/*.json'):
                text = open(path).read()
                open(path, 'w').write(re.sub(r'"20[0-9][0-9]-', '"2098-', text))
            for path in glob.glob(sys.argv[1] + '/ledger.sqlite*'):
                os.remove(path)
            """
        #expect(try await runner.tool("python3", "-c", script, runner.state.string).status == 0)
    }
}
