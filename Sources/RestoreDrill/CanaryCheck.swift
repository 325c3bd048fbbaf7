internal import Support
internal import SystemPackage

/// `canary`: the file that every backup carries comes back byte for byte.
enum CanaryCheck {
    static func run(_ canary: (path: [UInt8], bytes: [UInt8]), below folder: FilePath) throws -> CheckFinding {
        let root = try ConfinedDirectory(folder)
        do {
            let file = try root.openForReading(canary.path)
            defer { file.closeQuietly() }
            let bytes = try FileSystem.read(file, name: FilePath(bytes: canary.path), limit: 1 << 16)
            return bytes == canary.bytes ? .passed() : .failed("the canary came back changed")
        } catch Errno.noSuchFileOrDirectory {
            return .failed("the canary is missing")
        }
    }
}
