/// A secret that a detector found in some bytes.
struct Finding: Sendable, Hashable {
    /// The rule's id: `[a-z0-9][a-z0-9._-]*`.
    var rule: String
    /// The secret's own bytes, as offsets into what was scanned: no quotes, no key, no scheme.
    var range: Range<Int>
    /// The secret stands as a bare JSON or TOML scalar: what replaces it must bring its own quotes.
    var needsQuotes = false
}

/// Finds secrets in bytes by what they look like and where they stand; knows no home and no policy.
final class Detector: Sendable {
    /// The detector with the built-in rules.
    static func standard() throws -> Detector { Detector() }

    /// The secrets in some bytes, ordered, not overlapping. `name` is the file's path as bytes: it tells the syntax.
    ///
    /// Throws when a rule could not be evaluated to the end (a match limit): the caller must fail closed.
    func findings(in bytes: UnsafeRawBufferPointer, name: [UInt8]) throws -> [Finding] { [] }
}
