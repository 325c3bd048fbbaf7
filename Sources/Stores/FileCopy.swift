internal import Support
internal import SystemPackage

/// Copying bytes from a file in pieces.
enum FileCopy {
    /// Hands the file's bytes from `offset` to its end to `body`, up to 1 MiB at a time.
    static func copy(
        from file: FileDescriptor, name: FilePath, at offset: Int64, cancellation: CancellationFlag,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var offset = offset
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
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }
}
