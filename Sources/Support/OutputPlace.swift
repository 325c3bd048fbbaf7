internal import CLinux
internal import Glibc
public import SystemPackage

/// What stands where a person wants output to go.
public enum OutputPlace: Sendable, Hashable {
    /// A regular file, or nothing yet: it can be replaced as a whole. The path is the file's own where the one that was named is a
    /// symlink to it.
    case file(FilePath)
    /// A device, a FIFO, or what standard output is: it takes bytes as they come, and replacing it would destroy it.
    case stream(FilePath)

    public init(_ path: FilePath) throws {
        func refusal(_ reason: String) -> OperatorError {
            OperatorError(
                "output", doing: "writing to", subject: path.printable, reason: reason,
                advice: "name a file, or move away what stands there", exit: .cannotWrite)
        }
        guard let named = try? FileStatus(at: path) else {
            // What cannot be looked at cannot be written to either: that is told of where it is tried.
            self = .file(path)
            return
        }
        guard let status = try? FileStatus(following: path) else {
            throw refusal("a symlink stands there that leads nowhere")
        }
        switch status.kind {
        case .file where !status.isStandardOutput:
            guard named.kind == .symlink else {
                self = .file(path)
                return
            }
            let real = path.withPlatformString { realpath($0, nil) }
            defer { free(real) }
            guard let real else { throw refusal("a symlink stands there that leads nowhere") }
            self = .file(FilePath(platformString: real))
        case .file, .fifo, .device: self = .stream(path)
        case .directory: throw refusal("it is a folder")
        case .socket, .symlink: throw refusal("it is a \(status.kind.rawValue), not a file")
        }
    }

    /// Opens what takes bytes as they come. A FIFO that nobody reads yet is waited for.
    public static func open(stream path: FilePath, cancellation: CancellationFlag) throws -> FileDescriptor {
        while true {
            try cancellation.check()
            // `/dev/stdout` of a file is a new start of that file; what was written before must stay.
            let isOwn = (try? FileStatus(following: path))?.isStandardOutput == true
            let raw =
                isOwn
                ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                : path.withPlatformString { hx_openat(AT_FDCWD, $0, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0) }
            if raw >= 0 {
                let flags = fcntl(raw, F_GETFL)
                if !isOwn, flags >= 0 { _ = fcntl(raw, F_SETFL, flags & ~O_NONBLOCK) }
                return FileDescriptor(rawValue: raw)
            }
            let code = errno
            guard code == ENXIO, (try? FileStatus(following: path))?.kind == .fifo else {
                throw OperatorError.system(code, doing: "writing to", subject: path.printable, exit: .cannotWrite)
            }
            usleep(20_000)
        }
    }
}

extension FileStatus {
    fileprivate var isStandardOutput: Bool {
        guard let output = try? FileStatus(of: .standardOutput) else { return false }
        return device == output.device && inode == output.inode
    }
}
