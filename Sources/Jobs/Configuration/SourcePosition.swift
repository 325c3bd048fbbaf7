public import Support
public import SystemPackage

/// A place in a configuration file. Lines and columns count from 1, columns in Unicode scalars.
public struct SourcePosition: Sendable, Hashable, CustomStringConvertible {
    public var file: FilePath
    public var line: Int
    public var column: Int

    public init(file: FilePath, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `FILE:LINE:COLUMN`, as compilers write it.
    public var description: String { "\(file.printable):\(line):\(column)" }
}

/// Something that is wrong in a configuration, and where.
public struct ConfigurationIssue: Sendable, Hashable, CustomStringConvertible {
    public var position: SourcePosition
    /// What was found, what is allowed, and the nearest known name. Never the value of a credential.
    public var message: String

    public init(_ message: String, at position: SourcePosition) {
        self.position = position
        self.message = message
    }

    public var description: String { "\(position): \(message)" }
}

/// Every error of a configuration, in the order of the files and lines. Exits 78.
public struct ConfigurationErrors: Error, Sendable, CustomStringConvertible {
    public var issues: [ConfigurationIssue]

    public init(_ issues: [ConfigurationIssue]) { self.issues = issues }

    /// One line an issue.
    public var description: String { issues.map(\.description).joined(separator: "\n") }

    /// The errors as one: for a run record, a log line, an exit code.
    public var summary: OperatorError {
        let first = issues.first.map(\.description) ?? "no reason was given"
        let more = issues.count > 1 ? " (and \(issues.count - 1) more)" : ""
        return OperatorError(
            "configuration", doing: "reading the configuration", reason: first + more,
            advice: "run `hermes-ops-runner validate` to see every error", exit: .configuration)
    }
}
