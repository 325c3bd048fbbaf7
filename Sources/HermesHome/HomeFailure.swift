internal import Glibc
internal import Support
public import SystemPackage

/// Why something of a home could not be found out. It is never a finding: "could not look" does not mean "is not there".
public struct HomeFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The reasons of a probe in the instance snapshot (schema `instance-snapshot`, `$defs/probe`).
    public enum Reason: String, Sendable, Codable, CaseIterable {
        case timeout
        case noBus = "no_bus"
        case managerDown = "manager_down"
        case permission
        case notFound = "not_found"
        case badOutput = "bad_output"
        case notConfigured = "not_configured"
        /// Newer or other than what this program knows.
        case unsupported
        case `internal`
    }

    public var reason: Reason
    /// One line for people; holds nothing of a file's content.
    public var detail: String

    public init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    /// A failure of the operating system at a path.
    public init(_ code: Errno, at path: FilePath) {
        let reason: Reason =
            switch code {
            case .noSuchFileOrDirectory, .notDirectory: .notFound
            case .permissionDenied, .notPermitted: .permission
            case .ioError: .badOutput
            default: .internal
            }
        self.init(reason, "\(path.printable): \(errorText(code.rawValue))")
    }

    public var description: String { detail }
}

/// Plain reads below a home. Symlinks are followed: people keep their config.yaml elsewhere and link to it.
enum HomeFile {
    /// The whole content of a regular file of at most `limit` bytes; nil when there is no such file.
    static func read(_ path: FilePath, limit: Int) throws(HomeFailure) -> [UInt8]? {
        guard let file = try open(path) else { return nil }
        defer { file.closeQuietly() }
        do {
            return try FileSystem.read(file, name: path, limit: limit)
        } catch let error as OperatorError {
            throw HomeFailure(error.type == "too-large" ? .badOutput : .internal, error.description)
        } catch let error as Errno {
            throw HomeFailure(error, at: path)
        } catch {
            throw HomeFailure(.internal, path.printable)
        }
    }

    /// Opens a regular file without blocking; nil when there is no such file.
    static func open(_ path: FilePath) throws(HomeFailure) -> FileDescriptor? {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                path, .readOnly, options: [.closeOnExec, .nonBlocking])
        } catch let error as Errno {
            if error == .noSuchFileOrDirectory { return nil }
            throw HomeFailure(error, at: path)
        } catch {
            throw HomeFailure(.internal, path.printable)
        }
        do {
            let status = try FileStatus(of: file)
            guard status.kind == .file else {
                file.closeQuietly()
                throw HomeFailure(.badOutput, "\(path.printable): it is a \(status.kind.rawValue), not a file")
            }
            return file
        } catch let error as HomeFailure {
            throw error
        } catch {
            file.closeQuietly()
            throw HomeFailure(.internal, path.printable)
        }
    }

    /// The status of what a path leads to, symlinks followed; nil when there is nothing.
    static func status(_ path: FilePath) throws(HomeFailure) -> FileStatus? {
        do throws(Errno) {
            return try FileStatus(following: path)
        } catch {
            if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
            throw HomeFailure(error, at: path)
        }
    }
}
