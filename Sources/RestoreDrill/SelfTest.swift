internal import Support
internal import SystemPackage

/// `self-test`: one byte of a copy of what was restored is changed, and the manifest check must see it; of the unchanged copy it must
/// say that it holds.
enum SelfTest {
    static func run(
        _ home: FilePath, _ expectations: Expectations, scratch: FilePath, cancellation: CancellationFlag
    ) throws -> CheckFinding {
        let candidates = expectations.entries.filter { $0.kind == .file && $0.size > 0 && $0.sha256 != nil }
            .sorted { ($0.size, $0.path.count) < ($1.size, $1.path.count) }
        guard !candidates.isEmpty else { return .unknown("the backup holds no file that could be changed") }
        for candidate in candidates.prefix(20) {
            try cancellation.check()
            try FileSystem.removeTree(scratch)
            defer { try? FileSystem.removeTree(scratch) }
            var only = expectations
            only.entries = [candidate]
            guard try copy(candidate, of: home, to: scratch),
                try TreeCheck.run(scratch, against: only, cancellation: cancellation).outcome == .passed
            else { continue }
            let file = scratch.pushing(FilePath(bytes: candidate.path))
            var bytes = try FileSystem.read(file, limit: Int(candidate.size), followingLinks: false)
            bytes[bytes.count / 2] ^= 1
            try FileSystem.replace(file, with: bytes, permissions: candidate.permissions ?? 0o600)
            let seen = try TreeCheck.run(scratch, against: only, cancellation: cancellation)
            guard seen.outcome == .failed else {
                return .unknown("a changed byte was not seen: what the checks say counts for nothing")
            }
            return .passed()
        }
        return .unknown("no file came back well enough to try the checks on")
    }

    private static func copy(_ entry: Expectations.Entry, of home: FilePath, to scratch: FilePath) throws -> Bool {
        let source = home.pushing(FilePath(bytes: entry.path))
        guard try ConfigCheck.exists(source),
            let bytes = try? FileSystem.read(source, limit: 256 << 20, followingLinks: false)
        else { return false }
        let target = scratch.pushing(FilePath(bytes: entry.path))
        try FileSystem.makeDirectory(target.removingLastComponent())
        try FileSystem.replace(target, with: bytes, permissions: entry.permissions ?? 0o600)
        return true
    }
}
