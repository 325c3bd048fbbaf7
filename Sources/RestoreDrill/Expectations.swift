internal import Support

/// What a backup says is in it, whichever kind it is: the yardstick of a drill's checks.
struct Expectations: Sendable {
    struct Entry: Sendable {
        /// Relative to the home, components joined with `/`.
        var path: [UInt8]
        var kind: FileStatus.Kind
        /// Permission bits; nil where the source does not keep them (a symlink).
        var permissions: UInt32?
        var size: Int64
        /// Lower-case hexadecimal; nil for what has no content.
        var sha256: String?
        var linkTarget: [UInt8]?
    }

    struct Database: Sendable {
        var path: [UInt8]
        /// Whether it was sound when it was taken: a raw copy of a damaged one is not held against the backup twice.
        var wasSound: Bool
        var rowCounts: [String: Int64]
    }

    var instance: String
    var takenAt: Timestamp?
    var entries: [Entry]
    var databases: [Database]
    /// Nil where the source does not say.
    var cronJobIDs: Set<String>?
    var skills: Int64?
    var memories: Int64?
    /// Names of environment variables, config variables and files that a person has to give again.
    var secretsToProvide: [String]
    var manifestSHA256: String
    var canary: (path: [UInt8], bytes: [UInt8])
}
