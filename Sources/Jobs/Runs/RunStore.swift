internal import Foundation
internal import Support
public import SystemPackage

/// The run records on disk: `STATE/runs/RUN.json`, beside each `RUN.owner` (the process that runs it) and, where steps or the runner
/// left something, a folder `RUN` with it. The records are the truth; the ledger is their index.
public struct RunStore: Sendable {
    /// The state directory's folder `runs`.
    public let folder: FilePath

    /// Makes the folder, 0700, if it is missing.
    public init(stateDirectory: FilePath) throws {
        folder = stateDirectory.appending("runs")
        try FileSystem.makeDirectory(stateDirectory)
        try FileSystem.makeDirectory(folder)
    }

    static let sizeLimit = 4 << 20

    private func path(_ run: String, _ suffix: String) -> FilePath { folder.appending(run + suffix) }

    /// Writes a record so that after a crash it is there as a whole or not at all.
    public func write(_ record: RunRecord) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data: [UInt8]
        do {
            data = Array(try encoder.encode(record)) + [10]
        } catch {
            throw OperatorError("internal", doing: "writing the run's record", reason: "it cannot be encoded")
        }
        try FileSystem.replace(path(record.runId, ".json"), with: data)
    }

    /// The record of a run. A missing one, or one that is no record, is an error.
    public func read(_ run: String) throws -> RunRecord {
        guard RunIdentity.isRunID(run) else {
            throw OperatorError(
                "no-such-run", doing: "looking for the run", subject: printable(run, limit: 60),
                reason: "this is no run's id",
                advice: "`hermes-ops-runner history` lists them", exit: .usage)
        }
        let bytes: [UInt8]
        do {
            bytes = try FileSystem.read(path(run, ".json"), limit: Self.sizeLimit, followingLinks: false)
        } catch let error as OperatorError {
            throw OperatorError(
                "no-such-run", doing: "reading the record of run", subject: run, reason: error.reason,
                advice: "`hermes-ops-runner history` lists the runs")
        }
        if let version = (try? JSONDecoder().decode(Version.self, from: Data(bytes)))?.schemaVersion,
            !version.hasPrefix("1.")
        {
            throw OperatorError(
                "newer-record", doing: "reading the record of run", subject: run,
                reason:
                    "its version \(printable(version, limit: 20)) is of a newer program than this one, which knows 1.x",
                advice: "install the newer program again", exit: .damagedInput)
        }
        do {
            return try JSONDecoder().decode(RunRecord.self, from: Data(bytes))
        } catch {
            throw OperatorError(
                "damaged-record", doing: "reading the record of run", subject: run, reason: "it is not a run record",
                exit: .damagedInput)
        }
    }

    private struct Version: Decodable {
        var schemaVersion: String
    }

    public func exists(_ run: String) -> Bool { (try? FileStatus(at: path(run, ".json"))) != nil }

    /// Every run that has a record, sorted by id.
    public func runs() throws -> [String] { try names(ending: ".json") }

    private func names(ending suffix: String) throws -> [String] {
        try DirectoryListing.names(at: folder).compactMap { bytes in
            guard let name = String(validating: bytes, as: UTF8.self), name.hasSuffix(suffix) else { return nil }
            let run = String(name.dropLast(suffix.count))
            return RunIdentity.isRunID(run) ? run : nil
        }
    }

    /// The last sign of life: when the record was written last.
    func lastWritten(_ run: String) -> Timestamp? {
        (try? FileStatus(at: path(run, ".json"))).map { Timestamp(nanoseconds: $0.modified) }
    }

    // MARK: - Owners

    /// Who runs a run: outside the record, whose schema has no place for it.
    struct Owner: Codable, Hashable {
        var process: ProcessIdentity
        var job: String
    }

    /// Gives a run that has neither owner nor record its owner. False: the id is taken.
    func claim(_ run: String, _ owner: Owner) throws -> Bool {
        guard !exists(run) else { return false }
        let file = try AtomicFile(path(run, ".owner"))
        let data = (try? JSONEncoder().encode(owner)) ?? Data()
        do {
            try data.withUnsafeBytes { try file.write($0) }
            try file.commit(replacing: false)
        } catch {
            file.discard()
            if try FileStatus.ifThere(at: path(run, ".owner")) != nil { return false }
            throw error
        }
        // Another process may have had it, from its first write to its last.
        guard !exists(run) else {
            try removeOwner(of: run)
            return false
        }
        return true
    }

    func owner(of run: String) -> Owner? {
        guard let bytes = try? FileSystem.read(path(run, ".owner"), limit: 65_536, followingLinks: false) else {
            return nil
        }
        return try? JSONDecoder().decode(Owner.self, from: Data(bytes))
    }

    func removeOwner(of run: String) throws { try FileSystem.removeTree(path(run, ".owner")) }

    /// The runs that have an owner: those under way, and those whose process died.
    func ownedRuns() throws -> [String] { try names(ending: ".owner") }

    // MARK: - Attachments

    /// The folder for what steps leave beside the record, such as a drill's receipt; made when it is missing.
    public func attachments(of run: String) throws -> FilePath {
        let path = folder.appending(run)
        try FileSystem.makeDirectory(path)
        return path
    }

    /// The names of what lies beside a record.
    public func attachmentNames(of run: String) -> [String] {
        ((try? DirectoryListing.names(at: folder.appending(run))) ?? []).map { printable($0, limit: 255) }
    }

    func writeWarnings(_ warnings: [String], of run: String) throws {
        guard !warnings.isEmpty else { return }
        let data = (try? JSONEncoder().encode(warnings)) ?? Data()
        try FileSystem.replace(try attachments(of: run).appending("warnings.json"), with: Array(data))
    }

    /// The warnings of a run, scrubbed lines. The record's schema has no place for them, so they stand in `RUN/warnings.json`.
    public func warnings(of run: String) -> [String] {
        let path = folder.appending(run).appending("warnings.json")
        guard let bytes = try? FileSystem.read(path, limit: Self.sizeLimit, followingLinks: false) else { return [] }
        return (try? JSONDecoder().decode([String].self, from: Data(bytes))) ?? []
    }

    /// Removes a run with all that lies beside it.
    func remove(_ run: String) throws {
        try FileSystem.removeTree(path(run, ".json"))
        try FileSystem.removeTree(path(run, ".owner"))
        try FileSystem.removeTree(folder.appending(run))
    }
}
