internal import Glibc
internal import HermesHome
internal import Support
internal import SystemPackage

/// An IP address as 16 bytes; IPv4 stands mapped (`::ffff:a.b.c.d`).
struct IPAddress: Sendable, Hashable {
    var bytes: [UInt8]

    /// IPv4 from its four bytes.
    init(v4: [UInt8]) { bytes = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + v4 }

    init(v6: [UInt8]) { bytes = v6 }

    var v4: [UInt8]? {
        bytes.prefix(12).elementsEqual([UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]) ? Array(bytes[12...]) : nil
    }

    var isLoopback: Bool { v4.map { $0[0] == 127 } ?? (bytes == [UInt8](repeating: 0, count: 15) + [1]) }

    /// Tailscale's ranges: 100.64.0.0/10 and fd7a:115c:a1e0::/48.
    var isTailscale: Bool {
        v4.map { $0[0] == 100 && $0[1] & 0xC0 == 64 } ?? bytes.starts(with: [0xFD, 0x7A, 0x11, 0x5C, 0xA1, 0xE0])
    }

    /// 0.0.0.0 or ::, every interface.
    var isWildcard: Bool { bytes.allSatisfy { $0 == 0 } || v4 == [0, 0, 0, 0] }

    /// Of this machine's addresses.
    static func interfaces() throws -> [(name: String, isUp: Bool, address: IPAddress)] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { throw Errno(rawValue: errno) }
        defer { freeifaddrs(first) }
        var found: [(name: String, isUp: Bool, address: IPAddress)] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let address = entry.pointee.ifa_addr, let name = entry.pointee.ifa_name else { continue }
            let isUp = entry.pointee.ifa_flags & UInt32(IFF_UP) != 0
            switch Int32(address.pointee.sa_family) {
            case AF_INET:
                let value = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
                found.append((String(cString: name), isUp, IPAddress(v4: withUnsafeBytes(of: value) { Array($0) })))
            case AF_INET6:
                let value = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_addr }
                found.append((String(cString: name), isUp, IPAddress(v6: withUnsafeBytes(of: value) { Array($0) })))
            default: break
            }
        }
        return found
    }
}

/// A TCP socket that listens, from /proc/net/tcp and tcp6.
struct Listener: Sendable, Hashable {
    var address: IPAddress
    var port: UInt16
    var user: UInt32
    var inode: UInt64

    /// The listening sockets of this network namespace.
    static func all(processes: FilePath) throws -> [Listener] {
        var listeners: [Listener] = []
        for (name, isNeeded) in [("net/tcp", true), ("net/tcp6", false)] {
            do {
                let text = try FileSystem.read(processes.pushing(FilePath(name)), limit: 64 << 20)
                listeners += String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst().compactMap(
                    Listener.init)
            } catch {
                // A machine without IPv6 has no tcp6.
                if isNeeded { throw HomeFailure(.unsupported, "\(error)") }
            }
        }
        return listeners
    }

    /// A line of /proc/net/tcp: `sl local_address rem_address st … uid timeout inode`; addresses are 32-bit words in host order.
    init?(_ line: Substring) {
        let fields = line.split(separator: " ")
        guard fields.count > 9, fields[3] == "0A", let user = UInt32(fields[7]), let inode = UInt64(fields[9]) else {
            return nil
        }
        let parts = fields[1].split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1], radix: 16),
            parts[0].utf8.count == 8 || parts[0].utf8.count == 32
        else {
            return nil
        }
        var bytes: [UInt8] = []
        var rest = parts[0]
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            withUnsafeBytes(of: word) { bytes += $0 }
            rest = rest.dropFirst(8)
        }
        address = bytes.count == 4 ? IPAddress(v4: bytes) : IPAddress(v6: bytes)
        self.port = port
        self.user = user
        self.inode = inode
    }

    /// Reachable from beyond this machine and the tailnet.
    var facesThePublic: Bool { !address.isLoopback && !address.isTailscale }
}

/// The tailnet address, and what listens where it should not.
struct NetworkProbe: Sendable {
    /// A port that faces the public.
    struct PublicListener: Sendable, Hashable {
        var port: UInt16
        /// Whether a process of Hermes' own listens there.
        var isHermes: Bool
        /// The name of a process that listens there; nil when that cannot be seen.
        var process: String?
    }

    struct Reading: Sendable {
        var tailscale: TailscaleAddress?
        var isTailscaleUp: Bool
        /// One for each port, sorted: all of this user's; of root, whose are sshd and the like too, those of Hermes and of processes inside
        /// the home.
        var publicListeners: [PublicListener]
        /// Where something listens on the dashboard's port.
        var dashboard: InstanceSnapshot.Dashboard.Bind?
        var isDashboardListening: Bool
    }

    var processes: FilePath = "/proc"

    func read(user: UInt32, home: HomeLayout, dashboardPort: Int?) throws -> Reading {
        let interfaces = try IPAddress.interfaces()
        let tailnet = interfaces.filter { $0.address.v4 != nil && $0.address.isTailscale }
        let chosen = tailnet.first { $0.name.hasPrefix("tailscale") } ?? tailnet.first
        let listeners = try Listener.all(processes: processes)
        let suspects = listeners.filter { $0.user == user && $0.facesThePublic }
        let owners = suspects.isEmpty ? [:] : socketOwners(of: Set(suspects.map(\.inode)), user: user)
        var exposed: [UInt16: PublicListener] = [:]
        for listener in suspects {
            let pids = owners[listener.inode] ?? []
            let hermes = pids.first(where: isHermes)
            guard user != 0 || hermes != nil || pids.contains(where: { isInside($0, home) }) else { continue }
            let seen = PublicListener(
                port: listener.port, isHermes: hermes != nil, process: (hermes ?? pids.first).flatMap(name))
            if seen.isHermes || exposed[listener.port] == nil { exposed[listener.port] = seen }
        }
        let dashboard = listeners.filter { dashboardPort == Int($0.port) }.map(\.address)
        return Reading(
            tailscale: chosen.flatMap { $0.address.v4 }.flatMap {
                TailscaleAddress(rawValue: $0.map(String.init).joined(separator: "."))
            },
            isTailscaleUp: chosen?.isUp ?? false, publicListeners: exposed.values.sorted { $0.port < $1.port },
            dashboard: Self.bind(dashboard), isDashboardListening: !dashboard.isEmpty)
    }

    /// The widest of the addresses.
    static func bind(_ addresses: [IPAddress]) -> InstanceSnapshot.Dashboard.Bind? {
        if addresses.isEmpty { return nil }
        if addresses.contains(where: \.isWildcard) { return .wildcard }
        if addresses.contains(where: { !$0.isLoopback && !$0.isTailscale }) { return .public }
        return addresses.contains(where: \.isTailscale) ? .tailscale : .loopback
    }

    /// The processes that hold sockets, by inode, as far as this user may see.
    private func socketOwners(of inodes: Set<UInt64>, user: UInt32) -> [UInt64: [String]] {
        var owners: [UInt64: [String]] = [:]
        for name in (try? DirectoryListing.names(at: processes)) ?? [] where name.allSatisfy({ (48...57).contains($0) })
        {
            let pid = String(decoding: name, as: UTF8.self)
            let folder = processes.appending(pid)
            guard let status = try? FileStatus(following: folder), status.owner == user || user == 0,
                let descriptors = try? DirectoryListing.names(at: folder.appending("fd"))
            else { continue }
            for descriptor in descriptors {
                guard let target = linkTarget(FilePath(bytes: folder.bytes + Array("/fd/".utf8) + descriptor)),
                    target.hasPrefix("socket:["), let inode = UInt64(target.dropFirst(8).dropLast()),
                    inodes.contains(inode)
                else { continue }
                owners[inode, default: []].append(pid)
            }
        }
        return owners
    }

    /// By its command line, as the gateway is known.
    private func isHermes(_ pid: String) -> Bool {
        guard let command = try? FileSystem.read(processes.appending(pid).appending("cmdline"), limit: 4 << 20) else {
            return false
        }
        return HermesCommandLine.isHermes(command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    }

    private func isInside(_ pid: String, _ home: HomeLayout) -> Bool {
        guard let place = linkTarget(processes.appending(pid).appending("cwd")) else { return false }
        let root = home.path.string
        return place == root || place.hasPrefix(root + "/")
    }

    private func name(_ pid: String) -> String? {
        guard let name = try? FileSystem.read(processes.appending(pid).appending("comm"), limit: 4096) else {
            return nil
        }
        return printable(name.filter { $0 != 10 }, limit: 20)
    }

    private func linkTarget(_ path: FilePath) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = path.withPlatformString { path in
            buffer.withUnsafeMutableBufferPointer { readlink(path, $0.baseAddress!, $0.count) }
        }
        return count < 0 ? nil : String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
