internal import Support
internal import SystemPackage
internal import Testing

@testable internal import Bundles

/// An age file made line by line and chunk by chunk, so that any part of it can be wrong while all others are right. Each step gives
/// a new file.
struct ForgedAgeFile {
    static let passphrase = "correct horse"
    let key = AgeIdentity.generate()
    let hybridKey = AgeIdentity.generate(postQuantum: true)
    private var fileKey = FileKey.generate()
    /// Lines of the header, without line feeds.
    private var lines = ["age-encryption.org/v1"]
    private(set) var bytes: [UInt8] = []
    /// What a reader may hand out.
    private(set) var released: [UInt8] = []
    private(set) var isArmored = false

    var identities: [AgeIdentity] { [key, hybridKey, .passphrase(Secret(Self.passphrase.utf8))] }

    private func with(_ change: (inout ForgedAgeFile) throws -> Void) rethrows -> ForgedAgeFile {
        var file = self
        try change(&file)
        return file
    }

    // MARK: - Parts

    /// A recipient's stanza, of the key where none is named.
    func wrap(_ identity: AgeIdentity? = nil) throws -> ForgedAgeFile {
        try stanza(try #require(try (identity ?? key).recipient()).wrap(fileKey))
    }

    func scrypt(_ passphrase: String = Self.passphrase, workFactor: Int = 10) throws -> ForgedAgeFile {
        try stanza(Scrypt.wrap(fileKey, Secret(passphrase.utf8), workFactor: workFactor))
    }

    /// The file key is too long from here on.
    func lengthened() -> ForgedAgeFile { with { $0.fileKey = Secret("twenty-five bytes of key!".utf8) } }

    private func stanza(_ stanza: AgeStanza) throws -> ForgedAgeFile {
        with { file in
            file.lines.append((["->", stanza.type] + stanza.arguments.map { text($0) }).joined(separator: " "))
            var body = text(Base64.encode(stanza.body, padding: .none))
            while body.utf8.count >= 64 {
                file.lines.append(String(body.prefix(64)))
                body = String(body.dropFirst(64))
            }
            file.lines.append(body)
        }
    }

    /// Closes the header with its MAC, which `change` may spoil.
    private func mac(_ change: (String) -> String = { $0 }) -> ForgedAgeFile {
        with { file in
            let covered = Array(lines.map { $0 + "\n" }.joined().utf8) + Array("---".utf8)
            let mac = Base64.encode(FileKey.headerMAC(of: covered, fileKey: fileKey), padding: .none)
            file.bytes = covered.dropLast(3) + Array((change("--- " + text(mac)) + "\n").utf8)
        }
    }

    enum Piece {
        /// A chunk that others follow; the last one.
        case more([UInt8])
        case last([UInt8])
        /// Chunks that a reader must not hand out: not marked as last, or marked.
        case bad([UInt8])
        case badLast([UInt8])
        /// Random bytes.
        case raw(Int)
    }

    private func payload(_ pieces: [Piece]) -> ForgedAgeFile {
        with { file in
            let nonce = randomBytes(AgeChunk.nonceLength)
            file.bytes += nonce
            let key = FileKey.payloadKey(fileKey, nonce: nonce)
            for (counter, piece) in pieces.enumerated() {
                switch piece {
                case .more(let plain), .last(let plain):
                    file.released += plain
                    fallthrough
                case .bad(let plain), .badLast(let plain):
                    var isLast = false
                    if case .last = piece { isLast = true }
                    if case .badLast = piece { isLast = true }
                    var sealed = [UInt8](repeating: 0, count: plain.count + AgeCipher.tagLength)
                    let mark = AgeChunk.nonce(UInt64(counter), isLast: isLast)
                    sealed.withUnsafeMutableBytes { target in
                        plain.withUnsafeBytes {
                            AgeCipher.seal($0, into: target.baseAddress!, nonce: mark, key: key)
                        }
                    }
                    file.bytes += sealed
                case .raw(let count): file.bytes += randomBytes(count)
                }
            }
        }
    }

    // MARK: - Whole files

    /// With the stanzas so far; `change` is made to the header's lines before their MAC.
    func closed(_ text: String = "age", _ change: (inout [String]) -> Void = { _ in }) -> ForgedAgeFile {
        with { change(&$0.lines) }.mac().payload([.last(Array(text.utf8))])
    }

    /// For an identity, the key where none is named.
    func wrapped(
        for identity: AgeIdentity? = nil, _ text: String = "age", _ change: (inout [String]) -> Void = { _ in }
    ) throws -> ForgedAgeFile {
        try wrap(identity).closed(text, change)
    }

    /// For the passphrase: the second line is `-> scrypt SALT 10`.
    func scrypted(_ change: (inout [String]) -> Void = { _ in }) throws -> ForgedAgeFile {
        try scrypt().closed("age", change)
    }

    /// For the passphrase, with another work factor in its stanza than was worked with.
    func scrypted(work factor: String) throws -> ForgedAgeFile {
        try scrypted { $0[1] = $0[1].dropLast(2) + factor }
    }

    /// With a change to the line of the MAC.
    func authenticated(_ change: (String) -> String) throws -> ForgedAgeFile {
        try wrap().mac(change).payload([.last(Array("age".utf8))])
    }

    /// Chunks after a good header.
    func streamed(_ pieces: [Piece]) throws -> ForgedAgeFile { try wrap().mac().payload(pieces) }

    /// For the key, with a share of low order, as an attacker who knows the key's public half would make it.
    func wrapped(share: [UInt8]) throws -> ForgedAgeFile {
        let key = AgeCipher.derive(
            Secret([UInt8](repeating: 0, count: 32)), salt: share + X25519.publicKey(of: key.secret),
            info: "age-encryption.org/v1/X25519")
        let share = Base64.encode(share, padding: .none)
        return try stanza(AgeStanza(type: "X25519", arguments: [share], body: AgeCipher.wrap(fileKey, with: key)))
            .closed()
    }

    /// For the hybrid key, with a changed share.
    func hybrid(_ change: (inout [UInt8]) -> Void) throws -> ForgedAgeFile {
        var made = try #require(try hybridKey.recipient()).wrap(fileKey)
        var share = try #require(Base64.decode(made.arguments[0], padding: .none))
        #expect(share.count == 1120)
        change(&share)
        made.arguments[0] = Base64.encode(share, padding: .none)
        return try stanza(made).closed()
    }

    // MARK: - Around it

    /// Puts the whole into armor; `change` may spoil the lines, the markers among them.
    func armor(_ change: (inout [String]) -> Void = { _ in }) -> ForgedAgeFile {
        with { file in
            var armored = ["-----BEGIN AGE ENCRYPTED FILE-----"]
            for start in stride(from: 0, to: bytes.count, by: 48) {
                armored.append(
                    text(Base64.encode(Array(bytes[start..<min(start + 48, bytes.count)]), padding: .required)))
            }
            armored.append("-----END AGE ENCRYPTED FILE-----")
            change(&armored)
            file.bytes = Array(armored.map { $0 + "\n" }.joined().utf8)
            file.isArmored = true
        }
    }

    /// A whole file in armor. Its length is `rest` more than a multiple of 48, where that is said.
    func armored(rest: Int? = nil, _ change: (inout [String]) -> Void = { _ in }) throws -> ForgedAgeFile {
        var filler = "age"
        if let rest { filler = String(repeating: "x", count: (rest + 48 - (try wrapped("").bytes.count) % 48) % 48) }
        return try wrapped(filler).armor(change)
    }

    func surrounded(by text: String) -> ForgedAgeFile {
        with { $0.bytes = Array(text.utf8) + bytes + Array(text.utf8) }
    }
    func cut(_ count: Int) -> ForgedAgeFile { with { $0.bytes.removeLast(count) } }
    func flippedAtTheEnd() -> ForgedAgeFile { with { $0.bytes[bytes.count - 1] ^= 32 } }

    /// Replaces the last character of base64 by its neighbour: the same value, written in a way that is not canonical.
    static func loosened(_ text: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        guard let last = text.last, let index = alphabet.firstIndex(of: last) else { return text }
        return text.dropLast() + String(alphabet[index + 1])
    }

    /// A point of order 8.
    static let lowOrder: [UInt8] = [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ]
}

private func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

extension String {
    mutating func replaceFirst(with character: Character? = nil) {
        self = String(character ?? (first == "A" ? "B" : "A")) + dropFirst()
    }
}
