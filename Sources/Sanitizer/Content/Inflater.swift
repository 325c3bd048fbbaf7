internal import CZlib

/// Bounded decompression by zlib.
enum Inflater {
    enum Format {
        case gzip, zlib, raw
        var windowBits: Int32 {
            switch self {
            case .gzip: 15 + 16
            case .zlib: 15
            case .raw: -15
            }
        }
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
        _ bytes: UnsafeRawBufferPointer, _ format: Format, limit: Int, piece: Int = 1 << 16, into out: inout [UInt8]
    ) throws(Failure) -> Int {
        var stream = z_stream()
        guard
            inflateInit2_(&stream, format.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw .damaged }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(bytes.count)
        var chunk = [UInt8](repeating: 0, count: piece)
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

    /// Visits what the zlib and gzip streams within other bytes say, wherever they begin: git's objects, compressed text in pictures,
    /// parts of documents. Only those that end with their right checksum are any.
    ///
    /// - Parameters:
    ///   - skipped: places where none is looked for.
    ///   - limit: of all content together.
    /// - Throws: ``Failure/tooLarge``, and what `body` throws.
    static func visitStreams(
        in bytes: UnsafeRawBufferPointer, besides skipped: [Range<Int>], limit: Int, _ body: ([UInt8]) throws -> Void
    ) throws {
        var left = limit
        // Bytes that look like streams and are none cost time: there is a limit to that as well.
        var work = 8 * limit
        var places = skipped[...]
        var index = 0
        while index + 8 < bytes.count {
            if let place = places.first, index >= place.lowerBound {
                index = max(index, place.upperBound)
                places.removeFirst()
                continue
            }
            guard let format = format(bytes, index) else {
                index += 1
                continue
            }
            var out: [UInt8] = []
            do {
                let used = try inflateOne(
                    UnsafeRawBufferPointer(rebasing: bytes[index...]), format, limit: left, piece: 4096, into: &out)
                left -= out.count
                if !out.isEmpty { try body(out) }
                index += used
            } catch Failure.damaged {
                work -= out.count + 1024
                guard work > 0 else { throw Failure.tooLarge }
                index += 1
            }
        }
    }

    /// What a stream's header at a place says: of zlib (RFC 1950) a window of at most 32 KiB, no dictionary, and a multiple of 31.
    private static func format(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Format? {
        let (first, second) = (bytes[index], bytes[index + 1])
        if first & 0x0F == 8, first >> 4 <= 7, second & 0x20 == 0, (UInt16(first) << 8 | UInt16(second)) % 31 == 0 {
            return .zlib
        }
        return first == 0x1F && second == 0x8B && bytes[index + 2] == 8 && bytes[index + 3] & 0xE0 == 0 ? .gzip : nil
    }

    /// Where a PNG file (ISO/IEC 15948) has the pixels of its picture, or of its animation's frames; nothing for any other file.
    static func pixels(ofPNG bytes: [UInt8]) -> [Range<Int>] {
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else { return [] }
        var ranges: [Range<Int>] = []
        var index = 8
        while index + 12 <= bytes.count {
            let length = bytes[index..<(index + 4)].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - index - 12 else { break }
            let kind = bytes[(index + 4)..<(index + 8)]
            if kind.elementsEqual("IDAT".utf8) || kind.elementsEqual("fdAT".utf8) {
                ranges.append(index + 8..<index + 8 + length)
            }
            index += 12 + length
        }
        return ranges
    }
}
