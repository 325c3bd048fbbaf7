internal import Support
internal import SystemPackage

/// `manifest`: every entry is there with its kind, size, mode and SHA-256, and nothing else is.
enum TreeCheck {
    static func run(
        _ home: FilePath, against expectations: Expectations, cancellation: CancellationFlag
    ) throws -> CheckFinding {
        var expected: [[UInt8]: Expectations.Entry] = [:]
        for entry in expectations.entries { expected[entry.path] = entry }
        // Folders that hold entries are implied where the source does not list folders.
        var implied: Set<[UInt8]> = []
        for path in expected.keys {
            var parent = path[...]
            while let slash = parent.lastIndex(of: UInt8(ascii: "/")) {
                parent = parent[..<slash]
                guard implied.insert(Array(parent)).inserted else { break }
            }
        }
        var faults: [String] = []
        var files: Int64 = 0
        var bytes: Int64 = 0
        let root = try ConfinedDirectory(home)
        try DirectoryWalk(home).run { (entry: DirectoryWalk.Entry) throws -> DirectoryWalk.Decision in
            try cancellation.check()
            guard let wanted = expected.removeValue(forKey: entry.path) else {
                if entry.status.kind != .directory || !implied.contains(entry.path) {
                    faults.append("\(printable(entry.path)) is not in the manifest")
                }
                return .descend
            }
            if let fault = try compare(entry, wanted, root) { faults.append("\(printable(entry.path)) \(fault)") }
            if entry.status.kind == .file {
                files += 1
                bytes += entry.status.size
            }
            return .descend
        } failing: { (path: [UInt8], error: OperatorError) in
            faults.append("\(printable(path)): \(error.reason)")
        }
        let missing: [[UInt8]] = expected.keys.sorted { (a: [UInt8], b: [UInt8]) in a.lexicographicallyPrecedes(b) }
        for path in missing { faults.append("\(printable(path)) is missing") }
        return .judging(faults, ["files": files, "bytes": bytes])
    }

    private static func compare(
        _ entry: DirectoryWalk.Entry, _ wanted: Expectations.Entry, _ root: ConfinedDirectory
    ) throws -> String? {
        guard entry.status.kind == wanted.kind else {
            return "is a \(entry.status.kind.rawValue) instead of a \(wanted.kind.rawValue)"
        }
        if let permissions = wanted.permissions, permissions != entry.status.permissions {
            return
                "has mode 0\(String(entry.status.permissions, radix: 8)) instead of 0\(String(permissions, radix: 8))"
        }
        switch wanted.kind {
        case .symlink:
            let target = try root.readSymlink(entry.path)
            return target == wanted.linkTarget ? nil : "points elsewhere"
        case .file:
            guard entry.status.size == wanted.size else {
                return "has \(entry.status.size) bytes instead of \(wanted.size)"
            }
            guard let sha256 = wanted.sha256 else { return nil }
            let file = try root.openForReading(entry.path)
            defer { file.closeQuietly() }
            let found = try contentHash(file)
            return found == sha256 ? nil : "has other content than the manifest says"
        default:
            return nil
        }
    }

    /// SHA-256 of what is left of an open file, in hexadecimal.
    static func contentHash(_ file: FileDescriptor) throws -> String {
        var digest = Digest(.sha256)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return hex(digest.finish()) }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
