internal import Support

/// The strict PEM encoding of an age file (RFC 7468, figure 3, label `AGE ENCRYPTED FILE`).
enum AgeArmor {
    static let begin = Array("-----BEGIN AGE ENCRYPTED FILE-----".utf8)
    static let end = Array("-----END AGE ENCRYPTED FILE-----".utf8)
    static let columns = 64
    /// White space before and after the block, at most.
    static let whitespaceLimit = 1024

    static func isWhitespace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}

/// Decodes armor. LF and CRLF are accepted; anything else that is not canonical is an error.
final class ArmorSource: ByteSource {
    private let source: BufferedSource
    private var decoded: [UInt8] = []
    private var position = 0
    private var isStarted = false
    private var isAtEnd = false
    private var sawLastLine = false

    init(_ source: BufferedSource) { self.source = source }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if !isStarted { try start() }
        while position == decoded.count {
            if isAtEnd { return 0 }
            try decodeLines()
        }
        let count = min(buffer.count, decoded.count - position)
        buffer.copyBytes(from: decoded[position..<position + count])
        position += count
        return count
    }

    private func start() throws {
        isStarted = true
        try skipWhitespace()
        guard let line = try line(), line.elementsEqual(AgeArmor.begin) else {
            throw AgeFailure.armor.error("its first line is not \"-----BEGIN AGE ENCRYPTED FILE-----\"")
        }
    }

    private func decodeLines() throws {
        decoded.removeAll(keepingCapacity: true)
        position = 0
        while decoded.count < 48 * 1024, !isAtEnd {
            guard let line = try line() else { throw AgeFailure.armor.error("its end line is missing") }
            if line.elementsEqual(AgeArmor.end) {
                isAtEnd = true
                try skipWhitespace()
                guard try source.peek() == nil else {
                    throw AgeFailure.armor.error("there is something after its end line")
                }
                return
            }
            guard !sawLastLine, !line.isEmpty, line.count <= AgeArmor.columns,
                let bytes = Base64.decode(line, padding: .required)
            else { throw AgeFailure.armor.error("a line is not canonical base64 in 64 columns") }
            sawLastLine = line.count < AgeArmor.columns || bytes.count < 48
            decoded += bytes
        }
    }

    /// A line without its end.
    private func line() throws -> ArraySlice<UInt8>? {
        guard let line = try source.readLine(limit: 256) else { return nil }
        guard line.last == UInt8(ascii: "\n") else { return line[...] }
        return line.dropLast(line.dropLast().last == UInt8(ascii: "\r") ? 2 : 1)
    }

    private func skipWhitespace() throws {
        var count = 0
        while let byte = try source.peek(), AgeArmor.isWhitespace(byte) {
            count += 1
            guard count <= AgeArmor.whitespaceLimit else {
                throw AgeFailure.armor.error("there is too much white space")
            }
            source.skip()
        }
    }
}

/// Encodes armor.
final class ArmorSink: ByteSink {
    private let sink: any ByteSink
    private var pending: [UInt8] = []
    private var isStarted = false
    /// What one line holds.
    private static let lineLength = 48

    init(_ sink: any ByteSink) { self.sink = sink }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        pending += bytes
        try flush(keeping: pending.count % Self.lineLength)
    }

    func finish() throws {
        try flush(keeping: 0)
        try put(AgeArmor.end + [UInt8(ascii: "\n")])
    }

    private func flush(keeping rest: Int) throws {
        var text: [UInt8] = []
        if !isStarted { text = AgeArmor.begin + [UInt8(ascii: "\n")] }
        isStarted = true
        let ready = pending.count - rest
        for start in stride(from: 0, to: ready, by: Self.lineLength) {
            text += Base64.encode(Array(pending[start..<min(start + Self.lineLength, ready)]), padding: .required)
            text.append(UInt8(ascii: "\n"))
        }
        pending.removeFirst(ready)
        try put(text)
    }

    private func put(_ text: [UInt8]) throws { try text.withUnsafeBytes { try sink.write($0) } }
}
