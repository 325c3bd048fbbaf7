internal import CCrypto
internal import Support

/// ChaCha20-Poly1305 (RFC 8439) by OpenSSL's libcrypto, for one message under one nonce of 12 bytes. The context's copy of the key is
/// wiped with it.
struct ChaChaPoly: ~Copyable {
    private static let tagLength = AgeCipher.tagLength
    /// Looked up once.
    private nonisolated(unsafe) static let cipher: OpaquePointer = {
        guard let cipher = EVP_CIPHER_fetch(nil, "ChaCha20-Poly1305", nil) else {
            fatalError("libcrypto has no ChaCha20-Poly1305")
        }
        return cipher
    }()

    private let context: OpaquePointer
    private let key: Secret
    private let nonce: [UInt8]

    init(_ key: Secret, _ nonce: [UInt8]) {
        precondition(
            key.count == 32 && nonce.count == 12, "ChaCha20-Poly1305 wants a key of 32 bytes and a nonce of 12")
        guard let context = EVP_CIPHER_CTX_new() else { fatalError("no memory") }
        self.context = context
        self.key = key
        self.nonce = nonce
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Writes message and tag to `target`.
    func seal(_ message: UnsafeRawBufferPointer, _ target: UnsafeMutableRawPointer) -> Bool {
        let out = target.assumingMemoryBound(to: UInt8.self)
        guard start(EVP_EncryptInit_ex2, out, message, EVP_EncryptUpdate) else { return false }
        var none: Int32 = 0
        return EVP_EncryptFinal_ex(context, out + message.count, &none) == 1 && none == 0
            && EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), target + message.count) == 1
    }

    /// Writes the message to `target`; false if it is not authentic.
    func open(_ sealed: UnsafeRawBufferPointer, _ target: UnsafeMutableRawPointer) -> Bool {
        let message = UnsafeRawBufferPointer(rebasing: sealed.dropLast(Self.tagLength))
        let out = target.assumingMemoryBound(to: UInt8.self)
        guard start(EVP_DecryptInit_ex2, out, message, EVP_DecryptUpdate) else { return false }
        var tag = Array(sealed.suffix(Self.tagLength))
        guard EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1 else { return false }
        var none: Int32 = 0
        return EVP_DecryptFinal_ex(context, out + message.count, &none) == 1
    }

    private typealias Begin = (
        OpaquePointer?, OpaquePointer?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?, UnsafePointer<OSSL_PARAM>?
    ) -> Int32
    private typealias Update = (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int32>?, UnsafePointer<UInt8>?, Int32
    ) -> Int32

    private func start(
        _ begin: Begin, _ out: UnsafeMutablePointer<UInt8>, _ message: UnsafeRawBufferPointer, _ update: Update
    ) -> Bool {
        let status = key.withUnsafeBytes {
            begin(context, Self.cipher, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), nonce, nil)
        }
        guard status == 1 else { return false }
        // An empty message has no address, and libcrypto takes none for additional data.
        guard let base = message.baseAddress, !message.isEmpty else { return true }
        var written: Int32 = 0
        let done = update(context, out, &written, base.assumingMemoryBound(to: UInt8.self), Int32(message.count))
        return done == 1 && Int(written) == message.count
    }
}
