internal import CCrypto
internal import CSodium

/// A message digest over bytes that come in pieces, by OpenSSL's libcrypto.
///
/// SHA-1 is here for git object ids and MD5 for Google Drive's checksums; neither protects anything.
public struct Digest: ~Copyable {
    public enum Algorithm: Sendable {
        case md5, sha1, sha256
    }

    // Looked up once: a home has many small files, and libcrypto would search its providers for each.
    private nonisolated(unsafe) static let md5 = fetch("MD5")
    private nonisolated(unsafe) static let sha1 = fetch("SHA1")
    private nonisolated(unsafe) static let sha256 = fetch("SHA2-256")

    private static func fetch(_ name: String) -> OpaquePointer {
        guard let kind = EVP_MD_fetch(nil, name, nil) else { fatalError("libcrypto has no \(name)") }
        return kind
    }

    private let context: OpaquePointer
    /// Bytes of the result.
    private let length: Int

    public init(_ algorithm: Algorithm) {
        let (kind, length) =
            switch algorithm {
            case .md5: (Self.md5, 16)
            case .sha1: (Self.sha1, 20)
            case .sha256: (Self.sha256, 32)
            }
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, kind, nil) == 1 else {
            fatalError("libcrypto has no \(algorithm)")
        }
        self.context = context
        self.length = length
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        precondition(EVP_DigestUpdate(context, base, bytes.count) == 1, "libcrypto refused to hash")
    }

    public mutating func update(_ bytes: some ContiguousBytesCollection) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The digest: 16, 20 or 32 bytes.
    public consuming func finish() -> [UInt8] {
        // No more room than that: a digest of each file of a home is kept.
        [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            precondition(EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1, "libcrypto refused to finish")
            count = length
        }
    }

    /// The digest of bytes at hand.
    public static func of(_ bytes: UnsafeRawBufferPointer, _ algorithm: Algorithm) -> [UInt8] {
        var digest = Digest(algorithm)
        digest.update(bytes)
        return digest.finish()
    }

    /// The digest of bytes at hand.
    public static func of(_ bytes: [UInt8], _ algorithm: Algorithm) -> [UInt8] {
        bytes.withUnsafeBytes { of($0, algorithm) }
    }
}

/// Contiguous bytes that a digest can take.
public protocol ContiguousBytesCollection {
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
}

extension Array: ContiguousBytesCollection where Element == UInt8 {}
extension ArraySlice: ContiguousBytesCollection where Element == UInt8 {}

/// BLAKE2b under a key (RFC 7693), `length` bytes of it (16 to 64).
public func keyedHash(_ bytes: UnsafeRawBufferPointer, key: Secret, length: Int) -> [UInt8] {
    sodiumReady()
    return [UInt8](unsafeUninitializedCapacity: length) { out, count in
        let status = key.withUnsafeBytes { key in
            crypto_generichash(
                out.baseAddress!, length, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count),
                key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count)
        }
        precondition(status == 0, "BLAKE2b refused its key (16 to 64 bytes) or length")
        count = length
    }
}

/// `count` random bytes from the kernel.
public func randomBytes(_ count: Int) -> [UInt8] {
    sodiumReady()
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        if let base = buffer.baseAddress { randombytes_buf(base, count) }
        initialized = count
    }
}

/// Lower-case hexadecimal.
public func hex(_ bytes: some Sequence<UInt8>) -> String { hex(Array(bytes)) }

/// Lower-case hexadecimal. For arrays by themselves: it is done for every file of a home.
public func hex(_ bytes: [UInt8]) -> String {
    String(unsafeUninitializedCapacity: 2 * bytes.count) { out in
        writeHex(bytes, to: out)
        return 2 * bytes.count
    }
}

/// Writes lower-case hexadecimal, two bytes for each.
public func writeHex(_ bytes: [UInt8], to out: UnsafeMutableBufferPointer<UInt8>) {
    precondition(out.count >= 2 * bytes.count, "hexadecimal takes two bytes for each")
    func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
    for (index, byte) in bytes.enumerated() {
        out[2 * index] = digit(byte >> 4)
        out[2 * index + 1] = digit(byte & 15)
    }
}
