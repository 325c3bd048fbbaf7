internal import Bundles
internal import Sanitizer
internal import Support

/// `agreement`: what the repository keeps byte for byte is the same in the bundle, unless it changed between the two backups.
enum AgreementCheck {
    /// A difference counts against the backups when time cannot explain it: the bundle is the newer one, and its copy of the file
    /// (or, of a file that is gone, the folder it was in) was not touched after the commit. When the commit is the newer one, the
    /// bundle cannot tell what changed after it; then at least half must be the same.
    static func run(
        _ manifest: Manifest?, takenAt: Timestamp?, _ bundle: BundleManifest?, expectations: Expectations
    ) -> CheckFinding {
        guard let manifest, let bundle, let takenAt else { return .unknown("one of the two has no manifest") }
        guard manifest.instance == bundle.instance else {
            return .failed("the repository is of instance \(manifest.instance), the bundle of \(bundle.instance)")
        }
        let top = Array("home/".utf8)
        var contents: [[UInt8]: BundleManifest.Entry] = [:]
        for entry in bundle.entries where entry.path.bytes.starts(with: top) {
            contents[Array(entry.path.bytes.dropFirst(top.count))] = entry
        }
        let homeModified = bundle.entries.first { $0.path.bytes == Array("home".utf8) }?.modified ?? .max
        let commit = Int128(takenAt.microseconds) * 1000
        let isNewer = bundle.created >= takenAt
        var same: Int64 = 0
        var changed: Int64 = 0
        var faults: [String] = []
        for entry in manifest.entries where entry.action == .keep {
            let path = entry.original ?? entry.path
            let twin = contents[path]
            if let twin, isEqual(entry, twin) {
                same += 1
                continue
            }
            let touched = twin?.modified ?? folderModified(of: path, contents) ?? homeModified
            // The commit's time is in whole seconds, and the home was read before it.
            if !isNewer || touched >= commit - 600_000_000_000 {
                changed += 1
            } else {
                faults.append("\(printable(path)) \(twin == nil ? "is not in the bundle" : "differs in the bundle")")
            }
        }
        let measured = ["same": same, "changedBetween": changed]
        if faults.isEmpty, !isNewer, changed > same {
            return .failed("most of what the repository keeps is not the same in the bundle", measured)
        }
        return .judging(faults, measured)
    }

    private static func isEqual(_ entry: Manifest.Entry, _ twin: BundleManifest.Entry) -> Bool {
        switch entry.kind {
        case .file: twin.kind == .file && twin.sha256 == entry.sha256
        case .symlink: twin.kind == .symlink && twin.target?.bytes == entry.target
        }
    }

    /// The time of the nearest folder above a path that the bundle has.
    private static func folderModified(of path: [UInt8], _ contents: [[UInt8]: BundleManifest.Entry]) -> Int128? {
        var path = path[...]
        while let slash = path.lastIndex(of: UInt8(ascii: "/")) {
            path = path[..<slash]
            if let folder = contents[Array(path)] { return folder.modified }
        }
        return nil
    }
}
