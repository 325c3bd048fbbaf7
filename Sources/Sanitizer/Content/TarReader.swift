/// The members of a tar file (POSIX.1 pax, "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format"). One without compression
/// may still hold members that are compressed.
enum TarReader {
    struct Damaged: Error {}

    private static let block = 512

    /// Whether it begins with a member's header: those of 1979 have no magic, but every one has its checksum.
    static func isTar(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.count >= block && isHeader(bytes, 0) }

    /// Visits each member, extended headers among them, and what stands behind the last one.
    static func visit(
        _ bytes: UnsafeRawBufferPointer, _ body: (_ name: [UInt8], _ content: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var offset = 0
        var isEnded = false
        while offset < bytes.count {
            let rest = bytes[offset..<min(offset + block, bytes.count)]
            if rest.allSatisfy({ $0 == 0 }) {
                isEnded = true
                offset += rest.count
                continue
            }
            guard rest.count == block, isHeader(bytes, offset) else {
                guard isEnded else { throw Damaged() }
                return try body([], UnsafeRawBufferPointer(rebasing: bytes[offset...]))
            }
            guard let size = number(bytes, offset + 124, 12) else { throw Damaged() }
            var start = offset + block
            // GNU's map of a sparse file goes on in blocks of its own.
            if bytes[offset + 156] == UInt8(ascii: "S"), bytes[offset + 482] != 0 {
                repeat { start += block } while start <= bytes.count && bytes[start - 8] != 0
            }
            guard start <= bytes.count, size <= bytes.count - start else { throw Damaged() }
            try body(name(bytes, offset), UnsafeRawBufferPointer(rebasing: bytes[start..<(start + size)]))
            offset = start + (size + block - 1) / block * block
        }
    }

    private static func name(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> [UInt8] {
        let name = Array(bytes[offset..<(offset + 100)].prefix { $0 != 0 })
        guard bytes[(offset + 257)..<(offset + 263)].elementsEqual("ustar\0".utf8), bytes[offset + 345] != 0 else {
            return name
        }
        return Array(bytes[(offset + 345)..<(offset + 500)].prefix { $0 != 0 }) + [UInt8(ascii: "/")] + name
    }

    private static func isHeader(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Bool {
        guard bytes[offset] != 0, let expected = number(bytes, offset + 148, 8) else { return false }
        var (unsigned, signed) = (0, 0)
        for index in 0..<block {
            let byte = (148..<156).contains(index) ? 0x20 : bytes[offset + index]
            unsigned += Int(byte)
            signed += Int(Int8(bitPattern: byte))
        }
        return expected == unsigned || expected == signed
    }

    /// An octal number between blanks and NULs, or a binary one behind a byte of 0x80.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ length: Int) -> Int? {
        let field = bytes[offset..<(offset + length)]
        if field.first == 0x80 {
            guard field.dropFirst().prefix(length - 8).allSatisfy({ $0 == 0 }) else { return nil }
            let value = field.suffix(7).reduce(0) { $0 << 8 | Int($1) }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        let rest = field[digits.endIndex...]
        guard !digits.isEmpty, rest.first.map({ $0 == 0 || $0 == 0x20 }) ?? true else { return nil }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }
}
