import GRDB
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Jobs

@Suite struct LedgerTests {
    @Test func itIsRebuiltFromTheRecordsAlone() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        for _ in 0..<3 { _ = try await harness.runner(ScriptedFactory()).run("j") }
        let before = try harness.ledger().history()
        for suffix in ["", "-wal", "-shm"] {
            try FileSystem.removeTree(harness.state.appending("ledger.sqlite" + suffix))
        }
        let after = try harness.ledger().history()
        #expect(after.map(\.runId) == before.map(\.runId) && after.count == 3)
        #expect(try harness.ledger().rebuild() == 3)
        let queue = try DatabaseQueue(path: harness.state.appending("ledger.sqlite").string)
        let (version, mode) = try await queue.read { db in
            (try Int.fetchOne(db, sql: "PRAGMA user_version"), try String.fetchOne(db, sql: "PRAGMA journal_mode"))
        }
        #expect(version == Ledger.schemaVersion && mode == "wal")
    }

    /// What a crash before the first write leaves, or somebody who "emptied" it.
    @Test func anEmptyFileIsFilledFromTheRecords() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        for _ in 0..<3 { _ = try await harness.runner(ScriptedFactory()).run("j") }
        for suffix in ["-wal", "-shm"] { try FileSystem.removeTree(harness.state.appending("ledger.sqlite" + suffix)) }
        try FileSystem.replace(harness.state.appending("ledger.sqlite"), with: [])
        #expect(try harness.ledger().history().count == 3)
    }

    @Test func aRecordOfANewerProgramIsRefusedInWords() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let run = try await harness.runner(ScriptedFactory()).run("j").record.runId
        let path = harness.state.appending("runs/\(run).json")
        let text = String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)
        for (version, type) in [("1.7", nil), ("2.0", "newer-record")] as [(String, String?)] {
            let other = text.replacing(#""schemaVersion":"1.0""#, with: #""schemaVersion":"\#(version)""#)
            try FileSystem.replace(path, with: Array(other.utf8))
            var error: OperatorError?
            do { _ = try harness.store().read(run) } catch let failure as OperatorError { error = failure }
            #expect(error?.type == type)
            if let error { #expect(error.exit == .damagedInput && error.reason.contains("2.0")) }
        }
    }

    enum Damage: String, CaseIterable, Sendable {
        case garbage, header, pages, emptyTable, zeros, index, values, columns
    }

    @Test(arguments: Damage.allCases)
    func aDamagedFileIsSetAsideAndSaid(_ damage: Damage) async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        for _ in 0..<2 { _ = try await harness.runner(ScriptedFactory()).run("j") }
        let path = harness.state.appending("ledger.sqlite")
        try harness.ledger().checkpointForTests()
        var bytes = try FileSystem.read(path, limit: 1 << 24)
        switch damage {
        case .garbage: bytes = Array("this is no database, but a text that somebody wrote here by mistake".utf8)
        case .header: bytes.replaceSubrange(0..<16, with: Array(repeating: 0x41, count: 16))
        case .pages: for index in 100..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        case .zeros: bytes = Array(repeating: 0, count: bytes.count)
        case .emptyTable, .values, .columns: break
        case .index:
            // The root of the index by jobs: the table itself is whole.
            let queue = try DatabaseQueue(path: path.string)
            let root = try await queue.read {
                try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'runs_by_job'")
            }
            try queue.close()
            let page = try #require(root)
            for index in (page - 1) * 4096..<page * 4096 { bytes[index] = 0xA5 }
        }
        for suffix in ["-wal", "-shm"] { try FileSystem.removeTree(harness.state.appending("ledger.sqlite" + suffix)) }
        try FileSystem.replace(path, with: bytes)
        if damage == .emptyTable {
            let queue = try DatabaseQueue(path: path.string)
            try await queue.write { try $0.execute(sql: "DROP TABLE runs") }
            try queue.close()
        }
        if damage == .values || damage == .columns {
            let queue = try DatabaseQueue(path: path.string)
            let statement =
                damage == .columns
                ? "ALTER TABLE runs DROP COLUMN warnings"
                // What only somebody who turns SQLite's checks off can write.
                : """
                PRAGMA writable_schema = 1;
                UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '') WHERE name = 'runs';
                """
            try await queue.writeWithoutTransaction { try $0.execute(sql: statement) }
            try queue.close()
            if damage == .values {
                let loose = try DatabaseQueue(path: path.string)
                try await loose.writeWithoutTransaction { db in
                    try db.execute(
                        sql: """
                            UPDATE runs SET started_at = 'yesterday' WHERE sequence = 1;
                            PRAGMA writable_schema = 1;
                            UPDATE sqlite_master SET sql = sql || ' STRICT' WHERE name = 'runs';
                            """)
                }
                try loose.close()
            }
        }
        let result = try await harness.runner(ScriptedFactory()).run("j")
        #expect(result.exit == .success)
        #expect(result.warnings.contains { $0.contains("the ledger was damaged") }, "\(result.warnings)")
        #expect(try harness.ledger().history(job: "j").count == 3)
        let names = try DirectoryListing.names(at: harness.state).map { String(decoding: $0, as: UTF8.self) }
        #expect(names.count { $0.hasPrefix("ledger.sqlite.damaged-") } == 1)
    }

    /// The tables of the first version knew no types.
    @Test func anOlderProgramsFileIsMadeAnew() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        for _ in 0..<2 { _ = try await harness.runner(ScriptedFactory()).run("j") }
        let queue = try DatabaseQueue(path: harness.state.appending("ledger.sqlite").string)
        try await queue.write { db in
            try db.execute(sql: "DROP TABLE runs; CREATE TABLE runs (run_id TEXT, job TEXT); PRAGMA user_version = 1")
        }
        try queue.close()
        #expect(try harness.ledger().history(job: "j").count == 2)
    }

    @Test func aNewerProgramsFileIsLeftAlone() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        _ = try await harness.runner(ScriptedFactory()).run("j")
        let path = harness.state.appending("ledger.sqlite")
        let queue = try DatabaseQueue(path: path.string)
        try await queue.write { try $0.execute(sql: "PRAGMA user_version = 99") }
        try queue.close()
        let error = #expect(throws: OperatorError.self) { try harness.ledger() }
        #expect(error?.type == "ledger-newer" && error?.description.contains("99") == true)
        #expect(error?.exit == .damagedInput)
        // The job runs all the same: the index is no reason not to make a backup.
        let result = try await harness.runner(ScriptedFactory()).run("j")
        #expect(result.exit == .success && result.warnings.contains { $0.contains("newer program") })
        #expect(try harness.records().count == 2)
    }

    @Test func manyWritersDoNotHinderEachOther() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let sample = try await harness.runner(ScriptedFactory()).run("other").record
        let state = harness.state
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<6 {
                group.addTask {
                    let store = try RunStore(stateDirectory: state)
                    let ledger = try Ledger(stateDirectory: state, runs: store, time: SystemTime())
                    for number in 0..<15 {
                        var record = sample
                        record.runId = RunIdentity.generate(at: Timestamp(seconds: Int64(writer * 100 + number)))
                        try ledger.put(record)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try harness.ledger().history(limit: 1000).count == 91)
    }

    @Test func recordsGoWhenTheirTimeIsUp() throws {
        let now = Timestamp(seconds: 1_795_000_000)
        func entry(_ index: Int, _ age: Duration, _ outcome: RunOutcome) -> LedgerEntry {
            LedgerEntry(
                sequence: Int64(-index), runId: "\(index)", job: "j", kind: .custom, state: .finished, outcome: outcome,
                dryRun: false, trigger: .timer, startedAt: now - age, warnings: 0)
        }
        let days = (0..<500).map { entry($0, .seconds(Int64($0) * 86_400), $0 % 7 == 3 ? .failure : .success) }
        #expect(RunRetention.outlived(days, now: now) == Set((401..<500).map(String.init)))
        #expect(RunRetention.superfluous(days, now: now) == [])
        // A week of runs under a clock ten years ahead, and one after it was set back.
        let ahead = (0..<168).map { entry(1000 + $0, .seconds(-(3650 * 86_400 - Int64($0) * 3600)), .success) }
        #expect(RunRetention.outlived(ahead + days.prefix(300), now: now + .seconds(3650 * 86_400)).isEmpty)
        #expect(RunRetention.outlived([entry(2000, .zero, .success)] + ahead + days.prefix(300), now: now).isEmpty)
        let minutes = (0..<1500).map { entry($0, .seconds(Int64($0) * 60), $0 % 100 == 50 ? .timeout : .success) }
        let goneMinutes = RunRetention.superfluous(minutes, now: now)
        #expect(
            goneMinutes.count == 990 && !goneMinutes.contains("550") && goneMinutes.contains("500")
                && !goneMinutes.contains("499"))
    }

    /// A run under a clock that is years ahead: nobody knows yet that so much time has passed.
    @Test func aClockFarAheadTakesNoHistoryWithIt() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let time = ManualTime(Timestamp(seconds: 1_700_000_000))
        let runner = harness.runner(ScriptedFactory(), time: time)
        for _ in 0..<5 {
            _ = try await runner.run("j")
            time.advance(by: .seconds(86_400))
        }
        let back = time.now
        time.jump(to: back + .seconds(10 * 365 * 86_400))
        _ = try await runner.run("j")
        time.advance(by: .seconds(3600))
        _ = try await runner.run("j")
        time.jump(to: back)
        _ = try await runner.run("j")
        #expect(try harness.ledger().history(job: "j").count == 8)
    }

    @Test func oldRecordsLeaveWithTheirFiles() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        let time = ManualTime(Timestamp(seconds: 1_700_000_000))
        let old = try await harness.runner(
            ScriptedFactory([
                "sanitize": { context in
                    _ = try context.attachments()
                    return StepOutcome(warnings: ["x"])
                }
            ]), time: time
        ).run("j")
        let runner = harness.runner(ScriptedFactory(), time: time)
        _ = try await runner.run("j")
        // Month by month: another job's runs show that the time has passed.
        for _ in 0..<14 {
            time.advance(by: .seconds(30 * 86_400))
            _ = try await runner.run("other")
        }
        #expect(try harness.store().exists(old.record.runId))
        _ = try await runner.run("j")
        #expect(try !harness.store().exists(old.record.runId))
        #expect(try harness.store().attachmentNames(of: old.record.runId).isEmpty)
        #expect(try harness.ledger().history(job: "j").count == 1)
        // A job that is declared no more keeps nothing for ever.
        for _ in 0..<14 {
            time.advance(by: .seconds(30 * 86_400))
            _ = try await runner.run("other")
        }
        #expect(try harness.ledger().history(job: "j").count == 1)
        let (store, ledger) = (try harness.store(), try harness.ledger())
        try RunRetention.applyToOthers(than: ["j", "other"], runs: store, ledger: ledger, now: time.now)
        #expect(try ledger.history(job: "j").count == 1)
        try RunRetention.applyToOthers(than: ["other"], runs: store, ledger: ledger, now: time.now)
        #expect(try ledger.history(job: "j").isEmpty)
        #expect(try ledger.history(job: "other").count > 10)
    }

    @Test func runIDsAreCheckedBeforeTheyBecomePaths() async throws {
        let harness = try await RunnerHarness("steps: [ sanitize ]")
        for id in ["../../etc/passwd", "", "x", String(repeating: "g", count: 32), String(repeating: "A", count: 32)] {
            #expect(throws: OperatorError.self) { try harness.store().read(id) }
        }
        #expect(RunIdentity.isRunID("01890a5d-ac96-774b-bcce-b302099a8057"))
        let generated = RunIdentity.generate(at: Timestamp(seconds: 1_795_000_000))
        #expect(RunIdentity.isRunID(generated) && Array(generated)[12] == "7")
        #expect(generated < RunIdentity.generate(at: Timestamp(seconds: 1_795_000_001)))
    }
}

extension Ledger {
    /// Moves everything from the write-ahead log into the file itself.
    func checkpointForTests() throws {
        let queue = try DatabaseQueue(path: path.string)
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        try queue.close()
    }
}
