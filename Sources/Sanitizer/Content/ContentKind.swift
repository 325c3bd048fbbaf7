/// What a file is, by its bytes.
enum ContentKind {
    case text(TextEncoding)
    /// A database never enters git, whatever it is called.
    case sqlite
    case gzip, zip
    /// A format whose content this program cannot look into: it could hold anything.
    case opaque(String)
    /// Images, fonts, programs: scanned as they are.
    case binary

    static func of(_ bytes: [UInt8]) -> ContentKind {
        if bytes.starts(with: "SQLite format 3\0".utf8) { return .sqlite }
        // The write-ahead log's two magic numbers, the journal's, the index of shared memory's version 3007000.
        if bytes.starts(with: [0x37, 0x7F, 0x06, 0x82]) || bytes.starts(with: [0x37, 0x7F, 0x06, 0x83])
            || bytes.starts(with: [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7])
        {
            return .sqlite
        }
        if bytes.starts(with: [0x1F, 0x8B]) { return .gzip }
        if bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6])
            || bytes.starts(with: [0x50, 0x4B, 7, 8])
        {
            return .zip
        }
        for (magic, name) in opaque where bytes.starts(with: magic) { return .opaque(name) }
        if let encoding = TextEncoding.of(bytes) { return .text(encoding) }
        // A zip file may have anything before it: a program that unpacks itself, a line that names an interpreter.
        return bytes.withUnsafeBytes { ZipReader.endRecord($0) } == nil ? .binary : .zip
    }

    private static let opaque: [([UInt8], String)] = [
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"),
        (Array("BZh".utf8), "bzip2"),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
        ([0x04, 0x22, 0x4D, 0x18], "lz4"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z"),
        (Array("Rar!".utf8), "rar"),
        (Array("%PDF-".utf8), "pdf"),
        ([0x1F, 0x9D], "compress"),
        (Array("age-encryption.org/".utf8), "age"),
        ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "ole2"),
    ]
}
