internal import Support

/// Reads a tar archive: pax headers, ustar, and sparse files as GNU tar and libarchive write them (GNU.sparse 1.0).
///
/// libarchive is not used: in a UTF-8 locale its reader turns decomposed names into composed ones (seen with 3.6.2), so two files of
/// a home can become one, and its writer tells times before 1970 wrongly. This reader hands names on byte for byte, knows the kinds
/// of entries that a bundle may hold and no others, and takes nothing but zeros after the end.
final class TarReader {
    private let source: ZstdDecompressor
    /// Bytes of the current entry's stored data and its padding that were not read yet.
    private var stored: Int64 = 0
    private var padding = 0
    private var extents: [Range<Int64>] = []
    private var offset: Int64 = 0

    init(_ source: ZstdDecompressor) { self.source = source }

    /// The next entry, or nil at a proper end.
    func next() throws -> TarEntry? {
        try skipRest()
        guard let header = try EntryHeader.read(block) else {
            try expectEnd()
            return nil
        }
        self.stored = header.stored
        padding = Int((512 - header.stored % 512) % 512)
        offset = 0
        extents = header.entry.extents
        return header.entry
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
            guard let bytes = try source.peek() else { throw TarDamage.error("it ends within a file") }
            let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(Int(min(Int64(bytes.count), wanted))))
            source.skip(piece.count)
            stored -= Int64(piece.count)
            defer { offset += Int64(piece.count) }
            return (offset, piece)
        }
        return nil
    }

    private func skipRest() throws {
        var rest = stored + Int64(padding)
        while rest > 0 {
            guard let bytes = try source.peek() else { throw TarDamage.error("it ends within an entry") }
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
            guard bytes.allSatisfy({ $0 == 0 }) else { throw TarDamage.error("there is something after its end") }
            source.skip(bytes.count)
        }
    }

    private func block() throws -> [UInt8]? {
        var block = [UInt8](repeating: 0, count: UstarHeader.length)
        let count = try block.withUnsafeMutableBytes { try source.fill($0) }
        if count == 0 { return nil }
        guard count == block.count else { throw TarDamage.error("it ends within a header") }
        return block
    }
}
