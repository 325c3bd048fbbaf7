internal import ArgumentParser
internal import Bundles
internal import Jobs
internal import Logging
internal import Stores
internal import Support
internal import SystemPackage

struct BundleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle", abstract: "Make, list, check and open encrypted bundles by hand.",
        discussion: """
            A bundle opens without this program too: age -d -i key.txt BUNDLE | tar --zstd -x
            """,
        subcommands: [Create.self, List.self, Inspect.self, Verify.self, Open.self, Decrypt.self])

    /// A bundle in a file, or by its name in a declared store.
    struct Source: ParsableArguments {
        @Argument(help: "The bundle's file; with --store its name there, or `latest`.", completion: .file())
        var bundle: String

        @Option(help: ArgumentHelp("A declared store to take it from.", valueName: "name"))
        var store: String?

        @Option(
            name: .shortAndLong,
            help: ArgumentHelp("An identity file; may be given more than once.", valueName: "file"),
            completion: .file())
        var identity: [String] = []

        @Option(help: ArgumentHelp("A file with the passphrase of an encrypted identity file.", valueName: "file"))
        var passphraseFile: String?

        func identities(_ session: Session) async throws -> [AgeIdentity] {
            let passphrase = try passphraseFile.map { try Passphrase.read(FilePath($0)) }
            return try await session.identities(files: identity.map { FilePath($0) }, passphrase: passphrase)
        }

        /// Runs a body with the bundle's file; one from a store is fetched first and removed afterwards.
        func with<Value: Sendable>(
            _ session: Session, _ body: @escaping @Sendable (FilePath) async throws -> Value
        ) async throws -> Value {
            guard let store else { return try await body(FilePath(bundle)) }
            let configuration = try await session.configuration()
            let opened = try await session.store(store, in: configuration)
            let item = try await StoredBundles.find(
                bundle, in: opened, instance: configuration.instance.id, logger: session.logger)
            let file = try await StoredBundles.fetch(
                item, from: opened, into: try session.stateFile("downloads"), progress: session.progress)
            let lock = try StoredBundles.lock(file)
            defer { withExtendedLifetime(lock) { try? FileSystem.removeTree(file) } }
            return try await body(file)
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bundle the configuration's home into one encrypted file.")

        @OptionGroup var options: GlobalOptions

        @Option(
            name: .shortAndLong,
            help: ArgumentHelp(
                "The file to write; default: INSTANCE-TIME.tar.zst.age in this folder.", valueName: "file"),
            completion: .file())
        var output: String?

        private static func file(_ output: String) throws -> BundleRequest.Target {
            guard case .file(let path) = try OutputPlace(FilePath(output)) else {
                throw OperatorError(
                    "output", doing: "writing the bundle to", subject: printable(output, limit: 200),
                    reason: "it is no file, and a bundle is read back once it is written",
                    advice: "name a file; `cat` it to where it shall go", exit: .usage)
            }
            // A slip would cost a private key, or the configuration.
            if let status = try FileStatus.ifThere(at: path), status.size > 0, try !AgeFile.begins(at: path) {
                throw OperatorError(
                    "output", doing: "writing the bundle to", subject: printable(output, limit: 200),
                    reason: "a file stands there that is no bundle", advice: "name another one, or remove it",
                    exit: .cannotWrite)
            }
            return .file(path)
        }

        private struct Report: Encodable {
            var file: String
            var size: Int64
            var sha256: String
            var files: Int
            var databases: Int
            var warnings: [String]
        }

        func run() async throws {
            let session = Session(options)
            let configuration = try await session.configuration()
            try FileSystem.makeDirectory(session.stateDirectory)
            try requireOutside(FilePath(output ?? "."), of: configuration.instance.hermesHome)
            let request = try session.bundleRequest(configuration, target: try output.map(Self.file) ?? .folder("."))
            let progress = session.progress
            let bundle = try await Interruption.run("creating a bundle") {
                try await offPoolCancellable { try BundleWriter.create(request, progress: progress, cancellation: $0) }
            }
            let manifest = bundle.manifest
            let report = Report(
                file: bundle.path.printable, size: bundle.size, sha256: hex(bundle.sha256),
                files: manifest.counts.files,
                databases: manifest.databases.count,
                warnings: manifest.warnings.map { "\($0.path): \(printableLine($0.reason))" })
            for warning in report.warnings { session.console.note("warning: \(warning)") }
            try session.console.show(report) {
                "\(report.file): \(HumanUnits.count(report.files, "file")), \(HumanUnits.count(report.databases, "database")), \(HumanUnits.bytes(report.size))\nsha256 \(report.sha256)\n"
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the bundles in the declared stores, newest first.")

        @OptionGroup var options: GlobalOptions

        @Option(help: ArgumentHelp("Only this store.", valueName: "name"))
        var store: String?

        @Flag(help: "Other instances' bundles too.")
        var all = false

        private struct Item: Encodable {
            var store: String
            var name: String
            var instance: String
            var created: Timestamp
            var size: Int64
            var sha256: String
            var verified: Bool
            var run: String?
        }

        func run() async throws {
            let session = Session(options)
            let configuration = try await session.configuration()
            let names = store.map { [$0] } ?? configuration.stores.keys.sorted()
            var items: [Item] = []
            var failures: [(store: String, error: OperatorError)] = []
            for name in names {
                let listing: StoreListing
                do {
                    listing = try await session.store(name, in: configuration)
                        .list(instance: all ? nil : configuration.instance.id)
                } catch let error as OperatorError {
                    // What the others hold may be what is needed now.
                    failures.append((name, error))
                    continue
                }
                for gap in listing.gaps { session.console.note("warning: store \(name) may hold more: \(gap)") }
                items += listing.items.map { item in
                    Item(
                        store: name, name: printable(item.name), instance: item.properties.instance,
                        created: item.properties.created, size: item.size, sha256: item.properties.sha256,
                        verified: item.isVerified, run: item.properties.run)
                }
            }
            // An empty table would say that there is none.
            if let first = failures.first, failures.count == names.count { throw first.error }
            for (store, error) in failures { session.logger.error("store \(store): \(error)") }
            let shown = items
            try session.console.show(shown) {
                var table = TextTable("STORE", "BUNDLE", "MADE", "SIZE", "STATE")
                for item in shown {
                    table.add(
                        item.store, item.name, item.created.description, HumanUnits.bytes(item.size),
                        item.verified ? "verified" : "not verified")
                }
                return shown.isEmpty ? "no bundle\n" : table.render()
            }
            if let first = failures.first { throw ExitCode(first.error.exit.rawValue) }
        }
    }

    struct Inspect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a bundle holds; reads and verifies all of it.")

        @OptionGroup var options: GlobalOptions
        @OptionGroup var source: Source

        func run() async throws {
            let session = Session(options)
            let manifest = try await BundleCommand.inspect(source, session, listing: options.json)
            try session.console.show(manifest) { BundleCommand.text(manifest) }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a whole bundle and check it against its manifest; exit 65 if anything is wrong.")

        @OptionGroup var options: GlobalOptions
        @OptionGroup var source: Source

        func run() async throws {
            let session = Session(options)
            let manifest = try await BundleCommand.inspect(source, session, listing: false)
            try session.console.show(manifest.counts) {
                "ok: \(HumanUnits.count(manifest.counts.files, "file")), \(HumanUnits.bytes(manifest.counts.bytes)), made \(manifest.created)\n"
            }
        }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Extract a bundle into an empty folder, verified; a failure leaves nothing behind.")

        @OptionGroup var options: GlobalOptions
        @OptionGroup var source: Source

        @Option(help: ArgumentHelp("The folder: empty, or not there yet.", valueName: "folder"), completion: .directory)
        var into: String

        func run() async throws {
            let session = Session(options)
            let identities = try await source.identities(session)
            let target = FilePath(into)
            let progress = session.progress
            let opened = try await Interruption.run("opening a bundle") {
                try await source.with(session) { file in
                    try await offPoolCancellable {
                        try BundleReader.extract(
                            try FileSource(file), identities: identities, into: target, listing: false,
                            progress: progress, cancellation: $0)
                    }
                }
            }
            try session.console.show(opened.manifest.counts) {
                "\(opened.home.printable): \(HumanUnits.count(opened.manifest.counts.files, "file")), \(HumanUnits.bytes(opened.manifest.counts.bytes))\n"
            }
        }
    }

    struct Decrypt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Decrypt any age v1 file, armored or not.",
            discussion:
                "Without -o the plaintext goes to standard output as it is authenticated; a damaged file ends it with exit 65."
        )

        @OptionGroup var options: GlobalOptions

        @Option(
            name: .shortAndLong,
            help: ArgumentHelp("An identity file; may be given more than once.", valueName: "file"),
            completion: .file())
        var identity: [String] = []

        @Option(help: ArgumentHelp("A file with the passphrase.", valueName: "file"))
        var passphraseFile: String?

        @Argument(help: "The encrypted file; default: standard input.", completion: .file())
        var input: String?

        @Option(
            name: .shortAndLong,
            help: ArgumentHelp(
                "The file to write, whole or not at all; a device or FIFO gets the plaintext as it comes.",
                valueName: "file"))
        var output: String?

        func validate() throws {
            if options.json, output == nil {
                throw ValidationError("--json and plaintext on standard output exclude each other: name a file with -o")
            }
        }

        func run() async throws {
            let session = Session(options)
            let passphrase = try passphraseFile.map { try Passphrase.read(FilePath($0)) }
            let identities = try await session.identities(files: identity.map { FilePath($0) }, passphrase: passphrase)
            let input = input
            let output = output
            try await Interruption.run("decrypting") {
                try await offPoolCancellable { cancellation in
                    let source =
                        try input.map { try FileSource(FilePath($0)) }
                        ?? FileSource(
                            .standardInput, name: "standard input", closing: false, cancellation: cancellation)
                    let decryptor = try AgeDecryptor(source, identities: identities)
                    func copy(to file: FileDescriptor, _ name: String) throws {
                        let sink = FileSink(file, name: name, cancellation: cancellation)
                        try decryptor.copy(to: sink, cancellation: cancellation)
                    }
                    guard let output else { return try copy(to: .standardOutput, "standard output") }
                    switch try OutputPlace(FilePath(output)) {
                    case .file(let path):
                        AtomicFile.sweep(path)
                        let file = try AtomicFile(path)
                        try decryptor.copy(to: file, cancellation: cancellation)
                        try file.commit()
                    case .stream(let path):
                        let file = try OutputPlace.open(stream: path, cancellation: cancellation)
                        defer { file.closeQuietly() }
                        try copy(to: file, output)
                    }
                }
            }
            if let output { try session.console.show(["output": printable(output)]) { "" } }
        }
    }

    fileprivate static func inspect(
        _ source: Source, _ session: Session, listing: Bool
    ) async throws -> BundleManifest {
        let identities = try await source.identities(session)
        let progress = session.progress
        return try await Interruption.run("reading a bundle") {
            try await source.with(session) { file in
                try await offPoolCancellable {
                    try BundleReader.inspect(
                        try FileSource(file), identities: identities, listing: listing, progress: progress,
                        cancellation: $0)
                }
            }
        }
    }

    fileprivate static func text(_ manifest: BundleManifest) -> String {
        var text =
            "instance \(manifest.instance), made \(manifest.created) by hermes-ops-runner \(manifest.runnerVersion)\n"
        let counts = manifest.counts
        text +=
            "\(HumanUnits.count(counts.files, "file")), \(HumanUnits.count(counts.directories, "folder")), \(HumanUnits.count(counts.symlinks, "symlink")), \(HumanUnits.bytes(counts.bytes))\n"
        if !manifest.databases.isEmpty {
            var table = TextTable("DATABASE", "COPY", "CHECK", "ROWS")
            for database in manifest.databases {
                table.add(
                    database.path.description, database.copy.rawValue,
                    printable(database.integrityCheck.first ?? "-", limit: 60),
                    String(database.rows.values.reduce(0, +)))
            }
            text += table.render()
        }
        for note in manifest.warnings { text += "warning: \(note.path): \(printableLine(note.reason))\n" }
        text += "left out: \(manifest.skipped.count)\n"
        return text
    }
}
