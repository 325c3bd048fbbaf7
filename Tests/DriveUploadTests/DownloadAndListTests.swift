import Foundation
import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

@Suite("Downloads, lists, deletions and folders", .timeLimit(.minutes(5)))
struct DownloadAndListTests {
    let drive: FakeDrive

    init() throws { drive = try FakeDrive() }

    private func stored(_ size: Int = 900_000, _ name: String = "b.age", instance: String = "bheem") async throws -> (
        StoredItem, [UInt8]
    ) {
        let bundle = try await drive.bundle(size, name: name, instance: instance)
        let item = try await drive.store().put(bundle, progress: NoProgress())
        return (item, try FileSystem.read(bundle.file, limit: 1 << 22))
    }

    private var target: FilePath { drive.temporary.path.appending("back.age") }

    private func leftovers() throws -> Int {
        try DirectoryListing.names(at: drive.temporary.path).filter { $0.first == UInt8(ascii: ".") }.count
    }

    @Test(
        "A download goes on where it stopped",
        arguments: [
            #""do": "drop", "after": 0"#, #""do": "drop", "after": 1"#, #""do": "drop", "after": 300000"#,
            #""do": "silence", "after": 300000, "seconds": 30"#, #""do": "status", "status": 503"#,
            #""do": "status", "status": 401, "reason": "authError""#,
            #""do": "status", "status": 403, "reason": "userRateLimitExceeded""#, #""do": "wrongrange""#,
        ])
    func resumed(_ fault: String) async throws {
        let (item, bytes) = try await stored()
        try await drive.fault(
            #"{"on": "download", \#(fault)}"#, #"{"on": "download", "skip": 1, "do": "drop", "after": 10000}"#)
        try await drive.store().get(item, into: target, progress: NoProgress())
        #expect(try FileSystem.read(target, limit: 1 << 22) == bytes)
        #expect(try leftovers() == 0)
        drive.expectNoSecret()
    }

    @Test("A server that ignores the range, or answers another one, does not damage the file")
    func ranges() async throws {
        let (item, bytes) = try await stored()
        for second in ["ignorerange", "wrongrange"] {
            try await drive.fault(
                #"{"on": "download", "do": "drop", "after": 300000}"#, #"{"on": "download", "do": "\#(second)"}"#)
            try await drive.store().get(item, into: target, progress: NoProgress())
            #expect(try FileSystem.read(target, limit: 1 << 22) == bytes)
            try FileSystem.removeTree(target)
        }
    }

    @Test("Bytes that are wrong, or too many, never get the name", arguments: ["corrupt", "more"])
    func damaged(_ action: String) async throws {
        let (item, _) = try await stored()
        try await drive.fault(#"{"on": "download", "times": 99, "do": "\#(action)"}"#)
        let error = try await #require(throws: OperatorError.self) {
            try await drive.store().get(item, into: target, progress: NoProgress())
        }
        #expect(error.exit == .damagedInput)
        #expect(
            error.reason.contains("fetched twice") && error.advice?.contains("Drive's own checksum is right") == true)
        #expect(try await drive.world().operations.count { $0 == "download" } == 2)
        #expect((try? FileStatus(at: target)) == nil)
    }

    @Test("Bytes that were damaged on their way are fetched once more from the start", arguments: ["corrupt", "more"])
    func damagedOnce(_ action: String) async throws {
        let (item, bytes) = try await stored()
        try await drive.fault(#"{"on": "download", "do": "\#(action)"}"#)
        try await drive.store().get(item, into: target, progress: NoProgress())
        #expect(try FileSystem.read(target, limit: 1 << 22) == bytes)
        #expect(try leftovers() == 0)
        let starts = try await drive.world().log.filter { $0["operation"]?.text == "download" }.map {
            $0["range"]?.text
        }
        #expect(starts == [nil, nil])
    }

    @Test("A file that is shorter in Drive than Drive says ends the download after a second one")
    func shorter() async throws {
        let (item, bytes) = try await stored()
        let short = Data(bytes.dropLast()).base64EncodedString()
        try await drive.control("tamper", #"{"id": "\#(item.id)", "content": "\#(short)"}"#)
        let error = try await #require(throws: OperatorError.self) {
            try await drive.store().get(item, into: target, progress: NoProgress())
        }
        #expect(error.exit == .damagedInput, "\(error)")
        #expect(try await drive.world().operations.count { $0 == "download" } <= 4)
        #expect(try leftovers() == 0)
    }

    @Test("A file that Google takes for abusive is fetched all the same: it is our own")
    func abusive() async throws {
        let (item, bytes) = try await stored()
        try await drive.control("tamper", #"{"id": "\#(item.id)", "members": {"abusive": true}}"#)
        try await drive.store().get(item, into: target, progress: NoProgress())
        #expect(try FileSystem.read(target, limit: 1 << 22) == bytes)
    }

    @Test("A file that is gone, and limits that will not pass, are told at once")
    func final() async throws {
        let (item, _) = try await stored()
        try await drive.fault(
            #"{"on": "download", "times": 99, "do": "status", "status": 403, "reason": "downloadQuotaExceeded"}"#)
        let quota = try await #require(throws: OperatorError.self) {
            try await drive.store().get(item, into: target, progress: NoProgress())
        }
        #expect(quota.exit == .unavailable && !quota.isTemporary)
        try await drive.fault()
        try await drive.store().delete(item)
        let gone = try await #require(throws: OperatorError.self) {
            try await drive.store().get(item, into: target, progress: NoProgress())
        }
        #expect(gone.type == "drive-not-found")
    }

    @Test("All pages are read, empty ones among them")
    func pages() async throws {
        for index in 0..<5 { _ = try await stored(10, "\(index).age") }
        try await drive.control("set", #"{"page_cap": 2, "empty_pages": 2}"#)
        let listing = try await drive.store().list(instance: "bheem")
        #expect(listing.items.count == 5)
        #expect(listing.gaps.isEmpty)
        #expect(try await drive.world().operations.suffix(6) == ["get", "list", "list", "list", "list", "list"])
    }

    @Test("A list that may lack something says so, and prune keeps its hands off")
    func incomplete() async throws {
        for index in 0..<3 { _ = try await stored(10, "\(index).age") }
        try await drive.fault(#"{"on": "list", "times": 2, "do": "incomplete"}"#)
        #expect(try await drive.store().list(instance: nil).gaps.map(\.type) == ["incomplete-list"])
        let rules = try KeepRules(parsing: ["last": "1"])
        await #expect(throws: OperatorError.self) {
            try await drive.store().prune(instance: "bheem", rules: rules, now: drive.time.now, dryRun: false)
        }
        #expect(try await drive.world().files.count == 3)
    }

    @Test(
        "A list that fails in the middle, or runs in a circle, is no list",
        arguments: [
            #"{"on": "list", "skip": 1, "times": 99, "do": "status", "status": 500}"#,
            #"{"on": "list", "times": 99, "do": "loop"}"#,
            #"{"on": "list", "skip": 1, "times": 99, "do": "truncate", "after": 30}"#,
        ])
    func broken(_ fault: String) async throws {
        for index in 0..<3 { _ = try await stored(10, "\(index).age") }
        try await drive.control("set", #"{"page_cap": 1}"#)
        try await drive.fault(fault)
        let error = try await #require(throws: OperatorError.self) { try await drive.store().list(instance: "bheem") }
        #expect(error.exit == .unavailable)
    }

    @Test("Files of others in the folder are not seen, whatever the server says")
    func foreign() async throws {
        let (item, _) = try await stored(10)
        let (other, _) = try await stored(10, "c.age")
        try await drive.control("tamper", #"{"id": "\#(other.id)", "properties": {"hermesOps": "else"}}"#)
        #expect(try await drive.store().list(instance: nil).items == [item])
        #expect(try await drive.store().item(other.id) == nil)
        await #expect(throws: OperatorError.self) { try await drive.store().delete(other) }
        try await drive.control("tamper", #"{"id": "\#(item.id)", "members": {"parents": ["elsewhere"]}}"#)
        await #expect(throws: OperatorError.self) { try await drive.store().delete(item) }
        #expect(try await drive.world().files.count == 2)
    }

    @Test("Bytes that changed in Drive make the item unverified")
    func rotten() async throws {
        let (item, _) = try await stored(10)
        try await drive.control("tamper", #"{"id": "\#(item.id)", "content": "AAAAAAAAAAAAAA=="}"#)
        #expect(try await drive.store().list(instance: "bheem").items.map(\.isVerified) == [false])
    }

    @Test(
        "A deletion whose answer is lost has happened; a refused one goes to the trash",
        arguments: [
            #"{"on": "delete", "do": "lost"}"#, #"{"on": "delete", "do": "status", "status": 503}"#,
            #"{"on": "delete", "do": "status", "status": 403, "reason": "insufficientFilePermissions"}"#,
            #"{"on": "delete", "do": "status", "status": 403, "reason": "userRateLimitExceeded"}"#,
        ])
    func deletions(_ fault: String) async throws {
        let (item, _) = try await stored(10)
        try await drive.fault(fault)
        try await drive.store().delete(item)
        #expect(try await drive.store().list(instance: nil).items.isEmpty)
        #expect(try await drive.world().files.filter { !$0.isTrashed }.isEmpty)
    }

    @Test("A folder that the OAuth client cannot see is told with what to do", arguments: [true, false])
    func invisibleFolder(listing: Bool) async throws {
        let store = try drive.store(folder: "made-by-hand")
        let bundle = try await drive.bundle(10)
        let error = try await #require(throws: OperatorError.self) {
            if listing {
                _ = try await store.list(instance: nil)
            } else {
                _ = try await store.put(bundle, progress: NoProgress())
            }
        }
        #expect(error.exit == .configuration)
        #expect(error.advice?.contains("drive folder create") == true)
        for folder in ["", "../x", "a b", "https://drive.google.com/drive/folders/1"] {
            #expect(throws: OperatorError.self) { try drive.store(folder: folder) }
        }
    }

    @Test("Making a folder twice, and through a lost answer, makes one")
    func folder() async throws {
        let credential = try DriveCredential(parsing: Secret(Array(FakeDrive.tokenFile().utf8)), label: "token file")
        try await drive.fault(#"{"on": "create", "do": "lost"}"#)
        let made = try await DriveStore.createFolder(
            "Hermes' backups \\", credential: credential, http: drive.http, options: try drive.options())
        #expect(made.isNew)
        let again = try await DriveStore.createFolder(
            "Hermes' backups \\", credential: credential, http: drive.http, options: try drive.options())
        #expect(again.id == made.id && !again.isNew)
        let bundle = try await drive.bundle(10)
        #expect(try await drive.store(folder: made.id).put(bundle, progress: NoProgress()).isVerified)
    }

    @Test("A folder in a shared drive")
    func sharedDrive() async throws {
        try await drive.control("tamper", #"{"id": "folder0", "members": {"driveId": "shared1"}}"#)
        try await drive.control("set", #"{"limit": 10, "usage": 10}"#)
        let (item, bytes) = try await stored(1000)
        #expect(try await drive.store().list(instance: "bheem").items == [item])
        try await drive.store().get(item, into: target, progress: NoProgress())
        #expect(try FileSystem.read(target, limit: 1 << 22) == bytes)
        try await drive.store().delete(item)
        #expect(try await drive.world().files.isEmpty)
    }

    @Test("A bundle that cannot fit is not begun; an unlimited account, and one that does not say, are tried")
    func space() async throws {
        let bundle = try await drive.bundle(1000)
        try await drive.control("set", #"{"limit": 1500, "usage": 501}"#)
        let error = try await #require(throws: OperatorError.self) {
            try await drive.store().put(bundle, progress: NoProgress())
        }
        #expect(error.exit == .cannotWrite)
        #expect(try await !drive.world().operations.contains("ids"))
        try await drive.control("set", #"{"limit": 1501}"#)
        #expect(try await drive.store().put(bundle, progress: NoProgress()).isVerified)
        try await drive.control("set", #"{"limit": 0}"#)
        try await drive.fault(
            #"{"on": "about", "times": 99, "do": "status", "status": 403, "reason": "insufficientPermissions"}"#)
        #expect(try await drive.store().put(try await drive.bundle(1001), progress: NoProgress()).isVerified)
    }
}
