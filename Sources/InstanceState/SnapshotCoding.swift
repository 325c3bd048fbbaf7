internal import FoundationEssentials
internal import Support

/// Snapshots as JSON, written the same way each time and read as what a stranger wrote.
extension InstanceSnapshot {
    /// The largest snapshot that is read, in bytes. A full one has some 120,000.
    public static let sizeLimit = 1 << 20

    /// UTF-8, keys sorted, one line and a line feed.
    public func encoded(pretty: Bool = false) throws -> [UInt8] { try JSONText.encode(self, pretty: pretty) }

    /// Reads a snapshot: valid by its schema with a major version of 1, or an error. Members that a newer minor version added are passed over.
    public init(decoding text: [UInt8]) throws {
        guard text.count <= Self.sizeLimit else { throw SnapshotError.tooLarge }
        do {
            self = try TapeDecoder.decode(InstanceSnapshot.self, from: text, .init(depth: 24))
        } catch let error as DecodingError {
            throw SnapshotError(error)
        }
        try validate()
    }

    private func validate() throws {
        guard kind == "hermes.instance.snapshot" else { throw SnapshotError("it is not an instance snapshot") }
        guard schemaVersion.hasPrefix("1."), schemaVersion.utf8.count <= 8,
            schemaVersion.dropFirst(2).utf8.allSatisfy({ (48...57).contains($0) }), schemaVersion.utf8.count > 2
        else { throw SnapshotError("its schema version is not 1.x") }
        guard isVersion(exporter.version) else { throw SnapshotError("its exporter's version is malformed") }
        do {
            try validateParts()
        } catch let error as DecodingError {
            throw SnapshotError(error)
        }
    }

    private func validateParts() throws {
        try require(timers, atMost: 64, "timers")
        try require(warnings, atMost: 100, "warnings")
        try require(watchdog.alerts, atMost: 50, "watchdog/alerts")
        try require(cron.jobs, atMost: 100, "cron/jobs")
        try require(gateway.platforms, atMost: 32, "gateway/platforms")
        try require(backup.repo.history, atMost: 50, "backup/repo/history")
        for unit in [gateway.service, dashboard.service] { try unit.validate() }
        for timer in timers + [backup.timer, watchdog.timer] + (drive.timer.map { [$0] } ?? []) {
            try timer.unit.validate()
        }
        for probe in [
            host?.probe, backup.repo.probe, backup.payload.probe, restoreDrill.restored?.probe, cron.probe,
            sessions.probe,
            memory.probe, skills.probe, network.probe,
        ] {
            try probe?.validate()
        }
        for fraction in [host?.diskUsed, host?.memoryUsed] where !(0...1).contains(fraction ?? 0) {
            throw SnapshotError("a fraction is not between 0 and 1")
        }
        guard host?.load1 ?? 0 >= 0, (1...65535).contains(dashboard.port ?? 1) else {
            throw SnapshotError("a number is out of its range")
        }
        let sources = sessions.bySource ?? [:]
        guard sources.count <= 32, sources.keys.allSatisfy(isSourceName) else {
            throw SnapshotError("sessions/bySource is malformed")
        }
    }
}

/// A session's source as the schema takes it: `[a-z0-9_-]{1,32}`.
func isSourceName(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
        && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
}

/// `MAJOR.MINOR.PATCH`, and what may follow it.
private func isVersion(_ text: String) -> Bool {
    let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    func isNumber(_ part: Substring) -> Bool { !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) } }
    return text.utf8.count <= 64 && parts.count == 3 && isNumber(parts[0]) && isNumber(parts[1])
        && isNumber(parts[2].prefix { $0.isNumber }) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
}

/// Why a snapshot is not one. The text quotes no value of it.
public struct SnapshotError: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String

    init(_ description: String) { self.description = description }

    static let tooLarge = SnapshotError("it is larger than a snapshot can be")

    init(_ error: DecodingError) {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty
                ? "it"
                : path.map { $0.intValue.map(String.init) ?? printable($0.stringValue, limit: 40) }.joined(
                    separator: "/")
        }
        switch error {
        case .keyNotFound(let key, let context):
            description = "\(place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            description = "\(place(context.codingPath)) has the wrong type"
        case .dataCorrupted(let context):
            description =
                context.codingPath.isEmpty
                ? "it is not valid JSON or breaks a rule of its schema" : "\(place(context.codingPath)) is malformed"
        @unknown default:
            description = "it cannot be decoded"
        }
    }
}

enum JSONText {
    static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
    }
}
