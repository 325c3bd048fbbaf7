import Glibc
import Support
import Testing

@testable import Jobs

@Suite struct SignalCancellationTests {
    @Test func theFirstSignalCancels() async {
        await #expect(processExitsWith: .exitCode(42)) {
            let signals = SignalCancellation()
            let wasCancelled = try await signals.run {
                kill(getpid(), SIGTERM)
                do {
                    try await Task.sleep(for: .seconds(120))
                    return false
                } catch { return true }
            }
            exit(wasCancelled && signals.received == SIGTERM ? 42 : 1)
        }
    }

    @Test func theEndOfATerminalCancelsToo() async {
        await #expect(processExitsWith: .exitCode(42)) {
            signal(SIGHUP, SIG_DFL)
            let signals = SignalCancellation()
            let wasCancelled = try await signals.run {
                kill(getpid(), SIGHUP)
                do {
                    try await Task.sleep(for: .seconds(120))
                    return false
                } catch { return true }
            }
            exit(wasCancelled && signals.received == SIGHUP ? 42 : 1)
        }
    }

    @Test func nohupHolds() async {
        await #expect(processExitsWith: .exitCode(42)) {
            signal(SIGHUP, SIG_IGN)
            let signals = SignalCancellation()
            kill(getpid(), SIGHUP)
            usleep(200_000)
            exit(signals.received == nil ? 42 : 1)
        }
    }

    @Test func theSecondSignalEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(130)) {
            let signals = SignalCancellation()
            _ = try await signals.run {
                // Deaf to the first one.
                kill(getpid(), SIGINT)
                usleep(200_000)
                kill(getpid(), SIGINT)
                usleep(60_000_000)
            }
            exit(1)
        }
    }

    @Test func aSignalBeforeTheBodyCancelsIt() async {
        await #expect(processExitsWith: .exitCode(42)) {
            let signals = SignalCancellation()
            kill(getpid(), SIGINT)
            while signals.received == nil { usleep(1000) }
            let wasCancelled = try await signals.run {
                try? await Task.sleep(for: .milliseconds(500))
                return Task.isCancelled
            }
            exit(wasCancelled ? 42 : 1)
        }
    }
}
