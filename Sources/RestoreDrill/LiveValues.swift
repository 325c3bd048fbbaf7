internal import Yams

/// The live values that stand in one config.yaml where another has `${NAME}`.
///
/// A value must never get the name of another one, or it would be sent to somebody else's server: a place counts as the same only if
/// its keys are, and in a list only if the item can be told by its name or is the same in everything else.
enum LiveValues {
    typealias Pair = (name: String, value: String)

    static func find(of restored: [UInt8], in live: [UInt8]) -> [Pair] {
        guard let restored = try? Yams.compose(yaml: String(decoding: restored, as: UTF8.self)),
            let live = try? Yams.compose(yaml: String(decoding: live, as: UTF8.self))
        else { return [] }
        var found: [Pair] = []
        compare(restored, live, &found)
        return found
    }

    private static func compare(_ restored: Node, _ live: Node, _ found: inout [Pair]) {
        switch (restored, live) {
        case (.mapping(let one), .mapping(let other)):
            for pair in one {
                if let key = pair.key.scalar?.string, let twin = value(of: key, in: other) {
                    compare(pair.value, twin, &found)
                }
            }
        case (.sequence(let one), .sequence(let other)):
            for (index, item) in one.enumerated() {
                if let twin = twin(of: item, at: index, one, other) { compare(item, twin, &found) }
            }
        case (.scalar(let one), .scalar(let other)): found += match(one.string, other.string)
        default: break
        }
    }

    private static func value(of key: String, in mapping: Node.Mapping) -> Node? {
        mapping.first { $0.key.scalar?.string == key }?.value
    }

    /// What an item of a list may be told by, in the order of trust.
    private static let names = ["name", "id", "provider", "base_url", "url"]

    private static func twin(of item: Node, at index: Int, _ one: Node.Sequence, _ other: Node.Sequence) -> Node? {
        if case .mapping(let mapping) = item {
            for name in names {
                guard let own = value(of: name, in: mapping)?.scalar?.string, !own.contains("${") else { continue }
                func isNamed(_ node: Node) -> Bool {
                    node.mapping.flatMap { value(of: name, in: $0)?.scalar?.string } == own
                }
                guard one.count(where: isNamed) == 1, other.count(where: isNamed) == 1 else { continue }
                return other.first(where: isNamed)
            }
        }
        // Without a name: the lists must be the same but for the values that are missing.
        guard one.count == other.count, zip(one, other).allSatisfy({ fits($0, $1) }) else { return nil }
        return other[index]
    }

    /// Whether two nodes are the same, references taken for any text.
    private static func fits(_ restored: Node, _ live: Node) -> Bool {
        switch (restored, live) {
        case (.mapping(let one), .mapping(let other)):
            one.count == other.count
                && one.allSatisfy { pair in
                    pair.key.scalar.flatMap { value(of: $0.string, in: other) }.map { fits(pair.value, $0) } ?? false
                }
        case (.sequence(let one), .sequence(let other)):
            one.count == other.count && zip(one, other).allSatisfy { fits($0, $1) }
        case (.scalar(let one), .scalar(let other)):
            one.string == other.string || !match(one.string, other.string).isEmpty
        default: false
        }
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// `Bearer ${NAME}` against `Bearer abc` gives NAME = abc. None where the texts around the names do not fit, where two names
    /// touch, or where the live text is such a reference itself.
    static func match(_ template: String, _ text: String) -> [Pair] {
        guard template != text, !text.contains("${") else { return [] }
        var found: [Pair] = []
        var template = template[...]
        var text = text[...]
        while let open = template.firstRange(of: "${") {
            let before = template[..<open.lowerBound]
            guard let close = template[open.upperBound...].firstIndex(of: "}"), text.hasPrefix(before) else {
                return []
            }
            let name = template[open.upperBound..<close]
            // What is no variable's name must not become a line of a dotenv file.
            guard isName(name) else { return [] }
            text = text.dropFirst(before.count)
            template = template[template.index(after: close)...]
            let next = template.firstRange(of: "${").map { template[..<$0.lowerBound] } ?? template
            let end: Substring.Index
            if next.isEmpty {
                guard template.isEmpty else { return [] }
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
