import Support
import SystemPackage
import TestSupport
import Testing

@testable import HermesHome

@Suite struct CronAndMemoryTests {
    @Test func jobsAreReadAsHermesWritesThem() throws {
        let home = try SampleHome()
        try home.folder.write(
            "cron/jobs.json",
            """
            \u{FEFF}{"jobs":[
             {"id":"cc6f773e8cce","name":"brief","prompt":"say hi","schedule":{"kind":"interval","minutes":120,"display":"every 120m"},
              "schedule_display":"every 120m","enabled":true,"state":"scheduled","next_run_at":"2026-11-23T08:19:06.360721+02:00",
              "last_run_at":"2026-11-23T06:19:06+00:00","last_status":"ok","last_delivery_error":null,"repeat":null},
             {"id":"a","name":"lost","prompt":"lost","enabled":false,"last_run_at":null,"last_status":null},
             {"id":"b","name":"bad","prompt":"x","last_status":"error","last_run_at":"2026-11-23T06:19:06"},
             {"id":"c","name":"mute","prompt":"x","last_status":"ok","last_run_at":"2026-11-23T06:19:06Z","last_delivery_error":"no route"},
             {"id":"d","name":"null","prompt":"x","enabled":null},
             {"name":"odd","prompt":"raw\tcontrol","enabled":true,"last_status":7}, 12
            ],"updated_at":"x"}
            """)
        try home.folder.write("cron/ticker_heartbeat", "1795414469.25\n")
        let cron = try CronJobs.read(home.layout)
        #expect(cron.jobs.map(\.id) == ["cc6f773e8cce", "a", "b", "c", "d", "?"])
        #expect(cron.jobs.map(\.lastStatus) == [.ok, .never, .error, .deliveryFailed, .never, .unknown])
        #expect(cron.jobs[0].nextRun == Timestamp("2026-11-23T06:19:06.360721Z"))
        #expect(cron.jobs[2].lastRun == Timestamp("2026-11-23T06:19:06Z"))
        #expect(cron.jobs.map(\.promptLooksLost) == [false, true, false, false, false, false])
        #expect((cron.enabled, cron.failing, cron.malformed) == (4, 2, 1))
        #expect(cron.heartbeat == Timestamp(microseconds: 1_795_414_469_250_000))
    }

    /// What a person wrote to the agent, or a secret, is no name to go by: it stands in files that others read.
    @Test func namesThatTellOfThePromptAreLeftOut() throws {
        let home = try SampleHome()
        let secret = "hunter" + "2hunter"
        let token = "ghp" + "_" + String(repeating: "A1", count: 10)
        try home.folder.write(".env", "SITE_PASSWORD='\(secret)'\nSHORT=abc\n", permissions: 0o600)
        let prompt = "Tell my sister that the house is sold, and what it brought"
        let names = [
            ("Morning brief", prompt, true), (String(prompt.prefix(50)), prompt, false),
            ("tell my  SISTER", prompt, false),
            (String(prompt.prefix(50)), "a prompt that was changed since", false), ("lost", "lost", false),
            ("login \(secret)", prompt, false), ("use \(token)", prompt, false), ("mail a@b.example", prompt, false),
            ("call 0049 30 1234567", prompt, false), ("abc", prompt, true), ("", prompt, false), ("5", "", true),
        ]
        #expect(CronJob(.object(["id": .string("my words"), "name": .string("")]))?.name == "unnamed")
        #expect(CronJob(.object(["id": .string(token), "name": .string("")]))?.name == "unnamed")
        let jobs = names.enumerated().map { index, job in
            #"{"id":"id\#(index)","name":"\#(job.0)","prompt":"\#(job.1)"}"#
        }
        try home.folder.write("cron/jobs.json", "[\(jobs.joined(separator: ","))]")
        let read = try CronJobs.read(home.layout).jobs.map(\.name)
        for (index, job) in names.enumerated() { #expect(read[index] == (job.2 ? job.0 : "id\(index)")) }
    }

    @Test func aBareListCounts() throws {
        let home = try SampleHome()
        try home.folder.write("cron/jobs.json", #"[{"id":"x","name":"n"}]"#)
        #expect(try CronJobs.read(home.layout).jobs.count == 1)
    }

    @Test(arguments: ["", "{\"jobs\": [", "{\"jobs\": 3}", "true", "[" + String(repeating: "[", count: 100_000)])
    func brokenJobsAreAFailureNotZeroJobs(_ text: String) throws {
        let home = try SampleHome()
        #expect(try CronJobs.read(home.layout).jobs.isEmpty)
        try home.folder.write("cron/jobs.json", text)
        #expect(throws: HomeFailure.self) { try CronJobs.read(home.layout) }
    }

    /// A heartbeat that says nothing is unknown with its own reason, and the jobs are read all the same.
    @Test(arguments: ["", "\n", "x", "nan", "inf", "1e400", "-5", "0"])
    func aBrokenHeartbeatHidesNoJobs(_ text: String) throws {
        let home = try SampleHome()
        try home.folder.write("cron/jobs.json", #"[{"id":"x","name":"n"}]"#)
        try home.folder.write("cron/ticker_heartbeat", text)
        let cron = try CronJobs.read(home.layout)
        #expect(cron.jobs.count == 1 && cron.heartbeat == nil)
        #expect(cron.heartbeatFailure?.detail.contains("ticker_heartbeat") == true)
    }

    @Test func theLatestExecutionOfEachJob() async throws {
        let home = try SampleHome()
        #expect(try CronExecution.latest(home.layout).isEmpty)
        try FileSystem.makeDirectory(home.path.appending("cron"))
        let script = """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1], isolation_level=None)
            db.execute('PRAGMA journal_mode=wal')
            db.execute('CREATE TABLE executions(id TEXT PRIMARY KEY, job_id TEXT, status TEXT, claimed_at TEXT, started_at TEXT, finished_at TEXT)')
            for row in [('1','a','failed','2026-11-22T00:00:00+00:00',None,None), ('2','a','completed','2026-11-23T00:00:00+00:00','2026-11-23T00:00:01+00:00',
                    '2026-11-23T00:00:09+00:00'), ('3','b','running','2026-11-23T01:00:00+00:00',None,None), ('4','c','failed','2026-11-23T01:00:00+00:00',None,None), ('5','c','failed','2026-11-23T02:00:00+00:00',None,None)]:
                db.execute('INSERT INTO executions VALUES(?,?,?,?,?,?)', row)
            """
        let made = try await runProgram(
            SampleHome.python, ["-c", script, home.path.pushing("cron/executions.db").string])
        #expect(made.status == 0, "\(made.errors)")
        let latest = try CronExecution.latest(home.layout)
        #expect(latest.mapValues(\.status) == ["a": "completed", "b": "running", "c": "failed"])
        #expect(latest["a"]?.finished == Timestamp("2026-11-23T00:00:09Z"))
        #expect(latest["b"]?.started == nil)
        #expect(try CronExecution.failuresInARow(home.layout) == ["c": 2])
    }

    @Test(arguments: [
        ("", 0), ("\n§\n", 0), ("one", 1), ("one\n§\ntwo", 2), ("one\n§\n\n§\n two \n", 2), ("a § b\n§ c", 1),
        ("§\na\n§", 1),
        ("a\r\n§\r\nb", 1), ("\n§\na\n§\n", 1),
    ])
    func entriesAreSplitAsTheMemoryToolSplits(_ text: String, _ count: Int) throws {
        #expect(Memories.File.entries(in: Array(text.utf8)).count == count)
    }

    @Test func memoriesAddUp() throws {
        let home = try SampleHome()
        #expect(try Memories.read(home.layout).entries == 0)
        try home.folder.write("memories/MEMORY.md", "a\n§\nbö\n§\nc")
        try home.folder.write("memories/USER.md", "likes tea")
        let memories = try Memories.read(home.layout)
        #expect((memories.agent?.entries, memories.user?.entries, memories.entries) == (3, 1, 4))
        #expect(memories.agent?.characters == 10)
        #expect(memories.bytes == 13 + 9)
        #expect(memories.modified != nil)
    }
}
