internal import Support
internal import Synchronization

/// SHA-256 digests of files, with their places in the manifest, as other threads find them.
final class LaterDigests: Sendable {
    private let found = Mutex<[(place: Int, sha256: [UInt8])]>([])

    func add(_ sha256: [UInt8], at place: Int) { found.withLock { $0.append((place, sha256)) } }

    /// Those that came since the last time.
    func take() -> [(place: Int, sha256: [UInt8])] {
        found.withLock { found in
            defer { found = [] }
            return found
        }
    }
}

/// The SHA-256 of one file whose bytes come in pieces, in order, one at a time.
final class StreamDigest: @unchecked Sendable {
    // Unchecked: see above.
    private var digest: Digest? = Digest(.sha256)
    private var rest: Int64
    private let finish: @Sendable ([UInt8]) -> Void

    /// `finish` gets the digest when so many bytes have come.
    init(of length: Int64, finish: @escaping @Sendable ([UInt8]) -> Void) {
        rest = length
        self.finish = finish
        if length == 0 { update(UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        digest?.update(bytes)
        rest -= Int64(bytes.count)
        guard rest == 0 else { return }
        let ended = digest.take()
        if let sum = ended?.finish() { finish(sum) }
    }
}
