internal import FoundationEssentials
public import Support
public import SystemPackage

/// The last test of the notification path: `STATE/notify/test.json`.
public struct NotifyTestRecord: Sendable, Codable, Equatable {
    public var at: Timestamp
    public var outcome: Notifier.Result.Outcome
    public var durationMs: Int64 = 0
    public var errorType: String?
    public var migratedTo: String?

    /// The record, or nil if the path was never tested. Throws when there is one that cannot be read.
    public static func read(stateDirectory: FilePath) throws -> NotifyTestRecord? {
        let path = stateDirectory.appending("notify").appending("test.json")
        guard (try? FileStatus(at: path)) != nil else { return nil }
        let bytes = try FileSystem.read(path, limit: 1 << 16, followingLinks: false)
        do {
            return try JSONDecoder().decode(NotifyTestRecord.self, from: Data(bytes))
        } catch {
            throw OperatorError(
                "notify.record", doing: "reading", subject: path.printable, reason: "it is damaged",
                advice: "run: hermes-ops-runner notify test")
        }
    }

    func write(_ directory: FilePath) throws {
        try FileSystem.makeDirectory(directory)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try FileSystem.replace(directory.appending("test.json"), with: Array(try encoder.encode(self)) + [10])
    }
}
