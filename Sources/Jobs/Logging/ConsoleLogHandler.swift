internal import Foundation
public import Logging
internal import Support
internal import Synchronization
internal import SystemPackage

/// Writes log lines to standard error: text for people, or one JSON object a line. Under systemd each line of text begins with its
/// priority, `<N>` (sd-daemon(3)). Whatever looks like a credential is taken out.
public struct ConsoleLogHandler: LogHandler {
    public enum Format: String, Sendable, CaseIterable {
        case text, json
    }

    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: Format
    private let withPriority: Bool
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - environment: JOURNAL_STREAM in it means that the journal reads standard error.
    ///   - write: takes a whole line with its newline; standard error when nil.
    public init(
        label: String, format: Format, level: Logger.Level, environment: [String: String],
        write: (@Sendable (String) -> Void)? = nil
    ) {
        self.label = label
        self.format = format
        logLevel = level
        withPriority = environment["JOURNAL_STREAM"] != nil && format == .text
        self.write = write ?? Self.toStandardError
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        let message = Self.clean("\(event.message)")
        let pairs = all.sorted { $0.key < $1.key }.map { (Self.clean($0.key), Self.clean("\($0.value)")) }
        write(format == .json ? json(event.level, message, pairs) : text(event.level, message, pairs))
    }

    private static func clean(_ text: String) -> String { CredentialScrubber.scrub(printable(text, limit: 4000)) }

    private func text(_ level: Logger.Level, _ message: String, _ pairs: [(String, String)]) -> String {
        var line = withPriority ? "<\(Self.priority(level))>" : ""
        if !withPriority { line += "\(SystemTime().now) \(level.rawValue) " }
        line += message
        for (key, value) in pairs {
            let needsQuotes = value.isEmpty || value.contains { $0 == " " || $0 == "\"" || $0 == "=" }
            line += " \(key)=" + (needsQuotes ? "\"" + value.replacing("\"", with: "'") + "\"" : value)
        }
        return line + "\n"
    }

    private func json(_ level: Logger.Level, _ message: String, _ pairs: [(String, String)]) -> String {
        struct Line: Encodable {
            var time: String
            var level: String
            var logger: String
            var message: String
            var fields: [String: String]?
        }
        let fields = Dictionary(pairs, uniquingKeysWith: { $1 })
        let line = Line(
            time: SystemTime().now.description, level: level.rawValue, logger: label, message: message,
            fields: fields.isEmpty ? nil : fields)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(line) else { return "{}\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// syslog(3): 3 error, 4 warning, 5 notice, 6 info, 7 debug, 2 critical.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static let outputLock = Mutex<Void>(())

    /// One write(2) a line, so that lines of several processes do not mix.
    private static func toStandardError(_ line: String) {
        // A log that cannot be written has nowhere to complain.
        outputLock.withLock { _ in _ = try? FileDescriptor.standardError.writeAll(line.utf8) }
    }
}
