internal import CZlib

/// Bounded decompression by zlib.
enum Inflater {
    enum Format {
        case gzip, raw
        var windowBits: Int32 { self == .gzip ? 15 + 16 : -15 }
    }

    enum Failure: Error {
        case damaged
        /// The content is larger than the limit, or grows more than a backup of text ever does.
        case tooLarge
    }

    /// Beyond the first MiB, how many times larger than its compressed form the content may be. Deflate's most is 1,032.
    private static let ratio = 200

    /// One compressed stream, or for gzip all that follow each other to the end of the bytes.
    static func inflate(_ bytes: UnsafeRawBufferPointer, _ format: Format, limit: Int) throws(Failure) -> [UInt8] {
        var out: [UInt8] = []
        var rest = bytes[...]
        repeat {
            let used = try inflateOne(UnsafeRawBufferPointer(rebasing: rest), format, limit: limit, into: &out)
            rest = rest.dropFirst(used)
            // Padding with zeros after the last member is allowed (gzip's own manual).
            if rest.allSatisfy({ $0 == 0 }) { break }
        } while format == .gzip && !rest.isEmpty
        return out
    }

    private static func inflateOne(
        _ bytes: UnsafeRawBufferPointer, _ format: Format, limit: Int, into out: inout [UInt8]
    ) throws(Failure) -> Int {
        var stream = z_stream()
        guard
            inflateInit2_(&stream, format.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw .damaged }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(bytes.count)
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var produced = 0
        while true {
            let status = chunk.withUnsafeMutableBufferPointer { buffer in
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(buffer.count)
                return CZlib.inflate(&stream, Z_NO_FLUSH)
            }
            let count = chunk.count - Int(stream.avail_out)
            out += chunk[..<count]
            produced += count
            if out.count > limit { throw .tooLarge }
            let consumed = bytes.count - Int(stream.avail_in)
            if produced > 1 << 20, produced / max(1, consumed) > ratio { throw .tooLarge }
            if status == Z_STREAM_END { return consumed }
            // Input that ends early, an unknown dictionary, broken data.
            guard status == Z_OK, count > 0 || stream.avail_in > 0 else { throw .damaged }
        }
    }
}
