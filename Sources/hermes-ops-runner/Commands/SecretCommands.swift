internal import ArgumentParser
internal import Foundation
internal import HermesHome
internal import Jobs
internal import Sanitizer
internal import Support
internal import SystemPackage

struct ScanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Look for secrets in files and folders; exit 10 if there are any.",
        discussion:
            "Prints `path:line:column rule fingerprint`, never the secret. Equal secrets have equal fingerprints. Files that cannot be looked into, such as encrypted or xz archives, are named on standard error, and without a finding the exit status is 1: they may hold anything."
    )

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Files or folders; links inside folders are not followed.", completion: .file())
    var paths: [String]

    private struct Finding: Encodable {
        var path: String
        var line: Int
        var column: Int
        var rule: String
        var fingerprint: String
    }

    func run() async throws {
        let session = Session(options)
        let sanitizer = try session.sanitizer(policy: .content)
        let targets = paths.map { FilePath($0) }
        let progress = session.progress
        let hits = try await Interruption.run("scanning") {
            try await offPoolCancellable { try sanitizer.scan(targets, cancellation: $0, progress: progress) }
        }
        let findings = hits.map {
            Finding(path: $0.path, line: $0.line, column: $0.column, rule: $0.rule, fingerprint: $0.fingerprint)
        }
        let secrets = hits.filter { !$0.isUnread }
        try session.console.show(findings) { secrets.map { "\($0)\n" }.joined() }
        let unread = hits.compactMap { hit in hit.unread.map { "\(hit.path): \($0)" } }
        for line in unread { session.console.note("not looked into: \(line)") }
        if !secrets.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
        guard unread.isEmpty else {
            throw OperatorError(
                "unread", doing: "scanning",
                reason: "\(HumanUnits.count(unread.count, "file")) could not be looked into, and may hold anything",
                advice: "unpack them and scan what is in them")
        }
    }
}

struct SanitizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sanitize",
        abstract: "Write the sanitized tree of a home, and its manifest, to an empty folder; no git.")

    enum PolicyName: String, ExpressibleByArgument, CaseIterable {
        case hermes, content
    }

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The home, or any folder.", completion: .directory)
    var source: String

    @Option(
        help: ArgumentHelp("The folder to write to: empty, or not there yet.", valueName: "folder"),
        completion: .directory)
    var into: String

    @Option(
        help: ArgumentHelp(
            "hermes: the built-in policy. content: no path rules and no harvest; each file stands alone, is kept, and is redacted by what it holds. Default: what a configuration given with --config says, else hermes."
        ))
    var policy: PolicyName?

    func run() async throws {
        let session = Session(options)
        let wanted = policy.map { $0 == .hermes ? SanitizerConfig.Policy.hermes : .content }
        let sanitizer: Sanitizer
        let usesHermesPolicy: Bool
        if session.isConfigurationNamed {
            var configuration = try await session.configuration()
            if let wanted { configuration.sanitizer.policy = wanted }
            sanitizer = try await session.sanitizer(configuration)
            usesHermesPolicy = configuration.sanitizer.policy == .hermes
        } else {
            sanitizer = try session.sanitizer(policy: wanted ?? .hermes)
            usesHermesPolicy = wanted != .content
        }
        let home = FilePath(source)
        let target = FilePath(into)
        try requireOutside(target, of: home)
        // It holds the key of the fingerprints.
        try requireOutside(session.stateDirectory, of: home)
        if usesHermesPolicy { try HomeInspection.require(home) }
        let progress = session.progress
        let staging = try session.stateFile("staging").appending("sanitize-\(ProcessIdentity.current.pid)")
        let tree = try await Interruption.run("sanitizing") {
            try await offPoolCancellable { cancellation in
                defer { try? Sanitizer.sweep(staging) }
                let tree = try sanitizer.stage(
                    home: home, into: staging, cancellation: cancellation, progress: progress)
                try tree.write(into: target, cancellation: cancellation)
                return tree
            }
        }
        for warning in tree.warnings + tree.changedWhileRead.map({ "\($0) changed while it was read" }) {
            session.console.note("warning: \(warning)")
        }
        try session.console.show(tree.totals) {
            let totals = tree.totals
            return
                "\(HumanUnits.count(totals.files, "file")), \(HumanUnits.bytes(totals.bytes)): \(HumanUnits.count(totals.redactions, "secret")) redacted in \(HumanUnits.count(totals.redactedFiles, "file")), \(totals.excluded) excluded\n"
        }
    }
}

/// Refuses to write a file or folder below the home that is being read.
func requireOutside(_ target: FilePath, of home: FilePath) throws {
    func real(_ path: FilePath) -> FilePath { path.absolute.lexicallyNormalized().resolvingLinks }
    guard real(target).starts(with: real(home)) else { return }
    throw OperatorError(
        "inside-home", doing: "writing to", subject: target.printable, reason: "it lies in the home \(home.printable)",
        advice: "name a place outside of it", exit: .usage)
}

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why a path of the home is kept, redacted, excluded or skipped.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "A path, absolute or relative to the home.", completion: .file())
    var path: String

    private struct Explanation: Encodable {
        struct Finding: Encodable {
            var rule: String
            var fingerprint: String
            var place: String
            var count: Int
        }

        var path: String
        var action: String
        var rule: String
        var origin: String
        var reason: String
        var findings: [Finding]
    }

    func run() async throws {
        let session = Session(options)
        let configuration = try await session.configuration()
        let home = configuration.instance.hermesHome
        try HomeInspection.require(home)
        var target = FilePath(path).lexicallyNormalized()
        if target.isAbsolute, target.removePrefix(home.lexicallyNormalized()) == false {
            throw ValidationError("\(printable(path)) is not below the home \(home.printable)")
        }
        guard !path.isEmpty, target.components.first?.kind != .parentDirectory else {
            throw ValidationError(
                "\(path.isEmpty ? "an empty path" : printable(path)) is not below the home \(home.printable)")
        }
        let sanitizer = try await session.sanitizer(configuration, keepingKey: false)
        let relative = target.bytes
        let found = try await Interruption.run("explaining") {
            try await offPoolCancellable { try sanitizer.explain(relative, home: home, cancellation: $0) }
        }
        let explanation = Explanation(
            path: printable(found.path), action: found.action.rawValue, rule: found.rule, origin: found.origin,
            reason: found.reason,
            findings: found.redactions.map {
                .init(rule: $0.rule, fingerprint: $0.fingerprint, place: $0.place, count: $0.count)
            })
        try session.console.show(explanation) {
            var text = "\(explanation.path): \(explanation.action)\n"
            text +=
                "  rule \(explanation.rule) (\(printable(explanation.origin))): \(printableLine(explanation.reason))\n"
            for finding in explanation.findings {
                text +=
                    "  \(printableLine(finding.place)): \(finding.rule) \(finding.fingerprint)\(finding.count > 1 ? " x\(finding.count)" : "")\n"
            }
            return text
        }
    }
}
