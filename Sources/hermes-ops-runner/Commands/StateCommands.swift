internal import ArgumentParser
internal import Foundation
internal import InstanceState
internal import Support
internal import SystemPackage

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print the instance's snapshot, as the `snapshot` step would write it now.",
        discussion: "Always JSON, after `hermes-ops-runner schema snapshot`; writes nothing.")

    @OptionGroup var options: GlobalOptions

    @Flag(help: "Print metrics in Prometheus' text format instead.")
    var prometheus = false

    func validate() throws {
        if options.json, prometheus { throw ValidationError("--json and --prometheus exclude each other") }
    }

    func run() async throws {
        let session = Session(options)
        let configuration = try await session.configuration()
        let prometheus = prometheus
        let bytes = try await Interruption.run("looking at the instance") {
            let description = try await session.description(configuration)
            let path = session.stateDirectory.appending("watchdog.json")
            var memory = WatchdogMemory(
                decodingOrFresh: try? FileSystem.read(path, limit: 4 << 20, followingLinks: false))
            let snapshot = await ResidentCode.releasing {
                await session.exporter(configuration).snapshot(
                    of: description, session.sources(configuration, jobs: description.jobs), memory: &memory)
            }
            return prometheus
                ? Array(PrometheusText.render(snapshot, jobs: description.jobs).utf8)
                : try snapshot.encoded(pretty: true)
        }
        try session.console.write(String(decoding: bytes, as: UTF8.self))
    }
}

/// Where `fleet` and `parity` look.
struct FleetFolders: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Folders with one folder per instance, or one instance's own folder.",
            discussion: "Default: /var/lib/hermes-ops-exports.", valueName: "folder"))
    var folders: [String] = []

    func read(at now: Timestamp) async throws -> [Fleet.Reading] {
        let named = folders.map(Self.absolute)
        var members: [Fleet.Member] = []
        for path in named.isEmpty ? ["/var/lib/hermes-ops-exports"] : named {
            let own = path.appending("snapshot.json")
            do {
                let hasOwn = (try? FileStatus(at: own)) != nil
                let below = hasOwn ? [] : try Fleet.members(below: path)
                // A folder that somebody named and that holds nothing is an instance's that never wrote: not to be passed over.
                if hasOwn || below.isEmpty && !named.isEmpty, let id = path.lastComponent?.string {
                    members.append(Fleet.Member(id: id, path: own))
                }
                members += below
            } catch {
                let reason = (error as? Errno).map { errorText($0.rawValue) } ?? (error as? OperatorError)?.reason
                throw OperatorError(
                    "fleet.folder", doing: "looking for instances in", subject: path.printable,
                    reason: reason ?? "it cannot be read",
                    advice: "name the folder that the instances' snapshots are written to", exit: .usage)
            }
        }
        let found = members
        return try await Interruption.run("reading snapshots") { await Fleet.read(found, at: now) }
    }

    private static func absolute(_ text: String) -> FilePath { FilePath(text).absolute.lexicallyNormalized() }
}

struct FleetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet", abstract: "Roll up the snapshots of any number of instances.",
        discussion:
            "Each is ok, missing, stale, invalid, unreadable or from the future; nothing in one harms the others.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var folders: FleetFolders

    func run() async throws {
        let console = options.console
        let now = SystemTime().now
        let readings = try await folders.read(at: now)
        let fleet = Fleet.rollUp(readings, at: now)
        guard !console.isJSON else {
            return try console.write(String(decoding: fleet.encoded(pretty: true), as: UTF8.self))
        }
        var table = TextTable("INSTANCE", "HEALTH", "SNAPSHOT", "AGE", "BACKUP", "WARNINGS", "LABEL")
        for reading in readings {
            table.add(
                reading.reference.id.rawValue, reading.health.rawValue, reading.source.state.rawValue,
                reading.source.ageSeconds.map { HumanUnits.duration(.seconds($0.value)) } ?? "-",
                reading.source.state == .ok ? reading.snapshot?.backup.repo.freshness.rawValue ?? "-" : "-",
                reading.source.state == .ok ? reading.snapshot.map { String($0.warnings.count) } ?? "-" : "-",
                printable(reading.reference.label.rawValue))
        }
        var text = table.isEmpty ? "no instances\n" : table.render()
        for warning in fleet.warnings where warning.warning.severity > .info {
            text +=
                "\(warning.instanceId.rawValue): \(warning.warning.severity.rawValue): \(printable(warning.warning.message.rawValue))\n"
        }
        try console.write(text)
    }
}

struct ParityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parity", abstract: "Compare instances capability by capability, with what closes each gap.",
        discussion: "Exit 1 unless every instance has everything; what could not be found out is not parity.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var folders: FleetFolders

    func run() async throws {
        let console = options.console
        let parity = Parity(try await folders.read(at: SystemTime().now))
        if console.isJSON {
            try console.write(String(decoding: parity.encoded(pretty: true), as: UTF8.self))
        } else {
            try console.write(Self.text(parity))
        }
        if !parity.atParity { throw ExitCode(ExitStatus.failure.rawValue) }
    }

    private static func text(_ parity: Parity) -> String {
        guard !parity.rows.isEmpty else { return "no instances\n" }
        var text = ""
        // Instances side by side; of very many, a table for every six.
        for start in stride(from: 0, to: parity.rows.count, by: 6) {
            let rows = parity.rows[start..<min(start + 6, parity.rows.count)]
            var table = TextTable(["CAPABILITY"] + rows.map { $0.instance.rawValue.uppercased() })
            for capability in Parity.Capability.allCases {
                table.add(
                    [capability.title]
                        + rows.map { row in
                            row.cells.first { $0.capability == capability }?.answer.rawValue ?? "unknown"
                        })
            }
            text += table.render() + "\n"
        }
        for row in parity.rows {
            for cell in row.cells where cell.answer != .yes {
                text += "\(row.instance.rawValue): \(cell.capability.title): \(printable(cell.missing ?? "unknown"))"
                text += cell.command.map { "; run `\(printable($0))`\n" } ?? "\n"
            }
        }
        return text + (parity.atParity ? "at parity\n" : "not at parity\n")
    }
}
