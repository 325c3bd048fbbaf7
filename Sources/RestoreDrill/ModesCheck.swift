internal import Support
internal import SystemPackage

/// `modes`: files with secrets are 0600 or narrower, folders are 0700 or narrower for all but their owner.
enum ModesCheck {
    static func run(_ home: FilePath, secrets: [[UInt8]]) throws -> CheckFinding {
        var faults: [String] = []
        var count: Int64 = 0
        let top = try FileStatus(at: home)
        if top.permissions & 0o077 != 0 {
            faults.append("the home itself has mode \(String(top.permissions, radix: 8))")
        }
        let root = try ConfinedDirectory(home)
        for path in secrets {
            guard let status = try found(path, in: root) else { continue }
            count += 1
            if status.kind == .file || status.kind == .directory, status.permissions & 0o077 != 0 {
                faults.append("\(printable(path)) has mode \(String(status.permissions, radix: 8))")
            }
        }
        return .judging(faults, ["secretFiles": count])
    }

    private static func found(_ path: [UInt8], in root: ConfinedDirectory) throws -> FileStatus? {
        do throws(Errno) {
            return try root.status(path)
        } catch {
            if error == .noSuchFileOrDirectory { return nil }
            throw OperatorError.system(error.rawValue, doing: "looking at", subject: printable(path))
        }
    }
}
