internal import CArchive
internal import Glibc
internal import Support

/// What stands in an archive.
struct TarEntry {
    enum Kind { case file, directory, symlink }

    /// Components joined with `/`; bytes.
    var path: [UInt8]
    var kind: Kind
    /// Permission bits: `mode & 0o7777`.
    var permissions: UInt32
    /// Nanoseconds since the epoch; not between -1 second and 0, which libarchive cannot write (see `FileStatus.storedModified`).
    var modified: Int64
    var owner: UInt32 = 0
    var group: UInt32 = 0
    /// Of a file: its length in bytes, holes included.
    var size: Int64 = 0
    /// Of a symlink: its text.
    var target: [UInt8] = []
    /// Of a sparse file: where it has data. Empty: everywhere.
    var extents: [Range<Int64>] = []
}

/// Writes a tar archive in pax format with libarchive, byte for byte as it was told: names need not be UTF-8.
final class TarWriter {
    private final class Box {
        let sink: any ByteSink
        var failure: (any Error)?
        init(_ sink: any ByteSink) { self.sink = sink }
    }

    private let archive: OpaquePointer
    private let entry: OpaquePointer
    private let box: Box

    init(_ sink: any ByteSink) throws {
        guard let archive = archive_write_new() else { throw Self.failure("no memory") }
        guard let entry = archive_entry_new() else {
            archive_write_free(archive)
            throw Self.failure("no memory")
        }
        self.archive = archive
        self.entry = entry
        box = Box(sink)
        // libarchive translates names through the locale's encoding, and stores them as they are when it is UTF-8.
        guard setlocale(LC_CTYPE, "C.UTF-8") != nil else { throw Self.failure("this system has no locale C.UTF-8") }
        try check(archive_write_set_format_pax(archive))
        // No blocks: what is written goes to the sink at once, and nothing is added at the end.
        try check(archive_write_set_bytes_per_block(archive, 0))
        try check(
            archive_write_open2(
                archive, Unmanaged.passUnretained(box).toOpaque(), nil,
                { _, context, bytes, count in
                    guard let context else { return -1 }
                    let box = Unmanaged<Box>.fromOpaque(context).takeUnretainedValue()
                    do {
                        try box.sink.write(UnsafeRawBufferPointer(start: bytes, count: count))
                        return la_ssize_t(count)
                    } catch {
                        box.failure = error
                        return -1
                    }
                }, nil, nil))
    }

    deinit {
        archive_entry_free(entry)
        // Whoever did not call finish() does not want the end either.
        archive_write_fail(archive)
        archive_write_free(archive)
    }

    /// Starts an entry; its data follows.
    func begin(_ item: TarEntry) throws {
        archive_entry_clear(entry)
        item.path.withCString { archive_entry_copy_pathname(entry, $0) }
        let kind: mode_t =
            switch item.kind {
            case .file: S_IFREG
            case .directory: S_IFDIR
            case .symlink: S_IFLNK
            }
        archive_entry_set_filetype(entry, kind)
        archive_entry_set_perm(entry, item.permissions)
        // libarchive writes seconds and fraction one after the other as digits: before 1970 that is right only for a time cut
        // towards zero.
        let (seconds, fraction) = item.modified.quotientAndRemainder(dividingBy: 1_000_000_000)
        archive_entry_set_mtime(entry, time_t(seconds), Int(fraction.magnitude))
        archive_entry_set_uid(entry, la_int64_t(item.owner))
        archive_entry_set_gid(entry, la_int64_t(item.group))
        archive_entry_set_size(entry, la_int64_t(item.kind == .file ? item.size : 0))
        if item.kind == .symlink { item.target.withCString { archive_entry_copy_symlink(entry, $0) } }
        for extent in item.extents {
            archive_entry_sparse_add_entry(entry, extent.lowerBound, la_int64_t(extent.count))
        }
        try check(archive_write_header(archive, entry))
    }

    /// A part of the current file's data, holes as zeros.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = archive_write_data(archive, rest.baseAddress, rest.count)
            guard count > 0 else { throw box.failure ?? Self.failure(reason) }
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
        }
    }

    /// Writes the end of the archive.
    func finish() throws {
        try check(archive_write_finish_entry(archive))
        try check(archive_write_close(archive))
    }

    private var reason: String {
        archive_error_string(archive).map { printable(String(cString: $0)) } ?? "unknown error"
    }

    /// A warning (a name that is not UTF-8, which is stored byte for byte) is not an error.
    private func check(_ status: Int32) throws {
        guard status >= ARCHIVE_WARN else { throw box.failure ?? Self.failure(reason) }
    }

    private static func failure(_ reason: String) -> OperatorError {
        OperatorError("archive", doing: "writing the archive", reason: reason)
    }
}

extension [UInt8] {
    /// As a C string; a NUL ends it.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }
}

extension Int64 {
    func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
