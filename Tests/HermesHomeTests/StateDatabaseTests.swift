import Glibc
import HermesHome
import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@Suite struct StateDatabaseTests {
    static let now = Timestamp(seconds: 2_000_000)
    static let rows = """
        db.execute('INSERT INTO schema_version VALUES(22)')
        for i, (source, started, ended, archived) in enumerate([('cli', 1999900, None, 0), ('cli', 1000000, 1000100, 0),
                ('telegram', 1000000, None, 0), ('telegram', 1999000, None, 1), ('api_server', 1950000, None, 0)]):
            db.execute('INSERT INTO sessions VALUES(?,?,?,?,?)', (f's{i}', source, started, ended, archived))
        for s, t in [('s0', 1999990.5), ('s1', 1000001), ('s2', 1999000), ('s3', 1999995), ('s4', 1950001)]:
            db.execute("INSERT INTO messages(session_id, role, content, timestamp) VALUES(?, 'user', 'hi', ?)", (s, t))
        """

    static func check(_ database: StateDatabase?) throws {
        let database = try #require(database)
        #expect(database.schemaVersion == 22)
        #expect(database.sessions == 4)
        #expect(database.archivedSessions == 1)
        #expect(database.activeSessions == 1)
        #expect(database.sessionsBySource == ["cli": 2, "telegram": 1, "api_server": 1])
        #expect(database.messages == 5)
        #expect(database.messagesLastDay == 4)
        #expect(database.sessionsStartedLastDay == 2)
        #expect(database.highestMessageID == 5)
        #expect(database.lastActivity == Timestamp(microseconds: 1_999_995_000_000))
    }

    /// In rollback mode, emptied since, beside the -wal of before: SQLite goes by the -wal.
    private static let foreignLog = """
        import os, shutil
        for x in ('-wal', '-shm'): shutil.copy(sys.argv[1] + x, sys.argv[1] + x + '.kept')
        db.execute('PRAGMA journal_mode=DELETE'); db.execute('DELETE FROM messages'); db.close()
        for x in ('-wal', '-shm'): os.rename(sys.argv[1] + x + '.kept', sys.argv[1] + x)

        """

    /// The states in which a database may stand: every one is read in full and left as it was.
    @Test(arguments: [
        ("wal", "db.close()"),  // closed cleanly: no -wal
        ("wal", "import os; os._exit(0)"),  // died: -wal and -shm stay
        ("wal", "import os; os.remove(sys.argv[1] + '-shm'); os._exit(0)"),  // copied without its -shm
        ("delete", "db.close()"),  // journal_mode=DELETE, as on NFS
        ("wal", foreignLog),
        ("wal", foreignLog + "os.remove(sys.argv[1] + '-shm')"),
    ])
    func everyStateIsReadAndLeftAlone(_ journal: String, _ ending: String) async throws {
        let home = try SampleHome()
        try await home.makeStateDatabase(Self.rows + "\n" + ending, journal: journal)
        let before = try TreeFingerprint(home.path)
        for _ in 0..<3 { try Self.check(StateDatabase.read(home.layout, at: Self.now)) }
        #expect(try TreeFingerprint(home.path).differences(from: before) == [])
    }

    @Test func aLiveWritersHomeIsLeftAlone() async throws {
        let home = try SampleHome()
        // The writer stops between its transactions when told to, and keeps the file open: then nothing but the reader could change it.
        let script =
            SampleHome.schema + "\n" + Self.rows + """

                print('ready', flush=True)
                for line in sys.stdin:
                    if 'restart' in line: db.execute('PRAGMA wal_checkpoint(RESTART)')
                    if 'truncate' in line: db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
                    db.execute("INSERT INTO messages(session_id, role, timestamp) VALUES('s0', 'user', 1999996)")
                    if 'delete' in line: db.execute('DELETE FROM messages WHERE id > 5')
                    print('done', flush=True)
                """
        let home2 = home.path
        let layout = home.layout
        let outcome = try await run(
            .path(SampleHome.python), arguments: ["-c", script, home.path.appending("state.db").string],
            input: .inputWriter,
            output: .sequence, error: .discarded
        ) { execution in
            var lines = execution.standardOutput.strings().makeAsyncIterator()
            _ = try await lines.next()
            try Self.check(StateDatabase.read(layout, at: Self.now))
            for (index, command) in ["insert", "restart", "insert", "truncate", "insert"].enumerated() {
                _ = try await execution.standardInputWriter.write(command + "\n")
                _ = try await lines.next()
                let before = try TreeFingerprint(home2)
                let read = try #require(try StateDatabase.read(layout, at: Self.now))
                #expect(read.messages == 6 + index)
                #expect(read.highestMessageID == Int64(6 + index))
                #expect(try TreeFingerprint(home2).differences(from: before) == [])
            }
            try await execution.standardInputWriter.finish()
        }
        #expect(outcome.terminationStatus.isSuccess)
    }

    @Test func readsUnderABusyWriterAreWhole() async throws {
        let home = try SampleHome()
        let layout = home.layout
        // Each transaction adds a session and its ten messages: any reading between them is torn.
        let script =
            SampleHome.schema + """

                print('ready', flush=True)
                end = time.time() + 3
                n = 0
                while time.time() < end:
                    db.execute('BEGIN')
                    db.execute("INSERT INTO sessions VALUES(?, 'cli', 1, NULL, 0)", (str(n),))
                    db.executemany("INSERT INTO messages(session_id, role, content, timestamp) VALUES(?, 'user', ?, 1)", [(str(n), 'x' * 900)] * 10)
                    db.execute('COMMIT')
                    n += 1
                    if n % 50 == 0: db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
                """
        let outcome = try await run(
            .path(SampleHome.python), arguments: ["-c", script, home.path.appending("state.db").string],
            input: .none, output: .sequence,
            error: .discarded
        ) { execution in
            var lines = execution.standardOutput.strings().makeAsyncIterator()
            _ = try await lines.next()
            var readings: [Int] = []
            let clock = ContinuousClock()
            let end = clock.now + .seconds(2)
            while clock.now < end {
                do {
                    let read = try #require(try StateDatabase.read(layout, at: Self.now))
                    #expect(read.messages == read.sessions * 10)
                    readings.append(read.messages)
                } catch let failure as HomeFailure {
                    // "It kept changing" is an honest answer; a wrong count would not be.
                    #expect(failure.reason == .timeout)
                }
            }
            #expect(readings.count > 10)
            #expect(readings == readings.sorted())
        }
        #expect(outcome.terminationStatus.isSuccess)
    }

    @Test func whatCannotBeReadSaysWhy() async throws {
        let home = try SampleHome()
        #expect(try StateDatabase.read(home.layout, at: Self.now) == nil)
        func reason() -> HomeFailure.Reason? {
            do {
                _ = try StateDatabase.read(home.layout, at: Self.now)
                return nil
            } catch {
                return error.reason
            }
        }
        try home.folder.write("state.db", "")
        #expect(reason() == .badOutput)
        try home.folder.write("state.db", String(repeating: "garbage ", count: 100))
        #expect(reason() == .badOutput)
        try home.folder.write("state.db", Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0x41, count: 8000))
        #expect(reason() == .badOutput)
        try FileSystem.removeTree(home.path.appending("state.db"))
        try await home.makeStateDatabase("db.executescript('DROP TABLE messages; DROP TABLE sessions'); db.close()")
        #expect(reason() == .unsupported)
        try FileSystem.removeTree(home.path.appending("state.db"))
        #expect(home.path.appending("state.db").withPlatformString { mkfifo($0, 0o600) } == 0)
        #expect(reason() == .badOutput)
    }

    @Test func aTruncatedDatabaseNeverPasses() async throws {
        let home = try SampleHome()
        try await home.makeStateDatabase(
            Self.rows
                + "\ndb.executemany(\"INSERT INTO messages(session_id, role, content, timestamp) VALUES('s0', 'user', ?, 1)\", [('x' * 900,)] * 500); db.close()"
        )
        let whole = try FileSystem.read(home.path.appending("state.db"), limit: 10 << 20)
        let all = try #require(try StateDatabase.read(home.layout, at: Self.now)).messages
        for part in [2, 3, 4, 10] {
            try home.folder.write("state.db", Array(whole[..<(whole.count / part)]))
            // Either it says that it is damaged, or what it says is right.
            if let read = try? StateDatabase.read(home.layout, at: Self.now) { #expect(read.messages == all) }
        }
    }

    @Test func aNewerSchemaIsReadAsFarAsItGoes() async throws {
        let home = try SampleHome()
        try await home.makeStateDatabase(
            Self.rows
                + "\ndb.executescript('UPDATE schema_version SET version=40; ALTER TABLE sessions ADD new_column TEXT; CREATE TABLE novel(x)'); db.close()"
        )
        let read = try #require(try StateDatabase.read(home.layout, at: Self.now))
        #expect(read.schemaVersion == 40)
        #expect(read.sessions == 4)
    }

    @Test func aPathOfAnyBytesIsRead() async throws {
        let home = try SampleHome()
        let odd = home.path.appending(
            FilePath(bytes: [0x61, 0xFF, UInt8(ascii: "?"), UInt8(ascii: "%"), UInt8(ascii: "#"), 0x0A]).lastComponent!)
        try await home.makeStateDatabase(Self.rows + "\ndb.close()")
        try FileSystem.makeDirectory(odd)
        try FileSystem.rename(home.path.appending("state.db"), to: odd.appending("state.db"))
        try Self.check(StateDatabase.read(HomeLayout(odd), at: Self.now))
    }
}
