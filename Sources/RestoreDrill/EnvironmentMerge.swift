internal import Support

/// Brings the names of a template into an existing dotenv file: what stands there stays, byte for byte.
enum EnvironmentMerge {
    /// The variables that a backup puts in the place of values of config.yaml begin so (Sanitizer, ConfigRedactor).
    private static let ownPrefix = "HERMES_OPS_"

    /// - Parameters:
    ///   - existing: the dotenv file as it is.
    ///   - wanted: the names that it should have, in order.
    ///   - values: values for some of them, from where they stood before.
    /// - Returns: the new text, and the names that were added without a value.
    static func merge(_ existing: [UInt8], wanted: [String], values: [(name: String, value: String)]) -> (
        text: [UInt8], added: [String]
    ) {
        let present = names(in: existing)
        var lines: [String] = []
        var seen = Set(present.assigned.keys)
        for pair in values {
            let line = quoted(pair.value)
            if let standing = present.assigned[pair.name], !standing.isEmpty {
                // Of a variable of ours the live config.yaml knows best; what the person named is the person's. The last line counts.
                guard pair.name.hasPrefix(ownPrefix), standing != line, standing != pair.value else { continue }
            }
            seen.insert(pair.name)
            lines.append("\(pair.name)=\(line)")
        }
        var added: [String] = []
        for name in wanted where seen.insert(name).inserted {
            added.append(name)
            if !present.commented.contains(name) { lines.append("# \(name)=") }
        }
        guard !lines.isEmpty else { return (existing, added) }
        let end = existing.suffix(2).elementsEqual("\r\n".utf8) ? "\r\n" : "\n"
        var text = existing
        if let last = text.last, last != UInt8(ascii: "\n") { text += Array(end.utf8) }
        for line in ["", "# Added by hermes-ops-runner restore"] + lines { text += Array((line + end).utf8) }
        return (text, added)
    }

    /// The assigned names with what stands behind the last assignment, and the names in comments.
    private static func names(in text: [UInt8]) -> (assigned: [String: String], commented: Set<String>) {
        var assigned: [String: String] = [:]
        var commented: Set<String> = []
        for line in ConfigCheck.lines(of: text) {
            if let name = ConfigCheck.assignedName(line) {
                let value = line.firstIndex(of: "=").map { line[line.index(after: $0)...] } ?? ""
                let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
                var trimmed = value.drop(while: isBlank)
                while let last = trimmed.last, isBlank(last) { trimmed.removeLast() }
                assigned[name] = String(trimmed)
            } else {
                let trimmed = line.drop { $0 == " " || $0 == "\t" }
                guard trimmed.hasPrefix("#") else { continue }
                let inner = trimmed.drop { $0 == "#" || $0 == " " || $0 == "\t" }
                if let name = ConfigCheck.assignedName(inner) { commented.insert(name) }
            }
        }
        return (assigned, commented)
    }

    /// A value as Hermes writes it and as both of its readers, python-dotenv and its own, read it back: bare where nothing in it
    /// means anything, else in double quotes with backslashes before quotes and backslashes.
    static func quoted(_ value: String) -> String {
        let isPlain = value.unicodeScalars.allSatisfy {
            !$0.properties.isWhitespace && !"#\"'".unicodeScalars.contains($0)
        }
        guard !isPlain else { return value }
        let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"" + escaped.replacing("\n", with: "\\n").replacing("\r", with: "\\r") + "\""
    }
}
