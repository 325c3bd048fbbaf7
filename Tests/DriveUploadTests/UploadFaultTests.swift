import HTTP
import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

private let unit: Int64 = 256 << 10

@Suite("An upload and what can go wrong with it", .timeLimit(.minutes(5)))
struct UploadFaultTests {
    let drive: FakeDrive

    init() throws { drive = try FakeDrive() }

    private func put(_ bundle: OutgoingBundle, _ change: (inout DriveLimits) -> Void = { _ in }) async throws
        -> StoredItem
    {
        try await drive.store(credential: nil, change).put(bundle, progress: NoProgress())
    }

    private func failure(_ bundle: OutgoingBundle, _ change: (inout DriveLimits) -> Void = { _ in }) async throws
        -> OperatorError
    {
        let error = try await #require(throws: OperatorError.self) { try await put(bundle, change) }
        for needle in FakeDrive.needles { #expect(!error.description.contains(needle)) }
        return error
    }

    @Test("Without faults every byte goes once, and progress adds up", arguments: [0, 1, 262_144, 524_288, 1_700_001])
    func plain(size: Int) async throws {
        let bundle = try await drive.bundle(size)
        let progress = ProgressSum()
        let item = try await drive.store().put(bundle, progress: progress)
        #expect(item.isVerified)
        #expect(item.properties == bundle.properties)
        #expect(progress.total == Int64(size))
        #expect(progress.ends == 1)
        try await drive.expectOne(bundle, sentAtMost: Int64(size))
        #expect(
            try await drive.world().log.filter { $0["operation"]?.text == "data" }.allSatisfy {
                $0["authorized"]?.boolean == false
            })
    }

    @Test("Under Google's own names, through a proxy and with an added authority")
    func proxied() async throws {
        let drive = try FakeDrive(tls: true)
        let bundle = try await drive.bundle(1_500_000)
        #expect(try await drive.store().put(bundle, progress: NoProgress()).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 1_500_000)
        let hosts = Set(try await drive.world().log.compactMap { $0["host"]?.text })
        #expect(hosts == ["www.googleapis.com", "oauth2.googleapis.com"])
    }

    @Test(
        "Cut off at any byte, the upload goes on with what the server kept",
        arguments: [0, 1, 1000, 262_143, 262_144, 262_145, 300_000, 524_287] as [Int64])
    func dropped(after: Int64) async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(
            #"{"on": "data", "do": "drop", "after": \#(after)}"#,
            #"{"on": "data", "skip": 1, "do": "drop", "after": \#(after)}"#)
        #expect(try await put(bundle).isVerified)
        // Two faults, at most what was on its way each time.
        try await drive.expectOne(bundle, sentAtMost: 1_700_001 + 2 * (after % unit))
    }

    @Test("A last chunk that is cut off at any byte", arguments: [0, 1, 100_000, 127_136] as [Int64])
    func droppedAtTheEnd(after: Int64) async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(#"{"on": "data", "skip": 2, "do": "drop", "after": \#(after)}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 1_700_001 + after)
    }

    @Test(
        "A server that keeps less than it got, all, or nothing, is believed",
        arguments: ["\"none\"", "262144", "100000", "\"all\""])
    func keeps(_ keep: String) async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(#"{"on": "data", "skip": 1, "do": "shorter", "keep": \#(keep)}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 1_700_001 + (1 << 20))
    }

    @Test("308 without Range means that nothing is stored")
    func noRange() async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(#"{"on": "data", "skip": 1, "do": "norange"}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
    }

    @Test(
        "A Range that is none of this file is not believed",
        arguments: [
            "bytes=0-99999999", "bytes=5-10", "bytes=0--1", "0-262143", "bytes=0-262143,300000-400000",
            "bytes=0-99999999999999999999",
        ])
    func badRange(_ range: String) async throws {
        let bundle = try await drive.bundle(1_000_000)
        try await drive.fault(#"{"on": "data", "do": "badrange", "range": "\#(range)"}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
    }

    @Test("5xx on data is followed by a question, not by the same data", arguments: [500, 502, 503, 504, 408])
    func serverErrors(_ status: Int) async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(
            #"{"on": "data", "skip": 1, "times": 2, "do": "status", "status": \#(status), "body": "<html>oops</html>"}"#
        )
        #expect(try await put(bundle).isVerified)
        // The server kept what it had read: nothing is sent twice.
        try await drive.expectOne(bundle, sentAtMost: 1_700_001)
        let operations = try await drive.world().operations.filter { $0 == "data" || $0 == "query" }
        #expect(operations.prefix(5) == ["data", "data", "query", "data", "query"])
    }

    @Test("Retry-After is obeyed")
    func retryAfter() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "data", "do": "status", "status": 429, "reason": "rateLimitExceeded", "headers": {"Retry-After": "77"}}"#,
            #"{"on": "ids", "do": "status", "status": 429, "headers": {"Retry-After": "55"}}"#)
        #expect(try await put(bundle).isVerified)
        #expect(drive.time.slept.contains(.seconds(77)))
        #expect(drive.time.slept.contains(.seconds(55)))
        try await drive.expectOne(bundle, sentAtMost: 600_000)
    }

    @Test("Rate limits pass", arguments: ["userRateLimitExceeded", "rateLimitExceeded", "sharingRateLimitExceeded"])
    func rateLimits(_ reason: String) async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "initiate", "times": 2, "do": "status", "status": 403, "reason": "\#(reason)"}"#,
            #"{"on": "data", "times": 2, "do": "status", "status": 403, "reason": "\#(reason)"}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
    }

    @Test(
        "What will not pass stops at once and says what to do",
        arguments: [
            ("storageQuotaExceeded", Support.ExitStatus.cannotWrite), ("quotaExceeded", .cannotWrite),
            ("teamDriveFileLimitExceeded", .cannotWrite), ("numChildrenInNonRootLimitExceeded", .cannotWrite),
            ("dailyLimitExceeded", .unavailable), ("insufficientPermissions", .credential),
            ("insufficientFilePermissions", .credential), ("appNotAuthorizedToFile", .credential),
            ("domainPolicy", .credential), ("accessNotConfigured", .credential),
        ], ["initiate", "data"])
    func final(_ kind: (reason: String, exit: Support.ExitStatus), operation: String) async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "\#(operation)", "times": 99, "do": "status", "status": 403, "reason": "\#(kind.reason)"}"#)
        let error = try await failure(bundle)
        #expect(error.exit == kind.exit)
        #expect(!error.isTemporary)
        #expect(error.reason.contains(kind.reason))
        #expect(error.advice != nil)
        let world = try await drive.world()
        #expect(world.operations.filter { $0 == operation }.count == 1)
        #expect(world.files.isEmpty)
    }

    @Test(
        "A token that ends in the middle is refreshed once, and what was stored stays",
        arguments: ["data", "query", "initiate", "ids"])
    func unauthorized(_ operation: String) async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(
            #"{"on": "data", "do": "drop", "after": 300000}"#,
            #"{"on": "\#(operation)", "do": "status", "status": 401, "reason": "authError"}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 1_700_001 + (512 << 10))
    }

    @Test(
        "A credential that is refused again and again is a credential's error",
        arguments: ["data", "initiate", "about"])
    func unauthorizedForGood(_ operation: String) async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "\#(operation)", "times": 99, "do": "status", "status": 401, "reason": "authError", "keep": "none"}"#
        )
        let error = try await failure(bundle)
        #expect(error.exit == .credential)
        #expect(try await drive.world().operations.filter { $0 == operation }.count <= 3)
    }

    @Test("A session that is gone gives way to a new one for the same id", arguments: [404, 410], ["data", "query"])
    func goneSession(status: Int, operation: String) async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(
            #"{"on": "data", "skip": 1, "do": "status", "status": 500}"#,
            #"{"on": "\#(operation)", "do": "gone", "status": \#(status)}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
        let operations = try await drive.world().operations
        #expect(operations.filter { $0 == "initiate" }.count == 2)
        #expect(operations.filter { $0 == "ids" }.count == 1)
    }

    @Test("Sessions that die again and again end the upload after a few")
    func goneForGood() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(#"{"on": "data", "times": 99, "do": "gone"}"#)
        let error = try await failure(bundle)
        #expect(error.isTemporary)
        #expect(try await drive.world().operations.filter { $0 == "initiate" }.count == 4)
    }

    @Test("A 4xx that nobody knows gets a new session, and a few of them end it", arguments: [400, 412, 413, 499])
    func oddRefusal(_ status: Int) async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(#"{"on": "data", "do": "status", "status": \#(status), "body": "Invalid request."}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
    }

    @Test(
        "A lost answer is not a lost upload",
        arguments: ["token", "about", "list", "ids", "initiate", "data", "query", "get"])
    func lostAnswers(_ operation: String) async throws {
        let bundle = try await drive.bundle(600_000)
        let skip = operation == "data" ? 1 : 0
        try await drive.fault(
            #"{"on": "\#(operation)", "skip": \#(skip), "do": "lost"}"#, #"{"on": "query", "do": "lost"}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 600_000)
    }

    @Test("The last answer is lost and the session with it: what is behind the id decides")
    func lostAnswerAndSession() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "data", "skip": 1, "do": "lost"}"#, #"{"on": "query", "do": "gone", "status": 404}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 600_000)
        #expect(try await drive.world().operations.filter { $0 == "initiate" }.count == 1)
    }

    /// As the API may: the upload is done, and for some seconds nothing is behind the id.
    private static let unseen =
        #"{"on": "get", "skip": 1, "times": 6, "do": "status", "status": 404, "reason": "notFound"}"#
    private static let neverSeen = unseen.replacing("6", with: "99")
    private static let taken = #"{"on": "initiate", "do": "status", "status": 409, "reason": "fileIdInUse"}"#

    @Test("A finished file that does not show itself for a while is waited for, and not sent again")
    func lateAppearance() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(Self.unseen)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 600_000)
        #expect(try await drive.world().operations.count { $0 == "get" } > 6)
    }

    @Test("A finished file that stays unseen keeps its id from run to run, with its session and without")
    func lateAppearanceForLong() async throws {
        let bundle = try await drive.bundle(600_000)
        let states = UploadStates(
            directory: drive.stateDirectory.appending("uploads"), time: drive.time, folder: FakeDrive.folder)
        let key = states.key(bundle.properties)
        for hasSession in [true, true, false] {
            var state = states.load(key)
            if !hasSession { state?.session = nil }
            if let state { try states.save(state, key) }
            try await drive.fault(Self.neverSeen)
            let error = try await failure(bundle)
            #expect(error.type == "drive-unseen" && error.isTemporary && error.advice != nil, "\(error)")
        }
        try await drive.fault()
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 600_000)
        #expect(try await drive.world().operations.count { $0 == "ids" } == 1)
    }

    @Test("An id that Drive says is taken, and that shows no file for an hour, gives way to a new one")
    func deletedBeforeItWasSeen() async throws {
        let bundle = try await drive.bundle(600_000)
        let states = UploadStates(
            directory: drive.stateDirectory.appending("uploads"), time: drive.time, folder: FakeDrive.folder)
        let key = states.key(bundle.properties)
        try await drive.fault(Self.neverSeen)
        _ = try await failure(bundle)
        var state = try #require(states.load(key))
        let first = state.id
        state.session = nil
        try states.save(state, key)
        let folder =
            #"{"id": "folder0", "name": "Backups", "mimeType": "application/vnd.google-apps.folder", "parents": ["root"], "trashed": false, "appProperties": {}, "created": 0}"#
        try await drive.control("set", #"{"files": {"folder0": \#(folder)}}"#)
        try await drive.fault(Self.taken)
        #expect(try await failure(bundle).type == "drive-unseen")
        #expect(states.load(key)?.id == first)
        drive.time.advance(by: .seconds(3600))
        try await drive.fault(Self.taken)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
        #expect(try await drive.world().files.first?.id != first)
    }

    @Test("Bytes that Drive stored wrong are deleted, sent once more, and then given up on")
    func corrupted() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(#"{"on": "data", "skip": 1, "do": "corrupt"}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 1_200_000)

        let second = try await drive.bundle(600_000)
        try await drive.fault(#"{"on": "data", "times": 99, "do": "corrupt"}"#)
        let error = try await failure(second)
        #expect(error.exit == .damagedInput)
        try await drive.expectOne(bundle)
    }

    @Test(
        "A folder that can keep nothing is told of before a byte is sent",
        arguments: [
            (#"{"trashed": true}"#, "in the trash"), (#"{"mimeType": "text/plain"}"#, "not a folder"),
            (#"{"capabilities": {"canAddChildren": false}}"#, "may not put files"),
        ])
    func unusableFolder(_ members: String, _ words: String) async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.control("tamper", #"{"id": "folder0", "members": \#(members)}"#)
        let error = try await failure(bundle)
        #expect(error.exit == .configuration && error.reason.contains(words) && error.advice != nil, "\(error)")
        #expect(!error.isTemporary)
        let world = try await drive.world()
        #expect(world.sent == 0 && !world.operations.contains("ids") && !world.operations.contains("initiate"))
    }

    @Test("A folder that goes into the trash while a bundle is sent gets one copy, which is deleted again")
    func trashedFolder() async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(#"{"on": "data", "skip": 1, "do": "trash-folder"}"#)
        let error = try await failure(bundle)
        #expect(error.exit == .configuration && error.reason.contains("in the trash"), "\(error)")
        let world = try await drive.world()
        #expect(world.files.isEmpty && world.sent <= 1_700_001)
        #expect(world.operations.count { $0 == "initiate" } == 1)
        // Out of the trash again, it is sent as if nothing had been.
        try await drive.control("tamper", #"{"id": "folder0", "members": {"trashed": false}}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
    }

    @Test("Of two bundles of one name the second is NAME-2, and the same bundle stays one file")
    func sameName() async throws {
        let first = try await put(try await drive.bundle(600_000))
        let bundle = try await drive.bundle(600_001)
        let second = try await put(bundle)
        #expect(first.name == "bheem-20261122T031500Z.tar.zst.age")
        #expect(second.name == "bheem-20261122T031500Z-2.tar.zst.age")
        #expect(try await put(bundle).id == second.id)
        #expect(try await put(try await drive.bundle(600_002)).name == "bheem-20261122T031500Z-3.tar.zst.age")
        #expect(try await drive.world().files.count == 3)
    }

    @Test("A token endpoint that never answers is asked six times in all", arguments: ["503", "200"])
    func tokenAttempts(_ status: String) async throws {
        let bundle = try await drive.bundle(1000)
        try await drive.fault(
            #"{"on": "token", "times": 999, "do": "status", "status": \#(status), "body": "<html>sorry</html>"}"#)
        let error = try await failure(bundle)
        #expect(error.type == "drive-token" && error.exit == .unavailable)
        #expect(try await drive.world().operations == Array(repeating: "token", count: 6))
    }

    @Test("A file of somebody else behind the reserved id is left alone, and not said to be deleted")
    func foreignFileBehindTheID() async throws {
        let bundle = try await drive.bundle(600_000)
        let other = try await put(try await drive.bundle(10, name: "other.age"))
        try await drive.control("tamper", #"{"id": "\#(other.id)", "properties": {"hermesOps": "else"}}"#)
        let states = UploadStates(
            directory: drive.stateDirectory.appending("uploads"), time: drive.time, folder: FakeDrive.folder)
        try states.save(
            UploadState(id: other.id, updated: drive.time.now),
            states.key(bundle.properties))
        #expect(try await put(bundle).isVerified)
        #expect(try await drive.world().files.count == 2)
        #expect(!drive.log.lines.contains { $0.contains("deleted") })
    }

    @Test("Answers without checksums are asked for again; without any, nothing is called verified")
    func noChecksums() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "data", "skip": 1, "do": "nochecksum"}"#, #"{"on": "get", "skip": 1, "do": "nochecksum"}"#)
        #expect(try await put(bundle).isVerified)
        let second = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "data", "times": 99, "do": "nochecksum"}"#, #"{"on": "get", "times": 99, "do": "nochecksum"}"#)
        let error = try await failure(second)
        #expect(error.type == "drive-unverified")
        // The next run looks again and sends nothing.
        let before = try await drive.world().sent
        try await drive.fault()
        #expect(try await put(second).isVerified)
        #expect(try await drive.world().sent == before)
    }

    @Test(
        "JSON that was cut off is asked for again", arguments: ["token", "about", "list", "ids", "data", "get"],
        ["truncate", "cut"])
    func truncatedJSON(operation: String, action: String) async throws {
        let bundle = try await drive.bundle(600_000)
        let skip = operation == "data" ? 1 : 0
        try await drive.fault(#"{"on": "\#(operation)", "skip": \#(skip), "do": "\#(action)", "after": 17}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 600_000)
    }

    @Test("An answer out of all proportion is not read to its end", arguments: ["ids", "list", "token"])
    func hugeJSON(_ operation: String) async throws {
        let bundle = try await drive.bundle(1000)
        try await drive.fault(#"{"on": "\#(operation)", "do": "huge", "size": 6000000}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
    }

    @Test(
        "A session at another host gets no byte",
        arguments: [
            "http://evil.example/upload?upload_id=1", "https://evil.example/u",
            "https://www.googleapis.com.evil.example/u",
            "https://www.googleapis.com@evil.example/u", "//evil.example/u", "http://127.0.0.1:1/u",
            "http://localhost:PORT/u",
            "https://127.0.0.1:PORT/u", "file:///etc/passwd", "", "http://127.0.0.1:PORT\\\\@evil.example/",
        ])
    func evilLocation(_ location: String) async throws {
        let bundle = try await drive.bundle(600_000)
        let uri = location.replacing("PORT", with: "\(drive.port)")
        try await drive.fault(#"{"on": "initiate", "times": 99, "do": "location", "location": "\#(uri)"}"#)
        let error = try await failure(bundle)
        #expect(error.type == "drive-session-host")
        let world = try await drive.world()
        #expect(world.sent == 0)
        #expect(!world.operations.contains("data"))
    }

    @Test("Google's other upload hosts are fine, others and other ports are not")
    func sessionHosts() throws {
        let google = DriveEndpoints.google
        for (url, allowed) in [
            ("https://www.googleapis.com/x", true), ("https://content.googleapis.com/x", true),
            ("https://googleapis.com/x", false), ("https://xgoogleapis.com/x", false),
            ("https://www.googleapis.com:444/x", false), ("http://www.googleapis.com/x", false),
        ] {
            #expect(google.allows(try Origin(of: url)) == allowed)
        }
    }

    @Test("No redirect is followed", arguments: [301, 302, 303, 307, 308], ["ids", "initiate", "data", "token"])
    func redirects(status: Int, operation: String) async throws {
        // 308 is the upload's own word.
        guard !(status == 308 && operation == "data") else { return }
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "\#(operation)", "times": 99, "do": "status", "status": \#(status), "headers": {"Location": "\#(drive.root)/caught"}}"#
        )
        let error = try await failure(bundle)
        #expect(!error.isTemporary)
        #expect(try await !drive.world().operations.contains("unknown"))
    }

    @Test("A start that names no session is made again")
    func noLocation() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(#"{"on": "initiate", "times": 2, "do": "nolocation"}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 600_000)
    }

    @Test("A server that goes silent in the middle is left, asked, and gone on with")
    func silence() async throws {
        let bundle = try await drive.bundle(1_000_000)
        try await drive.fault(#"{"on": "data", "do": "silence", "after": 300000, "seconds": 60}"#)
        #expect(try await put(bundle) { $0.transfer.lowSpeedTime = .seconds(1) }.isVerified)
        try await drive.expectOne(bundle, sentAtMost: 1_000_000 + (512 << 10))
    }

    @Test("A server that keeps nothing, ever, is given up on")
    func noProgress() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(#"{"on": "data", "times": 999, "do": "drop", "after": 1000}"#)
        let error = try await failure(bundle)
        #expect(error.exit == .unavailable)
        #expect(error.isTemporary)
        #expect(try await drive.world().operations.filter { $0 == "data" }.count <= 20)
        // And gone on with by the next run.
        try await drive.fault()
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
    }

    @Test("The deadline ends it, and the next run goes on")
    func deadline() async throws {
        let bundle = try await drive.bundle(1_700_001)
        try await drive.fault(#"{"on": "data", "skip": 2, "times": 50, "do": "status", "status": 503, "early": true}"#)
        let error = try await failure(bundle) { $0.deadline = .seconds(10) }
        #expect(error.type == "drive-deadline")
        try await drive.fault()
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle, sentAtMost: 1_700_001 + (1 << 20))
    }
}
