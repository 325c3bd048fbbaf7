internal import ArgumentParser
internal import GitBackup
internal import HermesHome
internal import Jobs
internal import Sanitizer
internal import Support
internal import SystemPackage

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what a run would do: every file with its action, rule and reason.",
        discussion: "Writes nothing and contacts nobody.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The job; without it, every declared job.")
    var job: String?

    @Flag(help: "List every file, the skipped ones too.")
    var all = false

    private struct File: Encodable {
        var path: String
        var action: String
        var rule: String
        var reason: String
        var size: Int64
        var findings: Int
    }

    private struct Total: Encodable {
        var files: Int
        var bytes: Int64
    }

    private struct Sanitizing: Encodable {
        var files: [File]
        var totals: [String: Total]
        var warnings: [String]
        var failures: [String]
        /// What a commit of it would change, by the manifest in the repository's folder; nil where that cannot be read.
        var commit: String?
    }

    private struct Document: Encodable {
        var jobs: [JobPlan]
        var sanitizing: Sanitizing?
    }

    func run() async throws {
        let session = Session(options)
        let configuration = try await session.configuration(askingSystemd: true)
        if let job, configuration.job(named: job) == nil {
            throw OperatorError(
                "no-such-job", doing: "looking for the job", subject: printable(job, limit: 64),
                reason: "it is not declared",
                advice: "declared: \(configuration.jobs.map(\.name).joined(separator: ", "))", exit: .usage)
        }
        let jobs = configuration.jobs.filter { job == nil || $0.name == job }
        var document = Document(jobs: jobs.map(JobPlan.init))
        if jobs.contains(where: { $0.steps.contains { $0.action.kind == .sanitize } }) {
            document.sanitizing = try await sanitizing(session, configuration)
        }
        let shown = document
        try session.console.show(shown) { text(shown) }
    }

    private func sanitizing(_ session: Session, _ configuration: Configuration) async throws -> Sanitizing {
        let home = configuration.instance.hermesHome
        try HomeInspection.require(home)
        let sanitizer = try await session.sanitizer(configuration, keepingKey: false)
        let progress = session.progress
        let plan = try await Interruption.run("planning") {
            try await offPoolCancellable { try sanitizer.plan(home: home, cancellation: $0, progress: progress) }
        }
        var totals: [String: Total] = [:]
        for action in PolicyAction.allCases {
            let total = plan.total(action)
            totals[action.rawValue] = Total(files: total.files, bytes: total.bytes)
        }
        return Sanitizing(
            files: plan.files.map {
                File(
                    path: printable($0.path), action: $0.action.rawValue, rule: $0.rule,
                    reason: printableLine($0.reason),
                    size: $0.size, findings: $0.redactions.count)
            }, totals: totals, warnings: plan.warnings, failures: plan.failures.map(\.description),
            commit: commit(of: plan.manifest, in: configuration.repository))
    }

    private func commit(of planned: Manifest, in repository: RepositoryConfig?) -> String? {
        guard let repository else { return nil }
        let file = repository.path.appending(BackupRepository.standardFolder).appending(Manifest.fileName)
        func contents(_ manifest: Manifest) -> [[UInt8]: String] {
            Dictionary(manifest.entries.map { ($0.path, $0.sha256) }) { first, _ in first }
        }
        let before: [[UInt8]: String]
        do {
            let text = try FileStatus.ifThere(at: file).map { _ in try FileSystem.read(file, limit: Manifest.largest) }
            before = try text.map { contents(try Manifest(json: $0)) } ?? [:]
        } catch {
            return nil
        }
        let now = contents(planned)
        let added = now.keys.count { before[$0] == nil }
        let changed = now.count { before[$0.key] != nil && before[$0.key] != $0.value }
        return "\(added) added, \(changed) changed, \(before.keys.count { now[$0] == nil }) removed"
    }

    private func text(_ document: Document) -> String {
        var text = ""
        for job in document.jobs {
            text += "job \(job.job): \(job.schedule.map { "at \($0)" } ?? "on request")\n"
            for step in job.steps {
                text += "  \(step.name)\(step.effects.isEmpty ? "" : ": " + step.effects.joined(separator: ", "))\n"
            }
        }
        guard let plan = document.sanitizing else { return text }
        var table = TextTable("ACTION", "SIZE", "FINDINGS", "PATH", "RULE", "REASON")
        for file in plan.files where all || file.action != PolicyAction.skip.rawValue {
            table.add(
                file.action, HumanUnits.bytes(file.size), file.findings > 0 ? String(file.findings) : "", file.path,
                file.rule,
                file.reason)
        }
        if !table.isEmpty { text += "\n" + table.render() }
        for action in PolicyAction.allCases {
            guard let total = plan.totals[action.rawValue] else { continue }
            text += "\(action.rawValue): \(HumanUnits.count(total.files, "file")), \(HumanUnits.bytes(total.bytes))\n"
        }
        if let commit = plan.commit { text += "commit: \(commit), and the manifest\n" }
        for warning in plan.warnings { text += "warning: \(printableLine(warning))\n" }
        for failure in plan.failures { text += "would fail: \(printableLine(failure))\n" }
        return text
    }
}
