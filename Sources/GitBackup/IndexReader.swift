internal import Glibc
internal import Support
internal import SystemPackage

extension IndexFile {
    enum Unreadable: Error {
        /// An extension that a reader must know, by its four letters: `link` of a split index, `sdir` of a sparse one.
        case needs(extension: String)
        case damaged
    }

    /// Visits the entries of an index of version 2, 3 or 4, in their order: by path, then stage. Nothing where there is no index.
    ///
    /// What was visited counts only when it returns: the checksum stands at the end.
    ///
    /// - Throws: `Unreadable`, and what `visit` throws.
    static func read(_ path: FilePath, _ visit: (Entry) throws -> Void) throws {
        guard (try? FileStatus(at: path)) != nil else { return }
        do {
            let file = try FileSystem.openRegular(path)
            defer { file.closeQuietly() }
            let size = Int(try FileStatus(of: file).size)
            guard size >= 12 + checksumLength else { throw Unreadable.damaged }
            var reader = HashingReader(file, length: size - checksumLength, .sha1)
            guard try reader.bytes(4) == Array("DIRC".utf8) else { throw Unreadable.damaged }
            let version = try reader.word()
            guard (2...4).contains(version) else { throw Unreadable.damaged }
            var last: [UInt8] = []
            for _ in 0..<(try reader.word()) {
                let entry = try Entry(&reader, version: version, after: last)
                last = entry.path
                try visit(entry)
            }
            while reader.remaining > 0 {
                let name = try reader.bytes(4)
                let length = Int(try reader.word())
                // A capital letter says that a reader may skip what it does not know.
                guard (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(name[0]) else {
                    throw Unreadable.needs(extension: String(decoding: name, as: UTF8.self))
                }
                try reader.skip(length)
            }
            let checksum = try reader.finish()
            var end = HashingReader(file, length: checksumLength, .sha1)
            guard try end.bytes(checksumLength) == checksum else { throw Unreadable.damaged }
        } catch is HashingReader.UnexpectedEnd {
            throw Unreadable.damaged
        }
    }

    private static let checksumLength = 20
}

extension IndexFile.Entry {
    fileprivate init(_ reader: inout HashingReader, version: UInt32, after last: [UInt8]) throws {
        let words = try (0..<10).map { _ in try reader.word() }
        guard let id = ObjectID(try reader.bytes(20)) else { preconditionFailure("20 bytes make an id") }
        let flags = try reader.half()
        let isExtended = flags & 0x4000 != 0
        let extendedFlags = isExtended ? try reader.half() : 0
        let path: [UInt8]
        if version == 4 {
            // How many bytes of the path before are dropped, then what follows on the rest.
            let dropped = try reader.variableLength()
            guard dropped <= last.count else { throw IndexFile.Unreadable.damaged }
            path = last.dropLast(dropped) + (try reader.bytes(upTo: 0))
        } else {
            // The length has twelve bits; a longer path is told by its NUL.
            let length = Int(flags & 0xFFF)
            path = length < 0xFFF ? try reader.bytes(length) : try reader.bytes(upTo: 0)
            let padding = 8 - (62 + (isExtended ? 2 : 0) + path.count) % 8
            try reader.skip(length < 0xFFF ? padding : padding - 1)
        }
        self.init(
            path: path, mode: words[6], id: id,
            stamp: IndexFile.Stamp(
                changedSeconds: words[0], changedNanoseconds: words[1], modifiedSeconds: words[2],
                modifiedNanoseconds: words[3], device: words[4], inode: words[5], owner: words[7], group: words[8],
                size: words[9]),
            flags: flags, extendedFlags: extendedFlags)
    }
}

extension HashingReader {
    fileprivate mutating func word() throws -> UInt32 { UInt32(bigEndian: try number(UInt32.self)) }
    fileprivate mutating func half() throws -> UInt16 { UInt16(bigEndian: try number(UInt16.self)) }

    /// A number as in a pack's offset deltas: seven bits a byte, each further byte counting from one more.
    fileprivate mutating func variableLength() throws -> Int {
        var byte = try number(UInt8.self)
        var value = Int(byte & 0x7F)
        while byte & 0x80 != 0 {
            byte = try number(UInt8.self)
            guard value < 1 << 32 else { throw IndexFile.Unreadable.damaged }
            value = (value + 1) << 7 | Int(byte & 0x7F)
        }
        return value
    }
}
