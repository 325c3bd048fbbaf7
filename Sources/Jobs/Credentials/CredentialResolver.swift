internal import Foundation
internal import Subprocess
public import Support
internal import Synchronization
public import SystemPackage

/// Turns credential references into values. Every error exits 77 and holds no value.
public struct CredentialResolver: Sendable {
    private let environment: [String: String]
    private let user: UInt32
    private let folder: FilePath
    private let commandTimeout: Duration
    private let failedCommands = FailedCommands()

    /// The largest value, in bytes; a dotenv file or a key file may hold more than one secret.
    static let sizeLimit = 1 << 20

    /// - Parameters:
    ///   - environment: of the process: CREDENTIALS_DIRECTORY, and the variables that references name.
    ///   - user: the effective user id, who must own the files.
    ///   - folder: where the units load their credentials from, and a shell reads them: `credentials` beside the configuration.
    ///   - commandTimeout: for credentials that come from a command.
    public init(environment: [String: String], user: UInt32, folder: FilePath, commandTimeout: Duration = .seconds(30))
    {
        self.environment = environment
        self.user = user
        self.folder = folder
        self.commandTimeout = commandTimeout
    }

    /// The value of a declared credential.
    public func resolve(_ name: String, in configuration: Configuration) async throws -> Secret {
        guard let declaration = configuration.credentials[name] else {
            throw Self.failure("credential-missing", name, "no credential of that name is declared")
        }
        return try await resolve(declaration.reference, name: name)
    }

    /// The value behind a reference. `name` says in errors what it is for.
    public func resolve(_ reference: CredentialReference, name: String) async throws -> Secret {
        switch reference {
        case .systemd(let credential):
            let file = try handedOver(credential, name)
            guard file.protection == .encryption else { return try secret(read(file, name), name) }
            try open(file, name).close()
            return try await secret(decrypted(file.path, credential, name), name)
        case .file(let path): return try secret(read(ValueFile(path), name), name)
        case .dotenv(let path, let key):
            return try dotenvSecret(path, key, name)
        case .command(let arguments):
            return try await secret(output(of: arguments, name), name)
        case .environment(let variable):
            guard let value = environment[variable] else { throw noVariable(variable, name) }
            return try secret(Array(value.utf8), name)
        }
    }

    /// The value of a declared credential that is one token, as ``token(_:name:)`` reads it.
    public func token(_ name: String, in configuration: Configuration) async throws -> Secret {
        try Self.token(await resolve(name, in: configuration), name: name)
    }

    /// The value behind a reference that is one token or one URL: printable ASCII without a space, whatever blank lines and spaces end it
    /// taken off. Anything else would go into a request as it stands.
    public func token(_ reference: CredentialReference, name: String) async throws -> Secret {
        try Self.token(await resolve(reference, name: name), name: name)
    }

    private static func token(_ secret: Secret, name: String) throws -> Secret {
        var value = secret.withUnsafeBytes { Array($0) }
        defer { wipe(&value) }
        while let last = value.last, [0x20, 0x09, 0x0A, 0x0D].contains(last) { value.removeLast() }
        func refuse(_ reason: String) -> OperatorError {
            Self.failure(
                value.isEmpty ? "credential-empty" : "credential-form", name, reason,
                "write the token alone there, on one line")
        }
        guard !value.isEmpty else { throw refuse("its value is empty") }
        guard !value.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw refuse("it begins with a byte order mark (BOM), which an editor wrote")
        }
        guard value.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw refuse("it holds a line break, a space or another character that no token has")
        }
        return value.count == secret.count ? secret : Secret(value)
    }

    /// Whether the reference can be resolved as far as that shows without looking at the value: files are there, private and not empty,
    /// keys and variables exist, the program of a command can be found. Throws what is wrong.
    public func check(_ reference: CredentialReference, name: String) throws {
        switch reference {
        case .systemd(let credential): try open(handedOver(credential, name), name).close()
        case .file(let path): try open(ValueFile(path), name).close()
        case .dotenv(let path, let key): _ = try dotenvSecret(path, key, name)
        case .command(let arguments):
            guard let program = arguments.first, isExecutable(program) else {
                throw Self.failure(
                    "credential-missing", name,
                    "its program \(printable(arguments.first ?? "", limit: 80)) is not there")
            }
        case .environment(let variable):
            if environment[variable] == nil { throw noVariable(variable, name) }
        }
    }

    // MARK: - Files

    /// A file with a value, and what keeps others from it.
    private struct ValueFile {
        enum Protection { case owner, systemd, encryption }

        var path: FilePath
        var protection = Protection.owner
        var followsLinks = true
        var mayBeEmpty = false
        var advice = "make the file, mode 0600, owned by you"

        init(_ path: FilePath, mayBeEmpty: Bool = false) {
            self.path = path
            self.mayBeEmpty = mayBeEmpty
        }
    }

    /// Where a credential of systemd's stands: handed over within a unit, else at the place from which the units load it.
    private func handedOver(_ credential: String, _ name: String) throws -> ValueFile {
        let source = SystemdCredentialSource(credential, in: folder, isSystem: user == 0)
        guard let handed = environment["CREDENTIALS_DIRECTORY"] else {
            var file = ValueFile(source.path)
            file.protection = source.isEncrypted ? .encryption : .owner
            file.followsLinks = false
            file.advice = "write it there, mode 600: the units load it from there"
            let encrypted = folder.appending("\(credential).cred")
            if user != 0, (try? FileStatus(at: encrypted)) != nil, (try? FileStatus(at: source.path)) == nil {
                file.advice += "; a user's manager cannot open \(encrypted.printable)"
            }
            return file
        }
        var file = ValueFile(FilePath(handed).appending(credential), mayBeEmpty: true)
        file.protection = .systemd
        // Units give an empty value where there is nothing to load, so that the job starts and can say so.
        guard handed.hasPrefix("/"), let status = try? FileStatus(at: file.path), status.size > 0 else {
            throw Self.failure(
                "credential-missing", name,
                "systemd found no such credential: \(source.path.printable) is missing or empty",
                "write it there, mode 600; `hermes-ops-runner units diff` shows whether the unit loads it")
        }
        return file
    }

    /// Opens the file after a look at who could read or change it.
    private func open(_ file: ValueFile, _ name: String) throws -> FileDescriptor {
        let path = file.path
        let descriptor: FileDescriptor
        do {
            descriptor = try FileSystem.openRegular(path, followingLinks: file.followsLinks)
        } catch let error as OperatorError {
            throw Self.failure(
                "credential-missing", name, "\(path.printable) cannot be read: \(error.reason)", file.advice)
        }
        do {
            let status = try FileStatus(of: descriptor)
            try judge(status, file, name)
            guard status.size > 0 || file.mayBeEmpty else {
                throw Self.failure("credential-empty", name, "\(path.printable) is empty", "write the value into it")
            }
            return descriptor
        } catch {
            try? descriptor.close()
            throw error
        }
    }

    private func judge(_ status: FileStatus, _ file: ValueFile, _ name: String) throws {
        let path = file.path
        // systemd keeps its credentials 0400, root's or the user's, in a folder that nobody else may enter.
        guard status.owner == user || file.protection == .systemd else {
            throw Self.failure(
                "credential-owner", name,
                "\(path.printable) belongs to user \(status.owner), not to you (user \(user))",
                "run `chown` on it, or keep your own copy")
        }
        let open: UInt32 =
            switch file.protection {
            case .owner: 0o077
            case .systemd: 0o007
            // Others may read what they cannot open.
            case .encryption: 0o022
            }
        guard status.permissions & open == 0 else {
            let mode = String(status.permissions & 0o777, radix: 8)
            throw Self.failure(
                "credential-readable", name, "\(path.printable) is open to others (mode 0\(mode))",
                "run `chmod 600` on it, and replace the credential if others may have read it")
        }
        let folder = path.folder
        let parent = try? FileStatus(at: folder)
        if let parent, parent.kind == .directory, parent.permissions & 0o1002 == 0o002 {
            throw Self.failure(
                "credential-replaceable", name,
                "everybody may write to \(folder.printable) and put another file in its place",
                "run `chmod o-w` on the folder")
        }
    }

    private func read(_ file: ValueFile, _ name: String) throws -> [UInt8] {
        let descriptor = try open(file, name)
        defer { try? descriptor.close() }
        do {
            return try FileSystem.read(descriptor, name: file.path, limit: Self.sizeLimit)
        } catch let error as OperatorError {
            throw Self.failure("credential-missing", name, "\(file.path.printable) cannot be read: \(error.reason)")
        }
    }

    /// What `systemd-creds encrypt` put into the file; the machine's own key opens it.
    private func decrypted(_ path: FilePath, _ credential: String, _ name: String) async throws -> [UInt8] {
        do {
            return try await output(
                of: ["systemd-creds", "decrypt", "--name=\(credential)", path.string, "-"], name)
        } catch var error as OperatorError {
            error.reason = "\(path.printable) cannot be decrypted: \(error.reason)"
            error.advice =
                "make it anew on this machine: systemd-creds encrypt --name=\(credential) FILE \(path.printable)"
            throw error
        }
    }

    // MARK: - Commands

    private func output(of arguments: [String], _ name: String) async throws -> [UInt8] {
        guard let program = arguments.first else {
            throw Self.failure("credential-missing", name, "its command is empty")
        }
        if var known = failedCommands.error(of: arguments) {
            known.subject = name
            throw known
        }
        let executable: Executable = program.contains("/") ? .path(FilePath(program)) : .name(program)
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500))
        ]
        let (platformOptions, limit) = (options, commandTimeout)
        let rest = Arguments(Array(arguments.dropFirst()))
        do {
            return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                group.addTask {
                    let result = try await Subprocess.run(
                        executable, arguments: rest, platformOptions: platformOptions,
                        output: .bytes(limit: Self.sizeLimit),
                        error: .discarded)
                    // What it wrote to standard error could hold a secret: it is not shown.
                    guard case .exited(0) = result.terminationStatus else {
                        throw Self.failure(
                            "credential-command", name,
                            "its command \(printable(program, limit: 80)) ended with \(result.terminationStatus)",
                            "run the command by hand to see why")
                    }
                    return result.standardOutput
                }
                group.addTask {
                    try await Task.sleep(for: limit)
                    return nil
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let bytes = first else {
                    throw Self.failure(
                        "credential-command", name,
                        "its command \(printable(program, limit: 80)) did not end within \(limit.components.seconds) s")
                }
                return bytes
            }
        } catch let error as OperatorError {
            failedCommands.remember(error, of: arguments)
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Self.failure(
                "credential-command", name,
                "its command \(printable(program, limit: 80)) could not be run, or printed too much",
                "run the command by hand to see why")
        }
    }

    private func isExecutable(_ program: String) -> Bool {
        if program.contains("/") { return FileManager.default.isExecutableFile(atPath: program) }
        let folders = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    // MARK: - Values

    private func dotenvSecret(_ path: FilePath, _ key: String, _ name: String) throws -> Secret {
        var bytes = try read(ValueFile(path, mayBeEmpty: true), name)
        defer { wipe(&bytes) }
        guard let value = DotenvFile.value(of: key, in: bytes) else {
            throw Self.failure(
                "credential-missing", name, "\(path.printable) has no key \(key)", "add it, or correct `key:`")
        }
        return try secret(value, name)
    }

    /// The bytes as a secret, one newline at the end taken off; wipes what it was given as far as that is its own.
    private func secret(_ bytes: consuming [UInt8], _ name: String) throws -> Secret {
        var value = bytes
        defer { wipe(&value) }
        if value.last == 0x0A { value.removeLast() }
        if value.last == 0x0D { value.removeLast() }
        guard !value.isEmpty else {
            throw Self.failure(
                "credential-empty", name, "its value is empty", "write the value where the reference points")
        }
        return Secret(value)
    }

    private func noVariable(_ variable: String, _ name: String) -> OperatorError {
        Self.failure("credential-missing", name, "the variable \(variable) is not set", "set it, or correct `env:`")
    }

    private static func failure(_ type: String, _ name: String, _ reason: String, _ advice: String? = nil)
        -> OperatorError
    {
        OperatorError(
            type, doing: "reading the credential", subject: name, reason: reason, advice: advice, exit: .credential)
    }
}

/// The commands that failed in this process: a run that needs one value in several places does not wait for each again.
private final class FailedCommands: Sendable {
    private let errors = Mutex<[[String]: OperatorError]>([:])

    func error(of arguments: [String]) -> OperatorError? { errors.withLock { $0[arguments] } }
    func remember(_ error: OperatorError, of arguments: [String]) { errors.withLock { $0[arguments] = error } }
}
