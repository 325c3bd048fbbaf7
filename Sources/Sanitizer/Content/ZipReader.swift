/// The members of a zip file, read from its central directory (PKWARE APPNOTE 6.3, sections 4.3.7 to 4.3.16; little-endian).
struct ZipReader {
    enum Failure: Error {
        case damaged, encrypted, unknownMethod, tooLarge, tooManyMembers
    }

    struct Member {
        var name: [UInt8]
        var isFolder: Bool
        fileprivate var method: UInt16
        fileprivate var compressedSize: Int
        fileprivate var size: Int
        fileprivate var headerOffset: Int
    }

    private static let mostMembers = 20_000
    private let bytes: UnsafeRawBufferPointer
    let members: [Member]
    /// The comments and extra fields, which may hold text too.
    let remarks: [UInt8]

    init(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        self.bytes = bytes
        func u16(_ offset: Int) -> Int {
            Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian)
        }
        func u32(_ offset: Int) -> Int {
            Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian)
        }
        guard let end = ZipReader.endRecord(bytes) else { throw .damaged }
        let (count, size, start) = (u16(end + 10), u32(end + 12), u32(end + 16))
        // ZIP64 and files in several parts: nothing that belongs in a home's text.
        guard count != 0xFFFF, start != 0xFFFF_FFFF, u16(end + 4) == 0, start + size <= end else { throw .damaged }
        // The directory ends where its end record begins: what its own place says less is what stands before the zip file.
        let before = end - size - start
        guard count <= ZipReader.mostMembers else { throw .tooManyMembers }
        var members: [Member] = []
        var remarks = Array(bytes[(end + 22)...])
        var offset = start + before
        for _ in 0..<count {
            guard offset + 46 <= end, u32(offset) == 0x0201_4B50 else { throw .damaged }
            let flags = u16(offset + 8)
            let (nameLength, extra, comment) = (u16(offset + 28), u16(offset + 30), u16(offset + 32))
            let next = offset + 46 + nameLength + extra + comment
            guard next <= end else { throw .damaged }
            // Bit 0: encrypted; bit 6: strongly so; bit 13: the directory itself.
            guard flags & (1 | 1 << 6 | 1 << 13) == 0 else { throw .encrypted }
            let name = Array(bytes[(offset + 46)..<(offset + 46 + nameLength)])
            remarks += [0x0A] + bytes[(offset + 46 + nameLength)..<next]
            members.append(
                Member(
                    name: name, isFolder: name.last == UInt8(ascii: "/") && u32(offset + 24) == 0,
                    method: UInt16(u16(offset + 10)), compressedSize: u32(offset + 20), size: u32(offset + 24),
                    headerOffset: u32(offset + 42) + before))
            offset = next
        }
        self.members = members
        self.remarks = remarks
    }

    /// Where the end record stands: its signature, and a comment that reaches to the end of the file.
    static func endRecord(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var end = bytes.count - 22
        while end >= 0, end >= bytes.count - 22 - 65_535 {
            if bytes[end] == 0x50,
                bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self).littleEndian == 0x0605_4B50,
                end + 22 + Int(bytes.loadUnaligned(fromByteOffset: end + 20, as: UInt16.self).littleEndian)
                    == bytes.count
            {
                return end
            }
            end -= 1
        }
        return nil
    }

    /// The content of a member, at most `limit` bytes.
    func content(of member: Member, limit: Int) throws(Failure) -> [UInt8] {
        let header = member.headerOffset
        guard header + 30 <= bytes.count,
            bytes.loadUnaligned(fromByteOffset: header, as: UInt32.self).littleEndian == 0x0403_4B50
        else { throw .damaged }
        let name = Int(bytes.loadUnaligned(fromByteOffset: header + 26, as: UInt16.self).littleEndian)
        let extra = Int(bytes.loadUnaligned(fromByteOffset: header + 28, as: UInt16.self).littleEndian)
        let start = header + 30 + name + extra
        guard start + member.compressedSize <= bytes.count else { throw .damaged }
        let data = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + member.compressedSize)])
        switch member.method {
        case 0:
            guard data.count <= limit else { throw .tooLarge }
            return Array(data)
        case 8:
            do {
                return try Inflater.inflate(data, .raw, limit: limit)
            } catch {
                throw error == .tooLarge ? .tooLarge : .damaged
            }
        default: throw .unknownMethod
        }
    }
}
