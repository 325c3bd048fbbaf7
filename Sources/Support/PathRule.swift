/// Which names git cannot or must not carry.
public enum PathRule {
    /// In bytes, below the backup's folder. What the kernel takes in one call is 4095; a clone has folders above.
    public static let longest = 3840
    /// A component, in bytes: what Linux and nearly all its file systems take.
    public static let longestName = 255

    /// Why a file cannot stand in a git tree under this path, or nil if it can.
    ///
    /// Refused are empty components, `.` and `..`, every spelling of `.git` that a case-folding, HFS+ or NTFS file system would take
    /// for it (git's own fsck refuses these, and servers that check refuse the push), `.gitmodules`, which git itself obeys, and paths
    /// and names too long to be checked out.
    ///
    /// - Parameter longestName: what a component may have, in bytes, where the file system takes less.
    public static func refusal(of path: [UInt8], longestName: Int = longestName) -> String? {
        if let reason = danger(of: path) { return reason }
        guard path.count <= longest else { return "its path is longer than \(longest) bytes" }
        if let reason = tooLong(path, longestName) { return reason }
        for component in path.split(separator: UInt8(ascii: "/")) where mayFold(component) {
            let name = folded(component)
            if name == ".gitmodules" || name.hasPrefix("gitmod~") || name.hasPrefix("gi7eba~") {
                return "git obeys a file named .gitmodules"
            }
        }
        return nil
    }

    /// Says so of a path with a component that is too long, without an allocation for each.
    private static func tooLong(_ path: [UInt8], _ longestName: Int) -> String? {
        guard path.count > longestName else { return nil }
        var length = 0
        for byte in path {
            length = byte == UInt8(ascii: "/") ? 0 : length + 1
            if length > longestName { return "a name in it is longer than \(longestName) bytes" }
        }
        return nil
    }

    /// Why a path from a tree must never be written to a work tree, or nil if it may.
    public static func danger(of path: [UInt8]) -> String? {
        guard !path.isEmpty else { return "its path is empty" }
        guard !path.contains(0) else { return "its name holds a NUL byte" }
        guard path.count <= 4095 else { return "its path is longer than 4095 bytes" }
        for component in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if component.isEmpty { return "its path has an empty component" }
            if component.elementsEqual([46]) || component.elementsEqual([46, 46]) { return "its path leads elsewhere" }
            guard mayFold(component) else { continue }
            let name = folded(component)
            if name == ".git" || name == "git~1" { return "git keeps the name .git for itself" }
        }
        return nil
    }

    /// Whether a component may be one of git's names once it is folded: those begin with `.g` or `g`, and folding an ASCII name leaves
    /// its beginning as it is.
    private static func mayFold(_ component: ArraySlice<UInt8>) -> Bool {
        guard let first = component.first else { return false }
        return first == UInt8(ascii: ".") || first | 0x20 == UInt8(ascii: "g") || component.contains { $0 >= 0x80 }
    }

    /// The name as a forgiving file system sees it: lower case, without the code points that HFS+ ignores, and without what NTFS
    /// drops (trailing dots and spaces, a stream's name).
    private static func folded(_ component: ArraySlice<UInt8>) -> String {
        var bytes = Array(component)
        if let stream = bytes.firstIndex(of: UInt8(ascii: ":")) { bytes.removeSubrange(stream...) }
        if let backslash = bytes.firstIndex(of: UInt8(ascii: "\\")), backslash > 0 {
            bytes.removeSubrange(backslash...)
        }
        while let last = bytes.last, last == UInt8(ascii: ".") || last == UInt8(ascii: " ") { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self) else { return "" }
        let ignored: (Unicode.Scalar) -> Bool = { scalar in
            switch scalar.value {
            case 0x200C...0x200F, 0x202A...0x202E, 0x206A...0x206F, 0xFEFF: true
            default: false
            }
        }
        var name = ""
        for scalar in text.unicodeScalars where !ignored(scalar) { name.unicodeScalars.append(scalar) }
        return name.lowercased()
    }
}
