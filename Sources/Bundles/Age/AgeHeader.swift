internal import CSodium
internal import Support

/// One recipient's wrapped file key: `-> TYPE ARGUMENT…` and a body.
struct AgeStanza: Equatable {
    var type: String
    var arguments: [[UInt8]]
    var body: [UInt8]
}

/// The textual header of an age v1 file (https://c2sp.org/age, section "Header").
struct AgeHeader {
    static let version = Array("age-encryption.org/v1".utf8)
    private static let columns = 64
    /// Far above what real files have; a bound against endless input.
    private static let limit = 4 << 20

    var stanzas: [AgeStanza]
    /// The header's bytes up to and including `---`: what the MAC covers.
    let covered: [UInt8]
    let mac: [UInt8]

    /// A new header over stanzas.
    init(stanzas: [AgeStanza], fileKey: Secret) {
        var text = Self.version + Array("\n".utf8)
        for stanza in stanzas {
            text += Array("-> \(stanza.type)".utf8)
            for argument in stanza.arguments { text += [UInt8(ascii: " ")] + argument }
            text += Array("\n".utf8)
            var body = Base64.encode(stanza.body, padding: .none)[...]
            // The last line is always shorter than a full one, and empty if it must be.
            while body.count >= Self.columns {
                text += body.prefix(Self.columns) + Array("\n".utf8)
                body = body.dropFirst(Self.columns)
            }
            text += body + Array("\n".utf8)
        }
        text += Array("---".utf8)
        self.stanzas = stanzas
        covered = text
        mac = FileKey.headerMAC(of: text, fileKey: fileKey)
    }

    var bytes: [UInt8] { covered + Array(" ".utf8) + Base64.encode(mac, padding: .none) + Array("\n".utf8) }

    /// Parses a header and leaves the source at the payload's nonce. Every deviation from the grammar is an error.
    init(from source: BufferedSource) throws {
        func fail(_ reason: String) -> OperatorError { AgeFailure.header.error(reason) }
        var covered: [UInt8] = []
        func line() throws -> ArraySlice<UInt8> {
            guard let line = try source.readLine(limit: Self.limit - covered.count), line.last == UInt8(ascii: "\n")
            else {
                throw fail("the header is cut off or far too long")
            }
            covered += line
            return line.dropLast()
        }
        guard try line().elementsEqual(Self.version) else { throw fail("it does not start as an age v1 file does") }
        stanzas = []
        var start = try line()
        while !start.starts(with: Array("---".utf8)) {
            guard start.starts(with: Array("-> ".utf8)) else { throw fail("a stanza does not start with \"-> \"") }
            let words = start.dropFirst(3).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard words.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x21...0x7e).contains($0) } }) else {
                throw fail("a stanza's argument is empty or holds a character that is not allowed")
            }
            var body: [UInt8] = []
            while true {
                let text = try line()
                guard text.count <= Self.columns, let bytes = Base64.decode(text, padding: .none) else {
                    throw fail("a stanza's body is not canonical base64 in lines of 64 columns")
                }
                body += bytes
                if text.count < Self.columns { break }
            }
            stanzas.append(
                AgeStanza(
                    type: String(decoding: words[0], as: UTF8.self), arguments: words.dropFirst().map(Array.init),
                    body: body))
            start = try line()
        }
        guard !stanzas.isEmpty else { throw fail("it has no recipient") }
        let text = start.dropFirst(4)
        guard start.starts(with: Array("--- ".utf8)), let mac = Base64.decode(text, padding: .none), mac.count == 32
        else {
            throw fail("the header's last line is not \"--- \" and a MAC")
        }
        self.mac = mac
        covered.removeLast(1 + text.count + 1)
        self.covered = covered
        if stanzas.contains(where: { $0.type == "scrypt" }), stanzas.count > 1 {
            throw fail("a passphrase stanza must be the only one")
        }
    }

    /// Whether the MAC holds under a file key; compared in constant time.
    func isAuthentic(_ fileKey: Secret) -> Bool {
        let expected = FileKey.headerMAC(of: covered, fileKey: fileKey)
        return sodium_memcmp(expected, mac, expected.count) == 0
    }
}
