internal import Glibc
internal import HermesHome
internal import Support
internal import SystemPackage

/// What of a home's usual places really is in a restored one. A symlink may lead out of it: what stands there is this machine's and in
/// no backup, so that it counts neither as there nor as missing, but as a fault.
struct HomePlaces {
    private let home: FilePath
    /// `NAME is not in the backup: …`, in the order in which they were found.
    private(set) var faults: [String] = []

    init(_ home: FilePath) throws {
        guard let real = Self.real(home) else {
            throw OperatorError.system(errno, doing: "looking at", subject: home.printable)
        }
        self.home = real
    }

    /// Where the file or folder at a path, relative to the home, really is; nil when it is not in the home.
    mutating func find(_ path: String) throws -> FilePath? {
        var place = home
        for name in FilePath(path).components {
            let next = place.appending(name)
            let kind: FileStatus.Kind
            do throws(Errno) {
                kind = try FileStatus(at: next).kind
            } catch {
                if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
                throw OperatorError.system(error.rawValue, doing: "looking at", subject: next.printable)
            }
            guard kind == .symlink else {
                place = next
                continue
            }
            guard let target = Self.real(next), target == home || target.starts(with: home) else {
                let link = printable(next.bytes.dropFirst(home.bytes.count + 1))
                let fault = "\(printable(path)) is not in the backup: the link \(link) leads out of the home"
                if !faults.contains(fault) { faults.append(fault) }
                return nil
            }
            place = target
        }
        return place
    }

    /// The root home and each profile's that is in it, with the prefix of its paths.
    mutating func homes() throws -> [(prefix: String, layout: HomeLayout)] {
        let root = HomeLayout(home)
        var homes = [(prefix: "", layout: root)]
        guard try find("profiles") != nil else { return homes }
        for name in try root.profileNames() {
            if let profile = try find("profiles/\(name)") { homes.append(("profiles/\(name)/", HomeLayout(profile))) }
        }
        return homes
    }

    private static func real(_ path: FilePath) -> FilePath? {
        guard let text = path.withPlatformString({ realpath($0, nil) }) else { return nil }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}
