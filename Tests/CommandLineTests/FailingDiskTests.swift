internal import Foundation
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Databases on a disk that does not give back what it should, and copies that find no room.
@Suite(.timeLimit(.minutes(5))) struct FailingDiskTests {
    /// Fails reads of the file whose path ends with FAIL_PATH: the FAIL_NTH alone, or those from byte FAIL_FROM on.
    private static let library = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/types.h>
        #include <unistd.h>
        static int count;
        static int fails(int fd, off_t offset, size_t length) {
            char link[64], path[4096];
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            ssize_t size = readlink(link, path, sizeof path - 1);
            const char *wanted = getenv("FAIL_PATH");
            if (size < 0 || !wanted || (size_t)size < strlen(wanted)) return 0;
            path[size] = 0;
            if (strcmp(path + size - strlen(wanted), wanted)) return 0;
            if (getenv("FAIL_NTH")) return __sync_add_and_fetch(&count, 1) == atoi(getenv("FAIL_NTH"));
            return offset + (off_t)length > atoll(getenv("FAIL_FROM"));
        }
        ssize_t pread(int fd, void *out, size_t length, off_t offset) {
            static ssize_t (*real)(int, void *, size_t, off_t);
            if (!real) real = dlsym(RTLD_NEXT, "pread64");
            if (fails(fd, offset, length)) { errno = EIO; return -1; }
            return real(fd, out, length, offset);
        }
        ssize_t pread64(int fd, void *out, size_t length, off_t offset) { return pread(fd, out, length, offset); }
        """#

    private struct Site {
        var runner: RunnerProgram
        var bundle: FilePath { runner.folder.path.appending("b.age") }
        var identity: FilePath { runner.folder.path.appending("key.txt") }

        init() async throws {
            runner = try RunnerProgram()
            try runner.makePlainHome()
            let made = try await runner("keys", "generate", "-o", identity.string)
            let key = try await runner("keys", "recipient", identity.string)
            try #require(made.status == 0 && key.status == 0, "\(made.errors)\(key.errors)")
            try runner.folder.write(
                "config.yaml",
                """
                version: 1
                instance: { id: vijay, label: Vijay, hermesHome: \(runner.home) }
                bundle: { recipients: [ \(key.output.trimmingCharacters(in: .newlines)) ] }
                jobs: { emergency: { steps: [ bundle ] } }

                """)
        }

        /// Runs a body while a process holds a database open. `mode`: SQLite's journal mode, or `exclusive`: locked for everybody.
        func holding<Value: Sendable>(
            mode: String, rows: Int, _ body: @Sendable () async throws -> Value
        ) async throws -> Value {
            let script = #"""
                import os, sqlite3, sys, time
                c = sqlite3.connect('home/state.db', isolation_level=None); c.execute('pragma journal_mode=' + sys.argv[1])
                c.execute('create table t(id integer primary key, a)'); c.execute('begin')
                for n in range(int(sys.argv[2])): c.execute('insert into t(a) values (?)', (os.urandom(500).hex(),))
                c.execute('commit'); c.execute('pragma wal_checkpoint(truncate)'); c.execute('insert into t(a) values (1)')
                if sys.argv[1] == 'exclusive': c.execute('pragma journal_mode=delete'); c.execute('begin exclusive')
                open('ready', 'w').close()
                while not os.path.exists('stop'): time.sleep(0.02)
                """#
            let path = runner.folder.path
            async let process = shell("python3 -c \"$1\" $2 $3", script, mode, "\(rows)")
            for _ in 0..<1200 where (try? FileStatus(at: path.appending("ready"))) == nil {
                try await Task.sleep(for: .milliseconds(25))
            }
            let value = try await body()
            try await shell("touch stop")
            _ = try await process
            return value
        }

        @discardableResult
        func shell(_ script: String, _ arguments: String...) async throws -> String {
            let all = ["-C", runner.folder.path.string, "sh", "-c", script, "sh"] + arguments
            let result = try await runner.run("/usr/bin/env", all)
            try #require(result.status == 0, "\(result.errors)")
            return result.output
        }

        func create(_ environment: [String: String] = [:]) async throws -> RunnerProgram.Result {
            var runner = runner
            runner.environment.merge(environment) { _, new in new }
            return try await runner("bundle", "create", "--quiet", "-o", bundle.string)
        }

        /// What the bundle says of the database, and what SQLite says of it when it is restored.
        func restored() async throws -> (copy: String, check: String, warnings: Int) {
            let inspected = try await runner("bundle", "inspect", bundle.string, "-i", identity.string, "--json")
            let manifest = try inspected.json()
            let database = (manifest["databases"] as? [[String: Any]])?.first ?? [:]
            let check = try await shell(
                """
                rm -rf out; mkdir out && age -d -i key.txt b.age | tar --zstd -x -C out
                sqlite3 out/vijay/home/state.db 'pragma integrity_check' 2>&1 || true
                """)
            return (
                database["copy"] as? String ?? "none", check.trimmingCharacters(in: .whitespacesAndNewlines),
                (manifest["warnings"] as? [Any])?.count ?? 0
            )
        }
    }

    /// Whatever read fails, a database that is called a snapshot is whole, and one that is not is warned of.
    @Test(arguments: [1, 2, 5, 40, 300]) func aReadThatFailsOnce(number: Int) async throws {
        let site = try await Site()
        let library = try await site.runner.library(Self.library)
        let made = try await site.holding(mode: "wal", rows: 3000) {
            try await site.create([
                "LD_PRELOAD": library, "FAIL_PATH": "/home/state.db", "FAIL_NTH": "\(number)",
            ])
        }
        #expect(made.status == 0, "\(made.errors)")
        let (copy, check, warnings) = try await site.restored()
        if copy == "snapshot" { #expect(check == "ok") } else { #expect(warnings > 0) }
    }

    /// A block that is gone: the bundle is made, and says so.
    @Test(arguments: ["delete", "wal"]) func aBlockThatIsGone(mode: String) async throws {
        let site = try await Site()
        let library = try await site.runner.library(Self.library)
        let made = try await site.holding(mode: mode, rows: 3000) {
            try await site.create([
                "LD_PRELOAD": library, "FAIL_PATH": "/home/state.db", "FAIL_FROM": "2000000",
            ])
        }
        #expect(made.status == 0, "\(made.errors)")
        let (copy, _, warnings) = try await site.restored()
        #expect(copy == "raw" && warnings > 0)
    }

    /// No room for the copy is no fault of the database: nothing is bundled as it lies there.
    @Test func aCopyThatFindsNoRoom() async throws {
        guard getuid() == 0 else { return }
        let site = try await Site()
        let folder = site.runner.folder.path
        let script = """
            mount --make-rprivate / && mkdir small && mount -t tmpfs -o size=1m,mode=0700 none small &&
            exec "$1" bundle create --quiet --config config.yaml --state-dir small -o b.age
            """
        let made = try await site.holding(mode: "wal", rows: 3000) {
            try await site.runner.tool(
                "/usr/bin/env", "-C", folder.string, "unshare", "-m", "sh", "-c", script, "sh",
                RunnerProgram.path.string)
        }
        #expect(made.status == 73 && made.errors.contains("No space left"), "\(made.status) \(made.errors)")
        #expect((try? FileStatus(at: site.bundle)) == nil)
    }

    /// SIGTERM does not wait for a lock's patience.
    @Test func aLockIsNotWaitedForAfterASignal() async throws {
        let site = try await Site()
        let start = ContinuousClock.now
        let made = try await site.holding(mode: "exclusive", rows: 10) {
            try await site.runner.tool(
                "/usr/bin/timeout", "-s", "TERM", "1.5", RunnerProgram.path.string, "bundle", "create", "--quiet", "-o",
                site.bundle.string)
        }
        #expect(made.status == 124, "\(made.status) \(made.errors)")
        #expect(ContinuousClock.now - start < .seconds(9))
        #expect((try? FileStatus(at: site.bundle)) == nil)
    }
}
