internal import CZlib
internal import Support

/// zlib streams at one level, one after the other with the same memory.
final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// Level 1: most of what a home holds is text, and half of the next level's gain costs twice its time.
    init(level: Int32 = 1) throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard deflateInit_(stream, level, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw OperatorError("git.zlib", doing: "starting compression", reason: "zlib has no memory")
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends the whole stream of these bytes.
    func append(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) throws {
        try begin()
        try append(bytes, isLast: true, to: &out)
    }

    /// Starts a stream that comes in pieces.
    func begin() throws { guard deflateReset(stream) == Z_OK else { throw failure() } }

    /// Appends what these bytes add to the stream that was begun; the last piece ends it.
    func append(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to out: inout [UInt8]) throws {
        var rest = bytes
        let room = Int(deflateBound(stream, UInt(min(bytes.count, 1 << 20)))) + 64
        repeat {
            // avail_in has 32 bits.
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 20))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(piece.count)
            let flush = rest.isEmpty && isLast ? Z_FINISH : Z_NO_FLUSH
            var status = Z_OK
            repeat {
                let part = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                    stream.pointee.next_out = buffer.baseAddress
                    stream.pointee.avail_out = UInt32(room)
                    status = deflate(stream, flush)
                    count = room - Int(stream.pointee.avail_out)
                }
                out += part
            } while status == Z_OK && stream.pointee.avail_out == 0
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else { throw failure() }
        } while !rest.isEmpty
    }

    private func failure() -> OperatorError {
        OperatorError("git.zlib", doing: "compressing", reason: "zlib refused")
    }

    /// The checksum of bytes that follow on others, whose checksum is given.
    static func crc32(_ bytes: UnsafeRawBufferPointer, after earlier: UInt32 = 0) -> UInt32 {
        UInt32(CZlib.crc32_z(UInt(earlier), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
    }
}
