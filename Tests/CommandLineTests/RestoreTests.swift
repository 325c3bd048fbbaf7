internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// `restore` from outside: where it goes, where it refuses to go, and what it does with the home that stands there.
@Suite(.timeLimit(.minutes(10))) struct RestoreTests {
    private func restore(_ site: DrillSite, _ target: FilePath, from: String = "store", _ options: String...)
        async throws
        -> RunnerProgram.Result
    {
        let identity = from == "repository" ? [] : ["--identity", "drill-key"]
        return try await site.runner.run(
            RunnerProgram.path, ["restore", "--from", from, "--into", target.string] + identity + options)
    }

    /// Names that a restore made and should not have left.
    private func leftovers(_ folder: FilePath) throws -> [String] {
        try DirectoryListing.names(at: folder).map { String(decoding: $0, as: UTF8.self) }
            .filter { $0.hasPrefix(".hermes-ops") || $0.contains(".before-") || $0.hasSuffix(".tmp") }
    }

    private func text(_ path: FilePath) throws -> String {
        String(decoding: try FileSystem.read(path, limit: 1 << 24), as: UTF8.self)
    }

    /// After a change of keys the old bundles need the old one: every credential that is named is tried.
    @Test func severalCredentialsMayOpenTheBundle() async throws {
        let site = try await DrillSite()
        let other = site.runner.folder.path.appending("other.txt")
        #expect(try await site.runner("keys", "generate", "-o", other.string).status == 0)
        let target = site.runner.folder.path.appending("back")
        let result = try await site.runner(
            "restore", "--from", "store", "--into", target.string, "--identity", "other-key", "--identity", "drill-key")
        #expect(result.status == 0, "\(result.errors)")
        let useless = try await site.runner(
            "restore", "--from", "repository", "--into", target.string, "--bundle", "x")
        #expect(useless.status == 64 && useless.errors.contains("--bundle has no meaning"))
        // The state directory is no place for a home.
        let inState = try await restore(site, site.runner.state.pushing("bundles/x"))
        #expect(inState.status == 64, "\(inState.errors)")
    }

    @Test func wrongTargetsAreRefusedAndLeftAlone() async throws {
        let site = try await DrillSite()
        let folder = site.runner.folder
        let before = try site.homeState()
        try folder.write("a-file", "a file\n")
        try folder.write("full/a", "a\n")
        for (name, target) in [("to-home", site.home.string), ("to-nowhere", "/nowhere/at/all"), ("to-full", "full")] {
            #expect(symlink(target, folder.path.appending(name).string) == 0)
        }
        try FileSystem.makeDirectory(folder.path.appending("profiles"))
        let refused: [(FilePath, String)] = [
            (site.home, "live home"), (site.home.appending("x"), "inside the live home"),
            (site.home.pushing("skills"), "inside the live home"), (folder.path, "contains the live home"),
            ("/", "root folder"), (folder.path.appending("to-home"), "live home"),
            (folder.path.pushing("to-home/x"), "inside the live home"),
            (folder.path.appending("to-nowhere"), "symlink"),
            (folder.path.appending("to-full"), "not empty"), (folder.path.appending("full"), "not empty"),
            (folder.path.appending("a-file"), "not a folder"), (folder.path.pushing("a-file/x"), "Not a directory"),
            (folder.path.pushing("missing/x"), "No such file"), (folder.path.pushing("profiles/x"), "profiles"),
        ]
        for (target, words) in refused {
            let result = try await restore(site, target)
            #expect(
                result.status == 64 && result.errors.contains(words), "\(target): \(result.status) \(result.errors)")
        }
        #expect(try site.homeState() == before)
        #expect(try text(folder.path.appending("a-file")) == "a file\n")
        #expect(try text(folder.path.pushing("full/a")) == "a\n")
        #expect(try leftovers(folder.path) == [])
        guard geteuid() == 0 else { return }
        for (mount, target, status, words) in [
            // A folder of the live home by another name; a file system of its own; a parent that is read-only; one that is full.
            ("--bind \(site.home.pushing("skills"))", "/x", 64, "mounted at another place"),
            ("-t tmpfs none", "", 64, "something is mounted just there"),
            ("-t tmpfs -o ro none", "/x", 73, "Read-only"), ("-t tmpfs -o size=100k none", "/x", 73, "No space left"),
        ] {
            try FileSystem.makeDirectory(folder.path.appending("mount"))
            let result = try await site.runner.tool(
                "unshare", "-m", "sh", "-c",
                """
                mount --make-rprivate / && mount \(mount) "$1" && "$2" restore --from store --identity drill-key --into "$1\(target)"
                code=$?
                [ -z "$(find "$1" -maxdepth 1 -name '.hermes-ops*' -o -maxdepth 1 -name x)" ] || { ls -lA "$1"; exit 99; }
                exit $code
                """, "sh", folder.path.appending("mount").string, RunnerProgram.path.string)
            #expect(
                result.status == Int32(status) && result.errors.contains(words),
                "\(mount): \(result.status) \(result.output)\(result.errors)")
        }
        #expect(try site.homeState() == before)
    }

    @Test func aBundleComesBackToTheModeAndTheOldHomeIsKept() async throws {
        let site = try await DrillSite(backups: false)
        let home = site.home
        let folder = site.runner.folder.path
        for (name, mode) in [("scripts/fetch.sh", 0o750), ("memories/MEMORY.md", 0o440), ("state.db", 0o644)] {
            #expect(chmod(home.pushing(FilePath(name)).string, mode_t(mode)) == 0)
        }
        #expect(chmod(home.appending("hooks").string, 0o550) == 0)
        #expect(try await site.runner("run", "emergency-bundle", "--quiet").status == 0)
        let original = try site.homeState()
        // Into a new folder, and over a home on another file system.
        let target = folder.appending("restored")
        let fresh = try await restore(site, target)
        #expect(fresh.status == 0, "\(fresh.errors)")
        #expect(fresh.output.contains("gateway_routing.scope: /elsewhere/.hermes/sessions"), "\(fresh.output)")
        try await expectSame(site, target)
        if geteuid() == 0 {
            let elsewhere = try await site.runner.tool(
                "unshare", "-m", "sh", "-c",
                """
                mount --make-rprivate / && mount -t tmpfs none "$1" && mkdir "$1/h" && cp -a "$3"/. "$1/h" &&
                "$2" restore --from store --identity drill-key --into "$1/h" --replace && ls -A "$1" && diff -r "$3" "$1/h"
                """, "sh", try madeFolder(folder.appending("volume")).string, RunnerProgram.path.string, target.string)
            #expect(elsewhere.status == 0, "\(elsewhere.output)\(elsewhere.errors)")
            #expect(elsewhere.output.contains("h.before-"))
        }
        #expect(try site.homeState() == original)
        // Over the live home, which has moved on, and whose database has a log from after the bundle.
        try site.runner.folder.write("home/SOUL.md", "Changed since.\n")
        try site.runner.folder.write("home/state.db-wal", "stale")
        try site.runner.folder.write("home/state.db-shm", "stale")
        let refused = try await restore(site, home)
        #expect(refused.status == 64 && refused.errors.contains("--replace"), "\(refused.errors)")
        let replaced = try await restore(site, home, "--replace", "--json")
        #expect(replaced.status == 0, "\(replaced.errors)")
        let kept = FilePath(try #require(try replaced.json()["previousHome"] as? String))
        #expect(try text(kept.appending("SOUL.md")) == "Changed since.\n")
        #expect(try text(kept.appending("state.db-wal")) == "stale")
        for name in ["state.db-wal", "state.db-shm"] { #expect((try? FileStatus(at: home.appending(name))) == nil) }
        try await expectSame(site, target, other: home)
        #expect(try leftovers(folder).count == 1)
    }

    private func madeFolder(_ path: FilePath) throws -> FilePath {
        try FileSystem.makeDirectory(path)
        return path
    }

    /// Every file of the restored home is as in the live one, modes included; what is missing can be made again.
    private func expectSame(_ site: DrillSite, _ target: FilePath, other: FilePath? = nil) async throws {
        let model = other ?? site.home
        var count = 0
        try DirectoryWalk(target).run { entry in
            let twin = try FileStatus(at: model.pushing(FilePath(bytes: entry.path)))
            #expect(twin.kind == entry.status.kind, "\(printable(entry.path))")
            #expect(twin.permissions == entry.status.permissions, "\(printable(entry.path))")
            if entry.status.kind == .file, !entry.path.starts(with: Array("state.db".utf8)) {
                let name = FilePath(bytes: entry.path)
                let bytes = try FileSystem.read(target.pushing(name), limit: 1 << 24)
                let wanted = try FileSystem.read(model.pushing(name), limit: 1 << 24)
                #expect(bytes == wanted, "\(printable(entry.path))")
            }
            count += 1
            return .descend
        } failing: { _, error in
            throw error
        }
        #expect(count > 40)
        for name in [".env", "auth.json", "profiles/coder/.env", "profiles/coder/memories/MEMORY.md"] {
            #expect((try? FileStatus(at: target.pushing(FilePath(name)))) != nil, "\(name)")
        }
        let rows = try await site.runner.tool(
            "python3", "-c",
            "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT COUNT(*) FROM messages').fetchone()[0])",
            target.appending("state.db").string)
        #expect(rows.output == "240\n")
    }

    @Test func aRunningGatewayRefuses() async throws {
        let site = try await DrillSite()
        let before = try site.homeState()
        let script = { (prepare: String) in
            """
            home=$1 runner=$2
            \(prepare)
            "$runner" restore --from store --identity drill-key --into "$home" --replace
            code=$?
            [ -z "${pid:-}" ] || { kill "$pid"; wait "$pid"; }
            rm -f "$home/gateway.pid" "$home/gateway.lock"
            exit $code
            """
        }
        let gateway = #"python3 -c 'import time; time.sleep(100)' hermes_cli.main gateway run & pid=$!"#
        let record =
            #"printf '{"pid":%s,"kind":"hermes-gateway","start_time":%s}' "$pid" "$(awk '{print $22}' /proc/$pid/stat)" >"$home/gateway.pid""#
        for (prepare, words) in [
            ("flock -n \"$home/gateway.lock\" sleep 100 & pid=$!; sleep 0.3", "holds gateway.lock"),
            (gateway + "\n" + record, "its gateway runs, as process"),
        ] {
            let result = try await site.runner.tool(
                "bash", "-c", script(prepare), "sh", site.home.string, RunnerProgram.path.string)
            #expect(result.status == 1 && result.errors.contains(words), "\(result.errors)")
            #expect(try TreeFingerprint(site.home).differences(from: before.tree).filter { !$0.hasPrefix(".:") } == [])
        }
        // The gateway is dead, and its files still name it.
        let dead = try await site.runner.tool(
            "bash", "-c", script(gateway + "\n" + record + "\nkill $pid; wait $pid; pid=; : >\"$home/gateway.lock\""),
            "sh", site.home.string, RunnerProgram.path.string)
        #expect(dead.status == 0, "\(dead.errors)")
    }

    /// The repository over the live home: no live value is lost, no placeholder takes its place, and the dotenv file stays as the
    /// person wrote it.
    @Test func theRepositoryOverALiveHomeKeepsEveryLiveValue() async throws {
        let site = try await DrillSite()
        let home = site.home
        let environment = home.appending(".env")
        // As people have them: a mark, Windows lines, comments, exports, a name twice, an older value of a variable of ours.
        let old = String(decoding: try FileSystem.read(environment, limit: 1 << 20), as: UTF8.self)
        let windows =
            "\u{FEFF}# my keys\r\n"
            + old.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
            + "\r\nexport TWICE='one' # first\r\nTWICE=two\r\nHERMES_OPS_PROVIDERS_LAB_API_KEY=stale\r\n  \r\n"
        try FileSystem.replace(environment, with: Array(windows.utf8))
        let config = try text(home.appending("config.yaml"))
        let profile = try text(home.pushing("profiles/coder/config.yaml"))
        try site.runner.folder.write("home/SOUL.md", "Spoilt.\n")
        let result = try await restore(site, home, from: "repository", "--replace", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let merged = try text(environment)
        #expect(merged.utf8.starts(with: windows.utf8), "what stood there stays, byte for byte")
        let added = merged.dropFirst(windows.count)
        #expect(!added.replacing("\r\n", with: "").contains("\n") && !merged.contains("redacted"))
        #expect(try text(home.appending("SOUL.md")) != "Spoilt.\n")
        // Each inline value of config.yaml stands under the name that the restored one has in its place; the stale one is overruled.
        let restored = try text(home.appending("config.yaml"))
        #expect(restored.contains("${HERMES_OPS_PROVIDERS_LAB_API_KEY}"))
        #expect(added.contains("\r\nHERMES_OPS_PROVIDERS_LAB_API_KEY=\(site.fixture.value("LAB_KEY"))\r\n"), "\(added)")
        for name in ["LAB_KEY", "IMAP_PASSWORD", "MCP_BEARER", "LINEAR_KEY", "DB_PASSWORD", "CAMOFOX_KEY"] {
            let value = site.fixture.value(name)
            try #require(config.contains(value), "\(name)")
            #expect(!restored.contains(value) && added.contains(value), "\(name)")
        }
        try #require(profile.contains(site.fixture.value("CODER_KEY")))
        #expect(try text(home.pushing("profiles/coder/.env")).contains("_API_KEY=\(site.fixture.value("CODER_KEY"))"))
        for name in [".env", "profiles/coder/.env", "config.yaml"] {
            #expect(try FileStatus(at: home.pushing(FilePath(name))).permissions == 0o600, "\(name)")
        }
        // No file that Hermes reads has a marker where it had a value.
        let marked = try await site.runner.tool("grep", "-rlF", "«redacted", home.string)
        let names = marked.output.split(separator: "\n").filter { !$0.hasSuffix(".from-backup") }
        #expect(names.allSatisfy { $0.hasSuffix("config.yaml") || $0.contains(".template") }, "\(names)")
        let report = try result.json()
        #expect((report["carriedOver"] as? [String])?.contains("auth.json") == true, "\(result.output)")
        #expect((report["secretsToProvide"] as? [Any])?.isEmpty == true, "\(result.output)")
        let rows = try await site.runner.tool(
            "python3", "-c",
            "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT COUNT(*) FROM messages').fetchone()[0])",
            home.appending("state.db").string)
        #expect(rows.output == "240\n")
    }

    /// A dotenv file that lies elsewhere is not this program's to write.
    @Test func aDotenvThatIsALinkStaysOne() async throws {
        let site = try await DrillSite()
        let environment = site.home.appending(".env")
        let elsewhere = site.runner.folder.path.appending("secrets.env")
        try FileSystem.rename(environment, to: elsewhere)
        #expect(symlink(elsewhere.string, environment.string) == 0)
        let before = try FileSystem.read(elsewhere, limit: 1 << 20)
        let result = try await restore(site, site.home, from: "repository", "--replace")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains(".env is no plain file and stays as it is"), "\(result.errors)")
        #expect(result.output.contains("HERMES_OPS_PROVIDERS_LAB_API_KEY in .env"), "\(result.output)")
        #expect(try FileStatus(at: environment).kind == .symlink)
        #expect(try FileSystem.read(elsewhere, limit: 1 << 20) == before)
    }

    /// Killed at any moment, the target is the old home or the new one, whole; what is left beside it the next restore takes away.
    @Test func aKilledRestoreLeavesOneHomeOrTheOther() async throws {
        let site = try await DrillSite()
        let folder = site.runner.folder.path.appending("place")
        let target = folder.appending("h")
        try FileSystem.makeDirectory(target)
        try site.runner.folder.write("place/h/SOUL.md", "The old one.\n")
        try site.runner.folder.write("place/h/old", "old\n")
        let old = try TreeFingerprint(target)
        let clock = ContinuousClock()
        let start = clock.now
        #expect(try await restore(site, folder.appending("probe")).status == 0)
        let whole = start.duration(to: clock.now)
        var ends: [String: Int] = [:]
        for number in 0..<12 {
            let earlier = Set(try leftovers(folder))
            let process = Process()
            process.executableURL = URL(fileURLWithPath: RunnerProgram.path.string)
            process.arguments = [
                "restore", "--from", "store", "--identity", "drill-key", "--into", target.string, "--replace",
                "--quiet",
            ]
            process.environment = site.runner.environment
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            try await Task.sleep(for: whole * (Double(number + 1) / 13))
            let signal = number % 3 == 0 ? SIGTERM : SIGKILL
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            guard try TreeFingerprint(target).differences(from: old).filter({ !$0.hasPrefix(".:") }) != [] else {
                ends["old", default: 0] += 1
                // Of its own it leaves nothing; what one that was killed before it left may still be there.
                if signal == SIGTERM { #expect(try Set(leftovers(folder)).subtracting(earlier) == [], "\(number)") }
                continue
            }
            ends["new", default: 0] += 1
            try await expectSame(site, target, other: folder.appending("probe"))
            let kept = try #require(try leftovers(folder).first { $0.hasPrefix("h.before-") })
            #expect(
                try TreeFingerprint(folder.appending(kept)).differences(from: old).filter { !$0.hasPrefix(".:") } == [])
            try FileSystem.removeTree(target)
            try FileSystem.rename(folder.appending(kept), to: target)
        }
        #expect(ends["old"] ?? 0 > 0, "\(ends)")
        let last = try await restore(site, target, "--replace")
        #expect(last.status == 0, "\(last.errors)")
        let left = try leftovers(folder).filter { name in
            // One that was killed before it could mark its folder left that empty, and it goes a minute later.
            !name.hasPrefix("h.before-")
                && (try? DirectoryListing.names(at: folder.appending(name)))?.allSatisfy {
                    String(decoding: $0, as: UTF8.self).hasSuffix(".tmp")
                } != true
        }
        #expect(left == [])
    }
}
