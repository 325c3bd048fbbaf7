internal import Support
internal import Yams

/// Brings the names of a template into an existing dotenv file: what stands there stays, byte for byte.
enum EnvironmentMerge {
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
        var seen: Set<String> = present.assigned
        for pair in values where seen.insert(pair.name).inserted {
            lines.append("\(pair.name)=\(quoted(pair.value))")
        }
        var added: [String] = []
        for name in wanted where seen.insert(name).inserted {
            added.append(name)
            if !present.commented.contains(name) { lines.append("# \(name)=") }
        }
        guard !lines.isEmpty else { return (existing, added) }
        var text = existing
        if let last = text.last, last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
        text += Array("\n# Added by hermes-ops-runner restore\n".utf8)
        text += Array((lines.joined(separator: "\n") + "\n").utf8)
        return (text, added)
    }

    private static func names(in text: [UInt8]) -> (assigned: Set<String>, commented: Set<String>) {
        var assigned: Set<String> = []
        var commented: Set<String> = []
        for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
            if let name = ConfigCheck.assignedName(line) {
                assigned.insert(name)
            } else {
                let trimmed = line.drop { $0 == " " || $0 == "\t" }
                guard trimmed.hasPrefix("#") else { continue }
                let inner = trimmed.drop { $0 == "#" || $0 == " " || $0 == "\t" }
                if let name = ConfigCheck.assignedName(inner) { commented.insert(name) }
            }
        }
        return (assigned, commented)
    }

    /// A value as python-dotenv reads it back: single quotes keep everything but a backslash and themselves.
    static func quoted(_ value: String) -> String {
        "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    /// The live values that stand in one config.yaml where another has `${NAME}`.
    static func values(of restored: [UInt8], in live: [UInt8]) -> [(name: String, value: String)] {
        guard let restored = try? Yams.compose(yaml: String(decoding: restored, as: UTF8.self)),
            let live = try? Yams.compose(yaml: String(decoding: live, as: UTF8.self))
        else { return [] }
        var found: [(name: String, value: String)] = []
        compare(restored, live, &found)
        return found
    }

    private static func compare(_ restored: Node, _ live: Node, _ found: inout [(name: String, value: String)]) {
        switch (restored, live) {
        case (.mapping(let one), .mapping(let other)):
            for pair in one {
                if let key = pair.key.scalar?.string, let twin = other.first(where: { $0.key.scalar?.string == key }) {
                    compare(pair.value, twin.value, &found)
                }
            }
        case (.sequence(let one), .sequence(let other)):
            for (item, twin) in zip(one, other) { compare(item, twin, &found) }
        case (.scalar(let one), .scalar(let other)): found += match(one.string, other.string)
        default: break
        }
    }

    /// `Bearer ${NAME}` against `Bearer abc` gives NAME = abc. None where the texts around the names do not fit, or where the live
    /// text is such a reference itself.
    static func match(_ template: String, _ text: String) -> [(name: String, value: String)] {
        guard template != text, !text.contains("${") else { return [] }
        var found: [(name: String, value: String)] = []
        var template = template[...]
        var text = text[...]
        while let open = template.firstRange(of: "${") {
            let before = template[..<open.lowerBound]
            guard let close = template[open.upperBound...].firstIndex(of: "}"), text.hasPrefix(before) else {
                return []
            }
            let name = template[open.upperBound..<close]
            text = text.dropFirst(before.count)
            template = template[template.index(after: close)...]
            let next = template.firstRange(of: "${").map { template[..<$0.lowerBound] } ?? template
            let end: Substring.Index
            if next.isEmpty {
                end = text.endIndex
            } else if next.endIndex == template.endIndex {
                guard text.hasSuffix(next) else { return [] }
                end = text.index(text.endIndex, offsetBy: -next.count)
            } else {
                guard let range = text.firstRange(of: next) else { return [] }
                end = range.lowerBound
            }
            found.append((String(name), String(text[..<end])))
            text = text[end...]
        }
        return text == template ? found.filter { !$0.value.isEmpty } : []
    }
}
