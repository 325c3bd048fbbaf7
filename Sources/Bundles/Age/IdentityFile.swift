public import Support
public import SystemPackage

/// Identity files as age-keygen writes and reads them: one private key a line, `#` comments, empty lines.
public enum IdentityFile {
    private static let limit = 1 << 20

    /// The identities in a file, which must be private to its owner: 0600 or less. A file that is itself encrypted to a passphrase
    /// is opened with it.
    public static func load(_ path: FilePath, passphrase: Secret? = nil) throws -> [AgeIdentity] {
        let file: FileDescriptor
        do {
            file = try FileSystem.openRegular(path)
        } catch let error as OperatorError {
            throw failure(path.printable, error.reason)
        }
        defer { file.closeQuietly() }
        guard try FileStatus(of: file).permissions & 0o077 == 0 else {
            throw OperatorError(
                "identity-mode", doing: "reading the identity file", subject: path.printable,
                reason: "others may read it", advice: "chmod 600 it, and consider the key exposed", exit: .credential)
        }
        var bytes = try FileSystem.read(file, name: path, limit: limit)
        defer { wipe(&bytes) }
        return try parse(bytes, name: path.printable, passphrase: passphrase)
    }

    /// The identities in the text of an identity file. `name` stands in errors.
    public static func parse(_ bytes: [UInt8], name: String, passphrase: Secret? = nil) throws -> [AgeIdentity] {
        if bytes.starts(with: AgeArmor.begin) || bytes.starts(with: AgeHeader.version) {
            guard let passphrase else { throw failure(name, "it is encrypted: its passphrase is needed") }
            let sink = MemorySink(limit: limit)
            do {
                try AgeDecryptor(MemorySource(bytes), identities: [.passphrase(passphrase)]).copy(to: sink)
            } catch let error as OperatorError where error.type == AgeFailure.noMatch.rawValue {
                throw failure(name, "the passphrase does not open it")
            }
            var inner = sink.bytes
            defer { wipe(&inner) }
            return try parse(inner, name: name)
        }
        var identities: [AgeIdentity] = []
        for (index, var line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            do {
                identities.append(try AgeIdentity(Secret(line)))
            } catch let error as OperatorError {
                throw failure(name, "line \(index + 1): \(error.reason)", advice: error.advice)
            }
        }
        guard !identities.isEmpty else { throw failure(name, "there is no identity in it") }
        return identities
    }

    /// The text of a new identity file, as age-keygen writes it.
    public static func text(of identity: AgeIdentity, created: Timestamp) throws -> Secret {
        guard let key = identity.text, let recipient = try identity.recipient()?.text else {
            throw failure("a passphrase", "it has no file")
        }
        let whole = Timestamp(seconds: created.seconds)
        var text =
            Array("# created: \(whole)\n# public key: \(recipient)\n".utf8) + key.withUnsafeBytes { Array($0) } + [10]
        defer { wipe(&text) }
        return Secret(text)
    }

    /// Makes a new identity and writes it to a new file, 0600; a file that exists is never touched. Returns its recipient.
    public static func create(_ path: FilePath, postQuantum: Bool, time: any TimeSource) throws -> AgeRecipient {
        let identity = AgeIdentity.generate(postQuantum: postQuantum)
        guard let recipient = try identity.recipient() else { throw failure(path.printable, "it has no recipient") }
        let file = try AtomicFile(path, permissions: 0o600)
        try text(of: identity, created: time.now).withUnsafeBytes { try file.write($0) }
        do {
            try file.commit(replacing: false)
        } catch let error as OperatorError {
            guard (try? FileStatus(at: path)) != nil else { throw error }
            throw OperatorError(
                "identity-exists", doing: "writing the identity file", subject: path.printable, reason: error.reason,
                advice: "choose another name; a key that is lost cannot be made again", exit: error.exit)
        }
        return recipient
    }

    private static func failure(_ name: String, _ reason: String, advice: String? = nil) -> OperatorError {
        OperatorError(
            "identity-file", doing: "reading the identity file", subject: name, reason: reason, advice: advice,
            exit: .credential)
    }
}
