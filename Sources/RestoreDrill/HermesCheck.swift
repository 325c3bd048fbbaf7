internal import Glibc
internal import HermesHome
internal import Support
public import SystemPackage

/// Where the `hermes` command may be.
public enum HermesLocation {
    /// The configured path, else the first executable `hermes` in PATH, `~/.local/bin` and the home's own checkout.
    ///
    /// Throws (exit 78) when a path is configured and nothing executable is there.
    public static func find(configured: FilePath?, searchPath: String?, userHome: FilePath, liveHome: FilePath) throws
        -> FilePath?
    {
        if let configured {
            guard isExecutable(configured) else {
                throw OperatorError(
                    "hermes-command", doing: "looking for the hermes command", subject: configured.printable,
                    reason: "nothing executable is there", advice: "correct hermes.command in the configuration",
                    exit: .configuration)
            }
            return configured
        }
        let folders = (searchPath ?? "").split(separator: ":").map { FilePath(String($0)) }
        let others = [
            userHome.appending(".local/bin"), liveHome.appending("hermes-agent/venv/bin"),
            liveHome.appending("venv/bin"),
        ]
        return (folders + others).lazy.filter(\.isAbsolute).map { $0.appending("hermes") }.first(where: isExecutable)
    }

    private static func isExecutable(_ path: FilePath) -> Bool {
        var status = stat()
        return path.withPlatformString { stat($0, &status) == 0 && access($0, X_OK) == 0 }
            && status.st_mode & S_IFMT == S_IFREG
    }
}

/// What the restored home should look like to Hermes.
struct ExpectedHome: Sendable {
    /// Nil when the source carries no state.db.
    var sessions: Int64?
    var messages: Int64?
    var cronJobs: Int64?
    var skills: Int64?

    init(sessions: Int64? = nil, messages: Int64? = nil, cronJobs: Int64? = nil, skills: Int64? = nil) {
        self.sessions = sessions
        self.messages = messages
        self.cronJobs = cronJobs
        self.skills = skills
    }
}

/// Runs the real `hermes` on the restored home and reads what it says: its exit codes tell little (hermes-agent 0.19 ends with 0 on a
/// broken database).
struct HermesCheck {
    let command: SealedCommand
    let expected: ExpectedHome

    func run() async throws -> (finding: CheckFinding, version: String?) {
        var faults: [String] = []
        var version: String?
        var measured: [String: Int64] = [:]

        // Its exit codes tell little; but one who says nothing, or was ended, told nothing either.
        func text(_ arguments: [String]) async throws -> String {
            let result = try await command.run(arguments, deadline: .seconds(120))
            let text = String(decoding: result.output + result.errors, as: UTF8.self)
            guard case .exited(let code) = result.end, !text.allSatisfy(\.isWhitespace), code != 126, code != 127 else {
                let said = text.split(separator: "\n").first { !$0.allSatisfy(\.isWhitespace) } ?? ""
                let end =
                    switch result.end {
                    case .exited(let code): "with code \(code)"
                    case .signaled(let signal): "by signal \(signal)"
                    }
                throw OperatorError(
                    "hermes", doing: "running hermes \(arguments.joined(separator: " "))",
                    subject: command.program.printable,
                    reason: "it ended \(end) and said \(said.isEmpty ? "nothing" : printable(said, limit: 120))",
                    advice: "run it by hand")
            }
            return text
        }
        func compare(_ what: String, _ expected: Int64?, _ found: Int64?) {
            guard let expected else { return }
            guard let found else {
                faults.append("hermes did not say how many \(what) there are")
                return
            }
            measured[what] = found
            if found != expected { faults.append("hermes counts \(found) \(what) instead of \(expected)") }
        }

        let first = try await text(["version"])
        guard let line = first.split(separator: "\n").first(where: { $0.hasPrefix("Hermes Agent") }) else {
            let said = first.split(separator: "\n").first ?? ""
            return (
                .unknown("hermes version said nothing that this program understands: \(printable(said, limit: 120))"),
                nil
            )
        }
        version = printable(line, limit: 80)
        let settings = try await text(["config", "check"])
        if settings.contains("Failed to parse") {
            faults.append("hermes cannot parse config.yaml")
        } else if !settings.contains("Config version") {
            faults.append("hermes config check did not come to its end")
        }
        if expected.messages != nil {
            let repair = try await text(["sessions", "repair", "--check-only"])
            if !repair.contains("opens cleanly") { faults.append("hermes finds state.db in need of repair") }
            let statistics = try await text(["sessions", "stats"])
            compare("sessions", expected.sessions, Self.number(after: "Total sessions:", in: statistics))
            compare("messages", expected.messages, Self.number(after: "Total messages:", in: statistics))
        }
        if let jobs = expected.cronJobs {
            let list = try await text(["cron", "list", "--all"])
            compare("cron jobs", jobs, Self.jobCount(list))
        }
        if let skills = expected.skills {
            let list = try await text(["skills", "list"])
            compare("skills", skills, Self.skillCount(list))
        }
        var finding = CheckFinding.judging(faults, measured)
        if finding.outcome == .passed, command.seal == .environment {
            finding.reason =
                "run without namespaces, which this kernel does not allow: environment scrubbed, credentials removed"
        }
        return (finding, version)
    }

    /// The first number after a label.
    static func number(after label: String, in text: String) -> Int64? {
        guard let range = text.firstRange(of: label) else { return nil }
        let digits = text[range.upperBound...].drop { $0 == " " }.prefix { $0.isASCII && ($0.isNumber || $0 == ",") }
        return Int64(digits.filter(\.isNumber))
    }

    /// Jobs of `cron list --all`: each begins with `  12 hex digits [state]`. Nil for a text that names none and does not say so.
    static func jobCount(_ text: String) -> Int64? {
        let count = text.split(separator: "\n").count { line in
            let words = line.split(separator: " ")
            return words.count == 2 && words[0].count == 12 && words[0].allSatisfy(\.isHexDigit)
                && words[1].hasPrefix("[")
        }
        return count > 0 || text.contains("No scheduled jobs") ? Int64(count) : nil
    }

    /// The sum of `skills list`'s last line: `0 hub-installed, 0 builtin, 1 local — …`.
    static func skillCount(_ text: String) -> Int64? {
        guard let line = text.split(separator: "\n").last(where: { $0.contains("hub-installed") }) else { return nil }
        let counts = line.split(separator: ",").prefix(3).compactMap { part -> Int64? in
            Int64(part.drop { $0 == " " }.prefix { $0.isNumber })
        }
        return counts.count == 3 ? counts.reduce(0, +) : nil
    }
}
