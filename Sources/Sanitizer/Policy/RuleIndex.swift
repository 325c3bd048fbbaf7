/// The built-in rules by what a path must have for them to match, so that a path is held against a handful of them.
struct RuleIndex: Sendable {
    private struct Entry: Sendable {
        let rule: Int
        let glob: Glob
    }

    /// Names that stand for themselves at any depth: the last rule for each.
    private var names: [[UInt8]: Int] = [:]
    /// Patterns anchored below a folder of the root, by that folder's name; last rule first.
    private var folders: [[UInt8]: [Entry]] = [:]
    /// Patterns that only something in the root itself matches; last rule first.
    private var root: [Entry] = []
    /// All others, last rule first.
    private var others: [Entry] = []

    /// - Parameter rules: the patterns of each rule, in order.
    init(_ rules: [[Glob]]) {
        for (rule, globs) in rules.enumerated() {
            for glob in globs {
                let entry = Entry(rule: rule, glob: glob)
                if let name = glob.literalName {
                    names[name] = rule
                } else if let folder = glob.rootFolder {
                    folders[folder, default: []].insert(entry, at: 0)
                } else if glob.isOfRoot {
                    root.insert(entry, at: 0)
                } else {
                    others.insert(entry, at: 0)
                }
            }
        }
    }

    /// The last rule that matches a path.
    func last(for path: ArraySlice<UInt8>) -> Int? {
        let slash = UInt8(ascii: "/")
        var best = -1
        func look(_ entries: [Entry]) {
            for entry in entries {
                guard entry.rule > best else { return }
                if entry.glob.matches(path) { best = entry.rule }
            }
        }
        if let first = path.firstIndex(of: slash) {
            if let entries = folders[Array(path[..<first])] { look(entries) }
            let start = (path.lastIndex(of: slash) ?? first) + 1
            best = max(best, names[Array(path[start...])] ?? -1)
        } else {
            look(root)
            // `/folder` matches the path that is no more than that.
            if let entries = folders[Array(path)] { look(entries) }
            best = max(best, names[Array(path)] ?? -1)
        }
        look(others)
        return best >= 0 ? best : nil
    }
}
