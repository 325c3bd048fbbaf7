internal import Glibc
internal import Support
internal import Synchronization
internal import SystemPackage

/// Progress as one line on standard error that is written over: phase, amount, rate, time left. At most ten times a second.
final class TerminalProgress: ProgressReporter {
    private struct State {
        var phase = ""
        var total: Int64?
        var done: Int64 = 0
        var started = Duration.zero
        var drawn = Duration.zero
        var isShown = false
    }

    private let time: any TimeSource
    private let state = Mutex(State())

    init(time: any TimeSource) { self.time = time }

    /// The reporter for this process: a line on a terminal, silence elsewhere.
    static func forStandardError(isQuiet: Bool, time: any TimeSource = SystemTime()) -> any ProgressReporter {
        guard !isQuiet, isatty(STDERR_FILENO) == 1 else { return NoProgress() }
        return TerminalProgress(time: time)
    }

    func begin(_ phase: String, total: Int64?) {
        let uptime = time.uptime
        state.withLock { state in
            clear(&state)
            state = State(phase: phase, total: total, started: uptime, drawn: uptime)
        }
    }

    func advance(_ amount: Int64) {
        let uptime = time.uptime
        state.withLock { state in
            state.done += amount
            guard uptime - state.drawn > .milliseconds(100) else { return }
            state.drawn = uptime
            state.isShown = true
            let line = Self.line(
                phase: state.phase, done: state.done, total: state.total, elapsed: uptime - state.started)
            write("\r\u{1B}[K" + line)
        }
    }

    func end() { state.withLock { clear(&$0) } }

    /// `uploading 12.0 MiB of 48.0 MiB (25 %), 3.1 MiB/s, 12 s left`.
    static func line(phase: String, done: Int64, total: Int64?, elapsed: Duration) -> String {
        let seconds = max(elapsed.inSeconds, 0.001)
        let rate = Double(done) / seconds
        var line = "\(phase) \(HumanUnits.bytes(done))"
        if let total, total > 0 {
            line += " of \(HumanUnits.bytes(total)) (\(min(100, done * 100 / total)) %)"
        }
        line += ", \(HumanUnits.bytes(Int64(rate)))/s"
        if let total, rate > 0, done < total {
            line += ", \(HumanUnits.duration(.seconds(Double(total - done) / rate))) left"
        }
        return line
    }

    private func clear(_ state: inout State) {
        guard state.isShown else { return }
        write("\r\u{1B}[K")
        state.isShown = false
    }

    private func write(_ text: String) { _ = try? FileDescriptor.standardError.writeAll(text.utf8) }
}
