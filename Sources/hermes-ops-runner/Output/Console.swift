internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage

/// Standard output for results and standard error for what is said on the way.
struct Console: Sendable {
    /// One JSON document instead of text.
    let isJSON: Bool
    let isQuiet: Bool

    /// Writes text as it is; the caller has made foreign parts printable. A reader that went away (`| head`) is `Errno.brokenPipe`.
    func write(_ text: String) throws {
        do {
            try FileDescriptor.standardOutput.writeAll(text.utf8)
        } catch let error as Errno where error != .brokenPipe {
            throw OperatorError.system(
                error.rawValue, doing: "writing", subject: "standard output", exit: .cannotWrite)
        }
    }

    /// Writes a line to standard error, unless the command was asked to be quiet.
    func note(_ text: String) {
        guard !isQuiet else { return }
        _ = try? FileDescriptor.standardError.writeAll((text + "\n").utf8)
    }

    /// The result: a JSON document or the text.
    func show(_ document: some Encodable, text: () throws -> String) throws {
        if isJSON {
            try write(Self.json(document))
        } else {
            try write(text())
        }
    }

    /// Pretty JSON with sorted keys and a newline at the end.
    static func json(_ document: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    }

    /// A word in colour on a terminal that wants it; the word itself carries the meaning.
    static func emphasized(_ word: String, _ colour: Colour) -> String {
        guard isatty(STDOUT_FILENO) == 1, getenv("NO_COLOR") == nil else { return word }
        return "\u{1B}[\(colour.rawValue)m\(word)\u{1B}[0m"
    }

    enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
    }
}
