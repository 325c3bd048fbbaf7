internal import Support

/// What stands in an archive.
struct TarEntry: Equatable {
    enum Kind { case file, directory, symlink }

    /// Components joined with `/`; bytes.
    var path: [UInt8]
    var kind: Kind
    /// Permission bits: `mode & 0o7777`.
    var permissions: UInt32
    /// Nanoseconds since the epoch.
    var modified: Int128
    var owner: UInt32 = 0
    var group: UInt32 = 0
    /// Of a file: its length in bytes, holes included.
    var size: Int64 = 0
    /// Of a symlink: its text.
    var target: [UInt8] = []
    /// Of a sparse file: where it has data. Empty: everywhere.
    var extents: [Range<Int64>] = []
}

/// What every entry of a bundle keeps to. Who writes a bundle holds its entries to the same rules as who reads it, so that none is
/// made that cannot be opened.
struct EntryRules {
    let limits: BundleLimits
    private var entries = 0
    private var bytes: Int64 = 0

    init(_ limits: BundleLimits) { self.limits = limits }

    /// Why no bundle can hold the entry; nil if it can.
    static func refusal(_ entry: TarEntry) -> String? {
        if let reason = BundlePath(entry.path).refusal { return reason }
        guard entry.kind == .symlink else { return nil }
        if entry.target.isEmpty || entry.target.contains(0) { return "it is a link to nothing" }
        guard entry.target.count < BundlePath.lengthLimit else {
            return "its link text has \(entry.target.count) bytes, and Linux takes \(BundlePath.lengthLimit - 1)"
        }
        return nil
    }

    /// Counts the entry, and says why it is one too many or none.
    mutating func admit(_ entry: TarEntry) -> String? {
        if let reason = Self.refusal(entry) { return reason }
        entries += 1
        guard entries <= limits.entries else { return "a bundle holds at most \(limits.entries) entries" }
        guard entry.kind == .file else { return nil }
        let (sum, overflow) = bytes.addingReportingOverflow(entry.size)
        guard entry.size >= 0, !overflow, sum <= limits.bytes else {
            return "the files of a bundle hold at most \(limits.bytes) bytes"
        }
        bytes = sum
        return nil
    }
}
