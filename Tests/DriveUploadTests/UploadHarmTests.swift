import Stores
import Support
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

/// What an upload may not do, whatever a server says: harm older bundles, make copies, end without a word, or tell secrets.
@Suite("An upload harms nothing", .timeLimit(.minutes(5)))
struct UploadHarmTests {
    let drive: FakeDrive

    init() throws { drive = try FakeDrive() }

    private func put(_ bundle: OutgoingBundle) async throws -> StoredItem {
        try await drive.store().put(bundle, progress: NoProgress())
    }

    private func failure(_ bundle: OutgoingBundle) async throws -> OperatorError {
        let error = try await #require(throws: OperatorError.self) { try await put(bundle) }
        for needle in FakeDrive.needles { #expect(!error.description.contains(needle), "\(error)") }
        return error
    }

    private var states: UploadStates {
        UploadStates(directory: drive.stateDirectory.appending("uploads"), time: drive.time, folder: FakeDrive.folder)
    }

    private func key(_ bundle: OutgoingBundle) -> String {
        states.key(bundle.properties)
    }

    @Test("An id that is given out twice leads to an older bundle, which stays as it is")
    func repeatedID() async throws {
        let first = try await put(try await drive.bundle(600_000))
        let bundle = try await drive.bundle(600_001)
        let again =
            #"{"on": "ids", "times": 99, "do": "status", "status": 200, "body": "{\"ids\": [\"\#(first.id)\"]}"}"#
        try await drive.fault(again)
        let error = try await failure(bundle)
        #expect(error.type == "drive-id" && error.advice != nil, "\(error)")
        #expect(try await drive.world().files.map(\.id) == [first.id])
        try await drive.fault(again.replacing("99", with: "1"))
        #expect(try await put(bundle).isVerified)
        let world = try await drive.world()
        #expect(world.files.count == 2 && world.files.contains { $0.id == first.id })
        #expect(!world.operations.contains("delete"))
    }

    @Test(
        "Amounts of space that cannot be are as good as none",
        arguments: [(.max, -5), (.min, 5), (-5, .max), (-1, -1)] as [(Int64, Int64)])
    func impossibleQuota(_ limit: Int64, _ usage: Int64) async throws {
        try await drive.control("set", #"{"limit": \#(limit), "usage": \#(usage)}"#)
        #expect(try await put(try await drive.bundle(1000)).isVerified)
    }

    private static let page = #""do": "status", "status": 200, "body": "<html>welcome</html>""#
    private static let forbidden = #""do": "status", "status": 403, "reason": "insufficientFilePermissions""#

    @Test("A page of somebody else's in answer to a deletion is no deletion")
    func deletionsAreDeletions() async throws {
        let item = try await put(try await drive.bundle(1000))
        let store = try drive.store()
        for faults in [
            [#"{"on": "delete", "times": 99, \#(Self.page)}"#],
            [#"{"on": "delete", "times": 99, \#(Self.forbidden)}"#, #"{"on": "patch", "times": 99, \#(Self.page)}"#],
        ] {
            try await drive.control("faults", "[\(faults.joined(separator: ","))]")
            let error = try await #require(throws: OperatorError.self) { try await store.delete(item) }
            #expect(error.type == "drive-reply" && error.isTemporary && error.advice != nil, "\(error)")
            #expect(try await drive.world().files.count { !$0.isTrashed } == 1)
        }
        try await drive.fault(#"{"on": "delete", "times": 99, \#(Self.forbidden)}"#)
        try await store.delete(item)
        #expect(try await drive.world().files.count { !$0.isTrashed } == 0)
    }

    @Test("A damaged copy that may not be deleted stops nothing, and is deleted when it may be")
    func undeletable() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "data", "skip": 1, "do": "corrupt"}"#, #"{"on": "delete", "times": 99, \#(Self.forbidden)}"#,
            #"{"on": "patch", "times": 99, \#(Self.forbidden)}"#)
        let item = try await put(bundle)
        #expect(item.isVerified)
        #expect(drive.log.lines.contains { $0.contains("could not be deleted") })
        #expect(try await drive.world().files.count == 2)
        try await drive.fault()
        #expect(try await put(bundle).id == item.id)
        try await drive.expectOne(bundle)
    }

    @Test("A file that was said to be there and was not, and is sent at last, may take its time to show")
    func staleDisappearance() async throws {
        let bundle = try await drive.bundle(600_000)
        // The last chunk's answer is not the upload server's.
        try await drive.fault(#"{"on": "data", "skip": 1, "early": true, \#(Self.page)}"#)
        #expect(try await failure(bundle).type == "drive-unseen")
        #expect(states.load(key(bundle))?.unseen != nil)
        drive.time.advance(by: .seconds(7200))
        // Two looks at the folder come before those at the file.
        try await drive.fault(#"{"on": "get", "skip": 1, "times": 99, "do": "status", "status": 404}"#)
        #expect(try await failure(bundle).type == "drive-unseen")
        try await drive.fault()
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
        let operations = try await drive.world().operations
        #expect(operations.count { $0 == "ids" } == 1, "\(operations)")
    }

    @Test("A bundle that was seen in Drive is not sent again because Drive does not show it for a while")
    func lateAfterTheEnd() async throws {
        let bundle = try await drive.bundle(600_000)
        let item = try await put(bundle)
        try await drive.fault(
            #"{"on": "get", "skip": 1, "times": 99, "do": "status", "status": 404, "reason": "notFound"}"#,
            #"{"on": "list", "times": 99, "do": "status", "status": 200, "body": "{\"files\": []}"}"#)
        #expect(try await failure(bundle).type == "drive-unseen")
        try await drive.fault(#"{"on": "get", "skip": 1, "times": 99, "do": "nochecksum"}"#)
        #expect(try await failure(bundle).type == "drive-unverified")
        try await drive.fault()
        #expect(try await put(bundle) == item)
        try await drive.expectOne(bundle, sentAtMost: 600_000)
    }

    @Test("What an upload left damaged is deleted by the next one, of whatever bundle")
    func othersLeftovers() async throws {
        let first = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "data", "skip": 1, "do": "corrupt"}"#, #"{"on": "delete", "times": 99, \#(Self.forbidden)}"#,
            #"{"on": "patch", "times": 99, \#(Self.forbidden)}"#)
        #expect(try await put(first).isVerified)
        #expect(try await drive.world().files.count == 2)
        try await drive.fault()
        let second = try await drive.bundle(600_001)
        #expect(try await put(second).isVerified)
        let sums = try await drive.world().files.map { $0.checksums.sha256 }
        #expect(Set(sums) == [first.properties.sha256, second.properties.sha256] && sums.count == 2)
    }

    @Test("An answer that may not be the session's does not end it", arguments: [403, 400, 405, 412, 499])
    func strayRefusal(_ status: Int) async throws {
        let bundle = try await drive.bundle(3_000_000)
        let stray = #""do": "status", "status": \#(status), "body": "<html>no</html>""#
        try await drive.fault(
            #"{"on": "data", "skip": 1, \#(stray)}"#, #"{"on": "query", \#(stray)}"#,
            #"{"on": "data", "skip": 1, \#(stray)}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
        let world = try await drive.world()
        #expect(world.operations.count { $0 == "initiate" } == 1, "\(world.operations)")
    }

    @Test("A session that has everything and never ends is replaced")
    func endlessSession() async throws {
        let bundle = try await drive.bundle(600_000)
        let full = #""do": "badrange", "range": "bytes=0-599999""#
        try await drive.fault(#"{"on": "data", "skip": 1, \#(full)}"#, #"{"on": "query", "times": 9, \#(full)}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
        #expect(try await drive.world().operations.count { $0 == "query" } < 9)
    }

    @Test("A session from under another clock is asked, not forgotten")
    func clockSetBack() async throws {
        let bundle = try await drive.bundle(3_000_000)
        try await drive.fault(
            #"{"on": "data", "skip": 1, "times": 99, "do": "status", "status": 503}"#,
            #"{"on": "query", "times": 99, "do": "status", "status": 503}"#)
        _ = try await failure(bundle)
        var state = try #require(states.load(key(bundle)))
        state.sessionStarted = drive.time.now + .seconds(3600)
        try states.save(state, key(bundle))
        try await drive.fault()
        #expect(try await put(bundle).isVerified)
        #expect(try await drive.world().operations.count { $0 == "initiate" } == 1)
    }

    @Test("A secret is hidden however a server spells it")
    func spelledSecrets() async throws {
        let secret = FakeDrive.refreshToken
        let spellings = [
            secret.utf8.map { "%" + (hex([$0])) }.joined(), secret.utf8.map { "&#\($0);" }.joined(),
            secret.utf8.map { "%25" + hex([$0]).uppercased() }.joined(),
        ]
        for spelling in spellings {
            try await drive.fault(
                #"{"on": "token", "times": 99, "do": "status", "status": 400, "body": "{\"error\": \"invalid_request\", \"error_description\": \"Bad body: x=\#(spelling)\"}"}"#
            )
            let error = try await failure(try await drive.bundle(1000))
            #expect(!error.description.contains(spelling.prefix(12)), "\(error)")
        }
        let secrets = UsedSecrets()
        secrets.add(uri: Secret(Array("https://www.googleapis.com/upload?upload_id=an-id-of-this-session&x=1".utf8)))
        secrets.add(Secret(Array("plain".utf8)))
        #expect(secrets.hide("www.googleapis.com says x") == "www.googleapis.com says x")
        for text in ["at an%2Did-of-this-session", "an-id-of-this-sess\\u0069on", "pl%61in", "plain"] {
            #expect(secrets.hide(text) == "«redacted»")
        }
        #expect(
            secrets.hide("the upload has x=1 of 100%, \\u00e4 & more") == "the upload has x=1 of 100%, \\u00e4 & more")
    }

    @Test("A session that asks for a token gets a fresh one when the one at hand was revoked")
    func revokedToken() async throws {
        let bundle = try await drive.bundle(600_000)
        try await drive.fault(
            #"{"on": "data", "do": "status", "status": 401}"#, #"{"on": "query", "do": "status", "status": 401}"#)
        #expect(try await put(bundle).isVerified)
        try await drive.expectOne(bundle)
        #expect(try await drive.world().operations.count { $0 == "token" } == 2)
    }

    @Test("A file that somebody moved elsewhere is not said to be in the folder")
    func movedFile() async throws {
        let bundle = try await drive.bundle(600_000)
        let item = try await put(bundle)
        try await drive.control("tamper", #"{"id": "\#(item.id)", "members": {"parents": ["elsewhere"]}}"#)
        try states.save(UploadState(id: item.id, updated: drive.time.now), key(bundle))
        let error = try await failure(bundle)
        #expect(error.type == "drive-moved" && error.advice != nil, "\(error)")
        #expect(try await drive.world().files.count == 1)
    }

    @Test(
        "What a server repeats of what it was sent is told to nobody", arguments: ["ids", "initiate", "data", "token"])
    func echoes(_ operation: String) async throws {
        // Put together here, so that no scanner takes this file for a leak.
        let said = ["ya29" + ".a0AfH6SMBexample", "upload_id" + "=ABgVH88session-example", "1//0" + "gExample-refresh"]
            .joined(separator: " and ")
        let body =
            operation == "token"
            ? #"{\"error\": \"invalid_grant\", \"error_description\": \"\#(said)\"}"#
            : #"{\"error\": {\"message\": \"\#(said)\", \"errors\": [{\"reason\": \"insufficientPermissions\"}]}}"#
        try await drive.fault(
            #"{"on": "\#(operation)", "times": 99, "do": "status", "status": 403, "body": "\#(body)"}"#)
        let error = try await failure(try await drive.bundle(1000))
        #expect(error.reason.contains("«redacted»") && !error.reason.contains("1//0"), "\(error)")
        drive.expectNoSecret()
    }
}
