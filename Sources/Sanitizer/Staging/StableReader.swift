internal import Support
internal import SystemPackage

/// Reads files of a live home: through no symlink unless asked to, never blocking, and again when they change meanwhile.
struct StableReader: Sendable {
    enum Failure: Error {
        case vanished
        /// It is no regular file any more.
        case replaced
        case tooLarge
        case system(Errno)
    }

    struct Content {
        var bytes: [UInt8]
        var status: FileStatus
        /// False when the file changed during each attempt: the bytes are what the last one saw, a moment's mixture at worst. They
        /// are scanned like any others.
        var isStable: Bool
    }

    private static let attempts = 3
    let home: ConfinedDirectory

    /// - Parameter followingLinks: for what the harvest reads, which is searched for and never stored.
    func read(_ path: [UInt8], limit: Int64, followingLinks: Bool = false) throws(Failure) -> Content {
        var last: Content?
        for _ in 0..<StableReader.attempts {
            let file: FileDescriptor
            do {
                file = try followingLinks ? home.openFollowingLinks(path) : home.openForReading(path)
            } catch {
                switch error {
                case .noSuchFileOrDirectory: throw .vanished
                case .tooManySymbolicLinkLevels, .notDirectory, .noSuchAddressOrDevice: throw .replaced
                default: throw .system(error)
                }
            }
            defer { file.closeQuietly() }
            do {
                let before = try FileStatus(of: file)
                guard before.kind == .file else { throw Failure.replaced }
                guard before.size <= limit else { throw Failure.tooLarge }
                let bytes = try whole(file, expecting: Int(before.size), limit: Int(limit))
                let after = try FileStatus(of: file)
                let isStable = before.isSameContent(as: after) && bytes.count == Int(before.size)
                last = Content(bytes: bytes, status: after, isStable: isStable)
                if isStable { break }
            } catch let failure as Failure {
                throw failure
            } catch let error as Errno {
                throw .system(error)
            } catch {
                throw .system(.ioError)
            }
        }
        guard let last else { throw .vanished }
        return last
    }

    /// The first bytes of a file, for a look at what it is; nil if it cannot be read.
    func start(of path: [UInt8], followingLinks: Bool) -> [UInt8]? {
        guard let file = try? followingLinks ? home.openFollowingLinks(path) : home.openForReading(path) else {
            return nil
        }
        defer { file.closeQuietly() }
        var bytes = [UInt8](repeating: 0, count: 4096)
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return nil }
        // A character may be cut in two at the end: to the last whole line.
        let start = bytes[..<count]
        return Array(start.lastIndex(of: 0x0A).map { start[...$0] } ?? start)
    }

    private func whole(_ file: FileDescriptor, expecting size: Int, limit: Int) throws -> [UInt8] {
        var bytes = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let read = try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]))
                if read == 0 { break }
                count += read
            }
        }
        // One read beyond tells whether it grew.
        var more = [UInt8](repeating: 0, count: 4096)
        while true {
            let read = try more.withUnsafeMutableBytes { try file.read(into: $0) }
            if read == 0 { return bytes }
            bytes += more[..<read]
            if bytes.count > limit { throw Failure.tooLarge }
        }
    }
}
