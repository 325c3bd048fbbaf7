import Glibc
import HTTP
import Stores
import Support
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import DriveUpload

@Suite("kill -9 of either side", .timeLimit(.minutes(5)))
struct KillTests {
    private static let size: Int64 = 1_700_001

    /// Where our process dies: after the server did its work and before it says so.
    @Test(
        "Our process dies at any step, and the next one makes one file of it",
        arguments: [
            ("token", 0), ("about", 0), ("ids", 0), ("initiate", 0), ("data", 0), ("data", 1), ("data", 2), ("get", 0),
        ])
    func client(operation: String, skip: Int) async throws {
        let drive = try FakeDrive()
        let bundle = try await drive.bundle(Int(Self.size))
        try await drive.fault(#"{"on": "\#(operation)", "skip": \#(skip), "do": "kill-client"}"#)
        let (root, state, file) = (drive.root, drive.stateDirectory.string, bundle.file.string)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [root = root as String, state = state as String, file = file as String] in
            try await Self.upload(root, state, file)
        }
        try await finish(drive, bundle, resentAtMost: 0)
    }

    @Test("Our process dies while data leaves it", arguments: [1, 300_000, 700_000, 1_699_000] as [Int64])
    func clientInTheMiddle(after: Int64) async throws {
        let drive = try FakeDrive()
        let bundle = try await drive.bundle(Int(Self.size))
        let (root, state, file) = (drive.root, drive.stateDirectory.string, bundle.file.string)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [root = root as String, state = state as String, file = file as String, after = after as Int64] in
            try await Self.upload(root, state, file, killingAfter: after)
        }
        try await finish(drive, bundle, resentAtMost: 1 << 20)
    }

    private func finish(_ drive: FakeDrive, _ bundle: OutgoingBundle, resentAtMost: Int64) async throws {
        try await drive.fault()
        // The state may be looked at by others than its owner's programs: nobody may read it.
        let states = drive.stateDirectory.appending("uploads")
        // A process that died early has none.
        if let status = try? FileStatus(at: states) {
            #expect(status.permissions == 0o700)
            for name in try DirectoryListing.names(at: states) {
                #expect(try FileStatus(at: states.pushing(FilePath(bytes: name))).permissions == 0o600)
            }
        }
        #expect(try await drive.store().put(bundle, progress: NoProgress()).isVerified)
        try await drive.expectOne(bundle, sentAtMost: Self.size + resentAtMost)
        // And once more, for a run that died between the upload and its own record.
        #expect(try await drive.store().put(bundle, progress: NoProgress()).isVerified)
        try await drive.expectOne(bundle, sentAtMost: Self.size + resentAtMost)
        for name in try DirectoryListing.names(at: drive.stateDirectory.appending("uploads")) {
            let path = drive.stateDirectory.appending("uploads").pushing(FilePath(bytes: name))
            let text = String(decoding: try FileSystem.read(path, limit: 10_000), as: UTF8.self)
            #expect(!text.contains("ya29") && !text.contains("upload_id"))
        }
    }

    /// What runs in the process that dies.
    private static func upload(_ root: String, _ state: String, _ file: String, killingAfter limit: Int64? = nil)
        async throws
    {
        let http = try HTTPClient(NetworkOptions(testLoopbackHTTP: true))
        _ = try await http.send(
            HTTPRequest("POST", "\(root)/control/set", body: .bytes(Array("{\"pid\": \(getpid())}".utf8))))
        var limits = DriveLimits()
        limits.firstChunk = 512 << 10
        limits.largestChunk = 512 << 10
        let options = DriveOptions(
            stateDirectory: FilePath(state), time: ManualTime(), endpoints: try .loopback(root), limits: limits)
        let credential = try DriveCredential(parsing: Secret(Array(FakeDrive.tokenFile().utf8)), label: "token file")
        let store = try DriveStore(folder: FakeDrive.folder, credential: credential, http: http, options: options)
        let path = FilePath(file)
        let bundle = try await OutgoingBundle.measuring(
            path, name: path.lastComponent?.string ?? "", instance: "bheem", run: nil,
            created: Timestamp(seconds: 1_790_000_000))
        let progress: any ProgressReporter = limit.map { Killer(after: $0) } ?? NoProgress()
        _ = try await store.put(bundle, progress: progress)
    }

    private final class Killer: ProgressReporter {
        private let left: Atomic<Int64>

        init(after limit: Int64) { left = Atomic(limit) }
        func begin(_ phase: String, total: Int64?) {}
        func advance(_ amount: Int64) {
            if left.subtract(amount, ordering: .relaxed).newValue <= 0 { kill(getpid(), SIGKILL) }
        }
        func end() {}
    }

    @Test("The server dies in the middle and comes back", arguments: [1, 400_000, 900_000, 1_650_000] as [Int64])
    func server(after: Int64) async throws {
        let drive = try FakeDrive(isMortal: true)
        let bundle = try await drive.bundle(Int(Self.size))
        let restarter = Restarter(drive, after: after)
        #expect(try await drive.store().put(bundle, progress: restarter).isVerified)
        let second = try #require(restarter.second)
        try await second.expectOne(bundle, sentAtMost: Self.size + (1 << 20))
        drive.expectNoSecret()
    }

    private final class Restarter: ProgressReporter {
        private struct State {
            var left: Int64
            var second: FakeDrive?
        }

        private let drive: FakeDrive
        private let state: Mutex<State>

        init(_ drive: FakeDrive, after limit: Int64) {
            self.drive = drive
            state = Mutex(State(left: limit))
        }

        var second: FakeDrive? { state.withLock { $0.second } }
        func begin(_ phase: String, total: Int64?) {}
        func advance(_ amount: Int64) {
            state.withLock { state in
                state.left -= amount
                guard state.left <= 0, state.second == nil else { return }
                drive.server?.end()
                state.second = try? FakeDrive(after: drive)
            }
        }
        func end() {}
    }

    @Test("Two processes do not upload the same bundle at once")
    func lock() async throws {
        let drive = try FakeDrive()
        let bundle = try await drive.bundle(1000)
        let states = UploadStates(
            directory: drive.stateDirectory.appending("uploads"), time: drive.time, folder: FakeDrive.folder)
        let held = try states.lock(states.key(bundle.properties))
        let error = try await #require(throws: OperatorError.self) {
            try await drive.store().put(bundle, progress: NoProgress())
        }
        #expect(error.exit == .skipped)
        withExtendedLifetime(held) {}
    }

    @Test("A state that is damaged, or a session of another host in it, costs a new start and no second file")
    func damagedState() async throws {
        let drive = try FakeDrive()
        let bundle = try await drive.bundle(Int(Self.size))
        let states = UploadStates(
            directory: drive.stateDirectory.appending("uploads"), time: drive.time, folder: FakeDrive.folder)
        let key = states.key(bundle.properties)
        try FileSystem.makeDirectory(states.directory)
        try FileSystem.replace(states.directory.appending("\(key).json"), with: Array(#"{"version":1,"id":"../x"#.utf8))
        #expect(try await drive.store().put(bundle, progress: NoProgress()).isVerified)
        try await drive.expectOne(bundle, sentAtMost: Self.size)

        let second = try await drive.bundle(1000, name: "second.age")
        let secondKey = states.key(second.properties)
        try states.save(
            UploadState(
                session: Secret(Array("https://evil.example/upload".utf8)), sessionStarted: drive.time.now,
                updated: drive.time.now), secondKey)
        #expect(try await drive.store().put(second, progress: NoProgress()).isVerified)
    }

    @Test("A session older than six days is not asked")
    func oldSession() async throws {
        let drive = try FakeDrive()
        let bundle = try await drive.bundle(Int(Self.size))
        try await drive.fault(#"{"on": "data", "skip": 1, "times": 99, "do": "status", "status": 503, "early": true}"#)
        await #expect(throws: OperatorError.self) {
            try await drive.store { $0.noProgressRounds = 2 }.put(bundle, progress: NoProgress())
        }
        try await drive.fault()
        drive.time.advance(by: .seconds(7 * 86_400))
        let before = try await drive.world().operations.count
        #expect(try await drive.store().put(bundle, progress: NoProgress()).isVerified)
        let operations = try await drive.world().operations.dropFirst(before)
        #expect(!operations.contains("query"))
        #expect(operations.contains("initiate"))
        #expect(!operations.contains("ids"))
        try await drive.expectOne(bundle)
    }

    @Test("Cancelling ends it soon and leaves what the next run goes on with")
    func cancelled() async throws {
        let drive = try FakeDrive()
        let bundle = try await drive.bundle(Int(Self.size))
        try await drive.fault(#"{"on": "data", "skip": 1, "do": "silence", "after": 300000, "seconds": 60}"#)
        let store = try drive.store { $0.transfer.lowSpeedTime = .seconds(60) }
        let task = Task { try await store.put(bundle, progress: NoProgress()) }
        while try await drive.world().operations.filter({ $0 == "data" }).count < 2 {
            try await Task.sleep(for: .milliseconds(50))
        }
        let started = SystemTime().uptime
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(SystemTime().uptime - started < .seconds(5))
        #expect(try await drive.store().put(bundle, progress: NoProgress()).isVerified)
        try await drive.expectOne(bundle, sentAtMost: Self.size + (1 << 20))
    }
}
