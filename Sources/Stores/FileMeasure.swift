public import Support
public import SystemPackage

/// Size and checksums of a file's bytes, read once.
public struct FileMeasure: Sendable, Hashable {
    public var size: Int64
    /// Lower-case hexadecimal.
    public var md5: String
    public var sha256: String

    public var checksums: Checksums { Checksums(md5: md5, sha256: sha256) }

    /// Reads a regular file from its beginning to its end. It blocks.
    public init(of path: FilePath, cancellation: CancellationFlag) throws {
        let file = try FileSystem.openRegular(path)
        defer { try? file.close() }
        try self.init(of: file, name: path, cancellation: cancellation)
    }

    /// Reads an open file from its beginning to its end; its position does not move. It blocks.
    public init(of file: FileDescriptor, name: FilePath, cancellation: CancellationFlag) throws {
        var md5 = Digest(.md5)
        var sha256 = Digest(.sha256)
        var offset: Int64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            try cancellation.check()
            let count: Int
            do {
                count = try file.read(fromAbsoluteOffset: offset, into: buffer)
            } catch let error as Errno {
                throw OperatorError.system(error.rawValue, doing: "reading", subject: name.printable)
            }
            if count == 0 { break }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            md5.update(piece)
            sha256.update(piece)
            offset += Int64(count)
        }
        size = offset
        self.md5 = hex(md5.finish())
        self.sha256 = hex(sha256.finish())
    }
}
