import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import InstanceState

@Suite struct FleetTests {
    static let now = Timestamp("2026-11-22T09:30:20Z")!

    private func member(_ folder: TemporaryDirectory, _ id: String) -> Fleet.Member {
        Fleet.Member(id: id, path: folder.path.appending(id).appending("snapshot.json"))
    }

    private func text(_ name: String, replacing parts: [(String, String)] = []) throws -> String {
        var text = String(decoding: try example(name), as: UTF8.self)
        for (old, new) in parts { text = text.replacing(old, with: new) }
        return text
    }

    @Test func theSixStates() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("vijay/snapshot.json", text("instance-vijay"))
        try folder.write(
            "bheem/snapshot.json",
            text("instance-bheem-unknown", replacing: [("2026-11-22T09:33:00Z", "2026-11-22T09:30:10Z")]))
        try folder.write(
            "early/snapshot.json",
            text(
                "instance-vijay",
                replacing: [("\"vijay\"", "\"early\""), ("2026-11-22T09:30:00Z", "2026-11-22T10:30:00Z")]))
        try folder.write("liar/snapshot.json", text("instance-vijay"))
        try folder.write("shut/snapshot.json/inside", "x")
        try folder.write(
            "eternal/snapshot.json",
            text(
                "instance-vijay",
                replacing: [("\"vijay\"", "\"eternal\""), ("2026-11-22T09:33:00Z", "2036-11-22T09:33:00Z")]))
        let ids = ["vijay", "bheem", "early", "liar", "shut", "absent", "eternal"]
        let readings = await Fleet.read(ids.map { member(folder, $0) }, at: Self.now)
        #expect(readings[2].source.ageSeconds == nil)
        #expect(readings[2].source.detail?.rawValue == "its time lies 59 min ahead of this clock")
        #expect(readings.map(\.source.state) == [.ok, .stale, .future, .invalid, .unreadable, .missing, .invalid])
        #expect(readings.map(\.health) == [.up] + Array(repeating: .unknown, count: 6))
        let fleet = Fleet.rollUp(readings, at: Self.now)
        #expect(try await schemaErrors(fleet.encoded(), schema: "fleet-snapshot") == [])
        #expect((fleet.rollup.instances.total, fleet.rollup.instances.up, fleet.rollup.instances.unknown) == (7, 1, 6))
        #expect((fleet.rollup.backups.fresh, fleet.rollup.backups.unknown) == (1, 6))
        #expect((fleet.rollup.sessions.total, fleet.rollup.sessions.messages) == (59, 5225))
        #expect(
            fleet.warnings.contains {
                $0.warning.code.rawValue == "snapshot-stale" && $0.instanceId.rawValue == "bheem"
            })
        // What a stale snapshot warned of is not repeated as if it were so.
        #expect(!fleet.warnings.contains { $0.warning.code.rawValue == "linger-off" })
        #expect(fleet.instances[1].snapshot != nil && fleet.instances[3].snapshot == nil)
    }

    @Test func theTagFollowsTheContentOnly() async throws {
        let folder = try TemporaryDirectory()
        func fleet(at now: Timestamp) async throws -> FleetSnapshot {
            Fleet.rollUp(await Fleet.read([member(folder, "vijay")], at: now), at: now)
        }
        try folder.write("vijay/snapshot.json", text("instance-vijay"))
        let first = try await fleet(at: Self.now)
        #expect(try await fleet(at: Self.now + .seconds(10)).etag == first.etag)
        try folder.write(
            "vijay/snapshot.json",
            text(
                "instance-vijay",
                replacing: [
                    ("\"sequence\": 48211", "\"sequence\": 48212"),
                    ("\"observedAt\": \"2026-11-22T09:30:00Z\"", "\"observedAt\": \"2026-11-22T09:30:01Z\""),
                ]))
        #expect(try await fleet(at: Self.now).etag == first.etag)
        try folder.write(
            "vijay/snapshot.json", text("instance-vijay", replacing: [("\"messages\": 5225", "\"messages\": 5226")]))
        #expect(try await fleet(at: Self.now).etag != first.etag)
    }

    @Test func hostileSnapshotsHarmNobody() async throws {
        let folder = try TemporaryDirectory()
        let secret = try folder.write("secret.json", text("instance-vijay"))
        func place(_ id: String) throws -> FilePath {
            try FileSystem.makeDirectory(folder.path.appending(id))
            return folder.path.appending(id).appending("snapshot.json")
        }
        let link = try place("link")
        #expect(secret.withPlatformString { target in link.withPlatformString { symlink(target, $0) } } == 0)
        let fifo = try place("fifo")
        #expect(fifo.withPlatformString { mkfifo($0, 0o644) } == 0)
        let huge = try place("huge")
        let file = try FileDescriptor.open(huge, .writeOnly, options: [.create], permissions: .ownerReadWrite)
        #expect(ftruncate(file.rawValue, 1 << 30) == 0)
        try file.close()
        let device = try place("device")
        #expect("/dev/zero".withCString { target in device.withPlatformString { symlink(target, $0) } } == 0)
        let deep = String(repeating: "{\"a\":", count: 100_000) + "1" + String(repeating: "}", count: 100_000)
        try folder.write("deep/snapshot.json", deep)
        try folder.write(
            "deeper/snapshot.json",
            text(
                "instance-vijay",
                replacing: [
                    (
                        "\"policy\": {",
                        "\"extra\": \(String(repeating: "[", count: 50))\(String(repeating: "]", count: 50)), \"policy\": {"
                    )
                ]))
        try folder.write(
            "markup/snapshot.json",
            text(
                "instance-vijay",
                replacing: [("\"vijay\"", "\"markup\""), ("daily brief", "<img src=x onerror=alert(1)>")]))
        try folder.write(
            "escape/snapshot.json",
            text("instance-vijay", replacing: [("\"vijay\"", "\"escape\""), ("daily brief", "\\u001b]0;owned\\u0007")]))
        try folder.write(
            "c1/snapshot.json",
            text("instance-vijay", replacing: [("\"vijay\"", "\"c1\""), ("daily brief", "\u{9B}31m\u{202E}x")]))
        try folder.write("binary/snapshot.json", [0xFF, 0xFE, 0x00, 0x7B])
        try folder.write("empty/snapshot.json", "")
        try folder.write("list/snapshot.json", "[]")
        try folder.write(
            "newer/snapshot.json",
            text(
                "instance-vijay",
                replacing: [("\"vijay\"", "\"newer\""), ("\"schemaVersion\": \"1.0\"", "\"schemaVersion\": \"2.0\"")]))
        try folder.write(
            "minor/snapshot.json",
            text(
                "instance-vijay",
                replacing: [
                    ("\"vijay\"", "\"minor\""),
                    ("\"schemaVersion\": \"1.0\"", "\"schemaVersion\": \"1.7\", \"novel\": [1]"),
                ]))
        try folder.write(
            "twice/snapshot.json",
            text(
                "instance-vijay",
                replacing: [("\"vijay\"", "\"twice\""), ("\"messages\": 5225", "\"messages\": 5225, \"messages\": 1")]))
        let token = "gh" + "p_" + String(repeating: "A1", count: 18)
        try folder.write(
            "leak/snapshot.json",
            text("instance-vijay", replacing: [("\"vijay\"", "\"leak\""), ("daily brief", token)]))
        try folder.write(
            "number/snapshot.json", text("instance-vijay", replacing: [("\"vijay\"", "\"number\""), ("5225", "1e400")]))
        try folder.write(
            "negative/snapshot.json",
            text("instance-vijay", replacing: [("\"vijay\"", "\"negative\""), ("5225", "-1")]))
        let expected: [(String, FleetSnapshot.Source.State)] = [
            ("link", .unreadable), ("fifo", .unreadable), ("huge", .invalid), ("device", .unreadable),
            ("deep", .invalid),
            ("deeper", .invalid), ("markup", .ok), ("escape", .invalid), ("c1", .ok), ("binary", .invalid),
            ("empty", .invalid),
            ("list", .invalid), ("newer", .invalid), ("minor", .ok), ("leak", .invalid), ("number", .invalid),
            ("negative", .invalid), ("twice", .invalid),
        ]
        let clock = ContinuousClock()
        let start = clock.now
        let readings = await Fleet.read(expected.map { member(folder, $0.0) }, at: Self.now)
        #expect(clock.now - start < .seconds(60))
        for (reading, (id, state)) in zip(readings, expected) {
            #expect(reading.source.state == state, "\(id): \(reading.source.detail?.rawValue ?? "")")
        }
        let encoded = try Fleet.rollUp(readings, at: Self.now).encoded()
        let shown = String(decoding: encoded, as: UTF8.self)
        #expect(!shown.contains(token))
        #expect(!shown.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x9B || $0.value == 0x202E })
        #expect(try await schemaErrors(encoded, schema: "fleet-snapshot") == [])
    }

    /// Snapshots broken at random places are answered, and what is accepted is valid.
    @Test func noDamageTraps() throws {
        let whole = try example("instance-vijay")
        var state: UInt64 = 20_261_123
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var accepted = 0
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0..<(1 + next(3)) { bytes[next(bytes.count)] = UInt8(truncatingIfNeeded: next(256)) }
            if next(4) == 0 { bytes = Array(bytes[..<next(bytes.count)]) }
            if let snapshot = try? InstanceSnapshot(decoding: bytes) {
                accepted += 1
                #expect(try InstanceSnapshot(decoding: snapshot.encoded()) == snapshot)
            }
        }
        #expect(accepted > 0)
    }

    @Test func twoHundredAreRolledUp() async throws {
        let folder = try TemporaryDirectory()
        let ids = (0..<200).map { "i\($0)" }
        for id in ids {
            try folder.write("\(id)/snapshot.json", text("instance-vijay", replacing: [("\"vijay\"", "\"\(id)\"")]))
        }
        try folder.write(
            "i199/snapshot.json",
            text(
                "instance-vijay",
                replacing: [
                    ("\"vijay\"", "\"i199\""), ("\"health\": \"up\",\n  \"host\"", "\"health\": \"down\",\n  \"host\""),
                ]))
        let members = try Fleet.members(below: folder.path)
        #expect(members.count == 200)
        let clock = ContinuousClock()
        var best = Duration.seconds(1000)
        var fleet: FleetSnapshot?
        for _ in 0..<3 {
            let start = clock.now
            fleet = Fleet.rollUp(await Fleet.read(members, at: Self.now), at: Self.now)
            best = min(best, clock.now - start)
        }
        let rolled = try #require(fleet)
        #expect(rolled.rollup.instances.total == 200 && rolled.rollup.instances.down == 1)
        #expect(rolled.instances.count == 64 && rolled.instances.first?.ref.id.rawValue == "i199")
        #expect(rolled.rollup.sessions.messages.value == 200 * 5225)
        #expect(try await schemaErrors(rolled.encoded(), schema: "fleet-snapshot") == [])
        print("200 snapshots read and rolled up in \(best)")
        #if !DEBUG
            #expect(best < .milliseconds(100))
        #endif
    }

    @Test func parity() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("vijay/snapshot.json", text("instance-vijay"))
        try folder.write("bheem/snapshot.json", text("instance-bheem-unknown"))
        let table = Parity(await Fleet.read(["vijay", "bheem", "absent"].map { member(folder, $0) }, at: Self.now))
        #expect(!table.atParity)
        func answers(_ row: Int) -> [Parity.Capability: Parity.Answer] {
            Dictionary(uniqueKeysWithValues: table.rows[row].cells.map { ($0.capability, $0.answer) })
        }
        #expect(answers(0).filter { $0.value != .yes } == [.drillReminder: .no])
        #expect(table.rows[0].cells.allSatisfy { ($0.answer == .yes) == ($0.missing == nil) })
        #expect(
            answers(1)[.repositoryPushed] == .no && answers(1)[.driveBundle] == .no
                && answers(1)[.backupTimer] == .unknown)
        #expect(answers(1)[.restoreDrill] == .no && answers(1)[.redactionSettings] == .yes)
        #expect(answers(2)[.exporter] == .no && answers(2)[.watchdog] == .unknown)
        for row in table.rows { for cell in row.cells where cell.answer == .no { #expect(cell.command != nil) } }
        #expect(!Parity([]).atParity)

        // The instance of the other tests lacks nothing.
        var instance = try SampleInstance()
        let snapshot = await instance.look()
        try folder.write("full/snapshot.json", try snapshot.encoded())
        let place = Fleet.Member(id: "bheem", path: folder.path.pushing("full/snapshot.json"))
        let full = Parity(await Fleet.read([place], at: instance.time.now))
        #expect(full.rows[0].cells.filter { $0.answer != .yes } == [])
        #expect(full.atParity)
    }

    /// What it says is missing, in words that are so, with the names that the configuration has.
    @Test func whatParitySaysIsTrue() async throws {
        let folder = try TemporaryDirectory()
        var instance = try SampleInstance()
        func cell(_ capability: Parity.Capability) async throws -> Parity.Cell {
            try folder.write("bheem/snapshot.json", try await instance.look().encoded())
            let parity = Parity(await Fleet.read([member(folder, "bheem")], at: instance.time.now))
            return try #require(parity.rows[0].cells.first { $0.capability == capability })
        }
        // Alerts arrive, and nobody ever tested the way: as `doctor` has it.
        for (test, words) in [
            (NotificationTest.never, "never tested"), (.failed(type: "telegram.blocked"), "failed: telegram.blocked"),
            (.delivered(at: instance.time.now - .seconds(100 * 86_400)), "100 days ago"),
            (.unknown("its record is damaged"), "is not known: its record is damaged"),
        ] {
            instance.description.notificationTest = test
            let tested = try await cell(.notificationTested)
            #expect(tested.answer == .no && tested.missing?.contains(words) == true, "\(tested)")
            #expect(tested.command == "hermes-ops-runner notify test")
        }
        instance.description.notificationTest = .delivered(at: instance.time.now)
        #expect(try await cell(.notificationTested).answer == .yes)

        try instance.folder.write("home/auth.json", "x", permissions: 0o644)
        #expect(instance.home.withPlatformString { chmod($0, 0o700) } == 0)
        #expect(try await cell(.credentialModes).missing?.hasPrefix("nothing but the home's own mode keeps") == true)

        instance.description.jobs.removeAll { $0.role == .exporter }
        #expect(try await cell(.exporter).missing?.contains("a `snapshot` step") == true)

        instance.description.jobs[0].name = "nightly"
        let job = instance.description.jobs[0]
        let longAgo = instance.time.now - .seconds(1_000_000)
        instance.description.jobs[0].lastRun?.lastSuccessAt = longAgo
        #expect(try await cell(.repositoryPushed).command == "hermes-ops-runner run nightly")
        instance.commands = FakeSystemctl { words in
            let units = words.drop { $0 != "--" }.dropFirst()
            let answers = units.map {
                $0 == job.timerUnit.rawValue
                    ? FakeSystemctl.answer($0, load: "masked", active: "inactive", enabled: "masked")
                    : FakeSystemctl.answer($0)
            }
            return .init(end: .exited(0), output: Array(answers.joined(separator: "\n").utf8))
        }
        #expect(try await cell(.backupTimer).command == "systemctl --user unmask hermes-ops-nightly.timer")
    }
}
