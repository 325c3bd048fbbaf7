internal import Glibc
public import Support
public import SystemPackage

/// Where bytes come from, in order. An object is used by one thread at a time.
public protocol ByteSource: AnyObject {
    /// Reads at least one byte into a buffer that is not empty, or returns 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// Where bytes go, in order. An object is used by one thread at a time.
public protocol ByteSink: AnyObject {
    func write(_ bytes: UnsafeRawBufferPointer) throws
    /// The same, and has a body look at the bytes: now, or on another thread before ``settle()`` returns.
    func write(_ bytes: UnsafeRawBufferPointer, inspecting body: @escaping Inspection) throws
    /// Has bytes put in their place, at most `limit`, and returns how many came; `read` puts one there at least. A body looks at them;
    /// those that are given here are called in order, one at a time.
    func fill(
        upTo limit: Int, from read: (UnsafeMutableRawBufferPointer) throws -> Int,
        inspecting body: @escaping Inspection
    ) throws -> Int
    /// Returns when every body was called.
    func settle() throws
}

/// Looks at bytes that are on their way.
public typealias Inspection = @Sendable (UnsafeRawBufferPointer) -> Void

extension ByteSink {
    public func write(_ bytes: UnsafeRawBufferPointer, inspecting body: @escaping Inspection) throws {
        try write(bytes)
        body(bytes)
    }

    public func fill(
        upTo limit: Int, from read: (UnsafeMutableRawBufferPointer) throws -> Int,
        inspecting body: @escaping Inspection
    ) throws -> Int {
        let block = Block(capacity: min(limit, 1 << 16))
        block.count = try read(block.whole)
        try write(block.bytes, inspecting: body)
        return block.count
    }

    public func settle() throws {}
}

extension ByteSource {
    /// Fills the buffer unless the source ends first; returns how much was read.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }
}

/// Bytes of an open file, pipe or terminal.
public final class FileSource: ByteSource {
    private let file: FileDescriptor
    private let name: String
    private let closes: Bool
    private let cancellation: CancellationFlag?

    /// `closing`: the descriptor is closed with this object. `name` stands in errors. A pipe or terminal that has nothing to give is
    /// waited for until `cancellation` is set.
    public init(
        _ file: FileDescriptor, name: String, closing: Bool = true, cancellation: CancellationFlag? = nil
    ) {
        self.file = file
        self.name = name
        closes = closing
        self.cancellation = cancellation
    }

    /// Opens a regular file.
    public convenience init(_ path: FilePath) throws {
        self.init(try FileSystem.openRegular(path), name: path.printable)
    }

    deinit { if closes { file.closeQuietly() } }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        do {
            if let cancellation { try file.wait(for: POLLIN, cancellation) }
            return try file.read(into: buffer)
        } catch let error as Errno {
            throw OperatorError.system(error.rawValue, doing: "reading", subject: name)
        }
    }
}

/// Bytes at hand.
public final class MemorySource: ByteSource {
    private let bytes: [UInt8]
    private var position = 0

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - position)
        buffer.copyBytes(from: bytes[position..<position + count])
        position += count
        return count
    }
}

/// An open file, pipe or terminal that takes bytes; it is not closed here. A reader that went away is `Errno.brokenPipe`.
public final class FileSink: ByteSink {
    private let file: FileDescriptor
    private let name: String
    private let cancellation: CancellationFlag

    /// `name` stands in errors. A reader that takes nothing is waited for until `cancellation` is set.
    public init(_ file: FileDescriptor, name: String, cancellation: CancellationFlag) {
        self.file = file
        self.name = name
        self.cancellation = cancellation
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        do {
            while !rest.isEmpty {
                try file.wait(for: POLLOUT, cancellation)
                // A pipe that is ready takes so much without a wait (pipe(7)).
                rest = UnsafeRawBufferPointer(rebasing: rest[try file.write(.init(rebasing: rest.prefix(4096)))...])
            }
        } catch let error as Errno where error != .brokenPipe {
            throw OperatorError.system(error.rawValue, doing: "writing", subject: name, exit: .cannotWrite)
        }
    }
}

extension FileDescriptor {
    /// Waits until the descriptor is ready, or at its end; a regular file always is. Throws when it is cancelled.
    fileprivate func wait(for events: Int32, _ cancellation: CancellationFlag) throws {
        var entry = pollfd(fd: rawValue, events: Int16(events), revents: 0)
        while true {
            try cancellation.check()
            let count = poll(&entry, 1, 100)
            if count > 0 { return }
            guard count == 0 || errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }
}

/// Collects bytes, up to a limit.
public final class MemorySink: ByteSink {
    public private(set) var bytes: [UInt8] = []
    private let limit: Int

    public init(limit: Int = .max) { self.limit = limit }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count <= limit - self.bytes.count else {
            throw OperatorError("too-large", doing: "reading", reason: "it is larger than \(limit) bytes")
        }
        self.bytes += bytes
    }
}

extension AtomicFile: ByteSink {}

/// A source that can be looked into: what the parsers of headers and of armor read from.
final class BufferedSource: ByteSource {
    private let source: any ByteSource
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    init(_ source: any ByteSource) { self.source = source }

    /// The next byte, which stays in place; nil at the end.
    func peek() throws -> UInt8? {
        if position == buffer.count, try !refill() { return nil }
        return buffer[position]
    }

    func skip() { position += 1 }

    /// Bytes up to and including the next line feed; what is left at the end of the source comes without one. Nil at the end, or
    /// when the line is longer than `limit`.
    func readLine(limit: Int) throws -> [UInt8]? {
        var line: [UInt8] = []
        while line.count <= limit {
            if position == buffer.count, try !refill() { return line.isEmpty ? nil : line }
            if let feed = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) {
                line += buffer[position...feed]
                position = feed + 1
                return line.count <= limit ? line : nil
            }
            line += buffer[position...]
            position = buffer.count
        }
        return nil
    }

    func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        guard position < buffer.count else { return isAtEnd ? 0 : try source.read(into: target) }
        let count = min(target.count, buffer.count - position)
        target.copyBytes(from: buffer[position..<position + count])
        position += count
        return count
    }

    private func refill() throws -> Bool {
        guard !isAtEnd else { return false }
        position = 0
        buffer = try [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = try source.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        isAtEnd = buffer.isEmpty
        return !isAtEnd
    }
}
