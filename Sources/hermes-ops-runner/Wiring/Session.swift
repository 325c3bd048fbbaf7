internal import Foundation
internal import Glibc
internal import HTTP
internal import Jobs
internal import Logging
internal import Support
internal import SystemPackage

/// What a command works with: who runs it, where things lie, how it talks.
struct Session: Sendable {
    let environment: [String: String]
    let user: UInt32
    let locations: StandardLocations
    let configurationFile: FilePath
    /// Whether somebody named the configuration, so that commands which can do without one use it.
    let isConfigurationNamed: Bool
    let stateDirectory: FilePath
    let logger: Logger
    let console: Console
    let calendar = SystemdCalendar()
    let credentials: CredentialResolver

    init(_ options: GlobalOptions) {
        environment = ProcessInfo.processInfo.environment
        user = geteuid()
        locations = StandardLocations(environment: environment, user: user, home: Self.passwordHome(user))
        // Absolute: whether one place lies in another is asked of both, and units are started elsewhere.
        configurationFile = (options.config.map { FilePath($0) } ?? locations.configuration).absolute
        isConfigurationNamed =
            options.config != nil
            || environment["HERMES_OPS_CONFIG"]?.isEmpty == false && (try? FileStatus(at: configurationFile)) != nil
        credentials = CredentialResolver(
            environment: environment, user: user, folder: SystemdCredentialSource.folder(beside: configurationFile))
        stateDirectory = (options.stateDir.map { FilePath($0) } ?? locations.state).absolute
        console = options.console
        var handler = ConsoleLogHandler(
            label: "hermes-ops", format: options.logFormat == .json ? .json : .text,
            level: options.verbose ? .debug : options.quiet ? .error : .info, environment: environment)
        handler.metadata = [:]
        let ready = handler
        logger = Logger(label: "hermes-ops") { _ in ready }
    }

    /// The configuration, or every error in it.
    ///
    /// - Parameter askingSystemd: also have systemd judge every schedule, which costs a process each; a job's run can do without.
    func configuration(askingSystemd: Bool = false) async throws -> Configuration {
        let calendar = calendar
        var check: ConfigurationLoader.ScheduleCheck?
        if askingSystemd { check = { await calendar.validity(of: $0) } }
        let loader = ConfigurationLoader(
            home: locations.home, user: user, stateDirectory: stateDirectory, checkSchedule: check)
        return try await loader.load(configurationFile)
    }

    /// When schedules elapse; systemd answers.
    var nextElapse: NextElapseFunction {
        let calendar = calendar
        return { await calendar.nextElapse($0, after: $1) }
    }

    /// Where the units load their credentials from.
    var credentialsFolder: FilePath { SystemdCredentialSource.folder(beside: configurationFile) }

    var progress: any ProgressReporter { TerminalProgress.forStandardError(isQuiet: console.isQuiet) }

    /// A client under the configuration's `network` section.
    func client(_ network: NetworkConfig) throws -> HTTPClient {
        let proxy: NetworkOptions.Proxy =
            switch network.proxy {
            case .none: .none
            case .url(let url): .url(url)
            case .environment: .environment
            }
        return try HTTPClient(
            NetworkOptions(
                proxy: proxy, caFile: network.caFile, uploadLimit: network.uploadLimit,
                testLoopbackHTTP: environment["HERMES_OPS_TEST_LOOPBACK_HTTP"] == "1"))
    }

    /// Takes from others what they may do with a file or folder of this user's state, and says so.
    func closeToOthers(_ path: FilePath, _ permissions: UInt32) {
        guard let status = try? FileStatus(at: path), status.owner == user, status.kind != .symlink,
            status.permissions & 0o077 & ~permissions != 0
        else { return }
        let mode = String(status.permissions & 0o777, radix: 8)
        guard path.withPlatformString({ chmod($0, permissions) }) == 0 else {
            return logger.warning("\(path.printable) is open to others (mode 0\(mode)): \(errorText(errno))")
        }
        logger.warning("\(path.printable) was open to others (mode 0\(mode)); it no longer is")
    }

    /// A file of this program's own in the state directory, whose folder is made first.
    func stateFile(_ name: String) throws -> FilePath {
        try requireOwnState()
        try FileSystem.makeDirectory(stateDirectory)
        closeToOthers(stateDirectory, 0o700)
        return stateDirectory.appending(name)
    }

    /// The key of fingerprints: 32 random bytes, made at the first use, which never leave the state directory.
    ///
    /// - Parameter keeping: false for commands that write nothing: a key that is not there yet holds for this process alone.
    func fingerprintKey(keeping: Bool = true) throws -> Secret {
        let path = stateDirectory.appending("fingerprint.key")
        if keeping {
            _ = try stateFile("fingerprint.key")
            closeToOthers(path, 0o600)
        } else if (try? FileStatus(at: path)) == nil {
            var bytes = randomBytes(32)
            defer { wipe(&bytes) }
            return Secret(bytes)
        }
        // Two first runs at once: the one that comes second takes the other's key.
        var failure: (any Error)?
        for _ in 0..<2 {
            if try FileStatus.ifThere(at: path) != nil {
                var bytes = try FileSystem.read(path, limit: 64, followingLinks: false)
                defer { wipe(&bytes) }
                guard bytes.count == 32 else {
                    throw OperatorError(
                        "fingerprint-key", doing: "reading", subject: path.printable, reason: "it has not 32 bytes",
                        advice: "remove it; every fingerprint changes then, once", exit: .credential)
                }
                return Secret(bytes)
            }
            let file = try AtomicFile(path)
            var bytes = randomBytes(32)
            defer { wipe(&bytes) }
            try bytes.withUnsafeBytes { try file.write($0) }
            do {
                try file.commit(replacing: false)
            } catch {
                file.discard()
                failure = error
            }
        }
        throw failure
            ?? OperatorError(
                "fingerprint-key", doing: "making", subject: path.printable, reason: "it could not be kept")
    }

    private static func passwordHome(_ user: UInt32) -> FilePath {
        guard let entry = getpwuid(user), let home = entry.pointee.pw_dir else { return "/" }
        return FilePath(platformString: home)
    }
}
