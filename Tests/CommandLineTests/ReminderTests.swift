internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The reminder that a drill is due: never done, failed, due soon, overdue, each in its own words, in the record and in a message.
@Suite(.timeLimit(.minutes(5))) struct ReminderTests {
    @Test func eachCaseHasItsWords() async throws {
        var site = try await DrillSite(backups: false)
        // Put together here so that no scanner takes it for a real one.
        let token = "12345678:" + String(repeating: "a", count: 35)
        let telegram = try TestServer("fake_telegram.py", ["--token", token])
        site.runner.environment["HERMES_OPS_TEST_LOOPBACK_HTTP"] = "1"
        site.runner.environment["HERMES_OPS_TEST_TELEGRAM"] = "http://127.0.0.1:\(telegram.numbers["port"] ?? 0)"
        try site.runner.folder.write("telegram", token)
        try site.configure()
        let path = site.runner.folder.path.appending("config.yaml")
        let text = String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)
        try site.runner.folder.write(
            "config.yaml",
            text.replacing(
                "credentials:\n",
                with: """
                    notify: { telegram: { chat: "-1001", credential: telegram } }
                    credentials:
                      telegram: { file: \(site.runner.folder.path)/telegram }

                    """))
        let runs = site.runner.state.appending("runs").string
        var told = 0
        func remind(_ words: String?) async throws {
            let result = try await site.runner("run", "drill-reminder")
            #expect(result.status == 0, "\(result.errors)")
            let messages = try await self.messages(site, telegram)
            guard let words else {
                #expect(result.output.contains("the last drill passed"), "\(result.output)")
                return #expect(messages.count == told, "\(messages)")
            }
            #expect(result.output.contains("Vijay / root: ") && result.output.contains(words), "\(result.output)")
            told += 1
            #expect(messages.count == told && messages.last?.contains(words) == true, "\(words): \(messages)")
        }
        /// As if all that was done so far had been done so many days earlier.
        func pass(days: Int) async throws {
            try await site.tool("ages", runs, "restore-drill", "\(days)")
            #expect(try await site.runner("history", "--rebuild").status == 0)
        }
        try await remind("no restore drill was ever done")
        // Nothing is there yet to drill.
        #expect(try await site.runner("run", "restore-drill", "--quiet").status != 0)
        try await remind("none has ever passed. See")
        for job in ["backup", "emergency-bundle", "restore-drill"] {
            let result = try await site.runner("run", job, "--quiet")
            #expect(result.status == 0, "\(job): \(result.errors)")
        }
        try await remind(nil)
        // Drilled under a clock that was far ahead.
        try await pass(days: -3000)
        try await remind("which this clock has not reached")
        try await pass(days: 3080)
        try await remind("the next restore drill is due within 11 days; the last one passed 80 days ago")
        try await pass(days: 20)
        try await remind("the restore drill is overdue: the last one passed 100 days ago, and 92 days are allowed")
        // A dry run is no drill.
        #expect(try await site.runner("run", "restore-drill", "--dry-run").status == 0)
        try await remind("the restore drill is overdue")
        try FileSystem.removeTree(site.store)
        #expect(try await site.runner("run", "restore-drill", "--quiet").status == 78)
        try await remind("the last one that passed is 100 days old, which is overdue too")
    }

    private func messages(_ site: DrillSite, _ telegram: TestServer) async throws -> [String] {
        struct Message: Decodable { var text: String }
        let script = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
        let url = "http://127.0.0.1:\(telegram.numbers["port"] ?? 0)/control/messages"
        let output = try await site.runner.tool("python3", "-c", script, url).output
        return try JSONDecoder().decode([Message].self, from: Data(output.utf8)).map(\.text)
    }

    /// What `init` writes reminds every quarter, and is valid as it stands.
    @Test func theStarterConfigurationReminds() async throws {
        let runner = try RunnerProgram()
        try runner.makePlainHome()
        var other = runner
        other.environment["HERMES_HOME"] = runner.home.string
        #expect(try await other("init").status == 0)
        let text = String(
            decoding: try FileSystem.read(runner.folder.path.appending("config.yaml"), limit: 1 << 20), as: UTF8.self)
        let job = try #require(text.firstRange(of: "\n  drill-reminder:\n"), "\(text)")
        #expect(
            text[job.upperBound...].hasPrefix("    schedule: quarterly\n"), "\(text[job.upperBound...].prefix(200))")
        #expect(text.contains("\n  restore-drill:\n"))
        let result = try await other("run", "drill-reminder")
        #expect(result.status == 0 && result.output.contains("was ever done"), "\(result.output)\(result.errors)")
    }
}
