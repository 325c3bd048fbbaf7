internal import Glibc
internal import Subprocess
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Bundles

/// Writes into state.db without pause until `stop` exists; says `ready` when it has begun, and appends to `committed` the number of
/// each transaction, which the database has too, and that of the last row. From some size on it changes rows and adds none: how large
/// the database gets does not depend on how slow the machine is.
private let busyWriter = #"""
    import os, sqlite3, sys
    c = sqlite3.connect('home/state.db', isolation_level=None)
    c.execute('pragma journal_mode=' + sys.argv[1]); c.execute('pragma busy_timeout=20000')
    c.execute('create table if not exists messages(id integer primary key, content text)')
    c.execute('create virtual table if not exists messages_fts using fts5(content)')
    c.execute('create table if not exists schema_version(version integer)')
    c.execute('delete from schema_version'); c.execute('insert into schema_version values (22)')
    c.execute('create table if not exists ticks(n integer)'); c.execute('delete from ticks'); c.execute('insert into ticks values (0)')
    n = c.execute('select coalesce(max(id), 0) from messages').fetchone()[0]
    log = open('committed', 'ab', buffering=0)
    tick = 0
    while not os.path.exists('stop'):
        tick += 1
        c.execute('begin immediate')
        c.execute('update ticks set n = ?', (tick,))
        for _ in range(5):
            if n >= 20000:
                c.execute('update messages set content = ? where id = ?', ('changed %d ' % tick * 30, tick % n + 1))
                continue
            n += 1
            text = 'message %d ' % n + 'word ' * (n % 400)
            c.execute('insert into messages values (?, ?)', (n, text)); c.execute('insert into messages_fts(rowid, content) values (?, ?)', (n, text))
            if n % 7 == 0: c.execute('update messages set content = ? where id = ?', ('changed ' * 50, n // 2))
        c.execute('commit')
        log.write(b'%d %d\n' % (tick, n))
        if n >= 50 and not os.path.exists('ready'): open('ready', 'w').close()
    """#

/// Names, sizes, owners and times of everything in the home's top folder, as one text.
private func times(_ home: FilePath) throws -> String {
    var text = ""
    for name in try DirectoryListing.names(at: home) {
        let status = try FileStatus(at: FilePath(bytes: home.bytes + [47] + name))
        text += "\(printable(name)) \(status.size) \(status.owner) \(status.modified) \(status.changed)\n"
    }
    let status = try FileStatus(at: home)
    return text + "\(status.modified)"
}

/// A Python script at work in a bench's folder: it makes a file `ready` once it has begun, and ends when there is one named `stop`.
private final class OtherProcess: Sendable {
    private let folder: FilePath
    private let end: Task<Void, any Error>

    /// `script`: its text, and its arguments. Returns when it is ready.
    init(_ script: [String], in folder: FilePath) async throws {
        self.folder = folder
        end = Task { _ = try await shell("python3 -c \"$@\"", in: folder, script) }
        for _ in 0..<800 where (try? FileStatus(at: folder.appending("ready"))) == nil {
            try await Task.sleep(for: .milliseconds(25))
        }
    }

    deinit { end.cancel() }

    func stop() async throws {
        try await shell("touch stop", in: folder)
        try await end.value
    }
}

@Suite(.serialized) struct DatabaseTests {
    @Test(arguments: ["wal", "delete"]) func aBusyWriterLosesNothing(mode: String) async throws {
        let bench = try BundleBench()
        let path = bench.folder.path
        let rounds = 20
        let other = try await OtherProcess([busyWriter, mode], in: path)
        for round in 0..<rounds {
            let committed = try await shell("tail -n 1 committed", in: path)
            let before = committed.dropLast().split(separator: " ").compactMap { Int64($0) }
            try #require(before.count == 2, "\(committed)")
            let names = try DirectoryListing.names(at: bench.home)
            let file = try bench.create("\(round).tar.zst.age")
            // No -wal or -shm that was not there; the writer of a rollback journal comes and goes with its own.
            let after = try DirectoryListing.names(at: bench.home).filter {
                !$0.suffix(8).elementsEqual("-journal".utf8)
            }
            #expect(after == names.filter { !$0.suffix(8).elementsEqual("-journal".utf8) })
            try await shell(
                "mkdir out\(round) && age -d -i key.txt \(round).tar.zst.age | tar --zstd -x -C out\(round)", in: path)
            let checked = try await shell(
                """
                cd out\(round)/bheem/home; ls; sqlite3 state.db 'pragma integrity_check; select count(*), max(id) from messages;
                select count(*) from messages_fts; select n from ticks;
                insert into messages_fts(messages_fts) values (\"integrity-check\")'
                """, in: path)
            let lines = checked.split(separator: "\n").map(String.init)
            #expect(Array(lines.prefix(2)) == ["state.db", "ok"])
            let rows = try #require(Int64(lines[2].split(separator: "|")[0]))
            #expect(lines[2] == "\(rows)|\(rows)" && lines[3] == "\(rows)")
            let ticks = try #require(Int64(lines[4]))
            #expect(ticks >= before[0] && rows >= before[1])
            let database = try #require(file.manifest.databases.first)
            #expect(database.isSound && database.rows["messages"] == rows && database.rows["messages_fts"] == rows)
            #expect(database.schemaVersion == 22 && database.rows["messages_fts_content"] == nil)
        }
        try await other.stop()
    }

    /// Each state that a home's database can lie in, with nobody writing: the snapshot holds every row, and nothing in the home has
    /// another size, time or neighbour afterwards.
    @Test(arguments: [
        "idle", "open", "wal-only", "empty-wal", "rollback", "hot-journal", "stale-shm", "reader", "foreign-wal",
        "foreign-wal-shm",
    ])
    func theHomeIsLeftAsItWas(state: String) async throws {
        let bench = try BundleBench()
        let script = #"""
            import os, shutil, sqlite3, sys, time
            state = sys.argv[1]; p = 'home/state.db'
            c = sqlite3.connect(p, isolation_level=None)
            c.execute('pragma journal_mode=' + ('delete' if state in ('rollback', 'hot-journal') else 'wal'))
            c.execute('create table messages(id integer primary key, content text)')
            for n in range(300): c.execute('insert into messages(content) values (?)', ('text %d' % n,))
            if state == 'idle' or state == 'rollback': c.close()
            if state == 'empty-wal': c.execute('pragma wal_checkpoint(truncate)')
            if state == 'reader': c.execute('begin'); c.execute('select * from messages').fetchone()
            if state == 'hot-journal':
                c.execute('pragma cache_size=2'); c.execute('begin'); c.execute('update messages set content = hex(randomblob(2000))')
                for f in (p, p + '-journal'): shutil.copy(f, f + '.kept')
                c.execute('rollback'); c.close()
                for f in (p, p + '-journal'): os.rename(f + '.kept', f)
            if state in ('wal-only', 'stale-shm'):
                for f in (p, p + '-wal', p + '-shm'): shutil.copy(f, f + '.kept')
                c.close()
                for f in (p, p + '-wal', p + '-shm'): os.rename(f + '.kept', f)
                if state == 'wal-only': os.unlink(p + '-shm')
            if state.startswith('foreign-wal'):
                # The -wal of before it went to rollback mode: SQLite goes by it, the file holds one row more.
                for f in (p + '-wal', p + '-shm'): shutil.copy(f, f + '.kept')
                c.execute('pragma journal_mode=delete'); c.execute('insert into messages(content) values (\'late\')'); c.close()
                for f in (p + '-wal', p + '-shm'): os.rename(f + '.kept', f)
                if state == 'foreign-wal': os.unlink(p + '-shm')
            open('ready', 'w').close()
            while not os.path.exists('stop'): time.sleep(0.02)
            """#
        let path = bench.folder.path
        let other = try await OtherProcess([script, state], in: path)
        try await Task.sleep(for: .milliseconds(30))
        let before = try times(bench.home)
        let file = try bench.create()
        #expect(try times(bench.home) == before)
        try await other.stop()
        let database = try #require(file.manifest.databases.first)
        #expect(database.isSound, "\(database)")
        #expect(database.rows == ["messages": 300])
        #expect(file.manifest.warnings.isEmpty, "\(file.manifest.warnings)")
        let extracted = try bench.extract(file.path, into: "ours")
        #expect(try DirectoryListing.names(at: extracted.home) == [Array("state.db".utf8)])
        let rows = try await shell(
            "sqlite3 ours/bheem/home/state.db 'pragma integrity_check; select count(*), min(substr(content, 1, 5)), max(length(content)) from messages'",
            in: path)
        #expect(rows == "ok\n300|text |8\n")
    }

    @Test func databasesAreFoundByContentAndNamedByBytes() async throws {
        let bench = try BundleBench()
        try await shell(
            #"""
            python3 - <<'X'
            import sqlite3, os
            os.makedirs('home/odd %20?&#dir')
            for name in (b'home/odd %20?&#dir/no extension', b'home/bad-\xff.sqlite', b'home/not a database.db'):
                if b'not a' in name: open(name, 'wb').write(b'text' * 1000); continue
                c = sqlite3.connect(name); c.execute('pragma journal_mode=wal'); c.execute('create table "we""ird"(a)'); c.execute('insert into "we""ird" values (1)'); c.commit(); c.close()
            X
            """#, in: bench.folder.path)
        let file = try bench.create()
        #expect(
            Set(file.manifest.databases.map(\.path)) == [
                BundlePath("home/odd %20?&#dir/no extension"),
                BundlePath(Array("home/bad-".utf8) + [255] + Array(".sqlite".utf8)),
            ])
        #expect(file.manifest.databases.allSatisfy { $0.isSound && $0.rows == ["we\"ird": 1] })
        #expect(try DirectoryListing.names(at: bench.home).count == 3)
    }

    @Test func aDamagedDatabaseIsBundledAndSaid() async throws {
        let bench = try BundleBench()
        try await shell(
            #"""
            python3 - <<'X'
            import sqlite3
            for name in ('page', 'header'):
                c = sqlite3.connect('home/%s.db' % name); c.execute('create table t(a)')
                for n in range(3000): c.execute('insert into t values (?)', ('x' * 100,))
                c.commit(); c.close()
                f = open('home/%s.db' % name, 'r+b')
                if name == 'page': f.seek(4096 * 5); f.write(b'\xff' * 4096)
                else: f.seek(16); f.write(b'\xff' * 60); f.close(); open('home/header.db-wal', 'wb').write(b'log' * 100)
            X
            """#, in: bench.folder.path)
        let file = try bench.create()
        let databases = Dictionary(uniqueKeysWithValues: file.manifest.databases.map { ($0.path.description, $0) })
        #expect(databases["home/page.db"]?.copy == .snapshot && databases["home/page.db"]?.isSound == false)
        #expect(databases["home/header.db"]?.copy == .raw)
        #expect(Set(file.manifest.warnings.map(\.path.description)) == ["home/page.db", "home/header.db"])
        let extracted = try bench.extract(file.path, into: "ours")
        for name in ["page.db", "header.db", "header.db-wal"] {
            #expect(
                try FileSystem.read(extracted.home.appending(name), limit: 10 << 20)
                    == FileSystem.read(bench.home.appending(name), limit: 10 << 20))
        }
    }

    /// SQLite would wait for a FIFO, and take a log that it cannot open for none: rows would be missing, and nobody told.
    @Test(arguments: ["-wal", "-shm", "-journal"], ["FIFO", "symlink", "unreadable"])
    func logsThatAreNoFilesOfOurs(suffix: String, kind: String) async throws {
        let bench = try BundleBench()
        let path = bench.folder.path
        try await shell(
            """
            python3 - <<'X' || true
            import os, sqlite3
            c = sqlite3.connect('home/state.db', isolation_level=None)
            c.execute('pragma journal_mode=' + ('delete' if '\(suffix)' == '-journal' else 'wal'))
            c.execute('create table t(a)'); c.executemany('insert into t values (?)', [(n,) for n in range(500)])
            os.kill(os.getpid(), 9)
            X
            cd home; case \(kind) in
            FIFO) rm -f state.db\(suffix); mkfifo state.db\(suffix) ;;
            symlink) touch state.db\(suffix); mv state.db\(suffix) ../log; ln -s ../log state.db\(suffix) ;;
            unreadable) touch state.db\(suffix); chmod 0 state.db\(suffix) ;;
            esac
            """, in: path)
        let file = try bench.create()
        let database = try #require(file.manifest.databases.first)
        // Root can read everything, and a -shm is made anew.
        if kind == "unreadable", geteuid() == 0 || suffix == "-shm" {
            #expect(database.copy == .snapshot && database.rows["t"] == 500, "\(database)")
        } else {
            #expect(database.copy == .raw, "\(database)")
            #expect(
                file.manifest.warnings.contains {
                    $0.reason.contains("state.db\(suffix)") || $0.reason.contains("its \(suffix)")
                })
        }
    }

    /// Its logs would have names that no file can have.
    @Test func aDatabaseWithALongNameIsBundled() async throws {
        let bench = try BundleBench()
        for length in [246, 250, 255] {
            try await shell(
                """
                sqlite3 home/short 'create table t(a); insert into t values (1)'
                mv home/short "home/$(head -c \(length) /dev/zero | tr '\\0' n)"
                """, in: bench.folder.path)
        }
        let file = try bench.create()
        #expect(file.manifest.databases.count == 3)
        let opened = try bench.extract(file.path, into: "ours")
        #expect(try DirectoryListing.names(at: opened.home).map(\.count).sorted() == [246, 250, 255])
    }

    /// What the manifest says of a database is said of the file that is in the bundle.
    @Test func aDatabaseThatIsReplacedIsOneOfThose() async throws {
        let bench = try BundleBench()
        let script = #"""
            import os, shutil, sqlite3
            for rows in (100, 200):
                c = sqlite3.connect('%d.db' % rows); c.execute('create table t(a)')
                c.executemany('insert into t values (?)', [('x' * 700,)] * rows)
                if rows == 100: c.execute('create table u(a)'); c.executemany('insert into u values (?)', [('x' * 700,)] * 100)
                c.commit(); c.close()
            n = 0
            while not os.path.exists('stop'):
                n += 1
                shutil.copy('%d.db' % (100 * (n % 2 + 1)), 'next'); os.rename('next', 'home/state.db')
                if n == 2: open('ready', 'w').close()
            """#
        let path = bench.folder.path
        let other = try await OtherProcess([script], in: path)
        var made = 0
        for round in 0..<40 {
            let name = "\(round).age"
            let error = failure { _ = try bench.create(name) }
            if let error {
                #expect(error.type == "database-moving" && error.isTemporary, "\(error)")
                continue
            }
            made += 1
            let opened = try bench.extract(path.appending(name), into: "out\(round)")
            let rows = try await shell(
                "sqlite3 out\(round)/bheem/home/state.db 'select count(*) from t'", in: path)
            let database = try #require(opened.manifest.databases.first)
            #expect(database.isSound && database.rows["t"] == Int64(rows.dropLast()), "\(database) \(rows)")
        }
        try await other.stop()
        #expect(made > 0)
    }

    /// Without a journal a writer's half transaction cannot be told from a whole one.
    @Test func aLockWithoutAJournalIsWarnedOf() async throws {
        let bench = try BundleBench()
        let script = #"""
            import os, sqlite3, time
            c = sqlite3.connect('home/state.db', isolation_level=None); c.execute('pragma journal_mode=memory')
            c.execute('create table t(a)'); c.execute('insert into t values (1)'); c.execute('begin exclusive')
            open('ready', 'w').close()
            while not os.path.exists('stop'): time.sleep(0.02)
            """#
        let path = bench.folder.path
        let other = try await OtherProcess([script], in: path)
        let file = try bench.create()
        try await other.stop()
        #expect(file.manifest.warnings.contains { $0.reason.contains("has no journal") }, "\(file.manifest.warnings)")
    }

    /// Without its log a database that nobody could read lacks rows, and may be none at all.
    @Test func noRuleTakesTheLogFromARawDatabase() async throws {
        let bench = try BundleBench()
        var broken = Array("SQLite format 3\0".utf8) + [UInt8](repeating: 255, count: 4080)
        broken[18] = 2
        for name in ["raw.db", "other.db-wal"] { try bench.folder.write("home/" + name, broken) }
        for suffix in ["-wal", "-shm", "-journal"] { try bench.folder.write("home/raw.db" + suffix, "log" + suffix) }
        var request = try bench.request()
        request.decide = { path, _ in
            String(decoding: path, as: UTF8.self).contains(".db-") ? .skip(reason: "a database's log") : .include
        }
        let file = try BundleWriter.create(request)
        #expect(file.manifest.databases.map(\.copy) == [.raw])
        let extracted = try bench.extract(file.path, into: "ours")
        let names = try DirectoryListing.names(at: extracted.home).map { String(decoding: $0, as: UTF8.self) }
        #expect(names.sorted() == ["raw.db", "raw.db-journal", "raw.db-wal"])
        #expect(try FileSystem.read(extracted.home.appending("raw.db-wal"), limit: 100) == Array("log-wal".utf8))
    }

    /// Who holds a lock for ever costs one patience, not one for each way to read.
    @Test func aLockThatIsNotGivenUpIsWaitedForOnce() async throws {
        let bench = try BundleBench()
        let script = #"""
            import os, sqlite3, time
            c = sqlite3.connect('home/state.db', isolation_level=None)
            c.execute('create table t(a)'); c.execute('insert into t values (1)'); c.execute('begin exclusive'); c.execute('insert into t values (2)')
            open('ready', 'w').close()
            while not os.path.exists('stop'): time.sleep(0.02)
            """#
        let path = bench.folder.path
        let other = try await OtherProcess([script], in: path)
        try FileSystem.makeDirectory(bench.staging)
        let database = bench.home.appending("state.db")
        let file = try FileSystem.openRegular(database)
        defer { file.closeQuietly() }
        let start = ContinuousClock.now
        let snapshot = try DatabaseSnapshot.take(
            database, file: file, name: BundlePath("home/state.db"), staging: bench.staging, copying: false,
            patience: .seconds(1), CancellationFlag())
        let description = try snapshot.describe(CancellationFlag())
        let took = ContinuousClock.now - start
        try await other.stop()
        #expect(took >= .milliseconds(900) && took < .seconds(5), "\(took)")
        #expect(description.isSound && description.rows == ["t": 1])
    }

    /// That no copy can be made is no fault of the database, which would be bundled as it lies there.
    @Test func aCopyThatCannotBeMadeIsSaid() async throws {
        let bench = try BundleBench()
        let script = #"""
            import os, sqlite3, time
            c = sqlite3.connect('home/state.db', isolation_level=None); c.execute('pragma journal_mode=wal')
            c.execute('create table t(a)'); open('ready', 'w').close()
            while not os.path.exists('stop'): time.sleep(0.02)
            """#
        let path = bench.folder.path
        let other = try await OtherProcess([script], in: path)
        let database = bench.home.appending("state.db")
        let file = try FileSystem.openRegular(database)
        defer { file.closeQuietly() }
        let error = failure {
            _ = try DatabaseSnapshot.take(
                database, file: file, name: BundlePath("home/state.db"), staging: path.appending("absent"),
                copying: false, CancellationFlag())
        }
        try await other.stop()
        #expect(
            error?.exit == .cannotWrite && error?.reason == "No such file or directory", "\(error?.description ?? "")")
    }

    /// It has none from its first byte on.
    @Test func aLargeLiveDatabaseIsCopiedWithoutAName() async throws {
        let bench = try BundleBench()
        let script = #"""
            import os, sqlite3, time
            c = sqlite3.connect('home/state.db', isolation_level=None); c.execute('pragma journal_mode=wal')
            c.execute('create table t(a)'); c.execute('begin')
            for n in range(60): c.execute('insert into t values (randomblob(1000000))')
            c.execute('commit'); open('ready', 'w').close()
            while not os.path.exists('stop'): time.sleep(0.02)
            """#
        let path = bench.folder.path
        let other = try await OtherProcess([script], in: path)
        let before = try times(bench.home)
        let file = try bench.create()
        #expect(try times(bench.home) == before)
        try await other.stop()
        #expect(file.manifest.databases.first?.rows == ["t": 60])
        #expect(file.manifest.databases.first?.isSound == true)
        #expect(try DirectoryListing.names(at: bench.staging).isEmpty)
    }

    @Test func stagingOfDeadProcessesIsSwept() throws {
        let bench = try BundleBench()
        try bench.folder.write("home/a", "x")
        let me = ProcessIdentity.current
        let dead = "bundle-\(me.pid)-\(me.startTime + 1)-\(me.bootID)-00000000"
        let alive = "bundle-\(me.pid)-\(me.startTime)-\(me.bootID)-11111111"
        for name in [dead, alive, "something else"] { try bench.folder.write("staging/\(name)/copy.db", "rows") }
        _ = try bench.create()
        let names = try DirectoryListing.names(at: bench.staging).map { String(decoding: $0, as: UTF8.self) }
        #expect(names == [alive, "something else"])
    }
}
