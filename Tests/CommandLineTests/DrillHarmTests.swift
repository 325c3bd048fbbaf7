internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Whatever a drill restores from and however it ends, the live home is as it was, and nothing of what was restored stays behind.
@Suite(.timeLimit(.minutes(10))) struct DrillHarmTests {
    static let jobs = ["drill-repository", "drill-work-tree", "drill-store", "drill-file", "drill-both"]

    @Test func noEndOfADrillHarmsTheLiveHome() async throws {
        let site = try await DrillSite()
        let bundle = try #require(try site.bundles().last)
        try site.configure(
            jobs: DrillSite.standardJobs
                + "\n  drill-file: { steps: [ { restore: { from: file, file: \(bundle), identity: drill-key } }, verify ] }"
        )
        let before = try site.homeState()
        var ends: [String: Int] = [:]
        for job in Self.jobs {
            let clock = ContinuousClock()
            let start = clock.now
            #expect(try await site.drill(job).status == 0)
            let whole = start.duration(to: clock.now)
            #expect(try site.homeState() == before, "\(job), success")
            for (number, signal) in [SIGTERM, SIGKILL, SIGTERM, SIGKILL, SIGINT, SIGKILL].enumerated() {
                let status = try await run(site, job, signal, after: whole * (Double(number + 1) / 7))
                ends["\(signal)/\(status)", default: 0] += 1
                #expect(try site.homeState() == before, "\(job), signal \(signal)")
                if signal == SIGKILL {
                    // As ExecStopPost= does, whatever the job's next run is.
                    #expect(try await site.runner("finalize", job).status == 0)
                } else {
                    #expect([0, 128 + signal].contains(status), "\(job): \(status)")
                }
                #expect(site.leftovers() == [], "\(job), signal \(signal) after \(number + 1)/7")
            }
        }
        // Each kind of end was seen.
        for end in ["\(SIGTERM)/143", "\(SIGINT)/130", "\(SIGKILL)/137"] { #expect(ends[end] ?? 0 > 0, "\(ends)") }
        try expectNoSecret(site)
        let history = try await site.runner("history", "--json", "--limit", "100")
        #expect(!history.output.contains("\"executing\""))
    }

    /// A failing drill, and one whose second half is never reached.
    @Test func neitherDoesAFailure() async throws {
        let site = try await DrillSite()
        let before = try site.homeState()
        try await site.tampering("job") {
            let drill = try await site.drill("drill-both")
            #expect(drill.status == 1 && drill.receipt.failed == ["cron of both"], "\(drill)")
        }
        #expect(try site.homeState() == before)
        #expect(site.leftovers() == [])
        // Stopped after its first half, a drill does not read as passed. One that was done before the signal came says nothing: again.
        let records = site.runner.state.appending("runs")
        var receipt: FilePath?
        for _ in 0..<20 where receipt == nil {
            let known = Set(try DirectoryListing.names(at: records))
            let process = try start(site, "restore-drill")
            var half: FilePath?
            while half == nil, process.isRunning {
                try await Task.sleep(for: .milliseconds(1))
                half = try DirectoryListing.names(at: records).filter { !known.contains($0) }
                    .map { records.appending(FilePath(bytes: $0).components).appending("receipt.json") }
                    .first { (try? FileStatus(at: $0)) != nil }
            }
            kill(process.processIdentifier, SIGTERM)
            process.waitUntilExit()
            #expect([0, 143].contains(process.terminationStatus))
            if process.terminationStatus == 143 { receipt = half }
        }
        let text = try FileSystem.read(try #require(receipt), limit: 1 << 20)
        let drilled = try JSONDecoder().decode(Drilled.self, from: Data(text))
        #expect(drilled.drills.map(\.outcome) == ["passed"] && drilled.outcome == "unknown")
        #expect(site.leftovers() == [])
        #expect(try site.homeState() == before)
    }

    /// kill -9 leaves a restored home; the next drill of any job takes it away, and one that is kept on purpose stays.
    @Test func theNextRunSweepsWhatAKilledOneLeft() async throws {
        let site = try await DrillSite()
        let kept = try await site.drill("drill-store", "--keep")
        #expect(kept.status == 0, "\(kept.errors)")
        let stays = site.leftovers()
        #expect(stays.count == 1)
        var left = 0
        for _ in 0..<20 where left == 0 {
            let process = try start(site, "drill-store")
            for _ in 0..<6000 where process.isRunning {
                let extra = site.leftovers().filter { !stays.contains($0) }
                let home = extra.map { site.drills.appending($0).pushing("home/.env") }
                if home.contains(where: { (try? FileStatus(at: $0)) != nil }) { break }
                try await Task.sleep(for: .milliseconds(1))
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            left = site.leftovers().count - stays.count
        }
        #expect(left == 1, "a killed drill must have left something to sweep")
        // A backup is the next run here: not a drill.
        #expect(try await site.runner("run", "backup").status == 0)
        #expect(site.leftovers() == stays)
    }

    /// The working folder may not lie in the live home, by any name.
    @Test func aStateDirectoryInsideTheLiveHomeIsRefused() async throws {
        let site = try await DrillSite()
        let inner = site.home.appending("inner")
        try FileSystem.makeDirectory(inner)
        let link = site.runner.folder.path.appending("link")
        #expect(symlink(inner.string, link.string) == 0)
        for state in [inner, link.appending("state"), site.home.appending("skills")] {
            var runner = site.runner
            runner.environment["HERMES_OPS_STATE"] = state.string
            let result = try await runner("drill", "--json", "--job", "drill-store")
            #expect(result.status == 78, "\(state): \(result.errors)")
            #expect(result.errors.contains("lies in the home"), "\(result.errors)")
            #expect((try? DirectoryListing.names(at: state.appending("drills")))?.isEmpty ?? true)
        }
        guard geteuid() == 0 else { return }
        // Bound into a folder that looks like another one.
        let result = try await site.runner.tool(
            "unshare", "-m", "sh", "-c",
            """
            mount --make-rprivate / && mount --bind "$1" "$2" && exec "$3" drill --json --job drill-store
            """, "sh", inner.string, try drillsFolder(site).string, RunnerProgram.path.string)
        #expect(result.status == 64 && result.errors.contains("mounted at another place"), "\(result)")
    }

    private func drillsFolder(_ site: DrillSite) throws -> FilePath {
        try FileSystem.makeDirectory(site.drills)
        return site.drills
    }

    private func start(_ site: DrillSite, _ job: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: RunnerProgram.path.string)
        process.arguments = ["run", job, "--quiet"]
        process.environment = site.runner.environment
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func run(_ site: DrillSite, _ job: String, _ signal: Int32, after delay: Duration) async throws -> Int32 {
        let process = try start(site, job)
        try await Task.sleep(for: delay)
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
            ? 128 + process.terminationStatus : process.terminationStatus
    }

    private func expectNoSecret(_ site: DrillSite) throws {
        var found: [String] = []
        try DirectoryWalk(site.runner.state).run { entry in
            guard entry.status.kind == .file else { return .descend }
            let path = site.runner.state.pushing(FilePath(bytes: entry.path))
            let content = try FileSystem.read(path, limit: 1 << 28)
            for secret in site.fixture.secrets where secret.value.utf8.count >= 8 {
                if content.contains(Array(secret.value.utf8)) {
                    found.append("\(secret.name) in \(printable(entry.path))")
                }
            }
            return .descend
        } failing: { _, error in
            throw error
        }
        #expect(found == [])
    }
}
