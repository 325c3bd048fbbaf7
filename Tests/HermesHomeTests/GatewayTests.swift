import Glibc
import Subprocess
import Support
import SystemPackage
import TestSupport
import Testing

@testable import HermesHome

@Suite struct GatewayTests {
    /// A process whose command line is that of a gateway; it holds gateway.lock when told to.
    private func withGateway(
        _ home: SampleHome, holdsLock: Bool, arguments: [String] = ["hermes_cli.main", "gateway", "run"],
        _ body: @escaping @Sendable (Int32) throws -> Void
    ) async throws {
        let script = """
            import fcntl, sys
            f = open(sys.argv[1], 'a+')
            if sys.argv[2] == 'True': fcntl.flock(f, fcntl.LOCK_EX)
            print('ready', flush=True)
            sys.stdin.read()
            """
        let lock = home.layout.gatewayLock.string
        let outcome = try await run(
            .path(SampleHome.python),
            arguments: Arguments(["-c", script, lock, holdsLock ? "True" : "False"] + arguments),
            input: .inputWriter, output: .sequence, error: .discarded
        ) { execution in
            var lines = execution.standardOutput.strings().makeAsyncIterator()
            _ = try await lines.next()
            try body(Int32(execution.processIdentifier.value))
            try await execution.standardInputWriter.finish()
        }
        #expect(outcome.terminationStatus.isSuccess)
    }

    private func state(_ home: SampleHome, pid: Int32, startTime: UInt64) throws {
        try home.folder.write(
            "gateway_state.json",
            """
            {"pid":\(pid),"kind":"hermes-gateway","start_time":\(startTime),"gateway_state":"running","active_agents":2,
             "platforms":{"telegram":{"state":"fatal","error_code":"x","updated_at":"2026-11-23T06:00:00+00:00"},"api_server":{"state":"connected"}},
             "updated_at":"2026-11-23T06:10:00+00:00"}
            """)
    }

    @Test func aProcessIsKnownByItsStartTimeAndCommand() async throws {
        let home = try SampleHome()
        #expect(Gateway.read(home.layout).liveness == .stopped)
        try await withGateway(home, holdsLock: false) { pid in
            let start = try #require(ProcessIdentity.startTime(of: pid))
            try state(home, pid: pid, startTime: start)
            let gateway = Gateway.read(home.layout)
            #expect(gateway.liveness == .running(pid: pid))
            #expect(gateway.reportedState == "running" && gateway.activeAgents == 2)
            #expect(gateway.platforms.map(\.name) == ["api_server", "telegram"])
            #expect(gateway.platforms.map(\.state) == ["connected", "fatal"])
            // The pid was handed out again.
            try state(home, pid: pid, startTime: start + 1)
            #expect(Gateway.read(home.layout).liveness == .stopped)
        }
        // After SIGTERM the file still says "running".
        #expect(Gateway.read(home.layout).liveness == .stopped)
        #expect(Gateway.read(home.layout).reportedState == "running")
    }

    @Test func theLocksHolderIsTheGateway() async throws {
        let home = try SampleHome()
        try await withGateway(home, holdsLock: true) { pid in
            let before = try TreeFingerprint(home.path)
            #expect(Gateway.read(home.layout).liveness == .running(pid: pid))
            #expect(try TreeFingerprint(home.path).differences(from: before) == [])
        }
        #expect(Gateway.read(home.layout).liveness == .stopped)
    }

    /// Its command line tells a process that records alone name; whoever holds the lock is the gateway, however it was started.
    @Test func anotherProgramIsNoGatewayUnlessItHoldsTheLock() async throws {
        let home = try SampleHome()
        for words in [["hermes_cli.main", "gateway", "status"], ["vim", "gateway", "run"]] {
            for holdsLock in [false, true] {
                try await withGateway(home, holdsLock: holdsLock, arguments: words) { pid in
                    try state(home, pid: pid, startTime: try #require(ProcessIdentity.startTime(of: pid)))
                    #expect(Gateway.read(home.layout).liveness == (holdsLock ? .running(pid: pid) : .stopped))
                }
            }
        }
    }

    /// /proc/locks names a file by its number, which one of another file system can have too: the holder must have this one open.
    @Test func aLockOnAnotherFileIsNotTheGateways() async throws {
        let (home, other) = (try SampleHome(), try SampleHome())
        try home.folder.write("gateway.lock", "")
        let inode = try FileStatus(at: home.layout.gatewayLock).inode
        try await withGateway(other, holdsLock: true, arguments: ["hermes_cli.main", "gateway", "run"]) { pid in
            try home.folder.write("proc/locks", "1: FLOCK  ADVISORY  WRITE \(pid) 08:01:\(inode) 0 EOF\n")
            let fake = home.path.appending("proc").appending(String(pid))
            #expect(symlink("/proc/\(pid)", fake.string) == 0)
            #expect(Gateway.read(home.layout, processes: home.path.appending("proc")).liveness == .stopped)
        }
    }

    @Test func brokenFilesDoNotHideTheRest() throws {
        let home = try SampleHome()
        try home.folder.write("gateway_state.json", "{\"pid\": ")
        try home.folder.write("gateway.pid", "999999999")
        let gateway = Gateway.read(home.layout)
        #expect(gateway.failure?.reason == .badOutput)
        #expect(gateway.liveness == .stopped)
        #expect(gateway.platforms.isEmpty)
    }
}
