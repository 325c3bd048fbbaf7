internal import Glibc
internal import Support

/// Reads a tar archive: pax headers, ustar, and sparse files as GNU tar and libarchive write them (GNU.sparse 1.0).
///
/// libarchive is not used for reading: in a UTF-8 locale it turns decomposed names into composed ones (seen with 3.6.2), so two
/// files of a home can become one. This reader hands names on byte for byte, knows the kinds of entries that a bundle may hold and
/// no others, and takes nothing but zeros after the end.
final class TarReader {
    private static let blockLength = 512
    /// A pax header is a few hundred bytes; a long name makes it some thousand.
    private static let headerLimit = 1 << 20
    /// The map of a sparse file: about 30 bytes for each extent.
    private static let sparseMapLimit = 64 << 20

    private let source: ZstdDecompressor
    /// Bytes of the current entry's stored data and its padding that were not read yet.
    private var stored: Int64 = 0
    private var padding = 0
    private var extents: [Range<Int64>] = []
    private var size: Int64 = 0
    private var offset: Int64 = 0

    init(_ source: ZstdDecompressor) { self.source = source }

    /// The next entry, or nil at a proper end.
    func next() throws -> TarEntry? {
        try skipRest()
        var records: [String: [UInt8]] = [:]
        while true {
            guard let block = try block() else { throw damage("it has no end") }
            if block.allSatisfy({ $0 == 0 }) {
                try expectEnd()
                return nil
            }
            let header = try UstarHeader(block)
            switch header.type {
            case UInt8(ascii: "x"):
                guard records.isEmpty, header.size <= Self.headerLimit else {
                    throw damage("a pax header is malformed")
                }
                records = try Self.records(try take(Int(header.size)))
            case UInt8(ascii: "0"), 0, UInt8(ascii: "2"), UInt8(ascii: "5"):
                return try entry(header, records)
            case UInt8(ascii: "1"): throw damage("it holds a hard link, \(printable(header.path, limit: 80))")
            case UInt8(ascii: "3"), UInt8(ascii: "4"), UInt8(ascii: "6"):
                throw damage("it holds a device or a FIFO, \(printable(header.path, limit: 80))")
            default: throw damage("it holds an entry of unknown type \(header.type)")
            }
        }
    }

    /// The next piece of the current file: where it belongs and its bytes, valid until the next call; nil at its end. Between the
    /// pieces, and after the last up to the entry's size, there are holes.
    func data() throws -> (offset: Int64, bytes: UnsafeRawBufferPointer)? {
        while let extent = extents.first {
            if offset < extent.lowerBound { offset = extent.lowerBound }
            let wanted = min(extent.upperBound - offset, stored)
            if wanted <= 0 {
                extents.removeFirst()
                continue
            }
            guard let bytes = try source.peek() else { throw damage("it ends within a file") }
            let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(Int(min(Int64(bytes.count), wanted))))
            source.skip(piece.count)
            stored -= Int64(piece.count)
            defer { offset += Int64(piece.count) }
            return (offset, piece)
        }
        return nil
    }

    private func entry(_ header: UstarHeader, _ records: [String: [UInt8]]) throws -> TarEntry {
        func number(_ key: String) throws -> Int64? {
            guard let value = records[key] else { return nil }
            guard let number = Int64(String(decoding: value, as: UTF8.self)), number >= 0 else {
                throw damage("a pax header's \(key) is not a number")
            }
            return number
        }
        let kind: TarEntry.Kind =
            switch header.type {
            case UInt8(ascii: "5"): .directory
            case UInt8(ascii: "2"): .symlink
            default: .file
            }
        stored = try number("size") ?? header.size
        guard kind == .file || stored == 0 else { throw damage("a folder or symlink carries data") }
        padding = Int((512 - stored % 512) % 512)
        offset = 0
        size = stored
        extents = stored > 0 ? [0..<stored] : []
        var entry = TarEntry(
            path: records["path"] ?? header.path, kind: kind, permissions: header.permissions,
            modified: try records["mtime"].map(Self.time) ?? header.modified,
            target: kind == .symlink ? records["linkpath"] ?? header.target : [])
        if let major = records["GNU.sparse.major"] {
            guard kind == .file, major == [UInt8(ascii: "1")], records["GNU.sparse.minor"] == [UInt8(ascii: "0")],
                let name = records["GNU.sparse.name"], let real = try number("GNU.sparse.realsize")
            else { throw damage("a sparse file's header is malformed") }
            entry.path = name
            size = real
            extents = try sparseMap()
        }
        entry.size = size
        entry.extents = extents
        return entry
    }

    /// The map at the start of a sparse file's data: the number of extents, then offset and length of each, in decimal lines, padded
    /// to a block (GNU tar manual, "Storing Sparse Files", version 1.0).
    private func sparseMap() throws -> [Range<Int64>] {
        var pending: [UInt8] = []
        var used = 0
        var consumed = 0
        func line() throws -> Int64 {
            while true {
                if let feed = pending[used...].firstIndex(of: 10) {
                    guard let number = Int64(String(decoding: pending[used..<feed], as: UTF8.self)), number >= 0 else {
                        break
                    }
                    used = feed + 1
                    return number
                }
                consumed += Self.blockLength
                guard stored >= Self.blockLength, consumed <= Self.sparseMapLimit, let block = try block() else {
                    break
                }
                stored -= Int64(Self.blockLength)
                pending = Array(pending[used...]) + block
                used = 0
            }
            throw damage("a sparse file's map is malformed")
        }
        var map: [Range<Int64>] = []
        var end: Int64 = 0
        var total: Int64 = 0
        for _ in 0..<(try line()) {
            let (start, length) = (try line(), try line())
            guard start >= end, start <= size, length <= size - start else {
                throw damage("a sparse file's map is malformed")
            }
            end = start + length
            total += length
            if length > 0 { map.append(start..<end) }
        }
        guard total == stored else { throw damage("a sparse file's map does not fit its data") }
        return map
    }

    private func skipRest() throws {
        var rest = stored + Int64(padding)
        while rest > 0 {
            guard let bytes = try source.peek() else { throw damage("it ends within an entry") }
            let count = Int(min(Int64(bytes.count), rest))
            source.skip(count)
            rest -= Int64(count)
        }
        stored = 0
        padding = 0
        extents = []
    }

    private func expectEnd() throws {
        while let bytes = try source.peek() {
            guard bytes.allSatisfy({ $0 == 0 }) else { throw damage("there is something after its end") }
            source.skip(bytes.count)
        }
    }

    private func block() throws -> [UInt8]? {
        var block = [UInt8](repeating: 0, count: Self.blockLength)
        let count = try block.withUnsafeMutableBytes { try source.fill($0) }
        if count == 0 { return nil }
        guard count == block.count else { throw damage("it ends within a header") }
        return block
    }

    /// So many bytes, and the padding after them.
    private func take(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let block = try block() else { throw damage("it ends within a header") }
            bytes += block
        }
        return Array(bytes.prefix(count))
    }

    /// `LENGTH KEY=VALUE\n`, again and again (POSIX.1-2017, pax Extended Header).
    private static func records(_ bytes: [UInt8]) throws -> [String: [UInt8]] {
        var records: [String: [UInt8]] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.prefix(20).firstIndex(of: 32),
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > 0, length <= rest.count,
                case let record = rest.prefix(length), record.last == 10, space + 1 < record.endIndex,
                let equals = record[(space + 1)...].firstIndex(of: UInt8(ascii: "="))
            else { throw damage("a pax header is malformed") }
            let key = String(decoding: record[(space + 1)..<equals], as: UTF8.self)
            guard records.updateValue(Array(record[(equals + 1)...].dropLast()), forKey: key) == nil else {
                throw damage("a pax header says \(printable(key, limit: 40)) twice")
            }
            rest = rest.dropFirst(length)
        }
        return records
    }

    /// Decimal seconds with a fraction, as nanoseconds.
    private static func time(_ text: [UInt8]) throws -> Int64 {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = (isNegative ? text.dropFirst() : text[...]).split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1].prefix(9) : []
        let digits = parts[0] + fraction + repeatElement(48, count: 9 - fraction.count)
        guard digits.count <= 19, digits.allSatisfy({ (48...57).contains($0) }),
            let value = Int64(String(decoding: digits, as: UTF8.self))
        else { throw damage("a modification time is malformed") }
        return isNegative ? -value : value
    }
}

private func damage(_ reason: String) -> OperatorError { BundleDamage.error("its archive is malformed: \(reason)") }

/// One block of 512 bytes before an entry (POSIX.1-2017, ustar Interchange Format).
private struct UstarHeader {
    var path: [UInt8]
    var target: [UInt8]
    var permissions: UInt32
    var size: Int64
    var modified: Int64
    var type: UInt8

    init(_ block: [UInt8]) throws {
        func text(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }
        let sum = block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int(block[$1])) }
        guard try Self.number(block[148..<156]) == Int64(sum) else { throw damage("a header's checksum is wrong") }
        guard block[257..<262].elementsEqual(Array("ustar".utf8)) else { throw damage("a header is not ustar") }
        let prefix = text(345..<500)
        path = (prefix.isEmpty ? [] : prefix + [UInt8(ascii: "/")]) + text(0..<100)
        target = text(157..<257)
        permissions = UInt32(truncatingIfNeeded: try Self.number(block[100..<108])) & 0o7777
        size = try Self.number(block[124..<136])
        let (nanoseconds, overflow) = try Self.number(block[136..<148]).multipliedReportingOverflow(by: 1_000_000_000)
        guard size >= 0, !overflow else { throw damage("a header's numbers are out of range") }
        modified = nanoseconds
        type = block[156]
    }

    /// Octal digits, or base 256 where the first bit is set.
    private static func number(_ field: ArraySlice<UInt8>) throws -> Int64 {
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 {
            var value: Int64 = first & 0x40 != 0 ? -1 : 0
            for (index, byte) in field.enumerated() {
                guard index > 0 || byte == 0x80 || byte == 0xff else {
                    throw damage("a header's numbers are out of range")
                }
                guard value.magnitude < 1 << 54 else { throw damage("a header's numbers are out of range") }
                if index > 0 { value = value << 8 | Int64(byte) }
            }
            return value
        }
        var value: Int64 = 0
        for byte in field.drop(while: { $0 == 32 }) {
            if byte == 0 || byte == 32 { break }
            guard (48...55).contains(byte), value < 1 << 58 else { throw damage("a header's numbers are malformed") }
            value = value << 3 | Int64(byte - 48)
        }
        return value
    }
}
