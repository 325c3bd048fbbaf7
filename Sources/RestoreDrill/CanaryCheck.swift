internal import Support
internal import SystemPackage

/// `canary`: the file that every backup carries comes back byte for byte.
enum CanaryCheck {
    static func run(_ canaries: [(file: FilePath, bytes: [UInt8])]) throws -> CheckFinding {
        var faults: [String] = []
        for canary in canaries {
            guard try ConfigCheck.exists(canary.file) else {
                faults.append("the canary is missing")
                continue
            }
            let bytes = try FileSystem.read(canary.file, limit: 1 << 20, followingLinks: false)
            if bytes != canary.bytes { faults.append("the canary came back changed") }
        }
        return .judging(faults)
    }
}
