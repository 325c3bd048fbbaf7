internal import Glibc
public import Support
public import SystemPackage

/// Reads a configuration with everything it includes.
public struct ConfigurationLoader: Sendable {
    /// Whether a calendar expression is one; see `SystemdCalendar`.
    public typealias ScheduleCheck = @Sendable (_ expression: String) async -> SystemdCalendar.Validity

    private let home: FilePath
    private let user: UInt32
    private let stateDirectory: FilePath?
    private let checkSchedule: ScheduleCheck?

    /// - Parameters:
    ///   - home: what `~` stands for.
    ///   - user: the effective user id, whose files the configuration should be.
    ///   - stateDirectory: must not lie in the Hermes home; nil is not looked at.
    ///   - checkSchedule: a second, better look at each schedule.
    public init(home: FilePath, user: UInt32, stateDirectory: FilePath? = nil, checkSchedule: ScheduleCheck? = nil) {
        self.home = home
        self.user = user
        self.stateDirectory = stateDirectory
        self.checkSchedule = checkSchedule
    }

    /// The largest file that is read, in bytes.
    static let sizeLimit = 1 << 20

    /// Reads the file and what it includes.
    ///
    /// Throws ``ConfigurationErrors`` with every error found, or an `OperatorError` (exit 78) when the file cannot be read at all.
    public func load(_ path: FilePath) async throws -> Configuration {
        var (configuration, all) = try read(path)
        if let checkSchedule {
            for job in configuration?.jobs ?? [] {
                guard let schedule = job.schedule, let position = job.schedulePosition else { continue }
                let name = "\"schedule\" of job \"\(job.name)\""
                switch await checkSchedule(schedule) {
                case .valid: break
                case .invalid(let reason):
                    all.append(ConfigurationIssue("\(name): \(printable(reason, limit: 200))", at: position))
                case .unknown(let reason):
                    configuration?.warnings.append(
                        ConfigurationIssue("\(name) was looked at by its form alone: \(reason)", at: position))
                }
            }
        }
        guard all.isEmpty, let configuration else {
            let order = fileOrder(all, first: path)
            throw ConfigurationErrors(order)
        }
        return configuration
    }

    private func fileOrder(_ issues: [ConfigurationIssue], first: FilePath) -> [ConfigurationIssue] {
        var files: [FilePath] = [first]
        for issue in issues where !files.contains(issue.position.file) { files.append(issue.position.file) }
        return issues.enumerated().sorted { left, right in
            let (a, b) = (left.element.position, right.element.position)
            let (fileA, fileB) = (files.firstIndex(of: a.file) ?? 0, files.firstIndex(of: b.file) ?? 0)
            return (fileA, a.line, a.column, left.offset) < (fileB, b.line, b.column, right.offset)
        }.map(\.element)
    }

    private func read(_ main: FilePath) throws -> (Configuration?, [ConfigurationIssue]) {
        let reader = ConfigurationReader(home: home, stateDirectory: stateDirectory, main: main)
        var files: [FilePath] = []
        var identities: Set<FileIdentity> = []

        func take(_ path: FilePath, from includer: SourcePosition?) throws {
            let top = includer ?? SourcePosition(file: path, line: 1, column: 1)
            let text: String
            do {
                let file = try FileSystem.openRegular(path)
                defer { try? file.close() }
                let status = try FileStatus(of: file)
                guard identities.insert(FileIdentity(device: status.device, inode: status.inode)).inserted else {
                    if let includer { reader.collector.report("\(path.printable) is included twice", at: includer) }
                    return
                }
                checkOwnership(status, path, reader.collector)
                var bytes = try FileSystem.read(file, name: path, limit: Self.sizeLimit)
                // A byte order mark, which some editors write.
                if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
                guard let valid = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
                    reader.collector.report(Self.badTextMessage(bytes), at: Self.badTextPosition(bytes, path))
                    reader.collector.isPartial = true
                    files.append(path)
                    return
                }
                text = valid
            } catch {
                guard includer == nil else {
                    reader.collector.report("cannot read \(path.printable): \(Self.reason(error))", at: top)
                    reader.collector.isPartial = true
                    return
                }
                throw OperatorError(
                    "configuration", doing: "reading the configuration", subject: path.printable,
                    reason: Self.reason(error),
                    advice: "name it with --config, or make one with `hermes-ops-runner init`", exit: .configuration)
            }
            files.append(path)
            for include in reader.add(YAMLDocument(text, file: path), file: path, isMain: includer == nil) {
                guard let pattern = include.text() else { continue }
                guard files.count < 200 else {
                    include.report("more than 200 files are included")
                    return
                }
                let matches = Self.matches(of: pattern, below: path.removingLastComponent(), home: home)
                if matches.isEmpty, !pattern.contains(where: { "*?[".contains($0) }) {
                    include.report("there is no file \(shown(pattern))")
                }
                for match in matches { try take(match, from: include.position) }
            }
        }
        try take(main, from: nil)
        var configuration = reader.finish()
        configuration?.files = files
        return (configuration, reader.collector.issues)
    }

    /// Whoever can write the configuration can run commands as this user.
    private func checkOwnership(_ status: FileStatus, _ path: FilePath, _ collector: IssueCollector) {
        let position = SourcePosition(file: path, line: 1, column: 1)
        if status.permissions & 0o002 != 0 {
            collector.report(
                "everybody may write this file, and with it run commands as you; run `chmod o-w` on it", at: position)
        } else if status.owner != user, status.owner != 0 {
            collector.warn(
                "this file belongs to user \(status.owner), who can run commands as you through it", at: position)
        } else if status.permissions & 0o020 != 0 {
            collector.warn("the file's group may write it, and with it run commands as you", at: position)
        }
    }

    private struct FileIdentity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? OperatorError { return error.reason }
        if let error = error as? Errno { return errorText(error.rawValue) }
        return "\(type(of: error))"
    }

    private static func badTextMessage(_ bytes: [UInt8]) -> String {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            return "the file is UTF-16; save it as UTF-8"
        }
        return bytes.contains(0) ? "the file holds a NUL byte" : "the file is not UTF-8 here"
    }

    private static func badTextPosition(_ bytes: [UInt8], _ path: FilePath) -> SourcePosition {
        var line = 1
        for part in bytes.split(separator: 10, omittingEmptySubsequences: false) {
            if part.contains(0) || String(validating: part, as: UTF8.self) == nil { break }
            line += 1
        }
        return SourcePosition(file: path, line: line, column: 1)
    }

    /// The files that match a glob(7), sorted by name.
    private static func matches(of pattern: String, below folder: FilePath, home: FilePath) -> [FilePath] {
        var full = FilePath(pattern)
        if pattern.hasPrefix("~/") { full = home.pushing(FilePath(String(pattern.dropFirst(2)))) }
        if full.isRelative, !folder.isEmpty { full = folder.pushing(full) }
        var result = glob_t()
        defer { globfree(&result) }
        guard full.withPlatformString({ glob($0, 0, nil, &result) }) == 0 else { return [] }
        return (0..<Int(result.gl_pathc)).compactMap { index in
            result.gl_pathv[index].map { FilePath(platformString: $0) }
        }
    }
}
