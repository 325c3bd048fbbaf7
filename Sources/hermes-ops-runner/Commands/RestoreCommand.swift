internal import ArgumentParser
internal import Bundles
internal import Jobs
internal import RestoreDrill
internal import Sanitizer
internal import Support
internal import SystemPackage

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restore a home for real, from the repository, a store or a bundle's file.",
        discussion: """
            The home is staged beside DIR, verified, and takes its place in one step. DIR must be empty or not there. With \
            --replace a home that stands there is exchanged for the restored one and kept beside it as DIR.before-TIME; no \
            gateway may run in it. From the repository, what the repository leaves out (credentials, conversations, databases) \
            is taken over from the home that is replaced, and no placeholder takes the place of a live value.
            """)

    @OptionGroup var options: GlobalOptions

    @Option(
        help: ArgumentHelp("repository, store, both, or the file of a bundle.", valueName: "source"),
        completion: .file())
    var from: String

    @Option(help: ArgumentHelp("The folder to restore into.", valueName: "dir"), completion: .directory)
    var into: String

    @Flag(help: "Replace the home that stands there; it is kept beside.")
    var replace = false

    @Flag(help: "From the repository's work tree on this machine, in place of a fresh clone.")
    var local = false

    @Option(help: ArgumentHelp("The declared store to take the bundle from.", valueName: "name"))
    var store: String?

    @Option(help: ArgumentHelp("A bundle's name in the store; default: the newest verified one.", valueName: "name"))
    var bundle: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "An identity file, or the name of a declared credential that holds one; may be given more than once.",
            valueName: "file"), completion: .file())
    var identity: [String] = []

    @Option(help: ArgumentHelp("A file with the passphrase of an encrypted identity file.", valueName: "file"))
    var passphraseFile: String?

    func validate() throws {
        let kind = RestoreOptions.Source(rawValue: from) ?? .file
        func refuse(_ option: String, _ isGiven: Bool, where isUseless: Bool) throws {
            if isGiven, isUseless { throw ValidationError("\(option) has no meaning with --from \(printable(from))") }
        }
        try refuse("--local", local, where: kind == .store || kind == .file)
        try refuse("--store", store != nil, where: kind == .repository || kind == .file)
        try refuse("--bundle", bundle != nil, where: kind == .repository || kind == .file)
    }

    func run() async throws {
        let session = Session(options)
        let kind = RestoreOptions.Source(rawValue: from) ?? .file
        let isFile = kind == .file
        let configuration: Configuration?
        do {
            configuration = try await session.configuration()
        } catch {
            // An empty machine has a bundle and a key, and no configuration yet.
            guard isFile, (try? FileStatus(following: session.configurationFile)) == nil, options.config == nil else {
                throw error
            }
            configuration = nil
        }
        let source = try await source(kind, session, configuration)
        let home =
            configuration?.instance.hermesHome ?? session.environment["HERMES_HOME"].map { FilePath($0) }
            ?? session.locations.home.appending(".hermes")
        let request = RestoreRequest(
            source: source, target: try absolute(into), liveHome: home, replaces: replace,
            ownPlaces: [session.stateDirectory] + (configuration?.ownPlaces ?? []),
            instance: configuration?.instance.id,
            policy: try configuration.map { try session.policy($0.sanitizer) } ?? Policy.hermes(),
            progress: session.progress)
        let report = try await Interruption.run("restoring") { try await Restorer(request).run() }
        for warning in report.warnings { session.console.note("warning: \(printableLine(warning))") }
        try session.console.show(report) { Self.text(report) }
    }

    private func source(_ kind: RestoreOptions.Source, _ session: Session, _ configuration: Configuration?)
        async throws -> RestoreSource
    {
        let passphrase = try passphraseFile.map { try Passphrase.read(FilePath($0)) }
        let declared = configuration?.credentials ?? [:]
        let named = identity.filter { declared[$0] != nil }
        let files = identity.filter { declared[$0] == nil }.map { FilePath($0) }
        guard let configuration else {
            return .bundle(
                BundleOrigin(
                    file: FilePath(from), identities: try await session.identities(files: files, passphrase: passphrase)
                ))
        }
        return try await session.restoreSource(
            kind, local: local, store: store, file: FilePath(from), bundle: bundle, identityFiles: files,
            passphrase: passphrase, credentials: named, in: configuration, progress: session.progress)
    }

    private func absolute(_ path: String) throws -> FilePath {
        let path = FilePath(path)
        guard !path.isEmpty else { throw ValidationError("--into takes a folder") }
        return path.absolute
    }

    static func text(_ report: RestoreReport) -> String {
        var text =
            "\(report.target): \(HumanUnits.count(Int(report.files), "file")), \(HumanUnits.bytes(report.bytes)), "
            + "in \(HumanUnits.duration(.milliseconds(report.durationMs)))\n"
        for origin in report.origins {
            text += "from \(origin.type) \(printable(origin.identity, limit: 255))"
            text += origin.takenAt.map { ", taken \($0)\n" } ?? "\n"
        }
        if let previous = report.previousHome { text += "the home that stood there is kept: \(previous)\n" }
        func list(_ title: String, _ items: [String]) {
            guard !items.isEmpty else { return }
            text += "\n\(title):\n"
            for item in items { text += "  \(item)\n" }
        }
        list(
            "Give these again",
            report.secretsToProvide.map { needed in
                needed.kind == .file
                    ? "the file \(printable(needed.file))" : "\(printable(needed.name)) in \(printable(needed.place))"
            })
        list("Taken over from the home that was replaced", report.carriedOver)
        list("Kept as they were; the backup's copy, with placeholders, is NAME.from-backup", report.keptLive)
        list("Only in the home that was replaced", report.leftInPreviousHome)
        list("Absolute paths inside restored data that lead elsewhere", report.absolutePaths)
        return text
    }
}

extension Configuration {
    /// Folders that jobs write to: the repository and the stores that are one.
    fileprivate var ownPlaces: [FilePath] {
        (repository.map { [$0.path] } ?? [])
            + stores.values.compactMap { if case .directory(let path) = $0.place { path } else { nil } }
    }
}
