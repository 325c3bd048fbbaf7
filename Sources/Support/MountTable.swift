public import SystemPackage

/// Where paths really lie: the file system and the place in it, whatever is mounted or bound where (proc(5), /proc/PID/mountinfo).
public struct MountTable {
    /// A place in a file system.
    public struct Place {
        /// `major:minor`.
        var device: [UInt8]
        /// From the file system's own root, without a slash at the end.
        public var path: [UInt8]

        public func isInside(_ other: Place) -> Bool {
            device == other.device && path.starts(with: other.path)
                && (path.count == other.path.count || path[other.path.count] == UInt8(ascii: "/"))
        }
    }

    private struct Mount {
        var device: [UInt8]
        var root: [UInt8]
        var point: [UInt8]
    }

    private let mounts: [Mount]

    /// This process's.
    public init() throws {
        self.init(parsing: try FileSystem.read("/proc/self/mountinfo", limit: 64 << 20))
    }

    public init(parsing text: [UInt8]) {
        mounts = text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: " "))
            guard fields.count > 5 else { return nil }
            return Mount(
                device: Array(fields[2]), root: Self.trimmed(Self.unescaped(fields[3])),
                point: Self.trimmed(Self.unescaped(fields[4])))
        }
    }

    /// Of an absolute path without symlinks; what does not exist yet included. Nil where no mount holds it.
    public func place(of path: FilePath) -> Place? {
        let bytes = Self.trimmed(path.bytes)
        var best: Mount?
        // Of two mounts at one point the later one lies on top.
        for mount in mounts where Place(device: [], path: bytes).isInside(Place(device: [], path: mount.point)) {
            if best.map({ mount.point.count >= $0.point.count }) ?? true { best = mount }
        }
        return best.map { Place(device: $0.device, path: $0.root + bytes[$0.point.count...]) }
    }

    /// Whether something is mounted at just this path.
    public func isMountPoint(_ path: FilePath) -> Bool {
        let bytes = Self.trimmed(path.bytes)
        return mounts.contains { $0.point == bytes }
    }

    private static func trimmed(_ path: [UInt8]) -> [UInt8] {
        path.last == UInt8(ascii: "/") ? Array(path.dropLast()) : path
    }

    /// Space, tab, line feed and backslash stand as `\040`, `\011`, `\012` and `\134`.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                out.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
                rest = rest.dropFirst(3)
            } else {
                out.append(byte)
            }
        }
        return out
    }
}
