internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The job that bundles and uploads, against a Drive of our own that dies, hangs and refuses, and with kill -9.
@Suite(.timeLimit(.minutes(5))) struct BundleJobTests {
    /// Above the first chunk of an upload, so that there are several.
    private static let homeSize = 24_000_000
    private static let marker = "Miso sleeps on the warm side of the roof"

    private struct Site {
        var runner: RunnerProgram
        let drive: TestServer
        let identity: FilePath
        var root: String { "http://127.0.0.1:\(drive.numbers["port"] ?? 0)" }

        init(upload: String) async throws {
            runner = try RunnerProgram()
            let folder = runner.folder.path
            drive = try TestServer("fake_drive.py", ["--state", folder.appending("drive").string])
            runner.environment["HERMES_OPS_TEST_LOOPBACK_HTTP"] = "1"
            runner.environment["HERMES_OPS_TEST_DRIVE"] = "http://127.0.0.1:\(drive.numbers["port"] ?? 0)"
            try runner.makePlainHome()
            try runner.folder.write("home/memories/CAT.md", BundleJobTests.marker)
            var generator = SplitMix64(seed: 5)
            var blob: [UInt8] = []
            blob.reserveCapacity(BundleJobTests.homeSize)
            while blob.count < BundleJobTests.homeSize {
                withUnsafeBytes(of: generator.next()) { blob.append(contentsOf: $0) }
            }
            try runner.folder.write("home/memories/blob", blob)
            try runner.folder.write(
                "google.json",
                #"{"refresh_token": "refresh-token", "client_id": "client-id", "client_secret": "client-secret"}"#)
            identity = folder.appending("key.txt")
            let made = try await runner("keys", "generate", "-o", identity.string)
            let key = try await runner("keys", "recipient", identity.string)
            try #require(made.status == 0 && key.status == 0, "\(made.errors)\(key.errors)")
            try write(upload: upload, recipients: key.output.trimmingCharacters(in: .newlines))
        }

        func write(upload: String, recipients: String) throws {
            let folder = runner.folder.path
            try runner.folder.write(
                "config.yaml",
                """
                version: 1
                instance: { id: vijay, label: Vijay / root, hermesHome: \(runner.home) }
                credentials: { google: { file: \(folder)/google.json } }
                bundle: { recipients: [ \(recipients) ] }
                stores:
                  far: { drive: { folder: folder0, credential: google } }
                  near: { directory: \(folder)/near }
                jobs:
                  emergency: { timeout: 5m, steps: [ bundle\(upload) ] }

                """)
        }

        func control(_ what: String, _ body: String = "null") async throws -> [String: Any] {
            let script =
                "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], sys.argv[2].encode() or None).read().decode())"
            let answer = try await runner.tool("python3", "-c", script, "\(root)/control/\(what)", body)
            return try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any] ?? [:]
        }

        /// Body bytes of data that the server read, and its files but the folder.
        func world() async throws -> (sent: Int, files: [[String: Any]]) {
            let state = try await control("state")
            let files = (state["files"] as? [[String: Any]] ?? []).filter {
                ($0["mimeType"] as? String)?.hasSuffix("folder") == false
            }
            return ((state["sent"] as? NSNumber)?.intValue ?? -1, files)
        }

        /// Names in the job's folder of the state.
        func waiting() throws -> [String] {
            let folder = runner.state.pushing("bundles/emergency")
            guard (try? FileStatus(at: folder)) != nil else { return [] }
            return try DirectoryListing.names(at: folder).map { String(decoding: $0, as: UTF8.self) }
        }

        func start(_ arguments: [String] = ["run", "emergency", "--quiet"]) throws -> Process {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: RunnerProgram.path.string)
            process.arguments = arguments
            process.environment = runner.environment
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            return process
        }

        /// Nothing of the home in the clear, and no secret of the Drive, in the state and in what was said.
        func expectNothingInTheClear(_ said: String...) async throws {
            // Killed at once, a process has not made it yet.
            guard (try? FileStatus(at: runner.state)) != nil else { return }
            for needle in [BundleJobTests.marker, "refresh-token", "client-secret", "ya29"] {
                let found = try await runner.tool("grep", "-raF", needle, runner.state.string)
                #expect(found.status == 1, "\(needle) stands in \(found.output.prefix(300))")
                for text in said { #expect(!text.contains(needle)) }
            }
        }
    }

    /// The seed's place: after one whole chunk and a part of the next.
    @Test func killedDuringTheUploadTheNextRunSendsTheRest() async throws {
        let site = try await Site(upload: ", { upload: { store: far } }")
        _ = try await site.control(
            "faults", #"[{"on": "data", "skip": 1, "do": "silence", "after": 3000000, "seconds": 120}]"#)
        let process = try site.start()
        while try await site.world().sent < 9_000_000, process.isRunning {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(process.isRunning)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let waiting = try site.waiting()
        #expect(waiting.count == 2 && waiting.contains("pending.json"), "\(waiting)")
        try await site.expectNothingInTheClear()
        let before = try await site.world().sent

        _ = try await site.control("faults", "[]")
        let second = try await site.runner("run", "emergency")
        #expect(second.status == 0, "\(second.errors)")
        #expect(second.output.contains("which could not upload it"), "\(second.output)")
        let (sent, files) = try await site.world()
        let size = try #require((files.first?["size"] as? String).flatMap { Int($0) })
        #expect(files.count == 1)
        #expect(size > Self.homeSize)
        // The first chunk had arrived; of the second what was not stored is sent again.
        #expect(sent - before <= size - (8 << 20))
        #expect(sent <= size + (8 << 20))
        #expect(files.first?["name"] as? String == waiting.first { $0 != "pending.json" })
        // What is there opens, and here nothing is left.
        #expect(try site.waiting() == [])
        let verified = try await site.runner(
            "bundle", "verify", "latest", "--store", "far", "--identity", site.identity.string)
        #expect(verified.status == 0, "\(verified.errors)")
        try await site.expectNothingInTheClear(second.output, second.errors)
        // The next run makes a new one.
        let third = try await site.runner("run", "emergency")
        #expect(third.status == 0, "\(third.errors)")
        #expect(try await site.world().files.count == 2)
    }

    @Test func aRestoreThatWasKilledGoesOnWithItsDownload() async throws {
        let site = try await Site(upload: ", { upload: { store: far } }")
        try #require(try await site.runner("run", "emergency", "--quiet").status == 0)
        _ = try await site.control(
            "faults", #"[{"on": "download", "do": "silence", "after": 12000000, "seconds": 120}]"#)
        let target = site.runner.folder.path.appending("restored").string
        let arguments = [
            "restore", "--from", "store", "--store", "far", "--identity", site.identity.string, "--into", target,
        ]
        let process = try site.start(arguments)
        let downloads = site.runner.state.appending("downloads")
        func fetched() throws -> Int64 {
            try DirectoryListing.names(at: downloads).map {
                try FileStatus(at: downloads.pushing(FilePath(bytes: $0))).size
            }
            .max() ?? 0
        }
        while ((try? fetched()) ?? 0) < 10_000_000, process.isRunning { try await Task.sleep(for: .milliseconds(50)) }
        #expect(process.isRunning)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let kept = try fetched()
        _ = try await site.control("faults", "[]")
        let second = try await site.runner.run(RunnerProgram.path, arguments)
        #expect(second.status == 0, "\(second.errors)")
        let log = try await site.control("state")["log"] as? [[String: Any]] ?? []
        let ranges = log.filter { $0["operation"] as? String == "download" }.map { $0["range"] as? String }
        #expect(ranges == [nil, "bytes=\(kept)-"])
        #expect(try DirectoryListing.names(at: downloads).isEmpty)
    }

    @Test func aDriveThatIsDownGetsTheSameBundleLater() async throws {
        let site = try await Site(upload: ", { upload: { store: near } }, { upload: { store: far } }")
        _ = try await site.control(
            "faults",
            #"[{"on": "initiate", "times": 1000, "do": "status", "status": 403, "reason": "insufficientFilePermissions"}]"#
        )
        let first = try await site.runner("run", "emergency")
        #expect(first.status != 0)
        #expect(try site.waiting().count == 2)
        let listed = try await site.runner("bundle", "list", "--store", "near", "--json")
        let names = try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]] ?? []
        #expect(names.count == 1)

        _ = try await site.control("faults", "[]")
        let second = try await site.runner("run", "emergency")
        #expect(second.status == 0, "\(second.errors)")
        let (sent, files) = try await site.world()
        #expect(files.count == 1 && files.first?["name"] as? String == names.first?["name"] as? String)
        #expect(sent == (files.first?["size"] as? String).flatMap { Int($0) })
        #expect(try DirectoryListing.names(at: site.runner.folder.path.appending("near")).count == 2)
        #expect(try site.waiting() == [])
    }

    /// A bundle for recipients that are no longer wanted never leaves.
    @Test func otherRecipientsMeanAnotherBundle() async throws {
        let site = try await Site(upload: ", { upload: { store: far } }")
        _ = try await site.control(
            "faults",
            #"[{"on": "initiate", "times": 1000, "do": "status", "status": 403, "reason": "insufficientFilePermissions"}]"#
        )
        #expect(try await site.runner("run", "emergency").status != 0)
        let waiting = try site.waiting()
        _ = try await site.control("faults", "[]")
        let path = site.runner.folder.path.appending("other.txt").string
        _ = try await site.runner("keys", "generate", "-o", path)
        let key = try await site.runner("keys", "recipient", path).output.trimmingCharacters(in: .newlines)
        try site.write(upload: ", { upload: { store: far } }", recipients: key)
        try await Task.sleep(for: .seconds(1))
        let run = try await site.runner("run", "emergency")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("other recipients"), "\(run.errors)")
        let (_, files) = try await site.world()
        #expect(files.count == 1)
        #expect(!waiting.contains(files.first?["name"] as? String ?? ""))
        let opened = try await site.runner("bundle", "verify", "latest", "--store", "far", "--identity", path)
        #expect(opened.status == 0, "\(opened.errors)")
        // What a reader left that was killed is in nobody's way.
        let name = try #require(files.first?["name"] as? String)
        let left = try site.runner.folder.write("state/downloads/\(name)", "left")
        let again = try await site.runner("bundle", "verify", "latest", "--store", "far", "--identity", path)
        #expect(again.status == 0 && (try? FileStatus(at: left)) == nil, "\(again.errors)")
    }

    /// In Drive a file may be named as its owner likes: no name leads out of the program's own folder, or to none.
    @Test(arguments: ["./../../evil", "a/b", "..", String(repeating: "n", count: 400), "\u{1B}[31mred"])
    func namesInTheStoreAreNoPaths(name: String) async throws {
        let site = try await Site(upload: ", { upload: { store: far } }")
        let run = try await site.runner("run", "emergency")
        try #require(run.status == 0, "\(run.errors)")
        let (_, files) = try await site.world()
        let id = try #require(files.first?["id"] as? String)
        let members = String(decoding: try JSONEncoder().encode(["name": name]), as: UTF8.self)
        _ = try await site.control("tamper", #"{"id": "\#(id)", "members": \#(members)}"#)
        let opened = try await site.runner(
            "bundle", "verify", "latest", "--store", "far", "--identity", site.identity.string)
        #expect(opened.status == 0 && !opened.errors.contains("\u{1B}[31m"), "\(opened.errors)")
        let names = try DirectoryListing.names(at: site.runner.folder.path)
        #expect(!names.contains { $0.starts(with: "evil".utf8) || $0.starts(with: ".evil".utf8) })
    }

    /// What no run could do is said before one is tried.
    @Test func mixedRecipientsAreAMistakeInTheConfiguration() async throws {
        let site = try await Site(upload: "")
        var keys: [String] = []
        for (name, options) in [("a.txt", []), ("b.txt", ["--pq"])] {
            let path = site.runner.folder.path.appending(name).string
            _ = try await site.runner.callAsFunction(["keys", "generate", "-o", path] + options)
            keys.append(try await site.runner("keys", "recipient", path).output.trimmingCharacters(in: .newlines))
        }
        try site.write(upload: "", recipients: keys[1])
        #expect(try await site.runner("validate").status == 0)
        try site.write(upload: "", recipients: keys.joined(separator: ", "))
        let mixed = try await site.runner("validate")
        #expect(mixed.status == 78 && mixed.errors.contains("post-quantum"), "\(mixed.errors)")
        #expect(try await site.runner("run", "emergency").status == 78)
        #expect(try site.waiting() == [])
    }

    /// A bundle of a dry run would wait for the next run, and be uploaded in the place of one of that day.
    @Test func aDryRunMakesNoBundle() async throws {
        let site = try await Site(upload: ", { upload: { store: near } }")
        let result = try await site.runner("run", "emergency", "--dry-run")
        #expect(result.status == 0 && result.output.contains("would bundle"), "\(result.errors)")
        #expect(access(site.runner.state.pushing("bundles/emergency").string, F_OK) != 0)
    }

    @Test func withoutAnUploadItSaysWhereTheBundleIs() async throws {
        let site = try await Site(upload: "")
        let run = try await site.runner("run", "emergency")
        #expect(run.status == 0, "\(run.errors)")
        let waiting = try site.waiting()
        #expect(waiting.count == 1)
        #expect(run.output.contains("bundles/emergency/\(waiting.first ?? "?")"), "\(run.output)")
    }

    /// Bundles are named by the second, and a small home takes less: each run's bundle is kept.
    @Test func severalInOneSecondAreAllKept() async throws {
        let site = try await Site(upload: ", { upload: { store: near } }")
        try FileSystem.removeTree(site.runner.home.appending("memories").appending("blob"))
        for _ in 0..<6 {
            let result = try await site.runner("run", "emergency", "--quiet")
            #expect(result.status == 0, "\(result.errors)")
        }
        let listed = try await site.runner("bundle", "list", "--store", "near", "--json")
        #expect(listed.output.components(separatedBy: #""verified" : true"#).count == 7, "\(listed.output)")
        #expect(try site.waiting() == [])
    }

    /// Killed at moments all over a run with a folder as its store.
    @Test func killedAnywhereNothingIsLeftInTheClear() async throws {
        let site = try await Site(upload: ", { upload: { store: near } }")
        var generator = SplitMix64(seed: 3)
        for round in 0..<(ProcessInfo.processInfo.environment["HERMES_OPS_STRESS"] == nil ? 6 : 60) {
            let process = try site.start()
            try await Task.sleep(for: .seconds(Double.random(in: 0.05...1.5, using: &generator)))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let waiting = try site.waiting()
            #expect(waiting.filter { $0.hasPrefix("vijay-") }.count <= 1, "round \(round): \(waiting)")
            try await site.expectNothingInTheClear()
        }
        let last = try await site.runner("run", "emergency")
        #expect(last.status == 0, "\(last.errors)")
        #expect(try site.waiting() == [])
        let listed = try await site.runner("bundle", "list", "--json")
        let bundles = try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]] ?? []
        #expect(!bundles.isEmpty)
        // Every bundle in the folder has its record, and no half copy is left; half a record may be somebody's who is at work, and is
        // swept after a day.
        let names = try DirectoryListing.names(at: site.runner.folder.path.appending("near"))
            .map { String(decoding: $0, as: UTF8.self) }
            .filter { !($0.contains(".json.") && $0.hasSuffix(".tmp")) }
        #expect(names.count == 2 * bundles.count, "\(names)")
    }
}
