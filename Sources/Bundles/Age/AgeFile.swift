public import Support
public import SystemPackage

/// What can be said of an age v1 file without a key.
public enum AgeFile {
    /// Whether a file begins as one does, its armor apart.
    public static func begins(at path: FilePath) throws -> Bool {
        var start = [UInt8](repeating: 0, count: AgeHeader.version.count)
        let count = try start.withUnsafeMutableBytes { try FileSource(path).fill($0) }
        return start[..<count].elementsEqual(AgeHeader.version)
    }
}

/// Writes an age v1 file: the header at once, the payload as it comes. Chunks are sealed on all cores.
public final class AgeEncryptor: ByteSink {
    private let armor: ArmorSink?
    private let sealer: ChunkSealer

    /// `sink` is called from another thread until ``finish()`` has returned.
    public init(to recipients: [AgeRecipient], sink: any ByteSink, armored: Bool = false) throws {
        try AgeRecipient.check(recipients)
        armor = armored ? ArmorSink(sink) : nil
        let target: any ByteSink = armor ?? sink
        let fileKey = FileKey.generate()
        let header = AgeHeader(stanzas: try recipients.map { try $0.wrap(fileKey) }, fileKey: fileKey)
        let nonce = randomBytes(AgeChunk.nonceLength)
        try (header.bytes + nonce).withUnsafeBytes { try target.write($0) }
        sealer = try ChunkSealer(key: FileKey.payloadKey(fileKey, nonce: nonce), sink: Transferred(target))
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws { try sealer.write(bytes) }

    /// Nothing goes to the sink any more when this returns.
    func cancel() { sealer.cancel() }

    /// Seals the last chunk; all is in the sink when this returns.
    public func finish() throws {
        try sealer.finish()
        try armor?.finish()
    }
}

/// Reads an age v1 file as plaintext, every byte of it authenticated before it is handed out. A file that is damaged further on
/// throws when the reading gets there: what was read before is only a part.
public final class AgeDecryptor: ByteSource {
    public enum Form: Sendable { case binary, armored, detected }

    private let opener: ChunkOpener

    /// Reads the header and finds the file key. `source` is read from another thread from then on.
    ///
    /// Throws an `OperatorError` whose type is an ``AgeFailure``.
    public init(_ source: any ByteSource, identities: [AgeIdentity], form: Form = .detected) throws {
        var buffered = BufferedSource(source)
        let isArmored =
            switch form {
            case .binary: false
            case .armored: true
            // A binary age file starts with the letter a.
            case .detected: try buffered.peek().map { $0 == UInt8(ascii: "-") || AgeArmor.isWhitespace($0) } ?? false
            }
        if isArmored { buffered = BufferedSource(ArmorSource(buffered)) }
        let header = try AgeHeader(from: buffered)
        guard let fileKey = try Self.fileKey(header, identities) else {
            let keys = identities.count { $0.kind != .passphrase }
            let tried = [
                keys == 0 ? nil : keys == 1 ? "the identity" : "the \(keys) identities",
                keys == identities.count ? nil : "the passphrase",
            ].compactMap(\.self)
            throw AgeFailure.noMatch.error(
                "it does not open with \(tried.joined(separator: " or ")), or its header is damaged")
        }
        guard header.isAuthentic(fileKey) else { throw AgeFailure.mac.error("its header was changed") }
        var nonce = [UInt8](repeating: 0, count: AgeChunk.nonceLength)
        guard try nonce.withUnsafeMutableBytes({ try buffered.fill($0) }) == nonce.count else {
            throw AgeFailure.header.error("it ends after the header")
        }
        opener = try ChunkOpener(key: FileKey.payloadKey(fileKey, nonce: nonce), source: Transferred(buffered))
    }

    private static func fileKey(_ header: AgeHeader, _ identities: [AgeIdentity]) throws -> Secret? {
        for identity in identities {
            for stanza in header.stanzas {
                if let fileKey = try identity.unwrap(stanza) { return fileKey }
            }
        }
        return nil
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try opener.read(into: buffer) }

    /// The plaintext at hand without a copy; nil at the end. It is valid until the next call.
    func peek() throws -> UnsafeRawBufferPointer? { try opener.peek() }
    func skip(_ count: Int) { opener.skip(count) }

    /// Hands the whole plaintext to a sink; returns its length. `cancellation` is looked at between pieces.
    @discardableResult
    public func copy(to sink: any ByteSink, cancellation: CancellationFlag = CancellationFlag()) throws -> Int64 {
        var total: Int64 = 0
        while let bytes = try opener.peek() {
            try cancellation.check()
            try sink.write(bytes)
            total += Int64(bytes.count)
            opener.skip(bytes.count)
        }
        return total
    }
}
