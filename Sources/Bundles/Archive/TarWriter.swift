internal import Support

/// Writes a tar archive in pax format, byte for byte as it was told: names need not be UTF-8. Every header is read back as
/// the reader does before it is written: what the reader would refuse, or take for something else, is not written.
final class TarWriter {
    private let sink: any ByteSink
    private var rules: EntryRules
    /// Of the current file: where it has data, how many of these pieces are done, how far it is told, its length, and the bytes of it
    /// that are stored.
    private var extents: [Range<Int64>] = []
    private var done = 0
    private var position: Int64 = 0
    private var size: Int64 = 0
    private var stored: Int64 = 0

    init(_ sink: any ByteSink, limits: BundleLimits = BundleLimits()) {
        self.sink = sink
        rules = EntryRules(limits)
    }

    /// Starts an entry; its data follows.
    func begin(_ entry: TarEntry) throws {
        try finishEntry()
        if let reason = rules.admit(entry) { throw Self.failure("\(printable(entry.path, limit: 200)): \(reason)") }
        let header = Self.header(entry)
        let read = try Self.verify(header, entry)
        try put(header[...])
        (size, extents, stored) = (read.entry.size, read.entry.extents, read.stored)
    }

    /// A part of the current file's data, holes as zeros.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard Int64(bytes.count) <= size - position else { throw Self.failure("a file is longer than its header says") }
        var rest = bytes
        while !rest.isEmpty {
            let extent = done < extents.count ? extents[done] : size..<size
            let isHole = position < extent.lowerBound
            let end = isHole ? extent.lowerBound : extent.upperBound
            let count = Int(min(Int64(rest.count), end - position))
            if !isHole { try sink.write(UnsafeRawBufferPointer(rebasing: rest[..<count])) }
            position += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            while done < extents.count, position >= extents[done].upperBound { done += 1 }
        }
    }

    /// All of the current file's data, which has no holes; a body looks at it (``ByteSink/write(_:inspecting:)``).
    func write(whole bytes: UnsafeRawBufferPointer, inspecting body: @escaping Inspection) throws {
        guard position == 0, Int64(bytes.count) == size, stored == size else {
            throw Self.failure("a file is not as long as its header says")
        }
        try sink.write(bytes, inspecting: body)
        position = size
    }

    /// Has a part of the current file's data, which has no holes, put in its place (``ByteSink/fill(upTo:from:inspecting:)``); returns
    /// its length.
    func fill(
        upTo limit: Int, from read: (UnsafeMutableRawBufferPointer) throws -> Int,
        inspecting body: @escaping Inspection
    ) throws -> Int {
        guard stored == size else { throw Self.failure("a file has holes") }
        guard position < size else { throw Self.failure("a file is longer than its header says") }
        let count = try sink.fill(upTo: Int(min(Int64(limit), size - position)), from: read, inspecting: body)
        guard count > 0 else { throw Self.failure("a file is shorter than its header says") }
        position += Int64(count)
        return count
    }

    /// Returns when all that was to be looked at was.
    func settle() throws { try sink.settle() }

    /// Writes the end of the archive.
    func finish() throws {
        try finishEntry()
        try put(Self.zeros[...])
    }

    private func finishEntry() throws {
        guard position == size else { throw Self.failure("a file is shorter than its header says") }
        try put(Self.zeros[..<Self.padding(stored)])
        (extents, done, position, size, stored) = ([], 0, 0, 0, 0)
    }

    private func put(_ bytes: ArraySlice<UInt8>) throws { try bytes.withUnsafeBytes { try sink.write($0) } }

    // MARK: - Headers

    /// All that stands before an entry's data, a sparse file's map included.
    private static func header(_ entry: TarEntry) -> [UInt8] {
        var path = entry.path
        if entry.kind == .directory { path.append(UInt8(ascii: "/")) }
        var records: [UInt8] = []
        func record(_ key: StaticString, _ value: [UInt8]) { PaxRecords.append(key, value, to: &records) }
        func record(_ key: StaticString, _ value: some BinaryInteger) {
            var digits: [UInt8] = []
            digits.append(decimal: value)
            record(key, digits)
        }
        func needsRecord(_ text: [UInt8]) -> Bool {
            text.count > UstarHeader.nameLimit || text.contains { $0 >= 128 }
        }
        func isText(_ bytes: [UInt8]) -> Bool {
            bytes.allSatisfy { $0 < 128 } || String(validating: bytes, as: UTF8.self) != nil
        }
        if !isText(path) || !isText(entry.target) { record("hdrcharset", Array("BINARY".utf8)) }
        let map = entry.extents.isEmpty ? [] : map(entry)
        let stored =
            entry.kind != .file
            ? 0 : map.isEmpty ? entry.size : entry.extents.reduce(0) { $0 + Int64($1.count) } + Int64(map.count)
        if map.isEmpty {
            if needsRecord(path) { record("path", path) }
        } else {
            record("GNU.sparse.major", 1)
            record("GNU.sparse.minor", 0)
            record("GNU.sparse.name", path)
            record("GNU.sparse.realsize", entry.size)
            // What a reader that knows nothing of sparse files makes of it.
            path = Array("GNUSparseFile.0/".utf8) + path.suffix(UstarHeader.nameLimit - 16)
        }
        if needsRecord(entry.target) { record("linkpath", entry.target) }
        if stored >= UstarHeader.numberLimit { record("size", stored) }
        let seconds = entry.modified.flooredQuotient(by: 1_000_000_000)
        if seconds * 1_000_000_000 != entry.modified || seconds < 0 || seconds >= Int128(UstarHeader.numberLimit) {
            record("mtime", PaxRecords.text(time: entry.modified))
        }
        if !UstarHeader.fits(entry.owner) { record("uid", entry.owner) }
        if !UstarHeader.fits(entry.group) { record("gid", entry.group) }
        var out: [UInt8] = []
        if !records.isEmpty {
            out = UstarHeader.block(
                path: Array("PaxHeader/".utf8) + path.suffix(UstarHeader.nameLimit - 10), permissions: 0o600, owner: 0,
                group: 0, size: Int64(records.count), seconds: 0, type: UInt8(ascii: "x"), target: [])
            out += records
            out += zeros.prefix(padding(Int64(records.count)))
        }
        let type: UInt8 =
            switch entry.kind {
            case .file: UInt8(ascii: "0")
            case .directory: UInt8(ascii: "5")
            case .symlink: UInt8(ascii: "2")
            }
        out += UstarHeader.block(
            path: path, permissions: entry.permissions, owner: entry.owner, group: entry.group, size: stored,
            seconds: seconds, type: type, target: entry.target)
        out += map
        return out
    }

    /// The map at the start of a sparse file's data (GNU tar manual, "Storing Sparse Files", version 1.0). An empty piece at the end
    /// tells GNU tar how long the file is.
    private static func map(_ entry: TarEntry) -> [UInt8] {
        var extents = entry.extents
        if extents.last?.upperBound != entry.size { extents.append(entry.size..<entry.size) }
        let text = "\(extents.count)\n" + extents.map { "\($0.lowerBound)\n\($0.count)\n" }.joined()
        return Array(text.utf8) + zeros.prefix(padding(Int64(text.utf8.count)))
    }

    /// How many bytes are missing to whole blocks.
    private static func padding(_ count: Int64) -> Int { Int((512 - count % 512) % 512) }

    private static let zeros = [UInt8](repeating: 0, count: 2 * UstarHeader.length)

    /// The reader makes of the header what was meant.
    private static func verify(_ header: [UInt8], _ entry: TarEntry) throws -> EntryHeader {
        var position = 0
        let read = try EntryHeader.read {
            defer { position += UstarHeader.length }
            return Array(header[position..<position + UstarHeader.length])
        }
        var meant = entry
        (meant.owner, meant.group) = (0, 0)
        if entry.kind == .directory { meant.path.append(UInt8(ascii: "/")) }
        if entry.kind == .file, entry.extents.isEmpty { meant.extents = [0..<entry.size] }
        meant.extents.removeAll(where: \.isEmpty)
        guard let read, read.entry == meant, position == header.count else {
            throw failure("the header of \(printable(entry.path, limit: 200)) cannot be read back as it was meant")
        }
        return read
    }

    private static func failure(_ reason: String) -> OperatorError {
        OperatorError("archive", doing: "writing the archive", reason: reason)
    }
}
