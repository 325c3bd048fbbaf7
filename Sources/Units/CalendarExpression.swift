public import Support

/// OnCalendar expressions, asked of systemd itself: `systemd-analyze calendar` needs no running manager.
public struct CalendarExpression: Sendable {
    /// Three outcomes: the third never passes for the first.
    public enum Validity: Sendable, Equatable {
        /// The expression as systemd writes it.
        case valid(normalized: String)
        case invalid(reason: String)
        /// It could not be found out: systemd is not here.
        case unknown(reason: String)
    }

    public enum Elapses: Sendable, Equatable {
        /// The next times, in order; fewer than asked for when the expression ends, none when it lies in the past.
        case times([Timestamp])
        case invalid(reason: String)
        case unknown(reason: String)
    }

    public var text: String

    public init(_ text: String) { self.text = text }

    public func validity(runner: any ProcessRunner = SystemProcessRunner()) async -> Validity {
        switch await analyze([], runner) {
        case .failure(let reason): return .unknown(reason: reason)
        case .success(let result) where result.status != 0: return .invalid(reason: Self.reason(result))
        case .success(let result):
            for (label, value) in Self.fields(result.output) where label == "Normalized form" {
                return .valid(normalized: value)
            }
            return .unknown(reason: "systemd-analyze says nothing that is understood")
        }
    }

    /// The next `count` times after a moment, in this machine's time zone unless the expression names another; without a timer's
    /// random delay.
    public func nextElapses(
        after moment: Timestamp, count: Int = 1, runner: any ProcessRunner = SystemProcessRunner()
    ) async -> Elapses {
        // The base time is taken as local time unless it says UTC; whole seconds suffice.
        let utc = moment.description.prefix(19).map { $0 == "T" ? " " : String($0) }.joined() + " UTC"
        switch await analyze(["--iterations=\(max(1, count))", "--base-time=\(utc)"], runner) {
        case .failure(let reason): return .unknown(reason: reason)
        case .success(let result) where result.status != 0: return .invalid(reason: Self.reason(result))
        case .success(let result):
            return Self.times(result.output).map { .times($0) }
                ?? .unknown(reason: "systemd-analyze says nothing that is understood")
        }
    }

    private enum Answer {
        case success(ProcessResult)
        case failure(String)
    }

    private func analyze(_ options: [String], _ runner: any ProcessRunner) async -> Answer {
        guard !text.utf8.contains(0) else { return .success(ProcessResult(status: 1, errors: "it holds a NUL")) }
        do {
            return .success(
                try await runner.run(["systemd-analyze", "calendar"] + options + ["--", text], environment: [:]))
        } catch let error as OperatorError {
            return .failure(error.type == "command-missing" ? "systemd-analyze is not installed" : error.description)
        } catch {
            return .failure("systemd-analyze could not be run")
        }
    }

    private static func reason(_ result: ProcessResult) -> String {
        printable(result.errors.split(separator: "\n").first ?? "systemd-analyze refuses it", limit: 300)
    }

    private static func fields(_ output: String) -> [(label: String, value: String)] {
        output.split(separator: "\n").compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return (trimmed(line[..<colon]), trimmed(line[line.index(after: colon)...]))
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Reads `Next elapse:`, `Iter. #2:` (`Iteration #2:` from systemd 254) and the `(in UTC):` line that follows each where local
    /// time is another. Nil if a time cannot be read.
    static func times(_ output: String) -> [Timestamp]? {
        var times: [Timestamp?] = []
        for (label, value) in fields(output) {
            if label == "Next elapse" || label.hasPrefix("Iter") {
                if value == "never" { continue }
                times.append(time(value))
            } else if label == "(in UTC)", !times.isEmpty {
                times[times.count - 1] = time(value)
            }
        }
        let known = times.compactMap { $0 }
        return known.count == times.count ? known : nil
    }

    /// `Tue 2026-11-24 03:15:00 UTC`, perhaps with a fraction; nil for another zone.
    static func time(_ text: String) -> Timestamp? {
        let words = text.split(separator: " ")
        guard words.count == 4, words[3] == "UTC" else { return nil }
        return Timestamp("\(words[1])T\(words[2])Z")
    }
}
