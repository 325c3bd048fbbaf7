internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What comes out of the program, and what becomes of it where nobody takes it.
@Suite(.timeLimit(.minutes(5))) struct OutputTests {
    private let runner: RunnerProgram

    init() async throws {
        runner = try RunnerProgram()
        try runner.makePlainHome()
        let folder = runner.folder.path
        _ = try await runner("keys", "generate", "-o", folder.appending("key.txt").string)
        let key = try await runner("keys", "recipient", folder.appending("key.txt").string)
        try runner.folder.write(
            "config.yaml",
            """
            version: 1
            instance: { id: vijay, label: Vijay / root, hermesHome: \(runner.home) }
            bundle: { recipients: [ \(key.output.trimmingCharacters(in: .newlines)) ] }
            stores: { near: { directory: \(folder)/near } }
            jobs:
              save: { steps: [ bundle, { upload: { store: near } } ] }
              tidy: { steps: [ { prune: { store: near, keep: { last: 1 } } } ] }

            """)
    }

    private func bundle() async throws -> (path: String, key: String) {
        let folder = runner.folder.path
        let path = folder.appending("one.age").string
        let made = try await runner("bundle", "create", "-o", path)
        try #require(made.status == 0, "\(made.errors)")
        return (path, folder.appending("key.txt").string)
    }

    /// `$0` of a shell line.
    private func shell(_ line: String, _ arguments: String...) async throws -> RunnerProgram.Result {
        try await runner.run("/bin/bash", ["-o", "pipefail", "-c", line, RunnerProgram.path.string] + arguments)
    }

    @Test func outputThatCannotBeWrittenIsAnError() async throws {
        let (path, key) = try await bundle()
        for line in [
            #""$0" bundle inspect "$1" -i "$2" --json"#, #""$0" bundle verify "$1" -i "$2""#,
            #""$0" bundle decrypt "$1" -i "$2""#, #""$0" schema config"#, #""$0" validate"#, #""$0" status"#,
            #""$0" --help"#, #""$0" --version"#, #""$0" run save"#,
        ] {
            let full = try await shell(line + " >/dev/full", path, key)
            #expect(full.status == 73, "\(line): \(full.status) \(full.errors)")
            #expect(full.errors.contains("standard output: No space left"), "\(line): \(full.errors)")
            // A reader that is gone before anything is written.
            let closed = try await shell("{ sleep 0.2; \(line) --quiet; } | true", path, key)
            // A quiet run has nothing to write.
            if !["--help", "--version", "schema", "run save"].contains(where: { line.contains($0) }) {
                #expect(closed.status == 141, "\(line): \(closed.status) \(closed.errors)")
                #expect(closed.errors.isEmpty, "\(line): \(closed.errors)")
            }
        }
    }

    /// A pipe that gives nothing, and a reader that takes nothing, are left at the first signal.
    @Test func pipesThatStallAreLeftAtASignal() async throws {
        let (path, key) = try await bundle()
        for line in [
            #"timeout -k 20 -s TERM 1 "$0" bundle decrypt -i "$2" >plain < <(head -c 300 "$1"; exec sleep 30 2>&1 >/dev/null)"#,
            #"timeout -k 20 -s INT 1 "$0" bundle decrypt -i "$2" -o plain < <(exec sleep 30)"#,
            #"set +o pipefail; (head -c 100000 /dev/zero | age -r "$("$0" keys recipient "$2")" -o z.age; timeout -k 20 -s TERM 1 "$0" bundle decrypt z.age -i "$2"; echo $? >code) | sleep 3; exit $(cat code)"#,
        ] {
            let start = ContinuousClock.now
            let result = try await shell("cd \"$3\"; " + line, path, key, runner.folder.path.string)
            #expect(result.status == 124 || result.status == 143, "\(line): \(result.status) \(result.errors)")
            #expect(ContinuousClock.now - start < .seconds(15))
        }
    }

    /// One store that cannot be read does not hide what the others hold.
    @Test func aStoreThatFailsHidesNoOther() async throws {
        try #require(try await runner("run", "save", "--quiet").status == 0)
        let path = runner.folder.path.appending("config.yaml")
        let text = String(decoding: try FileSystem.read(path, limit: 10_000), as: UTF8.self)
        try runner.folder.write(
            "config.yaml", text.replacing("stores: {", with: "stores: { far: { directory: /nowhere/at/all }, "))
        let listed = try await runner("bundle", "list", "--json", "--quiet")
        let items = try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]]
        #expect(items?.count == 1 && listed.status == 78, "\(listed)")
        #expect(listed.errors.contains("store far") && listed.errors.contains("/nowhere/at/all"), "\(listed.errors)")
        let far = try await runner("bundle", "list", "--store", "far")
        #expect(far.status == 78 && far.output.isEmpty, "\(far)")
    }

    /// What an opening that was killed left, in folders without a bit too, is plaintext: the next one removes it.
    @Test(arguments: ["", "setpriv --reuid 65534 --regid 65534 --clear-groups"])
    func leftoversOfAnOpeningAreRemoved(wrapper: String) async throws {
        guard wrapper.isEmpty || getuid() == 0 else { return }
        let (path, key) = try await bundle()
        let result = try await shell(
            """
            set -e
            as="\(wrapper)"
            $as test -x "$0" || exit 0
            place=$($as mktemp -d)
            trap 'chmod -R u+rwx "$place"; rm -rf "$place"' EXIT
            cp "$1" "$place/b.age"; cp "$2" "$place/key"
            [ -z "$as" ] || chown -R 65534:65534 "$place"
            left="$place/.$(printf out | sha256sum | cut -c1-16).2147483647.00112233.partial"
            $as mkdir -p "$left/locked"; $as sh -c 'echo secret >"$1/locked/x"; chmod 0 "$1/locked"' sh "$left"
            $as mkdir "$place/.other.2147483647.00112233.partial"
            $as env HOME="$place" "$0" bundle open "$place/b.age" -i "$place/key" --into "$place/out" --quiet
            [ "$(ls -A "$place" | sort | tr '\\n' ' ')" = ".other.2147483647.00112233.partial b.age key out " ] || { ls -A "$place"; exit 9; }
            """, path, key)
        #expect(result.status == 0, "\(result.status) \(result.output)\(result.errors)")
    }

    @Test func aFolderThatIsNoNameIsNotOpenedInto() async throws {
        let (path, key) = try await bundle()
        for place in [".", "in/..", "in/.", "/"] {
            let result = try await shell(
                #"mkdir -p "$3/e/in"; cd "$3/e"; "$0" bundle open "$1" -i "$2" --into "$4"; code=$?; ls -A; ls -A in; exit $code"#,
                path, key, runner.folder.path.string, place)
            #expect(result.status == 64 && result.output == "in\n", "\(place): \(result)")
        }
    }

    /// What stands at `-o` is written to as what it is. Never tried on the machine's own devices: a mistake would replace them.
    @Test func outputGoesWhereANameLeads() async throws {
        let (path, key) = try await bundle()
        let folder = runner.folder.path.string
        let decrypt = #"cd "$3"; "$0" bundle decrypt "$1" -i "$2""#
        let plain = decrypt + " >plain; "
        for (title, line) in [
            ("FIFO", #"mkfifo f; cat f >got & "$0" bundle decrypt "$1" -i "$2" -o f; wait; cmp plain got; test -p f"#),
            (
                "FIFO without a reader yet",
                #"mkfifo g; (sleep 0.5; cat g >got) & "$0" bundle decrypt "$1" -i "$2" -o g; wait; cmp plain got"#
            ),
            ("pipe", #"ln -s /proc/self/fd/1 out; "$0" bundle decrypt "$1" -i "$2" -o out | cmp plain -; test -L out"#),
            (
                "standard output in a file",
                #"echo before >log; "$0" bundle decrypt "$1" -i "$2" -o out >>log; (echo before; cat plain) | cmp - log"#
            ),
            (
                "symlink to a file",
                #"mkdir d; echo old >d/file; ln -s d/file link; "$0" bundle decrypt "$1" -i "$2" -o link; cmp plain d/file; test -L link"#
            ),
            (
                "bundle through a symlink",
                #"mkdir e; : >e/file; ln -s e/file blink; "$0" bundle create -q -o blink; "$0" bundle create -q -o blink; test -L blink; "$0" bundle verify -i "$2" e/file"#
            ),
        ] {
            let result = try await shell("set -e; " + plain + line, path, key, folder)
            #expect(result.status == 0, "\(title): \(result.status) \(result.errors)")
        }
        for (line, status, words) in [
            (#"mkfifo h; "$0" bundle create -o h"#, 64, "it is no file"),
            (#"cp "$2" kept; "$0" bundle create -o kept; code=$?; cmp "$2" kept && exit $code"#, 73, "no bundle"),
            (#"ln -s nowhere dangling; "$0" bundle create -o dangling"#, 73, "leads nowhere"),
            (#""$0" bundle decrypt "$1" -i "$2" -o dangling"#, 73, "leads nowhere"),
            (#"mkdir i; "$0" bundle decrypt "$1" -i "$2" -o i"#, 73, "it is a folder"),
            (#""$0" bundle decrypt "$1" -i "$2" --json"#, 64, "--json"),
        ] {
            let result = try await shell(#"cd "$3"; "# + line, path, key, folder)
            #expect(result.status == status, "\(line): \(result.status) \(result.errors)")
            #expect((result.errors + result.output).contains(words), "\(line): \(result.errors)")
        }
        #expect(try FileStatus(at: runner.folder.path.appending("h")).kind == .fifo)
        #expect(try FileStatus(at: runner.folder.path.appending("dangling")).kind == .symlink)
        guard geteuid() == 0 else { return }
        let device = try await shell(
            #"cd "$3"; mknod node c 1 3 && : >node || exit 0; "$0" bundle decrypt "$1" -i "$2" -o node; test -c node"#,
            path, key, folder)
        #expect(device.status == 0, "\(device.errors)")
    }

    @Test func everyDecisionOfPruneIsShown() async throws {
        let store = runner.folder.path.appending("near")
        for number in 0..<12 {
            let saved = try await runner("run", "save")
            try #require(saved.status == 0, "\(number): \(saved.errors)")
        }
        let text = try await runner("run", "tidy", "--dry-run")
        #expect(text.status == 0, "\(text.errors)")
        let lines = text.output.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(lines.count { $0.hasPrefix("delete vijay-") && $0.hasSuffix(": no rule keeps it") } == 11)
        #expect(lines.count { $0.hasPrefix("keep vijay-") && $0.contains("newest verified") } == 1)
        let document = try await runner("run", "tidy", "--dry-run", "--json").json()
        #expect(document["kind"] as? String == "hermes.job.run")
        let steps = try #require(document["decided"] as? [[String: Any]])
        let decisions = try #require(steps.first?["decisions"] as? [[String: String]])
        #expect(decisions.count == 12 && decisions.count { $0["action"] == "delete" } == 11)
        for decision in decisions {
            #expect(decision["name"]?.hasPrefix("vijay-") == true && decision["reason"]?.isEmpty == false)
        }
        #expect(try DirectoryListing.names(at: store).count == 24)
        // And of a run that deletes, what it deleted.
        let done = try await runner("run", "tidy")
        #expect(done.output.split(separator: "\n").count { $0.contains("delete vijay-") } == 11, "\(done.output)")
    }

    @Test func placesWhereNothingCanBeMadeAreErrors() async throws {
        let (path, key) = try await bundle()
        for arguments in [
            ["bundle", "open", path, "-i", key, "--into", "/proc/hermes-ops"],
            ["sanitize", runner.home.string, "--into", "/proc/hermes-ops"],
        ] {
            let result = try await runner(arguments)
            #expect(result.status == 73, "\(arguments): \(result.status) \(result.errors)")
            #expect(result.errors.contains("/proc"), "\(result.errors)")
        }
        let missing = try await runner("bundle", "verify", path, "-i", "/nope")
        #expect(missing.status == 77, "\(missing.status) \(missing.errors)")
        guard geteuid() == 0 else { return }
        let mount = runner.folder.path.appending("mount")
        try FileSystem.makeDirectory(mount)
        let mounted = try await runner.tool(
            "unshare", "-m", "sh", "-c",
            #"mount --make-rprivate / && mount -t tmpfs none "$1" && exec "$2" bundle open "$3" -i "$4" --into "$1""#,
            "sh",
            mount.string, RunnerProgram.path.string, path, key)
        #expect(mounted.status == 64 && mounted.errors.contains("something is mounted just there"), "\(mounted.errors)")
    }

    @Test(arguments: ["2300-01-01 UTC", "1960-01-01 UTC", "2446-01-01 UTC"]) func farTimesStopNothing(_ time: String)
        async throws
    {
        let touch = try await runner.tool(
            "sh", "-c", #"find "$1" -depth -exec touch -d "$2" {} +"#, "sh", runner.home.string, time)
        try #require(touch.status == 0, "\(touch.errors)")
        let (path, key) = try await bundle()
        let folder = runner.folder.path
        let verified = try await runner("bundle", "verify", path, "-i", key)
        #expect(verified.status == 0, "\(verified.errors)")
        let opened = try await runner("bundle", "open", path, "-i", key, "--into", folder.appending("open").string)
        #expect(opened.status == 0, "\(opened.errors)")
        for name in ["SOUL.md", "memories"] {
            #expect(
                try FileStatus(at: folder.pushing("open/vijay/home").appending(name)).modified
                    == FileStatus(at: runner.home.appending(name)).modified)
        }
        for arguments in [
            ["sanitize", runner.home.string, "--into", folder.appending("clean").string], ["run", "save"], ["export"],
        ] {
            let result = try await runner(arguments)
            #expect(result.status == 0, "\(arguments): \(result.status) \(result.errors)")
        }
        let doctor = try await runner("doctor", "--offline")
        #expect(doctor.status < 100, "\(doctor.status) \(doctor.errors)")
    }
}
