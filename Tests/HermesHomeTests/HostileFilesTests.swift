import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import HermesHome

/// What a home's files hold may have been written by anybody whom the agent listened to.
@Suite(.timeLimit(.minutes(2))) struct HostileFilesTests {
    /// Values behind values: `top` is to be the eighth of nine aliases each.
    private static func bomb(_ top: String) -> String {
        "a0: &a0 x\n"
            + (1...8).map { level in
                "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n"
            }.joined() + top
    }

    @Test(arguments: [
        "1:0:0:0:0:0:0:0:0:0:0:0:0:0:0", "99999999999999999999999", "0x7fffffffffffffffff",
        "-1:59:59:59:59:59:59:59:59:59:59",
        "!!int 1:0:0:0:0:0:0:0:0:0:0:0:0:0:0", "[1]", "{a: 1}", "*x",
    ])
    func aVersionThatIsNoneIsNone(_ text: String) throws {
        let anchor = text == "*x" ? "x: &x [1]\n" : ""
        let settings = try HomeSettings(
            parsing: Array("\(anchor)_config_version: \(text)\nsecurity: {redact_secrets: off}\n".utf8))
        #expect(settings.version == nil && !settings.redactsSecrets)
        #expect(try HomeSettings(parsing: Array("_config_version: 33\n".utf8)).version == 33)
    }

    @Test(arguments: ["? *a8\n: y\n", "*a8 : y\n", "{*a8 : y}\n", "toolsets: *a8\n", "approvals: {mode: *a8}\n"])
    func aSmallFileThatStandsForMuchIsNotParsed(_ top: String) throws {
        let failure = #expect(throws: HomeFailure.self) { try HomeSettings(parsing: Array(Self.bomb(top).utf8)) }
        #expect(failure?.reason == .badOutput)
    }

    @Test func aSkillsNameBehindAliasesIsNotPutTogether() throws {
        let home = try SampleHome()
        try home.folder.write("skills/bomb/SKILL.md", "---\n\(Self.bomb("name: *a8\n"))---\ntext\n")
        try home.folder.write("skills/list/SKILL.md", "---\nname: [a]\n---\ntext\n")
        try home.folder.write("skills/time/SKILL.md", "---\nname: 1:0:0:0:0:0:0:0:0:0:0:0:0:0:0\n---\ntext\n")
        try home.folder.write("skills/quoted/SKILL.md", "---\nname: \"12\"\n---\ntext\n")
        try home.folder.write("skills/date/SKILL.md", "---\nname: 2026-01-01\n---\ntext\n")
        let names = try Skills.read(home.layout, settings: HomeSettings(), userHome: home.path).skills.map(\.name)
        // Of the first its lines are read, as Hermes reads what it cannot parse.
        #expect(names.sorted() == ["*a8", "12"])
    }

    /// A thousand levels, as deep as the parser goes, and each of them behind an alias of the next: nothing overflows a thread's stack.
    @Test func depthBehindAliasesEndsNoProcess() async throws {
        func nested(_ depth: Int, _ inner: String) -> String {
            String(repeating: "[", count: depth) + inner + String(repeating: "]", count: depth)
        }
        let text = "a0: &a0 x\n" + (1...9).map { "a\($0): &a\($0) \(nested(800, "*a\($0 - 1)"))\n" }.joined()
        #expect(ForeignYAML.isBounded(Array(text.utf8)))
        #expect(try await offPool { try HomeSettings(parsing: Array(text.utf8)) } == HomeSettings())
        #expect(try await offPool { try HomeSettings(parsing: Array((text + "? *a9\n: x\n").utf8)) } == HomeSettings())
    }

    @Test func aGigabyteIsNoName() async throws {
        let home = try SampleHome()
        try await home.makeStateDatabase(
            """
            db.execute("INSERT INTO sessions VALUES('a', 'cli', 1.0, NULL, 0)")
            db.execute("INSERT INTO messages(session_id, role, content, timestamp) VALUES('a', 'user', ?, 1.0)", ('x' * 3_000_000,))
            """)
        let now = Timestamp(seconds: 2_000_000)
        #expect(try StateDatabase.read(home.layout, at: now)?.messages == 1, "a long message is none of our business")
        try await home.makeStateDatabase(
            "db.execute(\"INSERT INTO sessions VALUES('b', ?, 1.0, NULL, 0)\", ('y' * 3_000_000,))")
        let failure = #expect(throws: HomeFailure.self) { try StateDatabase.read(home.layout, at: now) }
        #expect(failure?.reason == .unsupported)
    }

    /// A probe that is given up ends with its process: what it copied goes with the next.
    @Test func copiesDoNotStay() async throws {
        let home = try SampleHome()
        try await home.makeStateDatabase(
            "db.execute('INSERT INTO schema_version VALUES(22)'); import os; os.remove(sys.argv[1] + '-shm'); os._exit(0)"
        )
        let place = try TemporaryDirectory()
        func names() throws -> [String] {
            try DirectoryListing.names(at: place.path).map { String(decoding: $0, as: UTF8.self) }
        }
        var copy: PrivateCopy? = try PrivateCopy(of: home.layout.stateDatabase, in: place.path, cancellation: nil)
        #expect(try names().count == 1 && FileStatus(at: #require(copy).database).kind == .file)
        // It is this process's, which lives.
        PrivateCopy.sweep(place.path)
        #expect(try names().count == 1)
        let dead = try await runProgram("/bin/sh", ["-c", "echo $$"]).output.filter(\.isNumber)
        let left = try names()[0].replacing(".\(getpid()).", with: ".\(dead).")
        try FileSystem.makeDirectory(place.path.appending(left))
        try place.write("\(left)/copy.db", "conversations")
        try place.write("other.file", "x")
        PrivateCopy.sweep(place.path)
        #expect(try names().count == 2 && !names().contains(left))
        copy = nil
        #expect(try names() == ["other.file"])

        let flag = CancellationFlag()
        flag.cancel()
        let failure = #expect(throws: HomeFailure.self) {
            try PrivateCopy(of: home.layout.stateDatabase, in: place.path, cancellation: flag)
        }
        #expect(try failure?.reason == .timeout && names() == ["other.file"])
    }

    @Test func aQueryThatNobodyWaitsForEnds() async throws {
        let home = try SampleHome()
        try await home.makeStateDatabase("")
        let flag = CancellationFlag()
        let failure = #expect(throws: HomeFailure.self) {
            try ReadOnlyDatabase.read(home.layout.stateDatabase, cancellation: flag) { database throws(HomeFailure) in
                flag.cancel()
                return try database.integer(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n")
            }
        }
        #expect(failure?.reason == .timeout)
    }
}
