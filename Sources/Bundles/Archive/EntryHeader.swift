internal import Support

/// All that stands before an entry's data: a pax header, the ustar header, and a sparse file's map.
struct EntryHeader {
    /// A pax header is a few hundred bytes; a long name makes it some thousand.
    private static let paxLimit = 1 << 20
    /// The map of a sparse file: about 30 bytes for each extent.
    private static let sparseMapLimit = 64 << 20

    let entry: TarEntry
    /// Bytes of data that follow, without the padding after them.
    let stored: Int64

    /// Reads the next header; nil where a block of zeros stands in its place. `block` gives the next 512 bytes, nil at the end.
    static func read(_ block: () throws -> [UInt8]?) throws -> EntryHeader? {
        var records: PaxRecords?
        while true {
            guard let bytes = try block() else { throw TarDamage.error("it has no end") }
            if bytes.allSatisfy({ $0 == 0 }) {
                guard records == nil else { throw TarDamage.error("it ends after a pax header") }
                return nil
            }
            let header = try UstarHeader(bytes)
            switch header.type {
            case UInt8(ascii: "x"):
                guard records == nil, header.size <= paxLimit else {
                    throw TarDamage.error("a pax header is malformed")
                }
                records = try PaxRecords(try take(Int(header.size), block))
            case UInt8(ascii: "0"), 0, UInt8(ascii: "2"), UInt8(ascii: "5"):
                return try EntryHeader(header, records ?? .none, block)
            case UInt8(ascii: "1"): throw TarDamage.error("it holds a hard link, \(printable(header.path, limit: 80))")
            case UInt8(ascii: "3"), UInt8(ascii: "4"), UInt8(ascii: "6"):
                throw TarDamage.error("it holds a device or a FIFO, \(printable(header.path, limit: 80))")
            default: throw TarDamage.error("it holds an entry of unknown type \(header.type)")
            }
        }
    }

    private init(
        _ header: UstarHeader, _ records: PaxRecords, _ block: () throws -> [UInt8]?
    ) throws {
        func number(_ key: StaticString) throws -> Int64? {
            guard let value = records[key] else { return nil }
            guard let number = PaxRecords.number(value[...]) else {
                throw TarDamage.error("a pax header's \(key) is not a number")
            }
            return number
        }
        let kind: TarEntry.Kind =
            switch header.type {
            case UInt8(ascii: "5"): .directory
            case UInt8(ascii: "2"): .symlink
            default: .file
            }
        var stored = try number("size") ?? header.size
        guard kind == .file || stored == 0 else { throw TarDamage.error("a folder or symlink carries data") }
        var entry = TarEntry(
            path: records["path"] ?? header.path, kind: kind, permissions: header.permissions,
            modified: try records["mtime"].map(PaxRecords.time) ?? header.modified(), size: stored,
            target: kind == .symlink ? records["linkpath"] ?? header.target : [],
            extents: stored > 0 ? [0..<stored] : [])
        if records.isSparse {
            guard kind == .file, records["GNU.sparse.major"] == [UInt8(ascii: "1")],
                records["GNU.sparse.minor"] == [UInt8(ascii: "0")],
                let name = records["GNU.sparse.name"], let real = try number("GNU.sparse.realsize")
            else { throw TarDamage.error("a sparse file's header is malformed") }
            entry.path = name
            entry.size = real
            entry.extents = try Self.sparseMap(real, &stored, block)
        }
        self.entry = entry
        self.stored = stored
    }

    /// The map at the start of a sparse file's data: the number of extents, then offset and length of each, in decimal lines, padded
    /// to a block (GNU tar manual, "Storing Sparse Files", version 1.0).
    private static func sparseMap(
        _ size: Int64, _ stored: inout Int64, _ block: () throws -> [UInt8]?
    ) throws -> [Range<Int64>] {
        var pending: [UInt8] = []
        var used = 0
        var consumed = 0
        func line(_ stored: inout Int64) throws -> Int64 {
            while true {
                if let feed = pending[used...].firstIndex(of: 10) {
                    guard let number = PaxRecords.number(pending[used..<feed]) else { break }
                    used = feed + 1
                    return number
                }
                consumed += UstarHeader.length
                // No number is longer, and a line without an end would be looked through again for every block.
                guard pending.count - used < 20, stored >= UstarHeader.length, consumed <= sparseMapLimit,
                    let bytes = try block()
                else { break }
                stored -= Int64(UstarHeader.length)
                pending = Array(pending[used...]) + bytes
                used = 0
            }
            throw TarDamage.error("a sparse file's map is malformed")
        }
        var map: [Range<Int64>] = []
        var end: Int64 = 0
        var total: Int64 = 0
        for _ in 0..<(try line(&stored)) {
            let (start, length) = (try line(&stored), try line(&stored))
            guard start >= end, start <= size, length <= size - start else {
                throw TarDamage.error("a sparse file's map is malformed")
            }
            end = start + length
            total += length
            if length > 0 { map.append(start..<end) }
        }
        guard total == stored else { throw TarDamage.error("a sparse file's map does not fit its data") }
        return map
    }

    /// So many bytes, and the padding after them.
    private static func take(_ count: Int, _ block: () throws -> [UInt8]?) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let next = try block() else { throw TarDamage.error("it ends within a header") }
            bytes += next
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
