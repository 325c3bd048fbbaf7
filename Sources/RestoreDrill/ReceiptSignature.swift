internal import CSodium
internal import Foundation
internal import Support
public import SystemPackage

/// The instance's Ed25519 key (RFC 8032, libsodium) and what it does with receipts.
///
/// A signed receipt is the receipt's JSON object with one more member, `signature`:
/// `{"algorithm": "ed25519", "publicKey": HEX, "value": HEX}`. What is signed is the object without that member, as JSON with sorted
/// keys, no white space and no escaped slashes, after the ASCII line `hermes-ops-receipt-v1` and a newline.
public struct ReceiptSigner: Sendable {
    private let secretKey: Secret
    /// 32 bytes.
    public let publicKey: [UInt8]

    /// Reads the key (its 32-byte seed) from a file, or makes one there, 0600.
    public init(keyFile: FilePath) throws {
        sodiumReady()
        var seed: [UInt8]
        do {
            if let permissions = try? FileStatus(at: keyFile).permissions, permissions & 0o077 != 0 {
                throw OperatorError(
                    "receipt-key", doing: "reading the receipt key", subject: keyFile.printable,
                    reason: "others may read it: its mode is 0\(String(permissions, radix: 8))",
                    advice: "chmod 600 it; if somebody else could have read it, move it away for a new one",
                    exit: .credential)
            }
            seed = try FileSystem.read(keyFile, limit: 64, followingLinks: false)
        } catch let error as OperatorError {
            guard case .some(.noSuchFileOrDirectory) = Self.failure(of: keyFile) else { throw error }
            seed = randomBytes(Int(crypto_sign_seedbytes()))
            let file = try AtomicFile(keyFile)
            try seed.withUnsafeBytes { try file.write($0) }
            try file.commit(replacing: false)
        }
        guard seed.count == crypto_sign_seedbytes() else {
            throw OperatorError(
                "receipt-key", doing: "reading the receipt key", subject: keyFile.printable,
                reason: "it has \(seed.count) bytes instead of \(crypto_sign_seedbytes())",
                advice: "move it away; a new one is made, and older receipts stay verifiable with the old public key",
                exit: .credential)
        }
        var publicKey = [UInt8](repeating: 0, count: crypto_sign_publickeybytes())
        var secretKey = [UInt8](repeating: 0, count: crypto_sign_secretkeybytes())
        guard crypto_sign_seed_keypair(&publicKey, &secretKey, seed) == 0 else {
            throw OperatorError("receipt-key", doing: "deriving the receipt key", reason: "libsodium refused the seed")
        }
        self.publicKey = publicKey
        self.secretKey = Secret(secretKey)
        wipe(&secretKey)
        wipe(&seed)
    }

    /// The receipt as signed JSON with a newline at the end.
    public func sign(_ receipt: Receipt) throws -> [UInt8] {
        var object = try SignedReceipt.object(JSONEncoder().encode(receipt))
        let message = try SignedReceipt.message(object)
        var signature = [UInt8](repeating: 0, count: crypto_sign_bytes())
        let status = secretKey.withUnsafeBytes { key in
            crypto_sign_detached(
                &signature, nil, message, UInt64(message.count), key.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
        guard status == 0 else {
            throw OperatorError("receipt-key", doing: "signing the receipt", reason: "libsodium refused")
        }
        object["signature"] = ["algorithm": "ed25519", "publicKey": hex(publicKey), "value": hex(signature)]
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try JSONSerialization.data(withJSONObject: object, options: options)) + [UInt8(ascii: "\n")]
    }

    private static func failure(of path: FilePath) -> Errno? {
        do throws(Errno) {
            _ = try FileStatus(at: path)
            return nil
        } catch {
            return error
        }
    }
}

/// A receipt whose signature was looked at.
public struct SignedReceipt: Sendable {
    public let receipt: Receipt
    /// The key that the signature verifies under, 32 bytes. Whose it is, the caller has to know.
    public let publicKey: [UInt8]

    /// Reads a signed receipt and verifies its signature under the key that it names, which must be `expected` when that is given.
    ///
    /// Throws with exit 65 when the text is no receipt, when anything in it was changed, or when the key is another one.
    public init(verifying text: [UInt8], expected: [UInt8]? = nil) throws {
        sodiumReady()
        func damaged(_ reason: String) -> OperatorError {
            OperatorError("receipt", doing: "verifying the receipt", reason: reason, exit: .damagedInput)
        }
        guard var object = try? Self.object(Data(text)) else { throw damaged("it is not a JSON object") }
        do throws(JSONValue.SyntaxError) {
            try JSONValue.refuseRepeatedKeys(in: text)
        } catch {
            throw damaged("\(error): readers would not agree on what it says")
        }
        guard let signature = object.removeValue(forKey: "signature") as? [String: String],
            signature["algorithm"] == "ed25519", let key = signature["publicKey"].flatMap(bytes(fromHex:)),
            let value = signature["value"].flatMap(bytes(fromHex:)), key.count == crypto_sign_publickeybytes(),
            value.count == crypto_sign_bytes()
        else { throw damaged("it carries no Ed25519 signature") }
        if let expected, expected != key {
            throw damaged("it is signed by another key, \(hex(key))")
        }
        let message = try Self.message(object)
        guard crypto_sign_verify_detached(value, message, UInt64(message.count), key) == 0 else {
            throw damaged("its signature does not match what it says")
        }
        guard let data = try? JSONSerialization.data(withJSONObject: object),
            let receipt = try? JSONDecoder().decode(Receipt.self, from: data),
            receipt.kind == "hermes.restore-drill.receipt"
        else { throw damaged("it is signed, but it is not a receipt of this version") }
        self.receipt = receipt
        self.publicKey = key
    }

    static func object(_ data: Data) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw OperatorError(
                "receipt", doing: "reading the receipt", reason: "it is not a JSON object", exit: .damagedInput)
        }
        return object
    }

    static func message(_ object: [String: Any]) throws -> [UInt8] {
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        return Array("hermes-ops-receipt-v1\n".utf8)
            + Array(try JSONSerialization.data(withJSONObject: object, options: options))
    }
}

/// The bytes of a hexadecimal text; nil if it is not one.
func bytes(fromHex text: String) -> [UInt8]? {
    let digits = text.utf8.map { digit -> UInt8? in
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
    guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
    let values = digits.compactMap { $0 }
    return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
}
