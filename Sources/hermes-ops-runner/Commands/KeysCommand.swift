internal import ArgumentParser
internal import Bundles
internal import Support
internal import SystemPackage

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make age identity files and show their public keys.",
        subcommands: [Generate.self, Recipient.self])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a new identity file, as age-keygen does, and print its public key.",
            discussion: """
                Keep the file off this machine, in two places: without it nobody opens a bundle. The file is 0600 and an existing \
                one is never overwritten.
                """)

        @OptionGroup var options: GlobalOptions

        @Option(name: .shortAndLong, help: ArgumentHelp("The new file.", valueName: "file"), completion: .file())
        var output: String

        @Flag(help: "A post-quantum hybrid key (ML-KEM-768 with X25519, age1pq1…); age 1.3 and newer read it.")
        var pq = false

        func run() async throws {
            let session = Session(options)
            let path = FilePath(output)
            let recipient = try await offPool { [pq] in
                try IdentityFile.create(path, postQuantum: pq, time: SystemTime())
            }
            let text = recipient.text ?? ""
            try session.console.show(["file": path.printable, "recipient": text]) { "\(text)\n" }
            session.console.note("The private key is in \(path.printable). Store it away from this machine.")
        }
    }

    struct Recipient: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the public keys that belong to an identity file.")

        @OptionGroup var options: GlobalOptions

        @Argument(help: "The identity file.", completion: .file())
        var file: String

        @Option(help: ArgumentHelp("The passphrase of an encrypted identity file.", valueName: "file"))
        var passphraseFile: String?

        func run() async throws {
            let session = Session(options)
            let passphrase = try passphraseFile.map { try Passphrase.read(FilePath($0)) }
            let recipients = try IdentityFile.load(FilePath(file), passphrase: passphrase).compactMap {
                try $0.recipient()?.text
            }
            try session.console.show(recipients) { recipients.map { $0 + "\n" }.joined() }
        }
    }
}

/// A passphrase from a file that only its owner reads; one newline at its end does not count.
enum Passphrase {
    static func read(_ path: FilePath) throws -> Secret {
        let file = try FileSystem.openRegular(path)
        defer { file.closeQuietly() }
        guard try FileStatus(of: file).permissions & 0o077 == 0 else {
            throw OperatorError(
                "passphrase-mode", doing: "reading the passphrase file", subject: path.printable,
                reason: "others may read it",
                advice: "chmod 600 it", exit: .credential)
        }
        var bytes = try FileSystem.read(file, name: path, limit: 4096)
        defer { wipe(&bytes) }
        if bytes.last == 10 { bytes.removeLast() }
        if bytes.last == 13 { bytes.removeLast() }
        return Secret(bytes)
    }
}
