/// What a file is, by its bytes.
enum ContentKind {
    case text(TextEncoding)
    /// A database never enters git, whatever it is called.
    case sqlite
    case gzip, zip, tar
    /// A private key or a store of them; what it is called.
    case key(String)
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
        if let key = KeyFiles.kind(of: bytes) { return .key(key) }
        if bytes.withUnsafeBytes({ TarReader.isTar($0) }) { return .tar }
        if let encoding = TextEncoding.of(bytes) { return .text(encoding) }
        for (magic, name) in opaqueUnlessText where bytes.starts(with: magic) { return .opaque(name) }
        if isLZMA(bytes) { return .opaque("lzma") }
        // What reads a PDF takes a few bytes before its header for nothing (ISO 32000-2, annex I).
        if bytes.prefix(1024 + 5).firstRange(of: Array("%PDF-".utf8)) != nil { return .opaque("pdf") }
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
        (Array("# v2 git bundle\n".utf8), "git bundle"),
        (Array("# v3 git bundle\n".utf8), "git bundle"),
        (Array("PACK\0\0\0\u{2}".utf8), "git pack"),
        (Array("PACK\0\0\0\u{3}".utf8), "git pack"),
        ([0x89, 0x4C, 0x5A, 0x4F, 0, 0x0D, 0x0A, 0x1A, 0x0A], "lzop"),
        ([0x02, 0x21, 0x4C, 0x18], "lz4"),
        ([0xFF, 0x06, 0, 0, 0x73, 0x4E, 0x61, 0x50, 0x70, 0x59], "snappy"),
        (Array("MSCF\0\0\0\0".utf8), "cabinet"),
        ([0xED, 0xAB, 0xEE, 0xDB], "rpm"),
    ]

    /// Those whose first bytes a text may have, too.
    private static let opaqueUnlessText: [([UInt8], String)] = [
        (Array("LZIP".utf8), "lzip"),
        (Array("LRZI".utf8), "lrzip"),
        (Array("!<arch>\n".utf8), "ar"),
        (Array("070701".utf8), "cpio"), (Array("070702".utf8), "cpio"), (Array("070707".utf8), "cpio"),
        ([0xC7, 0x71], "cpio"),
        (Array("xar!".utf8), "xar"),
        (Array("hsqs".utf8), "squashfs"),
        (Array("PAR1".utf8), "parquet"),
    ]

    /// The header of an .lzma file, which has no magic: properties, a dictionary's size that an encoder would choose, and the content's
    /// size or none (liblzma's lzma_alone_decoder is as choosy).
    private static func isLZMA(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 13, bytes[0] < 9 * 5 * 5 else { return false }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        let (dictionary, size) = (number(1..<5), number(5..<13))
        guard dictionary >= 4096, size == .max || size < 1 << 38 else { return false }
        // 2^n, or 2^n + 2^(n-1); the encoded content begins with a zero.
        let high = dictionary & (dictionary - 1)
        let isChosen = high == 0 || high & (high - 1) == 0 && dictionary - high == high >> 1
        return (isChosen || dictionary == 0xFFFF_FFFF) && bytes[13] == 0
    }
}
