internal import Support

/// What became of one file of the home. It is what the stat cache remembers.
struct FileRecord: Sendable, Equatable {
    enum Outcome: Sendable, Equatable {
        case stored(Stored)
        case excluded(Manifest.Exclusion)
        /// Gone before it could be read.
        case vanished
    }

    struct Stored: Sendable, Equatable {
        var entry: Manifest.Entry
        /// git's id of the stored bytes.
        var blob: ObjectID
        var needed: [Manifest.Needed] = []
        /// Ids of cron jobs, where the file is a jobs.json.
        var cronJobs: [String]?
        /// Entries, where the file is a memory.
        var memories: Int?
        /// Secrets that were found, counted.
        var redactionCount = 0
    }

    var outcome: Outcome

    /// With a marker in place of each secret in it.
    var name: [UInt8]? {
        switch outcome {
        case .stored(let stored): stored.entry.path
        case .excluded(let exclusion): exclusion.path
        case .vanished: nil
        }
    }

    /// The file changed during each of the attempts to read it.
    var changedWhileRead = false
}
