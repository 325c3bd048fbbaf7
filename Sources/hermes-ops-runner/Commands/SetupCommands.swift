internal import ArgumentParser
internal import Glibc
internal import HermesHome
internal import Jobs
internal import Support
internal import SystemPackage

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print a JSON Schema (2020-12) of what this program reads or writes.")

    enum Name: String, ExpressibleByArgument, CaseIterable {
        case config, run, status, snapshot, fleet
    }

    @OptionGroup var options: GlobalOptions

    @Argument(help: "config, run, status, snapshot or fleet.")
    var name: Name

    func run() throws {
        guard let schema = PublishedSchema(rawValue: name.rawValue) else { throw ValidationError("no such schema") }
        // JSON in any case.
        try options.console.write(schema.text)
    }
}

struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check configuration, home, policy and credentials; touches nothing.",
        discussion:
            "Every error is listed with its place. Credentials are checked for being there and private, not read out.")

    @OptionGroup var options: GlobalOptions

    private struct Report: Encodable {
        var files: [String]
        var errors: [String]
        var warnings: [String]
        var valid: Bool
    }

    func run() async throws {
        let session = Session(options)
        var errors: [String] = []
        var warnings: [String] = []
        var files: [String] = []
        var exit = ExitStatus.success
        func note(_ error: any Error) {
            let failure = error as? OperatorError
            errors.append(failure?.description ?? printable("\(error)", limit: 300))
            if exit == .success { exit = failure?.exit ?? .configuration }
        }
        do {
            let configuration = try await session.configuration(askingSystemd: true)
            files = configuration.files.map(\.printable)
            warnings = configuration.warnings.map(\.description)
            if let missing = configuration.missingSnapshotGroup { warnings.append("snapshot: \(missing)") }
            do { try HomeInspection.require(configuration.instance.hermesHome) } catch { note(error) }
            do { _ = try session.client(configuration.network) } catch { note(error) }
            do { _ = try session.policy(configuration.sanitizer) } catch { note(error) }
            for declaration in configuration.credentials.values.sorted(by: { $0.name < $1.name }) {
                do { try session.credentials.check(declaration.reference, name: declaration.name) } catch {
                    note(error)
                }
            }
            if let ping = configuration.notify.ping {
                do { try session.credentials.check(ping, name: "ping") } catch { note(error) }
            }
        } catch let issues as ConfigurationErrors {
            errors = issues.issues.map(\.description)
            exit = .configuration
        }
        let report = Report(files: files, errors: errors, warnings: warnings, valid: errors.isEmpty)
        if options.json {
            try session.console.write(Console.json(report))
        } else {
            for error in errors { _ = try? FileDescriptor.standardError.writeAll((error + "\n").utf8) }
            for warning in warnings { session.console.note("warning: \(warning)") }
            if errors.isEmpty { try session.console.write("\(files.first ?? "configuration"): valid\n") }
        }
        if exit != .success { throw ExitCode(exit.rawValue) }
    }
}

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Write a commented starter configuration after looking at the home.",
        discussion: "Never overwrites. What was found is filled in; the rest stands there as comments.")

    @OptionGroup var options: GlobalOptions

    @Option(
        help: ArgumentHelp(
            "The Hermes home.", discussion: "Default: $HERMES_HOME, else ~/.hermes.", valueName: "folder"))
    var hermesHome: String?

    @Option(
        help: ArgumentHelp(
            "The instance's id, which its bundles keep: lower-case letters, digits and '-'.",
            discussion: "Default: vijay for root, else the user's name.", valueName: "id"))
    var instance: String?

    @Flag(help: "Print the configuration instead of writing it.")
    var print = false

    func validate() throws {
        if let instance, !StarterConfiguration.isInstanceID(instance) {
            throw ValidationError(
                "--instance wants a letter first, then letters, digits and '-', at most 32, all lower-case")
        }
    }

    func run() async throws {
        let session = Session(options)
        let home = FilePath(
            hermesHome ?? session.environment["HERMES_HOME"] ?? session.locations.home.appending(".hermes").string
        ).absolute
        let layout = HomeLayout(home)
        let google = home.appending("google_token.json")
        let dotenv = (try? FileSystem.read(layout.environment, limit: 1 << 20)) ?? []
        let findings = StarterFindings(
            instance: instance,
            userName: getpwuid(session.user).map { String(cString: $0.pointee.pw_name) } ?? "user",
            home: session.locations.home, isRoot: session.user == 0, hermesHome: home,
            hermesHomeExists: HomeInspection(home).isHome,
            dotenvHasTelegramToken: String(decoding: dotenv, as: UTF8.self).split(whereSeparator: \.isNewline)
                .contains { $0.hasPrefix("TELEGRAM_BOT_TOKEN=") || $0.hasPrefix("export TELEGRAM_BOT_TOKEN=") },
            googleToken: (try? FileStatus(at: google)) == nil ? nil : google)
        let text = StarterConfiguration.text(findings)
        guard !print else { return try session.console.show(["text": text]) { text } }
        let target = session.configurationFile
        try FileSystem.makeDirectory(target.removingLastComponent())
        let file = try AtomicFile(target)
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
        do {
            try file.commit(replacing: false)
        } catch let error as OperatorError {
            file.discard()
            guard (try? FileStatus(at: target)) != nil else { throw error }
            throw OperatorError(
                "exists", doing: "writing the configuration", subject: target.printable, reason: "it is there already",
                advice: "edit it, or name another file with --config", exit: .cannotWrite)
        }
        try session.console.show(["configuration": target.printable]) {
            "\(target.printable)\nNext: read it, then `hermes-ops-runner validate` and `hermes-ops-runner plan`.\n"
        }
    }
}
