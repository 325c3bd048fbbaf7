public import SystemPackage

/// Reads a file in order and in pieces, and hashes what it hands out: for files that end with a checksum over all before it, and that
/// may be too large to be held whole.
public struct HashingReader: ~Copyable {
    /// The file has fewer bytes than were asked for.
    public struct UnexpectedEnd: Error {}

    private static let piece = 1 << 18
    private let file: FileDescriptor
    private var digest: Digest
    private var buffer: [UInt8] = []
    private var position = 0
    /// Bytes that are still in the file.
    private var unread: Int

    /// - Parameter length: how many bytes, from where the file stands, are read and hashed. The file stays open.
    public init(_ file: FileDescriptor, length: Int, _ algorithm: Digest.Algorithm) {
        self.file = file
        unread = length
        digest = Digest(algorithm)
    }

    /// Bytes that are left.
    public var remaining: Int { buffer.count - position + unread }

    /// The next bytes, for as long as `body` runs.
    public mutating func next<Result>(_ count: Int, _ body: (UnsafeRawBufferPointer) -> Result) throws -> Result {
        try fill(count)
        defer { position += count }
        let range = position..<(position + count)
        return buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    public mutating func bytes(_ count: Int) throws -> [UInt8] { try next(count) { Array($0) } }

    /// The next bytes as a number, in this machine's order.
    public mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws -> Number {
        try next(MemoryLayout<Number>.size) { $0.loadUnaligned(as: type) }
    }

    /// The bytes before the next one of that value, which is read too.
    public mutating func bytes(upTo end: UInt8) throws -> [UInt8] {
        var out: [UInt8] = []
        while true {
            let byte = try number(UInt8.self)
            if byte == end { return out }
            out.append(byte)
        }
    }

    public mutating func skip(_ count: Int) throws {
        var rest = count
        guard rest <= remaining else { throw UnexpectedEnd() }
        while rest > 0 {
            let part = min(rest, HashingReader.piece)
            try next(part) { _ in }
            rest -= part
        }
    }

    /// The digest of all of it, what was not asked for included.
    public consuming func finish() throws -> [UInt8] {
        try skip(remaining)
        return digest.finish()
    }

    private mutating func fill(_ count: Int) throws {
        guard buffer.count - position < count else { return }
        guard count <= remaining else { throw UnexpectedEnd() }
        buffer.removeFirst(position)
        position = 0
        while buffer.count < count {
            let start = buffer.count
            let room = min(unread, max(HashingReader.piece, count - start))
            buffer.append(contentsOf: repeatElement(0, count: room))
            let read = try buffer.withUnsafeMutableBytes {
                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
            }
            buffer.removeLast(room - read)
            guard read > 0 else { throw UnexpectedEnd() }
            unread -= read
            buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        }
    }
}
